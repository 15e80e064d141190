"""The network f of the domain transfer network, which learns the source's classes and is then frozen.

Taigman, Polyak and Wolf, "Unsupervised Cross-Domain Image Generation" (2016, arXiv:1611.02200), section 5.1.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import Conv, Verdict, max_pool
from jaxgan.networks.common import check_halvings

_init = nn.initializers.glorot_uniform()


class DTNClassifier(nn.Module):
    """Images (B, H, W, C) -> a `Verdict` with class logits (B, class_logits); its features are what DTN keeps.

    3x3 convolutions, each with a maximum of 2x2 pixels and ReLU; the last convolution goes over the whole map that is left, so
    that its features are a vector, as the paper says; ReLU; a linear layer to the logits.

    Attributes:
        widths: Features of each convolution; images of 32x32 reach the last one at 4x4.
        class_logits: Classes that it tells apart.
        dtype: Compute dtype.
    """

    widths: tuple[int, ...] = (64, 128, 256, 128)
    class_logits: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, features: bool = False) -> Verdict:
        """Reads images (B, H, W, C); with `features` the verdict has those too, float32 (B, widths[-1])."""
        *widths, last = self.widths
        check_halvings(self, x, len(widths), "the number of widths")
        for index, width in enumerate(widths):
            x = Conv(width, 3, kernel_init=_init, dtype=self.dtype, name=f"conv_{index}")(x)
            x = nn.relu(max_pool(x))
        _, height, width, _ = x.shape
        x = Conv(
            last, (height, width), padding="VALID", kernel_init=_init, dtype=self.dtype, name=f"conv_{len(widths)}"
        )(x)
        seen = nn.relu(x).reshape(len(x), last).astype(jnp.float32)
        logits = nn.Dense(self.class_logits, kernel_init=_init, name="class_logits")(seen)
        return Verdict(None, seen if features else None, logits)

"""The plain convolutional networks of SNGAN.

Miyato, Kataoka, Koyama and Yoshida, "Spectral Normalization for Generative Adversarial Networks" (2018, arXiv:1802.05957),
appendix B.4, table 3. The residual ones are in `jaxgan.networks.resnet`.
"""

import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import BatchNorm, Conv, UpConv, Verdict
from jaxgan.networks.common import base_map, image_shape, normal_init, tanh_image

_leaky_relu = functools.partial(nn.leaky_relu, negative_slope=0.1)


class SNDCGANGenerator(nn.Module):
    """The generator of SNGAN's table 3: z (B, latent) -> float32 images (B, H, W, C) in [-1, 1].

    z (128 in the paper) is projected to a map; 4x4 transposed convolutions double it; batch norm and ReLU follow each; a
    3x3 convolution and tanh end it. Layers before a batch norm have no bias.

    Attributes:
        output_shape: (H, W, C) of an image, H and W multiples of `2 ** (len(widths) - 1)`.
        widths: Of the first map and of each after it. The default starts from 4x4 at 32 pixels, and from 6x6 at 48 (STL).
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    widths: tuple[int, ...] = (512, 256, 128, 64)
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """Maps latents (B, latent) to images (B, H, W, C)."""
        height, width = base_map(self, doublings=len(self.widths) - 1)
        common: dict[str, Any] = {"use_bias": False, "kernel_init": normal_init, "dtype": self.dtype}
        x = nn.Dense(height * width * self.widths[0], **common, name="project")(z)
        x = x.reshape(-1, height, width, self.widths[0])
        x = nn.relu(BatchNorm(epsilon=self.norm_epsilon, dtype=self.dtype, name="norm_0")(x))
        for index, features in enumerate(self.widths[1:], start=1):
            x = UpConv(features, **common, name=f"up_{index}")(x)
            x = nn.relu(BatchNorm(epsilon=self.norm_epsilon, dtype=self.dtype, name=f"norm_{index}")(x))
        return tanh_image(Conv(image_shape(self)[2], kernel_init=normal_init, dtype=self.dtype, name="to_image")(x))


class SNDCGANDiscriminator(nn.Module):
    """The discriminator of SNGAN's table 3: images (B, H, W, C) -> float32 logits (B,).

    3x3 convolutions, between them 4x4 ones that halve the map, LeakyReLU 0.1 after each, and a dense layer of the last map.
    There is no normalisation: spectral norm is a constraint on the parameters, and gradient penalties apply.

    Attributes:
        widths: Of the 3x3 convolutions; between two of them the map is halved.
        wide: The halving convolutions widen the map, as in both public programs that were read (compare_gan and
            chainer-gan-lib); otherwise the 3x3 convolutions do, as in the paper's table: 64, 64, 128, 128, 256, 256, 512.
        dtype: Compute dtype.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    wide: bool = False
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, features: bool = False) -> jax.Array | Verdict:
        """Maps images (B, H, W, C) to logits (B,); with `features` also gives the flattened last map, float32 (B, F)."""
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        x = _leaky_relu(Conv(self.widths[0], **common, name="conv_0")(x))
        for index, (before, after) in enumerate(itertools.pairwise(self.widths), start=1):
            down = Conv(after if self.wide else before, 4, strides=2, padding=1, **common, name=f"down_{index}")
            x = _leaky_relu(down(x))
            x = _leaky_relu(Conv(after, **common, name=f"conv_{index}")(x))
        x = x.reshape(len(x), -1).astype(jnp.float32)
        logits = nn.Dense(1, kernel_init=normal_init, name="logit")(x)[:, 0]
        return Verdict(logits, x) if features else logits

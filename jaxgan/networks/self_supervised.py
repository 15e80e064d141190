"""Networks that learn to see without many labels: a residual classifier that shows its features, and linear heads."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import BatchNorm, Conv, LayerNorm, Verdict
from jaxgan.networks.common import choose, image_sides

_init = nn.initializers.he_normal()


class ResNetClassifier(nn.Module):
    """A residual classifier: images (B, H, W, C) -> a `Verdict` with class logits (B, class_logits) and features (B, F).

    He, Zhang, Ren and Sun, "Identity Mappings in Deep Residual Networks" (2016, arXiv:1603.05027): norm and ReLU stand before
    each convolution. A block is 1x1, 3x3 and 1x1, to four times its width; each group but the first halves the map, and is
    twice as wide as the one before. The default is ResNet-50. Images of more than 64 pixels enter by a 7x7 convolution and a
    pooling of 3x3, both with stride 2, smaller ones by a 3x3 convolution. Features are the means of the last maps.

    Attributes:
        depths: Blocks of each group.
        width: Of the first group; F = 4 * width * 2 ** (len(depths) - 1).
        class_logits: Classes that it tells apart; 0: none, it has features alone.
        norm: "batch", as published, or "layer", by which what it says of an image does not depend on those beside it.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    depths: tuple[int, ...] = (3, 4, 6, 3)
    width: int = 64
    class_logits: int = 0
    norm: str = "batch"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, features: bool = False) -> Verdict:
        """Reads images (B, H, W, C); with `features` the verdict has them too, float32 (B, F)."""
        large = min(image_sides(self, x)) > 64
        x = self._conv(self.width, 7 if large else 3, 2 if large else 1, "stem")(x)
        if large:
            x = nn.max_pool(x, (3, 3), strides=(2, 2), padding="SAME")
        for group, depth in enumerate(self.depths):
            for index in range(depth):
                x = self._block(x, self.width << group, 2 if group and not index else 1, f"block_{group}_{index}")
        pooled = nn.relu(self._norm("norm")(x)).astype(jnp.float32).mean(axis=(1, 2))
        classes = nn.Dense(self.class_logits, name="class_logits")(pooled) if self.class_logits else None
        return Verdict(None, pooled if features else None, classes)

    def _block(self, x: jax.Array, width: int, stride: int, name: str) -> jax.Array:
        h = nn.relu(self._norm(f"{name}_norm_1")(x))
        shortcut = x
        if stride > 1 or x.shape[-1] != 4 * width:
            shortcut = self._conv(4 * width, 1, stride, f"{name}_shortcut")(h)
        h = self._conv(width, 1, 1, f"{name}_conv_1")(h)
        h = self._conv(width, 3, stride, f"{name}_conv_2")(nn.relu(self._norm(f"{name}_norm_2")(h)))
        h = self._conv(4 * width, 1, 1, f"{name}_conv_3")(nn.relu(self._norm(f"{name}_norm_3")(h)))
        return h + shortcut

    def _conv(self, width: int, size: int, stride: int, name: str) -> Conv:
        return Conv(width, size, strides=stride, use_bias=False, kernel_init=_init, dtype=self.dtype, name=name)

    def _norm(self, name: str) -> nn.Module:
        layer: type[nn.Module] = choose({"batch": BatchNorm, "layer": LayerNorm}, self.norm, "norm")
        return layer(epsilon=self.norm_epsilon, dtype=self.dtype, name=name)


class LinearClassifier(nn.Module):
    """One linear layer: features (B, F) -> float32 class logits (B, class_logits).

    Attributes:
        class_logits: Classes that it tells apart, at least 1.
        dtype: Compute dtype.
    """

    class_logits: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps features (B, F) to logits (B, class_logits)."""
        return nn.Dense(self.class_logits, dtype=self.dtype, name="class_logits")(x).astype(jnp.float32)

"""The networks of CoGAN, whose layers far from the image are one for both domains.

Liu and Tuzel, "Coupled Generative Adversarial Networks" (2016, arXiv:1606.07536), section 4 and appendix A; layers as in the
authors' PyTorch program for MNIST, of 28x28 pixels. What is not shared must be thin and see little of an image: with wide or
fully connected heads the two domains are paired at random.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import BatchNorm, Conv, UpConv
from jaxgan.networks.common import image_shape, image_sides, tanh_image
from jaxgan.networks.coupled import INNER, OUTER, Coupled
from jaxgan.networks.initializers import variance_scaling

# Xavier's uniform one with gain sqrt(2), and biases of 0.1.
_common: dict[str, Any] = {
    "kernel_init": variance_scaling(2.0, "fan_avg", "uniform"),
    "bias_init": nn.initializers.constant(0.1),
}


class CoGANGenerator(Coupled):
    """z (B, latent), domain -> float32 images (B, H, W, C) in [-1, 1]; the same z makes the same thing in both domains.

    Inner, shared: z to a map, 3x3 transposed convolutions that double it, batch norm without gain and offset and a PReLU
    behind each. Outer, a domain's own: one linear 6x6 transposed convolution, and tanh (the program's sigmoid, of images in
    [0, 1], is the same function).

    Attributes:
        output_shape: (H, W, C) of an image of either domain.
        widths: Of the first map and of each after it; for 28x28 pixels maps of 4, 7, 13 and 25.
        tied: The parts that are one for both domains: ("inner",), or () for two generators that share nothing.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    widths: tuple[int, ...] = (1024, 512, 256, 128)
    tied: tuple[str, ...] = (INNER,)
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    _order = (INNER, OUTER)

    def _part(self, part: str, name: str) -> nn.Module:
        *sides, channels = image_shape(self)
        if part == INNER:
            return _Trunk(sides[0] - 3, sides[1] - 3, self.widths, self.dtype, self.norm_epsilon, name=name)
        return _ToImage(channels, self.dtype, name=name)


class _Trunk(nn.Module):
    height: int  # of the last map
    width: int
    widths: tuple[int, ...]
    dtype: Any
    norm_epsilon: float = 1e-5

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        sizes = [(self.height, self.width)]
        for _ in self.widths[1:]:
            sizes.insert(0, ((sizes[0][0] + 1) // 2, (sizes[0][1] + 1) // 2))
        x = z[:, None, None]
        for index, (features, size) in enumerate(zip(self.widths, sizes, strict=True)):
            if index:
                up = UpConv(features, 3, padding=1, output_padding=1, dtype=self.dtype, **_common, name=f"up_{index}")
                x = up(x)[:, : size[0], : size[1]]  # a double, or one less
            else:
                x = UpConv(features, size, strides=1, padding=0, dtype=self.dtype, **_common, name="first_map")(x)
            x = BatchNorm(
                use_scale=False, use_bias=False, epsilon=self.norm_epsilon, dtype=self.dtype, name=f"norm_{index}"
            )(x)
            x = nn.PReLU(negative_slope_init=0.25, name=f"prelu_{index}")(x)
        return x


class _ToImage(nn.Module):
    channels: int
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        layer = UpConv(self.channels, 6, strides=1, padding=1, dtype=self.dtype, **_common, name="to_image")
        return tanh_image(layer(x))


class CoGANDiscriminator(Coupled):
    """Images (B, H, W, C), domain -> float32 logits (B,).

    Outer, a domain's own: one 5x5 convolution. Inner, shared: another one, a dense layer with a PReLU, and the logit. A
    pooling by maxima of 2x2 follows each convolution; nothing else stands between them.

    Attributes:
        widths: Of the two maps.
        hidden: Of the dense layer.
        tied: The parts that are one for both domains: ("inner",), or () for two discriminators that share nothing.
        dtype: Compute dtype.
    """

    widths: tuple[int, ...] = (20, 50)
    hidden: int = 500
    tied: tuple[str, ...] = (INNER,)
    dtype: Any = jnp.float32

    _order = (OUTER, INNER)

    def _part(self, part: str, name: str) -> nn.Module:
        if part == OUTER:
            return _Front(self.widths[0], self.dtype, name=name)
        return _Judge(self.widths[1], self.hidden, self.dtype, name=name)


class _Front(nn.Module):
    features: int
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        image_sides(self, x)
        return _pooled(Conv(self.features, 5, padding="VALID", dtype=self.dtype, **_common, name="conv")(x))


class _Judge(nn.Module):
    features: int
    hidden: int
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = _pooled(Conv(self.features, 5, padding="VALID", dtype=self.dtype, **_common, name="conv")(x))
        x = nn.Dense(self.hidden, dtype=self.dtype, **_common, name="dense")(x.reshape(len(x), -1))
        x = nn.PReLU(negative_slope_init=0.25, name="prelu")(x).astype(jnp.float32)
        return nn.Dense(1, **_common, name="logit")(x)[:, 0]


def _pooled(x: jax.Array) -> jax.Array:
    return nn.max_pool(x, (2, 2), strides=(2, 2))

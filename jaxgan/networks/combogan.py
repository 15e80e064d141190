"""ComboGAN's networks: the two halves of a translator, an encoder and a decoder for each domain."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import Conv, InstanceNorm, UpConv
from jaxgan.networks.common import check_halvings, image_shape, normal_init, tanh_image


def _prelu(x: jax.Array, name: str) -> jax.Array:
    """ReLU with a learned slope below 0, one for the layer, 1/4 at first (He et al. 2015, arXiv:1502.01852)."""
    return nn.PReLU(negative_slope_init=0.25, name=name)(x)


def _norm(x: jax.Array, dtype: Any, name: str, epsilon: float) -> jax.Array:
    return InstanceNorm(use_scale=False, use_bias=False, epsilon=epsilon, dtype=dtype, name=name)(x)


def _residual_block(x: jax.Array, dtype: Any, name: str, epsilon: float) -> jax.Array:
    """x + f(x), f two 3x3 convolutions that pad by reflection, each with instance norm."""
    common: dict[str, Any] = {"padding": "REFLECT", "kernel_init": normal_init, "dtype": dtype}
    h = _norm(Conv(x.shape[-1], 3, **common, name=f"{name}_conv_1")(x), dtype, f"{name}_norm_1", epsilon)
    h = _prelu(h, f"{name}_slope")
    return x + _norm(Conv(x.shape[-1], 3, **common, name=f"{name}_conv_2")(h), dtype, f"{name}_norm_2", epsilon)


class ComboGANEncoder(nn.Module):
    """The encoder of ComboGAN: images (B, H, W, C) -> a code (B, H / 2^n, W / 2^n, 2^n width).

    Anoosheh et al., "ComboGAN: Unrestrained Scalability for Image Domain Translation" (2018, arXiv:1712.06909), section 3: the
    first half of CycleGAN's generator, 7x7, 3x3 convolutions that halve the map, and residual blocks; with PReLU for ReLU, as
    in the authors' code.

    Attributes:
        width: Features of the first convolution; each halving doubles them.
        blocks: Residual blocks: 4 of CycleGAN's 9.
        downsamples: n, how often the map is halved; H and W must be multiples of `2 ** downsamples`.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    width: int = 64
    blocks: int = 4
    downsamples: int = 2
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @property
    def multiple(self) -> int:
        """What divides the sides of the images that it takes."""
        return 2**self.downsamples

    @property
    def least(self) -> int:
        """The smallest side that it takes: a reflection of 3 pixels needs 4, and one of a pixel of the smallest map 2."""
        return max(4, 2 * self.multiple)

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Encodes images (B, H, W, C)."""
        check_halvings(self, x, self.downsamples, "downsamples")
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        x = Conv(self.width, 7, padding="REFLECT", **common, name="stem")(x)
        x = _prelu(_norm(x, self.dtype, "stem_norm", self.norm_epsilon), "stem_slope")
        for index in range(self.downsamples):
            x = Conv(2 * x.shape[-1], strides=2, padding=1, **common, name=f"down_{index}")(x)
            x = _prelu(_norm(x, self.dtype, f"down_norm_{index}", self.norm_epsilon), f"down_slope_{index}")
        for index in range(self.blocks):
            x = _residual_block(x, self.dtype, f"block_{index}", self.norm_epsilon)
        return x


class ComboGANDecoder(nn.Module):
    """The decoder of ComboGAN: a code (B, H, W, F) -> float32 images (B, 2^n H, 2^n W, C) in [-1, 1].

    Anoosheh et al. (2018, arXiv:1712.06909), section 3: the second half of CycleGAN's generator, residual blocks, 4x4
    transposed convolutions that double the map (as in the authors' code), 7x7 and tanh.

    Attributes:
        output_shape: (H, W, C) of an image. Its channels alone count: sides are those of the images encoded.
        blocks: Residual blocks: 5 of CycleGAN's 9.
        downsamples: n, how often the encoder has halved the map.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    blocks: int = 5
    downsamples: int = 2
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Decodes codes (B, H, W, F)."""
        *_, channels = image_shape(self)
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        for index in range(self.blocks):
            x = _residual_block(x, self.dtype, f"block_{index}", self.norm_epsilon)
        for index in range(self.downsamples):
            x = UpConv(x.shape[-1] // 2, 4, padding=1, **common, name=f"up_{index}")(x)
            x = _prelu(_norm(x, self.dtype, f"up_norm_{index}", self.norm_epsilon), f"up_slope_{index}")
        return tanh_image(Conv(channels, 7, padding="REFLECT", **common, name="to_image")(x))

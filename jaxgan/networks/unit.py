"""The networks of UNIT, whose layers next to the code are one for both domains.

Liu, Breuel and Kautz, "Unsupervised Image-to-Image Translation Networks" (2017, arXiv:1703.00848), appendix A, layers as in
the authors' branch version_02. (Their later master branch shares nothing.)
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.layers import Conv, UpConv
from jaxgan.networks.common import image_shape, image_sides, leaky_relu, normal_init, normalization, tanh_image
from jaxgan.networks.coupled import INNER, OUTER, Coupled


class UNITEncoder(Coupled):
    """Images (B, H, W, C), domain -> float32 codes (B, H', W', D), the means of q(z | x), whose variance is one.

    Outer, a domain's own: 7x7; 3x3 convolutions that halve the map and double its features, LeakyReLU 0.2; residual blocks
    with instance norm. Inner, shared: more of these blocks.

    Attributes:
        width: Features of the first map.
        downsamples: How often the map is halved; H and W must be multiples of `2 ** downsamples`.
        blocks: Residual blocks of each domain's own.
        shared_blocks: Those that are one for both.
        tied: The parts that are one: ("inner",); () for two encoders that share nothing; ("inner", "outer") for a single one,
            which is told the domain.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    width: int = 64
    downsamples: int = 2
    blocks: int = 3
    shared_blocks: int = 1
    tied: tuple[str, ...] = (INNER,)
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    _order = (OUTER, INNER)

    @property
    def multiple(self) -> int:
        """What divides the sides of the images that it takes."""
        return 2**self.downsamples

    def _part(self, part: str, name: str) -> nn.Module:
        if part == OUTER:
            return _Down(self.width, self.downsamples, self.blocks, self.dtype, self.norm_epsilon, name=name)
        return _Blocks(self.shared_blocks, self.dtype, self.norm_epsilon, code=True, name=name)


class UNITDecoder(Coupled):
    """Codes (B, H', W', D), domain -> float32 images (B, H, W, C) in [-1, 1].

    Inner, shared: residual blocks. Outer, a domain's own: more of them; 3x3 transposed convolutions that double the map and
    halve its features, LeakyReLU 0.2; 1x1 and tanh.

    Attributes:
        output_shape: (H, W, C) of an image of either domain. Its channels alone count.
        downsamples: How often the map is doubled, as often as the encoder halves it.
        blocks: Residual blocks of each domain's own.
        shared_blocks: Those that are one for both.
        tied: As in `UNITEncoder`.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    downsamples: int = 2
    blocks: int = 3
    shared_blocks: int = 1
    tied: tuple[str, ...] = (INNER,)
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    _order = (INNER, OUTER)

    def _part(self, part: str, name: str) -> nn.Module:
        if part == INNER:
            return _Blocks(self.shared_blocks, self.dtype, self.norm_epsilon, name=name)
        return _Up(image_shape(self)[2], self.downsamples, self.blocks, self.dtype, self.norm_epsilon, name=name)


class _Blocks(nn.Module):
    """Residual blocks with instance norm: maps (B, H, W, D) -> the same shape."""

    number: int
    dtype: Any
    norm_epsilon: float = 1e-5
    code: bool = False  # what comes out is a code, float32 whatever the dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        common: dict[str, Any] = {"features": x.shape[-1], "kernel_init": normal_init, "dtype": self.dtype}
        for index in range(self.number):
            h = Conv(**common, name=f"block_{index}_conv_1")(x)
            h = nn.relu(normalization("instance", self.dtype, f"block_{index}_norm_1", self.norm_epsilon)(h))
            h = Conv(**common, name=f"block_{index}_conv_2")(h)
            x = x + normalization("instance", self.dtype, f"block_{index}_norm_2", self.norm_epsilon)(h)
        return x.astype(jnp.float32) if self.code else x


class _Down(nn.Module):
    width: int
    downsamples: int
    blocks: int
    dtype: Any
    norm_epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        height, width = image_sides(self, x)
        if height % 2**self.downsamples or width % 2**self.downsamples:
            raise UserError(
                f"UNITEncoder: images of {height}x{width} cannot be halved {self.downsamples} times; resize them to multiples "
                f"of {2**self.downsamples} or lower downsamples"
            )
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        x = leaky_relu(Conv(self.width, 7, **common, name="stem")(x))
        for index in range(self.downsamples):
            x = leaky_relu(Conv(2 * x.shape[-1], strides=2, padding=1, **common, name=f"down_{index}")(x))
        return _Blocks(self.blocks, self.dtype, self.norm_epsilon, name="blocks")(x)


class _Up(nn.Module):
    channels: int
    downsamples: int
    blocks: int
    dtype: Any
    norm_epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        x = _Blocks(self.blocks, self.dtype, self.norm_epsilon, name="blocks")(x)
        for index in range(self.downsamples):
            x = leaky_relu(UpConv(x.shape[-1] // 2, 3, padding=1, output_padding=1, **common, name=f"up_{index}")(x))
        return tanh_image(Conv(self.channels, 1, padding="VALID", **common, name="to_image")(x))

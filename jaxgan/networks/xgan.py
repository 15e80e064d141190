"""The networks of XGAN, whose layers next to the code are one for both domains.

Royer et al., "XGAN: Unsupervised Image-to-Image Translation for Many-to-Many Mappings" (2017, arXiv:1711.05139), section 4;
the layers, for 64x64 images, are from memory, and ReLU and batch norm between them are ours.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.layers import Conv, UpConv
from jaxgan.networks.common import base_map, image_shape, image_sides, normal_init, normalization, tanh_image
from jaxgan.networks.coupled import INNER, OUTER, Coupled


class XGANEncoder(Coupled):
    """Images (B, H, W, C), domain -> float32 codes, (B, hidden[-1]) or maps (B, H', W', D).

    Outer, a domain's own: convolutions that halve the map. Inner, shared: more of them, then dense layers. The code itself is
    linear.

    Attributes:
        widths: Of the maps; H and W must be multiples of `2 ** len(widths)`.
        own: How many of the convolutions are a domain's own; the others are inner ones.
        hidden: Of the dense layers; () leaves the last map as the code.
        norm: "batch", "instance" or "none".
        tied: The parts that are one for both domains: ("inner",), or () for two encoders that share nothing.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    widths: tuple[int, ...] = (32, 64, 128, 256)
    own: int = 2
    hidden: tuple[int, ...] = (1024, 1024)
    norm: str = "batch"
    tied: tuple[str, ...] = (INNER,)
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    _order = (OUTER, INNER)

    @property
    def multiple(self) -> int:
        """What divides the sides of the images that it takes; 0: they have one size."""
        return 0 if self.hidden else 2 ** len(self.widths)

    def _part(self, part: str, name: str) -> nn.Module:
        if part == OUTER:
            return _Down(self.widths[: self.own], (), self.norm, self.dtype, self.norm_epsilon, name=name)
        return _Down(
            self.widths[self.own :], self.hidden, self.norm, self.dtype, self.norm_epsilon, linear=True, name=name
        )


class XGANDecoder(Coupled):
    """Codes of an `XGANEncoder`, domain -> float32 images (B, H, W, C) in [-1, 1].

    Inner, shared: of a vector, a first map; transposed convolutions that double it. Outer, a domain's own: more of them, and
    tanh.

    Attributes:
        output_shape: (H, W, C) of an image of either domain.
        widths: Of the first map, which for a map as code comes of a 3x3 convolution, and of each after it but the image.
        own: How many of the doublings are a domain's own, that to the image among them.
        norm: "batch", "instance" or "none".
        tied: As in `XGANEncoder`.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    widths: tuple[int, ...] = (512, 256, 128, 64)
    own: int = 3
    norm: str = "batch"
    tied: tuple[str, ...] = (INNER,)
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    _order = (INNER, OUTER)

    def _part(self, part: str, name: str) -> nn.Module:
        if not 1 <= self.own <= len(self.widths):
            raise UserError(
                f"XGANDecoder: own={self.own} of {len(self.widths)} doublings: choose 1 to {len(self.widths)}"
            )
        shared = len(self.widths) - self.own + 1
        if part == INNER:
            first = base_map(self, doublings=len(self.widths))
            return _First(first, self.widths[:shared], self.norm, self.dtype, self.norm_epsilon, name=name)
        return _Up(self.widths[shared:], image_shape(self)[2], self.norm, self.dtype, self.norm_epsilon, name=name)


class _Down(nn.Module):
    widths: tuple[int, ...]
    hidden: tuple[int, ...]
    norm: str
    dtype: Any
    norm_epsilon: float = 1e-5
    linear: bool = False  # the last layer

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        height, width = image_sides(self, x)
        if height % 2 ** len(self.widths) or width % 2 ** len(self.widths):
            raise UserError(
                f"XGANEncoder: maps of {height}x{width} cannot be halved {len(self.widths)} times; resize the images, or use "
                "fewer widths"
            )
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        last = len(self.widths) + len(self.hidden) - 1
        for index, features in enumerate((*self.widths, *self.hidden)):
            if index < len(self.widths):
                x = Conv(features, 4, strides=2, padding=1, **common, name=f"down_{index}")(x)
            else:
                x = nn.Dense(features, **common, name=f"dense_{index}")(x.reshape(len(x), -1))
            if index < last or not self.linear:
                norm = self.norm if index < len(self.widths) else "none"
                x = nn.relu(normalization(norm, self.dtype, f"norm_{index}", self.norm_epsilon)(x))
        return x.astype(jnp.float32)


class _First(nn.Module):
    first: tuple[int, int]
    widths: tuple[int, ...]
    norm: str
    dtype: Any
    norm_epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        for index, features in enumerate(self.widths):
            if index:
                x = UpConv(features, **common, name=f"up_{index}")(x)
            elif x.ndim == 4:
                x = Conv(features, **common, name="first_map")(x)
            else:
                x = UpConv(features, self.first, strides=1, padding=0, **common, name="first_map")(x[:, None, None])
            x = nn.relu(normalization(self.norm, self.dtype, f"norm_{index}", self.norm_epsilon)(x))
        return x


class _Up(nn.Module):
    widths: tuple[int, ...]
    channels: int
    norm: str
    dtype: Any
    norm_epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        for index, features in enumerate(self.widths):
            x = UpConv(features, **common, name=f"up_{index}")(x)
            x = nn.relu(normalization(self.norm, self.dtype, f"norm_{index}", self.norm_epsilon)(x))
        return tanh_image(UpConv(self.channels, **common, name="to_image")(x))

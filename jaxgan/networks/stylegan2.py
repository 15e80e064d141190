"""StyleGAN2: a generator whose styles scale the weights of its convolutions."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.layers import block
from jaxgan.layers.filtering import SmoothConv, smooth_upsample
from jaxgan.layers.modulated import ModulatedConv
from jaxgan.networks.common import Weight, choose, fade, image_shape, level_sizes, level_width
from jaxgan.networks.initializers import normal
from jaxgan.networks.style_parts import StyledGenerator, level_dtype, pixel_noise, rectified, unit_init


class StyleGAN2Generator(StyledGenerator):
    """The generator of StyleGAN2: z (B, latent) [, label int (B,)] -> float32 images (B, S, S, C), linear.

    Karras, Laine, Aittala, Hellsten, Lehtinen and Aila, "Analyzing and Improving the Image Quality of StyleGAN" (2019,
    arXiv:1912.04958), section 2 and figure 2d: a learned constant of 4x4 and two modulated convolutions for each resolution
    (one for the first), each followed by noise for each pixel, bias and LeakyReLU. Three structures, figure 7: "skip" sums the
    images of all resolutions, each upsampled; "plain" makes them of the last map, and can grow; "residual" adds to each level's
    output that of a 1x1 convolution of its input. The defaults are configuration F. Further fields and methods:
    `StyledGenerator`.

    Attributes:
        structure: "plain", "skip" or "residual".
        reduced_levels: How many of the largest resolutions compute in `dtype`, the others in float32; None: all of them.
        clamp: The largest magnitude of a feature; None: no limit. Published with 256, for half precision.
    """

    base_width: int = 16384
    structure: str = "skip"
    reduced_levels: int | None = None
    clamp: float | None = None

    def synthesis_network(self) -> nn.Module:
        """See `StyledGenerator`."""
        choose(dict.fromkeys(("plain", "skip", "residual")), self.structure, "structure")
        names = ("output_shape", "base_width", "max_width", "structure", "reduced_levels", "clamp", "dtype")
        return _Synthesis(**{name: getattr(self, name) for name in names})


class _Synthesis(nn.Module):
    """Styles (B, slots, D) to images; fields as in `StyleGAN2Generator`."""

    output_shape: tuple[int, ...] | None
    base_width: int
    max_width: int
    structure: str
    reduced_levels: int | None
    clamp: float | None
    dtype: Any

    @nn.compact
    def __call__(self, w: jax.Array, resolution: int, alpha: Weight | None) -> jax.Array:
        height, width, channels = image_shape(self)
        sizes = level_sizes(self, height, width)
        if self.structure != "plain" and (resolution != sizes[-1] or alpha is not None):
            raise UserError(
                f"StyleGAN2Generator: a {self.structure} generator does not grow: take structure='plain', or no growing"
            )
        # Levels above the resolution are not computed, but when parameters are made.
        used = [size for size in sizes if size <= resolution or self.is_initializing()]
        images, x, total = {}, jnp.zeros(()), jnp.zeros(())
        for index, size in enumerate(used):
            dtype = level_dtype(self, size, sizes[-1])
            if index == 0:
                constant = self.param("constant", normal(1.0), (4, 4, level_width(self, 4)), jnp.float32)
                x = jnp.broadcast_to(constant.astype(dtype)[None], (w.shape[0], *constant.shape))
            before = x
            if index:
                x = self._layer(x, w, 2 * index - 1, size, dtype, up=True)
            x = self._layer(x, w, 2 * index, size, dtype)
            if self.structure == "residual" and index:
                shared: dict[str, Any] = {"use_bias": False, "kernel_init": unit_init, "dtype": dtype}
                skipped = SmoothConv(level_width(self, size), "up", 1, **shared, name=f"skip_{size}")(before)
                x = (x + skipped) / math.sqrt(2)
            shown = size in (resolution, resolution // 2) if self.structure == "plain" else size == sizes[-1]
            if shown or self.structure == "skip" or (self.structure == "plain" and self.is_initializing()):
                images[size] = self._to_rgb(x, w[:, 2 * index + 1], size, channels)
            if self.structure == "skip":
                total = images[size] + (smooth_upsample(total) if index else 0.0)
        if self.structure == "skip":
            return total
        if alpha is None or resolution == sizes[0]:
            return images[resolution]
        return fade(smooth_upsample(images[resolution // 2]), images[resolution], alpha)

    @block
    def _layer(self, x: jax.Array, w: jax.Array, slot: int, size: int, dtype: Any, up: bool = False) -> jax.Array:
        """A modulated convolution, noise, bias and LeakyReLU."""
        name, features = f"conv_{size}{'_up' if up else ''}", level_width(self, size)
        x = ModulatedConv(features, up=up, kernel_init=unit_init, dtype=dtype, name=name)(x, w[:, slot])
        zeros = nn.initializers.zeros
        strength = self.param(f"{name}_noise", zeros, (), jnp.float32).astype(dtype)
        bias = self.param(f"{name}_bias", zeros, (features,), jnp.float32).astype(dtype)
        return rectified(x + strength * pixel_noise(self, x, slot) + bias[None, None, None], self.clamp)

    def _to_rgb(self, x: jax.Array, w: jax.Array, size: int, channels: int) -> jax.Array:
        """The image of a map, float32."""
        name, zeros = f"to_rgb_{size}", nn.initializers.zeros
        layer = ModulatedConv(channels, 1, demodulate=False, kernel_init=unit_init, dtype=x.dtype, name=name)
        image = (
            layer(x, w) + self.param(f"{name}_bias", zeros, (channels,), jnp.float32).astype(x.dtype)[None, None, None]
        )
        return (image if self.clamp is None else jnp.clip(image, -self.clamp, self.clamp)).astype(jnp.float32)

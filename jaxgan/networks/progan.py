"""ProGAN: networks that grow, with the layers of every resolution in one parameter tree."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from jaxgan.layers import Conv, UpConv, average_pool, minibatch_stddev, pixel_norm, upsample_nearest
from jaxgan.networks.common import leaky_relu
from jaxgan.networks.initializers import variance_scaling

# Gains of the layers that have another one than sqrt(2), by name: for their initialisation, and for the constraint that
# equalises learning rates.
PROGAN_GAINS = {"to_rgb": 1.0, "score": 1.0}

Weight = jax.Array | float  # of a level that fades in: traced, or a number


def _init(layer: str = "") -> Initializer:
    """N(0, gain^2 / fan_in), so that a kernel divided by gain / sqrt(fan_in) is drawn from N(0, 1)."""
    return variance_scaling(PROGAN_GAINS.get(layer, math.sqrt(2)) ** 2, "fan_in", "normal")


class ProGANGenerator(nn.Module):
    """The generator of ProGAN: z (B, latent) -> float32 images (B, resolution, resolution, channels).

    Karras, Aila, Laine and Lehtinen, "Progressive Growing of GANs for Improved Quality, Stability, and Variation"
    (2017, arXiv:1710.10196), table 2 and appendix A, with z 512. LeakyReLU 0.2, then pixel norm; z is normalised too;
    images are a linear 1x1 convolution ("to_rgb") of the last map, not limited to [-1, 1]. Equalised learning rates are
    a constraint on the parameters, with gain sqrt(2), or 1 for "to_rgb" and the discriminator's "score".

    Attributes:
        max_resolution: of the grown network, a power of two; its levels start at 4.
        channels: of the image.
        base_width: the map of size s has `min(2 * base_width / s, max_width)` features.
        max_width: see `base_width`.
        dtype: compute dtype.
    """

    max_resolution: int = 1024
    channels: int = 3
    base_width: int = 8192
    max_width: int = 512
    dtype: Any = jnp.float32

    def setup(self) -> None:
        widths = {size: _width(self, size) for size in _sizes(self)}
        # From 1x1 to 4x4. (In the code a dense layer with gain sqrt(2) / 4, which is sqrt(2) with this layer's fan-in.)
        self.project = UpConv(widths[4], 4, strides=1, padding=0, kernel_init=_init(), dtype=self.dtype)
        self.level = {"4": _Convolutions((widths[4],), normalize=True, dtype=self.dtype)} | {
            str(size): _Convolutions((widths[size],) * 2, normalize=True, upsample=True, dtype=self.dtype)
            for size in _sizes(self)[1:]
        }
        self.to_rgb = {
            str(size): Conv(self.channels, 1, kernel_init=_init("to_rgb"), dtype=self.dtype) for size in widths
        }

    def __call__(self, z: jax.Array, resolution: int | None = None, alpha: Weight | None = None) -> jax.Array:
        """Maps latents (B, latent) to images.

        Args:
            z: (B, latent).
            resolution: of the images, a Python int: 4, 8, ... up to `max_resolution`, which is the default.
            alpha: weight of the newest level in [0, 1]: 0 gives the images of the level below, upsampled; None (no
                fading) is 1.
        """
        resolution = _check_resolution(self, resolution or self.max_resolution)
        if self.is_initializing():
            # Every level gets its parameters, whatever the resolution of the call; one pixel is enough for that.
            x = jnp.zeros((1, 1, 1, _width(self, 4)))
            for size in _sizes(self):
                x = self.level[str(size)](x)
                self.to_rgb[str(size)](x)

        x = self.project(pixel_norm(z)[:, None, None, :])
        x = previous = self.level["4"](pixel_norm(leaky_relu(x)))
        for size in _sizes(self)[1:]:
            if size <= resolution:
                previous, x = x, self.level[str(size)](x)
        image = self.to_rgb[str(resolution)](x)
        if alpha is not None and resolution > 4:
            image = _fade(upsample_nearest(self.to_rgb[str(resolution // 2)](previous)), image, alpha)
        return image.astype(jnp.float32)


class ProGANDiscriminator(nn.Module):
    """The discriminator of ProGAN: images (B, resolution, resolution, C) -> float32 logits (B,).

    The mirror of `ProGANGenerator` (same source), without pixel norm: a 1x1 convolution of the image ("from_rgb"), two
    3x3 convolutions and an average pool for each level, and at 4x4 the minibatch standard deviation, 3x3 and two dense
    layers.

    Attributes:
        max_resolution: of the grown network, a power of two; its levels start at 4.
        base_width: the map of size s has `min(2 * base_width / s, max_width)` features.
        max_width: see `base_width`.
        group_size: samples that the minibatch standard deviation is over: 4 in the authors' code; in the paper, all.
        dtype: compute dtype.
    """

    max_resolution: int = 1024
    base_width: int = 8192
    max_width: int = 512
    group_size: int = 4
    dtype: Any = jnp.float32

    def setup(self) -> None:
        widths = {size: _width(self, size) for size in _sizes(self)}
        self.from_rgb = {
            str(size): Conv(width, 1, kernel_init=_init(), dtype=self.dtype) for size, width in widths.items()
        }
        self.level = {"4": _Convolutions((widths[4],), normalize=False, dtype=self.dtype)} | {
            str(size): _Convolutions((widths[size], widths[size // 2]), normalize=False, dtype=self.dtype)
            for size in _sizes(self)[1:]
        }
        self.dense = nn.Dense(_width(self, 2), kernel_init=_init(), dtype=self.dtype)
        self.score = nn.Dense(1, kernel_init=_init("score"))

    def __call__(self, x: jax.Array, resolution: int | None = None, alpha: Weight | None = None) -> jax.Array:
        """Maps images to logits (B,).

        Args:
            x: (B, resolution, resolution, C).
            resolution: that of `x`, which is the default.
            alpha: weight of the newest level in [0, 1]: 0 gives the logits of the level below for the images at half
                their size; None (no fading) is 1.
        """
        resolution = _check_resolution(self, resolution or x.shape[1])
        if x.shape[1:3] != (resolution, resolution):
            raise ValueError(
                f"ProGANDiscriminator: images of {x.shape[1]}x{x.shape[2]} at resolution={resolution}; make them agree"
            )
        if self.is_initializing():
            # Every level gets its parameters, whatever the resolution of the call; one pixel is enough for that.
            for size in _sizes(self)[1:]:
                self.level[str(size)](self._read(jnp.zeros((1, 1, 1, x.shape[-1])), size))
            self._read(jnp.zeros((1, 1, 1, x.shape[-1])), 4)

        h = self._read(x, resolution)
        for size in reversed(_sizes(self)[1:]):
            if size <= resolution:
                h = average_pool(self.level[str(size)](h))
            if size == resolution and alpha is not None:
                h = _fade(self._read(average_pool(x), size // 2), h, alpha)
        h = self.level["4"](minibatch_stddev(h, self.group_size))
        h = leaky_relu(self.dense(h.reshape(len(h), -1)))
        return self.score(h.astype(jnp.float32))[:, 0]

    def _read(self, image: jax.Array, size: int) -> jax.Array:
        return leaky_relu(self.from_rgb[str(size)](image))


class _Convolutions(nn.Module):
    """3x3 convolutions with LeakyReLU, then pixel norm if `normalize`; the first is of a map doubled if `upsample`."""

    widths: tuple[int, ...]
    normalize: bool
    dtype: Any
    upsample: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        for index, features in enumerate(self.widths):
            resample = "up" if self.upsample and index == 0 else None
            conv = Conv(features, resample=resample, kernel_init=_init(), dtype=self.dtype, name=f"conv_{index}")
            x = leaky_relu(conv(x))
            x = pixel_norm(x) if self.normalize else x
        return x


def _fade(old: jax.Array, new: jax.Array, alpha: Weight) -> jax.Array:
    """(1 - alpha) old + alpha new: exactly one of them at either end."""
    return ((1 - alpha) * old + alpha * new).astype(new.dtype)


def _sizes(network: Any) -> list[int]:
    """Sizes of the levels' maps: 4, 8, ... up to `max_resolution`."""
    largest = network.max_resolution
    if largest < 4 or largest & (largest - 1):
        raise ValueError(f"{type(network).__name__}: max_resolution={largest}, but it must be a power of two from 4 on")
    return [2**power for power in range(2, largest.bit_length())]


def _width(network: Any, size: int) -> int:
    return max(1, min(2 * network.base_width // size, network.max_width))


def _check_resolution(network: Any, resolution: int) -> int:
    sizes = _sizes(network)
    if resolution not in sizes:
        raise ValueError(
            f"{type(network).__name__} has no level for resolution={resolution}; "
            f"choose one of {', '.join(map(str, sizes))}"
        )
    return resolution

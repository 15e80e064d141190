"""ProGAN: networks that grow, with the layers of every resolution in one parameter tree."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from jaxgan.errors import UserError
from jaxgan.layers import Conv, UpConv, average_pool, minibatch_stddev, pixel_norm, upsample_nearest
from jaxgan.networks.common import Weight, fade, image_shape, image_sides, leaky_relu, level_sizes, level_width
from jaxgan.networks.initializers import variance_scaling

# Gains of the layers that have another one than sqrt(2), by name.
_GAINS = {"to_rgb": 1.0, "score": 1.0}


def _init(layer: str = "") -> Initializer:
    """N(0, gain^2 / fan_in), so that a kernel divided by gain / sqrt(fan_in) is drawn from N(0, 1)."""
    return variance_scaling(_GAINS.get(layer, math.sqrt(2)) ** 2, "fan_in", "normal")


class ProGANGenerator(nn.Module):
    """The generator of ProGAN: z (B, latent) -> float32 images (B, resolution, resolution, C).

    Karras, Aila, Laine and Lehtinen, "Progressive Growing of GANs for Improved Quality, Stability, and Variation"
    (2017, arXiv:1710.10196), table 2 and appendix A, with z 512. LeakyReLU 0.2, then pixel norm; z is normalised too;
    images are a linear 1x1 convolution ("to_rgb") of the last map, not limited to [-1, 1]. Equalised learning rates are
    a constraint on the parameters, with gain sqrt(2), or 1 for "to_rgb" and the discriminator's "score".

    Attributes:
        output_shape: (S, S, C) of the grown network's images, S a power of two; levels start at 4.
        base_width: The map of size s has `min(2 * base_width / s, max_width)` features.
        max_width: See `base_width`.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    base_width: int = 8192
    max_width: int = 512
    norm_epsilon: float = 1e-8
    dtype: Any = jnp.float32

    def setup(self) -> None:
        widths = {size: level_width(self, size) for size in self._sizes()}
        # From 1x1 to 4x4. (In the code a dense layer with gain sqrt(2) / 4, which is sqrt(2) with this layer's fan-in.)
        self.project = UpConv(widths[4], 4, strides=1, padding=0, kernel_init=_init(), dtype=self.dtype)
        self.level = {
            "4": _Convolutions((widths[4],), normalize=True, dtype=self.dtype, norm_epsilon=self.norm_epsilon)
        } | {
            str(size): _Convolutions(
                (widths[size],) * 2, normalize=True, upsample=True, dtype=self.dtype, norm_epsilon=self.norm_epsilon
            )
            for size in self._sizes()[1:]
        }
        channels = image_shape(self)[2]
        self.to_rgb = {str(size): Conv(channels, 1, kernel_init=_init("to_rgb"), dtype=self.dtype) for size in widths}

    def __call__(self, z: jax.Array, resolution: int | None = None, alpha: Weight | None = None) -> jax.Array:
        """Maps latents (B, latent) to images.

        Args:
            z: (B, latent).
            resolution: Of the images, a Python int: 4, 8, ... up to that of `output_shape`, the default.
            alpha: Weight of the newest level in [0, 1]: 0 gives the images of the level below, upsampled; None (no
                fading) is 1.
        """
        sizes = self._sizes()
        resolution = resolution or sizes[-1]
        if resolution not in sizes:
            raise UserError(
                f"ProGANGenerator has no level for resolution={resolution}; choose one of {', '.join(map(str, sizes))}"
            )
        if self.is_initializing():
            # Every level gets its parameters, whatever the resolution of the call; one pixel is enough for that.
            x = jnp.zeros((1, 1, 1, level_width(self, 4)))
            for size in sizes:
                x = self.level[str(size)](x)
                self.to_rgb[str(size)](x)

        x = self.project(pixel_norm(z, self.norm_epsilon)[:, None, None, :])
        x = previous = self.level["4"](pixel_norm(leaky_relu(x), self.norm_epsilon))
        for size in sizes[1:]:
            if size <= resolution:
                previous, x = x, self.level[str(size)](x)
        image = self.to_rgb[str(resolution)](x)
        if alpha is not None and resolution > 4:
            image = fade(upsample_nearest(self.to_rgb[str(resolution // 2)](previous)), image, alpha)
        return image.astype(jnp.float32)

    def _sizes(self) -> list[int]:
        height, width, _ = image_shape(self)
        return level_sizes(self, height, width)


class ProGANDiscriminator(nn.Module):
    """The discriminator of ProGAN: images (B, resolution, resolution, C) -> float32 logits (B,).

    The mirror of `ProGANGenerator` (same source), without pixel norm: a 1x1 convolution of the image ("from_rgb"), two
    3x3 convolutions and an average pool for each level, and at 4x4 the minibatch standard deviation, 3x3 and two dense
    layers. Initialise it with images of the grown network's size: it has the levels from 4 to that, and reads images of
    each of them.

    Attributes:
        base_width: The map of size s has `min(2 * base_width / s, max_width)` features.
        max_width: See `base_width`.
        group_size: Samples that the minibatch standard deviation is over: 4 in the authors' code; in the paper, all.
        fused: A level's map is averaged before the bias and LeakyReLU of its last convolution, as in the authors' TensorFlow
            program by default ("fused_scale"); otherwise after them, as in the paper and in the program of its numbers.
        dtype: Compute dtype.
    """

    base_width: int = 8192
    max_width: int = 512
    group_size: int = 4
    fused: bool = False
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, resolution: int | None = None, alpha: Weight | None = None) -> jax.Array:
        """Maps images to logits (B,).

        Args:
            x: (B, resolution, resolution, C), resolution a power of two from 4 on.
            resolution: That of `x`, which is the default.
            alpha: Weight of the newest level in [0, 1]: 0 gives the logits of the level below for the images at half
                their size; None (no fading) is 1.
        """
        height, width = image_sides(self, x)
        sizes = level_sizes(self, height, width)
        if resolution not in (None, height):
            raise UserError(
                f"ProGANDiscriminator: images of {height}x{width} at resolution={resolution}; make them agree"
            )
        if not self.is_initializing() and not self.has_variable("params", f"from_rgb_{height}"):
            raise UserError(
                f"ProGANDiscriminator has no level for resolution={height}; initialise it with images of the largest one"
            )

        def read(image: jax.Array, layer: Conv) -> jax.Array:
            return leaky_relu(layer(image))

        # Only the level that reads the image, and the one below while it fades, are used; all get their parameters.
        readers = {
            size: Conv(level_width(self, size), 1, kernel_init=_init(), dtype=self.dtype, name=f"from_rgb_{size}")
            for size in sizes
        }
        if self.is_initializing():
            for reader in readers.values():
                reader(jnp.zeros((1, 1, 1, x.shape[-1])))

        h = read(x, readers[height])
        for size in reversed(sizes[1:]):
            widths = level_width(self, size), level_width(self, size // 2)
            level = _Convolutions(
                widths, normalize=False, downsample=self.fused, dtype=self.dtype, name=f"level_{size}"
            )
            h = level(h) if self.fused else average_pool(level(h))
            if size == height and alpha is not None:
                h = fade(read(average_pool(x), readers[size // 2]), h, alpha)
        last = _Convolutions((level_width(self, 4),), normalize=False, dtype=self.dtype, name="level_4")
        h = last(minibatch_stddev(h, self.group_size))
        h = nn.Dense(level_width(self, 2), kernel_init=_init(), dtype=self.dtype, name="dense")(h.reshape(len(h), -1))
        return nn.Dense(1, kernel_init=_init("score"), name="score")(leaky_relu(h).astype(jnp.float32))[:, 0]


class _Convolutions(nn.Module):
    """3x3 convolutions with LeakyReLU, then pixel norm if `normalize`.

    The first is of a map doubled if `upsample`; what the last makes is halved, before its LeakyReLU, if `downsample`.
    """

    widths: tuple[int, ...]
    normalize: bool
    dtype: Any
    norm_epsilon: float = 1e-8
    upsample: bool = False
    downsample: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        for index, features in enumerate(self.widths):
            resample = "up" if self.upsample and index == 0 else None
            resample = "down" if self.downsample and index == len(self.widths) - 1 else resample
            conv = Conv(features, resample=resample, kernel_init=_init(), dtype=self.dtype, name=f"conv_{index}")
            x = leaky_relu(conv(x))
            x = pixel_norm(x, self.norm_epsilon) if self.normalize else x
        return x

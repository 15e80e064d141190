"""StyleGAN: a generator of styles, and the discriminator that it shares with StyleGAN2."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.layers import Conv, InstanceNorm, Verdict, average_pool, block, minibatch_stddev, upsample_nearest
from jaxgan.layers.filtering import SmoothConv, smooth_downsample
from jaxgan.networks.common import Weight, check_label, choose, fade, image_shape, image_sides, level_sizes, level_width
from jaxgan.networks.style_parts import Mapping, StyledGenerator, level_dtype, pixel_noise, rectified, unit_init


class StyleGANGenerator(StyledGenerator):
    """The generator of StyleGAN: z (B, latent) [, label int (B,)] -> float32 images (B, S, S, C), linear.

    Karras, Laine and Aila, "A Style-Based Generator Architecture for Generative Adversarial Networks" (2018, arXiv:1812.04948),
    section 2 and appendix C: a learned constant of 4x4 and two 3x3 convolutions for each resolution (one for the first), each
    followed by noise for each pixel, bias, LeakyReLU and AdaIN; between resolutions the map is doubled and filtered. Fields and
    methods are those of `StyledGenerator`.
    """

    def synthesis_network(self) -> nn.Module:
        """See `StyledGenerator`."""
        return _Synthesis(self.output_shape, self.base_width, self.max_width, self.norm_epsilon, self.dtype)


class _Synthesis(nn.Module):
    """Styles (B, slots, D) to images; fields as in `StyledGenerator`."""

    output_shape: tuple[int, ...] | None
    base_width: int
    max_width: int
    norm_epsilon: float
    dtype: Any

    @nn.compact
    def __call__(self, w: jax.Array, resolution: int, alpha: Weight | None) -> jax.Array:
        height, width, channels = image_shape(self)
        sizes = level_sizes(self, height, width)
        to_rgb = {
            size: Conv(channels, 1, kernel_init=unit_init, dtype=self.dtype, name=f"to_rgb_{size}") for size in sizes
        }
        # Levels above the resolution are not computed, but when parameters are made.
        used = [size for size in sizes if size <= resolution or self.is_initializing()]
        images, x, plain = {}, jnp.zeros(()), {"use_bias": False, "kernel_init": unit_init, "dtype": self.dtype}
        for index, size in enumerate(used):
            features = level_width(self, size)
            if index == 0:
                constant = self.param("constant", nn.initializers.ones, (4, 4, features), jnp.float32)
                x = jnp.broadcast_to(constant.astype(self.dtype)[None], (w.shape[0], 4, 4, features))
            else:
                x = SmoothConv(features, "up", **plain, name=f"conv_{size}_up")(x)
            x = _Style(self.norm_epsilon, self.dtype, name=f"style_{size}_0")(x, w[:, 2 * index], 2 * index)
            x = Conv(features, 3, **plain, name=f"conv_{size}")(x)
            x = _Style(self.norm_epsilon, self.dtype, name=f"style_{size}_1")(x, w[:, 2 * index + 1], 2 * index + 1)
            if size in (resolution, resolution // 2) or self.is_initializing():
                images[size] = to_rgb[size](x)
        if alpha is None or resolution == sizes[0]:
            return images[resolution]
        return fade(upsample_nearest(images[resolution // 2]), images[resolution], alpha)


class _Style(nn.Module):
    """What follows each convolution: noise, bias, LeakyReLU, instance norm, and scale and shift by the style (AdaIN)."""

    norm_epsilon: float
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array, w: jax.Array, slot: int) -> jax.Array:
        channels, zeros = x.shape[-1], nn.initializers.zeros
        strength = self.param("noise", zeros, (channels,), jnp.float32).astype(x.dtype)
        bias = self.param("bias", zeros, (channels,), jnp.float32).astype(x.dtype)
        x = rectified(x + pixel_noise(self, x, slot) * strength[None, None, None] + bias[None, None, None])
        x = InstanceNorm(use_scale=False, use_bias=False, epsilon=self.norm_epsilon, dtype=self.dtype, name="norm")(x)
        scale, shift = jnp.split(
            nn.Dense(2 * channels, kernel_init=unit_init, name="style")(w).astype(x.dtype), 2, axis=1
        )
        # Eq. 1, with y_s = 1 + scale
        return x * (1 + scale)[:, None, None] + shift[:, None, None]


class StyleGANDiscriminator(nn.Module):
    """The discriminator of StyleGAN and StyleGAN2: images (B, S, S, C) [, label int (B,)] -> float32 logits (B,).

    For each resolution a 3x3 convolution and one that halves the map; at 4x4 the minibatch standard deviation, 3x3, a dense
    layer and the logit. Three structures, StyleGAN2 (Karras et al. 2019, arXiv:1912.04958), figure 7: "plain" reads the image
    at the first layer, and can grow (StyleGAN, arXiv:1812.04948); "skip" reads it again at each resolution; "residual" adds to
    each level's output that of a 1x1 convolution of its input. With labels the last dense layer's output is multiplied with the
    label's own mapping, as in StyleGAN2-ADA (arXiv:2006.06676); in StyleGAN's programs there is a logit for each class instead.

    Initialise it with images of the grown network's size: it has the levels from 4 to that, and a plain one reads images of
    each.

    Attributes:
        base_width: The map of size s has `min(2 * base_width / s, max_width)` features.
        max_width: See `base_width`.
        structure: "plain", "skip" or "residual".
        group_size: Samples that the minibatch standard deviation is over.
        projected_classes: Classes of the label; 0: no labels.
        mapping_layers: Of the label's mapping.
        reduced_levels: How many of the largest resolutions compute in `dtype`, the others in float32; None: all of them.
        clamp: The largest magnitude of a feature; None: no limit. Published with 256, for half precision.
        dtype: Compute dtype.
    """

    base_width: int = 8192
    max_width: int = 512
    structure: str = "plain"
    group_size: int = 4
    projected_classes: int = 0
    mapping_layers: int = 8
    reduced_levels: int | None = None
    clamp: float | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        label: jax.Array | None = None,
        resolution: int | None = None,
        alpha: Weight | None = None,
        features: bool = False,
    ) -> jax.Array | Verdict:
        """Maps images, and with classes labels (B,), to logits (B,).

        Args:
            x: (B, resolution, resolution, C).
            label: int (B,).
            resolution: That of `x`, which is the default.
            alpha: Weight of the newest level in [0, 1]: 0 gives the logits of the level below for the images at half their
                size; None is 1.
            features: Also give the last dense layer's output, float32 (B, width).
        """
        check_label(self, "projected_classes", label)
        choose(dict.fromkeys(("plain", "skip", "residual")), self.structure, "structure")
        sizes = level_sizes(self, *image_sides(self, x))
        if resolution not in (None, sizes[-1]):
            raise UserError(
                f"StyleGANDiscriminator: images of {sizes[-1]}x{sizes[-1]} at resolution={resolution}; make them agree"
            )
        if not self.is_initializing() and not self.has_variable("params", f"from_rgb_{sizes[-1]}"):
            raise UserError(
                f"StyleGANDiscriminator ({self.structure}) has no level for resolution={sizes[-1]}; initialise it with images "
                "of the largest one, and only a plain one grows"
            )
        images, h = x, self._read(x, sizes[-1], sizes)
        for size in reversed(sizes[1:]):
            h = self._level(h, size, sizes)
            if self.structure == "skip":
                images = smooth_downsample(images)
                h = h + self._read(images, size // 2, sizes)
            elif self.structure == "plain" and (self.is_initializing() or (size == sizes[-1] and alpha is not None)):
                images = average_pool(images)
                below = self._read(images, size // 2, sizes)
                h = h if alpha is None else fade(below, h, alpha)
        h = minibatch_stddev(h.astype(jnp.float32), self.group_size)
        width = level_width(self, 4)
        h = rectified(Conv(width, 3, kernel_init=unit_init, name="conv_4")(h), self.clamp)
        h = rectified(nn.Dense(width, kernel_init=unit_init, name="dense")(h.reshape(len(h), -1)))
        if label is None:
            logits = nn.Dense(1, kernel_init=unit_init, name="score")(h)[:, 0]
        else:
            told = Mapping(width, self.mapping_layers, self.projected_classes, name="mapping")(None, label)
            logits = (nn.Dense(width, kernel_init=unit_init, name="score")(h) * told).sum(axis=1) / math.sqrt(width)
        return Verdict(logits, h) if features else logits

    def _read(self, images: jax.Array, size: int, sizes: list[int]) -> jax.Array:
        dtype = level_dtype(self, size, sizes[-1])
        layer = Conv(level_width(self, size), 1, kernel_init=unit_init, dtype=dtype, name=f"from_rgb_{size}")
        return rectified(layer(images), self.clamp)

    @block
    def _level(self, x: jax.Array, size: int, sizes: list[int]) -> jax.Array:
        """From a map of `size` to one of half of it."""
        wide, shared = (
            level_width(self, size // 2),
            {"kernel_init": unit_init, "dtype": level_dtype(self, size, sizes[-1])},
        )
        h = rectified(Conv(level_width(self, size), 3, **shared, name=f"conv_{size}")(x), self.clamp)
        h = rectified(SmoothConv(wide, "down", **shared, name=f"conv_{size}_down")(h), self.clamp)
        if self.structure != "residual":
            return h
        skipped = SmoothConv(wide, "down", 1, use_bias=False, **shared, name=f"skip_{size}")(x)
        return (h + skipped) / math.sqrt(2)

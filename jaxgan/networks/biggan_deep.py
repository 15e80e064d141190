"""BigGAN-deep: twice as many blocks, each with a bottleneck, and the whole latent in every one of them."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import BatchNorm, ConditionalBatchNorm, Conv, average_pool, block, upsample_nearest
from jaxgan.networks.biggan import embed_class, widths_for
from jaxgan.networks.blocks import ProjectionHead, attend
from jaxgan.networks.common import check_label, image_shape, image_sides, tanh_image

# Widths of the maps, in units of `width`: of the first map and after each block, of which every second one doubles (halves) the
# map. 128 to 512 are those of the paper's tables 7 to 9. It leaves the smaller ones open: they go on in the same way.
_GENERATOR_WIDTHS = {
    16: (4,) * 5,
    32: (4,) * 7,
    64: (16, 16, 16, 16, 8, 8, 4, 4, 2),
    128: (16, 16, 16, 16, 8, 8, 4, 4, 2, 2, 1),
    256: (16, 16, 16, 16, 8, 8, 8, 8, 4, 4, 2, 2, 1),
    512: (16, 16, 16, 16, 8, 8, 8, 8, 4, 4, 2, 2, 1, 1, 1),
}
_DISCRIMINATOR_WIDTHS = {
    16: (4,) * 5,
    32: (4,) * 7,
    64: (1, 2, 2, 4, 4, 8, 8, 16, 16),
    128: (1, 2, 2, 4, 4, 8, 8, 16, 16, 16, 16),
    256: (1, 2, 2, 4, 4, 8, 8, 8, 8, 16, 16, 16, 16),
    512: (1, 1, 1, 2, 2, 4, 4, 8, 8, 8, 8, 16, 16, 16, 16),
}
_init = nn.initializers.orthogonal()


class BigGANDeepGenerator(nn.Module):
    """The generator of BigGAN-deep: z (B, latent), label int (B,) -> float32 images (B, S, S, C) in [-1, 1].

    Brock, Donahue and Simonyan (2018, arXiv:1809.11096), appendix B, figure 16 and tables 7 to 9. A block narrows the map to a
    quarter of its width by a 1x1 convolution, has two 3x3 there, and widens it by another 1x1; conditional batch norm and ReLU
    come before each. Its shortcut has no weights: where the width falls, the last channels are dropped. At each size a block
    that keeps it comes before one that doubles it. All of z beside the label's shared embedding goes to the first layer and to
    all norms. Leave the embedding out of spectral norm and regularisation, as in `BigGANGenerator`.

    Attributes:
        output_shape: (S, S, C) of an image, S one of 16, 32, 64, 128, 256, 512.
        width: The unit of the blocks' widths ("ch": 128 in the paper).
        embedded_classes: Rows of the shared embedding, at least 1.
        shared_size: Length of the shared embedding; 0: none, as in `BigGANGenerator`.
        hierarchical: Whether z goes to the norms; if not, they are told the label alone.
        attention: Sides of the maps that self-attention follows; below 1, shares of the image's; those that do not occur are
            ignored.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    width: int = 128
    embedded_classes: int = 0
    shared_size: int = 128
    hierarchical: bool = True
    attention: tuple[int | float, ...] = (64,)
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array, label: jax.Array, attention_maps: bool = False) -> Any:
        """Maps latents (B, latent) and labels (B,) to images (B, S, S, C).

        With `attention_maps` also gives where the pixels of each attended map look: a tuple of (B, H, W, h, w).
        """
        check_label(self, "embedded_classes", label)
        height, width, channels = image_shape(self)
        first, *widths = widths_for(_GENERATOR_WIDTHS, self, height, width)
        embedding = embed_class(self, label)
        both = jnp.concatenate([z, embedding], axis=-1)
        condition = both if self.hierarchical else embedding

        x = nn.Dense(4 * 4 * first, kernel_init=_init, dtype=self.dtype, name="project")(both).reshape(-1, 4, 4, first)
        looks: list[jax.Array] = []
        for index, features in enumerate(widths):
            doubles = index % 2 == 1
            x = _UpBottleneck(features, doubles, self.dtype, self.norm_epsilon, name=f"block_{index}")(x, condition)
            x = attend(self, x, height, f"attention_{index}", looks, _init) if doubles else x
        x = nn.relu(BatchNorm(epsilon=self.norm_epsilon, dtype=self.dtype, name="norm")(x))
        image = tanh_image(Conv(channels, kernel_init=_init, dtype=self.dtype, name="to_image")(x))
        return (image, tuple(looks)) if attention_maps else image


class BigGANDeepDiscriminator(nn.Module):
    """The discriminator of BigGAN-deep: images (B, S, S, C), label int (B,) -> float32 logits (B,).

    Source and sizes as in `BigGANDeepGenerator`. A 3x3 convolution reads the image; at each size a block that halves it comes
    before one that keeps it; no norms. The shortcut of a block that widens is the map itself with new channels, of a 1x1
    convolution, behind it. Sum pooling, and the label by projection.

    Attributes:
        width: The unit of the blocks' widths ("ch": 128 in the paper).
        projected_classes: Rows of the projection, at least 1.
        attention: Sides of the maps that self-attention follows; below 1, shares of the image's; those that do not occur are
            ignored.
        dtype: Compute dtype.
    """

    width: int = 128
    projected_classes: int = 0
    attention: tuple[int | float, ...] = (64,)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, label: jax.Array) -> jax.Array:
        """Maps images (B, S, S, C) and labels (B,) to logits (B,)."""
        check_label(self, "projected_classes", label)
        first, *widths = widths_for(_DISCRIMINATOR_WIDTHS, self, *image_sides(self, x))
        x = Conv(first, kernel_init=_init, dtype=self.dtype, name="from_image")(x)
        side = x.shape[1]
        for index, features in enumerate(widths):
            halves = index % 2 == 0
            x = _DownBottleneck(features, halves, self.dtype, name=f"block_{index}")(x)
            x = x if halves else attend(self, x, side, f"attention_{index}", [], _init)
        h = jnp.sum(nn.relu(x).astype(jnp.float32), axis=(1, 2))
        return ProjectionHead(self.projected_classes, _init, name="head")(h, label)


class _UpBottleneck(nn.Module):
    """Figure 16 (b): norm, ReLU, 1x1; norm, ReLU, upsampling, 3x3; norm, ReLU, 3x3; norm, ReLU, 1x1."""

    features: int
    doubles: bool
    dtype: Any
    norm_epsilon: float = 1e-5

    @nn.compact
    @block
    def __call__(self, x: jax.Array, condition: jax.Array) -> jax.Array:
        hidden = max(1, x.shape[-1] // 4)
        conv = functools.partial(Conv, kernel_init=_init, dtype=self.dtype)
        layers = (
            conv(hidden, 1, name="conv_1"),
            conv(hidden, resample="up" if self.doubles else None, name="conv_2"),
            conv(hidden, name="conv_3"),
            conv(self.features, 1, name="conv_4"),
        )
        h = x
        for index, layer in enumerate(layers, start=1):
            norm = ConditionalBatchNorm(self.norm_epsilon, _init, self.dtype, name=f"norm_{index}")
            h = layer(nn.relu(norm(h, condition)))
        shortcut = x[..., : self.features].astype(self.dtype)
        return h + (upsample_nearest(shortcut) if self.doubles else shortcut)


class _DownBottleneck(nn.Module):
    """Figure 16 (c): ReLU, 1x1; ReLU, 3x3; ReLU, 3x3; ReLU, average pool, 1x1."""

    features: int
    halves: bool
    dtype: Any

    @nn.compact
    @block
    def __call__(self, x: jax.Array) -> jax.Array:
        hidden = max(1, self.features // 4)
        conv = functools.partial(Conv, kernel_init=_init, dtype=self.dtype)
        h = conv(hidden, 1, name="conv_1")(nn.relu(x))
        h = conv(hidden, name="conv_2")(nn.relu(h))
        h = nn.relu(conv(hidden, name="conv_3")(nn.relu(h)))
        shortcut = x.astype(self.dtype)
        if self.halves:
            h, shortcut = average_pool(h), average_pool(shortcut)
        h = conv(self.features, 1, name="conv_4")(h)
        if added := self.features - x.shape[-1]:
            shortcut = jnp.concatenate([shortcut, conv(added, 1, name="shortcut")(shortcut)], axis=-1)
        return h + shortcut

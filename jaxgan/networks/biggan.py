"""BigGAN: residual networks with a shared class embedding, hierarchical latents and self-attention."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.layers import BatchNorm, ConditionalBatchNorm, Conv, Verdict
from jaxgan.networks.blocks import DownBlock, ProjectionHead, UpBlock, attend
from jaxgan.networks.common import check_label, image_shape, image_sides, tanh_image

# Widths of the maps, in units of `width`. 128 to 512 are the paper's. 64 and 32, which it leaves open, are the first
# author's in PyTorch (compare_gan's discriminators: 2, 4, 8, 16, 16 and 2, 2, 2, 2); 16 is 32 with one doubling less.
_GENERATOR_WIDTHS = {
    16: (4, 4, 4),
    32: (4, 4, 4, 4),
    64: (16, 16, 8, 4, 2),
    128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1),
    512: (16, 16, 8, 8, 4, 2, 1, 1),
}
_DISCRIMINATOR_WIDTHS = {
    16: (4, 4, 4, 4),
    32: (4, 4, 4, 4),
    64: (1, 2, 4, 8, 16),
    128: (1, 2, 4, 8, 16, 16),
    256: (1, 2, 4, 8, 8, 16, 16),
    512: (1, 1, 2, 4, 8, 8, 16, 16),
}
_init = nn.initializers.orthogonal()


class BigGANGenerator(nn.Module):
    """The generator of BigGAN: z (B, latent), label int (B,) -> float32 images (B, S, S, C) in [-1, 1].

    Brock, Donahue and Simonyan, "Large Scale GAN Training for High Fidelity Natural Image Synthesis" (2018,
    arXiv:1809.11096), appendix B. A block is norm, ReLU, upsampling, 3x3, norm, ReLU, 3x3, beside an upsampled 1x1
    shortcut (`blocks.UpBlock`). z is split into equal chunks, one for the first layer and one for each block; the
    gains and offsets of a block's batch norms are linear in its chunk and the label's embedding, which is one for all
    blocks. The paper has 20 components in each, 120 at 128 pixels, 140 at 256, 160 at 512; where the number of chunks does
    not divide the size of z, the first ones have one more. Leave the embedding ("shared_embedding" in its path) out of
    spectral norm and regularisation. Embedding and chunks can be switched off, as in the paper's table 1.

    Attributes:
        output_shape: (S, S, C) of an image, S one of 16, 32, 64, 128, 256, 512.
        width: The unit of the blocks' widths ("ch": 96 in the paper; 64 is the usual choice at 32 pixels).
        embedded_classes: Rows of the shared embedding, at least 1.
        shared_size: Length of the shared embedding; 0: none, and every norm has gains and offsets of its own for each class
            (it is linear in the label as a one-hot vector).
        hierarchical: Whether chunks of z go to the blocks; if not, all of z goes to the first layer, and labels alone to norms.
        attention: Sides of the maps that self-attention follows; below 1, shares of the image's; those that do not occur are
            ignored.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    width: int = 96
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
        widths = widths_for(_GENERATOR_WIDTHS, self, height, width)
        if self.hierarchical and z.shape[-1] < len(widths):
            raise UserError(
                f"BigGANGenerator: images of {height}x{width} split latents into {len(widths)} chunks, but "
                f"they have size {z.shape[-1]}; use {len(widths)} or more"
            )
        # Without chunks each block gets the last one of none: an array without columns.
        chunks = jnp.array_split(z, len(widths), axis=-1) if self.hierarchical else [z] + [z[:, :0]] * (len(widths) - 1)
        first, *chunks = chunks
        embedding = embed_class(self, label)
        norm = functools.partial(ConditionalBatchNorm, epsilon=self.norm_epsilon, kernel_init=_init)

        x = nn.Dense(4 * 4 * widths[0], kernel_init=_init, dtype=self.dtype, name="project")(first)
        x = x.reshape(-1, 4, 4, widths[0])
        looks: list[jax.Array] = []
        for index, (features, chunk) in enumerate(zip(widths[1:], chunks, strict=True)):
            condition = jnp.concatenate([embedding, chunk], axis=-1)
            x = UpBlock(features, norm, _init, _init, self.dtype, name=f"block_{index}")(x, condition)
            x = attend(self, x, height, f"attention_{index}", looks, _init)
        x = nn.relu(BatchNorm(epsilon=self.norm_epsilon, dtype=self.dtype, name="norm")(x))
        image = tanh_image(Conv(channels, kernel_init=_init, dtype=self.dtype, name="to_image")(x))
        return (image, tuple(looks)) if attention_maps else image


class BigGANDiscriminator(nn.Module):
    """The discriminator of BigGAN: images (B, S, S, C), label int (B,) -> float32 logits (B,); S as in `BigGANGenerator`.

    Source as in `BigGANGenerator`: wide residual blocks, of which all but the last halve the map (at 32 and 16 pixels,
    as in SNGAN, the first two of four), self-attention, sum pooling, and the label by projection. As in the first
    author's PyTorch code, every block that halves has a 1x1 convolution in its shortcut; compare_gan has no shortcut at
    all where the width stays, which shows in the number of parameters at 256 and 512.

    Attributes:
        width: The unit of the blocks' widths ("ch": 96 in the paper).
        projected_classes: Rows of the projection, at least 1.
        attention: Sides of the maps that self-attention follows; below 1, shares of the image's; those that do not occur are
            ignored.
        dtype: Compute dtype.
    """

    width: int = 96
    projected_classes: int = 0
    attention: tuple[int | float, ...] = (64,)
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, label: jax.Array, features: bool = False) -> jax.Array | Verdict:
        """Maps images (B, S, S, C) and labels (B,) to logits (B,).

        With `features`, a `Verdict` has them too: float32 (B, F), the pooled map, which the label has no part in.
        """
        check_label(self, "projected_classes", label)
        height, width = image_sides(self, x)
        widths = widths_for(_DISCRIMINATOR_WIDTHS, self, height, width)
        downsamples = 2 if height <= 32 else len(widths) - 1
        for index, own in enumerate(widths):
            downsample = index < downsamples
            x = DownBlock(own, own, downsample, index > 0, _init, _init, self.dtype, name=f"block_{index}")(x)
            x = attend(self, x, height, f"attention_{index}", [], _init) if downsample else x
        h = jnp.sum(nn.relu(x).astype(jnp.float32), axis=(1, 2))
        logits = ProjectionHead(self.projected_classes, _init, name="head")(h, label)
        return Verdict(logits, h) if features else logits


def embed_class(network: Any, label: jax.Array) -> jax.Array:
    """What the norms of a generator are told of the label: the shared embedding (B, shared_size), or it as a one-hot vector.

    Args:
        network: The calling module, which has `embedded_classes` and `shared_size`.
        label: int (B,).
    """
    if not network.shared_size:
        return jax.nn.one_hot(label, network.embedded_classes)
    embed = nn.Embed(network.embedded_classes, network.shared_size, embedding_init=_init, name="shared_embedding")
    return embed(label)


def widths_for(table: dict[int, tuple[int, ...]], network: Any, height: int, width: int) -> list[int]:
    """The widths of a table for images of a size, or an error that says that there are none."""
    if height != width or height not in table:
        raise UserError(
            f"{type(network).__name__} does not exist for images of {height}x{width}; "
            f"make them square, of side {', '.join(map(str, table))}"
        )
    return [network.width * multiple for multiple in table[height]]

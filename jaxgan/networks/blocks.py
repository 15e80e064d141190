"""Residual blocks that the ResNet GANs (WGAN-GP, SNGAN, SAGAN, BigGAN) have in common."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from jaxgan.errors import UserError
from jaxgan.layers import BatchNorm, Conv, SelfAttention, average_pool, block, upsample_bilinear, upsample_nearest
from jaxgan.networks.initializers import variance_scaling

# Uniform, deviation sqrt(4 / (fan_in + fan_out)): WGAN-GP's "He" initialisation is SNGAN's Glorot with gain sqrt(2).
residual_init = variance_scaling(2.0, "fan_avg", "uniform")
shortcut_init = variance_scaling(1.0, "fan_avg", "uniform")


class UpBlock(nn.Module):
    """Pre-activation residual block of a generator: (B, H, W, C) -> (B, 2H, 2W, features).

    norm, ReLU, upsampling, 3x3, norm, ReLU, 3x3; shortcut: upsampling, 1x1.

    Attributes:
        features: Output width, also between the convolutions.
        norm: Makes a normalisation layer, which is called with the map and with whatever the block got besides it.
        kernel_init: Of the 3x3 convolutions.
        shortcut_init: Of the 1x1 convolution.
        dtype: Compute and output dtype.
        upsampling: "nearest", or "bilinear".
    """

    features: int
    norm: Callable[..., nn.Module] = BatchNorm
    kernel_init: Initializer = residual_init
    shortcut_init: Initializer = shortcut_init
    dtype: Any = jnp.float32
    upsampling: str = "nearest"

    @nn.compact
    @block
    def __call__(self, x: jax.Array, *condition: jax.Array) -> jax.Array:
        """Doubles the map `x`; `condition` (none, labels or vectors) goes to both norms."""
        h = nn.relu(self.norm(dtype=self.dtype, name="norm_1")(x, *condition))
        conv = functools.partial(Conv, self.features, kernel_init=self.kernel_init, dtype=self.dtype)
        bilinear = self.upsampling == "bilinear"
        h = conv(resample=None if bilinear else "up", name="conv_1")(upsample_bilinear(h) if bilinear else h)
        h = nn.relu(self.norm(dtype=self.dtype, name="norm_2")(h, *condition))
        h = conv(name="conv_2")(h)
        # A 1x1 convolution and upsampling commute; this order is a quarter of the work.
        x = Conv(self.features, 1, kernel_init=self.shortcut_init, dtype=self.dtype, name="shortcut")(x)
        return h + (upsample_bilinear(x) if bilinear else upsample_nearest(x))


class DownBlock(nn.Module):
    """Residual block of a discriminator, without normalisation: (B, H, W, C) -> (B, H / 2, W / 2, features).

    ReLU, 3x3, ReLU, 3x3, average pool; shortcut: 1x1, average pool. A block that keeps both size and width has the
    identity as its shortcut.

    Attributes:
        features: Output width.
        hidden: Width between the convolutions.
        downsample: Whether to halve the map.
        preactivate: Whether to start with ReLU; the block that reads the image does not.
        kernel_init: Of the 3x3 convolutions.
        shortcut_init: Of the 1x1 convolution.
        dtype: Compute and output dtype.
    """

    features: int
    hidden: int
    downsample: bool = True
    preactivate: bool = True
    kernel_init: Initializer = residual_init
    shortcut_init: Initializer = shortcut_init
    dtype: Any = jnp.float32

    @nn.compact
    @block
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (B, H, W, C) to (B, H / 2, W / 2, features), or to (B, H, W, features) without `downsample`."""
        h = nn.relu(x) if self.preactivate else x
        conv = functools.partial(Conv, kernel_init=self.kernel_init, dtype=self.dtype)
        h = conv(self.hidden, name="conv_1")(h)
        h = conv(self.features, resample="down" if self.downsample else None, name="conv_2")(nn.relu(h))
        shortcut = x.astype(self.dtype)
        if self.downsample:
            # The published blocks pool after the 1x1 convolution (the first one before): the two commute.
            shortcut = average_pool(shortcut)
        if self.downsample or self.features != x.shape[-1]:
            project = Conv(self.features, 1, kernel_init=self.shortcut_init, dtype=self.dtype, name="shortcut")
            shortcut = project(shortcut)
        return h + shortcut


class ProjectionHead(nn.Module):
    """Features (B, C) to logits (B,), with the label by projection: psi(h) + <V_y, h>.

    Miyato and Koyama, "cGANs with Projection Discriminator" (2018, arXiv:1802.05637), Eq. 5.

    Attributes:
        projected_classes: Rows of V; 0 for a head without labels.
        kernel_init: Of psi and V.
    """

    projected_classes: int = 0
    kernel_init: Initializer = shortcut_init

    @nn.compact
    def __call__(self, h: jax.Array, label: jax.Array | None = None) -> jax.Array:
        """Logits (B,) of float32 features (B, C) and, with classes, int labels (B,)."""
        logits = nn.Dense(1, kernel_init=self.kernel_init, name="logit")(h)[:, 0]
        if not self.projected_classes:
            return logits
        embed = nn.Embed(self.projected_classes, h.shape[-1], embedding_init=self.kernel_init, name="class_embedding")
        return logits + jnp.sum(embed(label) * h, axis=-1)


def attend(
    network: Any,
    x: jax.Array,
    side: int,
    name: str,
    looks: list[jax.Array],
    kernel_init: Initializer,
    form: str = "released",
) -> jax.Array:
    """Self-attention of the calling network, if its field `attention` names the side of this map.

    Args:
        network: The calling module, which has `attention` and `dtype`.
        x: The map, (B, H, W, C).
        side: Of the images.
        name: Of the layer.
        looks: Where the pixels look is added to it, (B, H, W, h, w).
        kernel_init: Of the layer's convolutions.
        form: As in `SelfAttention`.

    Returns:
        The map after it, in the shape of `x`; `x` itself where the network does not name it.
    """
    if x.shape[1] not in _attended_sides(network, side):
        return x
    y, weights = SelfAttention(form, kernel_init=kernel_init, dtype=network.dtype, name=name)(x)
    looks.append(weights)
    return y


def _attended_sides(network: Any, side: int) -> set[int]:
    """The sides of the maps that self-attention follows; below 1 they are shares of the image's."""
    return {round(each * side) if each < 1 else int(each) for each in network.attention}


def check_attended(network: Any, side: int, looks: list[jax.Array]) -> None:
    """Raises a UserError if the network names a map for self-attention that it does not have."""
    missing = sorted(_attended_sides(network, side) - {weights.shape[1] for weights in looks})
    if missing:
        raise UserError(
            f"{type(network).__name__} has no map of side {missing[0]} for attention={tuple(network.attention)}: name sides "
            "that its layers make, or shares of the image's, (0.5,), or leave it out, attention=()"
        )

"""DiffAugment: every image, real or generated, is shown recoloured, moved and with a hole."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.augment.pixels import cut_out, translate
from jaxgan.core import Clock, View
from jaxgan.errors import UserError
from jaxgan.layers import check_images
from jaxgan.mesh import shard_batch


def diff_augment(policy: Sequence[str] = ("color", "translation", "cutout")) -> View:
    """Differentiable augmentations, each applied to every image with its own draw.

    Zhao, Liu, Lin, Zhu and Han, "Differentiable Augmentation for Data-Efficient GAN Training" (2020, arXiv:2006.10738),
    section 4, for images in [-1, 1] (which the result may leave: nothing is clipped).

    Args:
        policy: In the order in which they are applied:
            "color": brightness + U(-0.5, 0.5), then saturation * U(0, 2), then contrast * U(0.5, 1.5);
            "translation": by whole pixels within 1/8 of each side, zeros moving in;
            "cutout": zeros in a rectangle of half the image's sides whose centre lies anywhere on the image.
            An eighth and a half are rounded to the nearest pixel, halves up, as in the authors' present program: 4 of 28.

    Returns:
        A view of float images (B, H, W, C); a grey image has no saturation to change.

    Raises:
        UserError: A name is unknown, or the policy is empty.
    """
    unknown = [name for name in policy if name not in _OPERATIONS]
    if unknown or not policy or isinstance(policy, str):
        raise UserError(f"diff_augment: the policy is {policy!r}, but must be a tuple out of {tuple(_OPERATIONS)}")

    def apply(key: jax.Array, images: jax.Array, clock: Clock, state: Any) -> jax.Array:
        check_images("diff_augment", images, "leave the view out for such data")
        for index, name in enumerate(policy):
            images = _OPERATIONS[name](jax.random.fold_in(key, index), images)
        return images

    return View(apply)


def recolor(images: jax.Array, brightness: jax.Array, saturation: jax.Array, contrast: jax.Array) -> jax.Array:
    """Changes each image's brightness, then its saturation, then its contrast.

    Args:
        images: (B, H, W, C).
        brightness: float32 (B,), added.
        saturation: float32 (B,), factor on the distance from a pixel's mean over its channels.
        contrast: float32 (B,), factor on the distance from the image's mean.

    Returns:
        (B, H, W, C).
    """
    brightness, saturation, contrast = (
        value.reshape(-1, 1, 1, 1).astype(images.dtype) for value in (brightness, saturation, contrast)
    )
    images = images + brightness
    grey = images.mean(axis=-1, keepdims=True)
    images = grey + (images - grey) * saturation
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return mean + (images - mean) * contrast


def _rounded(side: int, divisor: int) -> int:
    """side / divisor as a whole number of pixels, halves up."""
    return (2 * side + divisor) // (2 * divisor)


def _color(key: jax.Array, images: jax.Array) -> jax.Array:
    draws = shard_batch(jax.random.uniform(key, (len(images), 3)))
    return recolor(images, draws[:, 0] - 0.5, draws[:, 1] * 2, draws[:, 2] + 0.5)


def _translation(key: jax.Array, images: jax.Array) -> jax.Array:
    draws = shard_batch(jax.random.uniform(key, (len(images), 2)))
    reaches = [_rounded(side, 8) for side in images.shape[1:3]]
    # One of -reach, ..., reach.
    down, right = (
        jnp.floor(draws[:, axis] * (2 * reach + 1)).astype(jnp.int32) - reach for axis, reach in enumerate(reaches)
    )
    return translate(images, down, right)


def _cutout(key: jax.Array, images: jax.Array) -> jax.Array:
    draws = shard_batch(jax.random.uniform(key, (len(images), 2)))
    sides = images.shape[1:3]
    holes = [_rounded(side, 2) for side in sides]
    # An even hole is centred on one of the side + 1 borders of pixels, an odd one on one of the pixels: its ends are borders.
    down, right = (
        jnp.floor(draws[:, axis] * (side + 1 - hole % 2)) + hole % 2 / 2
        for axis, (side, hole) in enumerate(zip(sides, holes, strict=True))
    )
    height, width = (jnp.full(len(images), hole, jnp.float32) for hole in holes)
    return cut_out(images, down, right, height, width)


_OPERATIONS: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "color": _color,
    "translation": _translation,
    "cutout": _cutout,
}

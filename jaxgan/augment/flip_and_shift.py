"""The augmentation of consistency regularisation: flips and small shifts."""

import jax
import jax.numpy as jnp

from jaxgan.augment.pixels import pixels_at
from jaxgan.layers import check_images
from jaxgan.mesh import shard_batch


def flip_and_shift(key: jax.Array, images: jax.Array, flip: bool = True) -> jax.Array:
    """Each image mirrored left to right or not, and moved by up to an eighth of its side; the border is mirrored inwards.

    Zhang et al. 2019, "Consistency Regularization for GANs" (arXiv:1910.12027), section 3.4: on 32 pixels up to 4.

    Args:
        key: PRNG key.
        images: (B, H, W, C).
        flip: Whether half of the images are mirrored; not for images whose mirror image is no such image, like digits.
    """
    check_images("flip_and_shift", images, "leave consistency regularisation out for such data")
    batch, height, width, _ = images.shape
    draws = shard_batch(jax.random.uniform(key, (batch, 3)))
    rows, columns = jnp.indices((height, width))
    moved = []
    for axis, (place, side) in enumerate(((rows, height), (columns, width))):
        reach = side // 8
        shift = jnp.floor(draws[:, axis] * (2 * reach + 1)).astype(jnp.int32) - reach
        place = jnp.abs(place[None] - shift[:, None, None])  # ... 2 1 0 1 2 ...
        moved.append(jnp.where(place > side - 1, 2 * (side - 1) - place, place))
    down, across = moved
    if flip:
        across = jnp.where(draws[:, 2, None, None] < 0.5, width - 1 - across, across)
    return pixels_at(images, down, across)

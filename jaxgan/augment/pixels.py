"""Moves of pixels, each image's own: by any affine map, by whole pixels, and out of the picture."""

import jax
import jax.numpy as jnp


def pixels_at(images: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Each image's pixels at the given places.

    Args:
        images: (B, H, W, C).
        rows: int32 (B, h, w) in 0..H-1; not checked.
        columns: int32 (B, h, w) in 0..W-1; not checked.

    Returns:
        (B, h, w, C).
    """
    batch, height, width, channels = images.shape
    places = (rows * width + columns).reshape(batch, -1)
    flat = images.reshape(batch, height * width, channels)
    pick = jax.vmap(lambda image, place: image.at[place].get(mode="promise_in_bounds"))
    return pick(flat, places).reshape(*rows.shape, channels)


def affine_warp(images: jax.Array, inverse: jax.Array) -> jax.Array:
    """Each image moved by its own affine map: bilinear between pixels, mirrored about the border pixels beyond the edge.

    A map that carries pixels to pixels (the identity, flips, quarter turns, whole translations) carries them exactly.

    Args:
        images: (B, H, W, C).
        inverse: float32 (B, 3, 3), the inverses of the maps: (x, y, 1) of a pixel after the move to (x, y, 1) before it, in
            pixels from the image's centre, x to the right and y downwards. The last row is (0, 0, 1).

    Returns:
        (B, H, W, C), the dtype of `images`.
    """
    _, height, width, _ = images.shape
    rows, columns = places_before(inverse, jnp.arange(height) - (height - 1) / 2, jnp.arange(width) - (width - 1) / 2)
    return bilinear(images, rows + (height - 1) / 2, columns + (width - 1) / 2)


def places_before(inverse: jax.Array, y: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Where the points of a grid were before an affine map.

    Args:
        inverse: As in `affine_warp`.
        y: float32 (h,), the grid's rows.
        x: float32 (w,), its columns.

    Returns:
        Their y and x before the map, each float32 (B, h, w).
    """
    height, width = len(y), len(x)
    y, x = (line.reshape(-1) for line in jnp.meshgrid(y, x, indexing="ij"))
    before = jnp.einsum("bij,jp->bip", inverse, jnp.stack([x, y, jnp.ones_like(x)]), precision="highest")
    before = before.reshape(len(inverse), 3, height, width)
    return before[:, 1], before[:, 0]


def bilinear(images: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Each image between its pixels, mirrored about the border pixels beyond the edge.

    Args:
        images: (B, H, W, C).
        rows: float32 (B, h, w), places in pixels below the first row.
        columns: float32 (B, h, w), in pixels right of the first column.

    Returns:
        (B, h, w, C), the dtype of `images`.
    """
    upper, lower, along = _neighbours(rows, images.shape[1])
    left, right, across = _neighbours(columns, images.shape[2])
    result = jnp.zeros((*rows.shape, images.shape[3]), images.dtype)
    for row, column, weight in (
        (upper, left, (1 - along) * (1 - across)),
        (upper, right, (1 - along) * across),
        (lower, left, along * (1 - across)),
        (lower, right, along * across),
    ):
        result += pixels_at(images, row, column) * weight[..., None].astype(images.dtype)
    return result


def mirrored(place: jax.Array, size: int) -> jax.Array:
    """A place on a line of mirrored images as one in 0..size - 1: ... 2 1 0 1 2 ... n-2 n-1 n-2 ..."""
    period = max(2 * (size - 1), 1)
    phase = jnp.mod(place, period)
    return jnp.clip(jnp.minimum(phase, period - phase), 0, size - 1)


def _neighbours(place: jax.Array, size: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The pixels before and after a place on a line of mirrored images, and how far it is from one to the other."""
    place = mirrored(place, size)
    before = jnp.minimum(jnp.floor(place), max(size - 2, 0))
    after = jnp.minimum(before + 1, size - 1)
    return before.astype(jnp.int32), after.astype(jnp.int32), place - before


def translate(images: jax.Array, down: jax.Array, right: jax.Array) -> jax.Array:
    """Each image moved by its own number of whole pixels; zeros move in.

    Args:
        images: (B, H, W, C).
        down: int32 (B,); negative moves up.
        right: int32 (B,); negative moves left.

    Returns:
        (B, H, W, C).
    """
    _, height, width, _ = images.shape
    rows, columns = jnp.indices((height, width))
    rows, columns = rows[None] - down[:, None, None], columns[None] - right[:, None, None]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    moved = pixels_at(images, jnp.clip(rows, 0, height - 1), jnp.clip(columns, 0, width - 1))
    return jnp.where(inside[..., None], moved, 0)


def cut_out(images: jax.Array, down: jax.Array, right: jax.Array, height: jax.Array, width: jax.Array) -> jax.Array:
    """Each image with its own rectangle set to zero: the pixels whose centres lie inside it.

    Args:
        images: (B, H, W, C).
        down: float32 (B,), the rectangle's centre in pixels below the image's upper edge.
        right: float32 (B,), the centre in pixels from the image's left edge.
        height: float32 (B,), the rectangle's sides in pixels; 0 cuts nothing.
        width: float32 (B,).

    Returns:
        (B, H, W, C).
    """
    y, x = (jnp.arange(side) + 0.5 for side in images.shape[1:3])
    rows = jnp.abs(y[None] - down[:, None]) < height[:, None] / 2
    columns = jnp.abs(x[None] - right[:, None]) < width[:, None] / 2
    return jnp.where((rows[:, :, None] & columns[:, None, :])[..., None], 0, images)

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
    batch, height, width, _ = images.shape
    y, x = (line.reshape(-1) for line in jnp.indices((height, width), jnp.float32))
    centred = jnp.stack([x - (width - 1) / 2, y - (height - 1) / 2, jnp.ones_like(x)])
    before = jnp.einsum("bij,jp->bip", inverse, centred, precision="highest").reshape(batch, 3, height, width)
    left, right, across = _neighbours(before[:, 0] + (width - 1) / 2, width)
    upper, lower, along = _neighbours(before[:, 1] + (height - 1) / 2, height)
    moved = jnp.zeros_like(images)
    for rows, columns, weight in (
        (upper, left, (1 - along) * (1 - across)),
        (upper, right, (1 - along) * across),
        (lower, left, along * (1 - across)),
        (lower, right, along * across),
    ):
        moved += pixels_at(images, rows, columns) * weight[..., None].astype(images.dtype)
    return moved


def _neighbours(place: jax.Array, size: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The pixels before and after a place on a line of mirrored images, and how far it is from one to the other."""
    # ... 2 1 0 1 2 ... n-2 n-1 n-2 ...: up and down with the period 2 (n - 1).
    period = max(2 * (size - 1), 1)
    phase = jnp.mod(place, period)
    place = jnp.clip(jnp.minimum(phase, period - phase), 0, size - 1)
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

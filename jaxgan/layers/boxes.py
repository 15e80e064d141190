"""Maps that are laid into boxes of a canvas, and cut out of them; differentiable in the maps and in the boxes."""

import jax
import jax.numpy as jnp

_LEAST = 1e-3  # a box's side, as a share of the canvas, so that there is something to divide by


def paste(maps: jax.Array, boxes: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Lays each map into its box, bilinearly; outside is 0.

    Args:
        maps: (B, N, h, w).
        boxes: (B, N, 4): left, top, right and bottom as shares of the canvas.
        size: (H, W) of the canvas.

    Returns:
        (B, N, H, W).
    """
    rows = _inside(boxes[..., 1], boxes[..., 3], maps.shape[2], size[0])
    columns = _inside(boxes[..., 0], boxes[..., 2], maps.shape[3], size[1])
    return jnp.einsum("bnyh,bnhw,bnxw->bnyx", rows, maps, columns)


def crop(images: jax.Array, boxes: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Cuts boxes out of images, bilinearly at the middles of the result's pixels.

    Args:
        images: (B, H, W, C).
        boxes: (B, N, 4), as in `paste`.
        size: (h, w) of the result.

    Returns:
        (B, N, h, w, C).
    """
    rows = _sampled(boxes[..., 1], boxes[..., 3], size[0], images.shape[1])
    columns = _sampled(boxes[..., 0], boxes[..., 2], size[1], images.shape[2])
    return jnp.einsum("bnhy,byxc,bnwx->bnhwc", rows, images, columns)


def _inside(low: jax.Array, high: jax.Array, cells: int, pixels: int) -> jax.Array:
    """For each pixel of an axis the weights of the cells of a box, (B, N, pixels, cells); they sum to 1 within the box."""
    middles = (jnp.arange(pixels) + 0.5) / pixels
    span = jnp.maximum(high - low, _LEAST)[..., None]
    share = (middles[None, None] - low[..., None]) / span
    # Beyond the middles of the outer cells their own value goes on to the box's edge.
    place = jnp.clip(share * cells - 0.5, 0.0, cells - 1.0)
    weights = jax.nn.relu(1.0 - jnp.abs(place[..., None] - jnp.arange(cells)[None, None, None]))
    # A pixel at the edge counts by as much of it as the box covers.
    covered = jnp.clip((0.5 - jnp.abs(share - 0.5)) * span * pixels + 0.5, 0.0, 1.0)
    return weights * covered[..., None]


def _sampled(low: jax.Array, high: jax.Array, cells: int, pixels: int) -> jax.Array:
    """For each cell of a box the weights of the pixels of an axis, (B, N, cells, pixels); they sum to 1 on the canvas."""
    shares = (jnp.arange(cells) + 0.5) / cells
    place = (low[..., None] + shares[None, None] * (high - low)[..., None]) * pixels - 0.5
    return jax.nn.relu(1.0 - jnp.abs(place[..., None] - jnp.arange(pixels)[None, None, None]))

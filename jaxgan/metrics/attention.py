"""How far attention reaches."""

import jax
import jax.numpy as jnp


def attention_reach(weights: jax.Array) -> jax.Array:
    """Mean distance from a pixel to what it looks at, as a share of the image's side.

    Zhang et al. 2018 (arXiv:1805.08318) show that attention reaches places that a convolution does not, in figure 5; this is a
    number for it. Weights that are all equal have about 0.52, those of a 3x3 convolution of an 8x8 map 0.13 at most.

    Args:
        weights: float32 (B, H, W, h, w): where each pixel looks, on a map that may have been pooled; their sum over h, w is 1.

    Returns:
        float32 (), in [0, sqrt(2)].
    """

    def centres(height: int, width: int) -> jax.Array:
        """(height, width, 2), in shares of the sides."""
        along = [(jnp.arange(side) + 0.5) / side for side in (height, width)]
        return jnp.stack(jnp.meshgrid(*along, indexing="ij"), axis=-1)

    here, there = centres(*weights.shape[1:3]), centres(*weights.shape[3:])
    distances = jnp.linalg.norm(here[:, :, None, None] - there[None, None], axis=-1)
    # sum_i beta_{j,i} |i - j|, averaged over the pixels j
    return (weights * distances[None]).sum(axis=(3, 4)).mean()

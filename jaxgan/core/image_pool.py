"""A pool of earlier fakes that a discriminator is shown beside the newest ones; part of a game's memory.

Shrivastava et al. 2016 (arXiv:1612.07828), section 2.3; CycleGAN (Zhu et al. 2017, arXiv:1703.10593) keeps 50 images.
"""

import flax.struct
import jax
import jax.numpy as jnp

from jaxgan.mesh import shard_batch


class ImagePool(flax.struct.PyTreeNode):
    """Earlier fakes.

    Attributes:
        images: float32 (size, H, W, C).
        filled: int32 (), how many of them have been stored yet.
    """

    images: jax.Array
    filled: jax.Array


def create(size: int, example: jax.Array) -> ImagePool:
    """An empty pool of `size` images like those of the minibatch `example` (B, H, W, C)."""
    return ImagePool(jnp.zeros((size, *example.shape[1:]), jnp.float32), jnp.int32(0))


def exchange(pool: ImagePool, key: jax.Array, fakes: jax.Array) -> tuple[jax.Array, ImagePool]:
    """Hands in new fakes and takes out as many images to show to the discriminator.

    Image after image: while the pool is not full, the image is stored and shown. Then, with probability 1/2, a random
    stored image is shown and the new one takes its place; otherwise the new one is shown and not stored.

    Args:
        pool: The pool so far; one of size 0 always shows the new fakes.
        key: PRNG key.
        fakes: float32 (B, H, W, C); no gradient passes.

    Returns:
        The images to show, (B, H, W, C), and the new pool.
    """
    fakes = jax.lax.stop_gradient(fakes)
    size = len(pool.images)
    if size == 0:
        return fakes, pool

    def one(pool: ImagePool, turn: tuple[jax.Array, jax.Array]) -> tuple[ImagePool, jax.Array]:
        key, fake = turn
        slot_key, coin_key = jax.random.split(key)
        full = pool.filled >= size
        slot = jnp.where(full, jax.random.randint(slot_key, (), 0, size), pool.filled)
        swap = full & jax.random.bernoulli(coin_key)
        shown = jnp.where(swap, pool.images[slot], fake)
        stored = jnp.where(swap | ~full, fake, pool.images[slot])
        pool = ImagePool(pool.images.at[slot].set(stored), jnp.minimum(pool.filled + 1, size))
        return pool, shown

    pool, shown = jax.lax.scan(one, pool, (jax.random.split(key, len(fakes)), fakes))
    # Out of a loop over the images they come whole: each device goes on with its own share.
    return shard_batch(shown), pool

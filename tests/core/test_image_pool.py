"""The image pool against the rule written as a plain loop."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core import image_pool


def fakes(start: int, number: int) -> jax.Array:
    return jnp.arange(start, start + number, dtype=jnp.float32)[:, None, None, None] * jnp.ones((1, 2, 2, 1))


def test_the_pool_fills_first_then_swaps_about_half():
    exchange = jax.jit(image_pool.exchange)
    pool = image_pool.create(50, fakes(0, 1))
    shown, pool = exchange(pool, jax.random.key(0), fakes(0, 30))
    np.testing.assert_array_equal(shown, fakes(0, 30))
    shown, pool = exchange(pool, jax.random.key(1), fakes(30, 30))
    np.testing.assert_array_equal(shown[:20], fakes(30, 20))  # the fiftieth comes back as it is
    assert int(pool.filled) == 50

    stored = set(np.asarray(pool.images[:, 0, 0, 0]).tolist())
    old = 0
    for step in range(20):
        new = fakes(1000 + 30 * step, 30)
        shown, pool = exchange(pool, jax.random.key(2 + step), new)
        for given, out in zip(
            np.asarray(new[:, 0, 0, 0]).tolist(), np.asarray(shown[:, 0, 0, 0]).tolist(), strict=True
        ):
            if out != given:  # an earlier image is shown: it leaves the pool and the new one takes its place
                assert out in stored
                stored = (stored - {out}) | {given}
                old += 1
        assert set(np.asarray(pool.images[:, 0, 0, 0]).tolist()) == stored
    assert abs(old / 600 - 0.5) < 5 * 0.5 / np.sqrt(600)


def test_a_pool_of_none_shows_the_new_ones_and_stops_gradients():
    pool = image_pool.create(0, fakes(0, 1))
    shown, _ = image_pool.exchange(pool, jax.random.key(0), fakes(3, 4))
    np.testing.assert_array_equal(shown, fakes(3, 4))
    filled = image_pool.create(4, fakes(0, 1))
    gradient = jax.grad(lambda x: image_pool.exchange(filled, jax.random.key(0), x)[0].sum())(fakes(3, 4))
    np.testing.assert_array_equal(gradient, np.zeros_like(gradient))

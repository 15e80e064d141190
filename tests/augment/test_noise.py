"""Instance noise: its distribution, and its fall with the clock."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgan.augment import instance_noise
from jaxgan.core import Clock
from jaxgan.core.schedules import linear_decay


def clock(step: int) -> Clock:
    return Clock(jnp.int32(step), jnp.int32(0), jnp.int32(step), jnp.int32(0))


@pytest.mark.parametrize("shape", [(16, 8, 6, 3), (300, 2)])
def test_the_deviation_follows_the_schedule(shape):
    x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, shape), jnp.float32)
    view = jax.jit(instance_noise(0.4, linear_decay(100)).apply)
    for step, deviation in [(0, 0.4), (75, 0.1)]:
        noise = np.asarray(view(jax.random.key(step), x, clock(step), ()) - x).reshape(-1)
        assert stats.kstest(noise, stats.norm(0, deviation).cdf).pvalue > 1e-3
        # Each entry has its own: neighbours are not correlated.
        assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 5 / np.sqrt(noise.size)
    np.testing.assert_array_equal(view(jax.random.key(1), x, clock(100), ()), x)


def test_without_a_schedule_it_stays():
    x = jnp.zeros((400, 5))
    noise = jax.jit(instance_noise(2.0).apply)(jax.random.key(0), x, clock(10**6), ())
    assert stats.kstest(np.asarray(noise).reshape(-1), stats.norm(0, 2).cdf).pvalue > 1e-3


def test_a_negative_deviation_is_refused():
    with pytest.raises(ValueError, match="at least 0"):
        instance_noise(-0.1)

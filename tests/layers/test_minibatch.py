"""Minibatch standard deviation: against numpy, group by group."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgan.layers import minibatch_stddev


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(24, 2, 3, 4)).astype(np.float32)


@pytest.mark.parametrize(("batch", "group_size", "used"), [(8, 4, 4), (6, 4, 3), (7, 4, 1), (2, 4, 2), (8, 8, 8)])
def test_appends_the_mean_deviation_of_each_group(x, batch, group_size, used):
    x = x[:batch]
    y = minibatch_stddev(x, group_size)
    np.testing.assert_array_equal(y[..., :4], x)
    for start in range(0, batch, used):
        deviation = np.sqrt(x[start : start + used].var(0) + 1e-8).mean()
        np.testing.assert_allclose(y[start : start + used, :, :, 4], np.full((used, 2, 3), deviation), rtol=1e-5)


def test_equal_samples_have_a_finite_gradient():
    gradient = jax.grad(lambda x: minibatch_stddev(x)[..., -1].sum())(jnp.ones((4, 1, 1, 2)))
    np.testing.assert_array_equal(gradient, np.zeros((4, 1, 1, 2)))


def test_groups_stay_on_their_device(x):
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    sharded = jax.device_put(x, NamedSharding(mesh, P("data")))
    function = jax.jit(lambda x: minibatch_stddev(x, 3))
    np.testing.assert_allclose(function(sharded), minibatch_stddev(x, 3), rtol=1e-6)
    program = function.lower(sharded).compile().as_text()
    assert not any(word in program for word in ("all-gather", "all-to-all", "collective-permute", "all-reduce"))


def test_empty_groups_are_refused(x):
    with pytest.raises(ValueError, match="at least 1 sample"):
        minibatch_stddev(x, 0)

"""The initialisers against those of jax."""

import jax
import numpy as np
import pytest

from jaxgan.networks import initializers

scaling = jax.nn.initializers.variance_scaling


@pytest.mark.parametrize(
    ("ours", "theirs", "shape"),
    [
        (initializers.normal(0.02), jax.nn.initializers.normal(0.02), (2, 3, 4, 6)),
        (initializers.variance_scaling(2.0, "fan_in", "normal"), scaling(2.0, "fan_in", "normal"), (2, 3, 4, 6)),
        (initializers.variance_scaling(1.0, "fan_avg", "uniform"), scaling(1.0, "fan_avg", "uniform"), (2, 3, 4, 6)),
        (initializers.variance_scaling(2.0, "fan_in", "uniform"), scaling(2.0, "fan_in", "uniform"), (3, 5)),
        (initializers.variance_scaling(1.0, "fan_avg", "normal"), scaling(1.0, "fan_avg", "normal"), (3, 5)),
    ],
)
def test_the_same_draws_as_jax(ours, theirs, shape):
    key = jax.random.key(4)
    np.testing.assert_allclose(ours(key, shape), theirs(key, shape), rtol=1e-6)


def test_mean():
    draws = initializers.normal(0.02, mean=1.0)(jax.random.key(0), (10_000,))
    np.testing.assert_allclose([np.mean(draws), np.std(draws)], [1.0, 0.02], rtol=0.03)

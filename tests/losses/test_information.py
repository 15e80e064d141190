"""The bounds on mutual information: below it, and equal to it where Q is the posterior."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxgan.losses import information

RNG = np.random.default_rng(0)


def test_the_categorical_bound_is_reached_by_the_posterior_alone():
    # x tells three of four categories apart: I(c; x) = log 4 - 1/2 log 2. In every four samples each category is once.
    category, seen = np.arange(400) % 4, np.minimum(np.arange(400) % 4, 2)
    posterior = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0.5, 0.5]])
    best = float(information.categorical_bound(jnp.log(posterior + 1e-30)[seen], jnp.asarray(category)))
    assert best == pytest.approx(np.log(4) - 0.5 * np.log(2), rel=1e-5)
    for _ in range(5):
        logits = RNG.normal(size=(3, 4)) + np.log(posterior + 0.1)
        assert float(information.categorical_bound(jnp.float32(logits)[seen], jnp.asarray(category))) < best


def test_codes_beside_each_other_are_added():
    logits, category = RNG.normal(size=(6, 2, 3)), RNG.integers(0, 3, (6, 2))
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = 2 * np.log(3) + np.log(np.take_along_axis(p, category[..., None], -1)).sum(axis=(1, 2)).mean()
    value = information.categorical_bound(jnp.float32(logits), jnp.asarray(category))
    assert float(value) == pytest.approx(expected, rel=1e-5)


def test_the_gaussian_bound_is_that_of_the_density():
    code, mean, log_deviation = (RNG.normal(size=(7, 2)) for _ in range(3))
    expected = np.log(2) * 2 + scipy.stats.norm.logpdf(code, mean, np.exp(log_deviation)).sum(axis=1).mean()
    arrays = (jnp.float32(each) for each in (code, mean, log_deviation))
    assert float(information.gaussian_bound(*arrays)) == pytest.approx(expected, rel=1e-5)
    expected = np.log(2) * 2 + scipy.stats.norm.logpdf(code, mean, 1.0).sum(axis=1).mean()
    assert float(information.gaussian_bound(jnp.float32(code), jnp.float32(mean))) == pytest.approx(expected, rel=1e-5)

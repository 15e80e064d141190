"""A VAE's two costs, against SciPy's densities, integrals and draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from jaxgan.losses import bernoulli_cost, normal_cost, normal_kl

MEAN = np.array([[0.0, 0.0, 0.0], [1.5, -0.5, 0.2], [-2.0, 0.1, 3.0]])
LOG_VARIANCE = np.array([[0.0, 0.0, 0.0], [-1.0, 0.5, -2.0], [1.0, 0.3, -0.7]])


def test_the_divergence_is_the_integral_of_its_definition():
    ours = normal_kl(jnp.asarray(MEAN), jnp.asarray(LOG_VARIANCE))
    assert ours.shape == (3,) and float(ours[0]) == 0

    def integral(mean, log_variance):
        q, p = scipy.stats.norm(mean, np.exp(0.5 * log_variance)), scipy.stats.norm()
        return scipy.integrate.quad(lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), -20, 20, points=[mean])[0]

    components = [[integral(*each) for each in zip(*row, strict=True)] for row in zip(MEAN, LOG_VARIANCE, strict=True)]
    np.testing.assert_allclose(ours, np.sum(components, axis=1), rtol=1e-5, atol=1e-6)


def test_the_divergence_is_a_mean_over_draws():
    deviation = np.exp(0.5 * LOG_VARIANCE[1])
    z = MEAN[1] + deviation * np.random.default_rng(0).standard_normal((200_000, 3))
    ratio = scipy.stats.norm.logpdf(z, MEAN[1], deviation) - scipy.stats.norm.logpdf(z)
    expected, error = ratio.sum(1).mean(), ratio.sum(1).std() / np.sqrt(len(z))
    ours = float(normal_kl(jnp.asarray(MEAN[1:2]), jnp.asarray(LOG_VARIANCE[1:2]))[0])
    assert abs(ours - expected) < 4 * error


@pytest.mark.parametrize("deviation", [1.0, 0.3])
def test_the_normal_cost_is_a_log_density_up_to_its_constant(deviation):
    x, mean = np.random.default_rng(1).uniform(-1, 1, (2, 5, 4, 3, 1))
    ours = normal_cost(jnp.asarray(x), jnp.asarray(mean), deviation)
    density = scipy.stats.norm(mean, deviation)
    expected = (density.logpdf(mean) - density.logpdf(x)).reshape(5, -1).sum(1)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_the_bernoulli_cost_is_that_of_coin_tosses():
    p = np.random.default_rng(2).uniform(0.01, 0.99, (3, 4, 4, 1))
    tosses = np.random.default_rng(3).integers(0, 2, p.shape)
    ours = bernoulli_cost(jnp.asarray(2.0 * tosses - 1), jnp.asarray(2 * p - 1))
    expected = -scipy.stats.bernoulli(p).logpmf(tosses).reshape(3, -1).sum(1)
    np.testing.assert_allclose(ours, expected, rtol=1e-4)
    # a grey level costs what its share of ones and zeros does
    grey = bernoulli_cost(jnp.full((1, 1), -0.5), jnp.full((1, 1), 0.2))
    assert float(grey[0]) == pytest.approx(-0.25 * np.log(0.6) - 0.75 * np.log(0.4), rel=1e-5)


def test_a_decoder_that_is_sure_and_wrong_costs_a_finite_number():
    ends = jnp.array([[1.0], [-1.0]])
    assert np.isfinite(bernoulli_cost(ends, -ends)).all()
    assert np.isfinite(jax.grad(lambda mean: bernoulli_cost(ends, mean).sum())(-0.999 * ends)).all()

"""The losses of games with text, against numpy, quadrature and what they say at their best."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxgan.losses.colour import colour_consistency, moments
from jaxgan.losses.contrastive import contrastive
from jaxgan.losses.variational import normal_kl

RNG = np.random.default_rng(0)


def test_the_divergence_from_a_standard_normal_is_that_of_quadrature():
    mean, log_deviation = RNG.normal(size=(3, 2)), RNG.normal(size=(3, 2)) / 2
    x = np.linspace(-40, 40, 400_001)
    expected = 0.0
    for mu, sigma in zip(mean.ravel(), np.exp(log_deviation.ravel()), strict=True):
        p = scipy.stats.norm(mu, sigma)
        expected += np.trapezoid(p.pdf(x) * (p.logpdf(x) - scipy.stats.norm.logpdf(x)), x) / 3
    value = normal_kl(jnp.float32(mean), jnp.float32(2 * log_deviation)).mean()
    assert float(value) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_array_equal(normal_kl(jnp.zeros((4, 5)), jnp.zeros((4, 5))), np.zeros(4))


def test_contrastive_is_two_cross_entropies():
    images, texts = RNG.normal(size=(2, 4, 3))
    scores = images @ texts.T
    rows = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    columns = scores - np.log(np.exp(scores).sum(axis=0, keepdims=True))
    loss, found = contrastive(jnp.float32(images), jnp.float32(texts))
    assert float(loss) == pytest.approx(-np.trace(rows) / 4 - np.trace(columns) / 4, rel=1e-5)
    assert float(found) == np.mean(scores.argmax(axis=1) == np.arange(4))
    # Captions 0 and 1 are the same: neither is a wrong answer to the other's picture.
    same = np.eye(4, dtype=bool)
    same[0, 1] = same[1, 0] = True
    masked = np.where(same & ~np.eye(4, dtype=bool), -np.inf, scores)
    rows = masked - np.log(np.exp(masked).sum(axis=1, keepdims=True))
    columns = masked - np.log(np.exp(masked).sum(axis=0, keepdims=True))
    loss, _ = contrastive(jnp.float32(images), jnp.float32(texts), jnp.asarray(same))
    assert float(loss) == pytest.approx(-np.trace(rows) / 4 - np.trace(columns) / 4, rel=1e-5)
    gradient = jax.grad(lambda images: contrastive(images, jnp.float32(texts), jnp.asarray(same))[0])(
        jnp.float32(images)
    )
    assert np.isfinite(gradient).all()


def test_contrastive_is_the_logarithm_of_the_number_where_nothing_is_known():
    loss, found = contrastive(jnp.zeros((8, 3)), jnp.ones((8, 3)))
    assert float(loss) == pytest.approx(2 * np.log(8), rel=1e-6) and float(found) == 1
    assert float(contrastive(20 * jnp.eye(8), jnp.eye(8))[0]) < 1e-6


def test_colour_consistency_is_of_means_and_covariances():
    fine, coarse = RNG.uniform(-1, 1, (2, 8, 8, 3)), RNG.uniform(-1, 1, (2, 4, 4, 3))
    expected = 0.0
    for a, b in zip(fine.reshape(2, -1, 3), coarse.reshape(2, -1, 3), strict=True):
        expected += 2.0 * np.square(a.mean(0) - b.mean(0)).sum() / 2
        expected += 3.0 * np.square(np.cov(a.T, bias=True) - np.cov(b.T, bias=True)).sum() / 2
    value = colour_consistency(jnp.float32(fine), jnp.float32(coarse), 2.0, 3.0)
    assert float(value) == pytest.approx(expected, rel=1e-5)
    mean, covariance = moments(jnp.float32(fine))
    np.testing.assert_allclose(mean, fine.mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(covariance[0], np.cov(fine[0].reshape(-1, 3).T, bias=True), rtol=1e-4)


def test_the_finer_image_follows_and_the_coarser_does_not():
    coarse = jnp.float32(RNG.uniform(-1, 1, (2, 4, 4, 3)))
    enlarged = jnp.repeat(jnp.repeat(coarse, 2, 1), 2, 2)  # of the same colours
    assert float(colour_consistency(enlarged, coarse)) == pytest.approx(0, abs=1e-10)
    to_fine, to_coarse = jax.grad(colour_consistency, argnums=(0, 1))(enlarged + 0.1, coarse)
    assert np.abs(to_fine).max() > 0
    np.testing.assert_array_equal(to_coarse, np.zeros_like(coarse))

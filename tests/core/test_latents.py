"""What generators are fed: each distribution against its own moments and support."""

import math

import jax
import numpy as np
import pytest
from scipy import stats

from jaxgan.core import Latent, uniform_labels

KEY, NUMBER, SIZE = jax.random.key(0), 4000, 5
DRAWS = NUMBER * SIZE


def draw(distribution, **options):
    return np.asarray(Latent(SIZE, distribution)(KEY, NUMBER, **options))


@pytest.mark.parametrize(
    ("distribution", "cdf"),
    [
        ("normal", stats.norm().cdf),
        ("uniform", stats.uniform(-1, 2).cdf),
        ("unit_uniform", stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)).cdf),
    ],
)
def test_continuous_ones_have_their_distribution(distribution, cdf):
    assert stats.kstest(draw(distribution).ravel(), cdf).pvalue > 1e-3


def test_bernoulli_is_a_fair_coin():
    z = draw("bernoulli")
    assert set(np.unique(z)) == {0.0, 1.0}
    assert abs(z.mean() - 0.5) < 4 * 0.5 / math.sqrt(DRAWS)


def test_censored_normal_is_the_positive_half_and_zeros():
    z = draw("censored_normal")
    assert z.min() == 0.0
    assert abs((z == 0).mean() - 0.5) < 4 * 0.5 / math.sqrt(DRAWS)
    assert stats.kstest(z[z > 0], stats.halfnorm().cdf).pvalue > 1e-3


def test_sphere_has_one_radius_and_no_favourite_direction():
    z = draw("sphere")
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), math.sqrt(SIZE), rtol=1e-5)
    np.testing.assert_allclose(np.cov(z.T), np.eye(SIZE), atol=0.1)
    # The square of a component over the radius is Beta(1/2, (n - 1)/2).
    assert stats.kstest(z[:, 0] ** 2 / SIZE, stats.beta(0.5, (SIZE - 1) / 2).cdf).pvalue > 1e-3


def test_truncation_draws_again_and_only_where_there_are_tails():
    assert stats.kstest(draw("normal", truncation=0.7).ravel(), stats.truncnorm(-0.7, 0.7).cdf).pvalue > 1e-3
    assert np.abs(draw("uniform", truncation=0.5)).max() <= 0.5
    assert draw("censored_normal", truncation=0.5).max() <= 0.5
    for distribution in ("bernoulli", "sphere"):
        with pytest.raises(ValueError, match="no tails to cut off: leave out truncation"):
            draw(distribution, truncation=0.5)
    with pytest.raises(ValueError, match="latent distribution 'cauchy' is unknown: choose one of normal, "):
        Latent(3, "cauchy")


def test_labels_are_equally_likely():
    labels = np.asarray(uniform_labels(KEY, 5000, 10))
    assert labels.dtype == np.int32 and stats.chisquare(np.bincount(labels, minlength=10)).pvalue > 1e-3

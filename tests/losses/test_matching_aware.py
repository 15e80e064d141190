"""The matching-aware losses, against sums written out in numpy and the best discriminator of a small world."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import losses
from jaxgan.losses import matching_aware

RNG = np.random.default_rng(0)
REAL, FAKE, MATCHED, MISMATCHED, FAKE_MATCH = (RNG.normal(size=size) for size in (5, 7, 5, 5, 7))


def log_sigmoid(logits):
    return np.log(1 / (1 + np.exp(-np.asarray(logits, np.float64))))


@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_joint_is_the_sum_of_three_means(weight):
    expected = -log_sigmoid(MATCHED).mean()
    expected -= weight * (log_sigmoid(-MISMATCHED).mean() + log_sigmoid(-FAKE_MATCH).mean())
    given = (jnp.float32(logits) for logits in (MATCHED, MISMATCHED, FAKE_MATCH))
    assert float(matching_aware.joint(*given, weight)) == pytest.approx(expected, rel=1e-5)


def test_without_mismatched_pairs_a_fake_weighs_as_much_as_a_real():
    expected = -log_sigmoid(MATCHED).mean() - log_sigmoid(-FAKE_MATCH).mean()
    value = matching_aware.joint(jnp.float32(MATCHED), None, jnp.float32(FAKE_MATCH), 0.5)
    assert float(value) == pytest.approx(expected, rel=1e-5)


def test_separate_scores_have_a_loss_each():
    value = matching_aware.separate(*map(jnp.float32, (REAL, FAKE, MATCHED, MISMATCHED, FAKE_MATCH)))
    expected = -log_sigmoid(REAL).mean() - log_sigmoid(-FAKE).mean() - log_sigmoid(MATCHED).mean()
    expected -= 0.5 * (log_sigmoid(-MISMATCHED).mean() + log_sigmoid(-FAKE_MATCH).mean())
    assert float(value) == pytest.approx(expected, rel=1e-5)
    value = matching_aware.separate_generator(jnp.float32(FAKE), jnp.float32(FAKE_MATCH))
    assert float(value) == pytest.approx(-log_sigmoid(FAKE).mean() - log_sigmoid(FAKE_MATCH).mean(), rel=1e-5)


@pytest.mark.parametrize("weight", [0.5, 1.0, 2.0])
def test_the_best_joint_score_is_the_ratio_of_the_densities(weight):
    # Four kinds of (image, condition), in so many eighths of each batch: at D* = p / (p + w (p' + q)) no score would move.
    p, mismatched, q = (np.repeat(np.arange(4), counts) for counts in ([4, 2, 1, 1], [1, 1, 3, 3], [2, 1, 1, 4]))
    density = [np.bincount(kinds, minlength=4) / 8 for kinds in (p, mismatched, q)]
    best = jnp.asarray(np.log(density[0] / (weight * (density[1] + density[2]))), jnp.float32)
    loss = lambda score: matching_aware.joint(score[p], score[mismatched], score[q], weight)  # noqa: E731
    np.testing.assert_allclose(jax.grad(loss)(best), np.zeros(4), atol=1e-7)
    assert np.abs(np.asarray(jax.grad(loss)(best + 0.1))).max() > 1e-3


def test_logits_of_half_the_precision_are_judged_in_float32():
    assert losses.matching_aware.joint(*(jnp.ones(3, jnp.bfloat16),) * 3).dtype == jnp.float32

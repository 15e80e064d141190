"""Averages, schedules and latents: rules of the clock, and the distributions that generators are fed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgan.core import Clock, Latent, averaging, schedules, uniform_labels


def clock(step: int = 0, images: int = 0, step_images: int = 64) -> Clock:
    return Clock(jnp.int32(step), jnp.int32(images), jnp.int32(step), jnp.int32(images), step_images)


def test_half_life_forgets_half_in_its_images_whatever_the_batch():
    for batch in (16, 64, 250):
        decay = float(averaging.half_life(1000)(clock(step_images=batch)))
        assert decay ** (1000 / batch) == pytest.approx(0.5, rel=1e-4)
    ramped = averaging.half_life(10_000, ramp_up=0.05)
    assert float(ramped(clock(images=0))) == 0.0
    assert float(ramped(clock(images=64_000))) == pytest.approx(0.5 ** (64 / 3200), rel=1e-5)
    assert float(ramped(clock(images=10**6))) == pytest.approx(0.5 ** (64 / 10_000), rel=1e-5)


def test_exponential_average_starts_when_told():
    rule = averaging.exponential(0.999, start=100)
    assert float(rule(clock(step=99))) == 0.0
    assert float(rule(clock(step=100))) == pytest.approx(0.999)


@pytest.mark.parametrize(("unit", "field"), [("steps", "step"), ("images", "images")])
def test_schedules_hold_then_descend_to_their_final_value(unit, field):
    linear = schedules.linear_decay(300, start=100, final=0.2, unit=unit)
    cosine = schedules.cosine_decay(300, start=100, final=0.2, unit=unit)
    for now, straight, curved in (
        (0, 1, 1),
        (100, 1, 1),
        (150, 0.8, 0.2 + 0.4 * (1 + np.cos(np.pi / 4))),
        (200, 0.6, 0.6),
    ):
        assert float(linear(clock(**{field: now}))) == pytest.approx(straight)
        assert float(cosine(clock(**{field: now}))) == pytest.approx(curved)
    for rule in (linear, cosine):
        assert float(rule(clock(**{field: 400}))) == pytest.approx(0.2)


def test_bad_rules_are_refused():
    with pytest.raises(ValueError, match=r"decay is 1\.0"):
        averaging.exponential(1.0)
    with pytest.raises(ValueError, match="must be positive"):
        averaging.half_life(0)
    with pytest.raises(ValueError, match="unit is 'epochs'"):
        schedules.linear_decay(10, unit="epochs")
    with pytest.raises(ValueError, match="needs 0 <= start < stop"):
        schedules.cosine_decay(10, start=10)
    with pytest.raises(ValueError, match="'normal' or 'uniform'"):
        Latent(3, "cauchy")


def test_latents_have_the_distributions_they_name():
    normal = np.asarray(Latent(8)(jax.random.key(0), 2000)).ravel()
    uniform = np.asarray(Latent(8, "uniform")(jax.random.key(0), 2000)).ravel()
    truncated = np.asarray(Latent(8)(jax.random.key(0), 2000, truncation=0.5)).ravel()
    assert stats.kstest(normal, "norm").pvalue > 1e-3
    assert stats.kstest(uniform, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    # what redrawing gives: the normal law on [-0.5, 0.5]
    assert stats.kstest(truncated, stats.truncnorm(-0.5, 0.5).cdf).pvalue > 1e-3
    labels = np.asarray(uniform_labels(jax.random.key(0), 5000, 10))
    assert stats.chisquare(np.bincount(labels, minlength=10)).pvalue > 1e-3

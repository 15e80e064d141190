"""Mode coverage and 1-D Wasserstein distance on constructed sets counted by hand."""

import math

import numpy as np
import pytest

from jaxgan.metrics import mode_coverage, wasserstein_1d

# Deviation 1/4, so that three deviations, 3/4, is exact in binary.
CENTRES = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])


def test_counts_by_hand():
    samples = np.array(
        [
            [0.0, 0.0],  # mode 0
            [0.5, 0.5],  # mode 0: distance 0.707 < 0.75
            [4.0, 0.7],  # mode 1
            [3.5, 0.0],  # mode 1
            [4.1, -0.1],  # mode 1
            [0.7, 4.7],  # near mode 2, yet 0.99 away: a box of three deviations would take it
            [2.0, 2.0],  # nowhere
            [0.0, 4.75],  # exactly three deviations from mode 2: outside
        ]
    )
    found = mode_coverage(samples, CENTRES, 0.25)
    assert found.counts.tolist() == [2, 3, 0, 0]
    assert found.modes == 2
    assert found.high_quality == 5 / 8
    # p = (2/5, 3/5, 0, 0): 0.4 log(4 * 0.4) + 0.6 log(4 * 0.6).
    assert found.reverse_kl == pytest.approx(0.4 * math.log(1.6) + 0.6 * math.log(2.4), rel=1e-12)


def test_the_boundary_of_three_deviations():
    inside = np.array([[0.0, np.nextafter(0.75, 0.0)]])
    assert mode_coverage(inside, CENTRES, 0.25).modes == 1
    assert mode_coverage(np.array([[0.0, 0.75]]), CENTRES, 0.25).modes == 0


def test_an_equal_share_and_a_collapse():
    assert mode_coverage(np.repeat(CENTRES, 3, axis=0), CENTRES, 0.25).reverse_kl == pytest.approx(0.0, abs=1e-12)
    collapsed = mode_coverage(np.zeros((7, 2)), CENTRES, 0.25)
    assert (collapsed.modes, collapsed.high_quality) == (1, 1.0)
    assert collapsed.reverse_kl == pytest.approx(math.log(4))


def test_no_sample_near_any_mode():
    found = mode_coverage(np.full((3, 2), 100.0), CENTRES, 0.25)
    assert (found.modes, found.high_quality) == (0, 0.0)
    assert found.reverse_kl == pytest.approx(math.log(4))


def test_points_that_are_not_finite_count_as_low_quality():
    found = mode_coverage(np.array([[0.0, 0.0], [np.nan, 0.0], [np.inf, 4.0], [4.0, 4.0]]), CENTRES, 0.25)
    assert found.counts.tolist() == [1, 0, 0, 1]
    assert found.high_quality == 0.5


def test_the_density_itself_by_the_published_protocol():
    # PacGAN's ring: eight modes on the unit circle, deviation 0.01, 2,500 samples; exp(-9/2) of them fall outside.
    generator = np.random.default_rng(0)
    angles = 2.0 * np.pi * np.arange(8) / 8
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    samples = ring[generator.integers(8, size=2500)] + generator.normal(0.0, 0.01, (2500, 2))
    found = mode_coverage(samples, ring, 0.01)
    assert found.modes == 8
    expected = 1.0 - math.exp(-4.5)
    assert abs(found.high_quality - expected) < 4.0 * math.sqrt(expected * (1.0 - expected) / 2500)
    # 2 n KL is near a chi-square with 7 degrees of freedom, whose 99.99 % point is 29.9.
    assert 0.0 < found.reverse_kl < 29.9 / 5000


@pytest.mark.parametrize(
    ("samples", "deviation", "message"),
    [
        (np.zeros((3, 3)), 0.25, r"expected \(N, D\) and \(K, D\)"),
        (np.zeros(3), 0.25, r"expected \(N, D\) and \(K, D\)"),
        (np.zeros((0, 2)), 0.25, "no samples"),
        (np.zeros((3, 2)), 0.0, "must be positive"),
        (np.zeros((3, 2)), float("nan"), "must be positive"),
    ],
)
def test_bad_input_to_mode_coverage(samples, deviation, message):
    with pytest.raises(ValueError, match=message):
        mode_coverage(samples, CENTRES, deviation)


def test_wasserstein_by_hand():
    # A shift by 3; then half the mass of {0, 1} moves from 1 to 4.
    assert wasserstein_1d(np.array([0.0, 1.0, 5.0]), np.array([8.0, 3.0, 4.0])) == pytest.approx(3.0)
    assert wasserstein_1d(np.array([[0.0], [1.0]]), np.array([0.0, 4.0])) == pytest.approx(1.5)
    # Unequal counts: {0} to {0, 0, 6} moves a third of the mass by 6.
    assert wasserstein_1d(np.array([0.0]), np.array([0.0, 0.0, 6.0])) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((3, 2)), r"shape \(3, 2\)"),
        (np.zeros(0), r"shape \(0,\)"),
        (np.float64(1.0), r"shape \(\)"),
        (np.array([0.0, np.nan]), "not finite"),
    ],
)
def test_bad_input_to_wasserstein(samples, message):
    with pytest.raises(ValueError, match=message):
        wasserstein_1d(samples, np.zeros(3))
    with pytest.raises(ValueError, match=message):
        wasserstein_1d(np.zeros(3), samples)

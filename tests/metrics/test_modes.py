"""Mode coverage and 1-D Wasserstein distance on constructed sets counted by hand, stacked digits on real ones."""

import math

import numpy as np
import pytest
import scipy.stats

from jaxgan.data import make_source, prepare
from jaxgan.metrics import effective_modes, kl_from_uniform, mode_coverage, stacked_digit_counts, wasserstein_1d

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


@pytest.mark.parametrize("counts", [[1, 1, 1, 1], [5, 0, 0, 0], [1, 2, 3, 4], [0, 7, 0, 7], [1000, 1, 1, 1]])
def test_shares_of_known_histograms(counts):
    """Against scipy's entropies; four equal modes are four, two equal ones are two."""
    shares = np.array(counts) / sum(counts)
    assert kl_from_uniform(np.array(counts)) == pytest.approx(scipy.stats.entropy(shares, np.full(4, 0.25)), abs=1e-12)
    assert effective_modes(np.array(counts)) == pytest.approx(math.exp(scipy.stats.entropy(shares)))


def test_a_stray_sample_covers_a_mode_but_does_not_hide_a_collapse():
    found = mode_coverage(np.concatenate([np.zeros((997, 2)), CENTRES[1:]]), CENTRES, 0.25)
    assert found.modes == 4 and 1.0 < found.effective_modes < 1.05
    assert mode_coverage(CENTRES, CENTRES, 0.25).effective_modes == pytest.approx(4.0)
    assert mode_coverage(np.full((3, 2), 100.0), CENTRES, 0.25).effective_modes == 0.0


def test_equal_shares_of_few_samples_differ_by_chance():
    """KL(p || uniform) of N fair samples is (K - 1) / 2N on average: the floor that a perfect generator has."""
    draws = np.random.default_rng(0).multinomial(25_600, np.full(1000, 0.001), size=20)
    assert np.mean([kl_from_uniform(counts) for counts in draws]) == pytest.approx(999 / 51_200, rel=0.03)


def test_stacked_digits_are_read_channel_by_channel():
    """Held-out digits, stacked as 012, 123, ..., 901, twenty of each."""
    records = make_source("digits", split="test").stack()
    digits = np.asarray(prepare(records)["image"])
    of = [digits[records["label"] == digit][:20] for digit in range(10)]
    triples = [(digit, (digit + 1) % 10, (digit + 2) % 10) for digit in range(10)]
    images = [np.concatenate([of[a], of[b][::-1], of[c]], axis=-1) for a, b, c in triples]
    counts = stacked_digit_counts(np.concatenate(images))
    assert counts.shape == (1000,) and counts.sum() == 200
    assert sum(counts[100 * a + 10 * b + c] >= 19 for a, b, c in triples) == 10


@pytest.mark.parametrize("shape", [(4, 16, 16, 1), (4, 16, 3), (4, 20, 20, 3)])
def test_images_that_are_no_stacked_digits(shape):
    with pytest.raises(ValueError, match="images of shape"):
        stacked_digit_counts(np.zeros(shape, np.float32))


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

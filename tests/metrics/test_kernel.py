"""The kernel distance against sums written out, and its expectation."""

import itertools

import numpy as np
import pytest

from jaxgan.metrics.kernel import kernel_distance, squared_mmd


def test_pairs_written_out():
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(4, 3)), draw.normal(1.0, 1.0, size=(5, 3))
    kernel = lambda a, b: (np.dot(a, b) / 3 + 1) ** 3  # noqa: E731
    within = [np.mean([kernel(a, b) for a, b in itertools.permutations(part, 2)]) for part in (x, y)]
    across = np.mean([kernel(a, b) for a, b in itertools.product(x, y)])
    assert squared_mmd(x, y) == pytest.approx(sum(within) - 2 * across, rel=1e-12)
    assert squared_mmd(y, x) == pytest.approx(squared_mmd(x, y), rel=1e-12)


def test_zero_in_expectation_for_equal_distributions_with_both_signs():
    draw = np.random.default_rng(0)
    values = np.array([squared_mmd(draw.normal(size=(20, 4)), draw.normal(size=(20, 4))) for _ in range(2000)])
    error = values.std() / np.sqrt(len(values))
    assert abs(values.mean()) < 4 * error
    assert 0.2 < (values < 0).mean() < 0.8
    # The biased estimate would be above 0 by E k(x, x) - E k(x, x') over 20, twice.
    assert 4 * error < 0.5 * 2 / 20


def test_expectation_of_a_shift():
    """One dimension: k(x, y) = (xy + 1)^3, so that the squared MMD is sum_n binom(3, n) (E x^n - E y^n)^2."""
    draw = np.random.default_rng(0)
    shift = 0.5
    # Moments of N(0, 1): 0, 1, 0; of N(s, 1): s, 1 + s^2, s^3 + 3 s.
    expected = 3 * shift**2 + 3 * shift**4 + (shift**3 + 3 * shift) ** 2
    x, y = draw.normal(size=(2000, 1)), draw.normal(shift, 1.0, size=(2000, 1))
    value, deviation = kernel_distance(x, y, subsets=20, subset_size=500)
    assert value == pytest.approx(expected, abs=5 * deviation / np.sqrt(4))
    assert 0 < deviation < expected


def test_too_few_and_other_networks_are_refused():
    with pytest.raises(ValueError, match="subsets of 1000 images out of 999 and 2000"):
        kernel_distance(np.zeros((999, 2)), np.zeros((2000, 2)))
    with pytest.raises(ValueError, match="take one network's"):
        kernel_distance(np.zeros((1000, 2)), np.zeros((1000, 3)))

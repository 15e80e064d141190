"""The sliced Wasserstein distance sees at which scale images differ."""

import numpy as np
import pytest
from scipy import ndimage

from jaxgan.metrics import sliced_wasserstein as module
from jaxgan.metrics.sliced_wasserstein import sliced_wasserstein


def smooth(number, seed):
    noise = np.random.default_rng(seed).normal(size=(number, 32, 32, 1))
    x = ndimage.gaussian_filter(noise, (0, 4, 4, 0))
    return np.clip(128 + 40 * x / x.std(), 0, 255)


def test_equal_sets_are_at_zero_up_to_the_choice_of_patches():
    x = smooth(100, 0).astype(np.uint8)
    found = sliced_wasserstein(x, x)
    assert set(found) == {32, 16} and max(found.values()) < 15


def test_sides_are_halved_together_while_neither_is_below_16():
    x = smooth(100, 0).astype(np.uint8)
    wide = np.concatenate([x, x[:, ::-1]], axis=2)  # 32x64, whose left halves are those of the square ones
    assert set(sliced_wasserstein(wide, wide)) == {32, 16}
    for height in (31, 24):
        assert set(sliced_wasserstein(wide[:, :height], wide[:, :height])) == {height}
    real, new = wide, np.concatenate([smooth(100, 1).astype(np.uint8), x], axis=2)
    assert sliced_wasserstein(real, new)[32] > 0


def test_noise_is_seen_at_the_fine_scale_and_layout_at_the_coarse_one():
    real, new = smooth(100, 0), smooth(100, 1)
    base = sliced_wasserstein(real.astype(np.uint8), new.astype(np.uint8))
    noisy = np.clip(new + np.random.default_rng(2).normal(0, 12, new.shape), 0, 255)
    fine = sliced_wasserstein(real.astype(np.uint8), noisy.astype(np.uint8))
    # Patches of two values alone: nothing like smooth ones at any scale.
    hard = sliced_wasserstein(real.astype(np.uint8), np.where(new > 128, 255, 0).astype(np.uint8))
    assert fine[32] > 3 * base[32] and fine[32] > 2 * fine[16]
    assert hard[16] > 3 * base[16]


def test_the_distance_of_shifted_numbers_is_the_shift():
    """Of vectors that differ by a constant c, the projections differ by c . theta: E |c . theta| over the sphere."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(500, 30)).astype(np.float32)
    shift = np.zeros(30, np.float32)
    shift[3] = 2.0
    from scipy.special import gammaln

    # E |theta_1| on the unit sphere of R^d = Gamma(d / 2) / (sqrt(pi) Gamma((d + 1) / 2))
    expected = 2.0 * np.exp(gammaln(15.0) - gammaln(15.5)) / np.sqrt(np.pi)
    assert module._distance(x, x[::-1] + shift[None], draw) == pytest.approx(expected, rel=0.1)
    assert module._distance(x, x[::-1], draw) == pytest.approx(0.0, abs=1e-5)


def test_up_and_down_keep_what_is_smooth():
    constant = np.full((1, 16, 16, 2), 7.0, np.float32)
    np.testing.assert_allclose(module._down(constant), 7.0, rtol=1e-6)
    np.testing.assert_allclose(module._up(module._down(constant)), 7.0, rtol=1e-6)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="give as many, alike, from 7x7 up"):
        sliced_wasserstein(np.zeros((2, 8, 8, 1), np.uint8), np.zeros((3, 8, 8, 1), np.uint8))

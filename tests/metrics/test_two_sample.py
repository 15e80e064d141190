"""The two-sample test: a half where nothing tells two sets apart, one where everything does."""

import numpy as np
import pytest

from jaxgan.data import make_source
from jaxgan.errors import UserError
from jaxgan.metrics.two_sample import told_apart


@pytest.fixture(scope="module")
def digits():
    return make_source("digits", split="test").stack()["image"] / np.float32(127.5) - 1


def test_equal_pairs_are_a_coin(digits):
    assert told_apart(digits, digits) == 0.5


def test_other_draws_of_one_density_are_nearly_a_coin():
    draw = np.random.default_rng(0)
    first, second = (draw.normal(size=(400, 8, 8, 1)) for _ in range(2))
    assert told_apart(first, second) == pytest.approx(
        0.5, abs=0.06
    )  # deviation sqrt(1 / 4 / 800) = 0.018, twice and more


def test_blur_noise_and_shift_are_seen(digits):
    blurred = sum(np.roll(digits, shift, axis) for shift in (-1, 0, 1) for axis in (1, 2)) / 6
    noisy = digits + np.random.default_rng(0).uniform(-0.2, 0.2, digits.shape)
    assert told_apart(blurred, digits) > 0.9
    assert told_apart(noisy, digits) > 0.95
    assert told_apart(digits + 0.5, digits) == 1.0
    assert told_apart(blurred, digits) == told_apart(blurred, digits)


def test_large_images_are_averaged_over_blocks():
    draw = np.random.default_rng(0)
    real = draw.uniform(-1, 1, (8, 130, 66, 1)).astype(np.float32)
    assert told_apart(real + 1.0, real) == 1.0


def test_what_is_no_pair():
    with pytest.raises(UserError, match=r"images of \(3, 8, 8, 1\) and \(3, 8, 8, 1\); give 4 pairs"):
        told_apart(np.zeros((3, 8, 8, 1)), np.zeros((3, 8, 8, 1)))
    with pytest.raises(UserError, match="two-sample test"):
        told_apart(np.zeros((5, 8, 8, 1)), np.zeros((5, 8, 8, 3)))

"""DiffAugment: its operations against numpy, its draws against the distributions of the paper."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgan.augment import diff_augment
from jaxgan.augment.diff_augment import recolor

MANY = 3000


def show(policy, images, seed=0):
    view = jax.jit(diff_augment(policy).apply)
    return np.asarray(view(jax.random.key(seed), jnp.asarray(images, jnp.float32), None, ()))


@pytest.mark.parametrize("channels", [1, 3])
def test_colours_change_as_numpy_says(channels):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (5, 4, 6, channels)).astype(np.float32)
    brightness, saturation, contrast = (rng.uniform(0, 2, 5).astype(np.float32) for _ in range(3))
    result = recolor(x, *map(jnp.asarray, (brightness, saturation, contrast)))
    for image, seen, b, s, c in zip(x, result, brightness, saturation, contrast, strict=True):
        image = image + b
        image = np.mean(image, -1, keepdims=True) * (1 - s) + image * s
        image = np.mean(image) * (1 - c) + image * c
        np.testing.assert_allclose(seen, image, atol=2e-6)


def test_colours_are_drawn_for_each_image_as_in_the_paper():
    # A coloured and a grey pixel, from which the three numbers can be read back.
    image = np.array([[[0.5, 0.2, -0.1], [-0.2, -0.2, -0.2]]])
    seen = show(("color",), np.broadcast_to(image, (MANY, 1, 2, 3)))[:, 0]
    grey = seen.mean(-1)
    contrast = (grey[:, 0] - grey[:, 1]) / 0.4
    saturation = (seen[:, 0, 0] - seen[:, 0, 2]) / 0.6 / contrast
    brightness = grey.mean(-1)
    for name, values, low, width in [
        ("brightness", brightness, -0.5, 1),
        ("saturation", saturation, 0, 2),
        ("contrast", contrast, 0.5, 1),
    ]:
        assert stats.kstest(values, stats.uniform(low, width).cdf).pvalue > 1e-3, name
    correlations = np.corrcoef([brightness, saturation, contrast]) - np.eye(3)
    assert np.abs(correlations).max() < 5 / np.sqrt(MANY)


def test_a_grey_image_has_no_saturation():
    x = np.random.default_rng(0).uniform(-1, 1, (3, 4, 4, 1)).astype(np.float32)
    zeros, ones = jnp.zeros(3), jnp.ones(3)
    np.testing.assert_array_equal(recolor(x, zeros, zeros, ones), recolor(x, zeros, ones, ones))


def test_translations_are_whole_pixels_up_to_an_eighth():
    height, width = 9, 24
    rows, columns = np.indices((height, width)) + 1.0
    seen = show(("translation",), np.broadcast_to(np.stack([rows, columns], -1), (MANY, height, width, 2)))
    down = 5 - seen[:, 4, 12, 0]
    right = 13 - seen[:, 4, 12, 1]
    for image, row, column in zip(seen[:50], down.astype(int), right.astype(int), strict=False):
        before = np.stack([rows - row, columns - column], -1)
        inside = (before >= 1).all(-1) & (before <= [height, width]).all(-1)
        np.testing.assert_array_equal(image, np.where(inside[..., None], before, 0))
    pairs = (down + 1) * 7 + right + 3  # -1..1 down and -3..3 to the right
    counts = np.bincount(pairs.astype(int), minlength=21)
    assert len(counts) == 21 and stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize(("side", "reach"), [(28, 4), (100, 13), (32, 4), (11, 1), (12, 2)])
def test_an_eighth_of_a_side_is_rounded_half_up(side, reach):
    rows = np.broadcast_to(np.arange(1.0, side + 1)[:, None, None], (500, side, side, 1))
    down = side // 2 + 1 - show(("translation",), rows)[:, side // 2, side // 2, 0]
    assert set(down) == set(range(-reach, reach + 1))


@pytest.mark.parametrize(("height", "width", "hole_height", "hole_width"), [(4, 6, 2, 3), (8, 3, 4, 2), (5, 7, 3, 4)])
def test_holes_are_half_the_sides_and_lie_anywhere(height, width, hole_height, hole_width):
    seen = show(("cutout",), np.ones((MANY, height, width, 1)))[..., 0]
    # Centred on any border of pixels where the hole's side is even, on any pixel where it is odd.
    starts = [
        range(-(hole // 2), side + 1 - hole % 2 - hole // 2)
        for side, hole in [(height, hole_height), (width, hole_width)]
    ]
    counts = {}
    for top in starts[0]:
        for left in starts[1]:
            expected = np.ones((height, width), np.float32)
            expected[max(top, 0) : top + hole_height, max(left, 0) : left + hole_width] = 0
            counts[expected.tobytes()] = 0
    assert len(counts) == len(starts[0]) * len(starts[1])
    for image in seen:
        counts[image.tobytes()] += 1  # a KeyError: no such hole
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3


@pytest.mark.parametrize("policy", [(), ("colour",), "color"])
def test_unknown_operations_are_refused(policy):
    with pytest.raises(ValueError, match="policy"):
        diff_augment(policy)

"""Moves of pixels: against numpy's flips, rolls and slices, and scipy's interpolation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from jaxgan.augment.pixels import affine_warp, cut_out, translate


def images(batch: int, height: int, width: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (batch, height, width, channels)).astype(np.float32)


def about_centre(linear: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Inverse maps (B, 3, 3) of (x, y, 1)."""
    matrices = np.zeros((len(linear), 3, 3), np.float32)
    matrices[:, :2, :2], matrices[:, :2, 2], matrices[:, 2, 2] = linear, shift, 1
    return matrices


@pytest.mark.parametrize("size", [(6, 9), (1, 5)])
def test_warps_as_scipy_interpolates_mirrored_images(size):
    x = images(12, *size)
    rng = np.random.default_rng(1)
    # Turns, stretches and moves by far more than the image, so that it is mirrored more than once.
    linear, shift = np.eye(2) + rng.normal(0, 1, (12, 2, 2)), rng.normal(0, 10, (12, 2))
    warped = np.asarray(jax.jit(affine_warp)(x, about_centre(linear, shift)))
    rows, columns = np.indices(size)
    centre = (np.array(size)[::-1] - 1) / 2
    after = np.stack([columns, rows], -1) - centre
    for image, result, matrix, move in zip(x, warped, linear, shift, strict=True):
        before = after @ matrix.T + move + centre
        for channel in range(2):
            places = [before[..., 1], before[..., 0]]
            expected = ndimage.map_coordinates(image[..., channel].astype(float), places, order=1, mode="mirror")
            np.testing.assert_allclose(result[..., channel], expected, atol=2e-5)


def test_what_carries_pixels_to_pixels_is_exact():
    x = images(4, 5, 7)
    linear = np.array([np.eye(2), [[-1, 0], [0, 1]], np.eye(2), [[-1, 0], [0, -1]]])
    shift = np.array([[0, 0], [0, 0], [-2, 1], [0, 0]])  # the third: two to the right, one up
    warped = jax.jit(affine_warp)(x, about_centre(linear, shift))
    np.testing.assert_array_equal(warped[0], x[0])
    np.testing.assert_array_equal(warped[1], x[1, :, ::-1])
    padded = np.pad(x[2], ((0, 1), (2, 0), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(warped[2], padded[1:, :-2])
    np.testing.assert_array_equal(warped[3], np.rot90(x[3], 2))
    square = images(3, 6, 6)
    quarters = np.array([[[0, -1], [1, 0]], [[0, 1], [-1, 0]], np.eye(2)])
    turned = jax.jit(affine_warp)(square, about_centre(quarters, np.zeros((3, 2))))
    # x, y on the screen after a turn to the left came from -y, x.
    np.testing.assert_array_equal(turned[0], np.rot90(square[0], 1))
    np.testing.assert_array_equal(turned[1], np.rot90(square[1], -1))


def test_translates_by_whole_pixels_and_zeros_move_in():
    x = images(5, 4, 6)
    down, right = np.array([0, 1, -2, 3, 9]), np.array([0, -1, 4, 5, 0])
    moved = jax.jit(translate)(x, jnp.array(down), jnp.array(right))
    for image, result, rows, columns in zip(x, moved, down, right, strict=True):
        expected = np.roll(image, (rows, columns), axis=(0, 1))
        expected[: max(rows, 0)] = 0
        expected[min(rows, 0) or 4 :] = 0
        expected[:, : max(columns, 0)] = 0
        expected[:, min(columns, 0) or 6 :] = 0
        np.testing.assert_array_equal(result, expected)


def test_cuts_out_exactly_the_rectangle():
    x = images(4, 6, 9)
    # An even side centred on a border of pixels, an odd one on a pixel, one over the edge, and none.
    down, right = jnp.array([3.0, 2.5, 0.0, 3.0]), jnp.array([4.0, 4.5, 9.0, 4.5])
    height, width = jnp.array([2.0, 3.0, 4.0, 0.0]), jnp.array([4.0, 1.0, 6.0, 5.0])
    expected = x.copy()
    expected[0, 2:4, 2:6] = 0
    expected[1, 1:4, 4:5] = 0
    expected[2, :2, 6:] = 0
    np.testing.assert_array_equal(jax.jit(cut_out)(x, down, right, height, width), expected)

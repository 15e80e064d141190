"""Maps laid into boxes, and boxes cut out of images, against loops over pixels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from jaxgan.layers.boxes import crop, paste

RNG = np.random.default_rng(0)


def pasted(values, box, size):
    """The truth: each pixel of the canvas whose square lies in the box has the map at its middle, else nothing; pixels on the
    box's edge have as much of it as the box covers of their row and column."""
    left, top, right, bottom = np.array(box) * [size[1], size[0], size[1], size[0]]
    canvas = np.zeros(size)
    for row in range(size[0]):
        for column in range(size[1]):
            covered = [
                max(0.0, min(start + 1, high) - max(start, low))
                for start, low, high in ((row, top, bottom), (column, left, right))
            ]
            if not min(covered):
                continue
            y = (row + 0.5 - top) / (bottom - top) * values.shape[0] - 0.5
            x = (column + 0.5 - left) / (right - left) * values.shape[1] - 0.5
            at = map_coordinates(values, [[y], [x]], order=1, mode="nearest")[0]
            canvas[row, column] = covered[0] * covered[1] * at
    return canvas


@pytest.mark.parametrize("box", [(0.25, 0.5, 0.75, 1), (0, 0, 1, 1), (0.1, 0.33, 0.8, 0.71), (0.3, 0.2, 0.42, 0.9)])
def test_a_map_is_laid_into_its_box(box):
    values = RNG.normal(size=(4, 5))
    made = paste(jnp.asarray(values)[None, None], jnp.asarray(box)[None, None], (8, 16))
    assert made.shape == (1, 1, 8, 16)
    np.testing.assert_allclose(made[0, 0], pasted(values, box, (8, 16)), atol=1e-5)


def test_a_map_of_the_boxs_own_pixels_is_copied():
    values = RNG.normal(size=(2, 3, 4, 4)).astype(np.float32)
    boxes = np.float32([[0.25, 0.5, 0.75, 1.0], [0, 0, 0.5, 0.5], [0.5, 0.125, 1.0, 0.625]])
    made = np.asarray(paste(jnp.asarray(values), jnp.tile(boxes, (2, 1, 1)), (8, 8)))
    for (left, top, right, bottom), own, canvas in zip((boxes * 8).astype(int), values[1], made[1], strict=True):
        expected = np.zeros((8, 8), np.float32)
        expected[top:bottom, left:right] = own
        np.testing.assert_allclose(canvas, expected, atol=1e-6)


def test_a_box_of_nothing_holds_nothing_and_has_finite_gradients():
    boxes = jnp.zeros((1, 1, 4))
    made = paste(jnp.ones((1, 1, 4, 4)), boxes, (8, 8))
    assert float(jnp.abs(made).max()) <= 0.02  # a hundredth of a pixel on each axis, at the corner
    gradient = jax.grad(lambda boxes: paste(jnp.ones((1, 1, 4, 4)), boxes, (8, 8)).sum())(boxes)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("box", [(0.25, 0.5, 0.75, 1), (0.1, 0.33, 0.8, 0.71), (0.3, 0.2, 0.42, 0.9)])
def test_a_box_is_cut_out_at_the_middles_of_the_results_pixels(box):
    image = RNG.normal(size=(8, 16, 2))
    made = crop(jnp.asarray(image)[None], jnp.asarray(box)[None, None], (4, 6))
    assert made.shape == (1, 1, 4, 6, 2)
    y = (box[1] + (np.arange(4) + 0.5) / 4 * (box[3] - box[1])) * 8 - 0.5
    x = (box[0] + (np.arange(6) + 0.5) / 6 * (box[2] - box[0])) * 16 - 0.5
    for channel in range(2):
        # Outside of the canvas is nothing, so that a pixel's ink ends half a pixel beyond its middle.
        expected = map_coordinates(np.pad(image[..., channel], 1), np.meshgrid(y + 1, x + 1, indexing="ij"), order=1)
        np.testing.assert_allclose(made[0, 0, ..., channel], expected, atol=1e-5)


def test_what_was_laid_into_a_box_is_cut_out_of_it_again():
    values, box = RNG.normal(size=(1, 1, 4, 4)), jnp.asarray([[[0.25, 0.5, 0.75, 1.0]]])
    canvas = paste(jnp.asarray(values), box, (8, 8))
    np.testing.assert_allclose(crop(canvas[:, 0, ..., None], box, (4, 4))[..., 0], values, atol=1e-6)


@pytest.mark.parametrize("function", ["paste", "crop"])
def test_gradients_reach_the_boxes(function):
    values, direction = RNG.normal(size=(1, 1, 4, 4)), np.array([0.3, -0.2, 0.5, 0.7])
    weights = RNG.normal(size=(8, 8))

    def value(boxes):
        if function == "paste":
            return (paste(jnp.asarray(values), boxes[None, None], (8, 8)) * weights[None, None]).sum()
        return jnp.square(crop(jnp.asarray(weights)[None, ..., None], boxes[None, None], (4, 4))).sum()

    with jax.enable_x64(True):
        box = jnp.asarray([0.13, 0.26, 0.81, 0.77], jnp.float64)
        step = 1e-6 * direction
        slope = (value(box + step) - value(box - step)) / 2e-6
        assert float(jax.grad(value)(box) @ direction) == pytest.approx(float(slope), rel=1e-4)

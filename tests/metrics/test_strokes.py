"""Properties of strokes, on shapes whose moments are known."""

import numpy as np
import pytest

from jaxgan.metrics import stroke_properties


def line(step, height=16, width=16):
    """A line of one pixel a row that goes `step` pixels to the right with each row upwards."""
    image = -np.ones((height, width, 1))
    for row in range(height):
        image[row, round(width / 2 + step * (height / 2 - row)), 0] = 1.0
    return image


def test_of_lines_and_bars():
    images = np.stack([line(0), line(0.5), line(-0.5), line(0)])
    images[3, :, 6:11] = 1.0  # a bar of five pixels
    found = stroke_properties(images)
    np.testing.assert_allclose(found["slant"], [0, 0.5, -0.5, 0], atol=0.02)
    np.testing.assert_allclose(found["weight"], np.array([16, 16, 16, 80]) / 256)
    assert found["width"][0] == 0 and found["width"][3] == pytest.approx(np.sqrt(2))  # of five places in a row


def test_an_empty_image_has_none():
    assert all(value[0] == 0 for value in stroke_properties(-np.ones((1, 4, 4, 3))).values())

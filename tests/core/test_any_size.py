"""Images of any size for networks that see all of an image: filled up by reflection, and cut back."""

import numpy as np
import pytest

from jaxgan.core.tiling import Tiling

IMAGES = np.random.default_rng(0).uniform(-1, 1, (3, 10, 7, 2)).astype(np.float32)


@pytest.mark.parametrize("factor", [1, 2])
def test_an_image_is_filled_up_to_what_the_network_takes_and_cut_back(factor):
    seen = []

    def network(images):
        seen.append(images)
        assert images.shape[1] % 4 == images.shape[2] % 4 == 0
        return images.repeat(factor, axis=1).repeat(factor, axis=2)

    made = Tiling(factor, None, 4)(network, IMAGES)
    np.testing.assert_array_equal(made, IMAGES.repeat(factor, axis=1).repeat(factor, axis=2))
    (filled,) = seen
    assert filled.shape == (3, 12, 8, 2)
    # The row behind the last is the last but one, without a seam.
    np.testing.assert_array_equal(filled[:, 10:, :7], IMAGES[:, [8, 7]])
    np.testing.assert_array_equal(filled[:, :10, 7], IMAGES[:, :, 5])


def test_an_image_that_fits_is_handed_over_as_it_is():
    made = Tiling(1, None, 2)(lambda images: images, IMAGES[:, :, :6])
    np.testing.assert_array_equal(made, IMAGES[:, :, :6])


def test_an_image_smaller_than_what_is_lacking():
    made = Tiling(1, None, 64)(lambda images: images, IMAGES[:, :1, :3])
    np.testing.assert_array_equal(made, IMAGES[:, :1, :3])


def test_an_image_smaller_than_the_least():
    tiling, seen = Tiling(2, None, 4, 8), []

    def network(images):
        seen.append(images.shape)
        return images.repeat(2, axis=1).repeat(2, axis=2)

    np.testing.assert_array_equal(tiling(network, IMAGES[:, :3]), IMAGES[:, :3].repeat(2, axis=1).repeat(2, axis=2))
    assert seen == [(3, 8, 8, 2)] and tiling.sides(3, 7) == (16, 16) and tiling.sides(9, 12) == (24, 24)

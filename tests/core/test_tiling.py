"""Tiles: the result is that of the whole image, to the last bit of what the network can see."""

import jax
import numpy as np
import pytest

from jaxgan.core.tiling import Tiling
from jaxgan.networks import SRResNet

REACH = 3


def enlarge(images):
    """Twice as large; a pixel is the sum of 7x7 pixels with zeros around the image, so that its border is seen."""
    padded = np.pad(images, ((0, 0), (REACH, REACH), (REACH, REACH), (0, 0)))
    height, width = images.shape[1:3]
    steps = range(2 * REACH + 1)
    total = sum(padded[:, i : i + height, j : j + width] for i in steps for j in steps)
    return total.repeat(2, axis=1).repeat(2, axis=2)


@pytest.mark.parametrize("size", [(70, 70), (71, 70), (64, 200), (210, 135), (134, 5), (1, 300)])
def test_tiles_give_the_same_as_the_whole(size):
    tiling, calls = Tiling(2, REACH), []

    def counted(images):
        calls.append(images.shape)
        return enlarge(images)

    # Whole numbers, whose sums are exact in any order.
    images = np.random.default_rng(0).integers(-9, 10, (2, *size, 3)).astype(np.float32)
    np.testing.assert_array_equal(tiling(counted, images), enlarge(images))
    assert all(max(shape[1:3]) <= tiling.side for shape in calls)
    assert len({shape[1:3] for shape in calls}) == 1  # one compilation


def test_too_small_a_reach_shows_at_the_seams():
    images = np.random.default_rng(0).integers(-9, 10, (1, 200, 200, 1)).astype(np.float32)
    assert (Tiling(2, REACH - 1)(enlarge, images) != enlarge(images)).any()


@pytest.mark.parametrize(("factor", "outer", "blocks"), [(2, 3, 1), (4, 9, 1)])
def test_srresnets_reach_is_as_far_as_a_pixel_is_felt(factor, outer, blocks):
    network = SRResNet((0, 0, 1), factor, width=4, blocks=blocks, outer_kernel=outer, norm="none")
    middle, side = network.reach + 2, 2 * network.reach + 5
    x = np.random.default_rng(0).normal(size=(1, side, side, 1)).astype(np.float32)
    y = x.copy()
    y[0, middle, middle, 0] += 1
    apply = jax.jit(network.apply)
    params = jax.jit(network.init)(jax.random.key(1), x)
    felt = np.argwhere(np.abs(apply(params, x) - apply(params, y))[0, :, :, 0] > 1e-7) // factor - middle
    assert network.reach - 1 <= abs(felt).max() <= network.reach

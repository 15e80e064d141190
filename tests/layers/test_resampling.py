"""Resampling: against numpy and loops over windows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxgan.layers import (
    BatchNorm,
    Conv,
    average_pool,
    largest,
    max_pool,
    pixel_shuffle,
    reflect_pad,
    upsample_bilinear,
    upsample_nearest,
)


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype(np.float32)


def test_upsample_nearest_repeats_pixels(x):
    np.testing.assert_array_equal(upsample_nearest(x), x.repeat(2, 1).repeat(2, 2))
    np.testing.assert_array_equal(upsample_nearest(x, 3), x.repeat(3, 1).repeat(3, 2))


def test_pixel_shuffle_lays_channels_out_by_hand():
    # Two channels of 2x2 blocks: the first four numbers are the first one's, row by row.
    shuffled = pixel_shuffle(jnp.arange(8.0).reshape(1, 1, 1, 8))
    np.testing.assert_array_equal(shuffled[0, :, :, 0], [[0, 1], [2, 3]])
    np.testing.assert_array_equal(shuffled[0, :, :, 1], [[4, 5], [6, 7]])
    with pytest.raises(ValueError, match="3 channels make no blocks of 2x2"):
        pixel_shuffle(jnp.zeros((1, 2, 2, 3)))


@pytest.mark.parametrize("factor", [2, 3])
def test_pixel_shuffle_equals_torch(factor):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(1).normal(size=(2, 3, 5, 2 * factor**2)).astype(np.float32)
    expected = torch.nn.functional.pixel_shuffle(torch.tensor(x).permute(0, 3, 1, 2), factor).permute(0, 2, 3, 1)
    np.testing.assert_array_equal(pixel_shuffle(jnp.asarray(x), factor), expected)


@pytest.mark.parametrize(("pool", "reduce"), [(average_pool, np.mean), (max_pool, np.max)])
def test_pools_reduce_windows(x, pool, reduce):
    expected = [[reduce(x[:, i : i + 2, j : j + 2], axis=(1, 2)) for j in (0, 2, 4)] for i in (0, 2)]
    np.testing.assert_allclose(pool(x), np.moveaxis(expected, 2, 0), rtol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_largest_is_the_maximum_along_an_axis_and_its_gradient_goes_to_one_place(x, axis):
    np.testing.assert_array_equal(largest(jnp.asarray(x), axis), x.max(axis))
    gradient = np.asarray(jax.grad(lambda x: largest(x, axis).sum())(jnp.asarray(x)))
    np.testing.assert_array_equal(gradient, x == x.max(axis, keepdims=True))


def test_the_gradient_of_max_pool_goes_to_the_first_of_the_largest():
    x = jnp.array([[1.0, 2.0], [2.0, 0.0]]).reshape(1, 2, 2, 1)
    gradient = jax.grad(lambda x: max_pool(x).sum())(x)
    np.testing.assert_array_equal(gradient.reshape(2, 2), [[0, 1], [0, 0]])


@pytest.mark.parametrize("place", range(4))
def test_max_pool_passes_what_is_not_a_number(place):
    assert np.isnan(max_pool(jnp.arange(4.0).at[place].set(jnp.nan).reshape(1, 2, 2, 1)))


def test_the_gradient_of_max_pool_holds_where_a_compiler_computes_its_map_twice():
    """A map that is normalised by products and differences, which the backward pass rounds otherwise than the forward one."""
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    generator = np.random.default_rng(0)
    x = generator.standard_normal((2, 12, 12, 4), np.float32)
    kernel = 0.3 * generator.standard_normal((3, 3, 4, 4), np.float32)
    probe = generator.standard_normal((2, 5, 5, 4), np.float32)
    network = nn.Sequential(
        [Conv(4, padding="VALID", use_bias=False), BatchNorm(use_scale=False, use_bias=False), max_pool]
    )

    def loss(x):
        return (network.apply({"params": {"layers_0": {"kernel": kernel}}}, x) * probe).sum()

    expected = torch.tensor(x, requires_grad=True)
    maps = f.conv2d(expected.permute(0, 3, 1, 2), torch.tensor(kernel).permute(3, 2, 0, 1))
    maps = f.max_pool2d(f.batch_norm(maps, None, None, training=True), 2).permute(0, 2, 3, 1)
    (maps * torch.tensor(probe)).sum().backward()
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(x), expected.grad, atol=1e-5)


def test_maps_that_do_not_divide_are_refused(x):
    with pytest.raises(ValueError, match="4x6 map does not divide into windows of 4x4"):
        average_pool(x, 4)


@pytest.mark.parametrize("amount", [0, 1, 3, (2, 0)])
def test_reflect_pad_equals_numpy(x, amount):
    vertical, horizontal = (amount, amount) if isinstance(amount, int) else amount
    expected = np.pad(x, ((0, 0), (vertical, vertical), (horizontal, horizontal), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(reflect_pad(x, amount), expected)


def test_the_gradient_of_reflect_pad_counts_the_copies_of_a_pixel():
    gradient = jax.grad(lambda x: reflect_pad(x, 1).sum())(jnp.ones((1, 3, 3, 1)))
    # the neighbours of the border are copied once along each axis
    np.testing.assert_array_equal(gradient[0, :, :, 0], np.outer([1, 3, 1], [1, 3, 1]))


def test_sides_too_short_to_reflect_are_refused(x):
    with pytest.raises(ValueError, match="cannot reflect 4 of 4 pixels"):
        reflect_pad(x, 4)


def test_bilinear_upsampling_is_torchs():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 4)).astype(np.float32)
    there = torch.tensor(x).permute(0, 3, 1, 2)
    wanted = torch.nn.functional.interpolate(there, scale_factor=2, mode="bilinear", align_corners=False)
    np.testing.assert_allclose(upsample_bilinear(jnp.asarray(x)), wanted.permute(0, 2, 3, 1), atol=1e-6)

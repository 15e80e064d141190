"""The Laplacian pyramid against loops over rows and torch; it takes apart and puts together exactly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.layers.laplacian import collapse, down, pyramid, up


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((2, 8, 12, 3)).astype(np.float32)


def blurred(row):
    """By (1, 4, 6, 4, 1) / 16, with the border pixels repeated."""
    return np.convolve(np.pad(row, 2, mode="edge"), [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16], mode="valid")


def halved(row, kernel):
    return (row[::2] + row[1::2]) / 2 if kernel == "box" else blurred(row)[::2]


def doubled(row, kernel):
    size = len(row)
    if kernel == "box":
        return np.interp(np.linspace(0, size - 1, 2 * size), np.arange(size), row)
    # One pixel more on each side before the zeros come between, and their places cut off afterwards.
    spread = np.zeros(2 * size + 4)
    spread[::2] = np.pad(row, 1, mode="edge")
    return 2 * blurred(spread)[2:-2]


@pytest.mark.parametrize("kernel", ["box", "binomial"])
@pytest.mark.parametrize(("resize", "along"), [(down, halved), (up, doubled)])
def test_rows_and_columns(resize, along, kernel, x):
    expected = np.apply_along_axis(along, 2, np.apply_along_axis(along, 1, x, kernel), kernel)
    np.testing.assert_allclose(resize(x, kernel), expected, atol=1e-5)
    # The gradient of a linear map M is its transpose: <w, M v> = <M^T w, v>.
    weight, direction = (np.random.default_rng(1).standard_normal(shape) for shape in (expected.shape, x.shape))
    gradient = jax.jit(jax.grad(lambda x: (resize(x, kernel) * weight).sum()))(x)
    moved = np.apply_along_axis(along, 2, np.apply_along_axis(along, 1, direction, kernel), kernel)
    np.testing.assert_allclose((gradient * direction).sum(), (weight * moved).sum(), rtol=1e-4)


def test_box_is_torch_bilinear(x):
    torch = pytest.importorskip("torch")
    resize = torch.nn.functional.interpolate
    images = torch.tensor(x.transpose(0, 3, 1, 2))
    expected = resize(images, scale_factor=2, mode="bilinear", align_corners=True)
    # torch rounds the places of the pixels
    np.testing.assert_allclose(up(x), expected.permute(0, 2, 3, 1), atol=1e-5)
    expected = resize(images, scale_factor=0.5, mode="area")
    np.testing.assert_allclose(down(x), expected.permute(0, 2, 3, 1), atol=1e-6)


@pytest.mark.parametrize("kernel", ["box", "binomial"])
def test_a_pyramid_collapses_to_its_images(kernel, x):
    residuals, coarsest = pyramid(x, 2, kernel)
    assert [residual.shape for residual in residuals] == [(2, 8, 12, 3), (2, 4, 6, 3)]
    assert coarsest.shape == (2, 2, 3, 3)
    np.testing.assert_array_equal(coarsest, down(down(jnp.asarray(x), kernel), kernel))
    np.testing.assert_allclose(collapse(residuals, coarsest, kernel), x, atol=1e-6)
    # There is something in it, and the details of a constant image are none.
    assert np.std(residuals[0]) > 0.3
    np.testing.assert_allclose(pyramid(jnp.full((1, 4, 4, 1), 0.3), 2, kernel)[0][0], 0, atol=1e-6)


def test_no_levels():
    x = jnp.ones((1, 3, 3, 1))
    assert pyramid(x, 0) == ([], x)
    np.testing.assert_array_equal(collapse([], x), x)


@pytest.mark.parametrize("kernel", ["box", "binomial"])
def test_one_pixel_and_bfloat16(kernel):
    x = jnp.full((1, 1, 1, 1), 0.25, jnp.bfloat16)
    y = up(x, kernel)
    assert y.dtype == down(y, kernel).dtype == jnp.bfloat16
    np.testing.assert_array_equal(y.astype(jnp.float32), np.full((1, 2, 2, 1), 0.25))


def test_errors(x):
    with pytest.raises(UserError, match=r"kernel='bx' does not exist; did you mean 'box'\?"):
        up(x, "bx")
    with pytest.raises(UserError, match="images of 7x12 have no half"):
        down(x[:, :7])
    with pytest.raises(UserError, match="images of 8x12 cannot be halved 3 times; resize them to multiples of 8"):
        pyramid(x, 3)

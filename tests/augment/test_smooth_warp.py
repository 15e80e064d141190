"""The warp through a doubled image: nothing lost by doubling, straight lines kept, waves and shrinking against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.augment import pixels
from jaxgan.augment import smooth_warp as module

smooth_warp, affine_warp = jax.jit(module.smooth_warp), jax.jit(pixels.affine_warp)
SIDE = 33
MIDDLE = slice(10, 23)


def inverse(linear, shift=(0.0, 0.0)):
    matrix = np.eye(3, dtype=np.float32)
    matrix[:2, :2], matrix[:2, 2] = linear, shift
    return jnp.asarray(matrix[None])


def turn(angle):
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def coordinates():
    """x and y, from the centre: (1, SIDE, SIDE, 2)."""
    rows, columns = np.indices((SIDE, SIDE)) - SIDE // 2
    return np.stack([columns, rows], -1)[None].astype(np.float32)


def test_the_filter_is_an_orthogonal_wavelets():
    assert module.SYMLET_6.sum() == pytest.approx(np.sqrt(2), abs=1e-12)
    for lag in range(6):
        assert module.SYMLET_6[2 * lag :] @ module.SYMLET_6[: 12 - 2 * lag] == pytest.approx(float(lag == 0), abs=1e-11)
    # Six vanishing moments: the high-pass filter is blind to polynomials of degree 5.
    high = module.SYMLET_6[::-1] * (-1.0) ** np.arange(12)
    for degree in range(6):
        assert high @ (np.arange(12) - 5.5) ** degree == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("size", [(1, 5), (9, 12)])
def test_the_identity_changes_nothing(size):
    x = np.random.default_rng(0).uniform(-1, 1, (2, *size, 3)).astype(np.float32)
    np.testing.assert_allclose(smooth_warp(x, jnp.broadcast_to(jnp.eye(3), (2, 3, 3))), x, atol=2e-6)


def test_moves_by_whole_pixels_with_mirrored_edges():
    x = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 1)).astype(np.float32)
    move = inverse(np.eye(2), (-2.0, 1.0))
    np.testing.assert_allclose(smooth_warp(x, move)[:, 4:12, 4:12], affine_warp(x, move)[:, 4:12, 4:12], atol=2e-6)


def test_straight_lines_stay_straight():
    linear, shift = 0.8 * turn(0.3), (1.3, -0.7)
    seen = np.asarray(smooth_warp(coordinates(), inverse(linear, shift)))
    expected = coordinates() @ linear.T + shift
    np.testing.assert_allclose(seen[:, MIDDLE, MIDDLE], expected[:, MIDDLE, MIDDLE], atol=1e-4)


def test_waves_turn_with_less_error_than_between_pixels():
    def wave(place):
        return np.cos(2 * np.pi * 0.35 * place[..., :1] + 0.4)

    linear = turn(0.3)
    expected = wave(coordinates() @ linear.T)[:, MIDDLE, MIDDLE]
    errors = [
        np.abs(np.asarray(warp(wave(coordinates()), inverse(linear)))[:, MIDDLE, MIDDLE] - expected).max()
        for warp in (smooth_warp, affine_warp)
    ]
    assert errors[0] < 0.2 and errors[1] > 0.5


def test_what_is_finer_than_pixels_disappears():
    """A chequerboard at half its size is grey; between pixels, its every other pixel is all of one colour."""
    board = (coordinates().sum(-1, keepdims=True) % 2 * 2 - 1).astype(np.float32)
    shrunk = [np.asarray(warp(board, inverse(2 * np.eye(2))))[:, 12:21, 12:21] for warp in (smooth_warp, affine_warp)]
    assert np.abs(shrunk[0]).max() < 1e-5 and np.abs(shrunk[1]).min() == 1


def test_its_gradient_is_its_transpose():
    """The warp is linear, so <w, A x> has the gradient A' w; A column by column."""
    matrix = inverse(turn(0.5), (0.3, 0.2))

    def warp(flat):
        return smooth_warp(flat.reshape(-1, 4, 4, 1), jnp.broadcast_to(matrix, (flat.size // 16, 3, 3))).reshape(-1, 16)

    columns = warp(jnp.eye(16)).T
    weights = np.random.default_rng(0).normal(size=16).astype(np.float32)
    gradient = jax.grad(lambda flat: (warp(flat) @ weights).sum())(jnp.ones(16))
    np.testing.assert_allclose(gradient, columns.T @ weights, atol=1e-5)

"""Path lengths of linear generators, which have closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.metrics.path_length import lerp, path_length, slerp, squared_speeds

LATENT, PIXELS, NUMBER = 6, 48, 4000


@pytest.fixture(scope="module")
def matrix():
    return np.random.default_rng(0).normal(size=(LATENT, PIXELS)).astype(np.float32) / 10


def speeds(matrix, interpolate, epsilon=1e-2):
    """Under d(x, y) = |x - y|^2. A linear path needs no small step; rounding would only blur it."""
    a, b = jax.random.normal(jax.random.key(1), (2, NUMBER, LATENT))
    t = jax.random.uniform(jax.random.key(2), (NUMBER,))
    generate = lambda z: jnp.matmul(z, matrix, precision="highest").reshape(-1, 4, 4, 3)  # noqa: E731
    distance = lambda x, y: jnp.sum(jnp.square(x - y), axis=(1, 2, 3))  # noqa: E731
    return a, b, np.asarray(squared_speeds(generate, distance, a, b, t, interpolate, epsilon))


def test_a_straight_path_has_the_speed_of_its_ends(matrix):
    a, b, found = speeds(matrix, lerp)
    # |A (b - a)|^2 for each pair; over normal latents its mean is 2 |A|_F^2.
    np.testing.assert_allclose(found, np.square(np.asarray(b - a) @ matrix).sum(axis=1), rtol=1e-3)
    error = found.std() / np.sqrt(NUMBER)
    assert path_length(found, trim=False) == pytest.approx(2 * np.square(matrix).sum(), abs=4 * error)


def test_on_the_sphere_the_speed_is_the_angle():
    """With A = 1 and ends of equal length r, |path'(t)| = r w everywhere, w the angle between them."""
    a, b = jax.random.normal(jax.random.key(1), (2, 100, LATENT))
    unit = lambda x: 3.0 * x / jnp.linalg.norm(x, axis=1, keepdims=True)  # noqa: E731
    a, b = unit(a), unit(b)
    t = jax.random.uniform(jax.random.key(2), (100,))
    distance = lambda x, y: jnp.sum(jnp.square(x - y), axis=(1, 2, 3))  # noqa: E731
    found = squared_speeds(lambda z: z[:, None, None], distance, a, b, t, slerp, epsilon=1e-2)
    angle = np.arccos(np.sum(np.asarray(a) * np.asarray(b), axis=1) / 9.0)
    np.testing.assert_allclose(found, 9.0 * angle**2, rtol=1e-3)


def test_slerp_reaches_both_ends_and_stays_on_the_sphere():
    a, b = np.array([[3.0, 0.0], [0.0, 2.0]], np.float32), np.array([[0.0, 3.0], [0.0, 2.0]], np.float32)
    for t, expected in [(0.0, a), (1.0, b)]:
        np.testing.assert_allclose(slerp(a, b, jnp.full((2, 1), t)), expected, atol=1e-6)
    half = np.asarray(slerp(a, b, jnp.full((2, 1), 0.5)))
    # The second pair is parallel.
    np.testing.assert_allclose(half, [[3 / np.sqrt(2)] * 2, [0.0, 2.0]], atol=1e-6)


def test_rounding_to_bytes_would_multiply_it(matrix):
    a, b = jax.random.normal(jax.random.key(1), (2, 500, LATENT))
    t = jax.random.uniform(jax.random.key(2), (500,))
    generate = lambda z: jnp.tanh(z @ matrix).reshape(-1, 4, 4, 3)  # noqa: E731
    rounded = lambda z: jnp.floor(127.5 * generate(z) + 128) / 127.5 - 1  # noqa: E731
    distance = lambda x, y: jnp.sum(jnp.square(x - y), axis=(1, 2, 3))  # noqa: E731
    exact, coarse = (squared_speeds(g, distance, a, b, t).mean() for g in (generate, rounded))
    assert coarse > 10 * exact


def test_the_tails_are_left_out():
    values = np.concatenate([[1e9], np.arange(1.0, 200.0)])
    # The 1st and the 99th percentile of 1 .. 199 and 1e9 are 2 and 199 (lower and higher neighbours).
    assert path_length(values) == pytest.approx(np.arange(2.0, 200.0).mean())
    assert path_length(values, trim=False) > 1e6
    with pytest.raises(ValueError, match="not finite"):
        path_length(np.array([1.0, np.inf]))
    with pytest.raises(ValueError, match="there are no distances"):
        path_length(np.array([]))


def test_products_are_those_of_full_float32_on_any_device():
    """With ten bits of mantissa, as in TensorFloat-32, a step of 1e-4 is lost in rounding."""

    def generate(z):
        return (z @ jnp.ones((3, 4))).reshape(-1, 2, 2, 1)

    def distance(x, y):
        return jnp.square(x - y).reshape(-1, 4) @ jnp.ones(4)

    latents = jax.random.normal(jax.random.key(0), (2, 5, 3))
    traced = str(jax.make_jaxpr(lambda a, b: squared_speeds(generate, distance, a, b, jnp.zeros(5)))(*latents))
    assert traced.count("dot_general[") == 3 and traced.count("Precision.HIGHEST") == 6  # of both factors

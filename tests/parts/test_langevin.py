"""Langevin steps: by hand, on energies whose valleys and stationary densities are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import UserError
from jaxgan.parts.langevin import Langevin, uniform_images

KEY = jax.random.key(0)
CENTRE = jnp.array([[0.5, -0.25, 0.0]])


def hill(x):
    """-1/2 || x - centre ||^2, highest at the centre; its gradient is centre - x."""
    return -0.5 * jnp.square(x - CENTRE).sum(axis=1)


def test_a_step_by_hand():
    x = jnp.array([[0.4, 0.75, 0.0], [-0.9, 0.9, 1.0]])
    made = Langevin(0.5, 0.0, 1.0).step(hill, KEY, x)
    slope = np.clip(np.asarray(CENTRE - x), -1, 1)
    np.testing.assert_allclose(made, np.clip(np.asarray(x) + 0.5 * slope, -1, 1), rtol=1e-6)
    assert float(made[1, 0]) == pytest.approx(-0.4)  # the slope of 1.4 is clipped
    far = Langevin(10.0, 0.0, 1.0).step(hill, KEY, x)
    assert float(jnp.abs(far).max()) == 1  # and images stay images


def test_a_chain_is_its_steps_and_climbs():
    langevin, x = Langevin(0.1, 0.0, 2.0), uniform_images(KEY, 16, (3,))
    heights = [hill(x)]
    for index in range(5):
        x = langevin.step(hill, jax.random.fold_in(KEY, index), x)
        heights.append(hill(x))
    np.testing.assert_allclose(langevin.chain(hill, KEY, uniform_images(KEY, 16, (3,)), 5), x, rtol=1e-6)
    assert (np.diff(np.stack(heights), axis=0) >= 0).all()
    # Each step takes a tenth of what is left: (1 - 0.1)^5
    np.testing.assert_allclose(x - CENTRE, 0.9**5 * (uniform_images(KEY, 16, (3,)) - CENTRE), rtol=1e-3, atol=1e-6)


def test_its_stationary_deviation_is_the_theorys():
    """x' = (1 - s) x + n epsilon about the centre: variance n^2 / (1 - (1 - s)^2)."""
    step_size, noise = 0.3, 0.05
    x = Langevin(step_size, noise, 10.0).chain(hill, KEY, jnp.zeros((4000, 3)), 60)
    expected = noise / np.sqrt(1 - (1 - step_size) ** 2)
    np.testing.assert_allclose(np.asarray(x).std(0), expected, rtol=0.05)
    np.testing.assert_allclose(np.asarray(x).mean(0), CENTRE[0], atol=5 * expected / np.sqrt(4000))


def test_no_gradient_passes_by_a_chain():
    def end(scale):
        score = lambda x: scale * hill(x)  # noqa: E731
        return Langevin(0.1, 0.01, 1.0).chain(score, KEY, jnp.zeros((2, 3)), 3).sum()

    assert float(jax.grad(end)(1.0)) == 0


def test_chains_begin_all_over_the_cube():
    x = np.asarray(uniform_images(KEY, 2000, (4, 3, 2)))
    assert x.shape == (2000, 4, 3, 2) and x.min() < -0.99 and x.max() > 0.99
    assert x.std() == pytest.approx(1 / np.sqrt(3), rel=0.02)


@pytest.mark.parametrize("wrong", [(0.0, 0.1, 1.0), (1.0, -0.1, 1.0), (1.0, 0.1, 0.0)])
def test_what_cannot_be_is_said_in_a_line(wrong):
    with pytest.raises(UserError, match=r"^Langevin steps of step_size=.*must be above 0, the noise at least 0$"):
        Langevin(*wrong)

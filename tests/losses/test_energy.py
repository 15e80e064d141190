"""Energies: EBGAN's losses and pulling-away term against loops, BEGAN's controller by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.losses import energy, equilibrium, pulling_away


def test_the_hinge_is_each_images_own():
    objective = energy(10.0)
    real, fake = np.array([1.0, 2.0, 6.0]), np.array([30.0, 4.0, 9.0])
    assert float(objective.discriminator(jnp.asarray(real), jnp.asarray(fake))) == pytest.approx(3 + (0 + 6 + 1) / 3)
    assert float(objective.generator(jnp.asarray(fake))) == pytest.approx(43 / 3)
    # a fake past the margin is left alone, whatever the batch's mean
    slopes = jax.grad(objective.discriminator, argnums=1)(jnp.asarray(real), jnp.asarray(fake))
    np.testing.assert_allclose(slopes, [0, -1 / 3, -1 / 3], rtol=1e-6)


def test_in_equilibrium_the_loss_is_the_margin():
    # p = q: any energy between 0 and m costs m
    energies = jnp.linspace(0, 7, 5)
    assert float(energy(7.0).discriminator(energies, energies)) == pytest.approx(7.0)


def pulling_away_by_loops(features):
    total, number = 0.0, len(features)
    for i in range(number):
        for j in range(number):
            if i != j:
                lengths = np.sqrt((features[i] ** 2).sum()) * np.sqrt((features[j] ** 2).sum())
                total += ((features[i] * features[j]).sum() / lengths) ** 2
    return total / (number * (number - 1))


def test_pulling_away_is_a_double_loop():
    features = np.random.default_rng(0).normal(size=(5, 2, 3))
    value = pulling_away(jnp.asarray(features, jnp.float32))
    assert value.dtype == jnp.float32 and value.shape == ()
    assert float(value) == pytest.approx(pulling_away_by_loops(features), rel=1e-5)
    half = jnp.asarray(features, jnp.bfloat16)
    assert pulling_away(half).dtype == jnp.float32
    assert float(pulling_away(half)) == pytest.approx(pulling_away_by_loops(np.asarray(half, np.float64)), rel=1e-5)
    # the same direction for all: 1; one of its own for each: 0
    assert float(pulling_away(jnp.array([[1.0, 2.0], [3.0, 6.0], [-1.0, -2.0]]))) == pytest.approx(1.0)
    assert float(pulling_away(7 * jnp.eye(4))) == 0.0


def test_pulling_aways_gradient_by_finite_differences():
    features = np.random.default_rng(1).normal(size=(3, 4))
    with jax.enable_x64(True):
        gradient = np.asarray(jax.grad(pulling_away)(jnp.asarray(features)))
    for index in np.ndindex(features.shape):
        step = np.zeros_like(features)
        step[index] = 1e-6
        numeric = (pulling_away_by_loops(features + step) - pulling_away_by_loops(features - step)) / 2e-6
        assert gradient[index] == pytest.approx(numeric, abs=1e-8)


def test_features_of_zero_pull_nowhere():
    features = jnp.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    value, gradient = jax.value_and_grad(pulling_away)(features)
    # only the pair of the last two, cos^2 = 1/2, counted in both orders
    assert float(value) == pytest.approx(2 * 0.5 / 6)
    assert np.isfinite(gradient).all() and (gradient[0] == 0).all()


def test_one_image_makes_no_pair():
    with pytest.raises(ValueError, match="at least 2"):
        pulling_away(jnp.ones((1, 3)))


def test_k_moves_towards_balance_within_its_bounds():
    real, fake = jnp.array([2.0, 4.0], jnp.bfloat16), jnp.array([0.5, 0.5])
    # k + lambda (gamma L(x) - L(G(z))) = 0.2 + 0.1 (0.5 * 3 - 0.5)
    k = equilibrium.update(jnp.float32(0.2), real, fake, gamma=0.5, gain=0.1)
    assert k.dtype == jnp.float32 and float(k) == pytest.approx(0.3)
    assert float(equilibrium.update(0.2, real, fake)) == pytest.approx(
        0.201
    )  # the paper's lambda, 0.001, and gamma, 1/2
    assert float(equilibrium.update(0.95, real, fake, gain=0.1)) == 1.0
    assert float(equilibrium.update(0.05, fake, real, gain=0.1)) == 0.0


def test_convergence_is_the_reals_energy_and_the_imbalance():
    # M = 3 + |0.7 * 3 - 0.5|, and |0.7 * 0.5 - 3| the other way round
    real, fake = jnp.array([2.0, 4.0]), jnp.array([0.5, 0.5])
    assert float(equilibrium.convergence(real, fake, gamma=0.7)) == pytest.approx(3 + 1.6)
    assert float(equilibrium.convergence(fake, real, gamma=0.7)) == pytest.approx(0.5 + 2.65)
    # in balance, L(G(z)) = gamma L(x), k rests and M = L(x)
    assert float(equilibrium.convergence(real, 0.5 * real)) == pytest.approx(3.0)
    assert float(equilibrium.update(0.4, real, 0.5 * real)) == pytest.approx(0.4)

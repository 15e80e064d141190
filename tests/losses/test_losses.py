"""Objectives at their known optima, penalties against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import losses

P = np.array([0.1, 0.2, 0.3, 0.4])
Q = np.array([0.4, 0.3, 0.2, 0.1])


def expect(objective, critic):
    """The discriminator's loss when x ~ P, fakes ~ Q on four points, by repeating points in proportion."""
    real = jnp.asarray(np.repeat(critic, (P * 10).astype(int)), jnp.float32)
    fake = jnp.asarray(np.repeat(critic, (Q * 10).astype(int)), jnp.float32)
    return float(objective.discriminator(real, fake))


def kl(a, b):
    return (a * np.log(a / b)).sum()


def test_at_its_best_discriminator_each_objective_is_its_divergence():
    middle = (P + Q) / 2
    js = (kl(P, middle) + kl(Q, middle)) / 2
    # C* = log p/q; the loss there is 2 log 2 - 2 JS
    for objective in (losses.minimax, losses.non_saturating):
        assert expect(objective, np.log(P / Q)) == pytest.approx(2 * np.log(2) - 2 * js, rel=1e-5)
    # C* = p / (p + q) for targets 1 and 0; the loss there is 1/2 sum p q / (p + q)
    assert expect(losses.least_squares, P / (P + Q)) == pytest.approx((P * Q / (P + Q)).sum() / 2, rel=1e-5)
    # C* = sign(p - q); the loss there is 2 - sum |p - q| = 2 (1 - total variation)
    assert expect(losses.hinge, np.sign(P - Q)) == pytest.approx(2 - np.abs(P - Q).sum(), rel=1e-5)
    # a 1-Lipschitz critic on the points 0..3, falling with x: W1 is the area between the distribution functions
    assert expect(losses.wasserstein, np.arange(4.0)) == pytest.approx(-np.abs(np.cumsum(P - Q)).sum(), rel=1e-5)


@pytest.mark.parametrize("name", sorted(losses.OBJECTIVES))
def test_no_other_discriminator_does_better(name):
    objective = losses.OBJECTIVES[name]
    best = {
        "minimax": np.log(P / Q),
        "non_saturating": np.log(P / Q),
        "least_squares": P / (P + Q),
        "hinge": np.sign(P - Q),
        "wasserstein": np.arange(4.0),
    }[name]
    rng = np.random.default_rng(0)
    for _ in range(50):
        other = best + rng.normal(size=4) * 0.3
        if name == "wasserstein":  # over 1-Lipschitz functions only
            other = np.concatenate([[0.0], np.cumsum(np.clip(np.diff(other), -1, 1))])
        assert expect(objective, other) >= expect(objective, best) - 1e-6


@pytest.mark.parametrize("name", sorted(losses.OBJECTIVES))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_extreme_logits_stay_finite(name, dtype):
    size = 1e4 if dtype == "float32" else 1e3
    logits = jnp.array([-size, 0.0, size], dtype)
    objective = losses.OBJECTIVES[name]
    for function in (lambda x: objective.discriminator(x, x[::-1]), objective.generator):
        value, gradient = jax.value_and_grad(lambda x, f=function: f(x).astype(jnp.float32))(logits)
        assert np.isfinite(float(value)) and np.isfinite(np.asarray(gradient, np.float32)).all()


def test_the_saturating_generator_learns_less_from_a_sure_discriminator():
    rejected = jnp.full((4,), -10.0)
    saturating = jax.grad(losses.minimax.generator)(rejected)
    strong = jax.grad(losses.non_saturating.generator)(rejected)
    np.testing.assert_allclose(saturating, -jax.nn.sigmoid(rejected) / 4, rtol=1e-5)
    np.testing.assert_allclose(strong, -jax.nn.sigmoid(-rejected) / 4, rtol=1e-5)
    # at the equilibrium, C = 0: 2 log 2 and log 2
    zero = jnp.zeros(3)
    assert float(losses.minimax.discriminator(zero, zero)) == pytest.approx(2 * np.log(2))
    assert float(losses.non_saturating.generator(zero)) == pytest.approx(np.log(2))


def convolutional(kernel, x):
    y = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return (jnp.tanh(y) ** 2).sum(axis=(1, 2, 3))


def test_gradient_penalty_is_the_mean_over_images_of_the_norm_over_all_pixels():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4, 5, 2)), jnp.float32)
    slopes = jnp.array([0.5, 1.0, 3.0])
    # C(x_i) = a_i <d, x_i> with |d| = 1 has gradient norm |a_i| everywhere
    direction = jnp.asarray(np.random.default_rng(1).normal(size=(1, 4, 5, 2)), jnp.float32)
    direction /= jnp.sqrt((direction**2).sum())

    def critic(x):
        return slopes * (x * direction).sum(axis=(1, 2, 3))

    assert float(losses.gradient_penalty(critic, x)) == pytest.approx((0.25 + 0 + 4) / 3, rel=1e-4)
    assert float(losses.gradient_penalty(critic, x, one_sided=True)) == pytest.approx(4 / 3, rel=1e-4)
    assert float(losses.gradient_penalty(critic, x, target=0.0)) == pytest.approx((0.25 + 1 + 9) / 3, rel=1e-4)


def test_gradient_penalty_by_finite_differences_in_points_and_weights():
    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 3, 1)))
        kernel = jnp.asarray(np.random.default_rng(1).normal(size=(3, 3, 1, 2)))

        def penalty(kernel):
            return losses.gradient_penalty(lambda x: convolutional(kernel, x), x)

        # the penalty itself, its inner gradient by central differences
        norms = []
        for image in np.asarray(x):
            numeric = np.zeros_like(image)
            for index in np.ndindex(image.shape):
                ends = []
                for sign in (1, -1):
                    moved = image.copy()
                    moved[index] += sign * 1e-5
                    ends.append(float(convolutional(kernel, jnp.asarray(moved)[None])[0]))
                numeric[index] = (ends[0] - ends[1]) / 2e-5
            norms.append(np.sqrt((numeric**2).sum()))
        assert float(penalty(kernel)) == pytest.approx(np.mean((np.array(norms) - 1) ** 2), rel=1e-8)

        # and its gradient by the weights, a second derivative
        gradient = np.asarray(jax.grad(penalty)(kernel))
        for index in ((0, 0, 0, 0), (1, 1, 0, 1), (2, 0, 0, 1)):
            step = np.zeros(kernel.shape)
            step[index] = 1e-5
            numeric = (float(penalty(kernel + step)) - float(penalty(kernel - step))) / 2e-5
            assert gradient[index] == pytest.approx(numeric, rel=1e-6)


def test_a_flat_critic_has_no_nan():
    x = jnp.ones((2, 3))
    value, gradient = jax.value_and_grad(lambda w: losses.gradient_penalty(lambda x: (x * w).sum(axis=1), x))(0.0)
    assert float(value) == 1.0 and np.isfinite(float(gradient))


def test_interpolation_mixes_each_image_with_one_number():
    real, fake = jnp.ones((6, 3, 3, 2)), jnp.zeros((6, 3, 3, 2))
    mixed = np.asarray(losses.interpolate(jax.random.key(0), real, fake))
    assert (mixed == mixed[:, :1, :1, :1]).all()
    assert len(np.unique(mixed[:, 0, 0, 0])) == 6
    assert mixed.min() >= 0 and mixed.max() <= 1

"""Penalties against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import losses


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

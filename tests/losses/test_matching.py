"""Feature matching and learning from the best fakes, against numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import losses
from jaxgan.errors import UserError

RNG = np.random.default_rng(0)


def test_feature_matching_is_the_distance_of_the_mean_features():
    real, fake = RNG.normal(size=(6, 4)).astype(np.float32), RNG.normal(size=(5, 4)).astype(np.float32)
    gap = real.mean(0) - fake.mean(0)
    assert float(losses.feature_matching(real, fake)) == pytest.approx((gap**2).mean(), rel=1e-5)
    assert float(losses.feature_matching(real, fake, "l1")) == pytest.approx(np.abs(gap).mean(), rel=1e-5)
    # What it asks for: equal means, whatever the rest of the two distributions is.
    spread = np.stack([real.mean(0) - 1, real.mean(0) + 1])
    assert float(losses.feature_matching(real, spread)) == pytest.approx(0.0, abs=1e-10)
    with pytest.raises(ValueError, match="norm='l3' does not exist"):
        losses.feature_matching(real, fake, "l3")


@pytest.mark.parametrize("share", [1.0, 0.5, 0.25, 1e-6])
def test_only_the_best_fakes_move_the_generator(share):
    logits = jnp.asarray(RNG.permutation(8).astype(np.float32))
    k = max(1, int(np.ceil(share * 8)))

    def loss(logits, share):
        return losses.non_saturating.generator(losses.only_best(logits, share))

    assert float(loss(logits, share)) == pytest.approx(float(losses.non_saturating.generator(logits)), rel=1e-6)
    gradient = np.asarray(jax.jit(jax.grad(loss))(logits, share))
    chosen = np.argsort(-np.asarray(logits))[:k]
    # The gradient of the mean of softplus(-c) over the k best: -sigmoid(-c) / k
    expected = np.zeros(8)
    expected[chosen] = -1 / (1 + np.exp(np.asarray(logits)[chosen])) / k
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-8)


def test_maps_of_logits_are_ranked_by_their_mean():
    logits = jnp.asarray(np.stack([np.full((2, 2), 1.0), np.array([[9.0, -9.0], [0.0, 0.0]])]).astype(np.float32))
    gradient = jax.grad(lambda x: losses.only_best(x, 0.5).mean())(logits)
    np.testing.assert_allclose(gradient, np.stack([np.full((2, 2), 0.25), np.zeros((2, 2))]))


def test_neighbours_are_a_normal_step_away():
    latent = jnp.zeros((500, 4))
    moved = np.asarray(losses.neighbours(jax.random.key(0), latent, 0.03))
    assert moved.std() == pytest.approx(0.03, rel=0.1) and abs(moved.mean()) < 0.03 / np.sqrt(2000) * 4


def total_variation_by_loops(images, power):
    values = [
        (
            np.square(image[row, column + 1] - image[row, column])
            + np.square(image[row + 1, column] - image[row, column])
        )
        ** (power / 2)
        for image in images
        for row in range(images.shape[1] - 1)
        for column in range(images.shape[2] - 1)
    ]
    return np.mean(values)


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_total_variation_is_a_loop_over_places_and_its_gradient_is_finite_differences(power):
    images = RNG.normal(size=(2, 3, 4, 2))
    value, gradient = jax.value_and_grad(losses.total_variation)(jnp.asarray(images), power)
    assert float(value) == pytest.approx(total_variation_by_loops(images, power), rel=1e-5)
    for place in [(0, 0, 0, 0), (1, 1, 2, 1), (0, 2, 3, 0)]:
        step = np.zeros_like(images)
        step[place] = 1e-4
        moved = [total_variation_by_loops(images + sign * step, power) for sign in (1, -1)]
        assert float(gradient[place]) == pytest.approx((moved[0] - moved[1]) / 2e-4, rel=1e-3, abs=1e-6)


def test_a_plain_image_has_no_variation_and_a_finite_gradient():
    plain = jnp.full((1, 4, 4, 3), 0.5)
    value, gradient = jax.value_and_grad(losses.total_variation)(plain)
    assert float(value) == pytest.approx(0.0, abs=1e-5)
    assert np.isfinite(np.asarray(gradient)).all()
    with pytest.raises(UserError, match="of 2x2 pixels and more"):
        losses.total_variation(jnp.ones((2, 5)))

"""Label smoothing, top-k and path length against what they are elsewhere: a cross-entropy, a rank, a linear map."""

import math
import zlib

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import gans, losses
from jaxgan.core import schedules
from jaxgan.errors import UserError
from jaxgan.parts import terms
from tests.gans.one_parameter import IMAGES, Mean, Scale, play, still


class Sum(nn.Module):
    """A generator: every pixel is w times the first component of z."""

    output_shape: tuple[int, ...] = (4, 4, 1)

    @nn.compact
    def __call__(self, z):
        return self.param("w", lambda key: jnp.float32(0.5)) * z[:, 0, None, None, None] * jnp.ones((1, 4, 4, 1))


def test_label_smoothing_is_the_cross_entropy_with_its_targets():
    images = jnp.asarray(np.random.default_rng(0).normal(size=(40, 4, 4, 1)) * 8, jnp.float32)
    # A term that remembers the fakes' scores: 2 w z of as many latents.
    spy = terms.Term("spy", lambda pair, key: (jnp.zeros(()), pair.fake_logits), 0.0, start=jnp.zeros(40))

    def cross_entropy(logits, target):
        p = 1 / (1 + np.exp(-np.asarray(logits, np.float64)))
        return -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean()

    for alpha, beta in ((0.9, 0.0), (0.7, 0.2)):
        parts = (terms.label_smoothing(alpha, beta), spy)
        state, metrics = play(gans.gan(still(Sum()), still(Mean()), latent_size=2, terms=parts), {"image": images})
        fake = state.memory["terms"]["spy"]
        assert np.std(fake) > 0.3
        expected = cross_entropy(2 * images.mean((1, 2, 3)), alpha) + cross_entropy(fake, beta)
        assert float(metrics["discriminator/loss"]) == pytest.approx(expected, rel=1e-5)


def test_label_smoothing_needs_a_cross_entropy():
    smoothed = {"terms": (terms.label_smoothing(),)}
    for objective in ("wasserstein", "hinge", "least_squares", "relativistic"):
        with pytest.raises(UserError, match=r"^the term 'label_smoothing' changes the targets of a cross-entropy"):
            gans.gan(still(Sum()), still(Mean()), latent_size=2, objective=objective, **smoothed)
    for make in (gans.cyclegan, gans.began):
        with pytest.raises(UserError, match=r"^the term 'label_smoothing'"):
            make(*[still(Mean())] * (4 if make is gans.cyclegan else 2), **smoothed)
    for objective in ("minimax", "non_saturating"):
        gans.gan(still(Sum()), still(Mean()), latent_size=2, objective=objective, **smoothed)


@pytest.mark.parametrize("share", [0.0, 2.0, -0.5])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(UserError, match="top_k: share="):
        terms.top_k(share)


@pytest.mark.parametrize("targets", [(0.0, 0.0), (1.1, 0.0), (0.9, 1.0), (0.9, -0.1)])
def test_targets_out_of_range_are_refused(targets):
    with pytest.raises(UserError, match="label smoothing: real_target="):
        terms.label_smoothing(*targets)


@pytest.mark.parametrize("step", [0, 5, 10])
def test_top_k_learns_from_the_best_alone(step):
    share = schedules.linear_decay(10, final=0.25)
    game = gans.gan(
        still(Sum(), 1.0), still(Mean()), latent_size=2, objective="wasserstein", terms=(terms.top_k(share),)
    )
    batch = {"image": jnp.zeros((16, 4, 4, 1))}
    state = game.init(jax.random.key(0), batch).replace(step=jnp.int32(step))
    after, metrics = game.step(state, batch)
    # C(G(z)) = 2 w z, and the generator descends -E[C]: it moves by the mean of 2 z over the k best.
    stage_key = jax.random.fold_in(state.key, step)
    turn_key = jax.random.fold_in(jax.random.fold_in(stage_key, zlib.crc32(b"generator")), 0)
    z = np.asarray(jax.random.normal(turn_key, (16, 2)))[:, 0]
    k = math.ceil(16 * (1 - 0.75 * step / 10))
    expected = 0.5 + 2 * np.sort(z)[-k:].mean()
    assert float(after.players["generator"].params["w"]) == pytest.approx(expected, rel=1e-5)
    assert float(metrics["generator/loss"]) == pytest.approx(-(2 * 0.5 * z).mean(), rel=1e-4, abs=1e-6)
    # ... which is what `losses.only_best` says
    gradient = jax.grad(lambda w: -losses.only_best(2 * w * jnp.asarray(z), k / 16).mean())(0.5)
    assert float(gradient) == pytest.approx(0.5 - expected, rel=1e-5)


def test_the_best_of_energies_are_the_lowest():
    objective = losses.energy(4.0)
    parts = (terms.top_k(0.25), terms.lecam(weight=1.0, decay=0.0))
    game = gans.gan(still(Sum(), 1.0), still(Mean()), latent_size=2, objective=objective, terms=parts)
    batch = {"image": jnp.ones((16, 4, 4, 1))}
    state = game.init(jax.random.key(0), batch)
    after, _ = game.step(state, batch)
    turn_key = jax.random.fold_in(jax.random.fold_in(jax.random.fold_in(state.key, 0), zlib.crc32(b"generator")), 0)
    z = np.asarray(jax.random.normal(turn_key, (16, 2)))[:, 0]
    # D(G(z)) = 2 w z is to fall: w moves against the mean of 2 z over the four of the lowest energy.
    assert float(after.players["generator"].params["w"]) == pytest.approx(0.5 - 2 * np.sort(z)[:4].mean(), rel=1e-5)
    # LeCam's anchors are what says "real": half the margin less the energy, which is 2 for an image of ones.
    assert float(after.memory["terms"]["lecam"]["real"]) == pytest.approx(2.0 - 2.0)


def test_a_network_without_features_says_so():
    game = gans.gan(still(Sum()), still(Scale()), latent_size=2, terms=(terms.feature_matching(),))
    with pytest.raises(UserError, match="the network of the discriminator has no keyword features"):
        game.step(game.init(jax.random.key(0), {"image": IMAGES}), {"image": IMAGES})


def test_top_k_works_on_both_ways_of_a_translation():
    share = schedules.linear_decay(10, final=0.5)
    players = still(Scale(2.0), 1.0), still(Scale(0.25), 1.0), still(Mean()), still(Mean())
    game = gans.cyclegan(*players, pool_size=0, cycle=0.0, identity=0.0, terms=(terms.top_k(share),))
    batch = {"a": IMAGES, "b": IMAGES[::-1] * 0.5 + 0.1}
    state = game.init(jax.random.key(0), batch).replace(step=jnp.int32(10))
    after, _ = game.step(state, batch)
    mean = np.asarray(IMAGES, np.float64).mean((1, 2, 3))
    # loss = (D(w a) - 1)^2 of the better half, D(x) = 2 mean(x): the gradient is 2 (2 w m - 1) 2 m
    best = mean.max()
    expected = 2.0 - 2 * (4 * best - 1) * 2 * best
    assert float(after.players["generator_ab"].params["w"]) == pytest.approx(expected, rel=1e-4)


class LinearMap(nn.Module):
    """A generator x = A z of images or of vectors."""

    output_shape: tuple[int, ...] = (4, 2, 3)

    @nn.compact
    def __call__(self, z):
        kernel = self.param("kernel", nn.initializers.normal(1.0), (z.shape[1], math.prod(self.output_shape)))
        return (z @ kernel).reshape(-1, *self.output_shape)


class Any(nn.Module):
    @nn.compact
    def __call__(self, x):
        return self.param("w", nn.initializers.ones, ()) * x.reshape(len(x), -1).mean(1)


@pytest.mark.parametrize("shape", [(4, 2, 3), (5,)])
def test_path_length_of_a_linear_generator(shape):
    decay, batch, steps = 0.3, 3000, 2
    game = gans.gan(
        still(LinearMap(shape)), still(Any()), latent_size=2, terms=(terms.path_length(weight=2.0, decay=decay),)
    )
    example = {"image": jnp.zeros((batch, *shape))}
    state, step = game.init(jax.random.key(0), example), jax.jit(game.step)
    kernel = np.asarray(state.players["generator"].params["kernel"], np.float64)
    # J' y = A y / sqrt(pixels), y ~ N(0, I): its square length is a sum of chi-squares weighted by A A'.
    noise = np.random.default_rng(0).normal(size=(200_000, kernel.shape[1])) / math.sqrt(math.prod(shape[:-1]))
    lengths = np.linalg.norm(noise @ kernel.T, axis=1)
    average = 0.0
    for _ in range(steps):
        state, metrics = step(state, example)
        average += decay * (lengths.mean() - average)
        expected = np.square(lengths - average).mean()
        assert float(metrics["generator/path_length"]) == pytest.approx(expected, rel=0.1)
        assert float(state.memory["terms"]["path_length"]) == pytest.approx(average, rel=0.05)
        plain = -np.log(0.5)  # images of mean 0 score 0
        assert float(metrics["generator/loss"]) == pytest.approx(
            plain + 2 * float(metrics["generator/path_length"]), abs=0.1 * expected + 0.3
        )


def test_path_length_can_be_lazy_and_moves_the_generator():
    game = gans.gan(
        still(LinearMap(), 0.01), still(Any()), latent_size=2, terms=(terms.path_length(weight=2.0, every=4),)
    )
    example = {"image": jnp.zeros((8, 4, 2, 3))}
    state = game.init(jax.random.key(0), example)
    assert [turn.players for turn in game.stages[0].turns if turn.name == "path_length"] == [("generator",)]
    after, metrics = game.step(state, example, game.due(0, 0))
    without, _ = game.step(state, example, game.due(1, 0))
    assert float(metrics["path_length/loss"]) > 0 and float(after.memory["terms"]["path_length"]) > 0
    assert not np.array_equal(
        after.players["generator"].params["kernel"], without.players["generator"].params["kernel"]
    )
    np.testing.assert_array_equal(
        after.players["discriminator"].params["w"], without.players["discriminator"].params["w"]
    )

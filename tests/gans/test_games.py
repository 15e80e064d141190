"""The games' losses worked out by hand, on networks of one parameter."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import gans
from jaxgan.core import Player, Stage
from jaxgan.networks import DCGANDiscriminator, DCGANGenerator

IMAGES = jnp.arange(2 * 4 * 4, dtype=jnp.float32).reshape(2, 4, 4, 1) / 16 - 1


class Constant(nn.Module):
    """A generator: every image is filled with w, whatever z and label are."""

    start: float = 0.5

    @nn.compact
    def __call__(self, z, *label):
        return self.param("w", lambda key: jnp.float32(self.start)) * jnp.ones((len(z), 4, 4, 1))


class Mean(nn.Module):
    """A discriminator: w times the mean of the image, plus the label if there is one."""

    start: float = 2.0

    @nn.compact
    def __call__(self, x, *label):
        score = self.param("w", lambda key: jnp.float32(self.start)) * x.mean(axis=(1, 2, 3))
        return score + label[0] if label else score


class Scale(nn.Module):
    """A translator: w times the image."""

    start: float = 1.0

    @nn.compact
    def __call__(self, x):
        return self.param("w", lambda key: jnp.float32(self.start)) * x


def still(network: nn.Module) -> Player:
    return Player(network, optax.sgd(0.0))


def play(game, *minibatches):
    state = game.init(jax.random.key(0), minibatches[0])
    return game.step(state, minibatches)


def test_gan_is_the_cross_entropy_of_reals_and_fakes():
    game = gans.gan(still(Constant()), still(Mean()), latent_size=2, discriminator_steps=2)
    _, metrics = play(game, {"image": IMAGES}, {"image": IMAGES})
    sigmoid = lambda c: 1 / (1 + np.exp(-c))  # noqa: E731
    real, fake = 2 * np.asarray(IMAGES).mean((1, 2, 3)), 2 * 0.5
    expected = -np.log(sigmoid(real)).mean() - np.log(1 - sigmoid(fake))
    assert float(metrics["discriminator/loss"]) == pytest.approx(expected, rel=1e-5)
    assert float(metrics["generator/loss"]) == pytest.approx(-np.log(sigmoid(fake)), rel=1e-5)
    assert float(metrics["discriminator/d_real"]) == pytest.approx(sigmoid(real).mean(), rel=1e-5)
    saturating = gans.gan(still(Constant()), still(Mean()), latent_size=2, objective="minimax")
    _, metrics = play(saturating, {"image": IMAGES})
    assert float(metrics["generator/loss"]) == pytest.approx(np.log(1 - sigmoid(fake)), rel=1e-5)


def test_the_generator_answers_for_the_discriminators_fakes_and_is_run_once_for_both():
    sizes = {"image_size": 16, "channels": 1, "width": 4, "layout": "torch"}
    game = gans.gan(still(DCGANGenerator(**sizes)), still(DCGANDiscriminator(width=4, layout="torch")), latent_size=4)
    apart = [dataclasses.replace(turn, randomness=turn.name) for turn in game.stages[0].turns]
    batch = {"image": jnp.zeros((8, 16, 16, 1))}
    state = jax.eval_shape(game.init, jax.random.key(0), batch)

    def convolutions(function, *arguments):
        return jax.jit(function).lower(*arguments).compile().as_text().count(" convolution(")

    generator = convolutions(
        lambda params, z: game.players["generator"].network.apply({"params": params}, z),
        state.players["generator"].params,
        jnp.zeros((8, 4)),
    )
    separate = dataclasses.replace(game, stages=(Stage(tuple(apart)),))
    assert generator > 0
    assert convolutions(separate.step, state, batch) - convolutions(game.step, state, batch) == generator


def test_wgan_gp_is_the_gap_and_the_penalty():
    game = gans.wgan_gp(still(Constant()), still(Mean()), latent_size=2, n_critic=1, penalty=10.0)
    _, metrics = play(game, {"image": IMAGES})
    gap = 2 * (0.5 - float(IMAGES.mean()))
    norm = 2 / 4  # of the gradient of 2 * mean over 16 pixels: 2 / 16 in each
    assert float(metrics["critic/wasserstein"]) == pytest.approx(-gap, rel=1e-5)
    assert float(metrics["critic/penalty"]) == pytest.approx((norm - 1) ** 2, rel=1e-5)
    assert float(metrics["critic/loss"]) == pytest.approx(gap + 10 * (norm - 1) ** 2, rel=1e-5)
    assert float(metrics["generator/loss"]) == pytest.approx(-1.0, rel=1e-5)
    one_sided = gans.wgan_gp(still(Constant()), still(Mean()), latent_size=2, n_critic=1, one_sided=True)
    assert float(play(one_sided, {"image": IMAGES})[1]["critic/penalty"]) == 0.0


def test_biggan_is_the_hinge_with_labels_and_regularises_its_generator():
    class Kernel(nn.Module):
        @nn.compact
        def __call__(self, z, label):
            # filters (1, 3) and (2, 4): inner product 14
            kernel = self.param("kernel", lambda key: jnp.array([[1.0, 2.0], [3.0, 4.0]]))
            return 0.5 * jnp.ones((len(z), 4, 4, 1)) + 0 * kernel.sum()

    game = gans.biggan(still(Kernel()), still(Mean()), num_classes=3, latent_size=2, discriminator_steps=1)
    label = jnp.array([0, 2])
    _, metrics = play(game, {"image": IMAGES, "label": label})
    real = 2 * np.asarray(IMAGES).mean((1, 2, 3)) + np.array([0, 2])
    fake = 1.0 + np.array([0, 2])
    expected = np.maximum(1 - real, 0).mean() + np.maximum(1 + fake, 0).mean()
    assert float(metrics["discriminator/loss"]) == pytest.approx(expected, rel=1e-5)
    assert float(metrics["generator/loss"]) == pytest.approx(-fake.mean() + 1e-4 * 2 * 14**2, rel=1e-5)


def test_cyclegan_adds_up_its_three_losses():
    networks = {
        "generator_ab": Scale(2.0),
        "generator_ba": Scale(0.25),
        "discriminator_a": Mean(),
        "discriminator_b": Mean(),
    }
    game = gans.cyclegan(**{name: still(network) for name, network in networks.items()})
    a, b = IMAGES, IMAGES[::-1] * 0.5 + 0.1
    state, metrics = play(game, {"a": a, "b": b})
    a, b = np.asarray(a), np.asarray(b)

    def judge(x):
        return 2 * x.mean((1, 2, 3))

    loss_a = 0.5 * ((judge(a) - 1) ** 2).mean() + 0.5 * (judge(b / 4) ** 2).mean()
    assert float(metrics["discriminators/loss_a"]) == pytest.approx(loss_a, rel=1e-5)
    adversarial = ((judge(2 * a) - 1) ** 2).mean() + ((judge(b / 4) - 1) ** 2).mean()
    cycles = np.abs(2 * a / 4 - a).mean() + np.abs(2 * b / 4 - b).mean()
    identities = np.abs(2 * b - b).mean() + np.abs(a / 4 - a).mean()
    assert float(metrics["generators/loss"]) == pytest.approx(adversarial + 10 * cycles + 5 * identities, rel=1e-5)
    # the pools hold this step's fakes
    np.testing.assert_allclose(state.memory["b"].images[:2], 2 * a, rtol=1e-6)
    np.testing.assert_allclose(state.memory["a"].images[:2], b / 4, rtol=1e-6)
    assert int(state.memory["a"].filled) == 2
    key = jax.random.key(0)
    np.testing.assert_allclose(game.translate(state, key, a), 2 * a, rtol=1e-6)
    np.testing.assert_allclose(game.translate(state, key, b, direction="ba"), b / 4, rtol=1e-6)
    with pytest.raises(ValueError, match="choose 'ab' or 'ba'"):
        game.translate(state, key, a, direction="aa")

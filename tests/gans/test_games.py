"""The games' losses worked out by hand, on networks of one parameter."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import gans
from jaxgan.augment import ada
from jaxgan.core import Latent, Stage, regularizers
from jaxgan.errors import UserError
from jaxgan.losses import hinge
from jaxgan.networks import DCGANDiscriminator, DCGANGenerator
from jaxgan.parts import Draws, terms, two_player_game
from tests.gans.one_parameter import IMAGES, Constant, Mean, Scale, play, still


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
    generator = still(DCGANGenerator(output_shape=(16, 16, 1), width=4, layout="torch"))
    game = gans.dcgan(generator, still(DCGANDiscriminator(width=4, layout="torch")), latent_size=4)
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
    def critic(**settings):
        term = terms.gradient_penalty(weight=10.0, **settings)
        return gans.gan(still(Constant()), still(Mean()), latent_size=2, objective="wasserstein", terms=(term,))

    game = critic()
    _, metrics = play(game, {"image": IMAGES})
    gap = 2 * (0.5 - float(IMAGES.mean()))
    norm = 2 / 4  # of the gradient of 2 * mean over 16 pixels: 2 / 16 in each
    assert float(metrics["discriminator/d_real"] - metrics["discriminator/d_fake"]) == pytest.approx(-gap, rel=1e-5)
    assert float(metrics["discriminator/gradient_penalty"]) == pytest.approx((norm - 1) ** 2, rel=1e-5)
    assert float(metrics["discriminator/loss"]) == pytest.approx(gap + 10 * (norm - 1) ** 2, rel=1e-5)
    assert float(metrics["generator/loss"]) == pytest.approx(-1.0, rel=1e-5)
    one_sided = critic(one_sided=True)
    assert float(play(one_sided, {"image": IMAGES})[1]["discriminator/gradient_penalty"]) == 0.0


@pytest.mark.parametrize("region", ["between", "around", "reals", "fakes"])
@pytest.mark.parametrize("squared", [True, False])
def test_wgan_gp_takes_its_penalty_where_and_how_it_is_told(region, squared):
    class Bowl(nn.Module):
        """C(x) = || x ||^2, whose gradient at x is 2 x."""

        @nn.compact
        def __call__(self, x):
            return self.param("w", lambda key: jnp.float32(1.0)) * jnp.square(x).sum((1, 2, 3))

    images = jnp.full((4096, 4, 4, 1), -0.25)  # || x || = 1 in 16 pixels; fakes have 1/2 in each, || g || = 2
    game = gans.wgan_gp(
        still(Constant()),
        still(Bowl()),
        latent_size=2,
        one_sided=True,
        squared=squared,
        region=region,
        discriminator_steps=1,
    )
    value = float(play(game, {"image": images})[1]["discriminator/gradient_penalty"])
    # The line from x to g is u -> 4 |-1/4 + 3/4 u| in the norm, with u ~ U(0, 1); around reals that are all alike is at them.
    norms = {"reals": 2 * 1.0, "fakes": 2 * 2.0, "around": 2 * 1.0}
    if region in norms:
        assert value == pytest.approx((norms[region] - 1) ** (2 if squared else 1), rel=1e-5)
    else:
        excess = np.maximum(2 * np.abs(-1 + 3 * np.linspace(0, 1, 100_001)) - 1, 0)
        assert value == pytest.approx(np.mean(excess**2 if squared else excess), rel=0.06)  # of as many draws


def test_biggan_is_the_hinge_with_labels_and_regularises_its_generator():
    class Kernel(nn.Module):
        embedded_classes: int = 0
        output_shape: tuple[int, ...] = (4, 4, 1)

        @nn.compact
        def __call__(self, z, label):
            # filters (1, 3) and (2, 4): inner product 14
            kernel = self.param("kernel", lambda key: jnp.array([[1.0, 2.0], [3.0, 4.0]]))
            return 0.5 * jnp.ones((len(z), 4, 4, 1)) + 0 * kernel.sum()

    orthogonal = regularizers.orthogonal(1e-4)
    generator = dataclasses.replace(still(Kernel()), constraint=orthogonal)
    game = two_player_game(generator, still(Mean()), Draws(Latent(2), num_classes=3), hinge)
    label = jnp.array([0, 2])
    _, metrics = play(game, {"image": IMAGES, "label": label})
    real = 2 * np.asarray(IMAGES).mean((1, 2, 3)) + np.array([0, 2])
    fake = 1.0 + np.array([0, 2])
    expected = np.maximum(1 - real, 0).mean() + np.maximum(1 + fake, 0).mean()
    assert float(metrics["discriminator/loss"]) == pytest.approx(expected, rel=1e-5)
    assert float(metrics["generator/loss"]) == pytest.approx(-fake.mean(), rel=1e-5)
    assert float(metrics["generator/weight_penalty"]) == pytest.approx(1e-4 * 2 * 14**2, rel=1e-5)


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
    np.testing.assert_allclose(game.translate(state, key, b, target="a"), b / 4, rtol=1e-6)
    with pytest.raises(UserError, match="target='aa' is no domain of this game: did you mean 'a'"):
        game.translate(state, key, a, target="aa")
    with pytest.raises(UserError, match="source and target are both 'b'"):
        game.translate(state, key, a, source="b", target="b")


def test_cyclegan_has_no_identity_loss_where_domains_have_different_shapes():
    class Repaint(nn.Module):
        """A translator into images of other channels: each is the mean."""

        output_shape: tuple[int, ...]

        @nn.compact
        def __call__(self, x):
            w = self.param("w", nn.initializers.ones, ())
            return w * x.mean(-1, keepdims=True) * jnp.ones((1, *self.output_shape))

    to_b, to_a = still(Repaint((4, 4, 3))), still(Repaint((4, 4, 1)))
    game = gans.cyclegan(to_b, to_a, still(Mean()), still(Mean()), pool_size=0)
    batch = {"a": IMAGES, "b": jnp.concatenate([IMAGES, -IMAGES, 0.5 * IMAGES], axis=-1)}
    state = game.init(jax.random.key(0), batch)
    _, metrics = jax.jit(game.step)(state, batch)
    assert "generators/identity" not in metrics
    parts = float(metrics["generators/adversarial"] + 10 * metrics["generators/cycle"])
    assert float(metrics["generators/loss"]) == pytest.approx(parts, rel=1e-6)


def test_ada_is_steered_by_the_scores_of_reals():
    def judge():
        return dataclasses.replace(still(Mean()), view=ada("b", images=100, every=1, start=0.5))

    high, low = jnp.full((2, 4, 4, 1), 0.9), jnp.full((2, 4, 4, 1), -0.9)
    # Reals that score above 0, fakes below.
    state, _ = play(gans.gan(still(Constant(-0.9)), judge(), latent_size=2), {"image": high})
    assert float(state.players["discriminator"].view.p) == pytest.approx(0.5 + 2 / 100)
    # Each of CycleGAN's discriminators by the reals of its own domain.
    game = gans.cyclegan(still(Scale()), still(Scale()), judge(), judge(), pool_size=0)
    state, _ = play(game, {"a": high, "b": low})
    found = [float(state.players[f"discriminator_{name}"].view.p) for name in "ab"]
    assert found == pytest.approx([0.52, 0.48])

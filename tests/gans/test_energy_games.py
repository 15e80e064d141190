"""WGAN's warm-up, EBGAN, BEGAN and the semi-supervised game, worked out by hand on small networks."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import gans
from jaxgan.errors import UserError
from jaxgan.layers import Verdict
from jaxgan.parts import terms
from tests.gans.one_parameter import IMAGES, Constant, Mean, play, still
from tests.traces import Traced


class Energy(nn.Module):
    """Energies: the mean absolute value of (x - w); the features are the first pixels."""

    start: float = 0.25

    @nn.compact
    def __call__(self, x, features=False):
        w = self.param("w", lambda key: jnp.float32(self.start))
        energy = jnp.abs(x - w).mean(axis=(1, 2, 3))
        return Verdict(energy, x.reshape(len(x), -1)[:, :3]) if features else energy


REAL, FAKE = np.abs(np.asarray(IMAGES) - 0.25).mean((1, 2, 3)), 0.25


def test_ebgan_is_a_margin_on_energies_and_fakes_that_pull_away():
    game = gans.ebgan(still(Constant()), still(Energy()), latent_size=2, margin=0.4, repelling=0.1)
    _, metrics = play(game, {"image": IMAGES})
    assert float(metrics["discriminator/loss"]) == pytest.approx(REAL.mean() + max(0, 0.4 - FAKE), rel=1e-5)
    assert float(metrics["generator/loss"]) == pytest.approx(FAKE + 0.1 * 1.0, rel=1e-5)
    closed = gans.ebgan(still(Constant()), still(Energy()), latent_size=2, margin=0.2, repelling=0.0)
    assert float(play(closed, {"image": IMAGES})[1]["discriminator/loss"]) == pytest.approx(REAL.mean(), rel=1e-5)


def test_ebgan_finds_low_energies_real():
    """Above 0 where the energy is nearer to that of reals than to the margin of fakes."""
    game = gans.ebgan(still(Constant()), still(Energy()), latent_size=2, margin=0.4)
    state = game.init(jax.random.key(0), {"image": IMAGES})
    scores = game.use("judge", state, jax.random.key(0), images=IMAGES)
    np.testing.assert_allclose(scores, 0.2 - REAL, rtol=1e-5)


def test_ebgan_pretrains_its_autoencoder_as_a_stage():
    game = gans.ebgan(still(Constant(), 1.0), still(Energy(), 1.0), latent_size=2, pretraining_steps=3)
    assert [game.due(step, 0).turns for step in (0, 2, 3)] == [("autoencoder",)] * 2 + [("discriminator", "generator")]
    state = game.init(jax.random.key(0), {"image": IMAGES})
    after, metrics = game.step(state, {"image": IMAGES}, game.due(0, 0))
    assert float(metrics["autoencoder/loss"]) == pytest.approx(REAL.mean(), rel=1e-5)
    assert float(after.players["generator"].params["w"]) == 0.5
    assert float(after.players["discriminator"].params["w"]) != 0.25


def test_began_holds_its_balance():
    game = gans.began(still(Constant()), still(Energy()), latent_size=2, gamma=0.5, gain=0.1)
    state = game.init(jax.random.key(0), {"image": IMAGES})
    k = 0.0
    for _ in range(3):
        state, metrics = game.step(state, {"image": IMAGES})
        assert float(metrics["discriminator/loss"]) == pytest.approx(REAL.mean() - k * FAKE, rel=1e-5)
        k = min(max(k + 0.1 * (0.5 * REAL.mean() - FAKE), 0), 1)
        assert float(state.memory["k"]) == pytest.approx(k, rel=1e-5, abs=1e-7)
        measure = REAL.mean() + abs(0.5 * REAL.mean() - FAKE)
        assert float(metrics["discriminator/convergence"]) == pytest.approx(measure, rel=1e-5)
        assert float(metrics["generator/loss"]) == pytest.approx(FAKE, rel=1e-5)


class Shift(nn.Module):
    """A generator: w plus the carry."""

    start: float = 0.5
    output_shape: tuple[int, ...] = (4, 4, 1)

    @nn.compact
    def __call__(self, z, carry=0.0):
        w = self.param("w", lambda key: jnp.float32(self.start))
        return (w + carry) * jnp.ones((len(z), *self.output_shape))


class ShiftedEnergy(Energy):
    """Energies less half the carry."""

    @nn.compact
    def __call__(self, x, features=False, carry=0.0):
        return jnp.abs(x - self.param("w", lambda key: jnp.float32(self.start))).mean(axis=(1, 2, 3)) - carry / 2


def test_began_accumulates_the_balance_of_the_large_batch():
    states = []
    for parts in (1, 2):
        options = {"latent_size": 2, "gamma": 0.9, "gain": 0.1, "terms": (terms.lecam(decay=0.9),)}
        game = dataclasses.replace(gans.began(still(Constant()), still(Energy()), **options), accumulate=parts)
        state = game.init(jax.random.key(0), {"image": IMAGES})
        for _ in range(2):
            state, metrics = jax.jit(game.step)(state, {"image": IMAGES})
        states.append(state.memory | {"loss": metrics["discriminator/loss"]})
    # k, by hand, is still far from its bounds.
    assert float(states[0]["k"]) == pytest.approx(2 * 0.1 * (0.9 * REAL.mean() - FAKE), rel=1e-4)
    jax.tree.map(lambda whole, part: np.testing.assert_allclose(part, whole, rtol=1e-5, atol=1e-7), *states)


def test_began_moves_its_players_one_after_the_other_or_at_once():
    # L(G(z)) = |g - w| with g above w; the autoencoder goes down the slope of its mean over reals, since k is 0 at first.
    reals, w, rate = np.asarray(IMAGES), 0.3, 0.1
    moved = w - rate * np.sign(w - reals).mean()
    for simultaneous, seen in ((False, moved), (True, w)):
        options = {"latent_size": 2, "gamma": 0.9, "gain": 0.1, "simultaneous": simultaneous}
        game = gans.began(still(Constant(), rate), still(Energy(w), rate), **options)
        state, metrics = play(game, {"image": IMAGES})
        assert float(state.players["discriminator"].params["w"]) == pytest.approx(moved, rel=1e-5)
        assert float(metrics["generator/loss"]) == pytest.approx(0.5 - seen, rel=1e-5)
        assert float(state.players["generator"].params["w"]) == pytest.approx(0.5 - rate, rel=1e-5)
        # Either way k learns from both errors as they were before the step.
        expected = 0.1 * (0.9 * np.abs(reals - w).mean() - (0.5 - w))
        assert float(state.memory["k"]) == pytest.approx(expected, rel=1e-4) and expected > 0


def test_began_fades_its_layers_in():
    game = gans.began(still(Shift()), still(ShiftedEnergy()), latent_size=2, vanishing_steps=4)
    state = game.init(jax.random.key(0), {"image": IMAGES})
    for step in range(6):
        carry = max(1 - step / 4, 0)
        # Samples are of the same moment as the losses.
        np.testing.assert_allclose(game.sample(state, jax.random.key(1), 2), 0.5 + carry, rtol=1e-6)
        state, metrics = game.step(state, {"image": IMAGES})
        assert float(metrics["discriminator/d_real"]) == pytest.approx(REAL.mean() - carry / 2, rel=1e-5)
        assert float(metrics["generator/loss"]) == pytest.approx(0.25 + carry / 2, rel=1e-5)
    with pytest.raises(UserError, match=r"^began: vanishing_steps=-1"):
        gans.began(still(Shift()), still(ShiftedEnergy()), vanishing_steps=-1)


def test_wgan_warms_its_critic_up():
    game = gans.wgan(still(Constant()), still(Mean()), latent_size=2, discriminator_steps=2, warm_up=3, warm_up_steps=8)
    played = [game.due(step, 0).turns for step in range(14)]
    critic = ("discriminator",)
    both = ("discriminator", "generator")
    # Each of the first three generator turns comes after eight critic turns, two of them a step.
    assert played == [critic, critic, critic, both] * 3 + [both, both]
    assert all(game.minibatches(game.due(step, 0)) == 2 for step in range(14))
    _, metrics = play(game, {"image": IMAGES}, {"image": IMAGES})
    assert float(metrics["discriminator/loss"]) == pytest.approx(2 * 0.5 - 2 * float(IMAGES.mean()), rel=1e-5)
    with pytest.raises(ValueError, match="no multiple of discriminator_steps"):
        gans.wgan(still(Constant()), still(Mean()), discriminator_steps=3, warm_up_steps=100)


class Classifier(nn.Module):
    """Three logits: w times the mean of the image, and two constants; the feature is the mean."""

    class_logits: int = 0

    @nn.compact
    def __call__(self, x, features=False):
        w = self.param("w", lambda key: jnp.float32(2.0))
        mean = x.mean(axis=(1, 2, 3))
        logits = jnp.stack([w * mean, jnp.zeros_like(mean), -jnp.ones_like(mean)], axis=1)
        return Verdict(None, mean[:, None] if features else None, logits)


def test_improved_gan_classifies_and_tells_generated_ones_apart():
    game = gans.improved_gan(still(Constant()), still(Classifier()), num_classes=3, latent_size=2, unsupervised=0.7)
    label = jnp.array([0, 2])
    batch = {"image": IMAGES, "labelled_image": IMAGES[::-1], "label": label}
    state, metrics = play(game, batch)

    def logits(images):
        mean = np.asarray(images).mean((1, 2, 3))
        return np.stack([2 * mean, 0 * mean, -1 + 0 * mean], axis=1)

    labelled, real, fake = logits(IMAGES[::-1]), logits(IMAGES), logits(np.full_like(IMAGES, 0.5))
    with_fake = lambda rows: np.concatenate([rows, np.zeros((2, 1))], axis=1)  # the class "generated" has logit 0  # noqa: E731
    softmax = lambda rows: np.exp(rows) / np.exp(rows).sum(1, keepdims=True)  # noqa: E731
    supervised = -np.log(softmax(labelled)[[0, 1], [0, 2]]).mean()
    d_real, d_fake = 1 - softmax(with_fake(real))[:, 3], 1 - softmax(with_fake(fake))[:, 3]
    adversarial = 0.5 * (-np.log(d_real).mean() - np.log(1 - d_fake).mean())
    assert float(metrics["discriminator/loss"]) == pytest.approx(supervised + 0.7 * adversarial, rel=1e-5)
    assert float(metrics["discriminator/d_fake"]) == pytest.approx(d_fake.mean(), rel=1e-5)
    smoothing = {"unsupervised": 0.7, "terms": (terms.label_smoothing(0.9),)}
    smoothed = gans.improved_gan(still(Constant()), still(Classifier()), num_classes=3, latent_size=2, **smoothing)
    more = float(play(smoothed, batch)[1]["discriminator/loss"]) - float(metrics["discriminator/loss"])
    realness = np.log(d_real / (1 - d_real))
    assert more == pytest.approx(0.7 * 0.5 * 0.1 * realness.mean(), rel=1e-3)  # it weighs as the game does
    matching = (np.asarray(IMAGES).mean() - 0.5) ** 2
    assert float(metrics["generator/loss"]) == pytest.approx(matching, rel=1e-4)
    np.testing.assert_allclose(game.use("classify", state, jax.random.key(0), IMAGES), real, rtol=1e-5)


def test_nothing_is_compiled_after_the_first_step_of_each_kind():
    # A warm-up stage, then plain steps; and a lazy term. Whatever is due together is one program, whatever the clock says.
    warm = gans.wgan(still(Constant()), still(Mean()), latent_size=2, discriminator_steps=1, warm_up=2, warm_up_steps=3)
    lazy = gans.gan(still(Constant()), still(Mean()), latent_size=2, terms=(terms.r1(every=4),))
    for game, programs in ((warm, 3), (lazy, 2)):
        step = jax.jit(Traced(game.step), static_argnames="due", donate_argnums=0)
        state = jax.jit(game.init)(jax.random.key(0), {"image": IMAGES})
        for index in range(20):
            state, _ = step(state, {"image": IMAGES}, game.due(index, 2 * index))
        assert step.__wrapped__.programs == programs


@pytest.mark.parametrize("gamma", [-0.1, 7.0])
def test_the_ratio_of_errors_that_began_keeps_is_a_share(gamma):
    with pytest.raises(UserError, match=r"^began: gamma="):
        gans.began(still(Constant()), still(Mean()), gamma=gamma)

"""Games between two domains: their losses by hand, on networks of a few numbers, and which players each of them moves."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import gans
from jaxgan.core import Player
from jaxgan.errors import UserError
from jaxgan.layers import Verdict
from jaxgan.parts import terms
from jaxgan.parts.domain_codes import with_noise
from tests.gans.one_parameter import Mean, Scale, play, still
from tests.gans.two_domains import BATCH, DOMAINS, SHAPE, A, B, fill, l1, l2, means, softplus, value


class Coded(nn.Module):
    """An encoder: the code is (w for a, 2 w for b) times the image's mean, (B, 1)."""

    @nn.compact
    def __call__(self, x, domain=None):
        w = self.param("w", nn.initializers.constant(0.5), ())
        return (1 + DOMAINS.index(domain or "a")) * w * x.mean(axis=(1, 2, 3))[:, None]


class Filled(nn.Module):
    """A decoder: the image is filled with (w for a, 3 w for b) times the code's mean, or times 1 if it is deaf."""

    output_shape: tuple = SHAPE
    deaf: bool = False

    @nn.compact
    def __call__(self, code, domain=None):
        w = self.param("w", nn.initializers.constant(0.25), ())
        code = jnp.ones(len(code)) if self.deaf else code.mean(axis=1)
        return (1 + 2 * DOMAINS.index(domain or "a")) * w * code.reshape(-1, 1, 1, 1) * jnp.ones((1, *SHAPE))


class Told(nn.Module):
    """A classifier of codes: its one logit is w times the code's mean."""

    class_logits: int = 0

    @nn.compact
    def __call__(self, code):
        mean = code.reshape(len(code), -1).mean(axis=1, keepdims=True)
        return Verdict(None, class_logits=self.param("w", nn.initializers.constant(2.0), ()) * mean)


# ---- CycleGAN, one way


def test_a_cycle_of_one_way_has_one_discriminator():
    players = {"generator_ab": Scale(2.0), "generator_ba": Scale(0.25), "discriminator_b": Mean()}
    game = gans.cyclegan(**{name: still(network) for name, network in players.items()}, identity=0.0)
    assert set(game.players) == set(players)
    state, metrics = play(game, BATCH)
    judge = lambda x: 2 * means(x)  # noqa: E731
    loss = 0.5 * ((judge(B) - 1) ** 2).mean() + 0.5 * (judge(2 * A) ** 2).mean()
    assert loss == value(metrics, "discriminators/loss") == value(metrics, "discriminators/loss_b")
    expected = ((judge(2 * A) - 1) ** 2).mean() + 10 * l1(0.5 * A, A)
    assert expected == value(metrics, "generators/loss")
    # generator_ba learns from the cycle alone: d/dw 10 E |2 w a - a| at w = 1/4
    slope = 10 * np.abs(2 * np.asarray(A, np.float64)).mean()
    assert slope == value(metrics, "generators/generator_ba/gradient_norm")
    assert set(state.memory) == {"b"}
    np.testing.assert_allclose(game.translate(state, jax.random.key(0), B, target="a"), B / 4, rtol=1e-6)


# ---- the sisters


def sisters(system, **options):
    players = {
        "generator_ab": Scale(2.0),
        "generator_ba": Scale(0.25),
        "discriminator_a": Mean(2.0),
        "discriminator_b": Mean(3.0),
    }
    return getattr(gans, system)(**{name: still(network) for name, network in players.items()}, **options)


def test_discogan_mixes_what_is_adversarial_with_features_and_reconstructions():
    game = sisters("discogan", curriculum_steps=1, generator_steps=1)
    state = game.init(jax.random.key(0), BATCH)
    fake_a, fake_b = 0.25 * means(B), 2 * means(A)
    sides = ((2.0, means(A), fake_a), (3.0, means(B), fake_b))
    judged = sum(softplus(-w * real).mean() + softplus(w * fake).mean() for w, real, fake in sides)
    taken = sum(softplus(-w * fake).mean() for w, _, fake in sides)
    matched = sum((real.mean() - fake.mean()) ** 2 for _, real, fake in sides)
    back = (l2(0.5 * A, A) + l2(0.5 * B, B)) / 4  # of images in [0, 1]
    for share in (0.01, 0.5):
        state, metrics = game.step(state, (BATCH, BATCH))
        assert 0.5 * judged == value(metrics, "discriminators/loss")
        assert (1 - share) * (0.1 * taken + 0.9 * matched) + share * back == value(metrics, "generators/loss")
        assert back == value(metrics, "generators/reconstruction") and matched == value(metrics, "generators/features")


def test_discogan_halves_its_game_and_no_term():
    def loss(*parts):
        game = sisters("discogan", generator_steps=1, terms=parts)
        _, metrics = game.step(game.init(jax.random.key(0), BATCH), (BATCH, BATCH), game.due(0, 0))
        return {name: float(value) for name, value in metrics.items()}

    plain, added, lazily = loss(), loss(terms.r1(4.0)), loss(terms.r1(4.0, every=2))
    slopes = 4.0 * 0.5 * (2.0**2 + 3.0**2) / A[0].size
    assert added["discriminators/loss"] - plain["discriminators/loss"] == pytest.approx(slopes, rel=1e-4)
    assert lazily["r1/loss"] == pytest.approx(slopes, rel=1e-4)
    # Targets of 0.9, which change the game itself, are halved with it.
    asked = sum(0.1 * (w * means(x)).mean() for w, x in ((2.0, A), (3.0, B)))
    smoothed = loss(terms.label_smoothing(0.9))["discriminators/loss"] - plain["discriminators/loss"]
    assert smoothed == pytest.approx(0.5 * asked, rel=1e-3, abs=1e-6)


def test_discogan_moves_its_generators_twice_for_its_discriminators_once():
    game = sisters("discogan")
    due = game.due(0, 0)
    assert game.minibatches(due) == 3  # each on one of its own
    others = {"a": A * 0.5, "b": B * 0.5}
    _, metrics = game.step(game.init(jax.random.key(0), BATCH), (BATCH, BATCH, others))
    back = (l2(0.25 * A, 0.5 * A) + l2(0.25 * B, 0.5 * B)) / 4
    assert back == value(metrics, "generators/reconstruction")  # of the third


def test_dualgan_is_the_gap_of_scores_and_what_is_lost():
    game = sisters("dualgan", reconstruction=500.0, discriminator_steps=1)
    _, metrics = play(game, BATCH)
    fake_a, fake_b = 0.25 * means(B), 2 * means(A)
    gap = (2 * fake_a - 2 * means(A)).mean() + (3 * fake_b - 3 * means(B)).mean()
    assert gap == value(metrics, "discriminators/loss")
    lost = l1(0.5 * A, A) + l1(0.5 * B, B)
    assert -(2 * fake_a).mean() - (3 * fake_b).mean() + 500 * lost == value(metrics, "generators/loss")
    assert sisters("dualgan").minibatches(sisters("dualgan").due(0, 0)) == 3  # critics' turns


# ---- CoGAN


class OfDomain(nn.Module):
    """A generator: images filled with w in a, and with v in b; z is not looked at."""

    output_shape: tuple = SHAPE

    @nn.compact
    def __call__(self, z, domain=None):
        w, v = (self.param(name, nn.initializers.constant(start), ()) for name, start in (("w", 0.25), ("v", -0.5)))
        return {"a": w, "b": v}.get(domain, w) * jnp.ones((len(z), *SHAPE))


class Judge(nn.Module):
    """A discriminator of both domains: w times the mean, and as much again in b."""

    @nn.compact
    def __call__(self, x, domain=None):
        w = self.param("w", nn.initializers.constant(2.0), ())
        return (1 + DOMAINS.index(domain or "a")) * w * x.mean(axis=(1, 2, 3))


def test_cogan_adds_up_the_games_of_both_domains():
    game = gans.cogan(still(OfDomain()), still(Judge()), latent_size=3)
    state, metrics = play(game, BATCH)
    sides = ((2.0, means(A), 0.25), (4.0, means(B), -0.5))
    judged = sum(softplus(-w * real).mean() + softplus(w * fake).mean() for w, real, fake in sides)
    assert judged == value(metrics, "discriminators/loss")
    assert sum(softplus(-w * fake).mean() for w, _, fake in sides) == value(metrics, "generator/loss")
    for domain, filled in (("a", 0.25), ("b", -0.5)):
        np.testing.assert_allclose(game.sample(state, jax.random.key(1), 3, domain=domain), filled)
    with pytest.raises(UserError, match="domain='c' is no domain of this game"):
        game.sample(state, jax.random.key(1), 3, domain="c")


# ---- UNIT


@pytest.mark.parametrize("crossed", [True, False])
def test_unit_adds_up_autoencoders_cycles_and_discriminators(crossed):
    # A decoder that is deaf to the code does not hear the noise.
    players = [still(Coded()), still(Filled(deaf=True)), still(Mean(2.0)), still(Mean(3.0))]
    weights = {"reconstruction": 7.0, "cycle": 5.0, "kl": 3.0, "adversarial": 2.0}
    _, metrics = play(gans.unit(*players, **weights, crossed=crossed), BATCH)
    fake = {"a": 0.25, "b": 0.75}
    sides = ((2.0, means(A), fake["a"]), (3.0, means(B), fake["b"]))
    judged = sum(softplus(-w * real).mean() + softplus(w * made).mean() for w, real, made in sides)
    assert judged == value(metrics, "discriminators/loss")
    taken = sum(softplus(-w * made).mean() for w, _, made in sides)
    lost = l1(fake["a"], A) + l1(fake["b"], B)
    divergence = np.square(0.5 * means(A)).mean() + np.square(means(B)).mean()
    total = 2 * taken + 7 * lost
    if crossed:
        divergence += (0.5 * fake["a"]) ** 2 + fake["b"] ** 2
        total += 5 * lost
    assert divergence == value(metrics, "autoencoders/kl") and lost == value(metrics, "autoencoders/reconstruction")
    assert total + 3 * divergence == value(metrics, "autoencoders/loss")


def test_unit_translates_without_noise_and_shows_its_codes():
    game = gans.unit(still(Coded()), still(Filled()), still(Mean()), still(Mean()))
    state = game.init(jax.random.key(0), BATCH)
    made = game.translate(state, jax.random.key(1), B, target="a")
    np.testing.assert_allclose(made, fill(0.25 * means(B)), rtol=1e-5)
    np.testing.assert_allclose(game.use("encode", state, jax.random.key(1), B, source="b")[:, 0], means(B), rtol=1e-5)


def test_noise_of_codes_is_normal_of_variance_one():
    noise = np.asarray(with_noise(jax.random.key(0), jnp.full((100, 4, 4, 8), 3.0))) - 3
    assert abs(noise.mean()) < 0.03 and abs(noise.std() - 1) < 0.03
    assert (np.abs(noise) < 1).mean() == pytest.approx(0.683, abs=0.02)


# ---- XGAN


def test_xgan_adds_up_its_four_losses():
    players = [still(Coded()), still(Filled()), still(Told()), still(Mean(2.0)), still(Mean(3.0))]
    game = gans.xgan(*players, domain=0.7, semantic=0.3, adversarial=0.2)
    state, metrics = play(game, BATCH)
    code_a, code_b = 0.5 * means(A), means(B)
    fake_b, fake_a = 0.75 * code_a, 0.25 * code_b
    judged = (softplus(-2 * means(A)) + softplus(2 * fake_a) + softplus(-3 * means(B)) + softplus(3 * fake_b)).mean()
    assert judged == value(metrics, "discriminators/loss")
    domain = (softplus(2 * code_a).mean() + softplus(-2 * code_b).mean()) / 2
    assert domain == value(metrics, "code_classifier/loss")
    lost = l2(fill(0.25 * code_a), A) + l2(fill(0.75 * code_b), B)
    semantic = l1(code_a, fake_b) + l1(code_b, 0.5 * fake_a)
    taken = softplus(-2 * fake_a).mean() + softplus(-3 * fake_b).mean()
    expected = lost - 0.7 * domain + 0.3 * semantic + 0.2 * taken
    assert expected == value(metrics, "autoencoders/loss")
    np.testing.assert_allclose(game.translate(state, jax.random.key(1), A), fill(fake_b), rtol=1e-5)


def test_the_encoders_of_xgan_raise_what_its_classifier_lowers():
    """Both move against each other: the code's share of the classifier's cost grows by the encoder's step alone."""
    players = [Player(Coded(), optax.sgd(0.01)), still(Filled(deaf=True)), still(Told()), still(Mean()), still(Mean())]
    game = gans.xgan(*players, domain=1.0, semantic=0.0, adversarial=0.0)
    state = game.init(jax.random.key(0), BATCH)
    costs = []
    for _ in range(3):
        state, metrics = game.step(state, BATCH)
        costs.append(float(metrics["code_classifier/loss"]))
    assert costs[0] < costs[1] < costs[2]


# ---- Fader networks


class Added(nn.Module):
    """A decoder: the code, and w times the attribute."""

    output_shape: tuple = SHAPE

    @nn.compact
    def __call__(self, code, attributes):
        return code + self.param("w", nn.initializers.constant(0.5), ()) * attributes[:, :1, None, None]


def test_domain_adversarial_rewards_codes_that_are_taken_for_the_other_domain():
    game = gans.domain_adversarial(still(Scale(2.0)), still(Added()), still(Told()), domain=0.6, ramp_steps=2)
    state = game.init(jax.random.key(0), BATCH)
    right = (softplus(4 * means(A)).mean() + softplus(-4 * means(B)).mean()) / 2
    wrong = (softplus(-4 * means(A)).mean() + softplus(4 * means(B)).mean()) / 2
    lost = (l2(2 * A, A) + l2(2 * B + 0.5, B)) / 2
    for weight in (0.0, 0.3, 0.6, 0.6):  # it has risen after two steps
        state, metrics = game.step(state, BATCH)
        assert right == value(metrics, "code_classifier/loss")
        assert lost + weight * wrong == value(metrics, "autoencoder/loss")


class Centred(nn.Module):
    """An encoder with the mean of a whole minibatch taken off, as batch norm does."""

    @nn.compact
    def __call__(self, x):
        return self.param("w", nn.initializers.constant(2.0), ()) * (x - x.mean())


def test_both_domains_pass_in_one_minibatch():
    """The codes of images that differ by an offset alone still do; with statistics of each domain they would be alike."""
    batch = {"a": A, "b": A + 0.75}
    game = gans.domain_adversarial(still(Centred()), still(Added()), still(Told()), domain=0.6, ramp_steps=1)
    _, metrics = game.step(game.init(jax.random.key(0), batch), batch)
    a, b = (np.asarray(batch[each], np.float64) for each in DOMAINS)
    middle = np.concatenate([a, b]).mean()
    told_a, told_b = (4 * means(each - middle) for each in (a, b))
    assert (softplus(told_a) + softplus(-told_b)).mean() / 2 == value(metrics, "code_classifier/loss")
    lost = (l2(2 * (a - middle), a) + l2(2 * (b - middle) + 0.5, b)) / 2
    assert lost == value(metrics, "autoencoder/reconstruction")


def test_an_attribute_slides_from_the_source_to_the_target_and_beyond():
    game = gans.domain_adversarial(still(Scale(2.0)), still(Added()), still(Told()))
    state = game.init(jax.random.key(0), BATCH)
    translate = lambda **options: game.translate(state, jax.random.key(1), A, **options)  # noqa: E731
    np.testing.assert_allclose(translate(), 2 * A + 0.5, rtol=1e-5)
    for strength in (0.0, 0.5, 3.0):
        np.testing.assert_allclose(translate(strength=strength), 2 * A + 0.5 * strength, rtol=1e-5, atol=1e-6)
        there = translate(target="a", strength=strength)
        np.testing.assert_allclose(there, 2 * A + 0.5 * (1 - strength), rtol=1e-5, atol=1e-6)
    with pytest.raises(UserError, match=r"strength=11.0, but it must lie in \[0, 10\]"):
        translate(strength=11.0)
    with pytest.raises(UserError, match="source and target are both 'a'"):
        translate(source="a", target="a")
    with pytest.raises(UserError, match="ramp_steps=0, but"):
        gans.domain_adversarial(still(Scale()), still(Added()), still(Told()), ramp_steps=0)

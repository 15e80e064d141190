"""Games with encoders, and the discriminator that generates: their losses by hand, and which players a loss moves."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import gans
from jaxgan.core import Due, Player
from jaxgan.core.players import flatten
from jaxgan.errors import UserError
from jaxgan.layers import Verdict
from jaxgan.losses import normal_kl
from jaxgan.parts import terms
from tests.gans.test_conditional_games import softplus
from tests.gans.tiny_players import arrays, make

IMAGES = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (4, 2, 2, 1)), jnp.float32)
X = np.asarray(IMAGES, np.float64)
BATCH = {"image": IMAGES}

# For each system, its turns and the players that move in them: written down here, not read from the game.
MOVES = {
    "vae": {"autoencoder": {"encoder", "generator"}},
    "vaegan": {name: {name} for name in ("encoder", "generator", "discriminator")},
    "vaegan_three_way": {name: {name} for name in ("encoder", "generator", "discriminator")},
    "bigan": {"discriminator": {"discriminator"}, "encoder_and_generator": {"encoder", "generator"}},
    "bivae": {"loops": {"encoder", "generator"}},
    "discriminator_only": {"discriminator": {"discriminator"}},
    "disentangle": {
        "domain_classifier": {"domain_classifier"},
        "autoencoder": {"content_encoder", "style_encoder", "generator"},
    },
}
# A loss, by its weight, and the players that it moves: of all others not a parameter feels it.
FELT = {
    ("vaegan", "adversarial"): {"generator", "discriminator"},
    ("vaegan", "feature_weight"): {"generator"},
    ("vaegan_three_way", "adversarial"): {"generator", "discriminator"},
    ("vaegan_three_way", "feature_weight"): {"generator"},
    ("vaegan_three_way", "prior_weight"): {"encoder"},
    ("bivae", "latent_weight"): {"encoder", "generator"},
    ("disentangle", "adversarial"): {"content_encoder"},
    ("discriminator_only", "score_penalty"): {"discriminator"},
}


def moved(before, after):
    """The players whose parameters differ."""
    pairs = zip(flatten(before.players).items(), flatten(after.players).values(), strict=True)
    return {
        name
        for (name, old), new in pairs
        if any((a != b).any() for a, b in zip(jax.tree.leaves(old.params), jax.tree.leaves(new.params), strict=True))
    }


@pytest.mark.parametrize("system", MOVES)
def test_a_turn_moves_its_players_and_no_others(system):
    game = make(system).complete(arrays())
    state = jax.jit(game.init)(jax.random.key(0), arrays())
    assert {turn.name for turn in game.stages[0].turns} == set(MOVES[system])
    for turn, players in MOVES[system].items():
        due = Due(0, (turn,))
        after, _ = jax.jit(game.step, static_argnames="due")(state, (arrays(),) * game.minibatches(due), due=due)
        assert moved(state, after) == players, turn


@pytest.mark.parametrize(("system", "weight"), FELT)
def test_a_loss_is_felt_by_its_players_alone(system, weight):
    states = []
    for value in (0.25, 0.5):
        game = make(system, **{weight: value}).complete(arrays())
        state = jax.jit(game.init)(jax.random.key(0), arrays())
        due = Due(0, tuple(turn.name for turn in game.stages[0].turns))
        states.append(jax.jit(game.step)(state, (arrays(),) * game.minibatches(due))[0])
    assert moved(*states) == FELT[system, weight]


# ---- losses by hand


class Corner(nn.Module):
    """An encoder: a times the first pixel, in each output; and b more in the second half of them."""

    outputs: int = 0

    @nn.compact
    def __call__(self, x):
        a, b = (self.param(name, nn.initializers.constant(value), ()) for name, value in (("a", 0.5), ("b", -30.0)))
        first, second = a * jnp.ones(self.outputs - self.outputs // 2), b * jnp.ones(self.outputs // 2)
        pixel = x[:, 0, 0, 0]
        return jnp.concatenate([pixel[:, None] * first[None], jnp.zeros((len(x), 1)) + second[None]], axis=1)


class Plain(Corner):
    """One of codes without a density: a times the first pixel."""

    @nn.compact
    def __call__(self, x):
        a = self.param("a", nn.initializers.constant(0.5), ())
        return a * x[:, 0, 0, :1] * jnp.ones((1, self.outputs))


class Fill(nn.Module):
    """A decoder: each image is filled with w times the sum of its code."""

    output_shape: tuple | None = None

    @nn.compact
    def __call__(self, z):
        w = self.param("w", nn.initializers.constant(0.8), ())
        return w * z.sum(axis=1).reshape(-1, 1, 1, 1) * jnp.ones((1, *self.output_shape))


class Means(nn.Module):
    """A discriminator: v times the mean, and v times the sum of the code beside; its features are twice each row's mean.

    Its class logits are v times the mean times (0, 1, 2).
    """

    class_logits: int = 0

    @nn.compact
    def __call__(self, x, code=None, features=False):
        v = self.param("v", nn.initializers.constant(1.5), ())
        mean = x.mean(axis=(1, 2, 3))
        score = v * mean + (0 if code is None else v * code.sum(axis=1))
        logits = v * mean[:, None] * jnp.arange(3.0)[None] if self.class_logits else None
        return Verdict(None if self.class_logits else score, 2 * x.mean(axis=(2, 3)) if features else None, logits)


def still(network):
    return Player(network, optax.sgd(0.0))


def played(game, batch=BATCH):
    game = game.complete(batch)
    state = game.init(jax.random.key(0), batch)
    due = Due(0, tuple(turn.name for turn in game.stages[0].turns))
    _, metrics = game.step(state, (batch,) * game.minibatches(due), due)
    return {name: float(value) for name, value in metrics.items()}, game, state


# The variance of the codes is exp(-30): what is drawn is the mean.
CODE = 0.5 * X[:, 0, 0, 0]
AGAIN = 0.8 * CODE[:, None, None, None] * np.ones((1, 2, 2, 1))
KL = float(normal_kl(jnp.asarray(CODE[:, None]), jnp.full((4, 1), -30.0)).mean())  # tested in tests/losses


def test_a_vae_adds_the_divergence_to_what_the_decoder_gets_wrong():
    metrics, game, state = played(gans.vae(still(Corner()), still(Fill()), latent_size=1, deviation=0.5))
    cost = np.square(X - AGAIN).reshape(4, -1).sum(1).mean() / (2 * 0.25)
    assert metrics["autoencoder/loss"] == pytest.approx(KL + cost, rel=1e-5)
    np.testing.assert_allclose(
        game.use("reconstruct", state, jax.random.key(1), images=IMAGES), AGAIN, rtol=1e-5, atol=1e-7
    )
    metrics, _, _ = played(gans.vae(still(Corner()), still(Fill()), latent_size=1, likelihood="bernoulli"))
    p, shade = (1 + AGAIN) / 2, (1 + X) / 2
    cost = -(shade * np.log(p) + (1 - shade) * np.log(1 - p)).reshape(4, -1).sum(1).mean()
    assert metrics["autoencoder/loss"] == pytest.approx(KL + cost, rel=1e-5)
    metrics, game, _ = played(gans.vae(still(Plain()), still(Fill()), latent_size=1, variational=False))
    assert metrics["autoencoder/loss"] == pytest.approx(np.square(X - AGAIN).sum() / 4 / 2, rel=1e-5)
    assert "autoencoder/kl" not in metrics and set(game.abilities["encode"].takes) == {"images"}


def features_cost():
    """1/2 || Dis_l(x) - Dis_l(x~) ||^2, whose features are twice the rows' means."""
    return 0.5 * np.square(2 * (X - AGAIN).mean(axis=(2, 3))).sum(1).mean()


def test_vaegan_weighs_features_beside_the_game():
    metrics, _, _ = played(
        gans.vaegan(still(Corner()), still(Fill()), still(Means()), latent_size=1, feature_weight=0.3)
    )
    assert metrics["encoder/loss"] == pytest.approx(KL + features_cost(), rel=1e-5)
    # minimax: the decoder's adversarial loss is E[log(1 - D(fake))] of both kinds, the discriminator's minus their mean
    adversarial = metrics["generator/adversarial"]
    assert metrics["generator/loss"] == pytest.approx(0.3 * features_cost() + adversarial, rel=1e-5)
    real = softplus(-1.5 * X.mean(axis=(1, 2, 3))).mean()
    assert metrics["discriminator/loss"] == pytest.approx(real - adversarial / 2, rel=1e-5)
    # Reconstructions count whole, and what is left is the mean over generated images of log(1 - D) < 0.
    reconstructed = -softplus(1.5 * AGAIN.mean(axis=(1, 2, 3))).mean()
    assert adversarial - reconstructed < 0


def test_a_vaegan_judges_by_its_objective():
    """Least squares on 0 and 1 meet at a half."""
    players = still(Corner()), still(Fill()), still(Means())
    _, game, state = played(gans.vaegan(*players, latent_size=1, objective="least_squares"))
    scores = game.use("judge", state, jax.random.key(0), images=IMAGES)
    np.testing.assert_allclose(scores, 1.5 * X.mean(axis=(1, 2, 3)) - 0.5, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_terms_of_a_vaegan_are_means_over_its_pairs_as_its_game_is(weight):
    def game(*parts):
        players = still(Corner()), still(Fill()), still(Means())
        return played(gans.vaegan(*players, latent_size=1, adversarial=weight, terms=parts))[0]

    plain, lazily = game(), game(terms.r1(4.0, every=2))
    # R1 of reals, 1/2 v^2 / HWC, is the same for both pairs, and counts once.
    slope = 0.5 * 1.5**2 / X[0].size
    assert game(terms.r1(4.0))["discriminator/loss"] - plain["discriminator/loss"] == pytest.approx(4 * slope, rel=1e-4)
    assert lazily["r1/loss"] == pytest.approx(4 * slope, rel=1e-4)
    # The cross-entropy that asks for 0.9 on reals: -0.9 log D - 0.1 log(1 - D), as much as it weighs.
    smoothed = game(terms.label_smoothing(0.9))["discriminator/loss"] - plain["discriminator/loss"]
    scores = 1.5 * X.mean(axis=(1, 2, 3))
    asked = (0.9 * softplus(-scores) + 0.1 * softplus(scores)).mean() - softplus(-scores).mean()
    assert smoothed == pytest.approx(weight * asked, rel=1e-3, abs=1e-6)


def test_a_discriminator_of_three_kinds():
    players = still(Corner()), still(Fill()), still(Means())
    metrics, game, state = played(
        gans.vaegan_three_way(*players, latent_size=1, feature_weight=0.3, adversarial=0.5, prior_weight=2.0)
    )

    def cost(images, kind):
        logits = 1.5 * images.mean(axis=(1, 2, 3))[:, None] * np.arange(3)
        return (np.log(np.exp(logits).sum(1)) - logits[:, kind]).mean()

    assert metrics["discriminator/real"] == pytest.approx(cost(X, 0), rel=1e-5)
    assert metrics["discriminator/reconstructed"] == pytest.approx(cost(AGAIN, 1), rel=1e-5)
    kinds = sum(metrics[f"discriminator/{kind}"] for kind in ("real", "reconstructed", "generated"))
    assert metrics["discriminator/loss"] == pytest.approx(0.5 * kinds, rel=1e-5)
    told = KL + features_cost() + 2.0 * cost(AGAIN, 2)
    assert metrics["encoder/loss"] == pytest.approx(told, rel=1e-5)
    expected = 0.3 * features_cost() + 0.5 * metrics["generator/adversarial"]
    assert metrics["generator/loss"] == pytest.approx(expected, rel=1e-5)
    assert metrics["generator/adversarial"] > cost(AGAIN, 0)
    scores = game.use("judge", state, jax.random.key(1), images=IMAGES)
    logits = 1.5 * X.mean(axis=(1, 2, 3))[:, None] * np.arange(3)
    np.testing.assert_allclose(scores, logits[:, 0] - np.log(np.exp(logits[:, 1:]).sum(1)), rtol=1e-4, atol=1e-6)


class Still(Fill):
    """A decoder that makes the same of every latent, so that the hand knows all fakes; what it is given it adds, times 0."""

    @nn.compact
    def __call__(self, z):
        w = self.param("w", nn.initializers.constant(0.8), ())
        return w * jnp.ones((len(z), *self.output_shape)) + 0 * z.sum()


@pytest.mark.parametrize("joint", [True, False])
def test_bigan_exchanges_the_labels_of_both_pairs(joint):
    metrics, _, _ = played(
        gans.bigan(still(Plain()), still(Still()), still(Means()), latent_size=1, latent="bernoulli", joint=joint)
    )
    on_real = 1.5 * X.mean(axis=(1, 2, 3)) + (1.5 * CODE if joint else 0)
    # 0.8 everywhere, beside a latent of 0 or 1: the share of ones is read off the log, and must be one of five
    values = []
    for ones in range(5) if joint else [0]:
        on_fake = 1.5 * (0.8 + np.array([1.0] * ones + [0.0] * (4 - ones)))
        values.append(
            (
                softplus(-on_real).mean() + softplus(on_fake).mean(),
                softplus(on_real).mean() + softplus(-on_fake).mean(),
            )
        )
    found = metrics["discriminator/loss"], metrics["encoder_and_generator/loss"]
    assert any(found == pytest.approx(each, rel=1e-5) for each in values)


def test_both_loops_of_a_bidirectional_autoencoder():
    metrics, _, _ = played(gans.bivae(still(Plain()), still(Fill()), latent_size=1, latent="sphere", latent_weight=3.0))
    # Latents of one component on the sphere are 1 or -1, and come back as 0.5 * 0.8 of that.
    assert metrics["loops/images"] == pytest.approx(np.square(X - AGAIN).mean(), rel=1e-5)
    assert metrics["loops/latents"] == pytest.approx(0.6**2, rel=1e-5)
    assert metrics["loops/loss"] == pytest.approx(np.square(X - AGAIN).mean() + 3 * 0.36, rel=1e-5)


def test_a_discriminator_alone_contrasts_reals_with_where_chains_end():
    """Its slope is v / 4 everywhere: all chains end at 1 after a few large steps."""
    metrics, game, state = played(
        gans.discriminator_only(
            still(Means()),
            step_size=10.0,
            noise=0.0,
            gradient_limit=1.0,
            chain_steps=3,
            sample_steps=2,
            kept_chains=8,
            score_penalty=0.2,
        )
    )
    real = 1.5 * X.mean(axis=(1, 2, 3))
    expected = 1.5 - real.mean() + 0.2 * (1.5**2 + np.square(real).mean())
    assert metrics["discriminator/loss"] == pytest.approx(expected, rel=1e-5)
    samples = game.use("sample", state, jax.random.key(1), number=3)
    np.testing.assert_array_equal(samples, np.ones((3, 2, 2, 1)))
    after, _ = game.step(state, BATCH)
    kept = np.asarray(after.memory["chains"])
    assert (kept == 1).all(axis=(1, 2, 3)).sum() == 4  # a minibatch of them has gone on
    unchanged = (kept == np.asarray(state.memory["chains"])).all(axis=(1, 2, 3))
    assert unchanged.sum() == 4


class Domain(nn.Module):
    """A classifier of codes: u times the first component, times (0, 1, 2)."""

    class_logits: int = 0

    @nn.compact
    def __call__(self, code):
        u = self.param("u", nn.initializers.constant(2.0), ())
        return Verdict(None, None, u * code[:, :1] * jnp.arange(3.0)[None])


def test_disentangled_codes_by_hand():
    players = still(Plain()), still(Plain()), still(Fill()), still(Domain())
    game = gans.disentangle(*players, domains=("A", "B", "C"), content_size=1, style_size=1, adversarial=0.25)
    batch = {name: factor * IMAGES for name, factor in (("a", 1.0), ("b", -0.5), ("c", 0.3))}
    metrics, game, state = played(game, batch)
    code = np.stack([0.5 * np.asarray(images)[:, 0, 0, 0] for images in batch.values()])  # (domain, image)
    images = np.stack(list(batch.values()))
    # The style is that of another image of the same domain: the one before it.
    made = 0.8 * (code + np.roll(code, 1, axis=1))
    distance = np.square(made[..., None, None, None] - images).mean()
    assert metrics["autoencoder/reconstruction"] == pytest.approx(distance, rel=1e-5)
    expected = distance + 0.25 * metrics["autoencoder/confusion"]
    assert metrics["autoencoder/loss"] == pytest.approx(expected, rel=1e-5)
    logits = 2 * code[..., None] * np.arange(3)
    costs = np.log(np.exp(logits).sum(-1, keepdims=True)) - logits  # (domain, image, domain said)
    assert metrics["domain_classifier/loss"] == pytest.approx(
        np.mean([costs[d, :, d].mean() for d in range(3)]), rel=1e-5
    )
    # Each is to be taken for one of the other two domains.
    others = np.concatenate([np.delete(costs[d], d, axis=1) for d in range(3)])
    choices = [others[np.arange(12), list(map(int, f"{which:012b}"))].mean() for which in range(2**12)]
    assert np.isclose(choices, metrics["autoencoder/confusion"], rtol=1e-6).any()
    swapped = game.use("restyle", state, jax.random.key(1), images=IMAGES, styles=IMAGES[::-1])
    np.testing.assert_allclose(swapped[:, 0, 0, 0], 0.8 * (CODE + CODE[::-1]), rtol=1e-5, atol=1e-7)


def test_what_cannot_be_played_is_said_in_a_line():
    with pytest.raises(UserError, match=r"likelihood='laplace' does not exist; choose one of normal, bernoulli"):
        gans.vae(still(Corner()), still(Fill()), likelihood="laplace")
    with pytest.raises(UserError, match=r"deviation=0 of p\(x \| z\), but it must be above 0"):
        gans.vae(still(Corner()), still(Fill()), deviation=0.0)
    with pytest.raises(UserError, match="has no field 'outputs'"):
        gans.vae(still(Fill()), still(Fill()))
    with pytest.raises(UserError, match=r"images of several domains.*many_folders"):
        gans.disentangle(*map(still, (Plain(), Plain(), Fill(), Domain())))
    with pytest.raises(UserError, match="fresh_share=2 in"):
        gans.discriminator_only(still(Means()), fresh_share=2.0)
    game = gans.disentangle(*map(still, (Plain(), Plain(), Fill(), Domain())), domains=("A", "B", "C"))
    with pytest.raises(UserError, match="this game needs the array 'a'"):
        game.complete(BATCH)

"""InfoGAN: its losses by hand on networks of a few numbers, who moves on them, and what it refuses."""

from unittest import mock

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats

from jaxgan import gans
from jaxgan.core import Player
from jaxgan.errors import UserError
from jaxgan.layers import Verdict
from jaxgan.parts.coded_latents import CodedLatent
from tests.gans.one_parameter import still

IMAGES = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (32, 2, 2, 1)), jnp.float32)
BATCH = {"image": IMAGES}
CODES = {"latent_size": 1, "categorical": 1, "categories": 3, "continuous": 2}


class Shows(nn.Module):
    """A generator whose four pixels are the category, the two continuous codes, and 1, all times w."""

    output_shape: tuple | None = None

    @nn.compact
    def __call__(self, z):
        category = z[:, 1:4].argmax(-1).astype(jnp.float32)
        pixels = jnp.stack([category, z[:, 4], z[:, 5], jnp.ones(len(z))], axis=1)
        return self.param("w", nn.initializers.constant(0.5), ()) * pixels.reshape(-1, 2, 2, 1)


class Sees(nn.Module):
    """A discriminator: w times the last pixel; its features are v times all."""

    @nn.compact
    def __call__(self, x, features=False):
        w, v = (self.param(name, nn.initializers.constant(2.0), ()) for name in "wv")
        flat = x.reshape(len(x), -1)
        return Verdict(w * flat[:, 3], v * flat) if features else w * flat[:, 3]


class Reads(nn.Module):
    """Q: logits (0, 1, 2) times the first feature and u, means half the next two, log deviations a tenth of them."""

    outputs: int = 0

    @nn.compact
    def __call__(self, x):
        u = self.param("u", nn.initializers.constant(1.5), ())
        logits = u * x[:, :1] * jnp.arange(3.0)[None]
        return jnp.concatenate([logits, 0.5 * x[:, 1:3], 0.1 * x[:, 1:3]], axis=1)[:, : self.outputs]


def softplus(x):
    return np.log1p(np.exp(x))


def play(rate=0.0, **options):
    players = (Player(network, optax.sgd(rate)) for network in (Shows(), Sees(), Reads()))
    game = gans.infogan(*players, **CODES, **options).complete(BATCH)
    state = game.init(jax.random.key(0), BATCH)
    after, metrics = jax.jit(game.step)(state, BATCH)
    return game, state, after, {name: float(value) for name, value in metrics.items()}


@pytest.mark.parametrize("learned", [True, False])
def test_the_losses_are_the_games_less_the_information(learned):
    options = {"categorical_weight": 0.5, "continuous_weight": 0.25, "learned_deviation": learned}
    _, _, _, metrics = play(**options)
    real, fake = 2.0 * np.asarray(IMAGES)[:, 1, 1, 0], 2.0 * 0.5
    adversarial = {"discriminator": softplus(-real).mean() + softplus(fake), "generator": softplus(-fake)}
    for turn, expected in adversarial.items():
        # How much each bound is depends on the draws, so the sum is checked, and the bounds where they are known.
        kept = 0.5 * metrics[f"{turn}/categorical_information"] + 0.25 * metrics[f"{turn}/continuous_information"]
        assert metrics[f"{turn}/loss"] == pytest.approx(expected - kept, rel=1e-5)
        # Features are 2 x 0.5 x (category, codes): Q's mean is half the code.
        assert metrics[f"{turn}/code_error"] == pytest.approx(0.25 / 3, rel=0.3)
        # The likeliest category is always the last, but for images of category 0, of which nothing is said.
        assert metrics[f"{turn}/code_accuracy"] == pytest.approx(2 / 3, abs=0.3)


@pytest.mark.parametrize("learned", [True, False])
def test_the_information_is_that_of_the_codes_the_fakes_were_made_from(learned):
    game, state, _, metrics = play(learned_deviation=learned)
    codes = CodedLatent(1, "uniform", 1, 3, 2)
    turn = next(turn for turn in game.stages[0].turns if turn.name == "generator")
    nets = game.nets(state)
    generator = nets._nets["generator"] = mock.Mock(wraps=nets.generator)
    _, aux = turn.loss(nets, BATCH, {}, jax.random.key(5))
    seen = generator.call_args_list[0].args[0]
    z = np.asarray(seen, np.float64)
    category, code = z[:, 1:4].argmax(1), z[:, 4:]
    logits = 1.5 * category[:, None] * np.arange(3)
    log_p = logits[np.arange(32), category] - np.log(np.exp(logits).sum(1))
    assert float(aux.metrics["categorical_information"]) == pytest.approx(np.log(3) + log_p.mean(), rel=1e-5)
    log_p = scipy.stats.norm.logpdf(code, 0.5 * code, np.exp(0.1 * code) if learned else 1.0).sum(1)
    assert float(aux.metrics["continuous_information"]) == pytest.approx(2 * np.log(2) + log_p.mean(), rel=1e-5)
    np.testing.assert_array_equal(codes.category(seen)[:, 0], category)
    assert metrics["generator/code_error"] > 0


def test_q_moves_with_the_discriminator_whose_layers_it_shares():
    game, before, after, _ = play(rate=0.1)
    moved = {turn.name: turn.players for turn in game.stages[0].turns}
    assert moved == {"discriminator": ("discriminator", "code_head"), "generator": ("generator",)}
    for name in ("generator", "discriminator", "code_head"):
        for old, new in zip(*(jax.tree.leaves(state.players[name].params) for state in (before, after)), strict=True):
            assert (old != new).any(), name
    # Without information the features that Q alone reads, and Q itself, stay as they are.
    _, before, after, _ = play(rate=0.1, categorical_weight=0.0, continuous_weight=0.0)
    for name, part in (("discriminator", "v"), ("code_head", "u")):
        assert before.players[name].params[part] == after.players[name].params[part]
    assert before.players["discriminator"].params["w"] != after.players["discriminator"].params["w"]


def test_abilities_set_a_code_and_read_one():
    game, state, _, _ = play()
    key, label = jax.random.key(3), jnp.array([2, 0, 1, 2])
    drawn = np.asarray(game.sample(state, key, 4, label=label)).reshape(4, 4) / 0.5
    np.testing.assert_array_equal(drawn[:, 0], label)
    edited = game.use("edit", state, key, 4, code="continuous_1", strength=1.5, label=label)
    edited = np.asarray(edited).reshape(4, 4) / 0.5
    np.testing.assert_allclose(edited[:, 2], 1.5)
    np.testing.assert_array_equal(np.delete(edited, 2, axis=1), np.delete(drawn, 2, axis=1))  # all else stays
    logits = game.use("cluster", state, key, images=IMAGES)
    np.testing.assert_allclose(logits, 1.5 * 2 * np.asarray(IMAGES)[:, :1, 0, 0] * np.arange(3), rtol=1e-5)
    # Latents that are given keep their category.
    latents = game.use("latents", state, key, 4)
    made = np.asarray(game.use("generate", state, key, latents=latents)).reshape(4, 4) / 0.5
    np.testing.assert_array_equal(made[:, 0], np.asarray(latents)[:, 1:4].argmax(1))


def test_codes_are_as_they_are_declared():
    codes = CodedLatent(3, "normal", 2, 4, 1)
    drawn = np.asarray(codes(jax.random.key(0), 4000))
    assert drawn.shape == (4000, 3 + 2 * 4 + 1) and codes.example().shape == (1, 12)
    one_hot = drawn[:, 3:11].reshape(-1, 2, 4)
    assert np.isin(one_hot, (0, 1)).all() and (one_hot.sum(-1) == 1).all()
    for index in range(2):
        assert scipy.stats.chisquare(one_hot[:, index].sum(0)).pvalue > 1e-3
    assert scipy.stats.chi2_contingency(one_hot[:, 0].T @ one_hot[:, 1]).pvalue > 1e-3
    assert scipy.stats.kstest(drawn[:, 11], scipy.stats.uniform(-1, 2).cdf).pvalue > 1e-3
    assert scipy.stats.kstest(drawn[:, 0], "norm").pvalue > 1e-3
    assert np.abs(np.asarray(codes(jax.random.key(0), 50, 0.5))[:, :3]).max() <= 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"categorical": 0, "continuous": 0}, "categorical=0 and continuous=0 codes: there must be some"),
        ({"categories": 1}, "categories=1, but a categorical code has at least 2"),
    ],
)
def test_codes_that_cannot_be(options, message):
    with pytest.raises(UserError, match=message):
        gans.infogan(still(Shows()), still(Sees()), still(Reads()), **{**CODES, **options})


def test_what_is_asked_for_wrongly_is_named():
    game, state, _, _ = play()
    for arguments, message in (
        ({"code": "continuous_2", "strength": 1.0}, "code='continuous_2' is no choice of this game: did you mean"),
        ({"code": "continuous_1"}, "edit needs strength"),
        ({"code": "continuous_1", "strength": 9.0}, r"strength=9.0, but it must lie in \[-3, 3\]"),
    ):
        with pytest.raises(UserError, match=message):
            game.use("edit", state, jax.random.key(0), 2, **arguments)
    without = gans.infogan(still(Shows()), still(Sees()), still(Reads()), latent_size=1, categorical=0, continuous=2)
    assert "cluster" not in without.abilities and "label" not in without.abilities["edit"].takes
    assert "edit" not in gans.infogan(still(Shows()), still(Sees()), still(Reads()), continuous=0).abilities

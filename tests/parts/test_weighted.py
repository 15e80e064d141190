"""Terms at work: for each pair of a game, by name, and without a word to each other."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import gans
from jaxgan.augment import ada, instance_noise
from jaxgan.core import Aux, Game, Stage, Turn, chain_views
from jaxgan.errors import UserError
from jaxgan.parts import DISCRIMINATOR, Pair, Term, Terms, make_pair, merged, terms
from tests.gans.one_parameter import IMAGES, Constant, Mean, Scale, play, still

REAL, SQUARE = 2 * np.asarray(IMAGES).mean((1, 2, 3)), 16 * (2 / 16) ** 2
A, B = IMAGES, IMAGES[::-1] * 0.5 + 0.1


def cyclegan(*parts, rate=0.0, starts=(2.0, 3.0)):
    judges = {f"discriminator_{name}": still(Mean(start), rate) for name, start in zip("ab", starts, strict=True)}
    return gans.cyclegan(still(Scale(2.0)), still(Scale(0.25)), **judges, pool_size=0, terms=parts)


def scores(start, images):
    return start * np.asarray(images).mean((1, 2, 3))


def test_a_term_runs_for_each_pair_and_the_loss_has_the_sum():
    parts = (terms.r1(weight=4.0), terms.drift(weight=0.5))
    _, metrics = play(cyclegan(*parts), {"a": A, "b": B})
    _, plain = play(cyclegan(), {"a": A, "b": B})
    # || grad D ||^2 = start^2 / 16
    found = {name: float(metrics[f"discriminators/{name}"]) for name in ("r1_a", "r1_b", "drift_a", "drift_b")}
    truth = {
        "r1_a": 0.5 * 4 / 16,
        "r1_b": 0.5 * 9 / 16,
        "drift_a": (scores(2, A) ** 2).mean(),
        "drift_b": (scores(3, B) ** 2).mean(),
    }
    assert found == pytest.approx(truth, rel=1e-5)
    total = 4.0 * (truth["r1_a"] + truth["r1_b"]) + 0.5 * (truth["drift_a"] + truth["drift_b"])
    added = float(metrics["discriminators/loss"] - plain["discriminators/loss"])
    assert added == pytest.approx(total, rel=1e-4)
    assert float(metrics["generators/loss"]) == float(plain["generators/loss"])


def test_a_lazy_term_moves_the_discriminators_of_all_pairs():
    game = cyclegan(terms.r1(weight=0.1, every=3), rate=1.0)
    assert [game.due(step, 0).turns for step in (0, 1, 3)] == [
        ("discriminators", "generators", "r1"),
        ("discriminators", "generators"),
        ("discriminators", "generators", "r1"),
    ]
    plain = cyclegan(rate=1.0)
    batch = {"a": A, "b": B}
    with_term, metrics = game.step(game.init(jax.random.key(0), batch), batch, game.due(0, 0))
    without, _ = play(plain, batch)
    for name in "ab":
        before = float(without.players[f"discriminator_{name}"].params["w"])
        after = float(with_term.players[f"discriminator_{name}"].params["w"])
        # d/dw of 0.1 * 1/2 w^2 / 16, three times as strong
        assert after == pytest.approx(before - 3 * 0.1 * before / 16, rel=1e-5)
        assert float(with_term.players["generator_ab"].params["w"]) == 2.0
    assert {name for name in metrics if name.startswith("r1/")} == {
        "r1/loss",
        "r1/discriminator_a/gradient_norm",
        "r1/discriminator_b/gradient_norm",
    }


@pytest.mark.parametrize("turns", [1, 3])
def test_a_lazy_term_is_as_strong_as_in_each_of_its_sides_turns(turns):
    def moved(*parts):
        """How far three steps at a tiny rate move the critic."""
        players = still(Constant(-0.25)), still(Mean(), 1e-3)
        critic = gans.fgan(*players, divergence="total_variation", discriminator_steps=turns, terms=parts)
        state = critic.init(jax.random.key(0), {"image": IMAGES})
        for step in range(3):
            due = critic.due(step, 0)
            state, _ = critic.step(state, ({"image": IMAGES},) * critic.minibatches(due), due)
        return 2.0 - float(state.players["discriminator"].params["w"])

    often, lazily, plain = moved(terms.r1(0.5)), moved(terms.r1(0.5, every=3)), moved()
    # d/dw of 1/2 w^2 / 16, in each of the turns of three steps
    assert often - plain == pytest.approx(3 * turns * 1e-3 * 0.5 * 2.0 / 16, rel=0.02)
    assert lazily - plain == pytest.approx(often - plain, rel=0.02)


def test_a_term_with_memory_remembers_each_pair_apart():
    state, _ = play(cyclegan(terms.lecam(decay=0.9)), {"a": A, "b": B})
    remembered = state.memory["terms"]
    # Scores count from the middle of the least-squares targets, 0.5.
    assert sorted(remembered) == ["lecam_a", "lecam_b"]
    assert float(remembered["lecam_a"]["real"]) == pytest.approx(scores(2, A).mean() - 0.5, rel=1e-5)
    assert float(remembered["lecam_b"]["real"]) == pytest.approx(scores(3, B).mean() - 0.5, rel=1e-5)
    assert float(remembered["lecam_b"]["fake"]) == pytest.approx(scores(3, 2 * A).mean() - 0.5, rel=1e-5)


def test_a_term_that_needs_latents_says_that_a_translator_has_none():
    game = cyclegan(terms.path_length())
    with pytest.raises(UserError, match="makes images of images: leave it out"):
        play(game, {"a": A, "b": B})


def test_sides_that_do_not_exist_are_refused():
    with pytest.raises(UserError, match="side='critic', but it must be 'discriminator' or 'generator'"):
        Term("mine", lambda pair, key: jnp.zeros(()), 1.0, side="critic")


def test_a_game_without_pairs_takes_no_terms():
    with pytest.raises(UserError, match="the term 'r1' needs reals and fakes, which this game does not have"):
        Terms((terms.r1(),), ())
    none = Terms((), ())
    total, metrics, memory = none.add(DISCRIMINATOR, [], {"k": 1}, jax.random.key(0))
    assert (float(total), metrics, memory, none.first_memory()) == (0.0, {}, {"k": 1}, {})


def test_two_terms_of_one_name_are_logged_apart_and_both_count():
    game = gans.gan(
        still(Constant()), still(Mean()), latent_size=2, terms=(terms.r1(1.0), terms.drift(), terms.r1(2.0))
    )
    _, metrics = play(game, {"image": IMAGES})
    _, plain = play(gans.gan(still(Constant()), still(Mean()), latent_size=2), {"image": IMAGES})
    assert float(metrics["discriminator/r1"]) == float(metrics["discriminator/r1_2"]) == pytest.approx(SQUARE / 2)
    added = 3.0 * SQUARE / 2 + 1e-3 * (REAL**2).mean()
    assert float(metrics["discriminator/loss"] - plain["discriminator/loss"]) == pytest.approx(added, rel=1e-4)
    # A name that looks like a second one is told apart as well.
    parts = (terms.r1(1.0), Term("r1_2", lambda pair, key: jnp.ones(()), 1.0), terms.r1(2.0))
    _, metrics = play(gans.gan(still(Constant()), still(Mean()), latent_size=2, terms=parts), {"image": IMAGES})
    assert [float(metrics[f"discriminator/{name}"]) for name in ("r1", "r1_2", "r1_3")] == [SQUARE / 2, 1.0, SQUARE / 2]
    # Two that are played now and then are two turns; two with memory remember apart.
    game = gans.gan(still(Constant()), still(Mean()), latent_size=2, terms=(terms.r1(every=2), terms.r1(every=3)))
    assert [turn.name for turn in game.stages[0].turns] == ["discriminator", "generator", "r1", "r1_2"]
    state, _ = play(cyclegan(terms.lecam(decay=0.9), terms.lecam(decay=0.8)), {"a": A, "b": B})
    assert sorted(state.memory["terms"]) == ["lecam_2_a", "lecam_2_b", "lecam_a", "lecam_b"]


def test_memories_of_the_same_name_are_refused():
    assert merged({"a": 1}, {"b": 2}, {}) == {"a": 1, "b": 2}
    with pytest.raises(ValueError, match="two parts of this game would remember something under 'a'"):
        merged({"a": 1}, {"b": 2, "a": 3})


def test_a_term_sees_labels_and_every_array_of_the_minibatch():
    def value(pair: Pair, key: jax.Array) -> jax.Array:
        return (pair.batch["label"] * pair.batch["mask"]).astype(jnp.float32).mean()

    game = gans.gan(still(Constant()), still(Mean()), latent_size=2, terms=(Term("mine", value, 1.0),))
    batch = {"image": IMAGES, "label": jnp.array([3, 5]), "mask": jnp.array([1, 0])}
    assert float(play(game, batch)[1]["discriminator/mine"]) == 1.5


# ---- one term more changes nothing else


class Dropped(nn.Module):
    """A discriminator with dropout."""

    @nn.compact
    def __call__(self, x, features=False):
        x = nn.Dense(6)(x.reshape(len(x), -1))
        hidden = nn.Dropout(0.5, deterministic=not self.has_rng("dropout"))(nn.tanh(x))
        return nn.Dense(1)(hidden)[:, 0]


OWN = (terms.dragan(weight=0.0), terms.latent_diversity(weight=0.0))
EXTRA = (
    terms.gradient_penalty(0.0),
    terms.consistency(0.0, fakes=1.0),
    terms.r1(0.0, every=2),
    terms.latent_consistency(0.0),
)


def stochastic(*parts):
    """One step, operation by operation, so that what is drawn alike is equal to the bit."""
    view = chain_views([ada("b", start=0.7, images=100, every=1), instance_noise(0.2)])
    judge = dataclasses.replace(still(Dropped(), 0.1), view=view)
    game = gans.dcgan(still(Constant(), 0.1), judge, latent_size=2, terms=parts)
    state = game.init(jax.random.key(0), {"image": IMAGES})
    return game.step(state, {"image": IMAGES}, due=game.due(0, 0))


def test_further_terms_change_no_other_draw():
    state, metrics = stochastic(*OWN)
    assert float(metrics["discriminator/dragan"]) > 0
    for parts in ((*OWN, *EXTRA), (*EXTRA, *OWN)):
        longer, more = stochastic(*parts)
        assert len(more) > len(metrics) + 3
        for name, value in metrics.items():
            np.testing.assert_array_equal(more[name], value, err_msg=name)
        jax.tree.map(np.testing.assert_array_equal, longer.players, state.players)


# ---- pairs


def test_a_discriminator_without_features_says_so():
    def loss(nets, batch, memory, key):
        pair = make_pair(nets, "discriminator", batch["image"], batch["image"], batch, memory)
        return pair.features(pair.real).mean(), Aux()

    game = Game(
        players={"discriminator": still(Dropped())},
        inputs={"discriminator": lambda batch: (batch["image"],)},
        stages=(Stage((Turn("discriminator", loss),)),),
    )
    with pytest.raises(UserError, match="the discriminator gives no features"):
        play(game, {"image": IMAGES})

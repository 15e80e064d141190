"""What a player is shown, and the randomness its network finds: within a turn only, and anew at each call."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan.core import Ability, Argument, Aux, Game, Player, Stage, Turn, View
from jaxgan.core.abilities import IMAGES as IMAGES_KIND

IMAGES = jnp.ones((3, 2))


class Noisy(nn.Module):
    """w times the input, plus noise if there is a key for it."""

    @nn.compact
    def __call__(self, x):
        x = self.param("w", nn.initializers.ones, ()) * x
        if self.has_rng("dropout"):
            x += jax.random.normal(self.make_rng("dropout"), x.shape)
        return x


class Plain(nn.Module):
    @nn.compact
    def __call__(self, x):
        return self.param("w", nn.initializers.ones, ()) * x


def game(network, view=None):
    """Two calls of the same network on the same images; the metrics are its outputs."""

    def loss(nets, batch, memory, key):
        first, second = nets.judge(batch["image"]), nets.judge(batch["image"])
        return 0.0 * first.sum(), Aux({"first": first, "second": second})

    player = Player(network, optax.sgd(0.1), view=view)
    return Game(
        players={"judge": player},
        inputs={"judge": lambda batch: (batch["image"],)},
        stages=(Stage((Turn("judge", loss),)),),
        abilities={
            "judge": Ability(lambda nets, key, images: nets.judge(images), {"images": Argument(IMAGES_KIND)}, "scores")
        },
    )


def outputs(game, step=0):
    state = game.init(jax.random.key(0), {"image": IMAGES}).replace(step=jnp.int32(step))
    state, metrics = game.step(state, {"image": IMAGES})
    return state, np.asarray(metrics["judge/first"]), np.asarray(metrics["judge/second"])


def test_dropout_keys_are_there_in_turns_only_and_differ_between_calls_and_steps():
    noisy = game(Noisy())
    state, first, second = outputs(noisy)
    assert (first != 1).all() and (first != second).all()
    assert (outputs(noisy, step=1)[1] != first).all()
    np.testing.assert_array_equal(outputs(noisy)[1], first)  # a step is a function of its state
    np.testing.assert_array_equal(noisy.use("judge", state, jax.random.key(1), IMAGES), IMAGES)


def test_a_view_is_looked_through_in_turns_only_and_reads_clock_and_state():
    def show(key, images, clock, state):
        return images + state["shift"] + 100.0 * clock.step + jax.random.uniform(key, ())

    looking = game(Plain(), View(show, lambda: {"shift": jnp.float32(10.0)}))
    state, first, second = outputs(looking, step=2)
    for shown in (first, second):
        assert (shown >= 211).all() and (shown <= 212).all() and np.unique(shown).size == 1
    assert first[0, 0] != second[0, 0]
    np.testing.assert_array_equal(looking.use("judge", state, jax.random.key(1), IMAGES), IMAGES)


def test_a_players_view_does_not_change_what_others_see():
    def loss(nets, batch, memory, key):
        return 0.0 * nets.other(batch["image"]).sum(), Aux({"other": nets.other(batch["image"])})

    both = game(Plain(), View(lambda key, images, clock, state: images + 1.0))
    both = dataclasses.replace(
        both,
        players={**both.players, "other": Player(Plain(), optax.sgd(0.1))},
        inputs={**both.inputs, "other": lambda batch: (batch["image"],)},
        stages=(Stage((Turn("other", loss),)),),
    )
    state = both.init(jax.random.key(0), {"image": IMAGES})
    np.testing.assert_array_equal(both.step(state, {"image": IMAGES})[1]["other/other"], IMAGES)

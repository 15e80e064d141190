"""What a player is shown, and the randomness its network finds: within a turn only, and anew at each call."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.augment import ada, adaptive, augment_pipe, instance_noise
from jaxgan.core import Ability, Argument, Aux, Game, Player, Stage, Turn, View, chain_views
from jaxgan.core.abilities import IMAGES as IMAGES_KIND
from jaxgan.errors import UserError

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


# ---- views with a state


class Beside(nn.Module):
    """D(x, y, label): what the two images look like to it, stacked."""

    @nn.compact
    def __call__(self, x, y, label):
        w = self.param("w", nn.initializers.ones, ())
        return w * jnp.concatenate([x, y], axis=-1) + 0.0 * label[:, None, None, None]


def beside_game(view, score=lambda x, y: x.mean((1, 2, 3)), **fields):
    def loss(nets, batch, memory, key):
        seen = nets.judge(batch["x"], batch["y"], batch["label"])
        scores = score(batch["x"], batch["y"])
        return 0.0 * seen.sum(), Aux({"seen": seen}, scores={"judge": scores})

    return Game(
        players={"judge": Player(Beside(), optax.sgd(0.1), view=view)},
        inputs={"judge": lambda batch: (batch["x"], batch["y"], batch["label"])},
        stages=(Stage((Turn("judge", loss),)),),
        **fields,
    )


def pairs(number, side=8):
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (2, number, side, side, 1)).astype(np.float32)
    return {"x": jnp.asarray(images[0]), "y": jnp.asarray(-images[0]), "label": jnp.arange(number, dtype=jnp.float32)}


def test_both_images_of_a_call_are_moved_alike_and_what_is_no_image_is_left():
    batch = pairs(8)
    # Flips, turns, shifts and holes are linear, so that -x moved alike is minus what x became.
    game = beside_game(augment_pipe("bgo", probability=0.8))
    _, metrics = jax.jit(game.step)(game.init(jax.random.key(0), batch), batch)
    seen = np.asarray(metrics["judge/seen"])
    np.testing.assert_allclose(seen[..., 0], -seen[..., 1], atol=1e-5)
    assert (np.abs(seen[..., :1] - np.asarray(batch["x"])).max(axis=(1, 2, 3)) > 1e-3).sum() >= 6


@pytest.mark.parametrize(
    "view", [instance_noise(0.5), augment_pipe("n", 1.0), chain_views([augment_pipe("b", 1.0), instance_noise(0.5)])]
)
def test_both_images_of_a_call_have_noise_of_their_own(view):
    batch = {**pairs(8), "y": pairs(8)["x"]}
    game = beside_game(view)
    _, metrics = jax.jit(game.step)(game.init(jax.random.key(0), batch), batch)
    # The images are one and are moved alike: what is between them is the difference of two noises.
    x, y = np.moveaxis(np.asarray(metrics["judge/seen"], float), -1, 0)
    if view.init() == ((), ()):
        assert np.std(x - y) == pytest.approx(0.5 * np.sqrt(2), rel=0.15)
        return
    first, second = (each - np.asarray(batch["x"])[..., 0] for each in (x, y))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.2
    # Of one deviation for both images.
    np.testing.assert_allclose(first.std(axis=(1, 2)), second.std(axis=(1, 2)), rtol=0.5)


def test_a_views_state_is_learned_from_scores_and_lives_with_the_player():
    batch = pairs(8)
    game = beside_game(ada("b", images=40, every=2), score=lambda x, y: x[:, 0, 0, 0])
    state, step = game.init(jax.random.key(0), batch), jax.jit(game.step)
    assert isinstance(state.players["judge"].view, adaptive.AdaState)
    expected = adaptive.start()
    for index in range(5):
        scores = batch["x"][:, 0, 0, 0] + index / 2 - 0.5
        state, _ = step(state, batch | {"x": batch["x"] + index / 2 - 0.5})
        expected = adaptive.update(expected, scores, images=40, every=2)
        jax.tree.map(np.testing.assert_allclose, state.players["judge"].view, expected)
    assert float(expected.p) > 0


def test_accumulated_parts_count_as_the_large_batch_does():
    batch = pairs(12)
    states = []
    for parts, every in ((1, 1), (3, 3)):  # a move of the large batch for every three of its parts
        game = beside_game(ada("b", images=100, every=every), lambda x, y: x[:, 0, 0, 0] + 2.0, accumulate=parts)
        # Metrics of parts are averaged; images have no meaning then.
        state = game.init(jax.random.key(0), batch)
        for _ in range(2):
            state, _ = jax.jit(game.step)(state, batch)
        states.append(state.players["judge"].view)
    jax.tree.map(lambda whole, parts: np.testing.assert_allclose(whole, parts, rtol=1e-6), *states)
    assert float(states[0].p) == pytest.approx(0.24)


def test_chained_views_keep_a_state_each():
    count = View(lambda key, x, clock, state: x + state, lambda: jnp.float32(0), lambda state, scores: state + 1)
    batch = pairs(4)
    game = beside_game(chain_views([instance_noise(0.0), count, count]))
    state = game.init(jax.random.key(0), batch)
    assert state.players["judge"].view == ((), 0, 0)
    for index in range(3):
        state, metrics = game.step(state, batch)
        np.testing.assert_allclose(metrics["judge/seen"][..., :1], batch["x"] + 2 * index, atol=1e-6)
    assert [float(each) for each in state.players["judge"].view[1:]] == [3.0, 3.0]


def test_a_view_that_learns_nothing_takes_no_scores():
    game = beside_game(instance_noise(0.1))
    state, _ = game.step(game.init(jax.random.key(0), pairs(4)), pairs(4))
    assert state.players["judge"].view == ()


def test_a_view_that_adapts_needs_scores_and_logs_its_probability():
    state, _, _ = outputs(game(Plain(), instance_noise(0.1)))
    silent = game(Plain(), ada("c"))
    state = silent.init(jax.random.key(0), {"image": jnp.ones((3, 2, 2, 1))})
    with pytest.raises(
        UserError, match="the view of judge adapts to how it judges reals, but no loss of this game tells"
    ):
        silent.step(state, {"image": jnp.ones((3, 2, 2, 1))})

    def loss(nets, batch, memory, key):
        return 0.0 * nets.judge(batch["image"]).sum(), Aux(scores={"judge": jnp.ones(3)})

    # Three reals a step, all taken for real, and p moves each step: by 3 / 30.
    telling = dataclasses.replace(game(Plain(), ada("c", images=30, every=1)), stages=(Stage((Turn("judge", loss),)),))
    batch, seen = {"image": 0.5 * jnp.ones((3, 2, 2, 1))}, []
    for _ in range(3):
        state, metrics = telling.step(state, batch)
        seen.append(float(metrics["judge/ada_probability"]))
    np.testing.assert_allclose(seen, [0.1, 0.2, 0.3], rtol=1e-5)
    with pytest.raises(UserError, match=r"target=1\.5, but a mean of signs lies in"):
        ada(target=1.5)

"""What a loss may do with networks that draw: call them aside, and not in loops."""

import dataclasses
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec

from jaxgan.core import Aux, Game, Player, Stage, Turn, View
from jaxgan.errors import UserError
from jaxgan.mesh import data_mesh

BATCH = {"image": jnp.ones((8, 3))}
SHAKE = View(lambda key, x, clock, state: x + jax.random.uniform(key, x.shape))


class Dropped(nn.Module):
    """w times the input, of which half is dropped; its inner part is computed again for the gradient."""

    @nn.compact
    def __call__(self, x):
        x = self.param("w", nn.initializers.ones, ()) * x
        return nn.remat(nn.Dropout)(0.5, deterministic=not self.has_rng("dropout"))(x)


def game_of(loss, view: View | None = None) -> Game:
    return Game(
        players={"judge": Player(Dropped(), optax.sgd(0.1), view=view)},
        inputs={"judge": lambda batch: (batch["image"],)},
        stages=(Stage((Turn("judge", loss),)),),
    )


def play(game, jit=False):
    state = game.init(jax.random.key(0), BATCH)
    return (jax.jit(game.step) if jit else game.step)(state, BATCH)


# ---- aside


def test_a_call_aside_leaves_later_draws_as_they_are():
    def loss(nets, batch, memory, key, aside=()):
        first = nets.judge(batch["image"])
        extra = {name: nets.aside(name).judge(batch["image"]) for name in aside}
        return first.mean(), Aux({"first": first, "second": nets.judge(batch["image"])} | extra)

    plain = play(game_of(loss, SHAKE))[1]
    with_extra = play(game_of(partial(loss, aside=("x", "y")), SHAKE))[1]
    for name in ("first", "second"):
        np.testing.assert_array_equal(plain[f"judge/{name}"], with_extra[f"judge/{name}"])
    draws = [np.asarray(value).tobytes() for name, value in with_extra.items() if name[-1] in "tdxy" and value.ndim]
    assert len(set(draws)) == len(draws) == 4


def test_calls_aside_differ_among_themselves():
    def loss(nets, batch, memory, key):
        aside = nets.aside("term")
        return nets.judge(1.0 * batch["image"]).mean(), Aux(
            {"one": aside.judge(batch["image"]), "two": aside.judge(batch["image"])}
        )

    _, metrics = play(game_of(loss, SHAKE))
    assert not np.array_equal(metrics["judge/one"], metrics["judge/two"])


def test_bare_nets_draw_nothing():
    def loss(nets, batch, memory, key):
        seen = {"all": nets.bare.judge(batch["image"]), "one": nets.judge.bare(batch["image"])}
        return nets.judge(batch["image"]).mean(), Aux(seen)

    _, metrics = play(game_of(loss, SHAKE))
    for name in ("all", "one"):
        np.testing.assert_array_equal(metrics[f"judge/{name}"], BATCH["image"])


# ---- loops


def scan_loss(nets, batch, memory, key):
    # Nothing of the loop goes into the network: each round would draw the same all the same.
    _, values = jax.lax.scan(lambda carry, _: (carry, nets.judge(batch["image"]).mean()), 0.0, None, length=3)
    return values.mean(), Aux()


def fori_loss(nets, batch, memory, key):
    return jax.lax.fori_loop(0, 3, lambda i, total: total + nets.judge(total + batch["image"]).mean(), 0.0), Aux()


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("loss", [scan_loss, fori_loss])
@pytest.mark.parametrize("view", [None, SHAKE])
def test_a_network_that_draws_is_refused_inside_a_loop_of_a_loss(loss, jit, view):
    with pytest.raises(ValueError, match=r"inside lax\.scan .* unroll the loop"):
        play(game_of(loss, view), jit)


def test_the_cures_of_the_message_work():
    def bare(nets, batch, memory, key):
        _, values = jax.lax.scan(lambda carry, x: (carry, nets.bare.judge(x).mean()), 0.0, batch["image"])
        return values.mean(), Aux()

    def unrolled(nets, batch, memory, key):
        return sum(nets.judge(batch["image"][i]).mean() for i in range(8)) / 8, Aux()

    assert float(play(game_of(bare, SHAKE))[1]["judge/loss"]) == 1.0
    assert float(play(game_of(unrolled, SHAKE))[1]["judge/loss"]) > 1.0


def transformed_loss(nets, batch, memory, key):
    """Calls inside gradients of gradients, vmap, jvp and vjp, none of which is a loop."""
    x = batch["image"]

    def judge(x):
        return nets.judge(x).sum()

    slopes = jax.grad(judge)(x)
    curved = jax.grad(lambda x: jnp.square(jax.grad(judge)(x)).sum())(x)
    rows = jax.vmap(nets.judge)(x)
    row_slopes = jax.vmap(jax.grad(judge))(x)
    _, pushed = jax.jvp(judge, (x,), (x,))
    _, pull = jax.vjp(jax.vmap(nets.judge), x)
    total = slopes + curved + rows + row_slopes + pull(x)[0] + pushed
    return total.mean(), Aux()


def by_jit(game, state):
    return jax.jit(game.step)(state, BATCH)


def by_vmap(game, state):
    states = jax.vmap(game.init, (0, None))(jax.random.split(jax.random.key(0), 2), BATCH)
    return jax.jit(lambda states, batch: jax.vmap(game.step, (0, None))(states, batch))(states, BATCH)


def by_loop(game, state):
    # The step itself may stand in a loop, also with a batch from outside of it.
    return jax.jit(lambda state, batch: jax.lax.fori_loop(0, 2, lambda _, s: game.step(s, batch)[0], state))(
        state, BATCH
    ), None


def by_scan(game, state):
    batches = jax.tree.map(lambda leaf: jnp.stack([leaf] * 2), BATCH)
    return jax.lax.scan(lambda state, batch: game.step(state, batch), state, batches)


def by_shard_map(game, state):
    step = lambda state, batch: game.step(state, batch, axis_name="data")  # noqa: E731
    whole, cut = PartitionSpec(), PartitionSpec("data")
    mapped = jax.shard_map(step, mesh=data_mesh(), in_specs=(whole, cut), out_specs=whole, check_vma=False)
    return jax.jit(mapped)(state, BATCH)


def by_mesh(game, state):
    with jax.set_mesh(data_mesh()):
        return jax.jit(game.step)(state, BATCH)


def by_gradient(game, state):
    """Through a step, as learning to learn would."""

    def loss(w):
        players = {"judge": state.players["judge"].replace(params={"w": w})}
        return game.step(state.replace(players=players), BATCH)[1]["judge/loss"]

    return jax.jit(jax.value_and_grad(loss))(jnp.float32(1.0))


@pytest.mark.parametrize(
    "way",
    [
        by_jit,
        by_vmap,
        by_loop,
        by_scan,
        by_shard_map,
        by_mesh,
        by_gradient,
        lambda game, state: game.step(state, BATCH),
    ],
    ids=lambda way: way.__name__,
)
def test_nothing_else_is_taken_for_a_loop(way):
    game = game_of(transformed_loss, SHAKE)
    done, _ = way(game, game.init(jax.random.key(0), BATCH))
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(getattr(done, "players", done)))


def test_accumulated_parts_are_no_loop_and_draw_anew():
    def loss(nets, batch, memory, key):
        seen = nets.judge(batch["image"])
        return seen.mean(), Aux(memory=jnp.concatenate([memory[1:], seen.sum()[None]]))

    game = dataclasses.replace(game_of(loss, SHAKE), memory=lambda key, batch: jnp.zeros(4), accumulate=4)
    state, _ = play(game, jit=True)
    assert len(set(np.asarray(state.memory).tolist())) == 4


# ---- the same draws once more


def test_a_fork_draws_what_the_net_draws_next():
    def loss(nets, batch, memory, key):
        nets.judge(batch["image"])
        fork = nets.fork()
        own = [nets.judge(batch["image"]) for _ in range(2)]
        again = [fork.judge(batch["image"]) for _ in range(2)]
        return own[0].mean(), Aux({"own": jnp.stack(own), "again": jnp.stack(again)})

    _, metrics = play(game_of(loss, SHAKE))
    np.testing.assert_array_equal(metrics["judge/own"], metrics["judge/again"])
    assert not np.array_equal(metrics["judge/own"][0], metrics["judge/own"][1])


# ---- inputs


def test_inputs_of_another_shape_than_at_the_start_are_said():
    class Mixed(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(2)(x)

    def loss(nets, batch, memory, key):
        return nets.judge(batch["other"]).mean(), Aux()

    game = dataclasses.replace(game_of(loss), players={"judge": Player(Mixed(), optax.sgd(0.1))})
    state = game.init(jax.random.key(0), BATCH)
    game.step(state, {"image": BATCH["image"], "other": BATCH["image"]})
    with pytest.raises(
        UserError, match=r"^Mixed has parameters for inputs of another shape than \(8, 5\): give it what"
    ):
        game.step(state, {"image": BATCH["image"], "other": jnp.ones((8, 5))})

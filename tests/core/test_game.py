"""The engine, on games so small that every step can be worked out by hand."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core import (
    Ability,
    Argument,
    Aux,
    Due,
    Game,
    Player,
    Stage,
    Turn,
    averaging,
    merge_statistics,
    schedules,
)
from jaxgan.core.abilities import NUMBER
from jaxgan.errors import UserError
from jaxgan.layers import BatchNorm
from tests.core.scalars import Scalar, mean_loss, minibatch, scalar_game, sgd_player, weight


def test_several_players_move_in_one_turn_and_the_others_stay():
    def loss(nets, batch, memory, key):
        return (nets.a(batch["image"]) * nets.b(1.0) * nets.c(1.0)).mean(), Aux({"seen": batch["image"].mean()})

    game = scalar_game(
        Turn("both", loss, ("a", "b")), players=("a", "b", "c"), a=sgd_player(2.0), b=sgd_player(3.0), c=sgd_player(5.0)
    )
    state = game.init(jax.random.key(0), minibatch(1.0))
    state, metrics = game.step(state, minibatch(1.0, 3.0))
    # d/da = mean(x) b c = 30, d/db = mean(x) a c = 20, taken at the same point
    assert weight(state, "a") == pytest.approx(2.0 - 0.1 * 30)
    assert weight(state, "b") == pytest.approx(3.0 - 0.1 * 20)
    assert weight(state, "c") == 5.0
    assert float(metrics["both/loss"]) == pytest.approx(60.0)
    assert float(metrics["both/seen"]) == pytest.approx(2.0)
    assert float(metrics["both/a/gradient_norm"]) == pytest.approx(30.0)


def test_repeats_take_fresh_minibatches_and_fresh_noise_and_turns_see_earlier_moves():
    seen = []

    def first(nets, batch, memory, key):
        seen.append(jax.random.uniform(key))
        return nets.a(batch["image"]).mean(), Aux()

    def second(nets, batch, memory, key):
        # b follows a: its gradient is a's weight after all of a's moves
        return (jax.lax.stop_gradient(nets.a(1.0)) * nets.b(1.0)).mean(), Aux()

    game = scalar_game(Turn("a", first, repeats=3), Turn("b", second))
    state = game.init(jax.random.key(0), minibatch(0.0))
    assert game.minibatches(game.due(0, 0)) == 3
    state, _ = game.step(state, (minibatch(1.0), minibatch(2.0), minibatch(4.0)))
    assert weight(state, "a") == pytest.approx(1 - 0.1 * 7)
    assert weight(state, "b") == pytest.approx(1 - 0.1 * (1 - 0.1 * 7))
    assert len({float(number) for number in seen}) == 3
    assert int(state.images) == 3 and int(state.step) == 1
    with pytest.raises(ValueError, match="3 minibatches, but was given 1"):
        game.step(state, minibatch(1.0))


def test_turns_with_the_same_randomness_draw_the_same_numbers_and_steps_draw_new_ones():
    def loss(nets, batch, memory, key):
        return nets.a(1.0) * 0, Aux({"draw": jax.random.uniform(key)})

    game = scalar_game(
        Turn("one", loss, ("a",), randomness="z"),
        Turn("two", loss, ("a",), randomness="z"),
        Turn("three", loss, ("a",)),
    )
    state = game.init(jax.random.key(0), minibatch(0.0))
    draws = []
    for _ in range(2):
        state, metrics = game.step(state, minibatch(0.0))
        draws.append([float(metrics[f"{name}/draw"]) for name in ("one", "two", "three")])
    assert draws[0][0] == draws[0][1] != draws[0][2]
    assert draws[1][0] == draws[1][1] != draws[0][0]


def test_a_lazy_turn_is_played_every_k_steps_at_k_times_its_strength_as_a_second_compiled_variant():
    lazy = scalar_game(
        Turn("a", mean_loss("a")),
        Turn("decay", lambda n, b, m, k: (0.5 * n.a(1.0) ** 2, Aux()), ("a",), every=4, lazy=True),
    )
    played = [lazy.due(step, 0).turns for step in range(9)]
    assert [step for step, turns in enumerate(played) if "decay" in turns] == [0, 4, 8]
    traces = []

    def counted(state, batch, due):
        traces.append(due)
        return lazy.step(state, batch, due=due)

    step = jax.jit(counted, static_argnames="due")
    state = lazy.init(jax.random.key(0), minibatch(0.0))
    for index in range(9):
        state, metrics = step(state, minibatch(0.0), due=lazy.due(index, 0))
    # three lazy updates: w <- w - 0.1 * 4 * w; the logged loss is the regulariser's own
    assert weight(state, "a") == pytest.approx(0.6**3)
    assert float(metrics["decay/loss"]) == pytest.approx(0.5 * 0.36**2)
    assert len(traces) == 2


@pytest.mark.parametrize(("repeats", "every"), [(1, 1), (3, 1), (1, 4), (3, 2)])
def test_a_lazy_turn_weighs_what_it_would_in_every_update_of_its_player(repeats, every):
    """The updates of 12 steps at a tiny rate are those of the regulariser beside the loss each time."""
    decay = lambda n, b, m, k: (0.5 * n.a(1.0) ** 2, Aux())  # noqa: E731
    own = {"every": every, "repeats": repeats}
    beside = scalar_game(Turn("a", decay, **own), a=sgd_player(rate=1e-4))
    nothing = lambda n, b, m, k: (0.0 * n.a(1.0), Aux())  # noqa: E731
    lazy = scalar_game(
        Turn("b", mean_loss("b")),
        Turn("a", nothing, **own),
        Turn("decay", decay, ("a",), every=6, lazy=True),
        a=sgd_player(rate=1e-4),
    )
    moved = []
    for game in (beside, lazy):
        state = game.init(jax.random.key(0), minibatch(0.0))
        for step in range(12):
            due = game.due(step, 0)
            state, _ = game.step(state, (minibatch(0.0),) * game.minibatches(due), due=due)
        moved.append(1 - weight(state, "a"))
    assert moved[0] == pytest.approx(12 * repeats / every * 1e-4, rel=0.02)
    assert moved[1] == pytest.approx(moved[0], rel=0.02)


def test_a_phase_says_at_which_steps_a_turn_is_played():
    game = scalar_game(Turn("a", mean_loss("a")), Turn("b", mean_loss("b"), every=3, phase=2))
    assert [step for step in range(9) if "b" in game.due(step, 0).turns] == [2, 5, 8]
    for phase in (-1, 3):
        with pytest.raises(UserError, match=f"turn 'b': phase={phase} must lie in 0 to every - 1, which is 2"):
            Turn("b", mean_loss("b"), every=3, phase=phase)


def test_stages_end_at_a_step_or_an_image_count_and_reset_optimizers():
    @dataclasses.dataclass(frozen=True)
    class Scaled(Stage):
        factor: float = 1.0

    def loss(nets, batch, memory, key):
        return nets.stage.factor * nets.a(batch["image"]).mean(), Aux({"images": nets.clock.stage_images})

    turns = (Turn("a", loss),)
    game = scalar_game(
        stages=(
            Scaled(turns, "first", until_step=2),
            Scaled(turns, "second", until_images=8, factor=10.0),
            Scaled(turns, "third", until_step=5, factor=100.0, reset_optimizers=True),
        ),
        players=("a",),
        a=Player(Scalar(), optax.sgd(0.1, momentum=0.5)),
    )
    state = game.init(jax.random.key(0), minibatch(0.0))
    names, clocks, momenta = [], [], []
    step, images = 0, 0
    while not game.over(step, images):
        due = game.due(step, images)
        names.append(game.stages[due.stage].name)
        state, metrics = game.step(state, minibatch(1.0, 1.0), due=due)
        clocks.append(int(metrics["a/images"]))
        momenta.append(float(jax.tree.leaves(state.players["a"].optimizer)[0]))
        step, images = step + 1, images + 2
    assert names == ["first", "first", "second", "second", "third"]
    assert clocks == [0, 2, 0, 2, 0]
    # momentum m <- 0.5 m + g carries over from the first stage to the second, and is forgotten by the third
    assert momenta == pytest.approx([1.0, 1.5, 10.75, 15.375, 100.0])
    assert int(state.stage) == 2 and int(state.stage_step) == 4 and int(state.stage_images) == 8


def test_memory_is_carried_from_turn_to_turn_and_step_to_step():
    def loss(nets, batch, memory, key):
        return nets.a(batch["image"]).mean() * memory, Aux({"memory": memory}, memory + 1.0)

    def forgetful(nets, batch, memory, key):
        return nets.b(1.0), Aux({"memory": memory})

    game = scalar_game(Turn("a", loss, repeats=2), Turn("b", forgetful), memory=lambda key, batch: jnp.float32(10.0))
    state = game.init(jax.random.key(0), minibatch(0.0))
    for expected in (12.0, 14.0):
        state, metrics = game.step(state, (minibatch(1.0), minibatch(1.0)))
        assert float(metrics["b/memory"]) == expected
    assert float(state.memory) == 14.0
    assert weight(state, "a") == pytest.approx(1 - 0.1 * (10 + 11 + 12 + 13))


def test_averages_follow_the_players_that_moved():
    game = scalar_game(
        Turn("a", mean_loss("a")),
        Turn("b", mean_loss("b"), every=2),
        a=sgd_player(average=averaging.exponential(0.9, start=2)),
        b=sgd_player(average=averaging.half_life(images=8)),
    )
    state = game.init(jax.random.key(0), minibatch(0.0))
    a = a_average = b = b_average = 1.0
    for step in range(4):
        state, _ = game.step(state, minibatch(1.0, 1.0, 1.0, 1.0), due=game.due(step, 4 * step))
        a -= 0.1
        a_average = a if step < 2 else 0.9 * a_average + 0.1 * a
        if step % 2 == 0:
            b -= 0.1
            decay = 0.5 ** (4 / 8)
            b_average = decay * b_average + (1 - decay) * b
    assert float(state.players["a"].average["w"]) == pytest.approx(a_average)
    assert float(state.players["b"].average["w"]) == pytest.approx(b_average)
    assert float(game.nets(state).a(1.0)) == pytest.approx(a_average)
    assert float(game.nets(state, average=False).a(1.0)) == pytest.approx(a)


def test_each_player_has_its_own_rate_and_schedule_which_count_game_steps():
    game = scalar_game(
        Turn("a", mean_loss("a"), repeats=2),
        Turn("b", mean_loss("b")),
        a=sgd_player(rate=0.1, schedule=schedules.linear_decay(4)),
        b=sgd_player(rate=0.01, schedule=schedules.cosine_decay(4)),
    )
    state = game.init(jax.random.key(0), minibatch(0.0))
    for _ in range(3):
        state, _ = game.step(state, (minibatch(1.0), minibatch(1.0)))
    assert weight(state, "a") == pytest.approx(1 - 0.1 * 2 * (1 + 0.75 + 0.5))
    cosines = [0.5 * (1 + np.cos(np.pi * step / 4)) for step in range(3)]
    assert weight(state, "b") == pytest.approx(1 - 0.01 * sum(cosines))


class Mlp(nn.Module):
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x):
        x = nn.tanh(nn.Dense(8, dtype=self.dtype)(x))
        return nn.Dense(1, dtype=jnp.float32)(x)[:, 0]


def regression(nets, batch, memory, key):
    return jnp.square(nets.a(batch["image"]) - batch["target"]).mean(), Aux({"mean": batch["target"].mean()})


def regression_game(**fields) -> Game:
    network = Mlp(fields.pop("dtype", "float32"))
    return Game(
        players={"a": Player(network, optax.adam(1e-2))},
        inputs={"a": lambda batch: (batch["image"],)},
        stages=(Stage((Turn("a", regression),)),),
        **fields,
    )


def regression_batch(number: int = 12) -> dict[str, jax.Array]:
    keys = jax.random.split(jax.random.key(3), 2)
    return {"image": jax.random.normal(keys[0], (number, 5)), "target": jax.random.normal(keys[1], (number,))}


def test_accumulated_gradients_equal_the_large_batch():
    whole, parts = regression_game(), regression_game(accumulate=3)
    batch = regression_batch()
    states = []
    for game in (whole, parts):
        state = game.init(jax.random.key(0), batch)
        for _ in range(3):
            state, metrics = game.step(state, batch)
        states.append((state.players, metrics))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), *states)
    with pytest.raises(ValueError, match="accumulate=3 does not divide the 4 entries"):
        parts.step(parts.init(jax.random.key(0), batch), regression_batch(4))


def test_accumulated_means_are_the_large_batchs_and_what_else_is_remembered_goes_from_part_to_part():
    def loss(nets, batch, memory, key):
        mean = 0.9 * memory["mean"] + 0.1 * batch["image"].mean()
        return nets.a(batch["image"]).mean(), Aux(memory={"mean": mean, "seen": memory["seen"] + len(batch["image"])})

    start = {"mean": jnp.float32(5.0), "seen": jnp.int32(0)}
    game = scalar_game(
        Turn("a", loss), Turn("b", mean_loss("b")), memory=lambda key, batch: start, accumulate=3, means=("mean",)
    )
    batch = minibatch(1.0, 2.0, 3.0, 4.0, 5.0, 9.0)
    state, _ = game.step(game.init(jax.random.key(0), batch), batch)
    assert float(state.memory["mean"]) == pytest.approx(0.9 * 5 + 0.1 * 4) and int(state.memory["seen"]) == 6


def test_bfloat16_computes_on_float32_parameters():
    batch = regression_batch()
    game, exact = regression_game(dtype="bfloat16"), regression_game()
    state = game.init(jax.random.key(0), batch)
    lowered = jax.jit(game.step).lower(state, batch).as_text()
    assert "dot_general" in lowered and "xbf16>" in lowered
    new, metrics = game.step(state, batch)
    _, reference = exact.step(exact.init(jax.random.key(0), batch), batch)
    assert {leaf.dtype for leaf in jax.tree.leaves(new.players["a"].params)} == {jnp.dtype("float32")}
    assert metrics["a/loss"].dtype == jnp.float32
    assert float(metrics["a/loss"]) == pytest.approx(float(reference["a/loss"]), rel=2e-2)
    assert float(metrics["a/loss"]) != float(reference["a/loss"])


def test_the_first_step_that_is_not_finite_is_remembered_by_player():
    game = scalar_game(
        Turn("a", mean_loss("a")), Turn("b", lambda n, b, m, k: (jnp.log(n.b(b["image"])).mean(), Aux()))
    )
    state = game.init(jax.random.key(0), minibatch(1.0))
    for value in (1.0, 1.0, -1.0, 1.0):
        state, _ = game.step(state, minibatch(value))
    assert {name: int(step) for name, step in state.nonfinite.items()} == {"a": -1, "b": 2}


def noisy_regression(nets, batch, memory, key):
    noise = jax.random.normal(key, batch["target"].shape)
    return jnp.square(nets.a(batch["image"]) + noise - batch["target"]).mean(), Aux()


def test_a_step_is_pure_inside_the_callers_jit_vmap_and_fori_loop():
    game = dataclasses.replace(regression_game(), stages=(Stage((Turn("a", noisy_regression),)),))
    batch = regression_batch()
    keys = jax.random.split(jax.random.key(7), 3)

    @jax.jit
    def ensemble(keys):
        states = jax.vmap(game.init, in_axes=(0, None))(keys, batch)

        def body(_, states):
            return jax.vmap(lambda state: game.step(state, batch)[0])(states)

        return jax.lax.fori_loop(0, 4, body, states)

    together = ensemble(keys)
    for index, key in enumerate(keys):
        state = game.init(key, batch)
        for _ in range(4):
            state, _ = game.step(state, batch)
        jax.tree.map(
            lambda alone, stacked, index=index: np.testing.assert_allclose(alone, stacked[index], rtol=1e-4, atol=1e-5),
            state.players,
            together.players,
        )
    # and it leaves its inputs as they were: playing from the same state again gives the same bits
    jax.tree.map(np.testing.assert_array_equal, game.step(state, batch)[1], game.step(state, batch)[1])


class Normalised(nn.Module):
    @nn.compact
    def __call__(self, z):
        return BatchNorm(name="norm")(nn.Dense(3)(z))


def test_sampling_statistics_are_those_of_the_samples():
    def sample(nets, key, number):
        return nets.generator(2.0 + jax.random.normal(key, (number, 4)))

    game = Game(
        players={"generator": Player(Normalised(), optax.sgd(0.1))},
        inputs={"generator": lambda batch: (jnp.zeros((2, 4)),)},
        stages=(Stage((Turn("generator", lambda n, b, m, k: (n.generator(b["image"]).sum(), Aux())),)),),
        abilities={"sample": Ability(sample, {"number": Argument(NUMBER)}, gives="vectors")},
    )
    state = game.init(jax.random.key(0), {"image": jnp.zeros((2, 4))})
    keys = [jax.random.fold_in(jax.random.key(1), index) for index in range(3)]
    statistics = merge_statistics([game.statistics(state, key, "sample", 32) for key in keys])
    dense = state.players["generator"].params["Dense_0"]
    drawn = np.concatenate([2.0 + jax.random.normal(key, (32, 4)) for key in keys])
    hidden = drawn @ np.asarray(dense["kernel"]) + np.asarray(dense["bias"])[None]
    np.testing.assert_allclose(statistics["generator"]["norm"]["mean"], hidden.mean(0), rtol=1e-5)
    np.testing.assert_allclose(statistics["generator"]["norm"]["var"], hidden.var(0), rtol=1e-4)

    # With handed statistics a sample does not depend on its neighbours; with the batch's own it does.
    handed = game.sample(state, jax.random.key(2), 4, statistics=statistics)
    z = 2.0 + jax.random.normal(jax.random.key(2), (4, 4))
    alone = game.nets(state, statistics=statistics).generator(z[:1])
    np.testing.assert_allclose(handed[:1], alone, rtol=1e-5, atol=1e-6)
    own = game.sample(state, jax.random.key(2), 4)
    np.testing.assert_allclose(own.mean(0), np.zeros(3), atol=1e-5)
    assert np.abs(handed.mean(0)).max() > 1e-2


def test_merged_statistics_obey_the_law_of_total_variance():
    parts = np.random.default_rng(0).normal(size=(4, 10, 3))
    merged = merge_statistics([{"layer": {"mean": part.mean(0), "var": part.var(0)}} for part in parts])
    whole = parts.reshape(-1, 3)
    np.testing.assert_allclose(merged["layer"]["mean"], whole.mean(0), rtol=1e-5)
    np.testing.assert_allclose(merged["layer"]["var"], whole.var(0), rtol=1e-5)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="turn 'x' moves 'x', but the players are"):
        scalar_game(Turn("x", mean_loss("a")))
    with pytest.raises(ValueError, match="share a name"):
        scalar_game(Turn("a", mean_loss("a")), Turn("a", mean_loss("a")))
    with pytest.raises(ValueError, match="every=0"):
        Turn("a", mean_loss("a"), every=0)
    with pytest.raises(ValueError, match="inputs are given for"):
        Game(players={"a": sgd_player()}, inputs={}, stages=(Stage(()),))
    game = scalar_game(Turn("a", lambda n, b, m, k: (n.a(b["image"]), Aux())))
    state = game.init(jax.random.key(0), minibatch(1.0))
    with pytest.raises(TypeError, match=r"turn 'a': its loss is float32\[2\], but must be a float32 scalar"):
        game.step(state, minibatch(1.0, 2.0))
    with pytest.raises(AttributeError, match="no player 'c'; its players are a, b"):
        _ = game.nets(state).c
    with pytest.raises(ValueError, match="cannot sample; it can: nothing"):
        game.sample(state, jax.random.key(0), 1)
    assert game.due(0, 0) == Due(0, ("a",))

"""Players by the tree, completed by shapes, and copies of which a step chooses some."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core import Aux, Cast, Game, Player, Stage, Turn, averaging, constraints
from jaxgan.core.players import flatten, nest
from jaxgan.errors import UserError
from tests.core.scalars import minibatch, sgd_player
from tests.traces import Traced

# ---- nested players


def nested_game() -> Game:
    def loss(nets, batch, memory, key):
        levels = nets.generator
        assert sorted(levels) == ["level_4", "level_8"] and levels["level_4"] is nets["generator/level_4"]
        return (levels["level_4"](batch["image"]) * levels["level_8"](1.0) * nets.judge(1.0)).mean(), Aux()

    return Game(
        players={"generator": {"level_8": sgd_player(3.0), "level_4": sgd_player(2.0)}, "judge": sgd_player(5.0)},
        inputs={
            "generator": {name: lambda batch: (batch["image"],) for name in ("level_4", "level_8")},
            "judge": lambda batch: (batch["image"],),
        },
        stages=(Stage((Turn("both", loss, ("generator/level_4", "generator/level_8")),)),),
    )


def test_nested_players_are_nested_in_the_state_and_flat_in_turns_and_metrics():
    game = nested_game()
    state = game.init(jax.random.key(0), minibatch(1.0))
    assert sorted(state.players) == ["generator", "judge"]
    assert sorted(state.players["generator"]) == ["level_4", "level_8"]
    assert sorted(state.nonfinite) == ["generator/level_4", "generator/level_8", "judge"]
    after, metrics = game.step(state, minibatch(1.0, 3.0))
    assert jax.tree.structure(after) == jax.tree.structure(state)
    weights = {name: float(own.params["w"]) for name, own in flatten(after.players).items()}
    # d/d(level_4) = mean(x) 3 * 5, d/d(level_8) = mean(x) 2 * 5
    assert weights == pytest.approx({"generator/level_4": 2 - 0.1 * 30, "generator/level_8": 3 - 0.1 * 20, "judge": 5})
    assert sorted(metrics) == [
        "both/generator/level_4/gradient_norm",
        "both/generator/level_8/gradient_norm",
        "both/loss",
    ]
    assert float(game.nets(after).generator["level_8"](1.0)) == pytest.approx(1.0)
    # The paths of a checkpoint's leaves go through the names.
    paths = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in jax.tree.leaves_with_path(after)]
    assert "players/generator/level_8/params/w" in paths


def test_flattening_is_undone_by_nesting():
    tree = {"a": {"b": {"c": 1}, "d": 2}, "e": 3}
    assert flatten(tree) == {"a/b/c": 1, "a/d": 2, "e": 3}
    assert nest(flatten(tree)) == tree


# ---- shapes


class Writer(nn.Module):
    output_shape: tuple[int, ...] | None = None

    @nn.compact
    def __call__(self, z):
        return nn.Dense(int(np.prod(self.output_shape)))(z).reshape(-1, *self.output_shape)


def writing_game(network: nn.Module, output) -> Game:
    return Game(
        players={"generator": {"small": Player(network, optax.sgd(0.1))}},
        inputs={"generator": {"small": lambda batch: (jnp.zeros((1, 3)),)}},
        stages=(Stage((Turn("generator/small", lambda n, b, m, k: (n.generator["small"](b["z"]).mean(), Aux())),)),),
        outputs={"generator": {"small": output}},
    )


def test_what_writes_images_is_told_the_shape_of_a_derived_array():
    game = writing_game(Writer(), lambda batch: batch["image"][:, ::2, ::2])
    example = {"image": jax.ShapeDtypeStruct((1, 8, 6, 2), jnp.float32)}
    completed = game.complete(example)
    assert completed.players["generator/small"].network.output_shape == (4, 3, 2)
    assert completed.complete({"image": jnp.zeros((5, 4, 4, 1))}) == completed  # what is known stays
    state = completed.init(jax.random.key(0), example)
    assert completed.nets(state).generator["small"](jnp.ones((2, 3))).shape == (2, 4, 3, 2)
    given = writing_game(Writer((2, 2, 1)), lambda batch: batch["image"])
    assert given.complete(example).players["generator/small"].network.output_shape == (2, 2, 1)


def test_a_game_that_is_not_complete_says_so():
    game = writing_game(Writer(), lambda batch: batch["image"])
    with pytest.raises(
        UserError, match=r"^generator/small is not told the shape .*: call game = game.complete\(batch\) first"
    ):
        game.init(jax.random.key(0), {"image": jnp.zeros((1, 4, 4, 1))})


def test_a_minibatch_is_cut_in_at_least_one_part():
    game = writing_game(Writer(), lambda batch: batch["image"])
    with pytest.raises(UserError, match=r"^game: accumulate=0, but it must be at least 1"):
        dataclasses.replace(game, accumulate=0)


def test_samples_unlike_the_data_are_refused_in_one_line():
    game = writing_game(Writer((2, 2, 1)), lambda batch: batch["image"])
    with pytest.raises(
        UserError, match=r"^generator/small \(Writer\) makes samples of shape \(2, 2, 1\), .* \(4, 4, 1\)"
    ):
        game.init(jax.random.key(0), {"image": jnp.zeros((1, 4, 4, 1))})


def test_a_network_without_an_output_shape_is_told_so_in_one_line():
    class Mute(nn.Module):
        @nn.compact
        def __call__(self, z):
            return nn.Dense(1)(z)

    game = writing_game(Mute(), lambda batch: batch["image"])
    with pytest.raises(
        UserError, match=r"^Mute has no field 'output_shape', by which .* output_shape=\(4, 4, 1\)"
    ) as raised:
        game.complete({"image": jnp.zeros((1, 4, 4, 1))})
    assert "\n" not in str(raised.value)


def test_outputs_of_nobody_are_refused():
    with pytest.raises(ValueError, match="outputs are given for"):
        dataclasses.replace(nested_game(), outputs={"generator": {"level_16": lambda batch: batch["image"]}})


# ---- copies


class Layers(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(3)(nn.tanh(nn.Dense(8)(x)))


def copies_loss(nets, batch, memory, key):
    """Two encoders pull towards each other and to what another player says."""
    first, second = nets.encoder_a(batch["image"]), nets.encoder_b(batch["image"])
    chosen = {name: nets.chosen[name] for name in nets.chosen}
    return jnp.square(first - second - nets.other(batch["image"])).mean(), Aux(chosen)


def encoder(copies: int = 0) -> Player:
    return Player(Layers(), optax.adam(0.05), constraints.spectral_norm(), averaging.exponential(0.5), copies=copies)


def copies_game(number: int) -> Game:
    def choose(key):
        one, two = jax.random.split(key)
        first = jax.random.randint(one, (), 0, number)
        return {"encoder_a": first, "encoder_b": (first + jax.random.randint(two, (), 1, number)) % number}

    players = {"encoder": encoder(number), "other": encoder()}
    return Game(
        players=players,
        inputs={name: lambda batch: (batch["image"],) for name in players},
        stages=(Stage((Turn("pull", copies_loss, ("encoder_a", "encoder_b", "other")),)),),
        cast=Cast({"encoder_a": "encoder", "encoder_b": "encoder"}, choose),
    )


BATCH = {"image": jax.random.normal(jax.random.key(5), (6, 4))}


@pytest.fixture(scope="module")
def played():
    """A game of five copies, its compiled step, and (state before, state after, metrics) of some steps."""
    game = copies_game(5)
    step = jax.jit(Traced(game.step))
    state, seen = jax.jit(game.init)(jax.random.key(0), BATCH), []
    for _ in range(6):
        after, metrics = step(state, BATCH)
        seen.append((state, after, metrics))
        state = after
    return game, step, seen


def test_each_copy_begins_with_weights_of_its_own(played):
    kernels = np.asarray(played[2][0][0].players["encoder"].params["Dense_0"]["kernel"])
    assert kernels.shape == (5, 8, 3)
    assert len({kernel.tobytes() for kernel in kernels}) == 5


def test_only_the_chosen_copies_move_and_one_program_serves_all_choices(played):
    _, step, seen = played
    choices = set()
    for before, after, metrics in seen:
        chosen = {int(metrics["pull/encoder_a"]), int(metrics["pull/encoder_b"])}
        assert len(chosen) == 2
        choices.add(frozenset(chosen))
        others = [index for index in range(5) if index not in chosen]
        own, old = after.players["encoder"], before.players["encoder"]
        jax.tree.map(lambda a, b, at=others: np.testing.assert_array_equal(a[np.array(at)], b[np.array(at)]), own, old)
        for index in chosen:
            for field in ("params", "optimizer", "average", "constraint"):
                new, past = (jax.tree.leaves(getattr(state, field)) for state in (own, old))
                leaves = [(one[index] != other[index]).any() for one, other in zip(new, past, strict=True)]
                assert any(bool(leaf) for leaf in leaves), field
        assert jax.tree.structure(after) == jax.tree.structure(before)
    assert len(choices) > 2
    assert step.__wrapped__.programs == 1


def test_a_step_is_that_of_a_plain_game_of_the_chosen_copies(played):
    game, _, seen = played
    plain = Game(
        players={name: encoder() for name in ("encoder_a", "encoder_b", "other")},
        inputs={name: lambda batch: (batch["image"],) for name in ("encoder_a", "encoder_b", "other")},
        stages=game.stages,
    )
    step = jax.jit(plain.step)
    for before, after, metrics in seen[:3]:
        at = {role: int(metrics[f"pull/{role}"]) for role in ("encoder_a", "encoder_b")}

        def alone(state, at=at):
            copies = {
                role: jax.tree.map(lambda leaf, index=index: leaf[index], state.players["encoder"])
                for role, index in at.items()
            }
            return copies | {"other": state.players["other"]}

        state = before.replace(
            players=alone(before),
            nonfinite={name: jnp.int32(-1) for name in plain.players},
            transferred={name: jnp.bool_(False) for name in plain.players},
        )
        expected, expected_metrics = step(state, BATCH)
        compare = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)  # noqa: E731
        jax.tree.map(compare, alone(after), expected.players)
        assert float(metrics["pull/loss"]) == pytest.approx(float(expected_metrics["pull/loss"]), rel=1e-5)
        assert float(metrics["pull/encoder_a/gradient_norm"]) == pytest.approx(
            float(expected_metrics["pull/encoder_a/gradient_norm"]), rel=1e-4
        )


def test_a_step_costs_the_same_however_many_copies_there_are():
    def cost(number):
        game = copies_game(number)
        state = jax.eval_shape(game.init, jax.random.key(0), BATCH)
        return jax.jit(game.step).lower(state, BATCH).compile().cost_analysis()["flops"]

    assert cost(60) <= 1.02 * cost(3)


def test_a_copy_is_called_by_its_index_in_a_trained_game(played):
    game, _, seen = played
    state = seen[-1][1]
    for index in (0, 4):
        one = jax.tree.map(lambda leaf, index=index: leaf[index], state.players["encoder"])
        constrained, _ = encoder().constraint.apply(one.average, one.constraint)
        expected = Layers().apply({"params": constrained}, BATCH["image"])
        np.testing.assert_allclose(game.nets(state).encoder[index](BATCH["image"]), expected, rtol=1e-4, atol=1e-6)


def test_what_is_not_finite_is_noted_for_all_copies_together(played):
    _, step, seen = played
    assert {name: int(first) for name, first in seen[-1][1].nonfinite.items()} == {"encoder": -1, "other": -1}
    state, _ = step(seen[2][0], {"image": BATCH["image"] * jnp.nan})
    assert {name: int(first) for name, first in state.nonfinite.items()} == {"encoder": 2, "other": 2}

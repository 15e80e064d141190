"""Who moves when, and on which minibatch: turns that move at once, and turns with minibatches of their own."""

import jax
import jax.numpy as jnp
import pytest

from jaxgan.core import Aux, Turn, View
from tests.core.scalars import mean_loss, minibatch, scalar_game, sgd_player, weight


def bilinear(sign: float, name: str):
    """The game of one product: a descends a * b, b ascends it."""

    def loss(nets, batch, memory, key):
        return sign * (nets.a(1.0) * nets.b(1.0)), Aux(scores={name: jnp.ones(2)})

    return loss


def counting(start: float = 0.0) -> View:
    """A view that counts the turns which told how its player judged reals."""
    return View(lambda key, x, clock, state: x, lambda: jnp.float32(start), lambda state, scores: state + scores.mean())


@pytest.mark.parametrize("together", [False, True])
def test_players_that_move_together_see_each_other_as_they_were(together):
    game = scalar_game(
        Turn("a", bilinear(1, "a")),
        Turn("b", bilinear(-1, "b"), together=together),
        a=sgd_player(2.0, view=counting()),
        b=sgd_player(3.0, view=counting(10.0)),
    )
    state = game.init(jax.random.key(0), minibatch(0.0))
    a, b = 2.0, 3.0
    for step in range(3):
        state, _ = game.step(state, minibatch(0.0))
        moved = a - 0.1 * b
        a, b = moved, b + 0.1 * (a if together else moved)
        assert weight(state, "a") == pytest.approx(a, rel=1e-6)
        assert weight(state, "b") == pytest.approx(b, rel=1e-6)
        # What a view learned in the turn in front is not lost with the older players.
        assert [float(state.players[name].view) for name in "ab"] == [step + 1, 11 + step]


def test_memory_of_turns_that_move_together_still_goes_from_one_to_the_next():
    def loss(name):
        return lambda nets, batch, memory, key: (nets[name](1.0) * 0, Aux({"found": memory}, memory * 2))

    game = scalar_game(
        Turn("a", loss("a")), Turn("b", loss("b"), together=True), memory=lambda key, batch: jnp.float32(1.0)
    )
    state, metrics = game.step(game.init(jax.random.key(0), minibatch(0.0)), minibatch(0.0))
    assert [float(metrics[f"{name}/found"]) for name in "ab"] == [1.0, 2.0] and float(state.memory) == 4.0


def test_a_turn_that_is_together_with_another_is_played_once():
    with pytest.raises(ValueError, match="together with the one before it"):
        Turn("b", mean_loss("b"), together=True, repeats=2)


def test_fresh_turns_take_minibatches_of_their_own():
    game = scalar_game(
        Turn("a", mean_loss("a"), repeats=2),
        Turn("b", mean_loss("b"), fresh=True, repeats=2, every=2),
        Turn("c", mean_loss("c")),
        Turn("d", mean_loss("d"), fresh=True),
        players=("a", "b", "c", "d"),
    )
    assert [game.minibatches(game.due(step, 0)) for step in range(3)] == [5, 3, 5]
    state = game.init(jax.random.key(0), minibatch(0.0))
    state, _ = game.step(state, tuple(minibatch(10.0**index) for index in range(5)), due=game.due(0, 0))
    # a takes the first two, c shares the first; b takes the next two, d the last
    gradients = {name: (1.0 - weight(state, name)) / 0.1 for name in "abcd"}
    assert gradients == pytest.approx({"a": 11, "b": 1100, "c": 1, "d": 10_000}, rel=1e-4)
    assert int(state.images) == 5
    state, _ = game.step(state, tuple(minibatch(0.0) for _ in range(3)), due=game.due(1, 5))
    assert int(state.images) == 8
    with pytest.raises(ValueError, match="plays on 5 minibatches, but was given 3"):
        game.step(state, tuple(minibatch(0.0) for _ in range(3)), due=game.due(2, 8))


def test_a_step_of_fresh_turns_alone_takes_theirs():
    game = scalar_game(Turn("a", mean_loss("a"), fresh=True), Turn("b", mean_loss("b"), fresh=True))
    assert game.minibatches(game.due(0, 0)) == 2
    state = game.init(jax.random.key(0), minibatch(0.0))
    state, _ = game.step(state, (minibatch(1.0), minibatch(2.0)))
    assert (weight(state, "a"), weight(state, "b")) == pytest.approx((0.9, 0.8))


def test_a_turn_that_moves_nobody_remembers():
    def count(nets, batch, memory, key):
        return batch["image"].sum(), Aux(memory={"seen": memory["seen"] + batch["image"].sum()})

    game = scalar_game(
        Turn("count", count, players=()), Turn("a", mean_loss("a")), memory=lambda key, batch: {"seen": jnp.float32(0)}
    )
    state = game.init(jax.random.key(0), minibatch(0.0))
    before = weight(state, "a"), weight(state, "b")
    for _ in range(2):
        state, metrics = game.step(state, minibatch(1.0, 2.0))
    assert float(state.memory["seen"]) == 6 and float(metrics["count/loss"]) == 3
    assert "count/gradient_norm" not in metrics
    assert weight(state, "a") == pytest.approx(before[0] - 2 * 0.1 * 1.5) and weight(state, "b") == before[1]

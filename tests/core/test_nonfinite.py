"""Numbers that are not finite: who is noted, what a skipped step leaves, and how training goes on from before them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import Aux, Turn, averaging, rolled_back
from tests.core.scalars import mean_loss, minibatch, scalar_game, sgd_player, weight


def bits(tree):
    is_key = lambda leaf: jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)  # noqa: E731
    return [np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf).tobytes() for leaf in jax.tree.leaves(tree)]


def noted(state):
    return {name: int(step) for name, step in state.nonfinite.items()}


def counting_loss(name):
    return lambda nets, batch, memory, key: (nets[name](batch["image"]).mean(), Aux({"count": memory}, memory + 1))


def game():
    """a moves first, and is well; b's gradient is that of the minibatch."""
    one = lambda nets, batch, memory, key: (nets.a(jnp.ones(1)).mean(), Aux())  # noqa: E731
    average = averaging.exponential(0.9)
    return scalar_game(
        Turn("a", one),
        Turn("b", counting_loss("b")),
        a=sgd_player(average=average),
        b=sgd_player(average=average),
        memory=lambda key, batch: jnp.float32(0),
    )


@pytest.mark.parametrize("broken", [np.inf, np.nan])
def test_a_skipped_step_leaves_the_state_to_the_bit(broken):
    step = jax.jit(game().step, static_argnames=("due", "skip_nonfinite"))
    first = game().init(jax.random.key(0), minibatch(0.0))
    before, _ = step(first, minibatch(2.0), skip_nonfinite=True)
    after, metrics = step(before, minibatch(broken), skip_nonfinite=True)
    assert noted(before) == {"a": -1, "b": -1} and noted(after) == {"a": -1, "b": 1}
    assert bits(after.replace(nonfinite=before.nonfinite)) == bits(before)
    assert not np.isfinite(metrics["b/loss"])
    # The next minibatch finds it as if nothing had been.
    later, _ = step(after, minibatch(4.0), skip_nonfinite=True)
    assert weight(later, "a") == pytest.approx(1 - 2 * 0.1) and weight(later, "b") == pytest.approx(1 - 0.6)
    assert int(later.step) == 2 and int(later.images) == 2 and float(later.memory) == 2
    # Whoever does not ask for it has the broken step.
    taken, _ = step(before, minibatch(broken))
    assert int(taken.step) == 2 and not np.isfinite(weight(taken, "b")) and weight(taken, "a") != weight(before, "a")


def test_a_loss_and_a_parameter_are_noted_where_the_gradient_is_finite():
    lost = lambda nets, batch, memory, key: (nets.a(batch["image"]).mean() + jnp.inf, Aux())  # noqa: E731
    broken = scalar_game(Turn("a", lost), Turn("b", mean_loss("b")), b=sgd_player(rate=1e38))
    state = broken.init(jax.random.key(0), minibatch(0.0))
    after, metrics = broken.step(state, minibatch(1.0))
    assert noted(after) == {"a": 0, "b": -1}
    after, metrics = broken.step(state, minibatch(100.0))
    assert np.isfinite(metrics["b/loss"]) and np.isfinite(metrics["b/gradient_norm"]) and weight(after, "b") == -np.inf
    assert noted(after) == {"a": 0, "b": 0}
    assert bits(broken.step(state, minibatch(100.0), skip_nonfinite=True)[0].players) == bits(state.players)


def test_members_of_an_ensemble_skip_alone():
    states = jax.vmap(game().init, in_axes=(0, None))(jax.random.split(jax.random.key(0), 2), minibatch(0.0))
    batch = {"image": jnp.array([[2.0], [jnp.nan]])}
    after, _ = jax.vmap(lambda state, batch: game().step(state, batch, skip_nonfinite=True))(states, batch)
    assert after.step.tolist() == [1, 0]
    np.testing.assert_allclose(after.players["b"].params["w"], [0.8, 1.0], rtol=1e-6)


def test_what_is_rolled_back_draws_anew_and_moves_more_slowly():
    def noisy(nets, batch, memory, key):
        return nets.a(batch["image"]).mean(), Aux({"draw": jax.random.normal(key)})

    playing = scalar_game(Turn("a", noisy), players=("a",))
    first = playing.init(jax.random.key(0), minibatch(0.0))
    draws = []
    for rollbacks, factor in [(0, 1.0), (1, 1.0), (1, 0.5), (2, 0.5)]:
        state = rolled_back(first, rollbacks, factor) if rollbacks else first
        state, metrics = playing.step(state, minibatch(4.0))
        assert weight(state, "a") == pytest.approx(1 - 0.4 * factor**rollbacks, rel=1e-6)
        assert int(state.rollbacks) == rollbacks
        draws.append(float(metrics["a/draw"]))
    assert draws[1] == draws[2] and len(set(draws)) == 3
    # From a state that was slowed down once, one more rollback slows it down once more.
    assert float(rolled_back(rolled_back(first, 1, 0.5), 2, 0.5).rate) == 0.25

"""What a game is between two steps: one pytree, and all that a checkpoint holds."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp

Params = Any  # a pytree of float32 arrays
Memory = Any  # a pytree: what a loss must remember that is neither a parameter nor a gradient


class PlayerState(flax.struct.PyTreeNode):
    """One player's half of the bargain.

    Attributes:
        params: What the optimiser moves (float32), before any constraint is applied.
        constraint: The state of the player's constraint, such as the vectors of a power iteration.
        optimizer: The optax optimiser's state.
        average: The moving average of `params`, or None for a player that keeps none.
        view: The state of the player's view.
    """

    params: Params
    constraint: Any
    optimizer: Any
    average: Params | None
    view: Any = ()


class State(flax.struct.PyTreeNode):
    """Everything a game needs to go on: a resumed run needs nothing else, not even the data's position.

    Attributes:
        step: int32 (), steps played.
        images: int32 (), real images consumed; the data pipeline's position is a function of it.
        stage: int32 (), index of the stage that the last step was played in.
        stage_step: int32 (), `step` when that stage began.
        stage_images: int32 (), `images` when that stage began.
        players: One `PlayerState` for each player's name, nested as the game's players are.
        memory: The game's memory.
        key: A typed PRNG key that only `rolled_back` changes: every draw is folded from it, the step and the turn.
        nonfinite: For each player, by its flat name, int32 (): the first step at which its loss, its gradient or a
            parameter that it moved to was not finite, -1 if never.
        rollbacks: int32 (), how often training went back to an earlier state because numbers broke.
        rate: float32 (), factor on every player's updates.
        transferred: For each player, by its flat name, bool (): whether it began with another run's weights, so that its
            average needs no ramp to leave an untrained network.
    """

    step: jax.Array
    images: jax.Array
    stage: jax.Array
    stage_step: jax.Array
    stage_images: jax.Array
    players: dict[str, Any]
    memory: Memory
    key: jax.Array
    nonfinite: dict[str, jax.Array]
    rollbacks: jax.Array
    rate: jax.Array
    transferred: dict[str, jax.Array]


def rolled_back(state: State, rollbacks: int | jax.Array, factor: float = 1.0) -> State:
    """An earlier state, to go on from after training broke: other draws follow than those that followed before. Pure.

    Args:
        state: The state gone back to; what it draws from now on is told by its key and `rollbacks`.
        rollbacks: How many times training went back by now, this time included.
        factor: On the learning rates for each rollback, those since `state` included, above 0.
    """
    since = jnp.asarray(rollbacks - state.rollbacks, jnp.float32)
    return state.replace(
        key=jax.random.fold_in(state.key, rollbacks),
        rollbacks=jnp.asarray(rollbacks, jnp.int32),
        rate=state.rate * jnp.float32(factor) ** since,
    )


class Clock(flax.struct.PyTreeNode):
    """How far the game is, for schedules, averages and losses that change with time (`nets.clock` inside a loss).

    Attributes:
        step: int32 (), steps played before this one.
        images: int32 (), real images consumed before this step.
        stage_step: int32 (), steps played in the present stage before this one.
        stage_images: int32 (), real images consumed in the present stage before this step.
        step_images: Images that one step consumes (a Python int inside a step, 0 outside one).
    """

    step: jax.Array
    images: jax.Array
    stage_step: jax.Array
    stage_images: jax.Array
    step_images: int = flax.struct.field(pytree_node=False, default=0)


def clock_of(state: State, step_images: int = 0) -> Clock:
    """How far the game is; `step_images` are those that the step being played consumes."""
    return Clock(
        step=state.step,
        images=state.images,
        stage_step=state.step - state.stage_step,
        stage_images=state.images - state.stage_images,
        step_images=step_images,
    )

"""The program that is run again and again: a game's steps, some of them in a call, of one run or of several together."""

import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Due, Game, Metrics, State
from jaxgan.data import prepare
from jaxgan.data.pipeline import RawBatch, Resident
from jaxgan.mesh import on_accelerators, replicated, shard_batch
from jaxgan.training.busy import busy

Minibatches = tuple[RawBatch, ...]
Dues = tuple[Due, ...]  # of the steps of one call


class CompiledStep:
    """The game's step, compiled once for all that can be due.

    One program may play several steps (`Plan.call`), and those of several runs of the game, which then are mapped over
    (`jax.vmap`): networks of several runs become one large one, whose groups of channels know nothing of each other.
    """

    def __init__(self, game: Game, shardings: State) -> None:
        """Makes a step that nothing is compiled of yet.

        Args:
            game: The game.
            shardings: Where the leaves of its state lie.
        """

        def one(state: State, minibatches: Minibatches, resident: Resident, due: Due) -> tuple[State, Metrics]:
            prepared = tuple(prepare(minibatch, resident) for minibatch in minibatches)
            return game.step(state, prepared, due, skip_nonfinite=True)

        def several(state: State, minibatches: Minibatches, resident: Resident, dues: Dues) -> tuple[State, Metrics]:
            metrics: Metrics = {}
            for due, alike in itertools.groupby(dues):
                number, each = len(list(alike)), game.minibatches(due)
                own, minibatches = minibatches[: number * each], minibatches[number * each :]
                if number == 1:
                    state, last = one(state, own, resident, due)
                else:
                    play = lambda state, own, due=due: one(state, shard_batch(own), resident, due)  # noqa: E731
                    stacked = _stacked([own[first : first + each] for first in range(0, len(own), each)])
                    # On a CPU the gradients of convolutions are slow within a loop of the program: it is written out.
                    state, every = jax.lax.scan(play, state, stacked, unroll=not on_accelerators())
                    last = jax.tree.map(lambda values: values[-1], every)
                metrics |= last
            return state, metrics

        def all_runs(
            states: tuple[State, ...], minibatches: tuple[Minibatches, ...], resident: Resident, dues: Dues
        ) -> list[tuple[State, Metrics]]:
            play = lambda state, own: several(state, own, resident, dues)  # noqa: E731
            if len(states) == 1 or not on_accelerators():  # on a CPU grouped convolutions are slow, too
                return [play(state, own) for state, own in zip(states, minibatches, strict=True)]
            played = jax.vmap(play)(_stacked(states), _stacked(minibatches))
            return [jax.tree.map(lambda leaf, index=index: leaf[index], played) for index in range(len(states))]

        def program(runs: int) -> Any:
            each = (shardings, replicated(shardings.step.mesh))  # type: ignore[attr-defined]  # a sharding for each leaf
            settings: dict[str, Any] = {"static_argnames": "dues", "donate_argnames": "states"}
            return jax.jit(all_runs, out_shardings=[each] * runs, **settings)

        self._program = program
        self._game = game
        self._traced: dict[tuple[int, Dues], jax.stages.Traced] = {}
        self._compiled: dict[tuple[int, Dues], jax.stages.Compiled] = {}
        self._last: Any = ()

    def minibatches(self, dues: Dues) -> int:
        """How many minibatches these steps of one run consume."""
        return sum(map(self._game.minibatches, dues))

    def traced(self, runs: int, dues: Dues) -> bool:
        """Whether this was gone through for so many runs, and not compiled yet."""
        return (runs, dues) in self._traced

    def trace(
        self, states: tuple[State, ...], minibatches: tuple[Minibatches, ...], resident: Resident, dues: Dues
    ) -> None:
        """Goes through the steps without computing anything."""
        self._traced[len(states), dues] = self._program(len(states)).trace(states, minibatches, resident, dues=dues)

    def compiled(self, runs: int, dues: Dues) -> bool:
        """Whether this is compiled for so many runs."""
        return (runs, dues) in self._compiled

    def compile(
        self, states: tuple[State, ...], minibatches: tuple[Minibatches, ...], resident: Resident, dues: Dues
    ) -> str:
        """Compiles what is due; returns a line for people."""
        runs, steps = len(states), f"{len(dues)} steps of " if len(dues) > 1 else ""
        turns = ", ".join(dict.fromkeys(turn for due in dues for turn in due.turns))
        what = f"{steps}{self._game.stages[dues[0].stage].name} ({turns})" + (f" for {runs} runs" if runs > 1 else "")
        with busy(f"compiling {what}") as doing:
            if not self.traced(runs, dues):
                self.trace(states, minibatches, resident, dues)
            self._compiled[runs, dues] = self._traced.pop((runs, dues)).lower().compile()
            return f"compiled {what} in {doing.seconds:.1f} s{doing.cached}"

    def __call__(
        self, states: tuple[State, ...], minibatches: tuple[Minibatches, ...], resident: Resident, dues: Dues
    ) -> list[tuple[State, Metrics]]:
        """Plays the steps of runs; returns the new state of each, and the latest metrics of its turns.

        Args:
            states: Of each run; donated.
            minibatches: For each run those of all steps, in order.
            resident: See `prepare`.
            dues: What each step plays.
        """
        # One call is in flight while the next one is prepared, and no more: a stop must not wait for a queue of them.
        jax.block_until_ready(self._last)
        played = self._compiled[len(states), dues](states, minibatches, resident)
        self._last = [metrics for _, metrics in played]
        return played


def _stacked(trees: Sequence[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)

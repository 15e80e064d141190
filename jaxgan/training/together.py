"""Runs side by side: each goes its own way, and what they are to play is played together where it is the same."""

import contextlib
import functools
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

import jax

from jaxgan.core import Metrics, State
from jaxgan.data.pipeline import Resident
from jaxgan.training.broken import BrokenError
from jaxgan.training.compiled_step import CompiledStep, Dues, Minibatches
from jaxgan.training.records import Records
from jaxgan.training.stop import Stopped, StopRequest


class Call(NamedTuple):
    """What a run wants to be played.

    Attributes:
        step: How many steps it has played.
        state: Its state, which is donated.
        minibatches: Of the steps.
        dues: What the steps play.
        records: Where it tells how it goes on.
    """

    step: int
    state: State
    minibatches: Minibatches
    dues: Dues
    records: Records


# A run: it yields None where all is well and nothing written yet, and then its calls; it is sent what was played, and returns
# its result.
Training = Generator[Call | None, Any, dict[str, float]]


def play_together(
    runs: Sequence[Training], play: CompiledStep, resident: Resident, mesh: jax.sharding.Mesh, stop: StopRequest
) -> list[dict[str, float]]:
    """Plays runs to their end, or until a stop is asked for; returns their results.

    At any time those are played that want the same turns as the one that is furthest behind, at whichever step each of them is:
    runs may have been stopped at different ones, or go back.

    Args:
        runs: At their beginning.
        play: Of their game.
        resident: See `jaxgan.data.prepare`.
        mesh: What they are played on.
        stop: What they ask whether to stop.

    Raises:
        BrokenError: One of them went wrong for good; the others are saved where they are.
    """
    results: dict[int, dict[str, float]] = {}
    waiting: dict[int, Call] = {}

    def advance(index: int, go_on: Callable[[], Call | None]) -> None:
        call = waiting.pop(index, None)
        stood, began = call.records.stopwatch.stood if call else 0.0, time.perf_counter()
        try:
            waiting[index] = go_on()  # type: ignore[assignment]  # only the first is no call
        except StopIteration as end:
            results[index] = end.value
        # While one run is looked at, or sums itself up, the others do not train.
        apart = (
            time.perf_counter() - began if index in results else call.records.stopwatch.stood - stood if call else 0.0
        )
        for other, each in waiting.items():
            if other != index:
                each.records.stopwatch.skip(apart)

    def save() -> None:
        for index in list(waiting):
            advance(index, functools.partial(runs[index].throw, Stopped()))

    with contextlib.ExitStack() as closing:
        for run in runs:
            closing.callback(run.close)
        for run in runs:
            next(run)
        with stop:
            for index, run in enumerate(runs):
                advance(index, functools.partial(next, run))
            while waiting:
                dues = min(waiting.values(), key=lambda call: call.step).dues
                alike = {index: call for index, call in waiting.items() if call.dues == dues}
                states = tuple(call.state for call in alike.values())
                minibatches = tuple(call.minibatches for call in alike.values())
                if not play.compiled(len(alike), dues):
                    compiling = functools.partial(play.compile, states, minibatches, resident, dues)
                    try:
                        with contextlib.ExitStack() as paused:
                            for call in waiting.values():
                                paused.enter_context(call.records.stopwatch.paused())
                            next(iter(alike.values())).records.say(stop.unless_asked(mesh, compiling))
                    except Stopped:
                        save()
                        break
                try:
                    played = play(states, minibatches, resident, dues)
                except KeyboardInterrupt as error:
                    runs[next(iter(alike))].throw(error)  # it says what is saved of it
                    raise
                broken = None
                for index in alike:
                    try:
                        advance(index, functools.partial(_send_first, runs[index], played))
                    except BrokenError as error:
                        broken = error
                if broken is not None:
                    save()
                    raise broken
    return [results[index] for index in range(len(runs))]


def _send_first(run: Training, played: list[tuple[State, Metrics]]) -> Call | None:
    """Nobody else keeps what is sent: a run that goes back has no use for this state, which is large."""
    return run.send(played.pop(0))

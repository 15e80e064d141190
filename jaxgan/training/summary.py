"""The dry run: the resolved config, the parameters of every player, the stages, and how much memory it will take."""

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import jax

from jaxgan import memory, overrides
from jaxgan.core import State
from jaxgan.core.arrays import domain_arrays, listed_classes, minibatch
from jaxgan.core.players import flatten
from jaxgan.foreign import printable
from jaxgan.mesh import batched
from jaxgan.training.ensemble import check_number
from jaxgan.training.live_bytes import live_bytes
from jaxgan.training.plan import Plan
from jaxgan.training.transfer import Beginning, read_source

# On a CPU, compiling the step of a larger game takes minutes (the paper's BigGAN one or two, tracing it ten seconds).
_CHEAP_TO_COMPILE = 5_000_000


def summarize(plan: Plan, init_from: str = "", ensemble: int | None = None) -> str:
    """The dry run's text for a plan; nothing of the game's size is allocated, save the other run's weights.

    Args:
        plan: The plan.
        init_from: As in `train`.
        ensemble: The number of `train_ensemble`; None: one run.

    Raises:
        ConfigError: That run is not there, or nothing of it fits; or an ensemble of fewer than two.
    """
    if ensemble is not None:
        check_number(ensemble)
    state = plan.abstract_state()
    parts = ["config", *overrides.lines(plan.config), "", *_data(plan), ""]
    total = 0
    for name, player in flatten(state.players).items():
        rows = [(path, str(leaf.shape), f"{leaf.size:,}") for path, leaf in _leaves(player.params)]
        count = sum(leaf.size for _, leaf in _leaves(player.params))
        total += count
        parts += [*_table([(name, "shape", "parameters"), *rows, ("total", "", f"{count:,}")]), ""]
    parts += [
        f"all players: {total:,} parameters",
        "",
        *_stages(plan),
        *filter(None, (plan.measured,)),
        "",
        *_memory(plan, state, total),
    ]
    if ensemble is not None:
        parts.append(f"an ensemble of {ensemble} takes the state {ensemble} times, and on accelerators all of the step")
    if init_from:
        with jax.set_mesh(plan.mesh):
            parts += ["", Beginning.of(plan, read_source(init_from)).line]
    return "\n".join(parts)


def _data(plan: Plan) -> list[str]:
    """The arrays of a minibatch, and the number of each class."""
    lines = ["data" + (" (they are not there: what follows is assumed)" if plan.assumed else "")]
    called = dict(zip(domain_arrays(len(plan.domains)), plan.domains, strict=False))
    for name, spec in plan.arrays.items():
        if spec.kind == "label":
            lines.append(f"{name}: {len(spec.names)} classes, {printable(listed_classes(plan.arrays))}")
        else:
            lines.append(
                f"{name}: {spec.kind} {'x'.join(map(str, spec.shape))}"
                + (f", {printable(called[name])}" if name in called else "")
            )
    return lines


def _stages(plan: Plan) -> list[str]:
    rows = [("stage", "turns of a step", "images", "until")]
    for index, stage in enumerate(plan.game.stages):
        turns = [
            turn.name
            + (f" x{turn.repeats}" if turn.repeats > 1 else "")
            + (f" every {turn.every}" if turn.every > 1 else "")
            for turn in stage.turns
        ]
        ends = [("step", stage.until_step), ("image", stage.until_images)]
        if index == len(plan.game.stages) - 1:
            ends += [("step", plan.config.steps), ("image", plan.config.images)]
        until = " or ".join(f"{unit} {end:,}" for unit, end in ends if end)
        rows.append((stage.name, ", ".join(turns), f"{plan.batch_size(index):,}", until))
    return [*_table(rows), *filter(None, [plan.unplayed])]


def _memory(plan: Plan, state: State, parameters: int) -> list[str]:
    players = flatten(state.players).values()
    rows = [
        ("parameters", [player.params for player in players]),
        ("optimizer state", [player.optimizer for player in players]),
        ("moving averages", [player.average for player in players]),
        ("constraints and the game's memory", ([player.constraint for player in players], state.memory)),
        ("the state, on every device", state),
    ]
    lines = [f"{name:<36}{_megabytes(memory.size(tree)):>14}" for name, tree in rows]
    stage = len(plan.game.stages) - 1
    due = plan.game.due(0, 0)._replace(stage=stage, turns=tuple(turn.name for turn in plan.game.stages[stage].turns))
    number = plan.game.minibatches(due)
    if jax.default_backend() == "cpu" and parameters > _CHEAP_TO_COMPILE:
        # One device plays on its share of the minibatch, in as many parts.
        parts = plan.game.accumulate
        share = parts * math.ceil(plan.batch_size(stage) / (plan.mesh.size * parts))
        minibatches = (minibatch(plan.arrays, share),) * number
        size = live_bytes(lambda state, minibatches: plan.game.step(state, minibatches, due), state, minibatches)
        source = "an estimate for the last stage, within about a factor of two"
    else:
        whole = minibatch(plan.arrays, plan.batch_size(stage))
        cut = functools.partial(jax.ShapeDtypeStruct, sharding=batched(plan.mesh))
        minibatches = ({name: cut(spec.shape, spec.dtype) for name, spec in whole.items()},) * number
        with jax.set_mesh(plan.mesh):
            step = jax.jit(plan.game.step, static_argnames="due", donate_argnums=0)
            analysis = step.lower(state, minibatches, due=due).compile().memory_analysis()
        if analysis is None:
            return lines
        size, source = analysis.temp_size_in_bytes, "the compiler's own count for the last stage"
    return [
        *lines,
        f"{'activations and gradients of a step':<36}{_megabytes(size):>14}",
        f"  ({source}, on each device; with the state, what a step takes",
        "   beside the data; sampling and evaluation come on top)",
    ]


def _leaves(tree: Any) -> Iterable[tuple[str, Any]]:
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        yield jax.tree_util.keystr(path, simple=True, separator="/"), leaf


def _megabytes(count: int) -> str:
    return f"{count / 2**20:,.2f} MiB"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

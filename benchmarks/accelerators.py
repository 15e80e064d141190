"""What a config's training step becomes on accelerators that are not there: compiled ahead of time, and counted.

    pip install '.[tpu]'        # for v4, v5e, v5p and v6e
    pip install '.[cuda]'       # for h100, h200, a100 and l4, in an environment of its own
    python -m benchmarks.accelerators --target=v5e --config=configs/biggan_like.py:paper
    python -m benchmarks.accelerators --target=h100:8 --config=configs/dcgan.py --images=64

Each row joins docs/accelerators.json and the table in docs/accelerators.md; what is there already is not compiled again (unless
with --again). Nothing is run: times are rooflines, what a step takes at least, were it limited by one thing alone.
"""

import argparse
import dataclasses
import functools
import json
import multiprocessing
import pathlib
import re
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

import jax

from benchmarks import hlo, targets
from benchmarks.pages import put
from jaxgan import memory
from jaxgan.core import Due, State
from jaxgan.core.arrays import minibatch
from jaxgan.core.players import flatten
from jaxgan.errors import UserError
from jaxgan.mesh import batched, data_mesh, replicated
from jaxgan.training.command_line import load_config
from jaxgan.training.plan import Plan, plan_without_data

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "accelerators.md"
_LIMIT = 30 * 60  # seconds that a row may take
_MOST_IMAGES = 32  # of a device, where a config has more for it
_FURTHEST = 64  # times a row's images, up to which its largest batch is looked for
_QUICK = 30  # seconds of compiling, above which the largest batch is not searched by compiling


# ---- compiling


@dataclasses.dataclass(frozen=True)
class Step:
    """A config's step on a mesh, ready to be compiled for so many images on each device.

    Attributes:
        plan: Of the config, on the target's devices.
        due: What the step plays.
    """

    plan: Plan
    due: Due

    @classmethod
    def of(cls, config: Any, devices: Sequence[jax.Device], lazy: bool = True) -> "Step":
        """The last stage's step with all of its turns, or without those that are not due at every step."""
        plan = dataclasses.replace(plan_without_data(config), mesh=data_mesh(devices))
        turns = tuple(turn.name for turn in plan.game.stages[-1].turns if lazy or turn.every == 1)
        return cls(plan, Due(len(plan.game.stages) - 1, turns))

    @functools.cached_property
    def state(self) -> State:
        """Shapes and shardings of the state."""
        return (
            self.plan.abstract_state()
        )  # outside of `jax.set_mesh`: what is computed on the way must not be on the mesh

    @property
    def has_lazy_turns(self) -> bool:
        """Whether some of its turns are not due at every step."""
        return any(turn.every > 1 for turn in self.plan.game.stages[-1].turns)

    @property
    def images(self) -> int:
        """Of a minibatch on each device, by the config, as far as they divide."""
        return max(1, self.plan.batch_size(self.due.stage) // self.plan.mesh.size)

    def lower(self, images: int) -> jax.stages.Lowered:
        """The step for so many images a device in each minibatch."""
        plan = self.plan
        cut = functools.partial(jax.ShapeDtypeStruct, sharding=batched(plan.mesh))
        whole = minibatch(plan.arrays, images * plan.mesh.size)
        each = {name: cut(spec.shape, spec.dtype) for name, spec in whole.items()}
        state, batches = self.state, (each,) * plan.game.minibatches(self.due)
        kept = jax.tree.map(lambda leaf: leaf.sharding, state), replicated(plan.mesh)
        step = jax.jit(plan.game.step, static_argnames="due", donate_argnums=0, out_shardings=kept)
        with jax.set_mesh(plan.mesh):
            return step.trace(state, batches, due=self.due).lower()

    def gradient_bytes(self) -> int:
        """Of the gradients of all turns, in float32: what devices must exchange at least."""
        players = flatten(self.state.players)
        owners = self.plan.game.cast.roles if self.plan.game.cast else {}
        turns = [turn for turn in self.plan.game.stages[-1].turns if turn.name in self.due.turns]
        total = 0
        for turn in turns:
            for name in turn.players:
                player = players[owners.get(name, name)]
                copies = max(1, self.plan.game.players[owners.get(name, name)].copies)
                total += turn.repeats * memory.size(player.params) // copies
        return total

    def networks(self) -> list[str]:
        """The names of the networks' classes, which are those of their operations' scopes."""
        return sorted({type(player.network).__name__ for player in self.plan.game.players.values()})


def measure(step: Step, images: int) -> dict[str, Any]:
    """Compiles a step, and counts.

    Returns:
        Bytes, operations and seconds of one step on each device, as plain values; only "out_of_memory" and the compiler's count
        of bytes where the step does not fit.
    """
    lowered = step.lower(images)
    start = time.perf_counter()
    try:
        compiled = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        used = re.search(r"Used ([\d.]+)([KMGT]) of", str(error))
        needed = float(used[1]) * 2 ** (10 * " KMGT".index(used[2])) if used else None
        return {"out_of_memory": True, "peak_bytes": needed}
    seconds = time.perf_counter() - start
    module, written = hlo.Module(compiled.as_text()), hlo.Module(lowered.as_text(dialect="hlo", debug_info=True))
    traffic, networks = hlo.traffic(module), step.networks()
    own = hlo.arithmetic(written, networks, distinct=True)
    return {
        "peak_bytes": peak(compiled),
        "state_bytes": memory.size(step.state),
        "arithmetic": hlo.arithmetic(module),
        "own_arithmetic": sum(own.values()) / step.plan.mesh.size,
        "bytes": traffic.padded,
        "unpadded_bytes": traffic.bytes,
        "copied_bytes": traffic.copies,
        "copies": traffic.number_of_copies,
        "collectives": {kind: dataclasses.asdict(each) for kind, each in hlo.collectives(module).items()},
        "gradient_bytes": step.gradient_bytes(),
        "instructions": sum(not each.fused for each in module.executed()),
        "compile_seconds": seconds,
    }


def peak(compiled: jax.stages.Compiled) -> int:
    """Bytes that a program takes at its height on each device, its arguments and results with them."""
    used = compiled.memory_analysis()
    kept = used.argument_size_in_bytes + used.output_size_in_bytes - used.alias_size_in_bytes
    return kept + used.temp_size_in_bytes + used.generated_code_size_in_bytes


def largest(step: Step, images: int, row: Mapping[str, Any], room: float) -> tuple[int, bool]:
    """How many images a device can take, and whether that was compiled, or is what this step's bytes tell.

    A step's bytes are those of its state, and about so many for each image; what gradients take counts with the images, so that
    the estimate is low.
    """

    def estimate(at: int, peak: float) -> int:
        found = int(at * (room - row["state_bytes"]) / max(1.0, peak - row["state_bytes"]))
        return min(found, _FURTHEST * images)

    guess = estimate(images, row["peak_bytes"])
    if row["compile_seconds"] > _QUICK or guess <= images:
        return guess, False
    at, fits = images, images
    for _ in range(4):
        at = guess
        found = measure(step, at)
        if not found.get("out_of_memory") and found["peak_bytes"] <= room:
            fits = max(fits, at)
            guess = estimate(at, found["peak_bytes"])
            if guess < 1.2 * at:
                break
        else:
            guess = (at + fits) // 2
    return fits, True


# ---- a row in a process of its own, for it may take too long, and what it holds is let go


def measured(config: str, target: str, images: int | None, lazy: bool) -> dict[str, Any]:
    """A row of the table; "not_compiled" where it took too long."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_measure, args=(theirs, config, target, images, lazy))
    process.start()
    theirs.close()
    try:
        if not ours.poll(_LIMIT):
            return {"not_compiled": f"more than {_LIMIT // 60} minutes"}
        answer = ours.recv()
    except EOFError:
        return {"not_compiled": "the compiler ended the process, by memory perhaps"}
    finally:
        process.kill()
        process.join()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _measure(pipe: Connection, config: str, target: str, images: int | None, lazy: bool) -> None:
    targets.prepare()
    try:
        step = Step.of(load_config(config), targets.devices(target), lazy)
        images = images or min(step.images, _MOST_IMAGES)
        row = measure(step, images)
        if "arithmetic" in row:
            room = targets.TARGETS[targets.split(target)[0]].memory
            row["largest"], row["largest_compiled"] = largest(step, images, row, room)
        pipe.send(row | {"images": images, "devices": step.plan.mesh.size, "lazy": step.has_lazy_turns})
    except UserError as error:
        pipe.send(error)
    except Exception:
        pipe.send(RuntimeError(traceback.format_exc()))


# ---- the table

COLUMNS = (
    "config",
    "target",
    "images a device",
    "peak GiB (largest batch)",
    "TFLOP (in float32)",
    "GB",
    "compute / memory / links, ms",
    "useful",
    "all-reduce / gradients, MB (number)",
    "copies",
    "padding",
    "compile, s",
)


def times(row: Mapping[str, Any], target: str) -> dict[str, float]:
    """Milliseconds that a step takes at least, were its arithmetic, its memory or its links the only limit."""
    facts = targets.TARGETS[targets.split(target)[0]]
    compute = sum(count / facts.peaks[dtype] for dtype, count in row["arithmetic"].items())
    # A ring (Patarasu and Yuan 2009): each device sends 2 (n - 1) / n of what is reduced, and (n - 1) / n of a gather's result.
    n, sent = row["devices"], 0.0
    for kind, each in row["collectives"].items():
        sent += each["bytes"] * {"all-reduce": 2 * (n - 1) / n, "all-gather": n - 1}.get(kind, 1.0)
    return {"compute": 1e3 * compute, "memory": 1e3 * row["bytes"] / facts.bandwidth, "links": 1e3 * sent / facts.links}


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A row's cells."""
    name = row["config"].removeprefix("configs/").replace(".py", "") + (
        "" if row["turns"] == "all" else ", no lazy turn"
    )
    first = (name, row["target"], str(row.get("images", "")))
    if reason := row.get("not_compiled"):
        return (*first, f"not compiled: {reason}", *[""] * (len(COLUMNS) - 4))
    if row.get("out_of_memory"):
        needed = f" ({row['peak_bytes'] / 2**30:.1f} needed)" if row["peak_bytes"] else ""
        return (*first, f"does not fit{needed}", *[""] * (len(COLUMNS) - 4))
    total = sum(row["arithmetic"].values())
    reduced = row["collectives"].get("all-reduce", {"number": 0, "bytes": 0})
    others = [f"{kind} {each['bytes'] / 1e6:.1f}" for kind, each in row["collectives"].items() if kind != "all-reduce"]
    exchanged = f"{reduced['bytes'] / 1e6:,.4g} / {row['gradient_bytes'] / 1e6:,.4g} ({reduced['number']})"
    return (
        *first,
        f"{row['peak_bytes'] / 2**30:.3g} ({at_most(row)})",
        f"{total / 1e12:.3g} ({row['arithmetic'].get('float32', 0) / total:.0%})" if total else "0",
        f"{row['bytes'] / 1e9:.3g}",
        " / ".join(f"{value:.3g}" for value in times(row, row["target"]).values()),
        f"{row['own_arithmetic'] / total:.0%}" if total else "",
        "; ".join([exchanged, *others]),
        f"{row['copies']:,}, {row['copied_bytes'] / row['bytes']:.0%}",
        f"{row['bytes'] / row['unpadded_bytes']:.2f}",
        f"{row['compile_seconds']:.0f}",
    )


def at_most(row: Mapping[str, Any]) -> str:
    """The largest batch of a row, in words."""
    if row["largest"] >= _FURTHEST * row["images"]:
        return f"over {_FURTHEST * row['images']:,}"
    return f"{'' if row['largest_compiled'] else 'about '}{row['largest']:,}"


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as a Markdown table."""
    ordered = sorted(rows, key=lambda row: (row["config"], row["turns"], row["target"], row.get("images", 0)))
    lines = [COLUMNS, ("---",) * len(COLUMNS), *map(cells, ordered)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line, compiles what is not known yet, and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", required=True, help=f"one of {', '.join(targets.TARGETS)}, or v5e:4x4, h100:16")
    parser.add_argument("--config", required=True, help="a config file, with its variant after a colon")
    parser.add_argument(
        "--images", type=int, help=f"a device's in a minibatch; default: the config's, {_MOST_IMAGES} at most"
    )
    parser.add_argument("--again", action="store_true", help="compile also what is known already")
    parser.add_argument(
        "--page", type=pathlib.Path, default=PAGE, help="whose table is written; its rows lie beside it"
    )
    options = parser.parse_args(arguments)
    try:
        run(options)
    except UserError as error:
        parser.error(str(error))


def run(options: argparse.Namespace) -> None:
    """Adds the rows of one config on one target; see `main`."""
    targets.split(options.target)
    if options.images is not None and options.images < 1:
        raise UserError(f"--images={options.images}: a device needs at least one")
    kept = options.page.with_suffix(".json")
    rows: dict[str, dict[str, Any]] = json.loads(kept.read_text()) if kept.exists() else {}
    name, topology = targets.split(options.target)
    for turns in ("all", "not lazy"):
        place = {"config": options.config, "target": f"{name}:{topology}", "turns": turns}
        key = " ".join([*place.values(), str(options.images or "")]).strip()
        if key not in rows or options.again:
            row = measured(options.config, options.target, options.images, turns == "all")
            # What was compiled once is not lost because the machine is too busy today.
            if key not in rows or "not_compiled" not in row:
                rows[key] = {"images": options.images or "", **row, **place, "jax": jax.__version__}
                kept.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n")
            else:
                print(f"not compiled: {row['not_compiled']}; the row that is there stays")
        print(" | ".join(cells(rows[key])), flush=True)
        if not rows[key].get("lazy"):
            break
    put(options.page, {"accelerators": table(rows.values())})


if __name__ == "__main__":
    main()

"""Training speed of jaxgan beside PyTorch eager, step by step in turns: same networks, losses, batches and optimisers.

    python -m benchmarks.speed                                    # all systems, on the processor's cores
    python -m benchmarks.speed --systems dcgan64 --steps 10
    python -m benchmarks.speed --device gpu --dtype bfloat16 --peak_tflops 989

Prints a Markdown table. Without PyTorch it times jaxgan alone.
"""

import argparse
import concurrent.futures
import dataclasses
import importlib.metadata
import importlib.util
import math
import multiprocessing
import os
import pathlib
import platform
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

# On a GPU, two frameworks share the card's memory, and both are asked how much they used.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import jax.numpy as jnp

from benchmarks.speed_systems import SYSTEMS, System, minibatches
from jaxgan.core import Game

HAVE_TORCH = importlib.util.find_spec("torch") is not None
JAXGAN, TORCH, CHANNELS_LAST, COMPILED = "jaxgan", "PyTorch", "PyTorch channels_last", "PyTorch torch.compile"


def sides(name: str, device: str) -> tuple[str, ...]:
    """What is timed of one of `SYSTEMS`: on a GPU also PyTorch's compiler, if it takes the networks."""
    if not HAVE_TORCH:
        return (JAXGAN,)
    compiled = device == "gpu" and SYSTEMS[name].compiles
    return (JAXGAN, TORCH, CHANNELS_LAST, *([COMPILED] if compiled else []))


# ---- the two frameworks (PyTorch's is `benchmarks.torch_training.TorchSide`)


class JaxSide:
    """jaxgan's training of one system.

    Attributes:
        period: Steps until all turns of the game have been due.
        compile_seconds: What tracing and compiling the steps took.
        flops: Of one step, in the mean of a period, by XLA's count.
    """

    def __init__(self, system: System, device: str, dtype: str) -> None:
        batches = tuple(jax.device_put(minibatches(system, device)))
        game = system.game(dtype).complete(batches[0])
        self._batches = batches if len(batches) > 1 else batches[0]
        self._state = jax.jit(game.init)(jax.random.key(0), batches[0])
        self._played = 0
        self.period = period_of(game)
        self._due = [game.due(step, 0) for step in range(self.period)]
        step = jax.jit(game.step, static_argnums=2, donate_argnums=0)
        start = time.perf_counter()
        self._steps = {due: step.lower(self._state, self._batches, due).compile() for due in dict.fromkeys(self._due)}
        self.compile_seconds = time.perf_counter() - start
        self.flops = statistics.mean(self._steps[due].cost_analysis()["flops"] for due in self._due)

    def run(self, steps: int) -> None:
        """Trains and waits for the end."""
        for _ in range(steps):
            self._state, _ = self._steps[self._due[self._played % self.period]](self._state, self._batches)
            self._played += 1
        jax.block_until_ready(self._state)

    def parameters(self) -> dict[str, int]:
        """Number of parameters of each player."""
        players = self._state.players.items()
        return {name: sum(leaf.size for leaf in jax.tree.leaves(player.params)) for name, player in players}

    def updates(self) -> dict[str, int]:
        """How often each player has been moved so far."""
        return {name: int(player.optimizer[0].count) for name, player in self._state.players.items()}

    def finite(self) -> bool:
        """Whether all losses and gradients have been finite."""
        return all(int(step) < 0 for step in self._state.nonfinite.values())

    def device_memory(self) -> float:
        """The allocator's peak on the card, in MiB."""
        return jax.devices()[0].memory_stats()["peak_bytes_in_use"] / 2**20


def period_of(game: Game) -> int:
    """Steps until all turns of a game have been due."""
    return math.lcm(*(turn.every for turn in game.stages[0].turns))


def make_side(side: str, name: str, device: str, dtype: str) -> Any:
    """One of the `sides` of one of `SYSTEMS`, ready to run."""
    if side == JAXGAN:
        return JaxSide(SYSTEMS[name], device, dtype)
    from benchmarks.torch_training import TorchSide

    channels_last, compiled = side in (CHANNELS_LAST, COMPILED), side == COMPILED
    return TorchSide(name, minibatches(SYSTEMS[name], device), device, dtype, channels_last, compiled)


# ---- measuring


@dataclasses.dataclass
class Row:
    """One line of the table.

    Attributes:
        system: One of `SYSTEMS`.
        side: One of the `sides`.
        batch: Examples in a minibatch.
        images: Real images that a step consumes.
        flops: Of one step.
        seconds: Of a step, one for each timed block.
        compile_seconds: None in eager mode; of `torch.compile` the first steps' time.
        memory: Peak, in MiB; None until it was measured.
    """

    system: str
    side: str
    batch: int
    images: int
    flops: float
    seconds: list[float]
    compile_seconds: float | None
    memory: float | None = None

    @property
    def median(self) -> float:
        """The median of `seconds`."""
        return statistics.median(self.seconds)


def measure(name: str, device: str, dtype: str, steps: int) -> list[Row]:
    """Times all sides of one system in turns: jaxgan, PyTorch, jaxgan, PyTorch, ..."""
    system = SYSTEMS[name]
    players = {side: make_side(side, name, device, dtype) for side in sides(name, device)}
    compare("parameters", {side: made.parameters() for side, made in players.items()})
    for made in players.values():
        made.run(2)
    compare("updates in two steps", {side: made.updates() for side, made in players.items()})

    # A block holds every lazy turn as often as it falls due. A GPU works while Python goes on: timed one by one, steps would
    # pay for the waiting.
    period = players[JAXGAN].period
    block = period * (1 if device == "cpu" else -(-10 // period))
    seconds: dict[str, list[float]] = {side: [] for side in players}
    for _ in range(steps):
        for side, made in players.items():
            start = time.perf_counter()
            made.run(block)
            seconds[side].append((time.perf_counter() - start) / block)
    for side, made in players.items():
        if not made.finite():
            raise FloatingPointError(
                f"{system.title} in {side}: its numbers are not finite, so its speed means nothing"
            )
    batch, flops = system.batch[device], players[JAXGAN].flops
    return [
        Row(name, side, batch, batch * system.minibatches, flops, seconds[side], made.compile_seconds)
        for side, made in players.items()
    ]


def compare(what: str, counts: Mapping[str, Mapping[str, int]]) -> None:
    """Prints the counts that all sides have in common; raises a ValueError where they differ."""
    expected = counts[JAXGAN]
    for side, count in counts.items():
        if dict(count) != dict(expected):
            raise ValueError(f"{what} differ: {dict(expected)} in {JAXGAN}, but {dict(count)} in {side}")
    print(f"  {what}: " + ", ".join(f"{player} {number:,}" for player, number in sorted(expected.items())), flush=True)


def measure_memory(rows: Sequence[Row], device: str, dtype: str, cache: str) -> None:
    """Fills in each row's peak memory, of a process of its own; on a GPU several at a time, for the allocator counts there."""
    context = multiprocessing.get_context("spawn")
    workers = 1 if device == "cpu" else 6
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as executor:
        peaks = [executor.submit(peak_memory, row.side, row.system, device, dtype, cache) for row in rows]
        for row, peak in zip(rows, peaks, strict=True):
            row.memory = peak.result()


def peak_memory(side: str, name: str, device: str, dtype: str, cache: str) -> float:
    """MiB that training takes: on a GPU the allocator's peak, on a CPU the resident memory's growth since the imports.

    Compiling is left out on a CPU: jaxgan's step is read from the folder `cache`, and the kernel's mark of the highest
    resident memory is set back before the steps that count.
    """
    configure_jax(device, cache)
    if side == JAXGAN:
        jax.block_until_ready(jnp.zeros(()))
    else:
        importlib.import_module("benchmarks.torch_training")
    before = resident("VmRSS")
    made = make_side(side, name, device, dtype)
    period = period_of(SYSTEMS[name].game(dtype))
    made.run(1)
    if device == "gpu":
        made.run(period + 1)
        return made.device_memory()
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    made.run(period + 1)
    return resident("VmHWM") - before


def resident(field: str) -> float:
    """This process's resident memory in MiB, now ("VmRSS") or at its highest ("VmHWM")."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


# ---- the table

COLUMNS = (
    "system",
    "batch",
    "framework",
    "ms/step",
    "min",
    "max",
    "PyTorch / jaxgan",
    "images/s",
    "TFLOP/s",
    "compile s",
    "memory MiB",
)


def table(rows: Sequence[Row], peak_tflops: float | None = None) -> str:
    """The rows as a Markdown table (seconds: the median), and the geometric means of the ratios.

    Args:
        rows: jaxgan's row and the others of each system.
        peak_tflops: The card's peak, to print the share of it that each row reaches.
    """
    own = {row.system: row.median for row in rows if row.side == JAXGAN}
    ratios: dict[str, list[float]] = {}
    lines = [COLUMNS, ("---",) * len(COLUMNS)]
    for row in rows:
        ratio = ""
        if row.side != JAXGAN:
            ratios.setdefault(row.side, []).append(row.median / own[row.system])
            ratio = f"{ratios[row.side][-1]:.2f}"
        rate = row.flops / row.median / 1e12
        lines.append(
            (
                SYSTEMS[row.system].title,
                str(row.batch),
                row.side,
                *(f"{1000 * value:.4g}" for value in (row.median, min(row.seconds), max(row.seconds))),
                ratio,
                f"{row.images / row.median:.1f}",
                f"{rate:.3g}" + (f" ({rate / peak_tflops:.0%})" if peak_tflops else ""),
                "" if row.compile_seconds is None else f"{row.compile_seconds:.1f}",
                "" if row.memory is None else f"{row.memory:.0f}",
            )
        )
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    for side, values in ratios.items():
        text += f"\n\nGeometric mean of {side} / jaxgan: {statistics.geometric_mean(values):.2f}"
    return text


def describe(device: str, dtype: str) -> str:
    """The machine and the versions, in one line."""
    versions = f"Python {platform.python_version()}, jax {jax.__version__}"
    if HAVE_TORCH:
        versions += f", torch {importlib.metadata.version('torch')}"
    if device == "cpu":
        return f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}; {versions}; {dtype}"
    precision = "PyTorch by autocast" if dtype == "bfloat16" else "products in TensorFloat-32"
    return f"{jax.devices()[0].device_kind}; {versions}; {dtype}, {precision}"


def configure_jax(device: str, cache: str) -> None:
    """Chooses the device, and the folder of compiled steps that child processes read."""
    jax.config.update("jax_platforms", "cpu" if device == "cpu" else "cuda")
    jax.config.update("jax_compilation_cache_dir", cache)


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), help="default: all")
    parser.add_argument(
        "--steps",
        type=int,
        default=5,
        help="timed blocks: of a step, or of all until every turn was due; on a GPU of ten",
    )
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--peak_tflops", type=float, help="the card's peak at this dtype, to print the share reached")
    options = parser.parse_args(arguments)

    with tempfile.TemporaryDirectory() as cache:
        configure_jax(options.device, cache)
        print(describe(options.device, options.dtype), flush=True)
        rows: list[Row] = []
        for name in options.systems:
            print(f"{SYSTEMS[name].title}", flush=True)
            measured = measure(name, options.device, options.dtype, options.steps)
            for row in measured:
                print(f"  {row.side}: {row.median * 1000:.1f} ms", flush=True)
            rows += measured
        measure_memory(rows, options.device, options.dtype, cache)
        print(f"\n{table(rows, options.peak_tflops)}")


if __name__ == "__main__":
    main()

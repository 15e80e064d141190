"""What the variants for pictures of one's own take, `:cpu32`, `:gpu32`, `:gpu64` and `:gpu128`: the table of docs/sizes.md.

    python -m benchmarks.sizes                         # times what is not timed yet, writes the page and the docstrings
    python -m benchmarks.sizes --only dcgan cyclegan   # times these anew; without names, none

`:cpu32` is timed here, by its processor seconds, those of all threads together: they mind little what else a machine does. Of
the others nothing is run: their rows are read that `benchmarks.accelerators` has compiled, see `step_seconds`.
"""

import argparse
import importlib
import json
import math
import pathlib
import re
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from benchmarks import accelerators
from benchmarks.pages import put
from jaxgan.core.arrays import ArraySpec
from jaxgan.training.command_line import use_compilation_cache
from jaxgan.training.plan import plan_without_data

ROOT = pathlib.Path(__file__).parents[1]
DOCS, CONFIGS = ROOT / "docs", ROOT / "configs"
PAGE, KEPT = DOCS / "sizes.md", DOCS / "sizes.json"
SYSTEMS = ("dcgan", "sngan", "biggan_like", "wgan_gp", "r3gan", "stylegan2", "pix2pix", "cyclegan")
VARIANTS = ("cpu32", "gpu32", "gpu64", "gpu128")
PICTURES = {
    "biggan_like": "your classes",
    "pix2pix": "your pairs",
    "cyclegan": "your two folders",
}  # others: your folder
TARGETS = {"l4:1": "L4", "h100:1": "H100"}
LAUNCH = 4.3e-6  # seconds for each operation of a program beside its roofline: docs/accelerators.md, "Real steps"
_STEPS, _BLOCKS = 16, 3  # of each block, a whole cycle of lazy turns; and how many blocks are timed


def config_of(name: str, variant: str) -> ConfigDict:
    """The config that `configs/NAME.py:variant` asks for."""
    return importlib.import_module(f"configs.{name}").get_config(variant)


# ---- timed


def processor_seconds(config: ConfigDict) -> list[float]:
    """Processor seconds of a config's training step on noise, over all threads: the mean of a cycle of steps, some times."""
    plan = plan_without_data(config)
    game, random = plan.game, np.random.default_rng(0)

    def draw(spec: ArraySpec) -> np.ndarray:
        shape = (config.batch_size, *spec.shape)
        return (random.uniform(-1, 1, shape) if spec.kind == "image" else np.zeros(shape)).astype(spec.dtype)

    batch = {name: jax.device_put(draw(spec)) for name, spec in plan.arrays.items()}
    step = jax.jit(game.step, static_argnames="due", donate_argnums=0)
    state, taken = plan.first_state(), []
    for _ in range(1 + _BLOCKS):
        began = time.process_time()
        for at in range(_STEPS):
            due = game.due(at, 0)
            state, _ = step(state, (batch,) * game.minibatches(due), due=due)
        jax.block_until_ready(state)
        taken.append((time.process_time() - began) / _STEPS)
    return taken[1:]  # the first one compiles


# ---- computed


def step_seconds(rows: Sequence[Mapping[str, Any]]) -> float:
    """About how long a step takes on a GPU: its roofline and the launches of its operations.

    Args:
        rows: Of docs/accelerators.json, of one config on one target: the step with all turns, and, where some are lazy, that
            without them. All of those are counted as often as the most frequent, path length's: every fourth step.
    """
    each = {
        row["turns"]: max(accelerators.times(row, row["target"]).values()) / 1e3 + LAUNCH * row["instructions"]
        for row in rows
    }
    share = 1 / 4 if "not lazy" in each else 1.0
    return share * each["all"] + (1 - share) * each.get("not lazy", 0.0)


def compiled(rows: Mapping[str, Mapping[str, Any]], name: str, variant: str, target: str) -> list[Mapping[str, Any]]:
    """A variant's rows on a target, at its own batch size: of all turns and, where some are lazy, without these; or none."""
    images, place = config_of(name, variant).batch_size, (f"configs/{name}.py:{variant}", target)
    own = [
        row
        for row in rows.values()
        if (row["config"], row["target"]) == place and row["images"] == images and "instructions" in row
    ]
    return own if own and len(own) == 1 + own[0]["lazy"] else []


def facts(name: str, variant: str) -> dict[str, float]:
    """What is known of a variant: "minutes" of processor time; "GiB" on an L4, and hours on "L4" and "H100"."""
    steps = config_of(name, variant).steps
    if variant == "cpu32":
        timed = json.loads(KEPT.read_text()) if KEPT.exists() else {}
        return {"minutes": steps * statistics.median(timed[name]) / 60} if name in timed else {}
    rows, found = json.loads(accelerators.PAGE.with_suffix(".json").read_text()), {}
    for target, card in TARGETS.items():
        if own := compiled(rows, name, variant, target):
            found[card] = steps * step_seconds(own) / 3600
            if card == "L4":
                found["GiB"] = max(row["peak_bytes"] for row in own) / 2**30
    return found


def told(name: str, variant: str) -> str:
    """What a config's docstring says behind the command of a variant."""
    size, known = config_of(name, variant).data.image_size, facts(name, variant)
    text = f"{PICTURES.get(name, 'your folder')} at {size}x{size}"
    if "minutes" in known:
        return f"{text}: up to {rounded(known['minutes'])} minutes on two CPU cores"
    if "L4" in known:
        return f"{text}: {rounded(known['GiB'])} GiB, about {rounded(known['L4'])} hours of an L4"
    return text


def rounded(value: float) -> str:
    """A number in two digits, for estimates are no better, or as a whole one: 0.34, 3.4, 34, 344."""
    digits = max(0, 1 - math.floor(math.log10(value)))
    return f"{round(value, digits):.{digits}f}"


# ---- the page


def table() -> str:
    """All variants as a Markdown table."""
    lines = [("variant", "batch size", "steps", "time", "memory, GiB (largest batch, L4)"), ("---",) * 5]
    rows = json.loads(accelerators.PAGE.with_suffix(".json").read_text())
    for name in SYSTEMS:
        for variant in VARIANTS:
            config, known = config_of(name, variant), facts(name, variant)
            hours = ", ".join(f"{card} {rounded(known[card])} h" for card in TARGETS.values() if card in known)
            time_taken = f"{rounded(known['minutes'])} min" if "minutes" in known else hours
            memory = ""
            if own := compiled(rows, name, variant, "l4:1"):
                least = min(own, key=lambda row: row["largest"])
                memory = f"{rounded(known['GiB'])} ({accelerators.at_most(least)})"
            lines.append((f"`{name}:{variant}`", str(config.batch_size), f"{config.steps:,}", time_taken, memory))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Times what is not timed yet, and writes the page and what the docstrings say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=SYSTEMS, help="time these, also if they are timed")
    options = parser.parse_args(arguments)
    use_compilation_cache()
    timed = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for name in options.only if options.only is not None else SYSTEMS:
        if options.only or name not in timed:
            timed[name] = [float(f"{seconds:.4g}") for seconds in processor_seconds(config_of(name, "cpu32"))]
            KEPT.write_text(json.dumps(timed, indent=1, sort_keys=True) + "\n")
            print(name, timed[name], flush=True)
    put(PAGE, {"sizes": table()})
    for name in SYSTEMS:
        path = CONFIGS / f"{name}.py"
        text = path.read_text()
        for variant in VARIANTS:
            command = rf"^(python train\.py --config=configs/{name}\.py:{variant} +).*$"
            text = re.sub(command, rf"\g<1>{told(name, variant)}", text, flags=re.MULTILINE)
        path.write_text(text)


if __name__ == "__main__":
    main()

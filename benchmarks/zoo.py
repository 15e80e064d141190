"""The learning checks: what is true of each trained game and false of an untrained or broken one.

python -m benchmarks.zoo                      every check, three seeds: two to three hours on two CPU cores
python -m benchmarks.zoo --only dcgan progan  some of them; the table keeps the rows of the others
python -m benchmarks.zoo --family objectives  the rows of one family

A check trains its config to the end and compares the last evaluation with bounds; a control is the same game with its
defining part removed and must fail them. Runs lie under --workdir and are not repeated when they are there. Results are
written to docs/evidence.json, and docs/evidence.md is made from it. The exit code is 1 if a check fails or a control passes.
"""

import argparse
import functools
import importlib
import json
import os
import pathlib
import platform
import sys
from collections.abc import Mapping
from typing import Any

import jax
from ml_collections import ConfigDict

from benchmarks.checks import CHECKS, FAMILIES, PAPERS, Check
from jaxgan.training import command_line, train
from jaxgan.training.run_folder import RunFolder

DOCS = pathlib.Path(__file__).parents[1] / "docs"


def configured(check: Check, seed: int) -> ConfigDict:
    """The config that a check trains."""
    config = importlib.import_module(f"configs.{check.config}").get_config(check.variant)
    config.seed = seed
    for path, value in check.changes.items():
        *sections, last = path.split(".")
        functools.reduce(lambda node, section: node[section], sections, config)[last] = value
    return config


def run(name: str, check: Check, seed: int, workdir: pathlib.Path) -> dict[str, float]:
    """Trains a check's config with one seed and returns what `train` says of it.

    Raises:
        ConfigError: The folder holds a run of another config.
    """
    config = configured(check, seed)
    folder = workdir / f"{name.replace(': ', '-').replace(' ', '_')}-{seed}"
    finished = folder / "result.json"
    if finished.exists():
        # What was trained must be what is asked for.
        RunFolder(folder).claim(config, RunFolder(folder).read()[1], write=False)
    else:
        result = train(config, folder)
        if result["step"] < config.steps:
            sys.exit("stopped; run the same command to go on")
        if check.derive is not None:
            result |= check.derive(folder)
        finished.write_text(json.dumps(result))
    return json.loads(finished.read_text())


def row(name: str, check: Check, results: list[dict[str, float]]) -> dict[str, Any]:
    """What the table says of a check."""
    held = [check.holds(result) for result in results]
    return {
        "system": name,
        "control": check.control,
        "passes": not any(held) if check.control else all(held),
        "metrics": {
            value: {
                "bound": f"{side} {bound:g}",
                "baseline": check.baselines.get(value) or _untrained(results[0], value),
                "values": [round(result[value], 4) for result in results],
            }
            for value, (side, bound) in check.bounds.items()
        },
        "steps": int(results[0]["step"]),
        "seconds": [round(result["seconds"]) for result in results],
        "images_per_second": round(sum(r["images"] for r in results) / sum(r["seconds"] for r in results)),
    }


def _short(value: float) -> str:
    """Three digits, and all of a count."""
    return f"{value:.0f}" if 100 <= value < 1e6 else f"{value:.3g}"


def _untrained(result: Mapping[str, float], value: str) -> str:
    untrained = result.get(f"untrained/{value}")
    return "" if untrained is None else _short(untrained)


def table(rows: Mapping[str, dict[str, Any]]) -> str:
    """docs/evidence.md."""
    lines = [
        "# Evidence",
        "",
        "What each system learned on small data that need no download, measured on held-out or known truth: the bound that",
        "its check asks for, the untrained game's value or a trivial baseline, and the value of each seed. A control is the",
        "same game with its defining part removed, on one seed; it passes by failing the check. `python -m benchmarks.zoo`",
        "trains all of them and writes this page.",
        "",
        "Seconds are of training alone, on a machine that other runs may have shared.",
        "",
        f"Digit-FD is a Frechet distance in the features of a digit classifier; real held-out digits score {_floor(rows)}.",
        "Pictures of the toys are in [the gallery](gallery/README.md), BigGAN's truncation curve in",
        "[truncation.md](truncation.md).",
        "",
        "| system | metric | asked | baseline | value of each seed | steps | seconds | images/s | check |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for entry in rows.values():
        for index, (metric, measured) in enumerate(entry["metrics"].items()):
            first = index == 0
            verdict = (
                ("control fails, as it should" if entry["control"] else "passes") if entry["passes"] else "**FAILS**"
            )
            seconds = f"{min(entry['seconds'])} to {max(entry['seconds'])}"
            cells = [
                entry["system"] if first else "",
                metric,
                measured["bound"],
                measured["baseline"],
                ", ".join(map(_short, measured["values"])),
                *(
                    (str(entry["steps"]), seconds, str(entry["images_per_second"]), verdict)
                    if first
                    else ("", "", "", "")
                ),
            ]
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", f"Machine: {rows and next(iter(rows.values())).get('machine', '')}.", ""]
    return "\n".join(lines)


def summary(rows: Mapping[str, dict[str, Any]]) -> str:
    """The README's table: of each system, the first metric of its first check."""
    lines = [
        "| system | paper | learning check on embedded data | untrained | trained, over the seeds |",
        "|---|---|---|---|---|",
    ]
    shown: set[str] = set()
    for name, entry in rows.items():
        config = CHECKS[name].config
        if not entry["control"] and config not in shown:
            shown.add(config)
            metric, measured = next(iter(entry["metrics"].items()))
            values = f"{_short(min(measured['values']))} to {_short(max(measured['values']))}"
            cells = (name, PAPERS[config], f"{metric} {measured['bound']}", measured["baseline"], values)
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write(rows: Mapping[str, dict[str, Any]]) -> None:
    """Writes the evidence where readers find it: as data, as a page, and in short in the README."""
    (DOCS / "evidence.json").write_text(json.dumps(rows, indent=1) + "\n")
    (DOCS / "evidence.md").write_text(table(rows))
    readme = DOCS.parent / "README.md"
    before, begin, rest = readme.read_text().partition("<!-- evidence -->\n")
    _, end, after = rest.partition("<!-- end of evidence -->\n")
    readme.write_text(before + begin + summary(rows) + "\n" + end + after)


def _floor(rows: Mapping[str, dict[str, Any]]) -> str:
    floors = [entry["floor"] for entry in rows.values() if entry.get("floor")]
    return f"{floors[0]:.2f}" if floors else "?"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=list(CHECKS), help="names of checks, or of their configs")
    parser.add_argument("--family", nargs="*", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workdir", type=pathlib.Path, default=pathlib.Path("runs/zoo"))
    arguments = parser.parse_args()
    chosen = {name: check for name, check in CHECKS.items() if {name, check.config} & set(arguments.only)}
    chosen = {name: check for name, check in chosen.items() if check.family in arguments.family}
    if not chosen:
        parser.error(f"no check is called {' or '.join(arguments.only)}; there are: {'; '.join(CHECKS)}")

    command_line.use_compilation_cache()
    store = DOCS / "evidence.json"
    kind = jax.devices()[0].device_kind
    units = f"{os.cpu_count()} cores" if kind == "cpu" else f"{jax.device_count()} x {kind}"
    machine = f"{units}, {platform.machine()}, jax {jax.__version__}"
    failed = []
    for name, check in chosen.items():
        seeds = range(1 if check.control else arguments.seeds)
        results = [run(name, check, seed, arguments.workdir) for seed in seeds]
        # Read anew each time, so that several of these may run side by side.
        rows = json.loads(store.read_text()) if store.exists() else {}
        rows[name] = row(name, check, results) | {"machine": machine, "floor": results[0].get("digit_fd_floor")}
        print(json.dumps(rows[name]), flush=True)
        rows = {known: rows[known] for known in CHECKS if known in rows}
        write(rows)
        failed += [] if rows[name]["passes"] else [name]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(command_line.run(main))

"""The learning checks: what is true of each trained game and false of an untrained or broken one.

python -m benchmarks.zoo                                           every check, three seeds: two to three hours on two CPU cores
python -m benchmarks.zoo --only progan "gan: eight Gaussians"      some; the table keeps the rows of the others

The checks are those of the config files, `CHECKS`. A check trains its config to the end and compares the last evaluation with
bounds; a control is the same game with its defining part removed and must fail them. Runs lie under --workdir and are not
repeated when they are there. Results are written to docs/evidence.json; docs/evidence.md and the README's table are made from
it. The exit code is 1 if a check fails or a control passes.
"""

import argparse
import importlib
import json
import os
import pathlib
import platform
import re
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

import jax
from ml_collections import ConfigDict

from benchmarks.computed import COMPUTED
from benchmarks.pages import put
from jaxgan import overrides
from jaxgan.config import Check
from jaxgan.errors import ConfigError, nearest
from jaxgan.evaluation import monitored
from jaxgan.training import command_line, train
from jaxgan.training.run_folder import RunFolder

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"


class Paper(NamedTuple):
    """What the first line of a config says: "GAN: Goodfellow et al. 2014 (arXiv:1406.2661), multilayer perceptrons"."""

    title: str
    authors: str
    year: str
    number: str

    @property
    def age(self) -> tuple[int, int]:
        """The arXiv number, to be sorted by: the year and month, and the number within."""
        month, _, within = self.number.partition(".")
        return int(month), int(within)

    @property
    def link(self) -> str:
        """In Markdown; of three authors and more the first."""
        names = re.split(r", | and ", self.authors)
        authors = self.authors if len(names) < 3 else f"{names[0]} et al."
        return f"[{authors} {self.year}](https://arxiv.org/abs/{self.number})"


_FIRST_LINE = re.compile(r"(.+?): (.+?) (\d{4}) \(arXiv:(\d{4}\.\d{4,5})\), ")


def paper(config: ModuleType) -> Paper:
    """The paper of a config file.

    Raises:
        ValueError: Its docstring does not begin as it should.
    """
    match = _FIRST_LINE.match(config.__doc__ or "")
    if match is None:
        raise ValueError(f"{config.__name__}: its docstring must begin with 'NAME: Authors year (arXiv:NUMBER), '")
    return Paper(*match.groups())


def config_modules() -> dict[str, ModuleType]:
    """The config files by name, in the order of their papers."""
    names = sorted(path.stem for path in (ROOT / "configs").glob("*.py"))
    modules = {name: importlib.import_module(f"configs.{name}") for name in names}
    return dict(sorted(modules.items(), key=lambda item: paper(item[1]).age))


class Row(NamedTuple):
    """A check, and the name of the config file that it is of."""

    config: str
    check: Check


CONFIGS = config_modules()
# "gan", "gan: eight Gaussians" ...: the row's name is the config's, and the check's own behind it.
ROWS = {
    f"{config}: {name}" if name else config: Row(config, check)
    for config, module in CONFIGS.items()
    for name, check in module.CHECKS.items()
}


def configured(row: Row, seed: int) -> ConfigDict:
    """The config that a check trains."""
    config = CONFIGS[row.config].get_config(row.check.variant)
    # Where few labels are known, each seed knows others.
    drawn = [("data.labelled_draw", config.data.labelled_draw + seed)] if config.data.labelled else []
    return overrides.apply(config, [("seed", seed), *drawn, *row.check.changes.items()])


def run_folder(name: str, seed: int, workdir: pathlib.Path) -> pathlib.Path:
    """Where the run of a check lies."""
    return workdir / f"{name.replace(': ', '-').replace(' ', '_')}-{seed}"


def run(name: str, row: Row, seed: int, workdir: pathlib.Path) -> dict[str, Any]:
    """Trains a check's config with one seed and returns what `train` says of it, and the "machine" that trained.

    Raises:
        ConfigError: The folder holds a run of another config.
    """
    config = configured(row, seed)
    folder = run_folder(name, seed, workdir)
    finished = folder / "result.json"
    if finished.exists():
        # What was trained must be what is asked for.
        stored, arrays, domains = RunFolder(folder).read()
        if monitored.DEFAULT in config.metrics:
            config.metrics = stored.metrics  # a run stores which those are
        if told := RunFolder(folder).claim(config, arrays, domains, write=False):
            raise ConfigError(f"{folder} was trained otherwise ({told}): remove it, or choose another --workdir")
    else:
        result = train(config, folder)
        if result["step"] < config.steps:
            sys.exit("stopped; run the same command to go on")
        if row.check.computed:
            result |= COMPUTED[row.check.computed](folder)
        finished.write_text(json.dumps(result | {"machine": machine()}))
    return json.loads(finished.read_text())


def machine() -> str:
    """What trains here, in a few words."""
    kind = jax.devices()[0].device_kind
    cores = len(os.sched_getaffinity(0))
    units = f"{cores} core{'s' * (cores > 1)}" if kind == "cpu" else f"{jax.device_count()} x {kind}"
    return f"{units}, {platform.machine()}, jax {jax.__version__}"


def measured(name: str, check: Check, results: list[dict[str, Any]]) -> dict[str, Any]:
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
            for value, (side, bound) in check.limits.items()
        },
        "steps": int(results[0]["step"]),
        "seconds": [round(result["seconds"]) for result in results],
        "images_per_second": round(sum(r["images"] for r in results) / sum(r["seconds"] for r in results)),
        "machine": "; ".join(dict.fromkeys(result["machine"] for result in results)),
        "floor": results[0].get("digit_fd_floor"),
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
        for index, (metric, value) in enumerate(entry["metrics"].items()):
            first = index == 0
            verdict = (
                ("control fails, as it should" if entry["control"] else "passes") if entry["passes"] else "**FAILS**"
            )
            seconds = f"{min(entry['seconds'])} to {max(entry['seconds'])}"
            cells = [
                entry["system"] if first else "",
                metric,
                value["bound"],
                value["baseline"],
                ", ".join(map(_short, value["values"])),
                *(
                    (str(entry["steps"]), seconds, str(entry["images_per_second"]), verdict)
                    if first
                    else ("", "", "", "")
                ),
            ]
            lines.append("| " + " | ".join(cells) + " |")
    trained: dict[str, list[str]] = {}
    for name, entry in rows.items():
        trained.setdefault(entry["machine"], []).append(name)
    most = max(trained, key=lambda each: len(trained[each]), default="")
    lines += ["", f"Machine: {most}. Others:" if len(trained) > 1 else f"Machine: {most}.", ""]
    lines += [f"- {each}: {', '.join(names)}" for each, names in trained.items() if each != most]
    return "\n".join(lines).rstrip() + "\n"


def summary(rows: Mapping[str, dict[str, Any]]) -> str:
    """The README's table: of each system, the first metric of its first check."""
    lines = [
        "| system | paper | learning check on embedded data | untrained | trained, over the seeds |",
        "|---|---|---|---|---|",
    ]
    shown: set[str] = set()
    for name, entry in rows.items():
        config = ROWS[name].config
        if not entry["control"] and config not in shown:
            shown.add(config)
            metric, value = next(iter(entry["metrics"].items()))
            values = f"{_short(min(value['values']))} to {_short(max(value['values']))}"
            cells = (name, paper(CONFIGS[config]).link, f"{metric} {value['bound']}", value["baseline"], values)
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def write(rows: Mapping[str, dict[str, Any]]) -> None:
    """Writes the evidence where readers find it: as data, as a page, and in short in the README.

    Args:
        rows: By name; those of checks that there are no longer are dropped.
    """
    rows = {name: rows[name] for name in ROWS if name in rows}
    (DOCS / "evidence.json").write_text(json.dumps(rows, indent=1) + "\n")
    (DOCS / "evidence.md").write_text(table(rows))
    put(DOCS.parent / "README.md", {"evidence": summary(rows)})


def _floor(rows: Mapping[str, dict[str, Any]]) -> str:
    floors = [entry["floor"] for entry in rows.values() if entry.get("floor")]
    return f"{floors[0]:.2f}" if floors else "?"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=list(ROWS), help="names of rows, or of configs")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workdir", type=pathlib.Path, default=pathlib.Path("runs/zoo"))
    arguments = parser.parse_args()
    for name in arguments.only:
        if name not in ROWS and name not in CONFIGS:
            parser.error(f"no row and no config is called {name!r}: {nearest(name, [*ROWS, *CONFIGS])}")
    chosen = {name: row for name, row in ROWS.items() if {name, row.config} & set(arguments.only)}

    command_line.use_compilation_cache()
    store = DOCS / "evidence.json"
    failed = []
    for name, row in chosen.items():
        seeds = range(1 if row.check.control else arguments.seeds)
        results = [run(name, row, seed, arguments.workdir) for seed in seeds]
        # Read anew each time, so that several of these may run side by side.
        rows = json.loads(store.read_text()) if store.exists() else {}
        entry = measured(name, row.check, results)
        rows[name] = entry
        print(json.dumps(rows[name]), flush=True)
        write(rows)
        failed += [] if entry["passes"] else [name]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(command_line.run(main))

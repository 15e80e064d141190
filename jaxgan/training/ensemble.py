"""One config by several seeds at once: runs that are each as they would be alone, trained in one program."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from jaxgan.data import Source
from jaxgan.errors import ConfigError
from jaxgan.files import atomically
from jaxgan.processes import is_first
from jaxgan.registry import resolve
from jaxgan.remote import is_remote
from jaxgan.training.loop import train_side_by_side
from jaxgan.training.records import TIMINGS, UNTOLD, read_metrics
from jaxgan.training.run_folder import RunFolder
from jaxgan.validate import check

_APART = ("step", "images", "state", "rollbacks", "broken_step", *TIMINGS)  # of a line, what is no metric


def train_ensemble(
    config: ConfigDict, workdir: str | Path, number: int, init_from: str = "", data: Source | None = None
) -> list[dict[str, float]]:
    """Trains runs by the seeds `config.seed`, `config.seed + 1` and so on, each in a folder of its own, WORKDIR/seed_SEED.

    Each is the run that its config makes alone, to the rounding of another program: the same draws, and the minibatches of its
    own seed. So all that can be done with a run can be done with each, and each may go on alone. What they want to be played is
    played in one program, on accelerators as one network with as many times the channels, in as many groups. The means of
    their metrics and the deviations from them (of a sample, with n - 1) are in WORKDIR/ensemble.jsonl, a line for each step.

    Args:
        config: See `jaxgan.config.default`.
        workdir: Where the folders lie; the same call again goes on with them, wherever each of them stands.
        number: How many, at least 2.
        init_from: As in `jaxgan.training.train`.
        data: As in `jaxgan.training.train`.

    Returns:
        For each what `jaxgan.training.train` returns.

    Raises:
        ConfigError: As `jaxgan.training.train`, for each of them; or there are fewer than two, or the folder is elsewhere.
        BrokenError: One of them went wrong for good; the others are saved.
    """
    check_number(number)
    if is_remote(workdir):
        raise ConfigError(f"{workdir}: an ensemble is trained in a folder of this machine: give one, and copy it there")
    seed = resolve(config).seed
    check(seed + number - 1, int, "config.seed")
    folders = {f"seed {each}": Path(workdir) / f"seed_{each}" for each in range(seed, seed + number)}
    results = train_side_by_side(config, folders, init_from, data)
    if is_first():
        lines = means(read_metrics(RunFolder(folder).metrics) for folder in folders.values())
        path = Path(workdir) / "ensemble.jsonl"
        with atomically(path) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in lines))
        for name, value in lines[-1].items() if lines else ():
            if name not in ("step", "images") and not name.startswith(UNTOLD):
                print(f"{name:<30} {value['mean']:.4g} +- {value['deviation']:.2g}   ({value['runs']} seeds)")
        print(f"{'all steps':<30} {path}")
    return results


def check_number(number: int) -> None:
    """Raises a ConfigError for an ensemble of fewer than two runs."""
    if number < 2:
        raise ConfigError(f"an ensemble of {number}: give at least 2, or train a run without --ensemble")


def means(members: Iterable[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Of the lines of several metrics.jsonl, for each step what all metrics are on average.

    Returns:
        Lines {"step", "images", NAME: {"mean", "deviation", "runs"}}, in the order of their steps; the deviation is that of a
        sample, 0 for one run, and "runs" counts those that have a value.
    """
    by_step: dict[int, dict[str, list[float]]] = {}
    images: dict[int, int] = {}
    for lines in members:
        for line in lines:
            images[line["step"]] = line["images"]
            for name, value in line.items():
                if name not in _APART and value is not None:
                    by_step.setdefault(line["step"], {}).setdefault(name, []).append(value)
    return [
        {"step": step, "images": images[step]}
        | {
            name: {
                "mean": float(np.mean(values)),
                "deviation": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
                "runs": len(values),
            }
            for name, values in by_step[step].items()
        }
        for step in sorted(by_step)
    ]

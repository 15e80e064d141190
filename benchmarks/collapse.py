"""Training that goes wrong: runs made to collapse beside healthy ones of the zoo, and what the guard says of each.

python -m benchmarks.collapse                     all: about twenty minutes on two idle CPU cores
python -m benchmarks.collapse --only sngan        some; nothing is written

Every run is a system's default config on embedded data, shortened, with the changes that are named. How it went is told
by a value that the guard does not know, that of the config's first metric: digit-FD as a rule. Runs lie under --workdir and are
not repeated when they are there. The table is written between two marks of docs/reliability.md.
"""

import argparse
import itertools
import pathlib
import re
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmarks import zoo
from benchmarks.pages import put
from jaxgan import overrides
from jaxgan.training import command_line, guard, train
from jaxgan.training.broken import BrokenError
from jaxgan.training.records import read_metrics

PAGE = zoo.DOCS / "reliability.md"


class Case(NamedTuple):
    """A run: its config, what is changed in it, and in how many steps it is over (0: the config's own number)."""

    config: str
    steps: int = 0
    changes: Mapping[str, Any] = {}
    collapses: bool = False


def _rates(generator: float | None = None, discriminator: float | None = None) -> dict[str, float]:
    given = {"generator": generator, "discriminator": discriminator}
    return {f"players.{name}.optimizer.learning_rate": rate for name, rate in given.items() if rate is not None}


CASES = {
    "rates of 1e6": Case("dcgan", 200, _rates(1e6, 1e6), True),
    "rates of 0.3": Case("dcgan", 300, _rates(0.3, 0.3), True),
    "the generator's rate times 200": Case("dcgan", 300, _rates(generator=0.1), True),
    "the discriminator hardly learns": Case("dcgan", 300, _rates(discriminator=1e-9), True),
    "the generator hardly learns": Case("dcgan", 300, _rates(generator=1e-9), True),
    "a discriminator of one unit": Case(
        "gan", 600, {"players.discriminator.network.units": (1,), "players.discriminator.network.pieces": 1}, True
    ),
    "clip 100 times too wide": Case(
        "wgan", 300, {"players.discriminator.constraints.clip.limit": 1.0} | _rates(5e-3, 5e-3), True
    ),
    "no penalty, one critic step, rates times 10": Case(
        "wgan_gp", 100, {"game.penalty": 0.0, "game.discriminator_steps": 1} | _rates(5e-3, 5e-3), True
    ),
    "no spectral norm, rates times 20": Case(
        "sngan", 100, {"players.discriminator.constraints": ()} | _rates(2e-2, 2e-2), True
    ),
    "momentum of 0.999": Case(
        "lsgan", 300, {f"players.{name}.optimizer.b1": 0.999 for name in ("generator", "discriminator")}, True
    ),
    "a balance of 0.05": Case("began", 300, {"game.gamma": 0.05}, True),
    **{
        name: Case(name, steps)
        for name, steps in {
            "vae": 600,
            "gan": 1000,
            "wgan_gp": 150,
            "dragan": 600,
            "sngan": 200,
            "ebgan": 800,
            "lsgan": 800,
            "dcgan": 800,
            "wgan": 600,
            "rgan": 800,
            "vaegan": 800,
            "acgan": 800,
            "infogan": 800,
            "cgan": 1500,
            "improved_gan": 1000,
            "lapgan": 600,
            "fgan": 1000,
            "bigan": 1000,
            "cogan": 600,
            "began": 500,
            "discriminator_only": 1000,
        }.items()
    },
}


class Row(NamedTuple):
    """What became of a run.

    Attributes:
        steps: How many it has.
        state: What the guard says at the end.
        since: From which evaluation on.
        statistics: Of the guard, in words.
        metric: The config's first metric, which the guard does not know, untrained and at the end.
    """

    steps: int
    state: str
    since: int
    statistics: str
    metric: str


def run(name: str, case: Case, workdir: pathlib.Path) -> Row:
    """Trains a case, unless it is there already."""
    config = overrides.apply(zoo.CONFIGS[case.config].get_config(), list(case.changes.items()))
    config.steps = case.steps or config.steps
    config.sample_every, config.checkpoint_every, config.evaluate_samples = 0, 0, 500
    config.evaluate_every = -(-config.steps // 2)
    folder = workdir / re.sub(r"\W+", "_", name)
    lines = read_metrics(folder / "metrics.jsonl")
    if not lines or lines[-1]["step"] < config.steps:
        try:
            train(config, folder)
        except BrokenError as error:
            return Row(error.step, "not finite", error.step, "", str(error).partition(":")[0])
        lines = read_metrics(folder / "metrics.jsonl")
    evaluated = [line for line in lines if guard.SIZE in line]
    states = [(line["step"], guard.state_of(line)) for line in evaluated if line["step"]]
    last = states[-1][1]
    same = list(itertools.takewhile(lambda each: each[1] == last, reversed(states)))
    score = next(key for key in evaluated[-1] if key not in ("step", "images") and not key.startswith("guard/"))
    metric = f"{score} {evaluated[0][score]:.3g} -> {evaluated[-1][score]:.3g}"
    return Row(config.steps, last, same[-1][0], guard.described(evaluated[-1]), metric)


def table(rows: Mapping[str, Row]) -> str:
    """The part of the page between its marks."""
    lines = []
    for collapses, title in ((True, "Made to go wrong"), (False, "Healthy")):
        chosen = {name: row for name, row in rows.items() if CASES[name].collapses == collapses}
        told = sum(row.state != guard.HEALTHY for row in chosen.values())
        lost = sum(row.state in (*guard.LOST, "not finite") for row in chosen.values())
        lines += [
            f"**{title}**: {len(chosen)} runs; {told} are not called healthy, of which {lost} are called lost.",
            "",
            "| run | system | steps | state at the end | since step | untrained and trained | statistics |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, row in chosen.items():
            cells = (name, CASES[name].config, row.steps, row.state, row.since, row.metric, row.statistics)
            lines.append(f"| {' | '.join(map(str, cells))} |")
        lines.append("")
    return "\n".join(lines[:-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES), metavar="NAME")
    parser.add_argument("--workdir", type=pathlib.Path, default=pathlib.Path("runs/collapse"))
    arguments = parser.parse_args()
    command_line.use_compilation_cache()
    rows = {}
    for name in arguments.only:
        rows[name] = run(name, CASES[name], arguments.workdir)
        print(name, rows[name], flush=True)
    if arguments.only == list(CASES):
        put(PAGE, {"collapse": table(rows)})
    missed = [name for name, row in rows.items() if (row.state == guard.HEALTHY) == CASES[name].collapses]
    print(f"not as they should be: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(command_line.run(main))

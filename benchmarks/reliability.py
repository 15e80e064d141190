"""What docs/reliability.md promises, tried out: python -m benchmarks.reliability --workdir=/tmp/reliability

Bad inputs one after the other in this process; kills, signals, a full disk, two writers and readers in processes of their own.
Prints a table in Markdown and every failure. `--only=inputs,kills,disk,owners` takes a part of it, `--kills=20` fewer kills.
"""

import argparse
import collections
import pathlib
import random
import sys
import time

from benchmarks import bad_inputs, kills

PARTS = ("inputs", "kills", "disk", "owners")


def inputs(workdir: pathlib.Path) -> list[tuple[str, int, int]]:
    """Every bad input once: for each kind how many there are, and how many did not end in one line."""
    from jaxgan.training import train
    from jaxgan.training.command_line import load_config

    run, made = workdir / "run", workdir / "made"
    config = load_config(str(bad_inputs.ROOT / bad_inputs.TINY))
    config.steps = 4
    train(config, run)
    tried, failed = collections.Counter[str](), collections.Counter[str]()
    cases = (
        *bad_inputs.of_configs(made),
        *bad_inputs.of_data(workdir / "data", made),
        *bad_inputs.of_runs(run, workdir / "runs"),
        *bad_inputs.of_commands(run, made),
    )
    for case in cases:
        tried[case.kind] += 1
        if wrong := bad_inputs.attempt(case, made):
            failed[case.kind] += 1
            print(f"{case.program} {' '.join(case.arguments)}\n    {wrong}", flush=True)
    return [(kind, number, failed[kind]) for kind, number in tried.items()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--workdir", type=pathlib.Path, required=True, help="a new folder, which may be removed afterwards"
    )
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--kills", type=int, default=200, help="over all systems")
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="when to stop beginning new rounds of kills"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    asked = parser.parse_args()
    if asked.workdir.exists():
        sys.exit(f"{asked.workdir} is there already: choose a new folder")
    asked.workdir.mkdir(parents=True)
    chosen, rows = asked.only.split(","), []
    began = time.monotonic()
    # Children are forked from this process, which must not have begun to compute before.
    if "kills" in chosen:
        rows += kills.rounds(asked.workdir / "kills", asked.kills, began + asked.seconds, random.Random(asked.seed))
    if "disk" in chosen:
        rows += kills.full_disk(asked.workdir / "disk")
    if "owners" in chosen:
        rows += kills.owners(asked.workdir / "owners")
    if "inputs" in chosen:
        rows += inputs(asked.workdir / "inputs")
    print("\n| what | tried | failed |\n|---|---|---|")
    for what, tried, failed in rows:
        print(f"| {what} | {tried} | {failed} |")
    print(f"\n{sum(row[1] for row in rows)} in {(time.monotonic() - began) / 60:.0f} minutes")
    return int(any(row[2] for row in rows))


if __name__ == "__main__":
    sys.exit(main())

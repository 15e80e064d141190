"""Measures a run, or a folder of images, and says by which protocol.

python -m jaxgan evaluate --workdir=runs/x --metrics=fid,kid,is,prdc,ppl --num=50000 --reference=train
python -m jaxgan evaluate --images=generated --reference=real --metrics=fid --features=digits
python -m jaxgan evaluate --compare runs/a/evaluation.jsonl runs/b/evaluation.jsonl

What the numbers mean, and how to get those of a paper: docs/evaluation.md.
"""

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from jaxgan import memory
from jaxgan.commands.options import command_parser
from jaxgan.errors import UserError
from jaxgan.evaluation.compared import Measured, measured_game, measured_images, names_split, open_reference
from jaxgan.evaluation.measure import ALONE, MEASURES, Settings, measure
from jaxgan.evaluation.protocol import Result, append_results, check_appendable, difference, read_results
from jaxgan.features.extractors import EXTRACTORS
from jaxgan.features.resize import MODES
from jaxgan.mesh import data_mesh
from jaxgan.processes import is_first
from jaxgan.training import command_line
from jaxgan.training.run_folder import RunFolder
from jaxgan.training.trained import load
from jaxgan.validate import check_option

_NUMBER = 50_000  # samples of a run: what published numbers take
_CHECKED = {
    **dict.fromkeys(("num", "reference_num"), "number"),
    **dict.fromkeys(("batch_size", "k", "subset_size", "border"), "setting"),
    "seed": "seed",
}


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command's arguments."""
    parser = command_parser("evaluate", __doc__)
    add = parser.add_argument
    add("--workdir", help="the folder of the run to measure")
    add("--images", help="a folder, zip or .npz of images to measure instead")
    add("--compare", nargs=2, type=Path, metavar="JSONL", help="two files of results to compare, and nothing else")
    add("--metrics", default="fid", help=f"with commas between them: {', '.join(MEASURES)} (default: fid)")
    add("--num", type=int, help=f"how many images (default: {_NUMBER} of a run, all of a folder)")
    add(
        "--reference",
        help="a split of the run's data (default: train), a folder, zip or .npz of images, or mu and sigma",
    )
    add("--reference_num", type=int, help="how many images of the reference, from everywhere in it (default: all)")
    add("--features", choices=EXTRACTORS, default="inception", help="the feature network (default: inception)")
    add("--resize", choices=MODES, default="", help="before it (default: tf1; clean for dinov2)")
    add(
        "--batch_size",
        type=int,
        default=0,
        help="images in one call of it; changes no number (default: 64 a device, 8 a CPU)",
    )
    add("--k", type=int, default=0, help="neighbours (default: 3 for precision and recall, 5 for density and coverage)")
    add("--subset_size", type=int, default=0, help="of the kernel distance (default: 1000)")
    add("--border", type=int, default=0, help="pixels that psnr and ssim leave out at each side (default: 0)")
    add("--truncation", type=float, help="of the latents: less variety, more quality")
    add("--no_average", action="store_true", help="the weights themselves instead of their moving average")
    add("--seed", type=int, default=0, help="the same seed draws the same images (default: 0)")
    add("--step", type=int, help="which checkpoint (default: the best, or the last if none was scored)")
    add("--trust", action="store_true", help="import the code of its own that the run's config names")
    add("--output", type=Path, help="lines of JSON are appended here (default for a run: WORKDIR/evaluation.jsonl)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command.

    Raises:
        UserError: Something asked for cannot be had.
    """
    asked = parse_arguments(arguments)
    if asked.compare:
        print(compare(*asked.compare))
        return
    if (asked.workdir is None) == (asked.images is None):
        raise UserError("give either --workdir=RUN or --images=FOLDER")
    for name, kind in _CHECKED.items():
        if (value := getattr(asked, name)) is not None:
            check_option(name, value, kind)
    if asked.images and (asked.truncation is not None or asked.no_average or asked.step is not None):
        raise UserError("--truncation, --no_average and --step are for runs: leave them out, or give --workdir")
    command_line.use_compilation_cache()
    output = asked.output or (RunFolder(Path(asked.workdir)).evaluation if asked.workdir else None)
    if output is not None:
        check_appendable(output)
    cure = "a smaller --num, --reference_num or --batch_size takes less"
    with warnings.catch_warnings(), jax.set_mesh(data_mesh()), memory.less(cure):
        warnings.simplefilter("default")
        warnings.showwarning = _warn  # type: ignore[assignment]
        results = _evaluate(asked, output)
    if is_first():
        print(table(results))
        if output is not None:
            append_results(output, results)
            print(f"appended to {output}")


def _evaluate(asked: argparse.Namespace, output: Path | None) -> list[Result]:
    names = [name.strip() for name in asked.metrics.split(",") if name.strip()]
    if not names:
        raise UserError(f"--metrics is empty: choose from {', '.join(MEASURES)}")
    measured = measured_images(asked.images, asked.num) if asked.images else measured_run(asked)
    # A game that takes labels is asked for them as often as the data have them, so it needs the data in any case.
    needed = bool(measured.classes) or not set(names) <= ALONE
    chosen = asked.reference or ("train" if needed and asked.workdir else None)
    if chosen and needed and names_split(chosen, measured) and measured.data.path:
        print(f"reading {measured.data.path}, where the run's config says that its data lie", file=sys.stderr)
    reference = open_reference(chosen, asked.reference_num, measured) if chosen and needed else None
    picture = output.parent / "nearest_training.png" if output is not None else None
    settings = Settings(
        asked.features,
        asked.resize,
        asked.batch_size,
        asked.k,
        asked.subset_size,
        asked.border,
        picture=picture,
    )
    return measure(measured, reference, names, settings)


def measured_run(asked: argparse.Namespace) -> Measured:
    """The images of `--workdir`.

    Raises:
        UserError: The folder holds no run, or its game does not make images so.
    """
    if asked.no_average and Path(asked.workdir).is_file():
        raise UserError(f"{asked.workdir} holds averaged weights alone: leave --no_average out")
    run = load(asked.workdir, asked.step, asked.trust)
    snapshot = run.snapshot.without_average() if asked.no_average else run.snapshot
    model = {"workdir": asked.workdir, "step": run.step}
    return measured_game(snapshot, run.plan.config.data, asked.num or _NUMBER, asked.seed, asked.truncation, model)


def table(results: Sequence[Result]) -> str:
    """Results for people: a line for each value, and under them what their protocols say."""
    rows = [("metric", "value", "deviation", "")]
    for result in results:
        deviation = "" if result.deviation is None else f"{result.deviation:.3g}"
        rows.append((result.key, f"{result.value:.6g}", deviation, result.protocol.settings))
    lines = _columns(rows)
    for fields in dict.fromkeys(_protocol(result) for result in results):
        lines += ["", fields]
    return "\n".join(lines)


def _protocol(result: Result) -> str:
    protocol = result.protocol
    parts = [f"{protocol.fakes:,} images of {protocol.image}"]
    if protocol.reference:
        count = "some" if protocol.references is None else f"{protocol.references:,}"
        split = f" ({protocol.split})" if protocol.split else ""
        parts.append(f"against {count}{' (all)' if protocol.whole else ''} of {protocol.reference}{split}")
        parts += [f"these made {protocol.image} as for training ({protocol.prepared})"] if protocol.prepared else []
    if protocol.features:
        parts.append(
            f"{protocol.features} {protocol.weights[:12]}" + (f", resize {protocol.resize}" if protocol.resize else "")
        )
    if "workdir" in result.model:
        weights = "averaged weights" if protocol.average else "raw weights"
        truncation = "no truncation" if protocol.truncation is None else f"truncation {protocol.truncation:g}"
        parts.append(f"step {result.model['step']}, {weights}, {truncation}, batch norm by {protocol.batch_norm}")
        parts += [f"labels {protocol.labels}"] if protocol.labels else []
        parts.append(f"seed {protocol.seed}")
    return "; ".join(parts)


def compare(first: Path, second: Path) -> str:
    """A table of the last value of every metric that both files hold.

    Raises:
        UserError: There is none, or a file cannot be read.
        UserError: A metric was measured by two protocols.
    """
    sides = [_last(path) for path in (first, second)]
    shared = [metric for metric in sides[0] if metric in sides[1]]
    if not shared:
        raise UserError(f"{first} and {second} share no metric: {', '.join(sides[0])} and {', '.join(sides[1])}")
    rows = [("metric", str(first), str(second), "difference")]
    for metric in shared:
        mine, theirs = sides[0][metric], sides[1][metric]
        rows.append((mine.key, f"{mine.value:.6g}", f"{theirs.value:.6g}", f"{difference(mine, theirs):+.4g}"))
    return "\n".join(_columns(rows))


def _last(path: Path) -> dict[str, Result]:
    if not path.is_file():
        raise UserError(f"{path} is no file of results: give what --output of jaxgan.evaluate wrote")
    results = {result.metric: result for result in read_results(path)}
    if not results:
        raise UserError(f"{path} holds no line of results: give what --output of jaxgan.evaluate wrote")
    return results


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _warn(message: Any, *_: Any) -> None:
    print(f"warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(command_line.run(main))

"""Writes a trained game as one file, to be used elsewhere: python -m jaxgan export --workdir=RUN --output=FILE

model.safetensors   the weights with their config, for jaxgan.load, which gives all that the run's game can do
model.stablehlo     one function that JAX runs without this library
model.onnx          one function that any runtime of ONNX runs

A page beside it, FILE.md, says what it is. Formats, inputs and how they are loaded: docs/export.md.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from jaxgan.commands import outputs
from jaxgan.commands.evaluate import table
from jaxgan.commands.options import Names, Parser, asked_run, run_parser, static_options, static_values
from jaxgan.core.abilities import Ability
from jaxgan.core.arrays import domain_arrays
from jaxgan.errors import UserError, nearest
from jaxgan.evaluation.protocol import read_results
from jaxgan.exporting import PLATFORMS, exported_function, usual_ability, write_onnx, write_stablehlo
from jaxgan.exporting.card import card, page_of, while_training, write_page
from jaxgan.mesh import data_mesh
from jaxgan.training import command_line, weights_file
from jaxgan.training.records import read_metrics
from jaxgan.training.run_folder import RunFolder
from jaxgan.training.trained import Trained, load
from jaxgan.validate import check_option

FORMATS = ("safetensors", "stablehlo", "onnx")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        arguments: The command's arguments; None: those of the process.

    Raises:
        UserError: Something asked for cannot be had.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    run = asked_run(arguments, _parser)
    (format, output), platforms = _place(run), _platforms(run.platforms)
    if format == "safetensors" and (run.ability or run.platforms or run.batch_size):
        raise UserError(
            "--ability, --platforms and --batch_size are of functions: leave them out, or take another format"
        )
    if run.batch_size is not None:
        check_option("batch_size", run.batch_size, "number")
    command_line.use_compilation_cache()
    with jax.set_mesh(data_mesh()):
        trained = load(run.workdir, run.step, run.trust)
        parser = _parser(subject=f"export of the game of {run.workdir}")
        declared = _declared(trained, arguments)
        names = Names((), domain_arrays(len(trained.plan.domains)), trained.plan.domains)
        if declared is not None:
            static_options(parser, declared[1], names)
        asked = parser.parse_args(arguments)
        exported = None
        if format != "safetensors":
            name, ability = declared or (usual_ability(trained.plan.game.abilities), None)
            settled = static_values(asked, ability, names) if ability else {}
            size, plain = asked.batch_size or 16, format == "onnx"
            exported = exported_function(trained.snapshot, trained.state, name, settled, size, plain)
        elif declared is not None and any(getattr(asked, each, None) is not None for each in declared[1].takes):
            raise UserError("--format=safetensors holds all that the game can do: leave the options of abilities out")
    size = None
    if exported is None:
        weights_file.write(output, trained.plan, trained.state, trained.snapshot.given)
    elif format == "stablehlo":
        size = write_stablehlo(output, exported, platforms, asked.batch_size)
    else:
        size = write_onnx(output, exported, asked.batch_size)
    text = card(output, trained.plan, trained.state, _measured(trained, Path(run.workdir)), exported, size, platforms)
    page = write_page(output, text)
    what = "all that the game can do" if exported is None else f"{exported.ability}, batches of {size or 'any size'}"
    print(f"step {trained.step}, {what}: {output}\nwhat it is: {page}")


def _parser(**settings: Any) -> Parser:
    parser = run_parser("export", __doc__, **settings)
    add = parser.add_argument
    add("--output", type=Path, required=True, help="the file to make, or a folder that model.FORMAT is put in")
    add("--format", help=f"{', '.join(FORMATS)} (default: as --output ends; safetensors in a folder)")
    add("--ability", help="which function (default: generate, translate, upscale or sample, the first that there is)")
    add("--platforms", help=f"of stablehlo, with commas: {', '.join(PLATFORMS)} (default: cpu,cuda,tpu)")
    add("--batch_size", type=int, help="the only one (default: any; 16 where the function must know it)")
    return parser


def _declared(trained: Trained, arguments: Sequence[str]) -> tuple[str, Ability] | None:
    """The ability whose options the command has; None where the game has no usual one, and none is named."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--ability")
    name, abilities = parser.parse_known_args(arguments)[0].ability, trained.plan.game.abilities
    if name is not None and name not in abilities:
        raise UserError(f"--ability={name}: the game cannot {name}: {nearest(name, abilities)}")
    try:
        name = name or usual_ability(abilities)
    except UserError:
        return None
    return name, abilities[name]


def _place(asked: argparse.Namespace) -> tuple[str, Path]:
    """The format, and the file."""
    ending = asked.output.suffix.removeprefix(".")
    if asked.format is not None and asked.format not in FORMATS:
        raise UserError(f"--format={asked.format}: there is no such format: {nearest(asked.format, FORMATS)}")
    folder = asked.output.is_dir() or not ending
    format = asked.format or ("safetensors" if folder else ending)
    if format not in FORMATS or (not folder and ending != format):
        wanted = asked.format or ", .".join(FORMATS)
        raise UserError(f"--output={asked.output} does not end in .{wanted}: rename it, or name a folder")
    output = asked.output / f"model.{format}" if folder else asked.output
    for path in (output, page_of(output)):
        outputs.check_new(path)
    return format, output


def _platforms(asked: str | None) -> tuple[str, ...]:
    platforms = tuple(name.strip() for name in (asked or "cpu,cuda,tpu").split(","))
    if unknown := next((name for name in platforms if name not in PLATFORMS), None):
        raise UserError(f"--platforms={asked}: there is no {unknown!r}: {nearest(unknown, PLATFORMS)}")
    return tuple(dict.fromkeys(platforms))


def _measured(trained: Trained, workdir: Path) -> str:
    """What was measured of this step: by `evaluate`, with its protocols, and while training."""
    if not workdir.is_dir():
        return ""
    folder, parts = RunFolder(workdir), []
    if folder.evaluation.is_file():
        newest = {
            result.key: result for result in read_results(folder.evaluation) if result.model.get("step") == trained.step
        }
        if newest:
            parts.append(f"By `python -m jaxgan evaluate`:\n\n```\n{table(list(newest.values()))}\n```")
    values: dict[str, float] = {}
    for line in read_metrics(folder.metrics):
        # What is of an evaluation, and of nothing else, has no losses beside it.
        if line["step"] == trained.step and not any(name.endswith("/loss") for name in line):
            values |= {name: value for name, value in line.items() if "/" not in name and _is_metric(name, value)}
    config = trained.plan.config
    if told := while_training(values, config.evaluate_samples, config.statistics_batches):
        parts.append(told)
    return "\n\n".join(parts)


def _is_metric(name: str, value: Any) -> bool:
    return isinstance(value, int | float) and name not in ("step", "images", "rollbacks", "broken_step")

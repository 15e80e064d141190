"""Asks a trained run for an ability of its game: python -m jaxgan ABILITY --workdir=RUN

The options, and what comes out, follow from the ability's declaration (`jaxgan.core.Ability`).
"""

import argparse
import functools
import itertools
import os
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from jaxgan import memory, pictures
from jaxgan.commands import outputs
from jaxgan.commands.inputs import InputImages, output_names, read_latents, read_text
from jaxgan.commands.options import (
    Names,
    Parser,
    asked_run,
    chosen_format,
    common_options,
    own_options,
    values,
    written_seeds,
)
from jaxgan.core import few, scene_graph
from jaxgan.core.abilities import GRAPH, IMAGES, LABEL, LATENTS, NUMBER, PER_ENTRY, STRENGTH, TEXT, Ability
from jaxgan.core.arrays import domain_arrays
from jaxgan.errors import UserError, nearest
from jaxgan.files import check_place
from jaxgan.foreign import below
from jaxgan.mesh import data_mesh
from jaxgan.training import command_line
from jaxgan.training.trained import Trained, load


def main(ability: str, arguments: Sequence[str] | None = None) -> int:
    """Runs the command of an ability.

    Args:
        ability: Its name.
        arguments: The command's arguments; None: those of the process.

    Returns:
        1 if some of the images could not be read, each named on stderr, else 0.

    Raises:
        UserError: Something asked for cannot be had.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    about = f"{ability}: an ability of a run's game. Its other options stand in the help of --workdir=RUN."
    run = asked_run(arguments, functools.partial(_parser, ability, about))
    command_line.use_compilation_cache()
    with jax.set_mesh(data_mesh()):
        trained = load(run.workdir, run.step, run.trust)
        declared = _ability(trained, ability, run.workdir)
        names = Names(trained.snapshot.classes(ability), _domain_arrays(trained), trained.plan.domains)
        parser = _parser(ability, f"{ability}: {declared.help}", subject=f"{ability} of the game of {run.workdir}")
        own_options(parser, declared, names)
        asked = parser.parse_args(arguments)
        given = values(asked, declared, names)
        outputs.check_new(asked.output)
        if declared.gives == "images" and not declared.kinds(IMAGES):
            asked.format = chosen_format(asked.format, asked.output)
        if declared.gives == "latents" and asked.output is not None and asked.output.suffix.lower() != ".npz":
            raise UserError(f"--output={asked.output} does not end in .npz, as a file of latents must: rename it")
        with memory.less(_cure(trained, declared, asked)):
            if declared.kinds(IMAGES):
                return _of_images(trained, ability, asked, given, names)
            return _drawn(trained, ability, asked, given)


def _cure(trained: Trained, declared: Ability, asked: argparse.Namespace) -> str:
    """What to do where memory does not suffice."""
    fewer = "".join(f"a smaller --num than {getattr(asked, name)}, or " for name in declared.kinds(NUMBER))
    grid = (
        f"{fewer}--format=npz or folder instead of a grid takes less; " if getattr(asked, "format", "") == "png" else ""
    )
    return f"{grid}the run's networks and {trained.snapshot.compiled.batch_size} of its images must fit in any case"


def _parser(ability: str, description: str, **settings: Any) -> Parser:
    parser = Parser(prog=f"python -m jaxgan {ability}", description=description, **settings)
    common_options(parser)
    return parser


def _ability(trained: Trained, name: str, workdir: str) -> Ability:
    abilities = trained.plan.game.abilities
    if name not in abilities:
        # A high cutoff: `translate` is an ability of other games, and no misspelling of `latents`.
        known = nearest(name, [*abilities, "evaluate"], likeness=0.75)
        raise UserError(f"the game of {workdir} cannot {name}: {known}")
    return abilities[name]


def _domain_arrays(trained: Trained) -> tuple[str, ...]:
    """The arrays of the domains, in the order of the names that people call them."""
    return tuple(name for name in domain_arrays(len(trained.plan.domains)) if name in trained.plan.arrays)


def _drawn(trained: Trained, name: str, asked: argparse.Namespace, given: dict[str, Any]) -> int:
    """What is made of a number, or of latents."""
    declared, snapshot = trained.plan.game.ability(name), trained.snapshot
    latents, beside = _latents(trained, declared, asked)
    given = given | latents
    counted = next(iter((*declared.kinds(NUMBER), *declared.kinds(LATENTS))))
    count = given[counted] if declared.kinds(NUMBER) else len(given[counted])
    seeds = getattr(asked, "seeds", None)
    # What takes turns does so by the seeds, so that each has its own, whatever is beside it.
    turns = np.arange(count) if seeds is None else np.array(seeds)
    given |= _in_turn(_told(trained, declared, asked, given), turns)
    label = None
    for option in declared.kinds(LABEL):
        label = given[option] = _labels(given[option], beside, turns, len(snapshot.classes(name)))
    suffix = "npz" if declared.gives != "images" else asked.format
    output = asked.output or _default_output(name, declared, asked, trained.step, suffix)
    if declared.gives in ("images", "latents"):
        check_place(output)
    if declared.gives == "images":
        shape = next(spec.shape for spec in snapshot.arrays.values() if spec.kind != "label")
        outputs.check_format(asked.format, count, shape)
    drawn = (
        _by_seed(trained, name, seeds, given) if seeds else snapshot.parts(name, jax.random.key(asked.seed), **given)
    )
    parts = _with_bar(drawn, count, name)
    if declared.gives == "images":
        outputs.write_images(parts, count, label, asked.format, output, seeds)
    elif declared.gives == "latents":
        beside_them = {"label": label, "seed": None if seeds is None else np.array(seeds)}
        outputs.write_npz_of_parts("latents", parts, count, beside_them, output)
    else:
        result = np.concatenate(list(parts))
        numbers = [str(index) for index in range(len(result))]
        outputs.write_table(outputs.table(declared.gives, numbers, result, snapshot.classes(name)), asked.output)
        return 0
    what = "samples" if name == "sample" else declared.gives
    print(f"{count} {what} of step {trained.step}: {output}")
    return 0


def _by_seed(trained: Trained, name: str, seeds: Sequence[int], given: dict[str, Any]) -> Iterator[np.ndarray]:
    """One for each seed, each drawn by itself, of the entry of what is given that stands at its place."""
    takes, one = trained.plan.game.ability(name).takes, trained.snapshot.in_calls_of(1)
    for index, seed in enumerate(seeds):
        own = {
            each: 1
            if takes[each].kind == NUMBER
            else value[index : index + 1]
            if takes[each].kind in PER_ENTRY
            else value
            for each, value in given.items()
            if value is not None
        }
        yield one.use(name, jax.random.key(seed), **own)


def _with_bar(parts: Iterator[np.ndarray], total: int, what: str) -> Iterator[np.ndarray]:
    """The same parts, and a bar on stderr; nothing where there is no terminal."""
    with tqdm(total=total, desc=what, disable=None, leave=False, dynamic_ncols=True) as bar:
        for part in parts:
            yield part
            bar.update(len(part))


def _of_images(trained: Trained, name: str, asked: argparse.Namespace, given: dict[str, Any], called: Names) -> int:
    """What is made of a folder of images."""
    declared, snapshot = trained.plan.game.ability(name), trained.snapshot
    option, *further = declared.kinds(IMAGES)
    inputs = InputImages(getattr(asked, option), "input")
    others = {each: InputImages(getattr(asked, each), each) for each in further}
    folders = _folders(declared, asked, given, called)
    paths = [
        output_names(inputs.names, folder) if folder and declared.gives == "images" else {} for folder, _ in folders
    ]
    given |= folders[0][1]
    output = asked.output
    if declared.gives == "latents":
        output = output or _default_output(name, declared, asked, trained.step, "npz")
        check_place(output)
    spec, names, parts = snapshot.image_spec(name, option, given.get("source")), list[str](), list[np.ndarray]()
    in_turn = {each: images.in_turn(spec, trained.plan.config.data) for each, images in others.items()}
    given |= _latents(trained, declared, asked)[0]
    told = _told(trained, declared, asked, given)
    if declared.tiling is None:
        chunks = inputs.read(spec, trained.plan.config.data, everywhere=not others)
    else:
        chunks = inputs.read_whole(spec.shape[2], declared.tiling)
    place, taken, first = {each: index for index, each in enumerate(inputs.names)}, 0, jax.random.key(asked.seed)
    warned = ""
    for index, (read, images) in enumerate(chunks):
        turns = np.array([place[each] for each in read])
        part = dict(given) | {option: images} | _in_turn(told, turns)
        if in_turn:  # by the place in the folder: of one that could not be read, the turn is over
            skipped = np.diff(turns, prepend=taken - 1) - 1
            part |= {each: np.stack([_after(one, number) for number in skipped]) for each, one in in_turn.items()}
            taken = turns[-1] + 1
        for label in declared.kinds(LABEL):
            part[label] = _labels(given[label], None, turns, len(snapshot.classes(name)))
        if not warned and (warned := few.warning(snapshot, trained.state, name, part | folders[0][1], len(place))):
            print(f"warning: {warned}", file=sys.stderr)
        names += read
        for (_, own), written in zip(folders, paths, strict=True):
            result = snapshot.use(name, jax.random.fold_in(first, index) if index else first, **part | own)
            if declared.gives != "images":
                parts.append(result)
                continue
            for one, pixels in zip(read, pictures.to_uint8(result), strict=True):
                outputs.write_png(pixels, written[one])
    whole = np.concatenate(parts) if parts else np.zeros(0)
    if declared.gives != "images":
        order = sorted(range(len(names)), key=lambda index: place[names[index]])
        whole, names = whole[order], [names[index] for index in order]
    if declared.gives == "latents":
        outputs.write_npz({"latents": whole, "name": np.array(names)}, output)
    elif declared.gives != "images" and names:
        classes = snapshot.called(name, domains=trained.plan.domains)
        outputs.write_table(outputs.table(declared.gives, names, whole, classes), output)
    where = "" if output is None else f": {output}"
    line = f"{len(names)} of {len(inputs.names)} images {_past(name)} with step {trained.step}{where}"
    print(line, file=sys.stderr if output is None else sys.stdout)
    return int(len(names) < len(inputs.names))


def _latents(
    trained: Trained, declared: Ability, asked: argparse.Namespace
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """The latents and embeddings that are given as files, and the labels beside them."""
    snapshot, found, beside = trained.snapshot, {}, None
    for option in declared.kinds(LATENTS):
        if getattr(asked, option) is None:
            continue
        argument, size = declared.takes[option], None
        if argument.array:
            size = trained.plan.arrays[argument.array].shape[-1]
        elif "latents" in snapshot.game.abilities and not argument.space:
            size = snapshot.use("latents", jax.random.key(0), number=1).shape[1]
        found[option], beside = read_latents(option, getattr(asked, option), size)
    return found, beside


def _told(
    trained: Trained, declared: Ability, asked: argparse.Namespace, given: dict[str, Any]
) -> dict[str, np.ndarray]:
    """What is told of the images, text, graphs or embeddings."""
    told = {name: given[name] for name in declared.kinds(LATENTS) if given.get(name) is not None}
    for name in declared.kinds(TEXT):
        if getattr(asked, name):
            told[name] = read_text(name, getattr(asked, name), trained.plan.arrays[declared.takes[name].array])
    for name in declared.kinds(GRAPH):
        if getattr(asked, name):
            told[name] = np.stack([scene_graph.parse(text, f"--{name}={text!a}") for text in getattr(asked, name)])
    return told


def _in_turn(told: dict[str, np.ndarray], turns: np.ndarray) -> dict[str, np.ndarray]:
    """Of each array the entries whose turns these are: all in turn."""
    return {name: array[turns % len(array)] for name, array in told.items()}


def _after(one: Iterator[np.ndarray], skipped: int) -> np.ndarray:
    """The next of them but so many."""
    return next(itertools.islice(one, skipped, None))


def _folders(
    declared: Ability, asked: argparse.Namespace, given: dict[str, Any], names: Names
) -> list[tuple[Path | None, dict[str, Any]]]:
    """Where results go, and what each is asked with: one folder, or one for each of several domains, under its name."""
    several = next((option for option, argument in declared.takes.items() if argument.several), "")
    wanted = given.get(several)
    if not isinstance(wanted, tuple):
        found = {"source": given["source"], "target": given["target"]} if declared.ways else {}
        ways = dict(zip(found, declared.way(**found, called=names.called), strict=True)) if found else {}
        return [(asked.output, ways)]
    folders: list[tuple[Path | None, dict[str, Any]]] = []
    for text, one in zip(getattr(asked, several).split(","), wanted, strict=True):
        ways = {several: one}
        if declared.ways:
            ways = dict(zip(("source", "target"), declared.way(given["source"], one, names.called), strict=True))
        folders.append((below(asked.output, text.strip()), ways))
    sources = {names.called.get(each, each) for _, ways in folders if (each := ways.get("source")) is not None}
    if len(sources) > 1:  # of two domains each target alone says the source
        raise UserError(f"say of which domain the images are, source={' or '.join(map(repr, sorted(sources)))}")
    return folders


def _labels(asked: int | None, beside: np.ndarray | None, turns: np.ndarray, classes: int) -> np.ndarray | None:
    """The class of each: the one asked for, those that lie beside the latents, or all in turn."""
    if asked is not None:
        return np.full(len(turns), asked, np.int32)
    if beside is not None:
        return beside
    return (turns % classes).astype(np.int32) if classes else None


def _default_output(name: str, declared: Ability, asked: argparse.Namespace, step: int, suffix: str) -> Path:
    """A name that tells this result from all others, so that asking again writes the same file again."""
    parts = [*([] if name == "sample" else [name]), f"step{step}"]
    for option, argument in declared.takes.items():
        value = getattr(asked, option)
        if argument.kind == NUMBER and not getattr(asked, "seeds", None):
            parts.append(f"num{value}")
    seeds = getattr(asked, "seeds", None)
    parts.append(f"seeds{written_seeds(seeds)}" if seeds else f"seed{asked.seed}")
    for option, argument in sorted(declared.takes.items(), key=lambda item: item[1].kind == LABEL):
        value = getattr(asked, option)
        if value is not None and argument.kind == STRENGTH:
            parts.append(f"{option}{value:g}")
        elif value is not None and argument.kind in (TEXT, GRAPH):
            parts.append(_short(option, " ".join(value)))
        elif value is not None and argument.kind != NUMBER:
            parts.append(_file(value) if isinstance(value, Path) else f"{option}{value}")
    return below(Path(asked.workdir), "generated/" + "-".join(parts) + ("" if suffix == "folder" else f".{suffix}"))


def _short(option: str, text: str) -> str:
    """A part of a file's name that tells this text from all others."""
    words = re.sub("[^a-z0-9]+", "_", text.lower())
    return f"{option}_{words[:60].strip('_')}_{zlib.crc32(text.encode()):08x}"


def _file(path: Path) -> str:
    """A part of a file's name that tells this file from all others, of its name in other folders too."""
    return f"{path.stem}_{zlib.crc32(os.fsencode(os.path.abspath(path))):08x}"


def _past(verb: str) -> str:
    """What was done to the images, for the last line: "translated", "classified"."""
    return f"{verb[:-1]}ied" if verb.endswith("y") else f"{verb.removesuffix('e')}ed"

"""Shows what a run's latents do: python -m jaxgan explore --workdir=RUN

Writes a folder: straight.png and spherical.png, rows of images on the way from one latent to another, and the same as GIFs;
truncation.png, a row for each threshold; closed_form.png and principal.png, rows of one image moved along directions that were
found without labels, from -strength to strength, and directions.npz, the directions. What they are: docs/latents.md.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxgan import memory, pictures
from jaxgan.commands import outputs
from jaxgan.commands.latent_runs import open_latents
from jaxgan.commands.options import Names, Parser
from jaxgan.errors import UserError
from jaxgan.explorer.space import TRUNCATIONS, Space
from jaxgan.files import atomically, check_place
from jaxgan.foreign import below
from jaxgan.mesh import data_mesh
from jaxgan.metrics.path_length import lerp, slerp
from jaxgan.training import command_line
from jaxgan.training.trained import Trained
from jaxgan.validate import check_option


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        arguments: The command's arguments; None: those of the process.

    Raises:
        UserError: The game has no latents or makes no images of them, or an option is out of range.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    command_line.use_compilation_cache()
    with jax.set_mesh(data_mesh()):
        trained, shape, names, parser = open_latents("explore", __doc__, arguments, "to explore")
        _own_options(parser, names)
        asked = parser.parse_args(arguments)
        for option, kind in (("num", "number"), ("steps", "pictures"), ("strength", "strength"), ("seed", "seed")):
            check_option(option, getattr(asked, option), kind)
        label = None if getattr(asked, "label", None) is None else names.label(asked.label)
        outputs.check_format("png", asked.num * max(asked.steps, len(TRUNCATIONS)), shape)
        outputs.check_new(asked.output)
        output = asked.output or below(Path(asked.workdir), f"generated/{_name(asked, trained.step, label)}")
        check_place(output)
        with memory.less(f"a smaller --num than {asked.num}, or fewer --steps than {asked.steps}, take less"):
            _explore(trained, asked, label, output)
    print(f"what latents do at step {trained.step}: {output}")


def _own_options(parser: Parser, names: Names) -> None:
    add = parser.add_argument
    add("--num", type=int, default=8, help="rows of a picture: pairs of latents, directions (default: 8)")
    add("--steps", type=int, default=9, help="images in a row (default: 9)")
    add("--strength", type=float, default=3.0, help="how far along directions, in standard deviations (default: 3)")
    if names.classes:
        text = f"the class: {names.listed} (default: all in turn; directions: the first)"
        add("--label", help=text.replace("%", "%%"))
    add("--seed", type=int, default=0, help="the same seed draws the same latents (default: 0)")
    add("--output", type=Path, help="a new folder (default: in WORKDIR/generated, under a name that says it all)")


def _name(asked: argparse.Namespace, step: int, label: int | None) -> str:
    """A name that tells this result from all others, so that asking again writes the same files again."""
    parts = ["explore", f"step{step}", f"num{asked.num}", f"seed{asked.seed}", f"steps{asked.steps}"]
    parts += [f"strength{asked.strength:g}"] + ([] if label is None else [f"label{label}"])
    return "-".join(parts)


def _explore(trained: Trained, asked: argparse.Namespace, label: int | None, output: Path) -> None:
    """Writes the pictures."""
    snapshot = trained.snapshot
    space, num, classes = Space(snapshot, jax.random.key(asked.seed)), asked.num, len(snapshot.classes("generate"))
    labels = None
    if classes:
        labels = np.arange(num, dtype=np.int32) % classes if label is None else np.full(num, label, np.int32)
    z = space.draw(2 * num)  # fewer are the first ones of more: so are the pairs
    starts, ends = z[::2], z[1::2]
    shares = np.linspace(0.0, 1.0, asked.steps, dtype=np.float32)
    ways = {
        "straight": _way(lerp, space.carried(starts, labels), space.carried(ends, labels), shares),
        "spherical": np.stack(
            [space.carried(part, labels) for part in _way(slerp, starts, ends, shares).swapaxes(0, 1)], 1
        ),
    }
    for name, points in ways.items():
        images = space.images(points, labels)
        _write(pictures.grid(_rows(images), asked.steps), output / f"{name}.png")
        columns = min(num, pictures.columns_for(images.shape[2:]))
        frames = [pictures.grid(images[:, at], columns) for at in range(asked.steps)]
        pictures.save_animation(frames + frames[-2:0:-1], output / f"{name}.gif")  # there and back
    try:
        names = ["none" if limit is None else f"{limit:g}" for limit in TRUNCATIONS]
        _write(pictures.grid(_rows(space.truncated(num, labels)), num, names), output / "truncation.png")
    except UserError as error:
        print(f"no truncation.png: {error}", file=sys.stderr)
    chosen = (label or 0) if classes else None
    found = space.directions(num, chosen)
    one = None if chosen is None else np.array([chosen], np.int32)
    start = space.carried(z[:1], one)
    strengths = np.linspace(-asked.strength, asked.strength, asked.steps, dtype=np.float32)
    for name, each in found.items():
        points = start[:, None] + strengths[None, :, None] * each[:, None]
        row = None if one is None else np.repeat(one, len(each))
        numbers = [str(index) for index in range(1, len(each) + 1)]
        _write(pictures.grid(_rows(space.images(points, row)), asked.steps, numbers), output / f"{name}.png")
    outputs.write_npz({"start": start, **found}, output / "directions.npz")


def _way(interpolate: Any, starts: np.ndarray, ends: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Points (B, steps, D) on the ways between latents (B, D)."""
    return np.stack([interpolate(starts, ends, jnp.full((len(starts), 1), share)) for share in shares], axis=1)


def _rows(images: np.ndarray) -> np.ndarray:
    return images.reshape(-1, *images.shape[2:])


def _write(picture: Image.Image, path: Path) -> None:
    with atomically(path) as temporary:
        picture.save(temporary, "PNG")

"""Draws samples from a trained run, without its data: python -m jaxgan.sample --workdir=runs/dcgan --num=64"""

import argparse
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan import pictures
from jaxgan.config import ConfigError
from jaxgan.files import atomically
from jaxgan.mesh import data_mesh
from jaxgan.training import command_line
from jaxgan.training.trained import load

_FORMATS = ("png", "npz", "folder")


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command's arguments."""
    parser = argparse.ArgumentParser(prog="python -m jaxgan.sample", description=__doc__, allow_abbrev=False)
    parser.add_argument("--workdir", required=True, help="the run's folder")
    parser.add_argument("--num", type=int, default=64, help="how many (default: 64)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed draws the same samples (default: 0)")
    parser.add_argument(
        "--truncation", type=float, help="draw latents again that exceed this: less variety, more quality"
    )
    parser.add_argument(
        "--label", type=int, help="the class to draw, for a game that takes labels (default: all in turn)"
    )
    parser.add_argument(
        "--format", choices=_FORMATS, default="png", help="one grid, one NumPy file, or a file for each"
    )
    parser.add_argument("--output", type=Path, help="default: in WORKDIR/generated, under a name that says it all")
    parser.add_argument("--step", type=int, help="which checkpoint (default: the best, or the last if none was scored)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command.

    Raises:
        ConfigError: Something asked for cannot be had.
    """
    asked = parse_arguments(arguments)
    if asked.num < 1:
        raise ConfigError(f"--num={asked.num}: ask for at least 1 sample")
    if asked.truncation is not None and not asked.truncation > 0:
        raise ConfigError(f"--truncation={asked.truncation}: it must be above 0")
    if asked.output is not None and asked.output.exists():
        raise ConfigError(f"--output={asked.output} exists already: remove it, or choose another name")
    command_line.use_compilation_cache()
    with jax.set_mesh(data_mesh()):
        trained = load(asked.workdir, asked.step)
        sampler, classes = trained.snapshot.sampler, trained.plan.shapes.num_classes
        if "sample" not in trained.plan.game.abilities:
            abilities = ", ".join(sorted(trained.plan.game.abilities)) or "nothing"
            raise ConfigError(f"the game of {asked.workdir} cannot sample; it can: {abilities}")
        if "label" not in sampler.options("sample"):
            classes = None
        if asked.label is not None and classes is None:
            raise ConfigError(f"--label={asked.label}: the game of {asked.workdir} takes no labels")
        if asked.label is not None and classes is not None and not 0 <= asked.label < classes:
            raise ConfigError(f"--label={asked.label}: the classes are 0 to {classes - 1}")
        if asked.truncation is not None and "truncation" not in sampler.options("sample"):
            raise ConfigError(f"--truncation={asked.truncation}: the game of {asked.workdir} has no truncation")
        label = None
        if classes is not None:
            label = np.arange(asked.num) % classes if asked.label is None else np.full(asked.num, asked.label)
        images = trained.snapshot.sample(jax.random.key(asked.seed), asked.num, label, asked.truncation)
    output = asked.output or _default_output(asked, trained.step)
    write(images, label, asked.format, output)
    print(f"{asked.num} samples of step {trained.step}: {output}")


def write(images: np.ndarray, label: np.ndarray | None, format: str, output: Path) -> None:
    """Writes samples.

    Args:
        images: float32 (N, H, W, C) in [-1, 1], or vectors (N, D).
        label: int (N,), or None.
        format: "png": one grid (vectors: one plot); "npz": "image", uint8 (vectors: float32), and "label"; "folder": a
            PNG for each image.
        output: The file, or the folder.
    """
    vectors = images.ndim == 2
    if format == "npz":
        arrays: dict[str, Any] = {"image": images if vectors else pictures.to_uint8(images)} | (
            {} if label is None else {"label": label}
        )
        with atomically(output) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
    elif format == "png":
        if vectors:
            image = pictures.density(None, images)
        else:
            columns = min(len(images), pictures.columns_for(images.shape[1:], max(8, round(len(images) ** 0.5))))
            image = pictures.grid(images, columns)
        with atomically(output) as temporary:
            image.save(temporary, "PNG")
    else:
        if vectors:
            raise ConfigError("--format=folder is for images, but these samples are vectors: take png or npz")
        digits = len(str(len(images) - 1))
        for index, pixels in enumerate(pictures.to_uint8(images)):
            name = f"{index:0{digits}d}" + ("" if label is None else f"_class{label[index]}")
            with atomically(output / f"{name}.png") as temporary:
                pictures.to_image(pixels).save(temporary, "PNG")


def _default_output(asked: argparse.Namespace, step: int) -> Path:
    """A name that tells these samples from all others, so that asking again writes the same file again."""
    parts = [f"step{step}", f"num{asked.num}", f"seed{asked.seed}"]
    parts += [f"truncation{asked.truncation:g}"] if asked.truncation is not None else []
    parts += [f"label{asked.label}"] if asked.label is not None else []
    suffix = "" if asked.format == "folder" else f".{asked.format}"
    return Path(asked.workdir) / "generated" / ("-".join(parts) + suffix)


if __name__ == "__main__":
    sys.exit(command_line.run(main))

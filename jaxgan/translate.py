"""Carries a folder of images into another domain: python -m jaxgan.translate --workdir=runs/cyclegan --input=a --output=b"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from jaxgan import pictures
from jaxgan.config import ConfigError
from jaxgan.data import DataError
from jaxgan.data.files import open_container
from jaxgan.data.transform import Transform, upright
from jaxgan.files import atomically
from jaxgan.mesh import data_mesh
from jaxgan.training import command_line
from jaxgan.training.trained import load

_CHUNK = 64  # images in memory at a time


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command's arguments."""
    parser = argparse.ArgumentParser(prog="python -m jaxgan.translate", description=__doc__, allow_abbrev=False)
    parser.add_argument("--workdir", required=True, help="the run's folder")
    parser.add_argument(
        "--input", type=Path, required=True, help="a folder (or zip) of images: PNG, JPEG, WebP, of any size"
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="a new folder: a PNG of the same name for each image"
    )
    parser.add_argument("--direction", choices=("ab", "ba"), default="ab", help="from domain A to B (default), or back")
    parser.add_argument("--step", type=int, help="which checkpoint (default: the best, or the last if none was scored)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command.

    Returns:
        1 if some of the images could not be read, each named on stderr, else 0.

    Raises:
        ConfigError: Something asked for cannot be had.
    """
    asked = parse_arguments(arguments)
    try:
        container = open_container(str(asked.input))
    except DataError as error:
        raise ConfigError(f"--input={asked.input}: {str(error).split('; set data.path')[0]}") from error
    outputs = _outputs(container.names, asked.output)
    if asked.output.exists():
        raise ConfigError(f"--output={asked.output} exists already: remove it, or choose another folder")
    command_line.use_compilation_cache()
    written = 0
    with jax.set_mesh(data_mesh()):
        trained = load(asked.workdir, asked.step)
        if "translate" not in trained.plan.game.abilities:
            abilities = ", ".join(sorted(trained.plan.game.abilities)) or "nothing"
            raise ConfigError(f"the game of {asked.workdir} cannot translate; it can: {abilities}")
        (height, width, channels), data = trained.plan.shapes.image, trained.plan.config.data
        # As in training, but without its random crops and what is enlarged for them.
        resize = Transform((height, width), resize=data.resize, resample=data.resample, channels=channels)
        for start in range(0, len(container.names), _CHUNK):
            read = {}
            for name in container.names[start : start + _CHUNK]:
                try:
                    with container.open(name) as picture:
                        read[name] = resize(upright(picture), None, container.where(name))
                except OSError as error:  # what Pillow raises for broken files
                    print(f"{container.where(name)} cannot be read ({error}); skipped", file=sys.stderr)
            if not read:
                continue
            images = np.stack(list(read.values())).astype(np.float32) / 127.5 - 1.0
            translated = trained.snapshot.translate(jax.random.key(0), images, asked.direction)
            for name, pixels in zip(read, pictures.to_uint8(translated), strict=True):
                with atomically(outputs[name]) as temporary:
                    pictures.to_image(pixels).save(temporary, "PNG")
            written += len(read)
    print(f"{written} of {len(outputs)} images translated with step {trained.step}: {asked.output}")
    return int(written < len(outputs))


def _outputs(names: Sequence[str], folder: Path) -> dict[str, Path]:
    """The output of each input, which keeps its place and its stem."""
    outputs: dict[str, Path] = {}
    for name in names:
        path = (folder / name).with_suffix(".png")
        if path in outputs.values():
            other = next(other for other, taken in outputs.items() if taken == path)
            raise ConfigError(f"{other} and {name} would both become {path}: rename one of them")
        outputs[name] = path
    return outputs


if __name__ == "__main__":
    sys.exit(command_line.run(main))

"""Makes a video of a run's latents: python -m jaxgan video --workdir=RUN --seeds=0-7

A walk through the latents of the seeds, and from the last one back to the first: straight in W where the game maps its latents,
in Z on arcs. A game with labels shows its classes side by side, all of one latent, or that of --label. With --styles=8-11, in a
game of styles, the walk also lends its coarser styles to images whose finer ones are those of these seeds.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax
import numpy as np
from PIL import Image
from tqdm import tqdm

from jaxgan import memory, pictures
from jaxgan.commands import outputs
from jaxgan.commands.latent_runs import open_latents
from jaxgan.commands.options import Names, Parser, read_seeds, written_seeds
from jaxgan.core.snapshot import Snapshot
from jaxgan.errors import UserError
from jaxgan.explorer.space import Space
from jaxgan.files import check_place
from jaxgan.foreign import below
from jaxgan.mesh import data_mesh
from jaxgan.pictures.style_pictures import slots
from jaxgan.pictures.video import check_video, save_video
from jaxgan.training import command_line
from jaxgan.validate import check_option

_CLASSES = 10  # side by side, at most
_SMALL = 128  # smaller images are enlarged to about this many pixels
_VALUES = 2**29  # of all frames' pixels, which are held in memory


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        arguments: The command's arguments; None: those of the process.

    Raises:
        UserError: The game has no latents or makes no images of them, an option is out of range, or nothing here writes MP4.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    command_line.use_compilation_cache()
    with jax.set_mesh(data_mesh()):
        trained, _, names, parser = open_latents("video", __doc__, arguments, "to walk through")
        _own_options(parser, names)
        asked = parser.parse_args(arguments)
        walk = Walk(trained.snapshot, names, asked)
        name = f"generated/video-step{trained.step}-{walk.name}.gif"
        output = asked.output or below(Path(asked.workdir), name)
        outputs.check_new(asked.output)
        check_place(output)
        check_video("output", output)
        with memory.less(f"fewer --frames than {asked.frames} take less"):
            frames = list(tqdm(walk.frames(), total=walk.number, desc="frames", disable=None, leave=False))
            save_video(frames, output)
    print(f"{len(frames)} frames of step {trained.step}: {output}")


def _own_options(parser: Parser, names: Names) -> None:
    add = parser.add_argument
    add("--seeds", default="0-7", help="of the latents to walk through, 0-7 or 1,5,9 (default: 0-7)")
    add("--frames", type=int, default=24, help="from one latent to the next, of which a second has 25 (default: 24)")
    add("--styles", help="seeds of the finer styles to mix the walk with, 8-11 (default: none are mixed)")
    if names.classes:
        add(
            "--label",
            help=f"the class: {names.listed} (default: up to {_CLASSES} of them side by side)".replace("%", "%%"),
        )
    add("--output", type=Path, help="a new file, .gif or .mp4 (default: a GIF in WORKDIR/generated)")


class Walk:
    """A walk through latents, as its options say.

    Args:
        snapshot: The game.
        names: Of its classes.
        asked: The options.

    Attributes:
        number: Of its frames.
        name: What tells it from all others.

    Raises:
        UserError: An option is out of range, or is not for this game.
    """

    def __init__(self, snapshot: Snapshot, names: Names, asked: argparse.Namespace) -> None:
        check_option("frames", asked.frames, "frames")
        seeds = read_seeds("seeds", asked.seeds)
        others = () if asked.styles is None else read_seeds("styles", asked.styles)
        label = None if getattr(asked, "label", None) is None else names.label(asked.label)
        if len(seeds) < 2:
            raise UserError(f"--seeds={asked.seeds} names one latent, and a walk needs two: name more, as in 0-7")
        self._space = Space(snapshot, jax.random.key(0))
        if others and not self._space.mapped:
            raise UserError(
                "--styles is for games that map latents to styles (abilities map and synthesize): leave it out"
            )
        parts = [f"seeds{written_seeds(seeds)}", f"frames{asked.frames}"]
        parts += [f"styles{written_seeds(others)}"] if others else []
        self.name = "-".join(parts + ([] if label is None else [f"label{label}"]))
        self._labels = _shown_classes(len(names.classes), 0 if others and label is None else label)
        self._wide = len(others) + 1 if others else max(1, len(self._labels))
        self.number, self._frames = asked.frames * len(seeds), asked.frames
        height, width, channels = snapshot.arrays["image"].shape
        self._scale = max(1, _SMALL // max(height, width))
        values = height * width * self._scale**2 * channels * self._wide * (2 if others else 1)
        if self.number * values > _VALUES:
            raise UserError(
                f"--seeds and --frames ask for {self.number} frames of {values} numbers, more than are held in memory: "
                f"ask for at most {max(1, _VALUES // values)} frames"
            )
        self._seeds, self._others, self._few = seeds, others, snapshot.in_calls_of(self._wide)
        self._slots = slots(snapshot) if others else 0

    def frames(self) -> Iterator[Image.Image]:
        """The pictures, one after the other."""
        stops, others = ([self._point(seed) for seed in seeds] for seeds in (self._seeds, self._others))
        above = self._images(np.concatenate(others)) if others else None
        for index in range(self.number):
            stop, share = divmod(index, self._frames)
            here = self._space.between(stops[stop], stops[(stop + 1) % len(stops)], share / self._frames)
            if above is None:
                images = self._images(here)
            else:
                images = self._images(
                    np.concatenate([self._styles(here, here), *(self._styles(here, one) for one in others)])
                )
                images = np.concatenate([np.full_like(images[:1], pictures.EMPTY), above, images])
            large = images.repeat(self._scale, axis=1).repeat(self._scale, axis=2)
            yield pictures.grid(large, self._wide)

    def _point(self, seed: int) -> np.ndarray:
        """The latent of a seed for each class that is shown, (K, D); (1, D) without classes."""
        z = Space(self._few, jax.random.key(seed)).draw(1).repeat(max(1, len(self._labels)), axis=0)
        return self._space.carried(z, np.array(self._labels, np.int32) if self._labels else None)

    def _styles(self, coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
        """A style for each slot, (1, slots D): the coarser half of them of one image, the others of another."""
        half = self._slots // 2
        return np.concatenate([np.tile(coarse, (1, half)), np.tile(fine, (1, self._slots - half))], axis=1)

    def _images(self, points: np.ndarray) -> np.ndarray:
        """Images (K, H, W, C) of points (K, D), all with one draw of whatever is drawn beside them."""
        labels = np.resize(np.array(self._labels, np.int32), len(points)) if self._labels else None
        return Space(self._few, jax.random.key(0)).images(points[:, None], labels)[:, 0]


def _shown_classes(number: int, label: int | None) -> list[int]:
    """The classes that are shown, of so many: the one that is asked for, or some of them, evenly chosen; [] without labels."""
    if number and label is not None:
        return [label]
    return np.linspace(0, number - 1, min(number, _CLASSES)).astype(int).tolist()

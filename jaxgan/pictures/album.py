"""The pictures that a run keeps: what the same noise becomes over time, real beside fake, and in the end the sums."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from PIL import Image

from jaxgan import pictures
from jaxgan.core.snapshot import Sampler, Snapshot
from jaxgan.data import Source, prepare
from jaxgan.training.run_folder import RunFolder

_POINTS = 2000  # of a toy density
_CLASSES = 10  # rows of a class grid, at most
_TRANSLATED = 8  # rows of a translation grid


class Album:
    """Draws a game by what it can do: translations; points of a toy density; a row per class if it takes labels; a grid.

    Behind the points of a toy density is what the discriminator says of the place, if the game can "judge":
    (nets, key, points (M, D)) -> float32 logits (M,).

    Args:
        folder: The run's folder.
        sampler: What the game can do.
        source: Its training data.
        key: Key of the noise, the same for every picture.
        step: The step that the run goes on from: pictures of later steps are removed. None: it begins.
        write: Whether this process writes. Every process must draw, for sampling takes them all.
    """

    def __init__(
        self,
        folder: RunFolder,
        sampler: Sampler,
        source: Source,
        key: jax.Array,
        step: int | None,
        write: bool = True,
    ) -> None:
        self._folder, self._sampler, self._source, self._key, self._write = folder, sampler, source, key, write
        kept = -1 if step is None else step
        self.frames = {at: path for at, path in _frames(folder.samples).items() if at <= kept}
        for at, path in _frames(folder.samples).items() if write else ():
            if at > kept:
                path.unlink()

    def draw(self, snapshot: Snapshot, step: int) -> None:
        """Draws the same noise (or the same inputs) as ever, as the game answers after `step` steps."""
        abilities = self._sampler.game.abilities
        comparison = None
        if "translate" in abilities:
            frame = self._translations(snapshot)
        elif "sample" not in abilities:
            return
        elif len(self._sampler.image_shape) == 1:
            real, fake = self._real(_POINTS)["image"], snapshot.sample(self._key, _POINTS)
            frame = pictures.density(real, fake, self._field(snapshot) if "judge" in abilities else None)
        else:
            frame, comparison = self._samples(snapshot)
        path = self._folder.samples / f"step_{step:07d}.png"
        self.frames[step] = path
        if self._write:
            pictures.save(frame, path)
            if comparison is not None:
                pictures.save(comparison, self._folder.real_and_fake)

    @property
    def latest(self) -> Path | None:
        """The newest picture of the fixed noise."""
        return self.frames[max(self.frames)] if self.frames else None

    def finish(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Draws the curves of the lines of metrics.jsonl, and the animation of what the noise became."""
        if self._write:
            pictures.save(pictures.curves(lines), self._folder.losses)
            if self.frames:
                pictures.animate([self.frames[step] for step in sorted(self.frames)], self._folder.animation)

    def _samples(self, snapshot: Snapshot) -> tuple[Image.Image, Image.Image]:
        """A grid of samples, a row for each class if the game takes labels; and the same beside real images."""
        columns = pictures.columns_for(self._sampler.image_shape)
        number, label = columns * columns, None
        if "label" in self._sampler.options("sample") and self._source.num_classes:
            classes = np.linspace(0, self._source.num_classes - 1, min(self._source.num_classes, _CLASSES))
            label = np.repeat(classes.astype(np.int32), columns)
            number = len(label)
        fake = pictures.grid(snapshot.sample(self._key, number, label), columns)
        return fake, pictures.beside(pictures.grid(self._real(number)["image"], columns), fake)

    def _field(self, snapshot: Snapshot) -> Callable[[np.ndarray], np.ndarray]:
        """What the discriminator says of points (M, D) of the plane or the line: logits (M,)."""

        def field(points: np.ndarray) -> np.ndarray:
            # A discriminator that compares the points of a batch is to find some of everywhere in it.
            order = np.random.default_rng(0).permutation(len(points))
            return snapshot.judge(self._key, points[order])[np.argsort(order)]

        return field

    def _translations(self, snapshot: Snapshot) -> Image.Image:
        """A row holds an image of A, its translation and the way back, then the same from B."""
        there = functools.partial(snapshot.translate, self._key)
        real = self._real(_TRANSLATED)
        to_b, to_a = there(real["a"], "ab"), there(real["b"], "ba")
        row = [real["a"], to_b, there(to_b, "ba"), real["b"], to_a, there(to_a, "ab")]
        return pictures.grid(np.stack(row, axis=1).reshape(-1, *to_b.shape[1:]), len(row))

    @functools.lru_cache(maxsize=1)  # noqa: B019  # an album lives as long as its run
    def _real(self, number: int) -> dict[str, np.ndarray]:
        """Real records, as far apart in the data as possible; images in [-1, 1]."""
        number = min(number, len(self._source))
        records = self._source.stack(np.linspace(0, len(self._source) - 1, number).astype(int))
        return {name: np.asarray(array) for name, array in prepare(records).items()}


def _frames(folder: Path) -> dict[int, Path]:
    """The pictures of the fixed noise, by step."""
    return {int(path.stem.removeprefix("step_")): path for path in sorted(folder.glob("step_*.png"))}

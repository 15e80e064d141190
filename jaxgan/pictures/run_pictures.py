"""The pictures that a run keeps: what the same noise becomes over time, real beside fake, and in the end the sums."""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np
from PIL import Image

from jaxgan import pictures
from jaxgan.core.abilities import DOMAIN, GRAPH, LATENTS, TEXT
from jaxgan.core.arrays import domain_arrays
from jaxgan.core.scene_graph import sentences
from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.core.text import decode
from jaxgan.data import Source, as_seen, evenly
from jaxgan.data.transform import bicubic
from jaxgan.pictures.code_pictures import code_pictures
from jaxgan.pictures.style_pictures import style_pictures
from jaxgan.processes import told_by_first

_POINTS = 2000  # of a toy density
_CLASSES = 10  # rows of a class grid, at most
_LETTERS = 80  # of a text that stands before a row, at most
_TRANSLATED = 8  # rows of a translation grid
_INPUT, _BACK = "input", "back"  # what stands above columns of images as they are, and of what came back
_PAIRED = (8, 4)  # pairs of samples of two domains, in rows and in a row
_RECONSTRUCTED = 3  # rows of images that are made again
_STYLES, _CONTENTS = 6, 6  # columns and rows of a table of styles
_ATTENDED = 6  # samples whose attention is drawn, and the pixels that look: (row, column) as shares of the image
_LOOKING = ((0.5, 0.5), (0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75))


class Places(Protocol):
    """Where the pictures of a run lie; `jaxgan.training.run_folder.RunFolder` is one."""

    @property
    def samples(self) -> Path:
        """The folder of the fixed noise, a picture for each step."""

    @property
    def real_and_fake(self) -> Path:
        """Real data beside samples."""

    @property
    def losses(self) -> Path:
        """The curves."""

    @property
    def animation(self) -> Path:
        """What became of the fixed noise."""

    def picture(self, name: str) -> Path:
        """What is drawn beside the samples, by its name."""


class Drawing(NamedTuple):
    """What is drawn at one moment.

    Attributes:
        frame: The same noise, or the same inputs, as the game answers now.
        comparison: It beside real data, or None.
    """

    frame: Image.Image
    comparison: Image.Image | None = None


class RunPictures:
    """Draws what a game can do, as far as it says how: `Ability.drawn` names a function in `DRAWN` or `AT_THE_END`.

    Of the first such ability a picture of each moment is kept, beside real data; of the others the newest.

    Args:
        places: Where pictures go.
        compiled: What the game can do.
        source: Its training data.
        key: Key of the noise, the same for every picture.
        step: The step that the run goes on from: pictures of later steps are removed. None: it begins.
        write: Whether this process writes. Every process must draw, for sampling takes them all.

    Attributes:
        frames: The pictures of the fixed noise, by step.
        source: The training data.
        key: Key of the noise.
    """

    def __init__(
        self,
        places: Places,
        compiled: CompiledGame,
        source: Source,
        key: jax.Array,
        step: int | None,
        write: bool = True,
    ) -> None:
        self.source, self.key = source, key
        self._places, self._write = places, write
        drawn = {name: ability.drawn for name, ability in compiled.game.abilities.items() if ability.drawn}
        self._abilities = [name for name, how in drawn.items() if how in DRAWN]
        self._at_the_end = [name for name, how in drawn.items() if how in AT_THE_END]
        kept = -1 if step is None else step
        there = told_by_first(lambda: [(at, str(path)) for at, path in frames(places.samples).items()])
        self.frames = {at: Path(path) for at, path in there if at <= kept}
        for at, path in there if write else ():
            if at > kept:
                Path(path).unlink()

    def draw(self, snapshot: Snapshot, step: int) -> None:
        """Draws the same noise (or the same inputs) as ever, as the game answers after `step` steps."""
        if not self._abilities:
            return
        drawings = [DRAWN[snapshot.game.ability(name).drawn](self, snapshot, name) for name in self._abilities]
        self.frames[step] = path = self._places.samples / f"step_{step:07d}.png"
        if self._write:
            pictures.save(drawings[0].frame, path)
            if drawings[0].comparison is not None:
                pictures.save(drawings[0].comparison, self._places.real_and_fake)
            for name, drawing in zip(self._abilities[1:], drawings[1:], strict=True):
                pictures.save(drawing.frame, self._places.picture(name))

    def draw_at_the_end(self, snapshot: Snapshot) -> None:
        """Draws what is drawn of the trained game alone."""
        for ability in self._at_the_end:
            drawn = AT_THE_END[snapshot.game.ability(ability).drawn](snapshot, self.key, ability)
            for name, picture in drawn.items() if self._write else ():
                pictures.save(picture, self._places.picture(name))

    @property
    def latest(self) -> Path | None:
        """The newest picture of the fixed noise."""
        return self.frames[max(self.frames)] if self.frames else None

    def finish(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Draws the curves of the lines of metrics.jsonl, and the animation of what the noise became."""
        if self._write:
            pictures.save(pictures.curves(lines), self._places.losses)
            if (layers := pictures.layers(lines)) is not None:
                pictures.save(layers, self._places.picture("layers"))
            if self.frames:
                pictures.animate([self.frames[step] for step in sorted(self.frames)], self._places.animation)

    @functools.lru_cache(maxsize=1)  # noqa: B019  # they live as long as their run
    def real(self, number: int) -> dict[str, np.ndarray]:
        """Real records, as far apart in the data as possible; images in [-1, 1]."""
        return as_seen(self.source.stack(evenly(number, len(self.source))))


def _samples(run: RunPictures, snapshot: Snapshot, ability: str) -> Drawing:
    """A grid of samples, a row for each class if the game takes labels, and the same beside real images; or toy points."""
    if snapshot.arrays["image"].kind == "vector":
        return _points(run, snapshot, ability)
    columns = pictures.columns_for(snapshot.arrays["image"].shape)
    if asked := _asked(run, snapshot, ability, columns):
        return asked
    number, label, names = columns * columns, None, snapshot.classes(ability)
    if names:
        classes = np.linspace(0, len(names) - 1, min(len(names), _CLASSES)).astype(np.int32)
        label, names = np.repeat(classes, columns), tuple(names[index] for index in classes)
        number = len(label)
    fake = pictures.grid(snapshot.use(ability, run.key, number=number, label=label), columns, names)
    return Drawing(fake, pictures.beside(pictures.grid(run.real(number)["image"], columns), fake))


def _asked(run: RunPictures, snapshot: Snapshot, ability: str, columns: int) -> Drawing | None:
    """A row for each of a few texts or graphs of the data: pictures that were made of it, and the same beside the picture that
    it tells of; None for a game that takes no such thing."""
    takes, real = snapshot.game.ability(ability).takes, run.real(columns)
    asked = (name for name, argument in takes.items() if argument.kind in (TEXT, LATENTS, GRAPH) and argument.array)
    if (name := next(asked, None)) is None:
        return None
    told = real[takes[name].array]
    told = told if takes[name].kind == GRAPH else told[:, 0]
    given = {name: np.repeat(told, columns, axis=0)}
    in_words = {TEXT: decode, GRAPH: sentences}.get(takes[name].kind)
    texts = [in_words(one) for one in told] if in_words else ()
    made = snapshot.use(ability, run.key, number=len(given[name]), **given)
    fake = pictures.grid(made, columns, texts, letters=_LETTERS)
    return Drawing(fake, pictures.beside(pictures.grid(real["image"], 1), fake))


def _points(run: RunPictures, snapshot: Snapshot, ability: str) -> Drawing:
    """Points of a toy density over those of the data; behind them is what the discriminator says of the place, if it can."""
    real, fake = run.real(_POINTS)["image"], snapshot.use(ability, run.key, number=_POINTS)

    def field(points: np.ndarray) -> np.ndarray:
        # A discriminator that compares the points of a batch is to find some of everywhere in it.
        order = np.random.default_rng(0).permutation(len(points))
        return snapshot.use("judge", run.key, images=points[order])[np.argsort(order)]

    judges = "judge" in snapshot.game.abilities and not snapshot.takes("judge", "label")
    return Drawing(pictures.density(real, fake, field if judges else None))


def _translations(run: RunPictures, snapshot: Snapshot, ability: str) -> Drawing:
    """A row holds, for each way, an image, its translation and the way back; or, of a single way, the true counterpart where
    the data are pairs. What a column shows stands above it.

    Of more than two domains each row has one image: beside it stand, for each domain in turn, its translation and the way back
    (empty where it is of this domain); where there are none, it with and without each attribute.
    """
    ways = snapshot.game.ability(ability).ways
    domains = tuple(dict.fromkeys(source for source, _ in ways))
    if len(domains) > 2:
        return _many_domains(run, snapshot, ability, domains)
    real = run.real(_TRANSLATED)
    if not ways:
        targets = snapshot.game.ability(ability).takes["target"].choices
        row = [real["image"], *(snapshot.use(ability, run.key, images=real["image"], target=one) for one in targets)]
        return Drawing(_rows(row, (_INPUT, *targets)))
    row, headings, called = [], list[str](), _called(run)
    for source, target in ways:
        made = snapshot.use(ability, run.key, images=real[source], source=source, target=target)
        row += [real[source], made]
        headings += [called.get(source, source), f"to {called.get(target, target)}"]
        if (target, source) in ways:
            row.append(snapshot.use(ability, run.key, images=made, source=target, target=source))
            headings.append(_BACK)
        elif len(run.source.parts) == 1:  # domains that are shuffled each on its own are no pairs
            row.append(real[target])
            headings.append("true")
    return Drawing(_rows(row, headings))


def _rows(columns: Sequence[np.ndarray], headings: Sequence[str]) -> Image.Image:
    """A grid whose columns are arrays of images (N, H, W, C), of any shapes, each below its heading."""
    whole = np.stack(pictures.alike(columns), axis=1).reshape(-1, *pictures.common_shape(columns))
    return pictures.grid(whole, len(columns), headings=headings)


def _called(run: RunPictures) -> dict[str, str]:
    """What the data call their domains, by their arrays."""
    return dict(zip(domain_arrays(len(run.source.domains)), run.source.domains, strict=True))


def _many_domains(run: RunPictures, snapshot: Snapshot, ability: str, domains: Sequence[str]) -> Drawing:
    """Rows of images of each domain in turn, beside its name; above each column stands the domain that it was carried into."""
    real, blocks, names = run.real(max(1, _TRANSLATED // len(domains))), [], list[str]()
    domains, called = sorted(domains), _called(run)
    headings = [_INPUT, *(heading for target in domains for heading in (called.get(target, target), _BACK))]
    for source in domains:
        images = real[source]
        columns = [images]
        for target in domains:
            if target == source:
                columns += [np.full_like(images, pictures.EMPTY)] * 2
                continue
            made = snapshot.use(ability, run.key, images=images, source=source, target=target)
            columns += [made, snapshot.use(ability, run.key, images=made, source=target, target=source)]
        blocks.append(np.stack(pictures.alike(columns), axis=1))
        names += [called.get(source, source)] * len(images)
    whole = np.concatenate(blocks)
    return Drawing(pictures.grid(whole.reshape(-1, *whole.shape[2:]), whole.shape[1], names, headings=headings))


def _enlargements(run: RunPictures, snapshot: Snapshot, ability: str) -> Drawing:
    """A row holds a small image, it enlarged by the bicubic filter and by the game, and the true large one."""
    real = run.real(_TRANSLATED)
    small, large = real["low_resolution"], real["image"]
    filtered = [bicubic(pixels, large.shape[1:3]) for pixels in pictures.to_uint8(small)]
    row = [small, np.stack(filtered) / 127.5 - 1.0, snapshot.use(ability, run.key, images=small), large]
    return Drawing(_rows(row, ("small", "bicubic", "enlarged", "true")))


def _pairs(run: RunPictures, snapshot: Snapshot, ability: str) -> Drawing:
    """Samples of all domains, those of one latent beside each other."""
    (option,) = snapshot.game.ability(ability).kinds(DOMAIN)
    domains = snapshot.game.ability(ability).takes[option].choices
    made = [snapshot.use(ability, run.key, number=_PAIRED[0] * _PAIRED[1], **{option: domain}) for domain in domains]
    shown = np.stack(made, axis=1).reshape(-1, *made[0].shape[1:])
    headings = [_called(run).get(domain, domain) for domain in domains] * _PAIRED[1]
    return Drawing(pictures.grid(shown, len(headings), headings=headings))


def _reconstructions(run: RunPictures, snapshot: Snapshot, ability: str) -> Drawing:
    """Rows of images, and below each row the same images made again from their codes."""
    columns = pictures.columns_for(next(spec.shape for spec in snapshot.arrays.values() if spec.kind == "image"))
    real = _of_all_domains(run, columns * _RECONSTRUCTED)
    made = snapshot.use(ability, run.key, images=real)
    rows = [rows[start : start + columns] for start in range(0, len(real), columns) for rows in (real, made)]
    names = ("input", "again") * (len(rows) // 2)
    return Drawing(pictures.grid(np.concatenate(rows), min(columns, len(real)), names))


def _of_all_domains(run: RunPictures, number: int) -> np.ndarray:
    """So many real images; where the data have domains, of each in turn."""
    domains = domain_arrays(len(run.source.domains))
    real = run.real(-(-number // max(1, len(domains))))
    if not domains:
        return real["image"]
    images = np.stack([real[name] for name in domains], axis=1)
    return images.reshape(-1, *images.shape[2:])[:number]


def _restyled(run: RunPictures, snapshot: Snapshot, ability: str) -> Drawing:
    """A table: below each image of the first row its style, beside each of the first column its content."""
    real = _of_all_domains(run, _STYLES + _CONTENTS)
    styles, contents = real[::2][:_STYLES], real[1::2][:_CONTENTS]
    rows = [np.full_like(real[:1], -1), styles]
    for content in contents:
        rows += [content[None], snapshot.use(ability, run.key, images=np.stack([content] * len(styles)), styles=styles)]
    return Drawing(pictures.grid(np.concatenate(rows), len(styles) + 1))


def _attention(run: RunPictures, snapshot: Snapshot, ability: str) -> Drawing:
    """A row for each of a few samples: the sample, and it again for each of five pixels, red where that pixel looks."""
    label, names = None, snapshot.classes(ability)
    if names:
        label = np.linspace(0, len(names) - 1, min(len(names), _ATTENDED)).astype(np.int32)
        names = tuple(names[index] for index in label)
    given = {"number": len(names) or _ATTENDED, "label": label}
    images = snapshot.use("sample", run.key, **given)
    columns = [pictures.as_colours(images)]
    for row, column in _LOOKING:
        seen = snapshot.use(ability, run.key, row=row, column=column, **given)
        columns.append(pictures.looking(images, seen, row, column))
    shown = np.stack(columns, axis=1).reshape(-1, *columns[0].shape[1:])
    return Drawing(pictures.grid(shown, len(columns), names))


# How abilities are drawn: (the run's pictures, the game now, the ability's name) -> what is drawn.
DRAWN: dict[str, Callable[[RunPictures, Snapshot, str], Drawing]] = {
    "samples": _samples,
    "translations": _translations,
    "enlargements": _enlargements,
    "pairs": _pairs,
    "reconstructions": _reconstructions,
    "restyled": _restyled,
    "attention": _attention,
}
# How the trained game's are: (the game, a key, the ability's name) -> pictures by name.
AT_THE_END: dict[str, Callable[[Snapshot, jax.Array, str], dict[str, Image.Image]]] = {
    "styles": style_pictures,
    "codes": code_pictures,
}


def frames(folder: Path) -> dict[int, Path]:
    """The pictures of a run's fixed noise that lie in a folder, by step."""
    return {
        int(path.stem[5:]): path
        for path in sorted(folder.glob("step_*.png"))
        if re.fullmatch(r"\d{7,18}", path.stem[5:])
    }

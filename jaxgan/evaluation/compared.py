"""What is evaluated, a run or a folder of images, and what it is compared with."""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan.core.snapshot import Snapshot
from jaxgan.data import DataError, Source, evenly, make_source, other_split
from jaxgan.data.files import FilePictures
from jaxgan.data.images import ImageSource
from jaxgan.data.sources import ArraySource
from jaxgan.errors import UserError
from jaxgan.evaluation.cached_statistics import load_statistics, records_of
from jaxgan.evaluation.fakes import fake_images, labels
from jaxgan.evaluation.feature_statistics import ImageBatch, Summary
from jaxgan.evaluation.protocol import Protocol
from jaxgan.foreign import array_names, read_npz


@dataclasses.dataclass(frozen=True, eq=False)
class Measured:
    """The images that are measured: a trained game's, or those of a folder.

    Attributes:
        protocol: What it says of how the images are made.
        image_shape: (H, W, C).
        model: What it is, for the result.
        snapshot: The game; None for a folder.
        classes: Number of classes that a game's images are asked for; 0 without.
        class_names: What the classes are called, by number; () where labels are numbers alone.
        source: The folder's images; None for a game.
        data: The run's `config.data`; None for a folder.
    """

    protocol: Protocol
    image_shape: tuple[int, ...]
    model: dict[str, Any]
    snapshot: Snapshot | None = None
    classes: int = 0
    class_names: tuple[str, ...] = ()
    source: Source | None = None
    data: Any = None

    def batches(self, number: int, real_labels: np.ndarray | None = None) -> Iterator[ImageBatch]:
        """The first `number` of the images; the labels that a game is asked for have the frequencies of `real_labels`."""
        if self.snapshot is None:
            assert self.source is not None
            return records_of(self.source, evenly(self.protocol.fakes, len(self.source))[:number])
        asked = labels(self.protocol.fakes, self.classes, real_labels, self.protocol.seed) if self.classes else None
        key = jax.random.key(self.protocol.seed)
        return fake_images(self.snapshot, key, number, asked, self.protocol.truncation)

    def images(self, number: int, real_labels: np.ndarray | None = None) -> ImageBatch:
        """The same, stacked."""
        parts = list(self.batches(number, real_labels))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@dataclasses.dataclass(frozen=True, eq=False)
class Reference:
    """Real images, or their statistics.

    Attributes:
        name: What they are called in the protocol.
        split: Which split of the data.
        number: How many are used; None if statistics do not say.
        whole: Whether these are all.
        source: The images; None for statistics.
        summary: The statistics; None for images.
        class_names: As in `Measured`; they may have other numbers there.
        prepared: How they were made of images of another size, "" where they were not.
    """

    name: str
    split: str
    number: int | None
    whole: bool
    source: Source | None = None
    summary: Summary | None = None
    class_names: tuple[str, ...] = ()
    prepared: str = ""


def numbered_as(labels: np.ndarray, names: Sequence[str], known: Sequence[str], classes: int) -> np.ndarray | None:
    """Labels with the numbers of other classes of the same names.

    Args:
        labels: int (N,), in `names`.
        names: What their classes are called; () for numbers alone, which are taken as they are.
        known: What the other classes are called; () as well.
        classes: How many of these there are; 0: any number.

    Returns:
        int32 (N,), or None where a class is not among the others.
    """
    if not names or not known:
        return labels if not classes or int(labels.max(initial=0)) < classes else None
    if not {names[label] for label in np.unique(labels)} <= set(known):
        return None
    return np.array([known.index(name) if name in known else -1 for name in names], np.int32)[labels]


def measured_game(
    snapshot: Snapshot,
    data: ConfigDict,
    number: int,
    seed: int = 0,
    truncation: float | None = None,
    model: dict[str, Any] | None = None,
) -> Measured:
    """The images of a game; to be called, and used, inside `jax.set_mesh(data_mesh())`.

    Args:
        snapshot: The game.
        data: Its `config.data`.
        number: How many images.
        seed: The same seed draws the same images.
        truncation: Of the latents; None: as trained.
        model: What it is, for the result.

    Raises:
        UserError: The game does not make images so.
    """
    compiled = snapshot.compiled
    snapshot.game.ability("sample")
    if "image" not in snapshot.arrays:
        raise UserError(f"the data have no array 'image' (they have: {', '.join(snapshot.arrays)})")
    spec = snapshot.arrays["image"]
    if spec.kind != "image":
        raise UserError("the game's samples are vectors: their metrics are those of metrics.jsonl")
    if truncation is not None and not snapshot.takes("sample", "truncation"):
        raise UserError(f"truncation {truncation}: the game has none")
    if truncation is not None:
        snapshot.game.ability("sample").takes["truncation"].check_strength("truncation", truncation)
    standing = f"{compiled.statistics_batches} batches of {compiled.batch_size}"
    if snapshot.given is not None:
        standing = "those in the file"
    protocol = Protocol(
        fakes=number,
        image=_size(spec.shape),
        average=snapshot.averaged,
        truncation=truncation,
        batch_norm=standing
        if compiled.statistics_batches or snapshot.given
        else f"each batch of {compiled.batch_size}",
        seed=seed,
    )
    names = () if snapshot.game.ability("sample").own_classes else snapshot.classes("sample")
    return Measured(protocol, spec.shape, model or {}, snapshot, len(names), names, data=data)


def measured_images(path: str, number: int | None) -> Measured:
    """The images of a folder, a zip or an .npz; `number` None: all of them.

    Raises:
        DataError: There are none, or fewer than `number`, or of several sizes.
    """
    source = open_images(path)
    if number is not None and number > len(source):
        raise DataError(f"too few images: {number} of {path} are asked for, which has {len(source)}; ask for fewer")
    assert source.image_shape is not None
    protocol = Protocol(fakes=number or len(source), image="x".join(map(str, source.image_shape)))
    return Measured(protocol, source.image_shape, {"images": path}, source=source, class_names=_class_names(source))


def open_reference(name: str, number: int | None, measured: Measured) -> Reference:
    """What `--reference` names: a split of the run's data, a folder, a zip, an .npz of images or of statistics.

    Args:
        name: The split or the path.
        number: How many of the images; None: all.
        measured: What will be compared with it.

    Raises:
        DataError: It is not there; or its images have another size or other channels, and no run says how they are made like
            those measured.
    """
    exists = os.path.exists(name) and not names_split(name, measured)
    if not exists and (measured.data is None or os.sep in name or name.endswith((".zip", ".npz"))):
        raise DataError(f"--reference={name} does not exist; give a folder, a zip, an .npz, or a split of a run's data")
    if os.path.isfile(name) and exists and name.endswith(".npz") and "image" not in array_names(name):
        summary = load_statistics(name)
        return Reference(Path(name).name, "", summary.count, True, summary=summary)
    prepared = ""
    if exists and measured.data is not None:
        called, split = name, ""
        source, prepared = _like_those_of_the_run(name, measured)
    elif exists:
        called, split, source = name, "", open_images(name)
    else:
        called, split = _called(measured.data), name
        arrays = measured.snapshot.arrays if measured.snapshot is not None else {}
        source = other_split(measured.data, split, arrays)
    if source.image_shape is None or tuple(source.image_shape) != tuple(measured.image_shape):
        found = "several sizes" if source.image_shape is None else _size(source.image_shape)
        raise DataError(
            f"--reference={name} has images of {found}, but those measured are {_size(measured.image_shape)}; "
            "prepare both alike"
        )
    if number is not None and not 0 < number <= len(source):
        raise DataError(f"too few images: {number} of {name} are asked for, which has {len(source)}; ask for fewer")
    whole, names = number in (None, len(source)), _class_names(source)
    return Reference(called, split, number or len(source), whole, source, class_names=names, prepared=prepared)


class _SizesDifferError(DataError):
    """The images at a path are of several sizes."""


def _like_those_of_the_run(path: str, measured: Measured) -> tuple[Source, str]:
    """The images at a path, of the run's size and channels, and how they were made so; "" where they have them already."""
    try:
        source = open_images(path)
        if tuple(source.image_shape or ()) == tuple(measured.image_shape):
            return source, ""
    except _SizesDifferError:
        pass  # they are made alike
    resize = "cover" if measured.data.resize == "none" else measured.data.resize  # there, crops of larger pictures
    fields = {
        "name": "npz" if path.endswith(".npz") else "folder",
        "path": path,
        "image_size": measured.image_shape[:2],
        "load_size": measured.data.load_size if resize == measured.data.resize else None,
        "channels": measured.image_shape[2],
        "resize": resize,
        "resample": measured.data.resample,
    }
    loaded = f", loaded at {fields['load_size']}" if fields["load_size"] else ""
    return make_source(fields), f"{resize}, {measured.data.resample}{loaded}"


def names_split(name: str, measured: Measured) -> bool:
    """Whether `--reference` names a split of the run's data, which lie where its config says, and no path of the user's."""
    return measured.data is not None and (name in ("train", "test") or not os.path.exists(name))


def data_reference(data: ConfigDict, source: Source) -> Reference:
    """All of the data that a game is trained on; `data` is its `config.data` and `source` what that names."""
    return Reference(_called(data), data.split, len(source), True, source, class_names=_class_names(source))


def _class_names(source: Source) -> tuple[str, ...]:
    """The names of a source's classes; () for arrays in memory, whose labels are numbers alone."""
    return source.arrays["label"].names if "label" in source.arrays and not isinstance(source, ArraySource) else ()


def _called(data: ConfigDict) -> str:
    return data.name + (f":{data.path}" if data.path else "")


def open_images(path: str) -> Source:
    """All images of a folder, a zip or an .npz ("image", uint8, and perhaps "label"), as they are.

    Raises:
        DataError: There are none, or they differ in size.
    """
    if path.endswith(".npz") and os.path.isfile(path):
        arrays = read_npz(path, lambda name: name in ("image", "label"))
        image = arrays.get("image")
        if image is None or image.dtype != np.uint8 or image.ndim != 4 or not len(image):
            raise DataError(f"{path} holds no images; expected an array named image, uint8 (N, H, W, C)")
        return ArraySource(path, arrays)
    try:
        source = make_source("zip" if path.endswith(".zip") else "folder", path=path)
    except DataError as error:
        raise DataError(_without_cure(error)) from error
    pictures = source.pictures if isinstance(source, ImageSource) else None
    if isinstance(pictures, FilePictures) and pictures.split:
        folder = os.path.join(path, pictures.split)
        shards = os.path.isdir(path) and not os.path.isdir(folder)  # tars that are called by their splits
        cure = "the tars of one split in a folder of their own" if shards else f"one of its folders, such as {folder}"
        raise DataError(f"{path} is split; give {cure}")
    try:
        source.check_batchable()
    except DataError as error:
        raise _SizesDifferError(f"{_without_cure(error)}; give images of one size") from error
    return source


def _without_cure(error: DataError) -> str:
    """What is wrong, without the field of a config that would mend it in a run."""
    return str(error).split("; set data.")[0].split("; data.split")[0]


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))

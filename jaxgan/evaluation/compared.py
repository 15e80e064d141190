"""What is evaluated, a run or a folder of images, and what it is compared with."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan.core.snapshot import Snapshot
from jaxgan.data import DataError, Source, make_source
from jaxgan.data.files import folder_pictures
from jaxgan.data.sources import ArraySource
from jaxgan.errors import UserError
from jaxgan.evaluation.cached_statistics import load_statistics, records_of
from jaxgan.evaluation.fakes import fake_images, labels
from jaxgan.evaluation.feature_statistics import ImageBatch, Summary
from jaxgan.evaluation.protocol import Protocol

_GREY = {"1", "L", "LA", "I", "I;16", "I;16B"}
_PROBED = 32  # pictures of a folder by which grey is told from colour


@dataclasses.dataclass(frozen=True, eq=False)
class Measured:
    """The images that are measured: a trained game's, or those of a folder.

    Attributes:
        protocol: What it says of how the images are made.
        image_shape: (H, W, C).
        model: What it is, for the result.
        snapshot: The game; None for a folder.
        classes: Number of classes that a game's images are asked for; 0 without.
        source: The folder's images; None for a game.
        data: The run's `config.data`; None for a folder.
    """

    protocol: Protocol
    image_shape: tuple[int, ...]
    model: dict[str, Any]
    snapshot: Snapshot | None = None
    classes: int = 0
    source: Source | None = None
    data: Any = None

    def batches(self, number: int, real_labels: np.ndarray | None = None) -> Iterator[ImageBatch]:
        """The first `number` images; the labels that a game is asked for have the frequencies of `real_labels`."""
        if self.snapshot is None:
            assert self.source is not None
            return records_of(self.source, number)
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
    """

    name: str
    split: str
    number: int | None
    whole: bool
    source: Source | None = None
    summary: Summary | None = None


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
    protocol = Protocol(
        fakes=number,
        image=_size(spec.shape),
        average=snapshot.averaged,
        truncation=truncation,
        batch_norm=standing if compiled.statistics_batches else f"each batch of {compiled.batch_size}",
        seed=seed,
    )
    return Measured(protocol, spec.shape, model or {}, snapshot, len(snapshot.classes("sample")), data=data)


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
    return Measured(protocol, source.image_shape, {"images": path}, source=source)


def open_reference(name: str, number: int | None, measured: Measured) -> Reference:
    """What `--reference` names: a split of the run's data, a folder, a zip, an .npz of images or of statistics.

    Args:
        name: The split or the path.
        number: How many of the images; None: all.
        measured: What will be compared with it.

    Raises:
        DataError: It is not there, or its images have another size or other channels.
    """
    exists = os.path.exists(name) and not (measured.data is not None and name in ("train", "test"))
    if not exists and (measured.data is None or os.sep in name or name.endswith((".zip", ".npz"))):
        raise DataError(f"--reference={name} does not exist; give a folder, a zip, an .npz, or a split of a run's data")
    if exists and name.endswith(".npz") and not _holds_images(name):
        summary = load_statistics(name)
        return Reference(Path(name).name, "", summary.count, True, summary=summary)
    if exists:
        called, split, source = name, "", open_images(name)
    else:
        called, split = _called(measured.data), name
        source = make_source(measured.data, split=split, flip=False, dequantize=False, labelled=0)
    if source.image_shape is None or tuple(source.image_shape) != tuple(measured.image_shape):
        found = "several sizes" if source.image_shape is None else _size(source.image_shape)
        raise DataError(
            f"--reference={name} has images of {found}, but those measured are {_size(measured.image_shape)}; "
            "prepare both alike"
        )
    if number is not None and not 0 < number <= len(source):
        raise DataError(f"too few images: {number} of {name} are asked for, which has {len(source)}; ask for fewer")
    return Reference(called, split, number or len(source), number in (None, len(source)), source)


def data_reference(data: ConfigDict, source: Source) -> Reference:
    """All of the data that a game is trained on; `data` is its `config.data` and `source` what that names."""
    return Reference(_called(data), data.split, len(source), True, source)


def _called(data: ConfigDict) -> str:
    return data.name + (f":{data.path}" if data.path else "")


def open_images(path: str) -> Source:
    """All images of a folder, a zip or an .npz ("image", uint8, and perhaps "label"), as they are.

    Raises:
        DataError: There are none, or they differ in size.
    """
    if path.endswith(".npz") and os.path.isfile(path):
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ("image", "label") if name in file.files}
        image = arrays.get("image")
        if image is None or image.dtype != np.uint8 or image.ndim != 4 or not len(image):
            raise DataError(f"{path} holds no images; expected an array named image, uint8 (N, H, W, C)")
        return ArraySource(path, arrays)
    try:
        source = make_source("zip" if path.endswith(".zip") else "folder", path=path, channels=_channels(path))
        source.check_batchable()
    except DataError as error:
        # Its cures are fields of a config.
        raise DataError(f"{str(error).split('; set data.')[0]}; give images of one size") from error
    return source


def _channels(path: str) -> int:
    """1 for a folder of grey pictures, else 3; told from some of them."""
    pictures = folder_pictures(path, "train")
    for index in np.unique(np.linspace(0, len(pictures) - 1, _PROBED).astype(int)):
        try:
            with pictures.open(int(index))[0] as picture:
                if picture.mode not in _GREY:
                    return 3
        except OSError:  # reported when it is read
            continue
    return 1


def _holds_images(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return "image" in np.load(file, allow_pickle=False).files
    except Exception:  # load_statistics says what is wrong with it
        return False


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))

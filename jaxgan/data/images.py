"""The source of pictures: folders, zips, tfds sets and digits, each through the same transform."""

import concurrent.futures
import functools
import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from PIL import Image, UnidentifiedImageError

from jaxgan.core.arrays import ArraySpec
from jaxgan.data.errors import DataError
from jaxgan.data.sources import Record, Source, cores
from jaxgan.data.specs import attributes_spec, image_spec, label_spec
from jaxgan.data.transform import Transform, too_small, upright, upright_size
from jaxgan.foreign import printable

_log = logging.getLogger("jaxgan.data")
_GREY = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"}  # of Pillow's modes
_HEADERS = 256  # that are read at a time
_NAMED = 3  # pictures that cannot be read, in one line


class Pictures(Protocol):
    """Where an `ImageSource` gets its pictures: a folder, a zip, a tfds set, scikit-learn's digits.

    Where the crop that is not drawn is no centre of what `open` opens, `open_centre(index)` opens what it is the centre of.

    Attributes:
        class_names: Of the labels, class i is the i-th; () without labels.
        labels: Of all pictures, (N,) int32, where they are known without opening any; else None.
    """

    class_names: tuple[str, ...]
    labels: np.ndarray | None

    def __len__(self) -> int: ...

    def open(self, index: int) -> tuple[Image.Image, int | None]:
        """Opens picture `index`, beside its label or None; raises any exception when it is unreadable."""

    def where(self, index: int) -> str:
        """Names picture `index` in messages: its file."""

    def stamp(self) -> str:
        """What changes when a picture does, without reading them; "" where only reading them tells."""


def channels_of(*parts: Pictures) -> int:
    """1 where all pictures are grey, else 3: told from their headers, of all of them where none has a colour."""

    def coloured(pictures: Pictures, index: int) -> bool:
        try:
            with pictures.open(index)[0] as picture:
                return picture.mode not in _GREY
        except Exception:  # counted when it is read
            return False

    with concurrent.futures.ThreadPoolExecutor(cores()) as pool:
        for pictures in parts:
            for start in range(0, len(pictures), _HEADERS):
                chunk = range(start, min(start + _HEADERS, len(pictures)))
                if any(pool.map(functools.partial(coloured, pictures), chunk)):
                    return 3
    return 1


class Attributes(NamedTuple):
    """What is true of each picture of an `ImageSource`.

    Attributes:
        names: Of the K attributes.
        values: (N, K) float32, 1 for what a picture has and 0 for what it has not.
        drawn: Functions of the transformed array that give it each attribute, for pictures that are made to have them.
    """

    names: tuple[str, ...]
    values: np.ndarray
    drawn: tuple[Callable[[np.ndarray], np.ndarray], ...] = ()


class ImageSource(Source):
    """Pictures, decoded and transformed when they are asked for.

    A picture that cannot be read is replaced by the next one that can, whoever asks and whenever: what a position of
    the stream holds depends on the files alone, and resuming stays exact. Warnings of the logger "jaxgan.data" count them
    and name the first few; more than a share `max_unreadable` of them is an error, and so is a class without one that can.

    Args:
        name: What the source is called in messages.
        pictures: Where they come from.
        transform: From a picture to an array.
        flip: Mirror training records half of the time.
        domain: A function of the transformed array (uint8 HWC to uint8 HWC, of any size and channels), or None.
        max_unreadable: Share of the pictures that may be unreadable, in [0, 1].
        metrics: As in `Source`.
        beside: What a record has beside its picture: for each array what it is, and its entries, one for each picture.
        attributes: Of the pictures; None: records have none.

    Attributes:
        skipped: Why each picture cannot be read, of those that turned out so in this process, by index.
    """

    def __init__(
        self,
        name: str,
        pictures: Pictures,
        transform: Transform,
        *,
        flip: bool = False,
        domain: Callable[[np.ndarray], np.ndarray] | None = None,
        max_unreadable: float = 0.01,
        metrics: tuple[str, ...] = (),
        beside: Mapping[str, tuple[ArraySpec, np.ndarray]] | None = None,
        attributes: Attributes | None = None,
    ) -> None:
        self.name, self.pictures, self.transform, self.metrics = name, pictures, transform, metrics
        self.flip, self.domain, self.max_unreadable, self.attributes = flip, domain, max_unreadable, attributes
        self.fixed = transform.crop == "centre"
        self.skipped: dict[int, str] = {}
        self._said = 0  # how many of them were told
        self._mixed = ""
        size = transform.image_size or self._common_size()
        if transform.resize == "none" and transform.image_size is not None:
            self._check_sizes()
        self.arrays = {}
        if size is not None:
            shape = (*size, transform.channels)
            # A domain may have another size or other channels than what it is made of.
            self.arrays["image"] = image_spec(shape if domain is None else domain(np.zeros(shape, np.uint8)).shape)
        if pictures.class_names:
            self.arrays["label"] = label_spec(pictures.class_names)
        if attributes is not None:
            beside = {**(beside or {}), "attributes": (attributes_spec(attributes.names), attributes.values)}
        self._beside = {key: values for key, (_, values) in (beside or {}).items()}
        self.arrays |= {key: spec for key, (spec, _) in (beside or {}).items()}
        if pictures.class_names:
            self._check_classes()

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def unreadable(self) -> int:
        return len(self.skipped)

    def stamp(self) -> str:
        drawn = self.domain is not None or (self.attributes is not None and self.attributes.drawn)
        pictures = "" if drawn else self.pictures.stamp()  # a function has no stamp
        beside = [hashlib.sha256(values.tobytes()).hexdigest() for values in self._beside.values()]
        return pictures and " ".join([pictures, str(self.transform), *beside])

    def record(self, index: int, draw: np.ndarray | None) -> Record:
        for ahead in range(len(self)):
            if (record := self.read((index + ahead) % len(self), draw)) is not None:
                return record
        raise self._none_readable()

    def read(self, index: int, draw: np.ndarray | None) -> Record | None:
        """`record`, but None when the picture is unreadable."""
        if index in self.skipped:
            return None
        try:
            drawn = draw is not None and self.transform.crop != "centre"
            opened = self.pictures.open if drawn else getattr(self.pictures, "open_centre", self.pictures.open)
            picture, label = opened(index)
            with picture:
                picture.load()
                pixels = self.transform(upright(picture), draw, self.pictures.where(index))
        except (MemoryError, DataError):
            raise
        except Exception as error:  # whatever a decoder raises on broken bytes
            self._skip(index, error)
            return None
        if self.domain is not None:
            pixels = self.domain(pixels)
        if self.attributes is not None:
            for give, has in zip(self.attributes.drawn, self.attributes.values[index], strict=False):
                pixels = give(pixels) if has else pixels
        if self.flip and draw is not None and draw[0] < 0.5:
            pixels = pixels[:, ::-1]
        record: Record = {"image": pixels} if label is None else {"image": pixels, "label": np.int32(label)}
        return record | {key: values[index] for key, values in self._beside.items()}

    def labels(self) -> np.ndarray:
        # Without decoding them all: that of a picture that cannot be read may be another than that of the one in its place.
        return super().labels() if self.pictures.labels is None else self.pictures.labels

    def stack(self, indices: Sequence[int] | np.ndarray | None = None) -> Record:
        records = super().stack(indices)
        if indices is None:
            self._say_skipped()
        return records

    def check_batchable(self) -> None:
        if self._mixed:
            raise DataError(f"{self._mixed}; set data.image_size to make them one size")

    def _skip(self, index: int, error: Exception) -> None:
        if isinstance(error, UnidentifiedImageError):
            reason = "not an image"
        else:
            reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        self.skipped[index] = reason
        count, where = len(self.skipped), self.pictures.where(index)
        if count > self.max_unreadable * len(self):
            raise DataError(
                f"{where} cannot be read ({reason}), unreadable image {count} of {len(self)}, which is more than "
                f"data.max_unreadable={self.max_unreadable}; repair or remove it, or raise that field of a config"
            ) from error
        if count >= 10 * self._said or count == 1:  # the first, the tenth, the hundredth ...
            self._say_skipped()

    def _say_skipped(self) -> None:
        """Counts the unreadable pictures in one line, if there are more than were told."""
        if (count := len(self.skipped)) == self._said:
            return
        self._said = count
        first = [f"{self.pictures.where(index)} ({reason})" for index, reason in list(self.skipped.items())[:_NAMED]]
        named = ", ".join([*first, "..."] if count > _NAMED else first)
        line = (
            f"{count} of the {len(self)} images of {self.name} cannot be read, {named}: the next ones take their places"
        )
        _log.warning("%s", printable(line))

    def _check_classes(self) -> None:
        """Raises a DataError for a class whose pictures are all unreadable: others would take their places without a word."""
        labels = self.pictures.labels
        if labels is None:
            return

        def readable(label: int) -> bool:
            return any(self.read(int(index), None) is not None for index in np.flatnonzero(labels == label))

        there = np.unique(labels)
        with concurrent.futures.ThreadPoolExecutor(cores()) as pool:
            for label, good in zip(there, pool.map(readable, there), strict=True):
                if not good:
                    index = int(np.flatnonzero(labels == label)[0])
                    raise DataError(
                        f"no image of the class {self.pictures.class_names[label]!r} of {self.name} can be read, such as "
                        f"{self.pictures.where(index)} ({self.skipped[index]}); repair them, or remove the whole class"
                    )

    def _sizes(self) -> Iterator[tuple[int, tuple[int, int]]]:
        """(index, (height, width)) of every readable picture, from the headers."""

        def size(index: int) -> tuple[int, int] | None:
            try:
                with self.pictures.open(index)[0] as picture:
                    return upright_size(picture)
            except Exception:  # counted when it is read
                return None

        with concurrent.futures.ThreadPoolExecutor(cores()) as pool:
            for index, found in enumerate(pool.map(size, range(len(self)))):
                if found is not None:
                    yield index, found

    def _common_size(self) -> tuple[int, int] | None:
        """The one size of all pictures; None, with the reason in `_mixed`, when there is none."""
        first: tuple[int, tuple[int, int]] | None = None
        for index, size in self._sizes():
            first = first or (index, size)
            if size != first[1]:
                one, other = (f"{self.pictures.where(i)} is {h}x{w}" for i, (h, w) in (first, (index, size)))
                self._mixed = f"{one} and {other} (height x width)"
                return None
        if first is None:
            raise self._none_readable()
        return first[1]

    def _none_readable(self) -> DataError:
        return DataError(f"none of the {len(self)} images of {self.name} can be read; check data.path")

    def _check_sizes(self) -> None:
        wanted = self.transform.image_size
        assert wanted is not None
        for index, size in self._sizes():
            if size[0] < wanted[0] or size[1] < wanted[1]:
                raise too_small(self.pictures.where(index), size, wanted)

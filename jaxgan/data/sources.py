"""Sources: a length, and a record by index. All that the loader knows of data is the class `Source`."""

import concurrent.futures
import operator
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from jaxgan.core.arrays import Arrays, ArraySpec, num_classes
from jaxgan.data.errors import DataError
from jaxgan.data.specs import attributes_spec, spec_of, stored

Record = dict[str, Any]  # arrays, and np.int32 for a label


class Source:
    """`len(source)` records; `source[i]` is record i as a dict of arrays, without random augmentation.

    In a record images are uint8 (height, width, channels), labels int32 scalars, vectors float32. A record has "image" and,
    where the set has them, "label" and "attributes", float32 (K,), each 0 or 1; or "a", "b", "c" ... for several domains (and
    "label" where all show the same object).

    Attributes:
        name: What the source is called in messages.
        arrays: What a record holds, by name, as a game sees it (after `prepare`). Images that differ in size stand not in
            it: they cannot be stacked, and `check_batchable` says why.
        domains: What people call the domains "a", "b" ..., in this order; () where there are no domains.
        metrics: Names of the metrics that suit the data, the most important first: for configs that name none.
        flip: Whether training records are mirrored left to right half of the time.
        dequantize: Whether `prepare` adds noise below one grey level to the images of minibatches.
        fixed: Whether records are the same every time but for that flip (so that they may be kept on the device).
        repeated: Whether a minibatch may hold a record several times; otherwise one larger than the source is refused.
    """

    name: str
    arrays: dict[str, ArraySpec]
    domains: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    flip: bool = False
    dequantize: bool = False
    fixed: bool = True
    repeated: bool = False

    def __len__(self) -> int:
        raise NotImplementedError

    def record(self, index: int, draw: np.ndarray | None) -> Record:
        """Record `index` in 0..len-1, augmented by the (3,) uniform numbers `draw`; None: not augmented."""
        raise NotImplementedError

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        """Shape of the images or vectors, the first where there are several; None where it differs between records."""
        return next((spec.shape for spec in self.arrays.values() if spec.kind in ("image", "vector")), None)

    @property
    def num_classes(self) -> int:
        """Number of classes of "label"; 0 without labels."""
        return num_classes(self.arrays)

    @property
    def parts(self) -> "tuple[Source, ...]":
        """The sources that are shuffled each on its own; a minibatch joins their records."""
        return (self,)

    @property
    def unreadable(self) -> int:
        """How many records turned out to be unreadable in this process so far."""
        return 0

    def stamp(self) -> str:
        """What changes whenever a record does, without reading them; "" where only reading them tells."""
        return ""

    def labels(self) -> np.ndarray:
        """The labels of all records, int (N,), of a set that has some."""
        return np.array([int(record["label"]) for record in self])

    @property
    def measured(self) -> "Source":
        """What a game on these data is measured by: all that is known, where training hides a part of it."""
        return self

    def check_batchable(self) -> None:
        """Raises a DataError when records cannot be stacked into a minibatch."""

    def stack(self, indices: Sequence[int] | np.ndarray | None = None) -> Record:
        """Reads records, decoding on all cores, and stacks them.

        Args:
            indices: Which records; None: all of them, in order.

        Returns:
            The arrays of `record`, each with a leading axis of the records' number.

        Raises:
            DataError: The records differ in shape, or too many are unreadable.
        """
        self.check_batchable()
        chosen = range(len(self)) if indices is None else indices
        with concurrent.futures.ThreadPoolExecutor(cores()) as pool:
            return stacked(list(pool.map(self.__getitem__, chosen)))

    def __getitem__(self, index: int) -> Record:
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"record {index} of {self.name}, which has {len(self)}")
        return self.record(index % len(self), None)

    def __iter__(self) -> Iterator[Record]:
        return (self[index] for index in range(len(self)))


_FURTHEST = 1.001  # of images in [-1, 1], whose last digits may have been rounded


class ArraySource(Source):
    """Records that lie in memory: entry i of every array. For vectors and anything else that needs no decoding.

    Args:
        name: What the source is called in messages.
        values: Arrays of one length, by name, like "image" and "label": images (N, H, W, C), of uint8 or of floats in [-1, 1];
            vectors (N, D) of floats; labels (N,) of integers.
        arrays: What they are, for those where the values do not tell it all: the names of classes. Classes without names
            are called "0", "1" ... up to the largest label.
        domains: As in `Source`.
        metrics: As in `Source`; None: a distance of features where there are images.

    Attributes:
        values: The arrays as records hold them: uint8 or float32, and int32 for labels.

    Raises:
        DataError: The arrays differ in length, are of other kinds, or are not as `arrays` says; or images of floats are not in
            [-1, 1].
    """

    def __init__(
        self,
        name: str,
        values: Mapping[str, np.ndarray],
        arrays: Arrays | None = None,
        *,
        domains: tuple[str, ...] = (),
        metrics: tuple[str, ...] | None = None,
    ) -> None:
        self.name, self.domains, arrays = name, domains, arrays or {}
        self.values = {key: stored(np.asarray(array)) for key, array in values.items()}
        lengths = {key: len(array) for key, array in self.values.items()}
        if len(set(lengths.values())) != 1 or 0 in lengths.values():
            raise DataError(f"the arrays of {name} have the lengths {lengths}; give them one length, of at least 1")
        if foreign := arrays.keys() - self.values.keys():
            raise DataError(f"{name} has no array {min(foreign)!r} (its arrays: {', '.join(self.values)})")
        derived = {key: spec_of(array, f"array {key!r} of {name}") for key, array in self.values.items()}
        for key, spec in arrays.items():
            if (spec.kind, derived[key].kind) == ("attributes", "vector") and len(spec.names) == derived[key].shape[0]:
                derived[key] = attributes_spec(spec.names)
        self.arrays = derived | dict(arrays)
        for key, spec in self.arrays.items():
            self._check(key, spec, derived[key])
        images = "image" in self.arrays and self.arrays["image"].kind == "image"
        self.metrics = (("fid/inception",) if images else ()) if metrics is None else metrics

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    def record(self, index: int, draw: np.ndarray | None) -> Record:
        return {key: array[index] for key, array in self.values.items()}

    def stack(self, indices: Sequence[int] | np.ndarray | None = None) -> Record:
        return {key: array if indices is None else array[np.asarray(indices)] for key, array in self.values.items()}

    def _check(self, key: str, spec: ArraySpec, derived: ArraySpec) -> None:
        where = f"array {key!r} of {self.name}"
        if (spec.kind, spec.shape, spec.dtype) != (derived.kind, derived.shape, derived.dtype):
            raise DataError(
                f"{where} holds {derived.kind} entries of shape {derived.shape} and dtype {derived.dtype}, but its spec says "
                f"{spec.kind}, {spec.shape} and {spec.dtype}; make them agree"
            )
        if spec.kind == "image" and self.values[key].dtype != np.uint8:
            least, most = float(self.values[key].min()), float(self.values[key].max())
            if not (least >= -_FURTHEST and most <= _FURTHEST):  # nor may any be no number
                raise DataError(f"{where} has numbers from {least:g} to {most:g}; give floats in [-1, 1], or uint8")
        if spec.kind == "attributes" and not np.isin(self.values[key], (0, 1)).all():
            raise DataError(f"{where} has values other than 0 and 1; make them these")
        if spec.kind == "label":
            least, most = int(self.values[key].min()), int(self.values[key].max())
            if least < 0 or most >= len(spec.names):
                wrong = least if least < 0 else most
                raise DataError(f"{where} has the label {wrong}, but {len(spec.names)} classes; number them from 0 on")


def stacked(records: Sequence[Record]) -> Record:
    """Stacks the arrays of records that have the same keys and shapes."""
    return {key: np.stack([record[key] for record in records]) for key in records[0]}


def cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

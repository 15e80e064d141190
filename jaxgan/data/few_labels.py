"""A labelled set of which only a few labels are known: for semi-supervised games."""

import numpy as np

from jaxgan.data import order
from jaxgan.data.errors import DataError
from jaxgan.data.sources import Record, Source

_PART = 1000  # keeps the choice of labels apart from the orders of the sources of a run


class FewLabels(Source):
    """All images without their labels, beside a few with: {"image", "labelled_image", "label"}.

    The two have their own orders and their own epochs, so that a minibatch holds as many labelled images as others; where there
    are fewer, it holds each of them several times. `len` is that of the whole set; by index, the labelled ones start over.

    Args:
        source: A set with labels.
        labelled: How many labels are known, the same number in each class; where they cannot be, the first ones have one more.
        draw: Which: 0 takes the first ones of each class, every other number a random choice of its own.

    Raises:
        DataError: The set has no labels, or too few of a class for so many; there are fewer than classes; or its images differ
            in size.
    """

    def __init__(self, source: Source, labelled: int, draw: int = 0) -> None:
        source.check_batchable()
        if not {"image", "label"} <= source.arrays.keys():
            raise DataError(
                f"data.labelled={labelled}, but {source.name} has no images with labels; set it to 0, or give "
                "data that have, such as a folder for each class"
            )
        classes = source.num_classes
        if labelled < classes:
            raise DataError(f"data.labelled={labelled} is less than one of each of the {classes} classes; raise it")
        self._source, self.name = source, f"{source.name}, {labelled} labels" + (f", draw {draw}" if draw else "")
        self.arrays = {
            "image": source.arrays["image"],
            "labelled_image": source.arrays["image"],
            "label": source.arrays["label"],
        }
        self.metrics = ("label_accuracy", *source.metrics)
        self.flip, self.fixed = source.flip, source.fixed
        label = source.labels()
        queue = order.permutation(len(label), draw, _PART, 0) if draw else np.arange(len(label))
        wanted = [labelled // classes + (which < labelled % classes) for which in range(classes)]
        chosen = [queue[label[queue] == which][:number] for which, number in enumerate(wanted)]
        if short := [which for which, indices in enumerate(chosen) if len(indices) < wanted[which]]:
            first = short[0]
            name, least = source.arrays["label"].names[first], np.bincount(label, minlength=classes).min()
            raise DataError(
                f"data.labelled={labelled} needs {wanted[first]} of each class, but {source.name} has {len(chosen[first])} of "
                f"{name!r}; lower it, to {classes * least} or less"
            )
        self._parts = (_Columns(source, np.arange(len(source)), False), _Columns(source, np.concatenate(chosen), True))

    def __len__(self) -> int:
        return len(self._source)

    @property
    def parts(self) -> tuple[Source, ...]:
        return self._parts

    @property
    def measured(self) -> Source:
        return self._source

    @property
    def unreadable(self) -> int:
        return self._source.unreadable

    def stamp(self) -> str:
        return self._source.stamp()  # how many labels are known is in the name

    def record(self, index: int, draw: np.ndarray | None) -> Record:
        joined: Record = {}
        for part in self._parts:
            joined |= part.record(index % len(part), draw)
        return joined


class _Columns(Source):
    """Some records of a source: {"image"}, or {"labelled_image", "label"}."""

    def __init__(self, source: Source, indices: np.ndarray, labelled: bool) -> None:
        self._source, self._indices, self._labelled = source, indices, labelled
        self.name, image = source.name, source.arrays["image"]
        self.arrays = {"labelled_image": image, "label": source.arrays["label"]} if labelled else {"image": image}
        self.flip, self.fixed, self.repeated = source.flip, source.fixed, labelled

    def __len__(self) -> int:
        return len(self._indices)

    def record(self, index: int, draw: np.ndarray | None) -> Record:
        record = self._source.record(int(self._indices[index]), draw)
        return (
            {"labelled_image": record["image"], "label": record["label"]}
            if self._labelled
            else {"image": record["image"]}
        )

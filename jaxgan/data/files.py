"""Pictures that are files; domains, splits and classes are in `jaxgan.data.layouts`."""

import hashlib
import os
import posixpath
from collections.abc import Collection, Sequence

import numpy as np
from PIL import Image

from jaxgan.data.containers import Container

SPLITS = {"train", "test", "val", "valid", "validation", "training", "testing"}


class FilePictures:
    """Some of the images of a folder or zip.

    Args:
        container: Of `open_container`.
        names: The images, as paths below it.
        labels: Of the images, (N,) int32; None without.
        class_names: Class i is the i-th; () without labels.
        split: The split that they are; "" where there are no splits.
    """

    def __init__(
        self,
        container: Container,
        names: Sequence[str],
        labels: np.ndarray | None = None,
        class_names: Sequence[str] = (),
        split: str = "",
    ) -> None:
        self._container, self._names, self.labels = container, list(names), labels
        self.class_names, self.split = tuple(class_names), split

    def __len__(self) -> int:
        return len(self._names)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the images, as paths below their folder."""
        return tuple(self._names)

    def of_class(self, label: int) -> "FilePictures":
        """The images of one class, without labels."""
        assert self.labels is not None
        names = [name for name, own in zip(self._names, self.labels, strict=True) if own == label]
        return FilePictures(self._container, names, split=self.split)

    def open(self, index: int) -> tuple[Image.Image, int | None]:
        return self._container.open(self._names[index]), None if self.labels is None else int(self.labels[index])

    def where(self, index: int) -> str:
        return self._container.where(self._names[index])

    def name(self, index: int) -> str:
        """The path of picture `index` below the folder or zip."""
        return self._names[index]

    def beside(self, index: int, ending: str) -> tuple[str, bytes | None]:
        """The file beside picture `index` that has its name and another ending: what it is called in messages, and its bytes.

        None where there is no such file.
        """
        name = os.path.splitext(self._names[index])[0] + ending
        where = self._container.where(name)
        return where, self._container.read(name) if self._container.has(name) else None

    def stamp(self) -> str:
        """What changes when a picture or a label does."""
        labels = b"" if self.labels is None else self.labels.tobytes()
        return f"{self._container.stamp(self._names)} {hashlib.sha256(labels).hexdigest()}"


def unwrap(names: Sequence[str], root: str, keep: Collection[str] = ()) -> tuple[list[str], str]:
    """Takes off the leading folders, save splits and those to keep, that all names share; returns the rest, and `root` with
    them."""
    names = list(names)
    while len(tops := {name.split("/")[0] for name in names}) == 1 and all("/" in name for name in names):
        (top,) = tops
        if top.lower() in SPLITS or top in keep:
            break
        names, root = [name.removeprefix(top + "/") for name in names], posixpath.join(root, top)
    return names, root

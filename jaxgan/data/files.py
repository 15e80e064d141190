"""Pictures in a folder or in a zip, with classes, without, and in two domains."""

import io
import os
import posixpath
import threading
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from jaxgan.data.errors import DataError
from jaxgan.errors import UserError
from jaxgan.foreign import checked_name, checked_text, open_picture, read_member

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp")
_SPLITS = {"train", "test", "val", "valid", "validation"}


class _Folder:
    """The image files below a folder, and their bytes."""

    def __init__(self, path: str) -> None:
        if not os.path.isdir(path):
            kind = "is not a folder or a zip" if os.path.exists(path) else "does not exist"
            raise DataError(f"{path} {kind}; set data.path to a folder of images or a .zip of one")
        self.path = path
        names: list[str] = []
        seen: set[str] = set()
        for folder, subfolders, files in os.walk(path, followlinks=True):
            if (real := os.path.realpath(folder)) in seen:  # links that lead in a circle
                subfolders.clear()
                continue
            seen.add(real)
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            below = os.path.relpath(folder, path)
            names += files if below == "." else [posixpath.join(below, file) for file in files]
        self.names = [_safe(checked_text, name, path) for name in _images(names)]

    def where(self, name: str) -> str:
        return os.path.normpath(os.path.join(self.path, name))

    def open(self, name: str) -> Image.Image:
        return open_picture(self.where(name))


class _Zip:
    """The image files in a zip, and their bytes. Threads share one handle; a copy in another process opens its own."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._handle: tuple[int, zipfile.ZipFile] | None = None
        try:
            members = self._zip().infolist()
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} cannot be opened as a zip ({error}); copy it again, or set data.path") from error
        if any(member.flag_bits & 1 for member in members):
            raise DataError(f"{path} is encrypted; unpack it and set data.path to the folder")
        names = [member.filename for member in members if not member.is_dir()]
        self.names = _images([_safe(checked_name, name, path) for name in names])

    def where(self, name: str) -> str:
        return os.path.normpath(os.path.join(self.path, name))

    def open(self, name: str) -> Image.Image:
        archive = self._zip()
        # A ZipFile serialises reads of the file that its members share, but not its count of open members.
        with self._lock:
            member = archive.open(name)
        try:
            return open_picture(io.BytesIO(read_member(archive.getinfo(name), member)))
        finally:
            with self._lock:
                member.close()

    def _zip(self) -> zipfile.ZipFile:
        with self._lock:
            # After a fork the file position is shared with the parent: a process needs a handle of its own.
            if self._handle is None or self._handle[0] != os.getpid():
                self._handle = (os.getpid(), zipfile.ZipFile(self.path))
            return self._handle[1]

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "names": self.names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._lock, self._handle = threading.Lock(), None


def _safe(check: Callable[[str, object], str], name: str, path: str) -> str:
    try:
        return check(name, path)
    except UserError as error:
        raise DataError(str(error)) from error


def _images(names: Sequence[str]) -> list[str]:
    """Those names that are images and not hidden, in an order that depends on nothing but the names."""
    return sorted(
        name
        for name in names
        if name.lower().endswith(EXTENSIONS) and not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
    )


def open_container(path: str) -> _Folder | _Zip:
    """Lists the images in the folder or zip at `path`.

    Raises:
        DataError: There is no path, nothing there, or no image in it.
    """
    if not path:
        raise DataError("data.path is empty; set it to a folder of images or a .zip of one")
    path = os.path.expanduser(path)
    container = _Zip(path) if path.lower().endswith(".zip") and os.path.isfile(path) else _Folder(path)
    if not container.names:
        raise DataError(f"{path} holds no image ({', '.join(EXTENSIONS)}); set data.path to a folder that does")
    return container


class FilePictures:
    """Some of the images of a folder or zip.

    Args:
        container: Of `open_container`.
        names: The images, as paths below it.
        labels: Of the images, (N,) int32; None without.
        class_names: Class i is the i-th; () without labels.
    """

    def __init__(
        self,
        container: _Folder | _Zip,
        names: Sequence[str],
        labels: np.ndarray | None = None,
        class_names: Sequence[str] = (),
    ) -> None:
        self._container, self._names, self._labels, self.class_names = (
            container,
            list(names),
            labels,
            tuple(class_names),
        )

    def __len__(self) -> int:
        return len(self._names)

    def open(self, index: int) -> tuple[Image.Image, int | None]:
        return self._container.open(self._names[index]), None if self._labels is None else int(self._labels[index])

    def where(self, index: int) -> str:
        return self._container.where(self._names[index])


def folder_pictures(path: str, split: str) -> FilePictures:
    """The images of a folder or zip, in the order of their names.

    A folder that holds nothing but folders named train, test, val, valid or validation is split: `split` picks one.
    Folders that wrap all the rest are passed through. Then, if every image lies in one of at least two subfolders,
    these are the classes, numbered in the order of their names, or of the numbers where all names are numbers; else there
    are no labels.

    Raises:
        DataError: Nothing there, or no such split.
    """
    container = open_container(path)
    names, root = _unwrap(container.names, "")
    tops = {name.split("/")[0] for name in names}
    if all("/" in name for name in names) and tops <= _SPLITS:
        if split not in tops:
            raise DataError(f"{container.where(root)} has no images in {split}/; data.split can be {_listed(tops)}")
        chosen = [name.removeprefix(split + "/") for name in names if name.startswith(split + "/")]
        names, root = _unwrap(chosen, posixpath.join(root, split))
    elif split != "train":
        raise DataError(
            f"{container.where(root)} is not split; make the folder {split}/ beside train/, or leave data.split"
        )
    full = [posixpath.join(root, name) for name in names]
    classes = _in_order({name.split("/")[0] for name in names})
    if len(classes) < 2 or not all("/" in name for name in names):
        return FilePictures(container, full)
    number = {name: label for label, name in enumerate(classes)}
    labels = np.array([number[name.split("/")[0]] for name in names], np.int32)
    return FilePictures(container, full, labels, classes)


def two_folder_pictures(path: str, split: str, aligned: bool) -> tuple[FilePictures, FilePictures]:
    """The images of two domains: `split`/A and `split`/B, or `split`A and `split`B, below a folder or in a zip.

    Aligned pairs are those of the same name without the extension.

    Raises:
        DataError: A missing domain, or an image without its counterpart.
    """
    container = open_container(path)
    names, root = _unwrap(container.names, "")
    layouts = [(f"{split}/{domain}/", f"{split}{domain}/") for domain in "AB"]
    for prefix_a, prefix_b in zip(*layouts, strict=True):
        a, b = ([name for name in names if name.startswith(prefix)] for prefix in (prefix_a, prefix_b))
        if a and b:
            break
    else:
        raise DataError(
            f"{container.where(root)} has no images in both {split}/A and {split}/B, nor in {split}A and {split}B; "
            "make these folders, or set data.split"
        )
    if aligned:
        stems_a, stems_b = _by_stem(a, prefix_a), _by_stem(b, prefix_b)
        for mine, others, other in ((stems_a, stems_b, prefix_b), (stems_b, stems_a, prefix_a)):
            if lonely := sorted(mine.keys() - others.keys()):
                file = container.where(posixpath.join(root, mine[lonely[0]]))
                raise DataError(f"{file} has no counterpart in {other}; add it, or set data.aligned=False")
        a, b = ([stems[stem] for stem in sorted(stems)] for stems in (stems_a, stems_b))
    full_a, full_b = ([posixpath.join(root, name) for name in part] for part in (a, b))
    return FilePictures(container, full_a), FilePictures(container, full_b)


def _in_order(names: set[str]) -> list[str]:
    """Names of classes in their order: that of numbers, 1 2 10, where all are numbers; else that of words."""
    numbers = all(name.isascii() and name.isdigit() for name in names)
    return sorted(names, key=lambda name: (int(name) if numbers else 0, name))


def _unwrap(names: Sequence[str], root: str) -> tuple[list[str], str]:
    """Takes off the leading folders, save splits, that all names share; returns the rest, and `root` with them."""
    names = list(names)
    while len(tops := {name.split("/")[0] for name in names}) == 1 and all("/" in name for name in names):
        (top,) = tops
        if top in _SPLITS:
            break
        names, root = [name.removeprefix(top + "/") for name in names], posixpath.join(root, top)
    return names, root


def _by_stem(names: Sequence[str], prefix: str) -> dict[str, str]:
    stems: dict[str, str] = {}
    for name in names:
        stem = os.path.splitext(name.removeprefix(prefix))[0]
        if stem in stems:
            raise DataError(f"{stems[stem]} and {name} have one name, so pairs are ambiguous; remove one of them")
        stems[stem] = name
    return stems


def _listed(names: set[str]) -> str:
    return " or ".join(repr(name) for name in sorted(names))

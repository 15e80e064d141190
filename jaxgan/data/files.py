"""Pictures in a folder or in a zip, and those of two domains; splits and classes are in `jaxgan.data.layouts`."""

import hashlib
import io
import os
import posixpath
import threading
import zipfile
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from jaxgan.data.errors import AbsentDataError, DataError
from jaxgan.data.listing import OTHER_FORMATS, LeftOut, files_below, members, stamp, stamp_of
from jaxgan.errors import UserError
from jaxgan.foreign import MAX_JSON, MIB, checked_name, open_picture, open_regular, read_member

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp")
_OTHER_EXTENSIONS = (
    ".avif",
    ".bmp",
    ".gif",
    ".heic",
    ".heif",
    ".jfif",
    ".jp2",
    ".jxl",
    ".pgm",
    ".ppm",
    ".tif",
    ".tiff",
)
SPLITS = {"train", "test", "val", "valid", "validation", "training", "testing"}


class _Folder:
    """The image files below a folder, and their bytes."""

    def __init__(self, path: str) -> None:
        if not os.path.isdir(path):
            cure = "set data.path to a folder of images or a .zip of one"
            if not os.path.exists(path):
                raise AbsentDataError(f"{path} does not exist; {cure}")
            raise DataError(f"{path} is not a folder or a zip; {cure}")
        self.path, left_out = path, LeftOut()
        self.names = _images(files_below(path, left_out), left_out)
        left_out.say(path)

    def where(self, name: str) -> str:
        return os.path.normpath(os.path.join(self.path, name))

    def open(self, name: str) -> Image.Image:
        return open_picture(self.where(name))

    def find(self, folder: str, name: str) -> str | None:
        """The path of a file that is no image, with its name in any case; None if it is not there."""
        paths = (posixpath.join(folder, entry) for entry in os.listdir(self.where(folder)))
        return _in_any_case(name, (path for path in paths if not os.path.isdir(self.where(path))), self.where(folder))

    def has(self, name: str) -> bool:
        """Whether there is anything of that name."""
        return os.path.lexists(self.where(name))

    def read(self, name: str) -> bytes:
        """A file that is no image."""
        where = self.where(name)
        try:
            with open_regular(where) as file:
                _check_size(where, os.fstat(file.fileno()).st_size, len(self.names))
                return file.read()
        except OSError as error:
            raise DataError(
                f"{where} cannot be read ({error.strerror or error}); repair it, or move it away"
            ) from error

    def stamp(self, names: Sequence[str]) -> str:
        """What changes when one of these files does: their paths, and what the file system notes at every change."""
        digest = hashlib.sha256()
        for name in names:
            digest.update(f"{name}\0{stamp(self.where(name))}\0".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


class _Zip:
    """The image files in a zip, and their bytes. Threads share one handle; a copy in another process opens its own."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._handle: tuple[int, zipfile.ZipFile] | None = None
        self._stamp = ""
        try:
            archive = self._zip()
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} cannot be opened as a zip ({error}); copy it again, or set data.path") from error
        if any(member.flag_bits & 1 for member in archive.infolist()):
            raise DataError(f"{path} is encrypted; unpack it and set data.path to the folder")
        left_out = LeftOut()
        self._members = members(archive, left_out)
        for name in self._members:
            _check_name(name, path)
        self.names = _images(self._members, left_out)
        left_out.say(path)

    def where(self, name: str) -> str:
        return os.path.normpath(os.path.join(self.path, name))

    def open(self, name: str) -> Image.Image:
        return open_picture(io.BytesIO(self._bytes(name)))

    def find(self, folder: str, name: str) -> str | None:
        """The path of a member that is no image, with its name in any case; None if it is not there."""
        paths = (member.filename.replace("\\", "/") for member in self._zip().infolist())
        return _in_any_case(name, (path for path in paths if posixpath.dirname(path) == folder), self.where(folder))

    def has(self, name: str) -> bool:
        """Whether there is anything of that name."""
        return name in self._members

    def read(self, name: str) -> bytes:
        """A member that is no image."""
        if name not in self._members:
            raise DataError(f"{self.where(name)} cannot be read (it is not a file); repair it, or move it away")
        _check_size(self.where(name), self._zip().getinfo(self._members[name]).file_size, len(self.names))
        try:
            return self._bytes(name)
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{self.where(name)} cannot be read ({error}); copy it again") from error

    def _bytes(self, name: str) -> bytes:
        archive = self._zip()
        info = archive.getinfo(self._members[name])
        # A ZipFile serialises reads of the file that its members share, but not its count of open members.
        with self._lock:
            member = archive.open(info)
        try:
            return read_member(info, member)
        finally:
            with self._lock:
                member.close()

    def stamp(self, names: Sequence[str]) -> str:
        """What changes when one of these members does: their names, and what the file system notes of the zip."""
        return hashlib.sha256("\0".join([self._stamp, *names]).encode("utf-8", "surrogateescape")).hexdigest()

    def _zip(self) -> zipfile.ZipFile:
        with self._lock:
            # After a fork the file position is shared with the parent: a process needs a handle of its own.
            if self._handle is None or self._handle[0] != os.getpid():
                archive = zipfile.ZipFile(self.path)
                assert archive.fp is not None
                # Of the file that is read, whatever lies under its name later; it holds for every process.
                self._stamp = self._stamp or stamp_of(os.fstat(archive.fp.fileno()))
                self._handle = (os.getpid(), archive)
            return self._handle[1]

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "names": self.names, "_members": self._members, "_stamp": self._stamp}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._lock, self._handle = threading.Lock(), None


def _check_size(where: str, size: int, images: int) -> None:
    """Refuses a description of images that is longer than any of so many could be: what is parsed takes many times as much."""
    if size > max(MAX_JSON, 1024 * images):
        raise DataError(f"{where} is {size // MIB} MiB, more than {images} images need; move it away, or repair it")


def _in_any_case(name: str, paths: Iterable[str], where: str) -> str | None:
    """The path that ends in the name: some programs, and some file systems, change its capitals."""
    found = sorted({path for path in paths if posixpath.basename(path).lower() == name})
    if len(found) > 1:
        raise DataError(f"{where} has both {' and '.join(map(posixpath.basename, found))}; remove one of them")
    return found[0] if found else None


def _check_name(name: str, path: str) -> None:
    try:
        checked_name(name, path)
    except UserError as error:
        raise DataError(str(error)) from error


Container = _Folder | _Zip


def _images(names: Iterable[str], left_out: LeftOut) -> list[str]:
    """Those names that are images and not hidden, in an order that depends on nothing but the names."""
    found = []
    for name in names:
        if any(part.startswith((".", "__MACOSX")) for part in name.split("/")):
            continue
        if name.lower().endswith(EXTENSIONS):
            found.append(name)
        elif name.lower().endswith(_OTHER_EXTENSIONS):
            left_out.add(OTHER_FORMATS, name)
    return sorted(found)


def open_container(path: str) -> Container:
    """Lists the images in the folder or zip at `path`.

    Raises:
        DataError: There is no path, nothing there, or no image in it.
    """
    if not path:
        raise AbsentDataError("data.path is empty; set it to a folder of images or a .zip of one")
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


def two_folder_pictures(path: str, split: str, aligned: bool) -> tuple[FilePictures, FilePictures]:
    """The images of two domains: `split`/A and `split`/B, or `split`A and `split`B, below a folder or in a zip.

    Aligned pairs are those of the same name without the extension.

    Raises:
        DataError: A missing domain, or an image without its counterpart.
    """
    container = open_container(path)
    names, root = unwrap(container.names, "")
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


def _by_stem(names: Sequence[str], prefix: str) -> dict[str, str]:
    stems: dict[str, str] = {}
    for name in names:
        stem = os.path.splitext(name.removeprefix(prefix))[0]
        if stem in stems:
            raise DataError(f"{stems[stem]} and {name} have one name, so pairs are ambiguous; remove one of them")
        stems[stem] = name
    return stems

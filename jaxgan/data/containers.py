"""What pictures lie in: a folder, a zip, or tars as WebDataset writes them."""

import hashlib
import io
import os
import posixpath
import tarfile
import threading
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from PIL import Image

from jaxgan.data.errors import AbsentDataError, DataError
from jaxgan.data.listing import (
    IRREGULAR,
    NO_PICTURES,
    OLDER,
    OTHER_FORMATS,
    LeftOut,
    files_below,
    members,
    stamp,
    stamp_of,
)
from jaxgan.errors import UserError
from jaxgan.foreign import (
    MAX_JSON,
    MAX_MEMBER,
    MIB,
    READS_AVIF,
    PictureError,
    checked_name,
    open_picture,
    open_regular,
    read_member,
)

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", *([".avif"] if READS_AVIF else []))
_OTHER_EXTENSIONS = (".avif", ".heic", ".heif", ".jfif", ".jp2", ".jxl", ".pgm", ".ppm", ".psd", ".svg", ".tga")
# What may tell of pictures, or hold them.
_BESIDE = (".txt", ".json", ".csv", ".cls", ".npz", ".tar", ".zip")


class _Place:
    """Where pictures lie."""

    path: str
    names: list[str]

    def where(self, name: str) -> str:
        """What a file is called in messages."""
        return os.path.normpath(os.path.join(self.path, name))


class _Archive(_Place):
    """One whose files are members."""

    _members: Mapping[str, Any]

    def has(self, name: str) -> bool:
        """Whether there is anything of that name."""
        return name in self._members

    def read(self, name: str) -> bytes:
        """A member that is no image."""
        where = self.where(name)
        if name not in self._members:
            raise DataError(f"{where} cannot be read (it is not a file); repair it, or move it away")
        _check_size(where, self._size(name), len(self.names))
        try:
            return self._bytes(name)
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{where} cannot be read ({error}); copy it again") from error

    def _size(self, name: str) -> int:
        raise NotImplementedError

    def _bytes(self, name: str) -> bytes:
        raise NotImplementedError


class _Folder(_Place):
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


class _Zip(_Archive):
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

    def open(self, name: str) -> Image.Image:
        return open_picture(io.BytesIO(self._bytes(name)))

    def find(self, folder: str, name: str) -> str | None:
        """The path of a member that is no image, with its name in any case; None if it is not there."""
        paths = (member.filename.replace("\\", "/") for member in self._zip().infolist())
        return _in_any_case(name, (path for path in paths if posixpath.dirname(path) == folder), self.where(folder))

    def _size(self, name: str) -> int:
        return self._zip().getinfo(self._members[name]).file_size

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


class _Member(NamedTuple):
    """A file in a tar: which tar, and where in it."""

    tar: str
    offset: int
    size: int


class Tars(_Archive):
    """The image files in one tar, or in the tars of a folder, and their bytes.

    They are listed once, and then read each at its place, so that any order is as good as another. Python's own reader lists
    them: WebDataset's streams them from begin to end, from where no run could go on to the bit.

    With several tars, which may use a name each, a name begins with that of its tar.
    """

    def __init__(self, path: str, tars: Sequence[str]) -> None:
        self.path, left_out = path, LeftOut()
        self._members: dict[str, _Member] = {}
        self._stamps: dict[str, str] = {}
        self._files: tuple[int, dict[str, int]] = (os.getpid(), {})
        self.sharded = len(tars) > 1
        for tar in tars:
            below = posixpath.splitext(os.path.basename(tar))[0] + "/" if self.sharded else ""
            for member in self._listed(tar, left_out):
                _check_name(member.name.removeprefix("./"), tar)
                name = below + member.name.removeprefix("./")
                if name in self._members:
                    left_out.add(OLDER, name)
                self._members[name] = _Member(tar, member.offset_data, member.size)
        self.names = _images(self._members, left_out)
        left_out.say(path)

    def _listed(self, tar: str, left_out: LeftOut) -> Iterable[tarfile.TarInfo]:
        try:
            with open_regular(tar) as file, tarfile.open(fileobj=file, mode="r:") as archive:
                self._stamps[tar] = stamp_of(os.fstat(file.fileno()))
                for member in archive:
                    if member.isreg() and not member.issparse():
                        yield member
                    elif not member.isdir():
                        left_out.add(IRREGULAR, member.name)
        except (OSError, tarfile.TarError) as error:
            raise DataError(
                f"{tar} cannot be read as a tar without compression ({error}); unpack it, or set data.path"
            ) from error

    def open(self, name: str) -> Image.Image:
        return open_picture(io.BytesIO(self._bytes(name, MAX_MEMBER)))

    def find(self, folder: str, name: str) -> str | None:
        """The path of a member that is no image, with its name in any case; None if it is not there."""
        return _in_any_case(
            name, (path for path in self._members if posixpath.dirname(path) == folder), self.where(folder)
        )

    def _size(self, name: str) -> int:
        return self._members[name].size

    def _bytes(self, name: str, limit: int | None = None) -> bytes:
        member = self._members[name]
        if limit is not None and member.size > limit:
            raise PictureError(f"it has {member.size // MIB} MiB, more than {limit // MIB}")
        found = os.pread(self._file(member.tar), member.size, member.offset)  # threads need not wait for one another
        if len(found) < member.size:
            raise PictureError("its tar ends before it does")
        return found

    def _file(self, tar: str) -> int:
        process, files = self._files
        if process != os.getpid():
            self._files = process, files = os.getpid(), {}
        if tar not in files:
            files[tar] = os.open(tar, os.O_RDONLY)
        return files[tar]

    def classes(self) -> dict[str, str] | None:
        """What the `.cls` beside each picture says, as WebDataset writes it; None where no picture has one.

        Raises:
            DataError: Only some have one.
        """
        beside = {name: posixpath.splitext(name)[0] + _CLASS for name in self.names}
        found = {
            name: self.read(each).decode("utf-8", "replace").strip() for name, each in beside.items() if self.has(each)
        }
        if found and (missing := [name for name in self.names if name not in found]):
            raise DataError(
                f"{self.where(missing[0])} has no {posixpath.basename(beside[missing[0]])} beside it, as {len(found)} of "
                f"{len(self.names)} pictures have; add it"
            )
        return found or None

    def stamp(self, names: Sequence[str]) -> str:
        """What changes when one of these members does: their names, and what the file system notes of the tars."""
        noted = [*self._stamps.values(), *names]
        return hashlib.sha256("\0".join(noted).encode("utf-8", "surrogateescape")).hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_files": (0, {})}

    def __del__(self) -> None:
        process, files = getattr(self, "_files", (0, {}))
        for file in files.values() if process == os.getpid() else ():
            os.close(file)


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


Container = _Folder | _Zip | Tars
_CLASS = ".cls"  # beside a picture, in WebDataset's layout


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
        elif not name.lower().endswith(_BESIDE):
            left_out.add(NO_PICTURES, name)
    return sorted(found)


def open_container(path: str) -> Container:
    """Lists the images in the folder, zip or tar at `path`, or in the tars of the folder.

    Raises:
        DataError: There is no path, nothing there, or no image in it.
    """
    if not path:
        raise AbsentDataError("data.path is empty; set it to a folder of images, or a .zip or .tar of one")
    path = os.path.expanduser(path)
    container = _opened(path)
    if not container.names:
        raise DataError(f"{path} holds no image ({', '.join(EXTENSIONS)}); set data.path to a folder that does")
    return container


def _opened(path: str) -> Container:
    if os.path.isfile(path) and path.lower().endswith((".zip", ".tar")):
        return _Zip(path) if path.lower().endswith(".zip") else Tars(path, [path])
    folder = _Folder(path)
    if folder.names:
        return folder
    tars = sorted(entry.path for entry in os.scandir(path) if entry.is_file() and entry.name.lower().endswith(".tar"))
    return Tars(path, tars) if tars else folder

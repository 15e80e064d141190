"""Files that somebody else may have made: what they may hold, how large they may become, and how they are read.

All names and sizes in such a file are claims. docs/security.md says which files are meant, and what is promised of each.
"""

import contextlib
import json
import math
import os
import re
import stat
import zipfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image, ImageFile, features

from jaxgan.errors import UserError

MIB = 2**20
MAX_PIXELS = 2**26  # of a picture, 8192 x 8192, as it is stored and as it is resized
MAX_MEMBER = 256 * MIB  # bytes of one picture in a zip, unpacked
MAX_JSON = 16 * MIB  # bytes of a config.json or data.json
MAX_LINES = 1024 * MIB  # bytes of a metrics.jsonl or evaluation.jsonl
# Arrays that are packed may become this large, or so many times as large as the file on disk, whichever is more.
MAX_UNPACKED, MAX_EXPANSION = 1024 * MIB, 4

# Pillow reads far more, and for some of these (PostScript) it starts another program. Files are told by what is in them, so a
# name that ends in .png is no protection.
READS_AVIF = "avif" in features.modules and features.check("avif") is True  # not in every build of Pillow
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", *(["AVIF"] if READS_AVIF else []))
# What moves a terminal's cursor or colours its text, ends a line, or is no character; but not U+DC80 to U+DCFF, by which Python
# writes the bytes of a file's name that are no UTF-8.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udc7f\udd00-\udfff]")
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


class PictureError(OSError):
    """A picture that is not opened; to whoever reads many it is one that cannot be read, like a damaged one."""


def checked_text(text: str, where: object) -> str:
    """The text, which can be shown on a terminal.

    Args:
        text: Of a file; bytes of file names that are no UTF-8 are let through, and `printable` marks them.
        where: The file, for the error.

    Raises:
        UserError: It holds control characters.
    """
    if not shown(text):
        raise UserError(f"{where} holds the text {text[:80]!a}, with characters that cannot be shown: change it")
    return text


def printable(text: str) -> str:
    """The text with a mark for each byte of a file's name that is no UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def shown(text: str) -> bool:
    """Whether a terminal shows the text as it is, but for such bytes."""
    return not _UNPRINTABLE.search(text)


def checked_name(name: str, where: object, windows: bool = os.name == "nt") -> str:
    """A name, with "/" between its parts, that stays below whatever folder it is put in, on any system.

    Args:
        name: Of a member of an archive, or of a file that is to be written.
        where: Where it comes from, for the error.
        windows: Also refuse what means a device or a stream there.

    Raises:
        UserError: It is absolute, has "..", a drive or a backslash, or cannot be shown.
    """
    checked_text(name, where)
    parts = name.split("/")
    unsafe = any(("\\" in name, re.match("[A-Za-z]:", name), not all(parts), {".", ".."} & set(parts)))
    if windows and not unsafe:
        unsafe = ":" in name or any(_DEVICE.fullmatch(part) or part[-1] in ". " for part in parts)
    if unsafe:
        raise UserError(f"{where} has the name {name!a}, which could lead out of a folder: give it a plain name")
    return name


def below(folder: Path, name: str) -> Path:
    """The place of a file that is to be written below a folder; every name that is not the user's own goes through here.

    Args:
        folder: The folder; it may be a link itself, as the user named it.
        name: See `checked_name`.

    Raises:
        UserError: The name, or a link that lies in the folder, leads out of it.
    """
    path = folder / checked_name(name, folder)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UserError(
            f"{path} lies behind a link that leads out of {folder}: nothing is written there; remove the link"
        )
    return path


def check_regular(path: str | Path) -> None:
    """Raises an OSError for what is no file: a pipe or a device might never end."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError("it is not a file")


def open_regular(path: str | Path) -> IO[bytes]:
    """Opens a file to read; errors as in `check_regular`."""
    check_regular(path)
    return open(path, "rb")


# ---------------------------------------------------------------------------------------------------------------------
# Text


def read_text(path: Path, limit: int) -> str:
    """A file of UTF-8 text.

    Raises:
        UserError: It is larger than `limit` bytes, is no text, or cannot be read.
    """
    try:
        return _read_bytes(path, limit).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text: it is damaged, or something else") from error


def read_lines(path: Path, limit: int = MAX_LINES) -> list[str]:
    """The lines of a file that grows by one at a time; without those that are no UTF-8, as a damaged disk leaves them.

    Raises:
        UserError: It is larger than `limit` bytes, or cannot be read.
    """
    lines = []
    for raw in _read_bytes(path, limit).splitlines():
        with contextlib.suppress(UnicodeDecodeError):
            lines.append(raw.decode("utf-8"))
    return lines


def _read_bytes(path: Path, limit: int) -> bytes:
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > limit:
                raise UserError(f"{path} is larger than {limit // MIB} MiB, which no such file is: it is not read")
            return file.read()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error})") from error


def parse_json(text: str, where: object) -> Any:
    """What JSON says; all of its strings can be shown.

    Raises:
        UserError: It is no JSON, is nested without end, or holds control characters.
    """
    try:
        value = json.loads(text)
        _check_strings(value, where)
    except UserError:
        raise
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is no JSON ({str(error)[:80]}): it is damaged, or something else") from error
    return value


def read_json(path: Path) -> Any:
    """What a file of JSON says; errors as those of `read_text` and `parse_json`."""
    return parse_json(read_text(path, MAX_JSON), path)


def _check_strings(value: Any, where: object) -> None:
    if isinstance(value, str):
        checked_text(value, where)
    for each in value.items() if isinstance(value, dict) else value if isinstance(value, list) else ():
        for one in each if isinstance(each, tuple) else (each,):
            _check_strings(one, where)


# ---------------------------------------------------------------------------------------------------------------------
# Pictures


def open_picture(file: str | IO[bytes]) -> Image.Image:
    """Opens a PNG, JPEG, WebP, BMP, GIF, TIFF or AVIF, whatever its name says; only its header is read.

    Of several pictures in one file it is the first.

    Args:
        file: Its path, or it, open.

    Raises:
        OSError: It is none, or claims more than `MAX_PIXELS`.
    """
    if isinstance(file, str):
        check_regular(file)
    try:
        picture = Image.open(file, formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(f"it claims more than {MAX_PIXELS} pixels") from error
    try:
        check_pixels(picture.width, picture.height)
    except PictureError:
        picture.close()
        raise
    _scale_transparent_colour(picture)
    return picture


def _scale_transparent_colour(picture: ImageFile.ImageFile) -> None:
    """A PNG tells its transparent colour in its own bits, which Pillow hands on; its pixels have 8, grey ones of 16 all 16."""
    colour = picture.info.get("transparency")
    if colour is not None and picture.format == "PNG" and picture.tile:
        stored = picture.tile[0][3]
        if stored in ("L;2", "L;4"):
            picture.info["transparency"] = colour * (85 if stored == "L;2" else 17)
        elif stored == "RGB;16B":
            picture.info["transparency"] = tuple(each >> 8 for each in colour)


def check_pixels(width: int, height: int) -> None:
    """Raises a PictureError for a picture that is too large to decode, or to be resized to."""
    if width * height > MAX_PIXELS:
        raise PictureError(f"{width} x {height} pixels are more than {MAX_PIXELS}")


def read_member(member: zipfile.ZipInfo, opened: IO[bytes]) -> bytes:
    """The bytes of one picture in a zip, unpacked.

    Args:
        member: Which one.
        opened: It, open.

    Raises:
        OSError: It is larger than `MAX_MEMBER`, by what it says or in truth, or packed in a way that no zip of pictures is.
    """
    if member.file_size > MAX_MEMBER:
        raise PictureError(f"it unpacks to {member.file_size // MIB} MiB, more than {MAX_MEMBER // MIB}")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
        # LZMA's header says how much memory unpacking takes, up to 4 GiB.
        raise PictureError(f"it is packed by method {member.compress_type}, which is not read")
    # Never without a number: the unpacker would then go on for 2 GiB, whatever the header says.
    return opened.read(member.file_size)


# ---------------------------------------------------------------------------------------------------------------------
# Arrays


def check_expansion(where: object, stored: int, unpacked: int) -> None:
    """Refuses what would become far larger in memory than it is on disk.

    Args:
        where: What it is, for the error.
        stored: Bytes on disk.
        unpacked: Bytes in memory.

    Raises:
        UserError: It would be larger than `MAX_UNPACKED`, and than `MAX_EXPANSION` times its size on disk.
    """
    if unpacked > max(MAX_UNPACKED, MAX_EXPANSION * stored):
        raise UserError(
            f"{where}: {max(1, stored // MIB)} MiB on disk would become {unpacked // MIB} MiB in memory, more than "
            f"{MAX_UNPACKED // MIB} MiB and {MAX_EXPANSION} times as much: it is not read"
        )


def read_npz(path: str | Path, wanted: Callable[[str], bool] = lambda name: True) -> dict[str, np.ndarray]:
    """The arrays of an .npz, read as data: no object is unpickled, and no memory is taken before the sizes are checked.

    Args:
        path: The file.
        wanted: Which arrays, by name.

    Raises:
        UserError: It is none, is damaged, holds objects, or would become too large.
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            chosen = {checked_text(name, path): info for name, info in members.items() if wanted(name)}
            unpacked = sum(_array_bytes(archive, info, path) for info in chosen.values())
            check_expansion(path, os.fstat(file.fileno()).st_size, unpacked)
            return {name: _array(archive, info) for name, info in chosen.items()}
    except UserError:
        raise
    except Exception as error:  # an archive can be wrong in every way there is
        raise UserError(f"{path} cannot be read: it is no .npz, or damaged; write it anew with numpy.savez") from error


def array_names(path: str | Path) -> Collection[str]:
    """The names of the arrays in an .npz; none where it cannot be read."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return []


def _array_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: object) -> int:
    """The size of an array, on which its own header and that of the archive agree."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UserError(
            f"{path}: {info.filename!a} is packed by method {info.compress_type}, which NumPy does not write"
        )
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(member)
        if dtype.hasobject:
            raise UserError(f"{path}: {info.filename!a} holds Python objects, which are not read: save plain numbers")
        size = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or size != info.file_size - member.tell():
            raise UserError(f"{path}: {info.filename!a} is not as large as its header says: it is damaged")
    return size


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as member:
        return np.lib.format.read_array(member, allow_pickle=False)

"""The files below a folder. What is left out is counted, and said once."""

import logging
import os
import posixpath
import stat
import zipfile
from collections.abc import Iterator

from jaxgan.foreign import printable, shown

_log = logging.getLogger("jaxgan.data")
_said: set[str] = set()
_LINKS = 3  # one behind another: of folders that link to each other crosswise there are as many paths as orders of them
_SHOWN = 3  # names of what is left out, for each reason

UNREADABLE = "folders that cannot be read"
IRREGULAR = "things that are no regular files"
CONTROL = "names with control characters"
OTHER_FORMATS = "pictures of formats that are not read"
CROSSING = "folders behind more links than are followed"
OLDER = "older members of the same name"


def say_once(message: str) -> None:
    """A warning of the logger "jaxgan.data": once in a process, however often the data are opened."""
    if message not in _said:
        _said.add(message)
        _log.warning("%s", printable(message))


class LeftOut:
    """What of a folder or zip is not read, by reason."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, reason: str, name: str) -> None:
        """Counts one."""
        self._names.setdefault(reason, []).append(name)

    def say(self, path: str) -> None:
        """Warns once of all that was counted, if there is any."""
        parts = []
        for reason, names in self._names.items():
            shown = sorted(names)[:_SHOWN] + ["..."] * (len(names) > _SHOWN)
            parts.append(f"{reason}: {len(names)} ({', '.join(shown)})")
        if parts:
            say_once(f"{path}: left out {'; '.join(parts)}")


def files_below(path: str, left_out: LeftOut) -> Iterator[str]:
    """Paths below a folder, with "/", of its regular files, through links too; what is hidden is not looked at.

    A link to a folder is followed unless it leads to one that it lies in, a circle.

    Args:
        path: The folder.
        left_out: Where folders that cannot be read, and pipes, sockets and devices, are counted: reading these would hang.
    """

    def walk(folder: str, below: str, above: tuple[tuple[int, int], ...], links: int) -> Iterator[str]:
        if links > _LINKS:
            left_out.add(CROSSING, below)
            return
        try:
            here = os.stat(folder)
            entries = list(os.scandir(folder))
        except OSError as error:
            left_out.add(UNREADABLE, f"{below or folder}: {error.strerror}")
            return
        identity = (here.st_dev, here.st_ino)
        if identity in above:
            return
        for entry in entries:
            name = posixpath.join(below, entry.name)
            if entry.name.startswith("."):
                continue
            if not shown(entry.name):
                left_out.add(CONTROL, ascii(name))
                continue
            if (kind := _kind(entry.path)) == stat.S_IFDIR:
                yield from walk(entry.path, name, (*above, identity), links + entry.is_symlink())
            elif kind == stat.S_IFREG:
                yield name
            else:
                left_out.add(IRREGULAR, name)

    return walk(path, "", (), 0)


def stamp(path: str) -> str:
    """Size, place and times of a file. The time of the last change is set by the system alone, whoever sets the other."""
    return stamp_of(os.stat(path))


def stamp_of(status: os.stat_result) -> str:
    """`stamp`, of a file that is open."""
    return f"{status.st_size} {status.st_ino} {status.st_mtime_ns} {status.st_ctime_ns}"


def _kind(path: str) -> int:
    """What a path is, through links; 0 for a link that leads nowhere."""
    try:
        return stat.S_IFMT(os.stat(path).st_mode)
    except OSError:
        return 0


def members(archive: zipfile.ZipFile, left_out: LeftOut) -> dict[str, str]:
    """The regular files of a zip: their paths, with "/", and the names of the members that hold them.

    Some programs write paths with a backslash, which the format forbids; it is read as the "/" that it stands for.
    """
    found: dict[str, str] = {}
    for member in archive.infolist():
        name = member.filename.replace("\\", "/")
        if name.endswith("/"):
            continue
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):  # 0: written where there are no such kinds
            left_out.add(IRREGULAR, name)
            continue
        if name in found:
            left_out.add(OLDER, name)
        found[name] = member.filename  # of members of one name, zipfile opens the last
    return found

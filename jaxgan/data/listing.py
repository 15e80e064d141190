"""The files below a folder. What is left out is counted, and said once."""

import logging
import os
import posixpath
import stat
import time
import zipfile
from collections.abc import Iterator, Mapping

from jaxgan.data.errors import DataError
from jaxgan.foreign import printable, shown

_log = logging.getLogger("jaxgan.data")
_said: set[str] = set()
_LINKS = 3  # one behind another: of folders that link to each other crosswise there are as many paths as orders of them
_MOUNTS = "/proc/self/mountinfo"  # of Linux: what is mounted where
# File systems of no files: views of what the system does, some without end, some waiting for what never comes.
_VIEWS = frozenset(
    {"proc", "sysfs", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs", "configfs", "fusectl", "pstore", "bpf"}
    | {"devpts", "devtmpfs", "mqueue", "binfmt_misc", "efivarfs", "nsfs", "rpc_pipefs", "selinuxfs"}
)
_PATIENCE = 5.0  # seconds of listing before it says how far it is, and again after as many
_SHOWN = 3  # names of what is left out, for each reason

UNREADABLE = "folders that cannot be read"
IRREGULAR = "things that are no regular files"
CONTROL = "names with control characters"
OTHER_FORMATS = "pictures of formats that are not read"
NO_PICTURES = "files that are no pictures"
VIEWS = "views of the system, which are no folders of files"
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

    Raises:
        DataError: The folder itself is a view of the system, such as /proc.
    """
    views = _views()
    if (kind := views.get(_device(path))) is not None:
        raise DataError(
            f"{path} is a view of the system ({kind}), no folder of files; set data.path to a folder of images"
        )
    count, due = 0, time.monotonic() + _PATIENCE

    def walk(folder: str, below: str, above: tuple[tuple[int, int], ...], links: int) -> Iterator[str]:
        nonlocal count, due
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
        if here.st_dev in views:
            left_out.add(VIEWS, below)
            return
        for entry in entries:
            name = posixpath.join(below, entry.name)
            if time.monotonic() > due:
                _log.warning("%s: still listing its files, %s so far, now in %s", path, f"{count:,}", printable(folder))
                due = time.monotonic() + _PATIENCE
            if entry.name.startswith("."):
                continue
            if not shown(entry.name):
                left_out.add(CONTROL, ascii(name))
                continue
            if (kind := _kind(entry.path)) == stat.S_IFDIR:
                yield from walk(entry.path, name, (*above, identity), links + entry.is_symlink())
            elif kind == stat.S_IFREG:
                count += 1
                yield name
            else:
                left_out.add(IRREGULAR, name)

    return walk(path, "", (), 0)


def _device(path: str) -> int:
    """The number of the file system that a path lies on; -1 for a path that leads nowhere."""
    try:
        return os.stat(path).st_dev
    except OSError:
        return -1


def _views() -> Mapping[int, str]:
    """The kinds of the file systems that are views of the system, by their numbers; none where the system does not say."""
    found = {}
    try:
        with open(_MOUNTS, encoding="utf-8", errors="replace") as file:
            for line in file:
                before, _, after = line.partition(" - ")
                if (kind := after.split(" ")[0]) in _VIEWS:
                    major, minor = before.split(" ")[2].split(":")
                    found[os.makedev(int(major), int(minor))] = kind
    except (OSError, ValueError, IndexError):
        return {}
    return found


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

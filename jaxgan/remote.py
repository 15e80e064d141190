"""Places on object storage, gs://bucket/run or s3://bucket/photos.zip, by way of copies on this machine.

An object cannot be appended to, renamed or locked, as files of runs and archives of pictures are, and every library that reads
them would need to be told where they lie. So the library works on a copy in the user's cache, and fsspec carries files there
and back: a file is fetched again when its size or its version has changed.
"""

import concurrent.futures
import contextlib
import fcntl
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from tqdm import tqdm

from jaxgan import cache
from jaxgan.errors import UserError
from jaxgan.files import atomically
from jaxgan.foreign import below, checked_name, printable

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://.")
# What tells versions of an object apart, as the systems call it, the surest first.
_VERSIONS = ("etag", "ETag", "md5Hash", "generation", "mtime", "LastModified", "last_modified", "updated", "created")
_AT_ONCE = 16  # files that are fetched at a time


class RemoteError(UserError):
    """A place elsewhere that cannot be read or written."""


def is_remote(place: object) -> bool:
    """Whether a place is on object storage: whether it has "://" after its kind."""
    return isinstance(place, str) and _SCHEME.match(place) is not None


def local(place: str) -> str:
    """A place on this machine, as it is; of another one, a copy here of the file or folder as it is there now.

    Raises:
        RemoteError: There is none, or it cannot be read.
    """
    if not is_remote(place):
        return place
    copy = Copy(place, "data")
    with copy.alone():
        there = copy.there.found()
        copy.fetch(there)
        copy.prune(there)
    return str(copy.path)


class Place:
    """A file or a folder on object storage; whatever goes wrong with it is a RemoteError of one line.

    Args:
        url: Where it is.

    Raises:
        RemoteError: No package knows such places.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        kind = url.partition("://")[0]
        try:
            import fsspec

            # Buckets have no folders, but a disk has; and a bucket that is not there is the user's to make.
            options = {"auto_mkdir": True} if kind in ("file", "local") else {}
            self._system, self._root = fsspec.core.url_to_fs(self.url, **options)
        except ImportError as error:
            raise RemoteError(f"{url} needs a package ({error}); pip install 'jaxgan[remote]'") from error
        except ValueError as error:
            raise RemoteError(
                f"{url}: places of the kind {kind}:// are unknown ({error}); use gs:// or s3://"
            ) from error
        except Exception as error:
            raise self._error("reached", error) from error

    def listing(self) -> dict[str, str]:
        """What lies there: names below the folder, "" for a file itself, and what changes when their content does."""
        with self._named("read"):
            self._system.invalidate_cache()
            try:
                found = self._system.find(self._root, detail=True)
            except FileNotFoundError:
                found = {}
        listed: dict[str, str] = {}
        for path, info in found.items():
            name = path.removeprefix(self._root).lstrip("/")
            if path.endswith("/") or info.get("type") == "directory":  # what some tools put there for a folder
                continue
            version = next((info[key] for key in _VERSIONS if info.get(key) is not None), "")
            listed[name and checked_name(name, self.url)] = f"{info.get('size')} {version}"
        return listed

    def found(self) -> dict[str, str]:
        """`listing`, of a place where there is something.

        Raises:
            RemoteError: There is nothing.
        """
        if there := self.listing():
            return there
        raise RemoteError(f"{self.url} does not exist, or nothing is in it: look up its name")

    def get(self, name: str, path: Path) -> None:
        """Fetches a file, whole or not at all."""
        with atomically(path) as temporary, self._named("read"):
            self._system.get_file(self._path(name), str(temporary))

    def put(self, path: Path, name: str) -> None:
        """Sends a file."""
        with self._named("written"):
            self._system.put_file(str(path), self._path(name))

    def read(self, name: str) -> bytes:
        """The bytes of a small file."""
        with self._named("read"):
            return bytes(self._system.cat_file(self._path(name)))

    def write(self, name: str, content: bytes) -> None:
        """Writes a small file."""
        with self._named("written"):
            self._system.pipe_file(self._path(name), content)

    def remove(self, names: Iterable[str]) -> None:
        """Removes files; those that are gone already are none."""
        with self._named("written"):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    self._system.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    @contextlib.contextmanager
    def _named(self, what: str) -> Iterator[None]:
        try:
            yield
        except RemoteError:
            raise
        except Exception as error:  # each system has its own errors
            raise self._error(what, error) from error

    def _error(self, what: str, error: Exception) -> RemoteError:
        reason = printable(" ".join(str(error).split()))[:160] or type(error).__name__
        return RemoteError(
            f"{self.url} cannot be {what} ({type(error).__name__}: {reason}): look up its name, your credentials "
            "(gcloud auth application-default login, or AWS_PROFILE) and the network"
        )


class Copy:
    """A place elsewhere and its copy here, with notes of which files were the same when.

    Args:
        url: The place.
        kind: What for; copies of different kinds are different ones.

    Attributes:
        there: The place.
        path: The copy, whether it is there yet or not.
    """

    def __init__(self, url: str, kind: str) -> None:
        self.there = Place(url)
        home = cache.folder("remote") / kind / hashlib.sha256(self.there.url.encode()).hexdigest()[:16]
        last = self.there.url.rpartition("/")[2]
        self.path = home / (re.sub(r"[^\w.-]", "_", last).lstrip(".") or "copy")
        self._notes = home / "notes.json"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Waits until no other process fetches into this copy, and keeps others from it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with (self.path.parent / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def noted(self) -> dict[str, list[str]]:
        """Of each file that was the same: its versions there and here."""
        try:
            notes = json.loads(self._notes.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return notes if isinstance(notes, dict) else {}

    def note(self, notes: Mapping[str, list[str]]) -> None:
        """Writes what `noted` reads."""
        with atomically(self._notes) as temporary:
            temporary.write_text(json.dumps(notes), encoding="utf-8")

    def here(self, name: str) -> Path:
        """Where a file lies here."""
        return below(self.path, name) if name else self.path

    def version(self, name: str) -> str:
        """What changes when a file's content here does; "" if there is none."""
        try:
            found = self.here(name).stat()
        except OSError:
            return ""
        return f"{found.st_size} {found.st_mtime_ns}"

    def files(self) -> list[str]:
        """The names of all files here, but for those that begin with a dot: locks, and what is being written."""
        found = (path for path in self.path.rglob("*") if path.is_file())
        names = (path.relative_to(self.path).as_posix() for path in found)
        return sorted(name for name in names if not any(part.startswith(".") for part in name.split("/")))

    def fetch(self, wanted: Mapping[str, str]) -> None:
        """Fetches those files that have changed there or here.

        Args:
            wanted: Some of `Place.listing`.
        """
        notes = self.noted()
        missing = [name for name, there in wanted.items() if notes.get(name) != [there, self.version(name)]]
        if missing and self.path.exists() and ("" in wanted) != self.path.is_file():
            raise RemoteError(f"{self.there.url} was a file and a folder in turn: remove {self.path.parent}")
        pool = concurrent.futures.ThreadPoolExecutor(_AT_ONCE)
        tasks = {pool.submit(self.there.get, name, self.here(name)): name for name in missing}
        try:
            with tqdm(total=len(tasks), desc=self.there.url, unit=" files", disable=None, leave=False) as bar:
                for task in concurrent.futures.as_completed(tasks):
                    task.result()
                    bar.update()
        finally:  # what came whole is not fetched again
            pool.shutdown(cancel_futures=True)
            came = [name for task, name in tasks.items() if not task.cancelled() and task.exception() is None]
            self.note(notes | {name: [wanted[name], self.version(name)] for name in came})

    def prune(self, wanted: Collection[str]) -> None:
        """Removes all other files here, and folders that become empty."""
        if not self.path.is_dir():
            return
        for name in set(self.files()).difference(wanted):
            self.here(name).unlink(missing_ok=True)
        for folder in sorted((each for each in self.path.rglob("*") if each.is_dir()), reverse=True):
            with contextlib.suppress(OSError):  # it is not empty
                folder.rmdir()
        self.note({name: versions for name, versions in self.noted().items() if name in wanted})

    def unsent(self, names: Iterable[str]) -> list[str]:
        """Those files that have changed here since they were the same."""
        notes = self.noted()
        return [name for name in names if notes.get(name, ["", ""])[1] != self.version(name)]

    def send(self, names: Iterable[str]) -> dict[str, str]:
        """Sends files; returns their versions here, as they were before."""
        sent = {name: self.version(name) for name in names}
        for name in sent:
            self.there.put(self.here(name), name)
        return sent

    def note_sent(self, sent: Mapping[str, str], gone: Iterable[str] = ()) -> None:
        """Notes that files are the same there as here.

        Args:
            sent: Their versions here, of `send`.
            gone: Files that are no longer there.
        """
        there, notes = self.there.listing(), self.noted()
        notes |= {name: [there.get(name, ""), here] for name, here in sent.items()}
        for name in gone:
            notes.pop(name, None)
        self.note(notes)

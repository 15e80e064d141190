"""A run on object storage: it works in a copy on this machine, and what it saves is sent there.

A checkpoint is many files, and sending them can end anywhere. So `sent.json` names the checkpoints that are there whole, and is
written after them: what it does not name is not taken. Records and pictures are sent before the checkpoint that they lead up
to, as they are written before it here: a run that goes on cuts off what lies after its checkpoint, but nothing gives it what
is missing before. At any moment there lies what a run leaves that is killed, and it goes on elsewhere to the same bits.

Of several processes the first alone has such a copy.
"""

import json
import sys
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jaxgan.errors import ConfigError
from jaxgan.foreign import parse_json
from jaxgan.processes import told_by_first
from jaxgan.remote import Copy, Place, RemoteError, is_remote
from jaxgan.training.records import say
from jaxgan.training.run_folder import RunFolder

_SENT = "sent.json"
_CHECKPOINTS = "checkpoints"
Steps = dict[str, dict[str, int]]  # of each checkpoint that is there whole, the sizes of its files in bytes

_read: dict[str, Copy] = {}  # runs that this process has opened to read


class Mirror:
    """A run's folder elsewhere, and the one here that it works in.

    Args:
        url: The folder elsewhere.

    Attributes:
        path: The one here.

    Raises:
        RemoteError: Nothing can read such places.
    """

    def __init__(self, url: str) -> None:
        self._copy = Copy(url, "runs")
        self.path = self._copy.path
        self._there: Steps = {}
        self._claimed = False
        self._forgotten: int | None = None  # checkpoints of later steps were given up

    @classmethod
    def of(cls, workdir: str | Path) -> "Mirror | None":
        """The mirror of a run's folder that is elsewhere; None if it is on this machine.

        Raises:
            RemoteError: As above.
        """
        return cls(str(workdir)) if is_remote(workdir) else None

    def begin(self) -> None:
        """Makes the folder here what the one elsewhere is, unless this machine alone has trained it since: then it has more.

        Raises:
            RemoteError: It cannot be read.
            UserError: Another process on this machine trains it.
        """
        told_by_first(self._fetch)

    def _fetch(self) -> None:
        copy = self._copy
        with RunFolder(self.path).owned():
            there, noted = copy.there.listing(), copy.noted()
            wanted, self._there = _whole(copy.there, there)
            known = _SENT in there and noted.get(_SENT, [""])[0] == there[_SENT]
            if known and (self.path / "config.json").is_file():
                others = {name: version for name, version in wanted.items() if noted.get(name, [""])[0] != version}
                copy.fetch({name: others[name] for name in others if not name.startswith(f"{_CHECKPOINTS}/")})
            else:
                copy.fetch(wanted)
                copy.prune(wanted)

    def claim(self) -> None:
        """Notes elsewhere that this machine goes on with the run; nothing is trained that cannot be sent.

        Raises:
            RemoteError: It cannot be written.
        """
        told_by_first(self._claim)

    def _claim(self) -> None:
        self._say_what_is_whole(self._there)
        self._note({})
        self._claimed = True

    def forget_after(self, step: int) -> None:
        """Notes that later checkpoints were given up; they are no longer whole elsewhere before anything else is sent."""
        self._forgotten = step if self._forgotten is None else min(step, self._forgotten)
        self.send()

    def send(self) -> None:
        """Sends what has changed, once the run is claimed; if that fails, a line says so, and it is sent the next time."""
        if not self._claimed:  # the run was refused
            return
        try:
            self._send()
        except RemoteError as error:
            line = f"warning: {error}; the run goes on in {self.path}, and is sent when it is next saved"
            say(line)

    def finish(self) -> None:
        """Sends what has changed, and says so.

        Raises:
            RemoteError: It cannot be sent.
        """
        try:
            self._send()
        except RemoteError as error:
            raise RemoteError(f"{error}; the run lies in {self.path}, and the same command sends it") from error
        say(f"all of it is at {self._copy.there.url}")

    def _send(self) -> None:
        copy = self._copy
        here = [name for name in copy.files() if not name.startswith(f"{_CHECKPOINTS}/")]
        steps = self._steps()
        unsent = copy.unsent([*here, *_names(steps)])
        # First of all, what is no longer to be gone on from.
        last, changed = self._forgotten, {name.split("/")[1] for name in unsent if name.startswith(f"{_CHECKPOINTS}/")}
        kept = {step: files for step, files in self._there.items() if last is None or int(step) <= last}
        kept = {step: files for step, files in kept.items() if step not in changed}
        if kept != self._there:
            self._say_what_is_whole(kept)
        self._forgotten = None
        sent = copy.send(name for name in unsent if name in set(here))
        sent |= copy.send(name for name in unsent if name not in sent)
        gone = set(copy.noted()) - {*here, *_names(steps), _SENT}
        if sent or gone or steps != self._there:
            self._say_what_is_whole(steps)
            copy.there.remove(sorted(gone))
            self._note(sent, gone)

    def _steps(self) -> Steps:
        """The checkpoints here; what is being written, or was put aside, has another name than its step."""
        steps: Steps = {}
        for folder in (self.path / _CHECKPOINTS).glob("*"):
            if folder.name.isdecimal():
                files = [file for file in folder.rglob("*") if file.is_file()]
                steps[folder.name] = {file.relative_to(folder).as_posix(): file.stat().st_size for file in files}
        return steps

    def _say_what_is_whole(self, steps: Steps) -> None:
        # No two are the same, so that whoever has trained last is known by it.
        self._copy.there.write(_SENT, json.dumps({"id": uuid.uuid4().hex, "checkpoints": steps}).encode())
        self._there = steps

    def _note(self, sent: Mapping[str, str], gone: Iterable[str] = ()) -> None:
        self._copy.note_sent({**sent, _SENT: ""}, gone)


def readable(workdir: str | Path) -> Path:
    """A run's folder, or a file of weights, to be read; one elsewhere is fetched.

    Raises:
        RemoteError: It cannot be.
    """
    if not is_remote(workdir):
        return Path(workdir)
    copy = Copy(str(workdir), "read")
    with copy.alone():
        wanted, _ = _whole(copy.there, copy.there.found())
        new = set(copy.files()) - set(copy.noted()) if copy.path.is_dir() else set()  # not yet sent
        copy.fetch(wanted)
        copy.prune({*wanted, *(name for name in new if not name.startswith(f"{_CHECKPOINTS}/"))})
    _read[copy.there.url] = copy
    return copy.path


def send_back() -> None:
    """Sends what a command has left in the folders of runs that it has opened: evaluations, and what it drew.

    Raises:
        RemoteError: It cannot be sent; it stays here.
    """
    for url, copy in _read.items():
        if not copy.path.is_dir():
            continue
        with copy.alone():
            new = copy.unsent(name for name in copy.files() if not name.startswith(f"{_CHECKPOINTS}/"))
            if not new:
                continue
            try:
                copy.note_sent(copy.send(new))
            except RemoteError as error:
                raise RemoteError(f"{error}; what was made lies in {copy.path}") from error
        print(f"sent to {url}: {', '.join(new)}", file=sys.stderr)


def _names(steps: Steps) -> list[str]:
    return [f"{_CHECKPOINTS}/{step}/{name}" for step, files in steps.items() for name in files]


def _whole(place: Place, there: Mapping[str, str]) -> tuple[dict[str, str], Steps]:
    """What of a listing is to be taken, and the checkpoints in it that are whole.

    A folder without `sent.json` was put there by hand, and is taken as it is.
    """
    own = {name: version for name, version in there.items() if name != _SENT and not name.startswith(".")}
    steps: Steps = {}
    if _SENT not in there:
        for name, version in own.items():
            folder, _, rest = name.partition("/")
            step, _, file = rest.partition("/")
            if folder == _CHECKPOINTS and file and step.isdecimal():
                steps.setdefault(step, {})[file] = _size(version)
        return own, steps
    for step, files in _sent(place).items():
        if all(
            _size(there.get(name, "")) == size for name, size in zip(_names({step: files}), files.values(), strict=True)
        ):
            steps[step] = files
    names = set(_names(steps))
    return {
        name: version for name, version in own.items() if name in names or not name.startswith(f"{_CHECKPOINTS}/")
    }, steps


def _size(version: str) -> int:
    size = version.partition(" ")[0]
    return int(size) if size.isdecimal() else -1


def _sent(place: Place) -> Steps:
    told: Any = parse_json(place.read(_SENT).decode("utf-8", "replace"), f"{place.url}/{_SENT}")
    steps: Any = told.get("checkpoints") if isinstance(told, dict) else None
    good = isinstance(steps, dict) and all(
        step.isdecimal() and isinstance(files, dict) for step, files in steps.items()
    )
    if not good or not all(isinstance(size, int) for files in steps.values() for size in files.values()):
        raise ConfigError(f"{place.url}/{_SENT} names no checkpoints: it is damaged, or something else")
    return steps

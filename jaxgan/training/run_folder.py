"""What a run leaves in its folder, and where; a folder belongs to one config.

config.json       the config that made it
data.json         the arrays of its data, with names of classes and domains, so that the game can be used without them
init_from.json    the run whose weights it began with, if it did
checkpoints/      states, by step
metrics.jsonl     a line per log step and per evaluation
samples/          what the same noise became, by step
...               and at the end the pictures that sum it up
"""

import contextlib
import dataclasses
import errno
import fcntl
import json
import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from jaxgan.core.arrays import Arrays, ArraySpec, different_classes, from_json, to_json
from jaxgan.data import same_contents
from jaxgan.data.items import MEMORY
from jaxgan.errors import ConfigError, UserError
from jaxgan.files import atomically, check_place
from jaxgan.foreign import below, printable, read_json
from jaxgan.registry import as_config, plain

# A run may go on with other values of these: they decide how long it is and how it is looked at, not what is computed ...
_LENGTH = ("steps", "images")
_FREE_TO_CHANGE = {*_LENGTH, "log_every", "sample_every", "evaluate_every", "checkpoint_every", "metrics", "pictures"}
# How it is computed, to rounding the same; and what happens when training goes wrong: a run that does may go on with others.
_FREE_TO_CHANGE |= {"steps_per_call", "remat", "shard_optimizer"}
_FREE_TO_CHANGE |= {"rollbacks", "rollback_window", "rollback_rate", "guard"}
# ... and of these, as long as what lies there is the same.
_PLACES = {"data.path", "data.text", "data.labels_file", "data.attributes_file", "data.attributed_path"}
_TOLD = (*_LENGTH, "metrics", *sorted(_PLACES))
_log = logging.getLogger("jaxgan.training")


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """The folder of one run, and the names of what lies in it; a link among these that leads out of it is a UserError."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        return below(self.path, "checkpoints")

    @property
    def metrics(self) -> Path:
        return below(self.path, "metrics.jsonl")

    @property
    def evaluation(self) -> Path:
        """Results with their protocols: lines that `jaxgan.evaluation.protocol.append_results` adds."""
        return below(self.path, "evaluation.jsonl")

    @property
    def tensorboard(self) -> Path:
        return below(self.path, "tensorboard")

    @property
    def samples(self) -> Path:
        return below(self.path, "samples")

    @property
    def real_and_fake(self) -> Path:
        return below(self.path, "real_and_fake.png")

    @property
    def losses(self) -> Path:
        return below(self.path, "losses.png")

    @property
    def animation(self) -> Path:
        return below(self.path, "animation.gif")

    def picture(self, name: str) -> Path:
        """What is drawn beside the samples, by its name."""
        return below(self.path, f"{name}.png")

    @contextlib.contextmanager
    def owned(self) -> Iterator[None]:
        """Keeps other processes from writing into the folder inside its `with` block.

        A lock of the operating system: it ends with its process, however that ends, and file systems in a network know it.

        Raises:
            UserError: Another process has the folder.
        """
        path = below(self.path, ".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    _log.warning("%s cannot be locked (%s): let no other process write into it", self.path, error)
                else:
                    file.seek(0)
                    owner = printable(file.read(200)) or "another process"
                    raise UserError(
                        f"{self.path} is in use by {owner}: wait for it, or choose another --workdir"
                    ) from None
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}")
            file.flush()
            yield

    def claim(
        self,
        config: ConfigDict,
        arrays: Arrays,
        domains: Sequence[str] = (),
        contents: Mapping[str, Any] | None = None,
        write: bool = True,
    ) -> str:
        """Notes that the folder is this config's, unless it holds a checkpoint of another one.

        Args:
            config: The config.
            arrays: Of its data.
            domains: What these call their domains.
            contents: Of the data, `jaxgan.data.contents`; None: they are not there, and are taken to be the same.
            write: False only looks.

        Returns:
            A line for the user if the run goes on with another length, other metrics or from another place, else "".

        Raises:
            ConfigError: It does; the message names the fields that differ.
            UserError: A link in it leads out of it, or it cannot be written to.
        """
        # Now, and not when the first picture is due.
        _ = self.checkpoints, self.metrics, self.evaluation, self.tensorboard
        _ = self.samples, self.real_and_fake, self.losses, self.animation
        config_file, data_file = self._stored
        check_place(config_file)
        data, told = {"arrays": to_json(arrays), "domains": list(domains), "contents": contents}, ""
        if any(self.checkpoints.glob("*")) and config_file.exists():
            there, here = _flat(_config(config_file)), _flat(_as_stored(plain(config)))
            changed = [name for name in sorted(there.keys() | here.keys()) if there.get(name) != here.get(name)]
            stored = _data(data_file) if data_file.exists() else None
            # What Python gave lies nowhere, so that only its contents tell whether it is the same.
            moved = [name for name in changed if name in _PLACES] + [MEMORY] * (config.data.name == MEMORY)
            found = [] if stored is None else _different_data(stored, _as_stored(data), moved)
            known = stored is not None and stored.get("contents") is not None and contents is not None
            free = _FREE_TO_CHANGE | (_PLACES if known else set())
            differing = [
                f"{name} is {there.get(name, 'missing')!r} there and {here.get(name, 'missing')!r} here"
                for name in changed
                if name not in free
            ] + found
            if differing:
                raise ConfigError(
                    f"{self.path} was made by another config: {'; '.join(differing)}. Choose another --workdir, with "
                    f"--init_from={self.path} to begin with these weights, or take the old values"
                )
            told = ", ".join(f"{name} {there.get(name)} -> {here.get(name)}" for name in _TOLD if name in changed)
            if told:
                share = ": what is a share of the run changes with it" if set(changed) & set(_LENGTH) else ""
                told = f"goes on with {told}{share}"
        if write:
            for file, content in ((config_file, plain(config)), (data_file, data)):
                with atomically(file) as temporary:
                    temporary.write_text(json.dumps(content, indent=2) + "\n")
        return told

    def begun_with(self, source: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """The source of the weights that the run has yet to begin with; None: it goes on, or begins with its own.

        Args:
            source: What the user asks for, `jaxgan.training.transfer.read_source`; None: nothing.

        Raises:
            ConfigError: The run did not begin so.
        """
        noted = _source(self._source_file) if self._source_file.exists() else None
        # One that was killed while it was saved is not there yet, and its folder has another name.
        if not any(entry.name.isdecimal() for entry in self.checkpoints.glob("*")):
            return source or noted
        if source is not None and source != noted:
            began = _called(noted) if noted else "weights of its own"
            raise ConfigError(
                f"{self.path} began with {began}, not with {_called(source)}: leave --init_from out to go on with it, or "
                "choose another --workdir"
            )
        return None

    def note_source(self, source: Mapping[str, Any] | None) -> None:
        """Notes whose weights the run begins with, so that it begins with them again if it is killed before it is saved."""
        if source is None:
            self._source_file.unlink(missing_ok=True)
        else:
            with atomically(self._source_file) as temporary:
                temporary.write_text(json.dumps(source, indent=2) + "\n")

    def read(self) -> tuple[ConfigDict, dict[str, ArraySpec], tuple[str, ...]]:
        """The config of a run that was started before, the arrays of its data, and the names of their domains.

        Raises:
            ConfigError: This is no run's folder.
        """
        config_file, data_file = self._stored
        for file in (config_file, data_file):
            if not file.exists():
                raise ConfigError(
                    f"{self.path} is not the folder of a run ({file.name} is missing): train one with train.py"
                )
        data = _data(data_file)
        return as_config(_config(config_file)), from_json(data["arrays"]), tuple(data["domains"])

    @property
    def _source_file(self) -> Path:
        return below(self.path, "init_from.json")

    @property
    def _stored(self) -> tuple[Path, Path]:
        return below(self.path, "config.json"), below(self.path, "data.json")


def _source(path: Path) -> dict[str, Any]:
    source = read_json(path)
    good = isinstance(source, dict) and source.keys() == {"run", "players"} and isinstance(source["run"], str)
    if (
        not good
        or not isinstance(source["players"], list)
        or not all(isinstance(name, str) for name in source["players"])
    ):
        raise ConfigError(f"{path} names no run: it is damaged, or something else")
    return source


def _called(source: Mapping[str, Any]) -> str:
    players = ",".join(source["players"])
    return f"{source['run']}:{players}" if players else str(source["run"])


def _config(path: Path) -> dict[str, Any]:
    config = read_json(path)
    if not isinstance(config, dict):
        raise ConfigError(f"{path} holds no config: it is damaged, or something else")
    return config


def _data(path: Path) -> dict[str, Any]:
    return checked_data(read_json(path), path)


def checked_data(data: Any, path: Path) -> dict[str, Any]:
    """What is stored of the data in a file, with all that readers of it count on.

    Raises:
        ConfigError: It is something else.
    """
    try:
        domains, specs = data["domains"], from_json(data["arrays"])
        records = (data.get("contents") or {"records": []})["records"]
        good = isinstance(records, list) and all(type(number) is int for number in records)
        good &= isinstance(domains, list) and all(isinstance(name, str) for name in domains)
        for spec in specs.values():
            good &= spec.dtype in ("float32", "int32")
            good &= all(type(size) is int and 0 < size <= 2**16 for size in spec.shape)
            sides = {"image": 3, "vector": 1, "label": 0, "text": 2, "embedding": 2, "attributes": 1}[spec.kind]
            good &= len(spec.shape) == sides
            good &= spec.kind != "attributes" or len(spec.names) == spec.shape[0]
            good &= all(isinstance(name, str) for name in spec.names)
    except (AttributeError, KeyError, TypeError):
        good = False
    if not good:
        raise ConfigError(f"{path} describes no data: it is damaged, or something else")
    return data


def _as_stored(content: Any) -> Any:
    """Plain values as JSON gives them back: lists for tuples."""
    return json.loads(json.dumps(content))


def _different_data(there: Mapping[str, Any], here: Mapping[str, Any], moved: Sequence[str]) -> list[str]:
    """What differs between two descriptions of data, in words; `moved` are the fields by which they lie elsewhere."""
    differing = []
    old, new = (each.get("contents") for each in (there, here))
    if old is not None and new is not None:
        if old.get("records") != new["records"]:
            counts = (" and ".join(map(str, each["records"])) for each in (old, new))
            differing.append("the data have {} records there and {} here".format(*counts))
        elif moved and not same_contents(old, new):
            differing.append(f"{' and '.join(moved)}: other data lie there than before")
    for name in sorted(there["arrays"].keys() | here["arrays"].keys()):
        old, new = (each["arrays"].get(name) for each in (there, here))
        if old is None or new is None:
            differing.append(
                f"the data have {'an' if old else 'no'} array {name!r} there and {'one' if new else 'none'} here"
            )
        elif old["names"] != new["names"]:
            differing.append(f"the data have other classes, {different_classes(old['names'], new['names'])}")
        elif old != new:
            differing.append(f"{name!r} has the shape {tuple(old['shape'])} there and {tuple(new['shape'])} here")
    return differing


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"players.generator.network.width": 64, ...}."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat

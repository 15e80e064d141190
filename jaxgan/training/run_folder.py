"""What a run leaves in its folder, and where; a folder belongs to one config.

config.json       the config that made it
data.json         shapes of its data, so that the trained game can be used without them
checkpoints/      states, by step
metrics.jsonl     a line per log step and per evaluation
samples/          what the same noise became, by step
...               and at the end the pictures that sum it up
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from jaxgan.config import ConfigError, completed
from jaxgan.files import atomically
from jaxgan.training.plan import DataShapes

# A run may go on with other values of these: they decide how long it is and when it is looked at, not what is computed.
_FREE_TO_CHANGE = {"steps", "images", "log_every", "sample_every", "evaluate_every", "checkpoint_every"}


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """The folder of one run, and the names of what lies in it."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def evaluation(self) -> Path:
        """Results with their protocols: lines that `jaxgan.evaluation.protocol.append_results` adds."""
        return self.path / "evaluation.jsonl"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def real_and_fake(self) -> Path:
        return self.path / "real_and_fake.png"

    @property
    def losses(self) -> Path:
        return self.path / "losses.png"

    @property
    def animation(self) -> Path:
        return self.path / "animation.gif"

    def claim(self, config: ConfigDict, shapes: DataShapes, write: bool = True) -> None:
        """Notes that the folder is this config's, unless it holds a checkpoint of another one.

        Raises:
            ConfigError: It does; the message names the fields that differ.
        """
        config_file, data_file = self.path / "config.json", self.path / "data.json"
        if any(self.checkpoints.glob("*")) and config_file.exists():
            there, here = (_flat(_plain(each)) for each in (completed(_read(config_file)), config))
            differing = [
                f"{name} is {there.get(name, 'missing')!r} there and {here.get(name, 'missing')!r} here"
                for name in sorted(there.keys() | here.keys())
                if there.get(name) != here.get(name) and name.split(".")[0] not in _FREE_TO_CHANGE
            ]
            if data_file.exists() and (shapes_there := DataShapes.from_json(_read(data_file))) != shapes:
                differing.append(f"the data are {shapes_there} there and {shapes} here")
            if differing:
                raise ConfigError(
                    f"{self.path} was made by another config: {'; '.join(differing)}. "
                    "Choose another --workdir, or take the old values"
                )
        if write:
            for file, content in ((config_file, _plain(config)), (data_file, dataclasses.asdict(shapes))):
                with atomically(file) as temporary:
                    temporary.write_text(json.dumps(content, indent=2) + "\n")

    def read(self) -> tuple[ConfigDict, DataShapes]:
        """The config and the data's shapes of a run that was started before.

        Raises:
            ConfigError: This is no run's folder.
        """
        for file in (self.path / "config.json", self.path / "data.json"):
            if not file.exists():
                raise ConfigError(
                    f"{self.path} is not the folder of a run ({file.name} is missing): train one with train.py"
                )
        return completed(_read(self.path / "config.json")), DataShapes.from_json(_read(self.path / "data.json"))


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


def _plain(config: ConfigDict) -> Any:
    """The config as JSON gives it back: dicts, lists, numbers, strings."""
    return json.loads(json.dumps(config.to_dict()))


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"players.generator.network.width": 64, ...}."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat

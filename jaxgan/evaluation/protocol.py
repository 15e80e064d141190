"""How a number was made, as data: printed, stored beside it, named in its key, and asked before two numbers are compared."""

import contextlib
import dataclasses
import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jaxgan.errors import UserError
from jaxgan.files import check_place
from jaxgan.foreign import parse_json, read_lines


@dataclasses.dataclass(frozen=True)
class Protocol:
    """All that changes a metric's value beside the model itself. What does not apply has its default.

    Attributes:
        fakes: How many images were measured.
        image: Their shape, "32x32x3".
        features: The feature network, or perceptual distance.
        resize: How images were resized for it.
        weights: SHA-256 of its parameters.
        reference: The data compared with, by name.
        split: "train", "test" ..., where the data have splits.
        references: How many of them; None where a file of statistics does not say.
        whole: Whether these were all there are.
        prepared: How images of another size were made like those measured, "cover, bicubic"; "" for those of one size.
        settings: The metric's own: "100 subsets of 1000".
        variant: Those of them that the key names: "k3".
        average: Whether the moving average of the weights made the images.
        truncation: Of the latents.
        batch_norm: Whose statistics batch norm used, such as "16 batches of 64".
        labels: Where classes were drawn from: "reference", "uniform", or "" without classes.
        seed: Of the images. Numbers of two seeds may be compared: several seeds are how one learns the spread.
    """

    fakes: int
    image: str = ""
    features: str = ""
    resize: str = ""
    weights: str = ""
    reference: str = ""
    split: str = ""
    references: int | None = None
    whole: bool = False
    prepared: str = ""
    settings: str = ""
    variant: str = ""
    average: bool = False
    truncation: float | None = None
    batch_norm: str = ""
    labels: str = ""
    seed: int = 0

    def key(self, metric: str) -> str:
        """The metric's name with what changes its value: "fid50k_full/tf1", "precision10k_test/vgg16/tf1/k3/truncation0.5".

        After the count, "_full" stands for all of the training split or folder, "_test" for all of another split, "_10k" or
        "_test_10k" for so many images of it. Inception is not named, nor is the digits' own resize.
        """
        name = metric + _count(self.fakes)
        if self.reference:
            split = "" if self.split in ("", "train") else f"_{self.split}"
            name += (split or "_full") if self.whole else f"{split}_{_count(self.references)}"
        network = "" if self.features == "inception" else self.features
        parts = [name, network, "" if self.resize == "own" else self.resize, self.variant]
        parts += ["" if self.truncation is None else f"truncation{self.truncation:g}"]
        return "/".join(filter(None, parts))

    def differences(self, other: "Protocol") -> list[str]:
        """The fields that keep numbers of the two protocols from being compared, as "resize is 'tf1' and 'clean'"."""
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        return [
            f"{name} is {mine[name]!r} and {theirs[name]!r}"
            for name in mine
            if name != "seed" and mine[name] != theirs[name]
        ]


@dataclasses.dataclass(frozen=True)
class Result:
    """A metric's value, and how it was made.

    Attributes:
        metric: Its name, "fid".
        value: Its value.
        protocol: How it was made.
        deviation: Over its subsets or splits, where it has them.
        model: What was measured: {"workdir": ..., "step": ...} or {"images": ...}.
    """

    metric: str
    value: float
    protocol: Protocol
    deviation: float | None = None
    model: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def key(self) -> str:
        """See `Protocol.key`."""
        return self.protocol.key(self.metric)

    def to_json(self) -> str:
        """One line of JSON, which `from_json` reads; a value that is not finite is null."""
        fields = {"key": self.key, **dataclasses.asdict(self)}
        return json.dumps(fields | {"value": self.value if math.isfinite(self.value) else None})

    @classmethod
    def from_json(cls, line: str) -> "Result":
        """The inverse of `to_json`.

        Raises:
            UserError: The line is not one of it.
        """
        try:
            fields = parse_json(line, "a file of results")
            del fields["key"]
            fields["value"] = math.nan if fields["value"] is None else float(fields["value"])
            result = cls(**fields | {"protocol": Protocol(**fields["protocol"])})
            result.key.encode()  # made of all fields: one of another type says so
            return result
        except (TypeError, KeyError, ValueError) as error:
            raise UserError(f"not a line of jaxgan.evaluate: {line[:80]!r}") from error


def check_appendable(path: Path) -> None:
    """Checks that results can be appended to a file, before they are measured.

    Raises:
        UserError: It is no file, such as a pipe, which would wait for a reader; or it cannot be written.
    """
    if not os.path.exists(path):
        check_place(path)
    elif not path.is_file():
        raise UserError(f"{path} is no file: remove it, or choose another --output")
    elif not os.access(path, os.W_OK):
        raise UserError(f"{path} cannot be written: choose another --output")


def append_results(path: Path, results: Iterable[Result]) -> None:
    """Appends lines of JSON to a file, but for those that are there: a run that goes on measures some of its steps again.

    Raises:
        UserError: As in `check_appendable`; or the file is too large to be one of results.
    """
    check_appendable(path)
    there = set(read_lines(path) if path.exists() else [])
    lines = [line for line in (result.to_json() for result in results) if line not in there]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        # Behind a line that a killed process or a full disk left unfinished a new one begins.
        if end := file.tell():
            file.seek(end - 1)
        file.write(b"\n" if file.read(1) not in (b"", b"\n") else b"")
        file.writelines(f"{line}\n".encode() for line in lines)


def read_results(path: Path, newest: int = 0) -> list[Result]:
    """What `append_results` wrote; what is no result, as a line that was left unfinished, is left out.

    Args:
        path: The file.
        newest: How many of its last lines are read; 0: all.

    Raises:
        UserError: The file is too large, or cannot be read.
    """
    found = []
    for line in read_lines(path)[-newest:]:
        with contextlib.suppress(UserError):
            found.append(Result.from_json(line))
    return found


def difference(first: Result, second: Result) -> float:
    """`second.value - first.value`, if that means anything.

    Raises:
        UserError: Two metrics, or two protocols; the message names the fields that differ.
    """
    if first.metric != second.metric:
        raise UserError(f"{first.metric} and {second.metric} are two metrics and cannot be compared")
    if differing := first.protocol.differences(second.protocol):
        raise UserError(f"two protocols of {first.metric} cannot be compared: {'; '.join(differing)}")
    return second.value - first.value


def _count(number: int | None) -> str:
    if number is None:
        return "unknown"
    return f"{number // 1000}k" if number and number % 1000 == 0 else str(number)

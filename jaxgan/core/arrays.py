"""Minibatches are named arrays with a meaning: the data say it once, and games, pictures and metrics read it here."""

import dataclasses
import string
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np


@dataclasses.dataclass(frozen=True)
class ArraySpec:
    """One array of a minibatch.

    Attributes:
        shape: Of one entry, without the batch axis.
        dtype: "float32" for images, vectors, attributes and embeddings, "int32" for labels and text, as a game sees them.
        kind: "image", (H, W, C) in [-1, 1]; "vector", (D,); "label", () from 0 on; "attributes", (K,), each 0 or 1; "text",
            (K, T), K captions of the picture beside them in the characters of `jaxgan.core.text`; "embedding", (K, D), K
            vectors that stand for captions.
        names: Of a label's classes, class i is names[i], or of the attributes. Empty for other kinds.
    """

    shape: tuple[int, ...]
    dtype: str
    kind: str
    names: tuple[str, ...] = ()


Arrays = Mapping[str, ArraySpec]
MOST_DOMAINS = len(string.ascii_lowercase)
_LISTED = 20  # classes in a line


def minibatch(arrays: Arrays, size: int) -> dict[str, jax.ShapeDtypeStruct]:
    """The shapes of a minibatch of `size` entries."""
    return {name: jax.ShapeDtypeStruct((size, *spec.shape), spec.dtype) for name, spec in arrays.items()}


def domain_arrays(number: int) -> tuple[str, ...]:
    """What the arrays of so many domains of images are called, "a", "b", "c" ..., in the order of the domains' names."""
    return tuple(string.ascii_lowercase[:number])


def num_classes(arrays: Arrays) -> int:
    """Classes of the array "label"; 0 without labels."""
    return len(arrays["label"].names) if "label" in arrays else 0


def listed_classes(arrays: Arrays) -> str:
    """The classes with their numbers, "0 cat, 1 dog"; the middle of a long list is left out. "" without labels."""
    names = arrays["label"].names if "label" in arrays else ()
    if names == tuple(map(str, range(len(names)))):
        return f"0 to {len(names) - 1}" if names else ""
    parts = [f"{number} {name}" for number, name in enumerate(names)]
    return ", ".join(parts if len(parts) <= _LISTED else [*parts[: _LISTED - 2], "...", parts[-1]])


def listed_domains(domains: Sequence[str]) -> str:
    """The domains with their arrays, "a summer, b winter"; "" where they have no other names."""
    parts = [f"{array} {name}" for array, name in zip(domain_arrays(len(domains)), domains, strict=False)]
    return ", ".join(parts)


def different_classes(there: Sequence[str], here: Sequence[str], where: str = "there") -> str:
    """How two lists of classes differ, in words: their lengths, and the first number that means two things."""
    words = f"{len(there)} {where} and {len(here)} here" if len(there) != len(here) else f"{len(there)}"
    for number, (old, new) in enumerate(zip(there, here, strict=False)):
        if old != new:
            return f"{words}; class {number} is {old!r} {where} and {new!r} here"
    more, place = (there, where) if len(there) > len(here) else (here, "here")
    return f"{words}; class {min(len(there), len(here))} is {more[min(len(there), len(here))]!r} only {place}"


def to_json(arrays: Arrays) -> dict[str, Any]:
    """The arrays as plain values."""
    return {name: dataclasses.asdict(spec) for name, spec in arrays.items()}


def from_json(plain: Mapping[str, Any]) -> dict[str, ArraySpec]:
    """The inverse of `to_json`, by way of JSON."""
    return {
        name: ArraySpec(tuple(spec["shape"]), spec["dtype"], spec["kind"], tuple(spec["names"]))
        for name, spec in plain.items()
    }


def evenly(most: int, total: int) -> np.ndarray:
    """Which of `total` records stand for all of them, if at most so many may: some from everywhere, in order; int64.

    The first ones would not do: files are sorted, and those of the first folder are all of one class.
    """
    return np.linspace(0, total - 1, min(most, total)).round().astype(int)

"""Minibatches are named arrays with a meaning: the data say it once, and games, pictures and metrics read it here."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax


@dataclasses.dataclass(frozen=True)
class ArraySpec:
    """One array of a minibatch.

    Attributes:
        shape: Of one entry, without the batch axis.
        dtype: "float32" for images and vectors, "int32" for labels, as a game sees them.
        kind: "image", (H, W, C) in [-1, 1]; "vector", (D,); "label", () from 0 on.
        names: Of a label's classes: class i is names[i]. Empty for other kinds.
    """

    shape: tuple[int, ...]
    dtype: str
    kind: str
    names: tuple[str, ...] = ()


Arrays = Mapping[str, ArraySpec]


def minibatch(arrays: Arrays, size: int) -> dict[str, jax.ShapeDtypeStruct]:
    """The shapes of a minibatch of `size` entries."""
    return {name: jax.ShapeDtypeStruct((size, *spec.shape), spec.dtype) for name, spec in arrays.items()}


def num_classes(arrays: Arrays) -> int:
    """Classes of the array "label"; 0 without labels."""
    return len(arrays["label"].names) if "label" in arrays else 0


def to_json(arrays: Arrays) -> dict[str, Any]:
    """The arrays as plain values."""
    return {name: dataclasses.asdict(spec) for name, spec in arrays.items()}


def from_json(plain: Mapping[str, Any]) -> dict[str, ArraySpec]:
    """The inverse of `to_json`, by way of JSON."""
    return {
        name: ArraySpec(tuple(spec["shape"]), spec["dtype"], spec["kind"], tuple(spec["names"]))
        for name, spec in plain.items()
    }

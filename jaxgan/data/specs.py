"""What the arrays of a source are: images, vectors and labels, each a `jaxgan.core.arrays.ArraySpec`."""

from collections.abc import Iterable

import numpy as np

from jaxgan.core.arrays import ArraySpec
from jaxgan.data.errors import DataError


def image_spec(shape: Iterable[int]) -> ArraySpec:
    """Images of `shape` (H, W, C), in [-1, 1] as a game sees them."""
    return ArraySpec(tuple(int(length) for length in shape), "float32", "image")


def vector_spec(size: int) -> ArraySpec:
    """Vectors of `size` numbers."""
    return ArraySpec((size,), "float32", "vector")


def label_spec(names: Iterable[str]) -> ArraySpec:
    """Labels whose class i is called the i-th of `names`."""
    return ArraySpec((), "int32", "label", tuple(names))


def attributes_spec(names: Iterable[str]) -> ArraySpec:
    """Attributes of so many names, each 0 or 1."""
    names = tuple(names)
    return ArraySpec((len(names),), "float32", "attributes", names)


def numbered(count: int) -> tuple[str, ...]:
    """Names of classes that have none: "0", "1" ..."""
    return tuple(str(number) for number in range(count))


def stored(values: np.ndarray) -> np.ndarray:
    """Entries as records hold them: pictures uint8, labels int32, real numbers float32.

    Args:
        values: (N, ...) of any integer or real type; other types are left as they are.

    Returns:
        The same numbers, of the same shape.
    """
    if np.issubdtype(values.dtype, np.floating):
        return np.asarray(values, np.float32)
    if np.issubdtype(values.dtype, np.integer) and values.ndim == 1:
        return np.asarray(values, np.int32)
    return values


def spec_of(values: np.ndarray, where: str) -> ArraySpec:
    """The spec of an array in memory.

    Args:
        values: What `stored` returns: uint8 or float32 (N, H, W, C) are images, float32 (N, D) vectors, int32 (N,) labels,
            whose classes are called "0", "1" ... up to the largest.
        where: What the array is called in messages.

    Raises:
        DataError: It is none of these.
    """
    kind = (str(values.dtype), values.ndim)
    if kind in (("uint8", 4), ("float32", 4)):
        return image_spec(values.shape[1:])
    if kind == ("float32", 2):
        return vector_spec(values.shape[1])
    if kind == ("int32", 1):
        return label_spec(numbered(int(values.max(initial=-1)) + 1))
    raise DataError(
        f"{where} is {values.dtype} {values.shape}; give images (N, H, W, C) of uint8 or float, vectors (N, D) of float, "
        "or labels (N,) of int"
    )

"""Several processes that train one run: the first alone reads and writes its folder, and tells the others what is there.

So the others need not see that folder, and all of them come to the same decisions.
"""

import json
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

from jaxgan.errors import UserError

Found = TypeVar("Found")


def is_first() -> bool:
    """Whether this is the first process, or the only one."""
    return jax.process_index() == 0


def told_by_first(find: Callable[[], Found]) -> Found:
    """What the first process finds, in every process, each of which must ask.

    Args:
        find: Looks, or does something; called in the first process alone. What it returns is told as JSON: numbers, text, None,
            and lists or dicts of these by text.

    Raises:
        Exception: In the first process what `find` raises, and in the others a UserError.
    """
    if jax.process_count() == 1:
        return find()
    failed, told = None, b""
    if is_first():
        try:
            told = json.dumps(find()).encode()
        except Exception as error:
            failed = error
    size = int(multihost_utils.broadcast_one_to_all(np.int32(len(told) if failed is None else -1)))
    if failed is not None:
        raise failed
    if size < 0:
        raise UserError("the first process cannot go on: it says why")
    text = np.frombuffer(told, np.uint8) if is_first() else np.zeros(size, np.uint8)
    found: Found = json.loads(multihost_utils.broadcast_one_to_all(text).tobytes())
    return found


def gathered(tree: Any) -> Any:
    """Arrays of all devices as numpy arrays of the first process, copies of the whole; every process must ask.

    One process alone has them as they are.
    """

    def whole(leaf: jax.Array) -> np.ndarray | None:
        # One after the other: those that devices share may be too large for one of them, but not for the host.
        if not leaf.is_fully_replicated:
            return np.asarray(multihost_utils.process_allgather(leaf, tiled=True))
        return np.array(leaf.addressable_data(0)) if is_first() else None

    return tree if jax.process_count() == 1 else jax.tree.map(whole, tree)


def spread(tree: Any, abstract: Any) -> Any:
    """The first process's arrays on the devices of all processes, each of which must ask.

    Args:
        tree: Of numpy arrays; in the other processes nothing is read of it. One process alone has them where they belong.
        abstract: Their shapes, dtypes and shardings, a tree of `jax.ShapeDtypeStruct`.
    """
    if jax.process_count() == 1:
        return tree
    wanted, structure = jax.tree.flatten(abstract)
    leaves = jax.tree.leaves(tree) if is_first() else [None] * len(wanted)

    def place(wanted: jax.ShapeDtypeStruct, own: np.ndarray | None) -> jax.Array:
        told = multihost_utils.broadcast_one_to_all(jnp.zeros(wanted.shape, wanted.dtype) if own is None else own)
        return jax.make_array_from_callback(wanted.shape, wanted.sharding, lambda part: told[part])

    return jax.tree.unflatten(structure, [place(*pair) for pair in zip(wanted, leaves, strict=True)])

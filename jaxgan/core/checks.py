"""What callers of a game's pure functions hand it, checked in one line each."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jaxgan.core.turns import Batch
from jaxgan.errors import UserError


class _Example(dict[str, Any]):
    """A minibatch whose missing arrays are the user's error."""

    def __missing__(self, name: str) -> Any:
        raise UserError(
            f"this game needs the array {name!r}, but the minibatch has {', '.join(self)}: choose other data, or another game"
        )


def named(function: Callable[[Batch], Any]) -> Callable[[Batch], Any]:
    """The function, which asks a minibatch for an array that is not there in a user's words."""
    return lambda batch: function(_Example(batch))


def check_arrays(minibatch: Batch) -> None:
    """Refuses a minibatch without entries, and images that are bytes."""
    for name, array in minibatch.items():
        if not array.shape or not array.shape[0]:
            raise UserError(
                f"the array {name!r} of a minibatch is empty: give at least one entry, along the first axis"
            )
        # Labels are integers of one axis, and captions of three.
        if array.ndim not in (1, 3) and not jnp.issubdtype(array.dtype, jnp.floating):
            raise UserError(
                f"the array {name!r} of a minibatch is {array.dtype}, but must be float32, images in [-1, 1]: x / 127.5 - 1"
            )


def check_key(key: Any) -> None:
    """Refuses what is no key of random numbers, such as a seed."""
    if not hasattr(key, "dtype"):
        raise UserError(f"key={key!r}, but it must be a key of random numbers: jax.random.key(0)")

"""The batch axis that spans devices: its name, and means over the whole batch."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp

_axis_name: contextvars.ContextVar[str | None] = contextvars.ContextVar("jaxgan_batch_axis", default=None)


@contextlib.contextmanager
def batch_axis(name: str | None) -> Iterator[None]:
    """Names the mapped axis over which the batch is split while the body is traced.

    Inside `jax.shard_map`, `jax.pmap` or `jax.vmap(axis_name=...)` every device sees its share of the batch only; layers that
    take statistics over the batch look this name up to take them over all shares. Under plain `jax.jit`, also on a
    mesh, arrays are global and no name is needed.

    Args:
        name: the mapped axis, or None for none.
    """
    token = _axis_name.set(name)
    try:
        yield
    finally:
        _axis_name.reset(token)


def batch_axis_name() -> str | None:
    """The mapped axis over which the batch is split, or None."""
    return _axis_name.get()


def batch_mean(x: jax.Array, axes: int | Sequence[int]) -> jax.Array:
    """Mean over `axes` and, if the batch is split over a mapped axis, over that axis too.

    Args:
        x: an array; every device holds the same shape.
        axes: axes to average over, the batch axis among them.

    Returns:
        The mean over the global batch, without `axes`; the dtype of `jnp.mean`.
    """
    mean = jnp.mean(x, axis=axes if isinstance(axes, int) else tuple(axes))
    name = batch_axis_name()
    return mean if name is None else jax.lax.pmean(mean, name)

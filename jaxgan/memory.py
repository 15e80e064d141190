"""Running out of memory, in one line: how much was asked for, and what would ask for less."""

import contextlib
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.errors import UserError

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_ASKED = re.compile(r"allocat\w+ ([\d.]+) ?([KMGTPE]iB|B|bytes)")
_CONTAINER = Path("/sys/fs/cgroup/memory.max")  # what Linux lets a container take: a number of bytes, or "max"


class MemoryShortage(UserError):
    """There is not enough memory for what was asked."""


def size(tree: Any) -> int:
    """Bytes of the arrays in a tree, or of those that its shapes stand for; on each device, where they say how they lie."""

    def one(leaf: Any) -> int:
        sharding = getattr(leaf, "sharding", None)
        if sharding is not None:
            leaf = jax.ShapeDtypeStruct(sharding.shard_shape(leaf.shape), leaf.dtype)
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.eval_shape(jax.random.key_data, leaf)
        return math.prod(leaf.shape) * leaf.dtype.itemsize

    return sum(map(one, jax.tree.leaves(tree)))


def of_a_device() -> int | None:
    """Bytes of memory that a device has, whoever uses them; None where nobody says. A CPU's devices share the host's."""
    device = jax.local_devices()[0]
    if device.platform != "cpu":
        return (device.memory_stats() or {}).get("bytes_limit")
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return None
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):
        there = min(there, int(_CONTAINER.read_text()))
    return there // jax.local_device_count()


def check(needed: int, cure: str) -> None:
    """Refuses what cannot fit, before a host out of memory has its system end the process without a word.

    Args:
        needed: Bytes on each device.
        cure: As in `less`.

    Raises:
        MemoryShortage: It is more than there are.
    """
    there = of_a_device()
    if there is not None and needed > there:
        have, need = _readable(there, "bytes"), _readable(needed, "bytes")
        raise MemoryShortage(f"out of memory, at least {need} needed on each device and {have} there: {cure}")


@contextlib.contextmanager
def less(cure: str) -> Iterator[None]:
    """Says, of all that runs out of memory in its `with` block, what would take less.

    Args:
        cure: The fields or options, with their values: "lower config.batch_size=64".

    Raises:
        MemoryShortage: The host (`MemoryError`) or a device (XLA's RESOURCE_EXHAUSTED) had not enough.
    """
    try:
        yield
    except (MemoryError, jax.errors.JaxRuntimeError) as error:
        text = str(error)
        if not isinstance(error, MemoryError) and "RESOURCE_EXHAUSTED" not in text:
            raise
        asked = _ASKED.search(text)
        at_once = f", {_readable(float(asked[1]), asked[2])} asked for at once" if asked else ""
        raise MemoryShortage(f"out of memory{at_once}: {cure}") from error


def _readable(number: float, unit: str) -> str:
    """1.5 TiB, not 1,649,267,441,664 bytes."""
    power = 0 if unit in ("B", "bytes") else _UNITS.index(unit)
    while number >= 1024 and power < len(_UNITS) - 1:
        number, power = number / 1024, power + 1
    return f"{number:.3g} {_UNITS[power]}"

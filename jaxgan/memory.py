"""Running out of memory, in one line: how much was asked for, and what would ask for less."""

import contextlib
import re
from collections.abc import Iterator

import jax

from jaxgan.errors import UserError

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_ASKED = re.compile(r"allocat\w+ ([\d.]+) ?([KMGTPE]iB|B|bytes)")


class MemoryShortage(UserError):
    """There is not enough memory for what was asked."""


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

"""The user's cache: compiled programs and statistics, which can be computed again, and converted weights.

It lies in `$XDG_CACHE_HOME/jaxgan`, by default `~/.cache/jaxgan`.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path


def folder(name: str) -> Path:
    """Where one kind of things lies, whether it is there or not. A user without a home has a folder that cannot be made."""
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a container's user whom the system does not know
        cache = Path(os.devnull)
    return cache / "jaxgan" / name


@contextlib.contextmanager
def optional(what: str) -> Iterator[None]:
    """Keeps things in the cache that are only for next time: where that fails, a line says so, and all goes on."""
    try:
        yield
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(
            f"warning: {what} are not kept for the next time ({place}{error.strerror}): "
            "set XDG_CACHE_HOME to a folder that can be written to",
            file=sys.stderr,
        )

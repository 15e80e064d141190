"""Writing files so that they are there whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomically(path: Path) -> Iterator[Path]:
    """Yields a path to write to; the file then appears under its own name, whole, or not at all.

    A link that lies there is replaced, not followed.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary.unlink(missing_ok=True)  # what a killed process left, or a link that leads elsewhere
    yield temporary
    os.replace(temporary, path)

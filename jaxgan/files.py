"""Writing files so that they are there whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.errors import UserError


def check_place(path: Path) -> None:
    """Checks that a file or a folder can be made at a path, before what it is to hold is computed.

    Raises:
        UserError: It cannot: what should be a folder above it is none, or may not be written to, or the name is too long.
    """
    place = path.absolute().parent
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    try:
        with contextlib.suppress(FileNotFoundError):
            os.lstat(_temporary(path))
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise UserError(f"{path} cannot be written ({place}: {error.strerror}): choose another place") from error


@contextlib.contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Gives the name of a file to an OSError that has none: that of a write, on a full disk."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextlib.contextmanager
def atomically(path: Path) -> Iterator[Path]:
    """Yields a path to write to; the file then appears under its own name, whole, or not at all.

    A link that lies there is replaced, not followed.
    """
    temporary = _temporary(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary.unlink(missing_ok=True)  # what a killed process left, or a link that leads elsewhere
    with named_errors(path):
        try:
            yield temporary
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_npz(path: Path, arrays: Mapping[str, Any]) -> None:
    """Writes an .npz, all or nothing, with the folders above it; several processes may write the same one at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        try:
            np.savez(file, **arrays)
            file.close()
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp")

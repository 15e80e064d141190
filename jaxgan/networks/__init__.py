"""Architectures, by family: plain functions of their parameters, without losses and without constraints.

Each file's public classes are networks, which configs look up by name; small parts are in files of their own or have names
that begin with an underscore. `jaxgan.networks.DCGANGenerator` reads the one file that has the class.
"""

import ast
import functools
import importlib
from pathlib import Path
from typing import Any

# Files whose classes are parts of networks.
_PARTS = ("__init__", "blocks", "common", "coupled", "initializers", "noise", "style_parts")


@functools.cache
def names() -> dict[str, str]:
    """The networks there are: by class name, the file that has it, without ".py". Nothing is imported for it."""
    return {
        statement.name: path.stem
        for path in sorted(Path(__file__).parent.glob("*.py"))
        if path.stem not in _PARTS
        for statement in ast.parse(path.read_text("utf-8")).body
        if isinstance(statement, ast.ClassDef) and not statement.name.startswith("_")
    }


def __getattr__(name: str) -> Any:
    # A name that begins with an underscore is none of ours: Python itself asks for some while it imports a file.
    if name.startswith("_") or name not in names():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{names()[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *names()])

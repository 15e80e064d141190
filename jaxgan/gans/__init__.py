"""The systems: each is a function from players and settings to a game, in one short file that follows its paper.

`jaxgan.gans.wgan` is the function of wgan.py. A file is imported when it is asked for, and a new one needs no entry anywhere.
"""

import importlib
import pkgutil
import sys
import types
from collections.abc import Callable
from typing import Any

from jaxgan.core import Game


def systems() -> tuple[str, ...]:
    """The names of all systems, in alphabetical order; none of them is imported."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def __getattr__(name: str) -> Callable[..., Game]:
    if name not in systems():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{name}"), name)


def __dir__() -> list[str]:
    return [*systems(), "systems"]


class _Package(types.ModuleType):
    """This package: its attribute `wgan` is the function, also after somebody has imported the file wgan.py."""

    def __setattr__(self, name: str, value: Any) -> None:
        # Python's import system notes a file that it has imported as an attribute of the package.
        super().__setattr__(name, getattr(value, name) if isinstance(value, types.ModuleType) else value)


sys.modules[__name__].__class__ = _Package

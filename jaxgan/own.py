"""Parts of one's own: the one place where a name "module:attribute" is imported."""

import importlib
from collections.abc import Callable
from typing import Any

from jaxgan.errors import ConfigError, UserError


def is_own(name: Any) -> bool:
    """Whether a name has the form "module:attribute"."""
    module, colon, attribute = name.partition(":") if isinstance(name, str) else ("", "", "")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), attribute))


def imported(name: str, kind: str, where: str) -> Callable[..., Any]:
    """The class or function that "module:attribute" names.

    Args:
        name: The name.
        kind: What it shall make, for errors.
        where: The name's place, "config.system", for errors.

    Raises:
        ConfigError: It has another form, there is none, or it cannot be called.
    """
    if not is_own(name):  # or else a name that `foreign_names` does not see would be imported
        raise ConfigError(f"{where}={name!r} is no name of the form module:attribute")
    module, _, attribute = name.partition(":")
    try:
        maker = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{where}={name!r} cannot be imported: {error}") from error
    if not callable(maker):
        raise ConfigError(
            f"{where}={name!r} is a {type(maker).__name__}: name a class or a function that makes the {kind}"
        )
    return maker


def called(maker: Callable[..., Any], name: str, where: str, *arguments: Any) -> Any:
    """What a maker of one's own makes; an error in its own lines keeps its traceback.

    Args:
        maker: Of `imported`.
        name: Its name "module:attribute".
        where: The name's place, for errors.
        *arguments: What it is called with.

    Raises:
        ConfigError: It does not take these arguments.
    """
    try:
        return maker(*arguments)
    except UserError:
        raise
    except Exception as error:
        if error.__traceback__ is None or error.__traceback__.tb_next is not None:
            raise
        # None of its lines ran.
        given = ", ".join(type(argument).__name__ for argument in arguments) or "nothing"
        raise ConfigError(f"{where}={name!r} cannot be called with {given}: {error}") from error

"""Parts of one's own: the one place where a name "module:attribute" is imported."""

import importlib
from collections.abc import Callable
from typing import Any

from jaxgan.errors import ConfigError


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

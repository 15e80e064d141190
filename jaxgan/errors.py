"""What the user did wrong, in one line: what is wrong, where, and the cure."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Something that the user can put right; commands print it as one line, without a traceback."""


class ConfigError(UserError):
    """A config that cannot be used."""


def nearest(name: object, known: Iterable[str], likeness: float = 0.5) -> str:
    """The end of an error line about an unknown name: the nearest known one, or all of them.

    Args:
        name: What the user wrote; anything that is not a string is compared as it prints.
        known: The names that exist; their order does not matter.
        likeness: From 0 to 1; what is less like it is not meant.

    Returns:
        "did you mean 'x'?", "choose one of a, b", or "there is none" where nothing is known.
    """
    known = sorted(known)
    if not known:
        return "there is none"
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=likeness)
    return f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(known)}"

"""The one error that bad data or bad data settings raise."""

import difflib
from collections.abc import Iterable


class DataError(ValueError):
    """Data that cannot be used: the message is one line naming what is wrong, where, and the cure."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns "; did you mean 'x'?" for the known name closest to `name`, or "" when none is close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""

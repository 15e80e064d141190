"""The one error that bad data or bad data settings raise."""

from collections.abc import Iterable

from jaxgan import errors


class DataError(errors.UserError):
    """Data that cannot be used: the message is one line naming what is wrong, where, and the cure."""


class AbsentDataError(DataError):
    """Data that are not on this machine; a config that names them may be good for another one."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The middle of an error line that lists the known names itself.

    Args:
        name: What the user wrote.
        known: The names that exist.

    Returns:
        "; did you mean 'x'?" for the known name closest to `name`, or "" when none is close.
    """
    suggestion = errors.nearest(name, known)
    return f"; {suggestion}" if suggestion.startswith("did you mean") else ""

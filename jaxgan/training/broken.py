"""Training that went wrong, by name."""

from typing import Any


class BrokenError(RuntimeError):
    """Training went wrong; the message says how.

    Attributes:
        step: After how many steps it did.
    """

    def __init__(self, message: str, step: int) -> None:
        super().__init__(message)
        self.step = step


class NonFiniteError(BrokenError):
    """Training met a number that is not finite; the message says whose, and at which step."""


class CollapseError(BrokenError):
    """The game is lost, as the guard sees it; the message says how."""


def check_finite(nonfinite: dict[str, Any]) -> None:
    """Raises a NonFiniteError if a player's sentinel (`State.nonfinite`, on the host) has fired; the earliest counts."""
    fired = {name: int(step) for name, step in nonfinite.items() if step >= 0}
    if fired:
        first = min(fired.values())
        names = " and ".join(name for name, step in fired.items() if step == first)
        raise NonFiniteError(f"a loss, gradient or parameter of {names} was not finite at step {first + 1}", first + 1)

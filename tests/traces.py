"""How many programs `jax.jit` makes of a function."""

import functools
from collections.abc import Callable
from typing import Any


class Traced:
    """A function to be compiled by `jax.jit`, which calls it once for each program that it makes of it.

    Counted here, because the sizes of jit's own caches shrink when other functions need the place.
    """

    def __init__(self, function: Callable[..., Any]):
        self.programs, self._function = 0, function
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **named: Any) -> Any:
        self.programs += 1
        return self._function(*args, **named)

"""Which parameters of a test are left to `make test-slow`, and which to `make test-all`."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def some_long(
    values: Iterable[Any], is_long: Callable[[Any], bool], is_slow: Callable[[Any], bool] = lambda value: False
) -> list[Any]:
    """The values of a test's parameters, each a tuple where there are several; those that are long or slow are marked so."""

    def marks(each: Any) -> Any:
        return pytest.mark.long if is_long(each) else pytest.mark.slow if is_slow(each) else ()

    return [pytest.param(*(each if isinstance(each, tuple) else (each,)), marks=marks(each)) for each in values]

"""Which parameters of a test are tried by `make test-all` alone."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def some_long(values: Iterable[Any], is_long: Callable[[Any], bool]) -> list[Any]:
    """The values of a test's parameters, each a tuple where there are several; those that `is_long` are marked so."""
    return [
        pytest.param(*(each if isinstance(each, tuple) else (each,)), marks=pytest.mark.long if is_long(each) else ())
        for each in values
    ]

"""Blocks of networks whose activations are not kept for the gradient, but computed once more (rematerialisation)."""

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import flax.linen as nn
import jax

Method = TypeVar("Method", bound=Callable[..., Any])

# The names of the modules that were rematerialised since it was asked for; None: it is not asked for.
_asked: contextvars.ContextVar[set[str] | None] = contextvars.ContextVar("jaxgan_rematerialised", default=None)


@contextlib.contextmanager
def rematerialised(asked: bool) -> Iterator[set[str]]:
    """Has blocks rematerialised while the body is traced; yields the names of those that were, which grow."""
    found: set[str] = set()
    token = _asked.set(found if asked else None)
    try:
        yield found
    finally:
        _asked.reset(token)


def block(method: Method) -> Method:
    """Marks a method of a module as a block: of all that it computes, only its inputs are kept where it is asked for.

    Chen et al., "Training Deep Nets with Sublinear Memory Cost" (2016, arXiv:1604.06174): about a third more arithmetic, for
    the memory of the blocks' inputs and of one block. Parameters, draws and results are the same. The submodules and parameters
    that the method makes need names.
    """

    @functools.wraps(method)
    def called(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        found = _asked.get()
        if found is None or self.is_initializing():
            return method(self, *args, **kwargs)
        found.add("/".join(self.path))
        leaves, tree = jax.tree.flatten((args, kwargs))
        arrays = {index: leaf for index, leaf in enumerate(leaves) if isinstance(leaf, jax.Array)}

        def compute(module: nn.Module, *given: jax.Array) -> Any:
            there = dict(zip(arrays, given, strict=True))
            own, named = jax.tree.unflatten(tree, [there.get(index, leaf) for index, leaf in enumerate(leaves)])
            return method(module, *own, **named)

        return nn.remat(compute)(self, *arrays.values())

    return called  # type: ignore[return-value]  # it takes and gives the same

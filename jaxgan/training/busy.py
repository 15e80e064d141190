"""What a run is busy with before its first step and between steps, told on the terminal while it lasts."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import jax
from tqdm import tqdm

from jaxgan.processes import is_first

_EVERY = 1.0  # seconds after which something is told for the first time, and then again
# What JAX calls a compiled program that it finds in its cache, and one that it puts there.
_FOUND, _KEPT = "/jax/compilation_cache/cache_hits", "/jax/compilation_cache/cache_misses"


class Doing:
    """What goes on, since when, and what JAX's cache of compiled programs had to do with it."""

    def __init__(self, what: str) -> None:
        self.what, self.began = what, time.perf_counter()
        self._events: set[str] = set()

    def note(self, event: str, **_: Any) -> None:
        """Takes down one of JAX's events."""
        self._events.add(event)

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.perf_counter() - self.began

    @property
    def cached(self) -> str:
        """A remark behind a time: whether the programs came from the cache, or were put there for the next run; or ""."""
        if _KEPT in self._events:
            return ", kept in the cache for the next run"
        return ", from the cache" if _FOUND in self._events else ""

    def __str__(self) -> str:
        return f"{self.what}, {self.seconds:.0f} s so far{self.cached}"


@contextlib.contextmanager
def busy(what: str) -> Iterator[Doing]:
    """Tells on a line of the terminal what goes on during its `with` block and for how long so far, from a second on.

    Where stderr is no terminal, and in other processes than the first, it tells nothing.

    Args:
        what: In words: "compiling ...".

    Yields:
        What is going on, whose time and `cached` can be asked for.
    """
    doing = Doing(what)
    jax.monitoring.register_event_listener(doing.note)
    over, thread = threading.Event(), None
    if sys.stderr.isatty() and is_first():
        thread = threading.Thread(target=_tell, args=(doing, over), daemon=True)
        thread.start()
    try:
        yield doing
    finally:
        over.set()
        if thread is not None:
            thread.join()
        jax.monitoring.unregister_event_listener(doing.note)


def _tell(doing: Doing, over: threading.Event) -> None:
    if over.wait(_EVERY):
        return
    with tqdm(bar_format="{desc}", leave=False, file=sys.stderr, dynamic_ncols=True) as line:
        line.set_description_str(str(doing))
        while not over.wait(_EVERY):
            line.set_description_str(str(doing))

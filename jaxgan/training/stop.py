"""Asking a run to stop: SIGTERM, SIGHUP or SIGINT end it after the step that is being played, with a checkpoint."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from types import FrameType
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

# Several processes must stop at the same step, and so compare notes: after so many calls at most, and about so many seconds. It
# costs them a wait for the call that is in flight; who takes machines away gives some 30 seconds of notice.
_AGREE_CALLS, _AGREE_SECONDS = 10, 2.0

_LOOK_EVERY = 0.1  # seconds between two looks whether a stop was asked for, while something long goes on
_LEFT = "jaxgan: left to itself when a stop is asked for"

Result = TypeVar("Result")


class Stopped(Exception):
    """A stop was asked for while something long went on, which was left to itself."""


class StopRequest:
    """Notes the signals that arrive inside its `with` block; a second SIGINT raises KeyboardInterrupt as usual.

    Works without `jax.distributed`. Outside the main thread, where Python allows no handlers, it notes nothing.
    """

    def __init__(self) -> None:
        self._asked = False
        self._agreed: float | None = None  # when
        self._asks, self._agree_after = 0, 1  # since they agreed, and how many until they do again
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        print("stopping after this step, with a checkpoint (Ctrl-C again aborts)", file=sys.stderr)
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def unless_asked(self, mesh: jax.sharding.Mesh, work: Callable[[], Result]) -> Result:
        """What `work` returns: something long that has no steps, such as a compilation or an evaluation.

        It is done in a thread, for Python notices no signal while it waits for a compiler. Of several processes none leaves the
        others alone.

        Args:
            mesh: The mesh that `work` is done on.
            work: It may be left half done, and must then harm nothing that comes after.

        Raises:
            Stopped: A stop was asked for.
        """
        if not self._before or jax.process_count() > 1:
            return work()
        future: Future[Result] = Future()

        def run() -> None:
            try:
                with jax.set_mesh(mesh):
                    future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        # An executor's threads would be waited for when the process ends.
        threading.Thread(target=run, name=_LEFT, daemon=True).start()
        while not wait([future], _LOOK_EVERY).done:
            if self._asked:
                raise Stopped
        return future.result()

    def asked(self) -> bool:
        """Whether the run shall stop now; every process must ask after every call, and gets one answer."""
        if jax.process_count() == 1:
            return self._asked
        self._asks += 1
        if self._asks < self._agree_after:
            return False
        # A call takes so long here; the slowest process tells, so that all come to the same number.
        known, now = self._agreed is not None, time.monotonic()
        seconds = (now - (self._agreed or now)) / self._asks
        told = multihost_utils.process_allgather(np.asarray([self._asked, seconds], np.float32))
        asked, seconds = (float(each) for each in told.reshape(-1, 2).max(axis=0))
        self._asks, self._agreed = 0, time.monotonic()
        self._agree_after = max(1, min(_AGREE_CALLS, int(_AGREE_SECONDS / max(seconds, 1e-3)))) if known else 1
        return asked > 0


def leave(status: int) -> None:
    """Ends the process with a status at once, if work was left that it would wait for; else does nothing."""
    if any(thread.name == _LEFT for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

"""Asking a run to stop: SIGTERM, SIGHUP or SIGINT end it after the step that is being played, with a checkpoint."""

import signal
import sys
import threading
from types import FrameType
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

# Several processes must stop at the same step; they compare notes when their step count is a multiple of this.
_AGREE_EVERY = 10


class StopRequest:
    """Notes the signals that arrive inside its `with` block; a second SIGINT raises KeyboardInterrupt as usual.

    Works without `jax.distributed`. Outside the main thread, where Python allows no handlers, it notes nothing.
    """

    def __init__(self) -> None:
        self._asked = False
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

    def asked(self, step: int) -> bool:
        """Whether the run shall stop after `step` steps; every process must ask at every step, and gets one answer."""
        if jax.process_count() == 1:
            return self._asked
        if step % _AGREE_EVERY:
            return False
        return bool(multihost_utils.process_allgather(np.asarray(self._asked)).any())

"""How a program ends that is given something wrong."""

import contextlib
import io
import pathlib
import shutil
import signal
from collections.abc import Callable

from jaxgan.training import command_line


class _TooLong(BaseException):
    pass


def verdict(main: Callable[[], int | None], made: pathlib.Path, seconds: float = 120.0) -> str:
    """ "" if a program ends as it must; else what is wrong: a hang, a traceback, a result, files, or not one line of error.

    Args:
        main: The program.
        made: What it must not make.
        seconds: When it counts as hanging.
    """

    def late(*_: object) -> None:
        raise _TooLong

    said, before = io.StringIO(), signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            status = command_line.run(main)
    except _TooLong:
        return f"hangs: no answer in {seconds:.0f} s"
    except (Exception, SystemExit) as error:
        return f"traceback: {type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    errors = [line for line in said.getvalue().splitlines() if line.startswith("error: ")]
    if status not in (1, 2):
        return f"wrong result: status {status}, as if all were well"
    if len(errors) != 1 or said.getvalue().splitlines()[-1] != errors[0]:
        return f"not one line: {said.getvalue()[-300:]!r}"
    if made.exists():
        shutil.rmtree(made)
        return "wrong result: it left a folder behind"
    return ""

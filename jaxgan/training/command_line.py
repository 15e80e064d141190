"""What the commands share: reading a config with its overrides, one-line errors, the compilation cache."""

import errno
import gc
import inspect
import os
import re
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
from absl import logging as absl_logging
from ml_collections import ConfigDict

from jaxgan import cache, memory, overrides
from jaxgan.errors import ConfigError, UserError, nearest
from jaxgan.foreign import printable
from jaxgan.training import stop
from jaxgan.training.broken import BrokenError
from jaxgan.training.checkpoints import SaveError
from jaxgan.training.mirror import send_back

_PROCESS_VARIABLES = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # a full disk, a full share of it, a file that may not be longer


def run(main: Callable[[], int | None]) -> int:
    """Runs a command; what goes wrong through its user's doing becomes one line on stderr instead of a traceback.

    Returns:
        The exit status: 0, 2 for input that cannot be used, 1 for what failed on the way, 130 for an interruption.
    """
    # Orbax reports every save at length, and every error by several tracebacks beside the exception that it raises.
    absl_logging.set_verbosity(absl_logging.FATAL)
    # Pillow warns of a broken picture by a line of its own source; what cannot be read is told by us.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    # Tracing makes many objects that all live on: Python's usual search for cycles, every 700 of them, is a tenth of a start.
    gc.set_threshold(20_000, 20, 20)
    status = _status(main)
    stop.leave(status)
    return status


def _status(main: Callable[[], int | None]) -> int:
    try:
        with memory.less("take a smaller image_size, batch_size or number of images"):
            status = main() or 0
            send_back()
            sys.stdout.flush()
            return status
    except (BrokenError, SaveError) as error:
        return _complain(str(error), 1)
    except UserError as error:
        return _complain(str(error), 2)
    except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
        return 1
    except OSError as error:
        if not error.strerror:
            raise
        full = "; make room, and run the same command again" if error.errno in _FULL else ""
        return _complain(f"{f'{error.filename}: ' if error.filename else ''}{error.strerror}{full}", 1)
    except KeyboardInterrupt as error:
        return _complain(": ".join(filter(None, ["interrupted", str(error)])), 130)


def _complain(message: str, status: int) -> int:
    print(f"error: {printable(' '.join(message.split()))}", file=sys.stderr)
    return status


def join_processes() -> None:
    """Joins the other processes of a run: those of a cluster that `jax.distributed` knows, or of the environment variables
    JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID, which come first.

    Raises:
        UserError: Neither says who they are; or they do not answer.
    """
    numbers: list[int | None] = []
    for name in ("JAX_NUM_PROCESSES", "JAX_PROCESS_ID"):
        text = os.environ.get(name)
        if text is not None and not text.isdecimal():
            raise UserError(f"{name}={text!r} is no number: set it to one, or not at all in a cluster")
        numbers.append(None if text is None else int(text))
    address = os.environ.get("JAX_COORDINATOR_ADDRESS")
    if address is not None and not re.fullmatch(r".+:\d+", address):
        raise UserError(f"JAX_COORDINATOR_ADDRESS={address!r} has no port: write HOST:PORT, as node1:12345")
    # JAX's own answer to SIGTERM would swallow those that come before training listens for them (`stop.StopRequest`).
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(num_processes=numbers[0], process_id=numbers[1])
    except ValueError as error:
        missing = [name for name in _PROCESS_VARIABLES if name not in os.environ]
        cure = f"set {', '.join(missing)}" if missing else f"look at {', '.join(_PROCESS_VARIABLES)}"
        raise UserError(
            f"--distributed: who the other processes are is not known ({str(error).rstrip('.')}), and this is no SLURM step, "
            f"Open MPI job or TPU pod: {cure}, or leave --distributed out for one process"
        ) from error
    except jax.errors.JaxRuntimeError as error:
        raise UserError(
            f"--distributed: the other processes do not answer ({' '.join(str(error).split())[:120]}): start all of them, with "
            "the address of the first"
        ) from error


def use_compilation_cache() -> None:
    """Keeps compiled programs in the user's cache folder, so that the next run starts at once: the small ones too, of which a
    run has dozens.

    The environment variable JAX_COMPILATION_CACHE_DIR names another folder; set to nothing it switches the cache off.
    """
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        with cache.optional("compiled programs"):
            folder = cache.folder("xla")
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):  # JAX would complain of every program
                jax.config.update("jax_compilation_cache_dir", str(folder))


class Chosen(NamedTuple):
    """What a command line says of the config.

    Attributes:
        config: Resolved, with its overrides.
        path: The file, with its variant: "configs/dcgan.py:paper".
        remaining: The other arguments, in order.
    """

    config: ConfigDict
    path: str
    remaining: list[str]


def read_config(arguments: Sequence[str]) -> Chosen:
    """Reads `--config=FILE.py:variant --config.field=value ...`; "=" may also be a space.

    Raises:
        ConfigError: No config, or two; a file or a variant that is not there; an unknown field, or a value that it does not
            take.
    """
    path, assignments, remaining = None, [], []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        flag, equals, value = argument.partition("=")
        name = re.fullmatch(r"--?config(\.\S+)?", flag)
        if name is None:
            remaining.append(argument)
            continue
        if not equals:
            if not waiting or waiting[0].startswith("--"):
                raise ConfigError(f"{argument} needs a value: write {argument}=VALUE")
            value = waiting.pop(0)
        if name[1] is not None:
            if path is None:
                raise ConfigError(f"{argument} comes before --config=FILE: give the file first")
            assignments.append((name[1][1:], value))
        elif path is not None:
            raise ConfigError(f"{argument} is the second config, after {path}: give one")
        else:
            path = value
    if path is None:
        raise ConfigError("no config: give --config=configs/dcgan.py, or another file of configs/")
    config = load_config(path)
    for argument in remaining:
        if argument.lstrip("-").partition("=")[0].partition(".")[0] in config:
            raise ConfigError(f"{argument}: a field of the config is set by --config.{argument.lstrip('-')}")
    return Chosen(overrides.apply(config, assignments), path, remaining)


def load_config(path: str) -> ConfigDict:
    """What `get_config` of a config file returns; "file.py:variant" calls `get_config("variant")`.

    Raises:
        ConfigError: There is no such file, or no such variant.
    """
    file, colon, variant = path.partition(":")
    get_config = getattr(load_module(file), "get_config", None)
    if get_config is None:
        raise ConfigError(f"{file} has no function get_config")
    if colon and not inspect.signature(get_config).parameters:
        raise ConfigError(f"{file} has no variants, but {variant!r} is asked for: leave out the colon")
    return get_config(variant) if colon else get_config()


def load_module(file: str) -> Any:
    """Runs a config file and returns its names as attributes: `get_config`, `VARIANTS`, `CHECKS`.

    It is not imported: nothing is left in `sys.modules` or in a cache beside the file. What goes wrong in it has its traceback.

    Raises:
        ConfigError: There is no such file, or it is no Python.
    """
    path = Path(file)
    if not path.is_file():
        known = [str(each) for each in path.parent.glob("*.py")] if path.suffix == ".py" else []
        cure = nearest(file, known) if known else "give --config=FILE.py, such as configs/dcgan.py"
        raise ConfigError(f"there is no config file {file!r}: {cure}")
    module = types.ModuleType(path.stem)
    module.__file__ = str(path)
    try:
        code = compile(path.read_text("utf-8"), path, "exec", dont_inherit=True)
    except SyntaxError as error:
        place = f"{error.filename}, line {error.lineno}"
        raise ConfigError(f"{place}: {error.msg}: --config takes a file of Python, such as configs/dcgan.py") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            "--config takes a file of Python, such as configs/dcgan.py, but this one is no text"
        ) from error
    exec(code, module.__dict__)
    return module


def default_workdir(config_path: str) -> str:
    """runs/NAME or runs/NAME-VARIANT for a config file NAME.py."""
    file, _, variant = config_path.partition(":")
    return str(Path("runs") / "-".join(filter(None, [Path(file).stem, re.sub(r"[^\w.-]+", "-", variant)])))

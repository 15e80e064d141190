"""What the commands share: reading a config with its overrides, one-line errors, the compilation cache."""

import difflib
import inspect
import linecache
import os
import re
import runpy
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
from absl import flags
from absl import logging as absl_logging
from ml_collections import ConfigDict

import jaxgan
from jaxgan.config import ConfigError, nearest
from jaxgan.data import DataError
from jaxgan.training.checkpoints import NonFiniteError

_PACKAGE = Path(jaxgan.__file__).parent


def run(main: Callable[[], int | None]) -> int:
    """Runs a command; what goes wrong through its user's doing becomes one line on stderr instead of a traceback.

    Returns:
        The exit status: 0, 2 for input that cannot be used, 1 for training that failed, 130 for an interruption.
    """
    # Orbax reports every save at length.
    absl_logging.set_verbosity(absl_logging.ERROR)
    try:
        return main() or 0
    except NonFiniteError as error:
        return _complain(f"{error}; the last checkpoint before it is kept", 1)
    except (ValueError, TypeError, OSError, flags.Error) as error:
        if not _meant_for_users(error):
            raise
        return _complain(str(error), 2)
    except KeyboardInterrupt:
        return _complain("interrupted: nothing is saved since the last checkpoint", 130)


def _complain(message: str, status: int) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return status


def _meant_for_users(error: Exception) -> bool:
    """Whether an error was raised on purpose, with a message for users: anything else is a bug and needs its traceback."""
    if isinstance(error, ConfigError | DataError | flags.Error):
        return True
    last = traceback.extract_tb(error.__traceback__)[-1]
    line = linecache.getline(last.filename, last.lineno or 0)
    return _PACKAGE in Path(last.filename).parents and line.lstrip().startswith("raise ")


def use_compilation_cache() -> None:
    """Keeps compiled programs in the user's cache folder, so that the next run starts at once.

    The environment variable JAX_COMPILATION_CACHE_DIR names another folder; set to nothing it switches the cache off.
    """
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        jax.config.update("jax_compilation_cache_dir", str(home / "jaxgan" / "xla"))


def check_config_flags(arguments: Sequence[str], flag: str = "config") -> None:
    """Finds what is wrong with `--config=file.py:variant --config.field=value`, before absl and ml_collections read it.

    Raises:
        ConfigError: No config, a file that is not there, an unknown variant, or an unknown field (with the nearest name).
    """
    config = None
    for index, argument in enumerate(arguments):
        name, equals, value = argument.lstrip("-").partition("=")
        if not argument.startswith("-") or name.split(".")[0] != flag:
            continue
        if name == flag:
            config = load_config(value if equals else "".join(arguments[index + 1 : index + 2]))
        elif config is None:
            raise ConfigError(f"{argument} comes before --{flag}=FILE: give the file first")
        else:
            _check_field(config, name.split(".")[1:], argument)
    if config is None:
        raise ConfigError(f"no config: give --{flag}=configs/dcgan.py, or another file of configs/")


def load_config(path: str) -> ConfigDict:
    """What `get_config` of a config file returns; "file.py:variant" calls `get_config("variant")`.

    Raises:
        ConfigError: There is no such file, or no such variant.
    """
    file, colon, variant = path.partition(":")
    if not Path(file).is_file():
        folder = Path(file).parent
        near = difflib.get_close_matches(Path(file).name, [each.name for each in folder.glob("*.py")], n=1)
        cure = f"did you mean {folder / near[0]}?" if near else "give --config=FILE.py"
        raise ConfigError(f"there is no config file {file!r}: {cure}")
    get_config = runpy.run_path(file).get("get_config")
    if get_config is None:
        raise ConfigError(f"{file} has no function get_config")
    if colon and not inspect.signature(get_config).parameters:
        raise ConfigError(f"{file} has no variants, but {variant!r} is asked for: leave out the colon")
    return get_config(variant) if colon else get_config()


def _check_field(config: ConfigDict, names: list[str], argument: str) -> None:
    at: Any = config
    for depth, name in enumerate(names):
        where = ".".join(["config", *names[:depth]])
        if not isinstance(at, ConfigDict):
            raise ConfigError(f"{argument}: {where} is {at!r} and has no fields")
        if name not in at:
            raise ConfigError(f"{argument}: {where} has no field {name!r}: {nearest(name, at.keys())}")
        at = at[name]


def default_workdir(config_path: str) -> str:
    """runs/NAME or runs/NAME-VARIANT for a config file NAME.py."""
    file, _, variant = config_path.partition(":")
    return str(Path("runs") / "-".join(filter(None, [Path(file).stem, re.sub(r"[^\w.-]+", "-", variant)])))

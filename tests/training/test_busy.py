"""What a run says of what it is busy with: on a terminal alone, from a while on, and what the cache of programs had to do."""

import io
import os
import pathlib
import subprocess
import sys
import time

import jax
import pytest

from jaxgan.training import busy as module
from jaxgan.training.busy import busy

ROOT = pathlib.Path(__file__).parents[2]
# Compiles one program as a run compiles its step, twice, and prints what is said.
PROGRAM = """
import jax, jax.numpy as jnp
from jaxgan.training.busy import busy

def said():
    jax.clear_caches()
    lowered = jax.jit(lambda x: jnp.sin(x) @ x).lower(jnp.ones((3, 3)))
    with busy("compiling") as doing:
        lowered.compile()
    return doing.cached

jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
print([said(), said()])
with busy("drawing") as doing:
    print(doing.cached)
"""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def on_terminal(monkeypatch):
    """A terminal on which something is told after 50 ms. (Not a fixture: pytest puts its own stderr back before a test.)"""
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(module, "_EVERY", 0.05)
    return made


def told(terminal, text, seconds=20.0):
    """Whether a text appears within so many seconds."""
    until = time.monotonic() + seconds
    while text not in terminal.getvalue() and time.monotonic() < until:
        time.sleep(0.01)
    return text in terminal.getvalue()


def test_a_terminal_is_told_what_goes_on_and_for_how_long(monkeypatch):
    terminal = on_terminal(monkeypatch)
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    with busy("compiling 16x16 (critic)") as doing:
        now[0] += 12
        assert told(terminal, "compiling 16x16 (critic), 12 s so far")
        now[0] += 30
        assert told(terminal, "compiling 16x16 (critic), 42 s so far")
        jax.monitoring.record_event("/jax/compilation_cache/cache_hits")
        assert told(terminal, "42 s so far, from the cache")
        assert doing.seconds == 42
    assert terminal.getvalue().endswith("\r")  # the line is wiped
    said = terminal.getvalue()
    time.sleep(0.2)
    assert terminal.getvalue() == said


def test_what_is_over_soon_is_not_told(monkeypatch):
    terminal = on_terminal(monkeypatch)
    monkeypatch.setattr(module, "_EVERY", 30.0)
    with busy("drawing"):
        pass
    assert terminal.getvalue() == ""


def test_elsewhere_nothing_is_told(monkeypatch, capfd):
    monkeypatch.setattr(module, "_EVERY", 0.01)
    with busy("drawing"):
        time.sleep(0.1)
    assert capfd.readouterr() == ("", "")


def test_what_goes_wrong_goes_through_and_ends_the_line(monkeypatch):
    terminal = on_terminal(monkeypatch)
    with pytest.raises(ZeroDivisionError), busy("drawing"):
        assert told(terminal, "drawing, 0 s so far")
        1 / 0  # noqa: B018
    said = terminal.getvalue()
    time.sleep(0.2)
    assert terminal.getvalue() == said


def test_a_program_is_kept_the_first_time_and_found_the_next(tmp_path):
    """By JAX's own events, whose names are not promised by anybody."""
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, env=environment, cwd=ROOT
    )
    assert done.stdout.splitlines() == ["[', kept in the cache for the next run', ', from the cache']", ""], done.stderr

"""Runs that are killed, stopped, out of disk or in each other's way, each in a process of its own.

Processes are forked from one that has imported all and computed nothing, so that a start costs no import.
"""

import os
import pathlib
import random
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan import overrides, training
from jaxgan.training import command_line
from jaxgan.training.checkpoints import Checkpoints
from jaxgan.training.plan import Plan
from jaxgan.training.records import TIMINGS, read_metrics
from jaxgan.training.run_folder import RunFolder
from jaxgan.training.trained import load

TINY = pathlib.Path(__file__).parents[1] / "tests" / "tiny.py"
# What their runs have beside steps: averages and evaluations, an image pool, stages, several turns, levels, an encoder.
SYSTEMS = ("dcgan", "cyclegan", "progan", "wgan_gp", "lapgan", "vae")
_FIELDS = {"steps": 30, "log_every": 1, "checkpoint_every": 3, "sample_every": 15, "evaluate_every": 15}
_SIGNALS = {"SIGTERM": signal.SIGTERM, "SIGHUP": signal.SIGHUP, "SIGINT": signal.SIGINT}

Row = tuple[str, int, int]


class Child(NamedTuple):
    """A process, and the file with what it says on stderr."""

    process: int
    said: pathlib.Path

    def wait(self) -> int:
        """Its exit status, negative for the signal that ended it."""
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    def alive(self) -> bool:
        """Whether it has not ended; it may still be waited for."""
        return os.waitid(os.P_PID, self.process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def fork(work: Callable[[], Any], said: pathlib.Path) -> Child:
    """Does `work` in a new process, as a command."""
    said.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    if process := os.fork():
        return Child(process, said)
    os.setsid()
    with said.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    status = 70
    try:
        command_line.use_compilation_cache()
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        status = command_line.run(lambda: work() and None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def train(system: str, folder: pathlib.Path, **fields: Any) -> Child:
    """A tiny run of a system, begun or going on."""
    config = overrides.apply(command_line.load_config(f"{TINY}:{system}"), (_FIELDS | fields).items())
    return fork(lambda: training.train(config, folder), folder.with_suffix(".txt"))


def same(one: pathlib.Path, other: pathlib.Path, said: pathlib.Path) -> bool:
    """Whether two runs ended with the same bits, records and pictures, and nothing half-written is left."""

    def final(folder: pathlib.Path) -> list[np.ndarray]:
        plan = Plan.of(*RunFolder(folder).read())
        with Checkpoints(folder / "checkpoints", write=False) as checkpoints:
            state = checkpoints.restore(checkpoints.steps()[-1], plan.abstract_state())
        assert int(state.step) == _FIELDS["steps"]
        return [np.asarray(leaf) for leaf in jax.tree.leaves(state.replace(key=jax.random.key_data(state.key)))]

    def records(folder: pathlib.Path) -> list[dict[str, Any]]:
        lines = read_metrics(folder / "metrics.jsonl")
        return [{name: value for name, value in line.items() if name not in TIMINGS} for line in lines]

    def compare() -> None:
        for first, second in zip(final(one), final(other), strict=True):
            np.testing.assert_array_equal(first, second)
        assert records(one) == records(other)
        for picture in (one / "samples").iterdir():
            assert picture.read_bytes() == (other / "samples" / picture.name).read_bytes()
        assert not list((other / "checkpoints").glob("*tmp*"))

    return fork(compare, said).wait() == 0


def rounds(workdir: pathlib.Path, number: int, until: float, moments: random.Random) -> list[Row]:
    """Kills and signals at random moments of the runs of six systems, until `number` of them; each run must end the same.

    Args:
        workdir: A new folder.
        number: How many.
        until: When to begin no new round, by `time.monotonic()`.
        moments: Draws the moments.
    """
    smooth: dict[str, float] = {}
    struck = {"kill": 0, "kill in a save": 0, **dict.fromkeys(_SIGNALS, 0)}
    late, ended, differing = 0, 0, 0
    while sum(struck.values()) < number and (not smooth or time.monotonic() < until):
        system = SYSTEMS[ended % len(SYSTEMS)]
        if system not in smooth:
            began = time.monotonic()
            if train(system, workdir / f"{system}-smooth").wait() != 0:
                sys.exit(f"{system} does not train: see {workdir}/{system}-smooth.txt")
            smooth[system] = time.monotonic() - began
        folder = workdir / f"{system}-{ended}"
        for _ in range(moments.randint(2, 5)):
            how = moments.choice(["kill", "kill", "kill in a save", moments.choice(list(_SIGNALS))])
            child = train(system, folder)
            hit = _strike(child, folder, how, moments.uniform(0.05, 0.6) * smooth[system])
            status, waited = child.wait(), time.monotonic() - hit
            if status in (0, -signal.SIGKILL) and hit < float("inf"):
                struck[how] += 1
                late += how in _SIGNALS and waited > 10
            elif status != 0:
                print(f"{folder} ended with status {status} after {how}: see {child.said}", flush=True)
                shutil.copy(child.said, folder.with_suffix(".failed.txt"))
        status = train(system, folder).wait()
        if status != 0 or not same(workdir / f"{system}-smooth", folder, workdir / f"{folder.name}-same.txt"):
            differing += 1
            print(f"{folder} differs from {system}-smooth, or did not end (status {status})", flush=True)
        ended += 1
    rows: list[Row] = [(f"{how} at a random moment", count, 0) for how, count in struck.items()]
    answered = sum(struck[name] for name in _SIGNALS)
    return [
        *rows,
        ("signals answered within 10 s", answered, late),
        ("runs that end with the same bits", ended, differing),
    ]


def _strike(child: Child, folder: pathlib.Path, how: str, after: float) -> float:
    """Sends a signal, and returns when; infinity if the process had ended before."""
    moment, saving = time.monotonic() + after, how == "kill in a save"
    while child.alive():
        half_written = saving and list((folder / "checkpoints").glob("*orbax-checkpoint-tmp*"))
        if half_written or (not saving and time.monotonic() > moment):
            os.kill(child.process, _SIGNALS.get(how, signal.SIGKILL))
            return time.monotonic()
        time.sleep(0.0005 if saving else 0.005)
    return float("inf")


def full_disk(workdir: pathlib.Path) -> list[Row]:
    """No file may grow beyond a limit, which for whoever writes is a disk that is full; afterwards the run goes on.

    The first limits are reached by a record or a picture, the others by one or another file of a checkpoint.
    """
    train("dcgan", workdir / "smooth").wait()
    failed, limits = 0, (100, 1000, 1500, 2000, 3000, 5000, 7000, 8000, 12000, 16000)
    for limit in limits:
        folder = workdir / f"limit-{limit}"
        # With no pictures before the end, checkpoints come first.
        few = {"sample_every": 0, "evaluate_every": 0} if limit > 1000 else {}
        status, said = _limited(
            overrides.apply(command_line.load_config(f"{TINY}:dcgan"), (_FIELDS | few).items()), folder, limit
        )
        lines = [line for line in said.splitlines() if line.startswith("error: ")]
        print(f"files of at most {limit} bytes: {' '.join(lines)}", flush=True)
        goes_on = train("dcgan", folder, **few).wait() == 0
        other = workdir / "smooth"
        if few:
            other = workdir / "smooth-few"
            other.exists() or train("dcgan", other, **few).wait()
        good = status == 1 and len(lines) == 1 and "Traceback" not in said and goes_on
        if not (good and same(other, folder, workdir / f"{limit}-same.txt")):
            failed += 1
            print(f"status {status}, then goes on: {goes_on}\n{said[-1500:]}", flush=True)
    return [("disk full: one line, and the next run goes on to the same bits", len(limits), failed)]


def _limited(config: Any, folder: pathlib.Path, limit: int) -> tuple[int, str]:
    """Trains without files that are larger; the status, and what it says, through a pipe: a file would be limited too."""
    read, write = os.pipe()

    def work() -> None:
        os.dup2(write, 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        training.train(config, folder)

    child = fork(work, folder.with_suffix(".txt"))
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    return child.wait(), said


def owners(workdir: pathlib.Path) -> list[Row]:
    """A second writer is refused, and readers find a checkpoint, while a run saves at every step."""
    folder = workdir / "run"
    writer = train("dcgan", folder, steps=2000, checkpoint_every=1, sample_every=0, evaluate_every=0)
    while writer.alive() and not list((folder / "checkpoints").glob("[0-9]")):
        time.sleep(0.05)
    second = fork(lambda: training.train(command_line.load_config(f"{TINY}:dcgan"), folder), workdir / "second.txt")
    refused = second.wait() == 2

    def read() -> None:
        plan_mesh = jax.make_mesh((1,), ("data",))
        failed = 0
        for _ in range(20):
            try:
                with jax.set_mesh(plan_mesh):
                    load(folder)
            except Exception as error:
                print(error, file=sys.stderr)
                failed += 1
        os._exit(failed)

    reader = fork(read, workdir / "reader.txt")
    failed = reader.wait()
    beside = writer.alive()
    os.kill(writer.process, signal.SIGTERM)
    stopped = writer.wait() == 0
    if not beside:
        print("the writer had ended before its readers: make it longer", flush=True)
    return [
        ("a second writer is refused", 1, int(not refused)),
        ("loads beside a run that saves at every step", 20, failed),
        ("the writer goes on and stops well", 1, int(not (stopped and beside))),
    ]

"""A run that is killed or stopped anywhere, and started again by the same command, ends like one that never was."""

import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from jaxgan.training.checkpoints import Checkpoints
from jaxgan.training.plan import Plan
from jaxgan.training.records import TIMINGS, read_metrics
from jaxgan.training.run_folder import RunFolder
from tests.marks import some_long

ROOT = pathlib.Path(__file__).parents[2]
pytestmark = pytest.mark.slow
TINY = pathlib.Path(__file__).parents[1] / "tiny.py"


def command(variant, folder, *overrides):
    return [sys.executable, "train.py", f"--config={TINY}:{variant}", f"--workdir={folder}", *overrides]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """One device, as on a newcomer's machine, and a compilation cache of its own, shared by all starts."""
    dropped = ("XLA_FLAGS", "JAX_COMPILATION_CACHE_DIR")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    cache = tmp_path_factory.mktemp("cache")
    return kept | {
        "JAX_PLATFORMS": "cpu",
        "XDG_CACHE_HOME": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }


def start(variant, folder, environment, *overrides):
    return subprocess.Popen(
        command(variant, folder, *overrides),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(variant, folder, environment, *overrides):
    process = start(variant, folder, environment, *overrides)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return errors


def kill_after_step(process, step):
    """Waits until a step is logged, and a moment longer, and kills the process where it stands."""
    for line in process.stderr:
        if line.startswith("step=") and int(line.split()[0].removeprefix("step=")) >= step:
            break
    time.sleep(random.uniform(0.0, 0.02))
    kill(process)


def kill_in_a_save(process, folder):
    """Kills the process while a checkpoint is half-written: its folder is there, under its temporary name."""
    while process.poll() is None and not list((folder / "checkpoints").glob("*orbax-checkpoint-tmp*")):
        time.sleep(0.0005)
    kill(process)
    return list((folder / "checkpoints").glob("*orbax-checkpoint-tmp*"))


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def final_state(folder):
    plan = Plan.of(*RunFolder(folder).read())
    with Checkpoints(folder / "checkpoints", write=False) as checkpoints:
        state = checkpoints.restore(checkpoints.steps()[-1], plan.abstract_state())
    leaves = {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state)}
    is_key = lambda leaf: jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)  # noqa: E731
    return {name: np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf) for name, leaf in leaves.items()}


def without_timings(folder):
    return [
        {name: value for name, value in line.items() if name not in TIMINGS}
        for line in read_metrics(folder / "metrics.jsonl")
    ]


# DCGAN is also measured and drawn on its way; CycleGAN, with its image pool, only at the end, which costs less.
LOOKS = {
    "dcgan": ("--config.sample_every=15", "--config.evaluate_every=15"),
    "breaking": (),
    "cyclegan": ("--config.sample_every=0", "--config.evaluate_every=0"),
}


@pytest.mark.parametrize("variant", some_long(("dcgan", "cyclegan", "breaking"), lambda name: name != "dcgan"))
def test_killed_anywhere_it_ends_with_the_same_bits(variant, environment, tmp_path):
    overrides = ["--config.steps=30", "--config.log_every=1", "--config.checkpoint_every=7", *LOOKS[variant]]
    smooth, rough = tmp_path / "smooth", tmp_path / "rough"
    finish(variant, smooth, environment, *overrides)

    # Before there is anything to go on from, or somewhere in the middle; in a save; somewhere near the end.
    kill_after_step(start(variant, rough, environment, *overrides), random.randint(1, 16))
    left_behind = kill_in_a_save(start(variant, rough, environment, *overrides), rough)
    kill_after_step(start(variant, rough, environment, *overrides), random.randint(17, 27))
    finish(variant, rough, environment, *overrides)

    expected, got = final_state(smooth), final_state(rough)
    assert expected[".step"] == 30
    assert expected.keys() == got.keys()
    assert not [name for name in expected if not np.array_equal(expected[name], got[name])]
    assert without_timings(rough) == without_timings(smooth)
    for picture in sorted((smooth / "samples").iterdir()):
        assert (rough / "samples" / picture.name).read_bytes() == picture.read_bytes()
    # Nothing is left of the checkpoint that was half-written.
    assert left_behind and not list((rough / "checkpoints").glob("*tmp*"))


def test_sigterm_saves_and_exits_cleanly(environment, tmp_path):
    overrides = ["--config.steps=100000", "--config.log_every=1", "--config.checkpoint_every=0", *LOOKS["cyclegan"]]
    process = start("dcgan", tmp_path, environment, *overrides)
    for line in process.stderr:
        if line.startswith("step=20 "):
            break
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    saved = final_state(tmp_path)[".step"]
    assert saved >= 20
    assert f"saved at step {saved}; run the same command to go on" in errors

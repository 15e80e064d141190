"""A stop is answered at once, also while something long goes on; what was reached is saved, and the run goes on from there."""

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import jax
import pytest

from jaxgan.mesh import data_mesh
from jaxgan.training import train_ensemble
from jaxgan.training.plan import Plan
from jaxgan.training.stop import Stopped, StopRequest

ROOT = pathlib.Path(__file__).parents[2]
TINY = pathlib.Path(__file__).parents[1] / "tiny.py"


def test_long_work_is_done_in_a_thread_on_the_mesh_and_its_errors_are_raised():
    def work():
        return threading.current_thread() is not threading.main_thread(), jax.sharding.get_mesh()

    def fail():
        raise ValueError("as it was")

    with StopRequest() as stop:
        assert stop.unless_asked(data_mesh(), work) == (True, data_mesh())
        with pytest.raises(ValueError, match="as it was"):
            stop.unless_asked(data_mesh(), fail)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_long_work_is_left_when_a_stop_is_asked_for(number):
    release = threading.Event()
    with StopRequest() as stop:
        threading.Timer(0.2, os.kill, (os.getpid(), number)).start()
        began = time.monotonic()
        with pytest.raises(Stopped):
            stop.unless_asked(data_mesh(), lambda: release.wait(30))
        assert time.monotonic() - began < 10
    release.set()


def test_runs_whose_networks_are_being_made_are_left_and_begin_by_the_same_call(tiny, tmp_path, monkeypatch, capfd):
    release, asked, config = threading.Event(), [], tiny("wgan_gp")
    config.steps, config.metrics, config.sample_every, config.evaluate_every = 2, (), 0, 0

    def slowly(self, *arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        asked.append(time.monotonic())
        release.wait(60)
        raise AssertionError("nobody waits for this")

    with monkeypatch.context() as slow:
        slow.setattr(Plan, "first_state", slowly)
        results = train_ensemble(config, tmp_path, 2)
    assert time.monotonic() - asked[0] < 10 and [result["step"] for result in results] == [0, 0]
    release.set()
    said = capfd.readouterr().err
    for seed in (3, 4):
        assert f"seed {seed}: there was nothing to save yet; run the same command again" in said
        assert not list((tmp_path / f"seed_{seed}" / "checkpoints").iterdir())
    assert [result["step"] for result in train_ensemble(config, tmp_path, 2)] == [2, 2]


# A compiler, or an evaluation, that takes longer than anybody waits.
SLOW = """
import sys, time
import jax.stages
from jaxgan.training.observer import Observer
from jaxgan.training.plan import Plan
compile_, look, first_state = jax.stages.Lowered.compile, Observer.look, Plan.first_state

def slowly(*args, **options):
    if threading.current_thread() is not threading.main_thread():
        print("long work begins", file=sys.stderr, flush=True)
        time.sleep(60)
    return {normal}(*args, **options)

import threading
{patched} = slowly
sys.argv = sys.argv[1:]
exec(compile(open("train.py").read(), "train.py", "exec"))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("normal", "patched", "saved"),
    [
        ("compile_", "jax.stages.Lowered.compile", "saved at step 0; run the same command to go on"),
        ("look", "Observer.look", "saved at step 0; run the same command to go on"),
        ("first_state", "Plan.first_state", "there was nothing to save yet; run the same command again"),
    ],
)
def test_a_run_that_compiles_or_evaluates_stops_within_seconds_and_goes_on(normal, patched, saved, tmp_path):
    slow = SLOW.format(normal=normal, patched=patched)
    arguments = ["train.py", f"--config={TINY}:wgan_gp", f"--workdir={tmp_path / 'run'}", "--config.steps=3"]
    process = subprocess.Popen([sys.executable, "-c", slow, *arguments], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while "long work begins" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - began < 10
    assert process.returncode == 0 and saved in errors, errors
    assert "Traceback" not in errors
    went_on = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert went_on.returncode == 0, went_on.stderr
    assert (tmp_path / "run" / "checkpoints" / "3").is_dir()

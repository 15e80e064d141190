"""Two real processes, which find each other through `jax.distributed`, train one game together."""

import os
import pathlib
import signal
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest

from jaxgan.evaluation.protocol import Result
from jaxgan.training.checkpoints import Checkpoints
from jaxgan.training.plan import Plan
from jaxgan.training.records import TIMINGS, read_metrics
from jaxgan.training.run_folder import RunFolder

ROOT = pathlib.Path(__file__).parents[2]
pytestmark = pytest.mark.slow
TINY = pathlib.Path(__file__).parents[1] / "tiny.py"


def start(folder, processes, *overrides):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"} | {
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": "1",
        "JAX_COMPILATION_CACHE_DIR": jax.config.jax_compilation_cache_dir,
        "JAX_COORDINATOR_ADDRESS": f"localhost:{port}",
        "JAX_NUM_PROCESSES": str(processes),
    }
    command = [sys.executable, "train.py", f"--config={TINY}:dcgan", f"--workdir={folder}", *overrides]
    command += ["--distributed"] if processes > 1 else []
    return [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment | {"JAX_PROCESS_ID": str(index)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(processes)
    ]


def finish(running):
    outputs = [process.communicate(timeout=300) for process in running]
    for process, (_, errors) in zip(running, outputs, strict=True):
        assert process.returncode == 0, errors
    return outputs


def final_state(folder):
    plan = Plan.of(*RunFolder(folder).read())
    with Checkpoints(folder / "checkpoints", write=False) as checkpoints:
        return checkpoints.restore(checkpoints.steps()[-1], plan.abstract_state())


def test_two_processes_train_stop_resume_and_agree_with_one(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    together, alone = tmp_path / "together", tmp_path / "alone"
    overrides = [
        "--config.steps=20",
        "--config.evaluate_every=20",
        "--config.sample_every=20",
        "--config.checkpoint_every=0",
        "--config.metrics=('digit_fd', 'fid/digits')",
    ]
    running = start(together, 2, *overrides)
    for line in running[0].stderr:
        if line.startswith("step=0 "):  # the untrained game is measured
            break
    # A signal to one of them stops both, at the first step at which they compare notes.
    running[1].send_signal(signal.SIGTERM)
    stopped = finish(running)
    assert "saved at step 10" in stopped[0][1]
    assert final_state(together).step == 10
    resumed = finish(start(together, 2, *overrides))
    finish(start(alone, 1, *overrides))

    # Only the first one reports.
    assert "digit_fd" in resumed[0][0] and "step=15" in resumed[0][1]
    assert "digit_fd" not in resumed[1][0] and "step=" not in resumed[1][1]
    lines = [read_metrics(folder / "metrics.jsonl") for folder in (together, alone)]
    assert [line["step"] for line in lines[0]] == [line["step"] for line in lines[1]] == [0, 5, 10, 15, 20, 20]
    for one, other in zip(*lines, strict=True):
        for name in one.keys() - set(TIMINGS):
            assert one[name] == (other[name] if name == "state" else pytest.approx(other[name], rel=1e-3)), name
    evaluated = [(folder / "evaluation.jsonl").read_text().splitlines() for folder in (together, alone)]
    assert [Result.from_json(line).model["step"] for line in evaluated[0]] == [0, 20] and len(evaluated[1]) == 2
    states = [final_state(folder) for folder in (together, alone)]
    assert states[0].step == 20 and states[0].images == 160
    for name in ("generator", "discriminator"):
        jax.tree.map(
            lambda one, other: np.testing.assert_allclose(one, other, atol=1e-5, rtol=0),
            states[0].players[name].params,
            states[1].players[name].params,
        )

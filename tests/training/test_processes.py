"""Two real processes, which find each other through `jax.distributed`, train one game together."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

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


ALONE = ("XLA_FLAGS", *(name for name in os.environ if name.startswith(("JAX_", "SLURM_"))))


def environment():
    """That of one process with one device, which shares the tests' compiled programs."""
    return {name: value for name, value in os.environ.items() if name not in ALONE} | {
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": "1",
        "JAX_COMPILATION_CACHE_DIR": jax.config.jax_compilation_cache_dir,
    }


def free_port(first=1024):
    """One that nobody listens on, from `first` on."""
    for port in [0] if first == 1024 else range(first, 65536):
        with socket.socket() as free, contextlib.suppress(OSError):
            free.bind(("", port))
            return free.getsockname()[1]
    raise AssertionError("no port is free")


def start(folder, processes, *overrides, caches=()):
    together = {"JAX_COORDINATOR_ADDRESS": f"localhost:{free_port()}", "JAX_NUM_PROCESSES": str(processes)}
    command = [sys.executable, "train.py", f"--config={TINY}:dcgan", *overrides]
    command += ["--distributed"] if processes > 1 else []
    folders = [folder] * processes if isinstance(folder, pathlib.Path) else folder
    return [
        subprocess.Popen(
            [*command, f"--workdir={own}"],
            cwd=ROOT,
            env=environment()
            | together
            | {"JAX_PROCESS_ID": str(index)}
            | ({"XDG_CACHE_HOME": str(caches[index])} if caches else {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index, own in enumerate(folders)
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
    saved = int(re.search(r"saved at step (\d+);", stopped[0][1])[1])
    assert saved <= 10 and final_state(together).step == saved
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


def test_the_first_process_alone_needs_to_see_the_folder(tmp_path):
    """Optimisers' states are cut among the processes, so that whole ones must travel."""
    one, other, alone = tmp_path / "one", tmp_path / "other", tmp_path / "alone"
    overrides = ["--config.shard_optimizer=true", "--config.sample_every=2", "--config.evaluate_every=2"]
    finish(start([one, other], 2, *overrides, "--config.steps=2"))
    resumed = finish(start([one, other], 2, *overrides, "--config.steps=4"))
    assert "steps 2 -> 4" in resumed[0][1] and not other.exists()
    finish(start(alone, 1, *overrides, "--config.steps=4"))
    states = [final_state(folder).players for folder in (one, alone)]
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, atol=1e-5, rtol=0), *states)


def test_what_the_first_process_refuses_ends_all(tmp_path):
    finish(start(tmp_path, 1, "--config.steps=1", "--config.metrics=none"))
    running = start(tmp_path, 2, "--config.steps=1", "--config.metrics=none", "--config.seed=4")
    errors = [process.communicate(timeout=300)[1] for process in running]
    assert [process.returncode for process in running] == [2, 2]
    assert "seed is 3 there and 4 here" in errors[0] and "the first process cannot go on: it says why" in errors[1]
    assert "Traceback" not in errors[0] + errors[1]


def test_a_run_on_object_storage_goes_on_on_another_machine(tmp_path):
    """A folder stands in for the bucket, and each cache for a machine; processes on two see no file of each other's."""
    pytest.importorskip("fsspec")
    url, bucket = f"file://{tmp_path}/bucket/run", tmp_path / "bucket" / "run"
    quiet = ["--config.log_every=1", "--config.sample_every=0", "--config.evaluate_every=0", "--config.metrics=none"]
    quiet += ["--config.checkpoint_every=2", "--config.shard_optimizer=true"]

    def play(machine, folder, steps):
        caches = [tmp_path / machine, tmp_path / f"beside_{machine}"]
        return finish(start([folder, folder], 2, *quiet, f"--config.steps={steps}", caches=caches))

    begun = play("one", url, 3)
    assert f"all of it is at {url}" in begun[0][1] and "all of it" not in begun[1][1]
    assert sorted(json.loads((bucket / "sent.json").read_text())["checkpoints"]) == ["2", "3"]
    shutil.rmtree(tmp_path / "one")
    went_on = play("other", url, 5)
    assert "step=4 " in went_on[0][1] and "step=3 " not in went_on[0][1] and "step=" not in went_on[1][1]
    play("other", tmp_path / "smooth", 5)
    one, other = (final_state(folder) for folder in (bucket, tmp_path / "smooth"))
    one, other = (each.replace(key=jax.random.key_data(each.key)) for each in (one, other))
    jax.tree.map(np.testing.assert_array_equal, one, other)
    steps = [line["step"] for line in read_metrics(bucket / "metrics.jsonl") if "generator/loss" in line]
    assert steps == [1, 2, 3, 4, 5]


# Stand-ins for SLURM's own: two tasks on this machine, a signal to all of them, and a note of the job that queues again.
SLURM = {
    "srun": """
while [[ $1 == -* ]]; do shift; done
for index in 0 1; do
    SLURM_NTASKS=2 SLURM_PROCID=$index SLURM_LOCALID=$index SLURM_STEP_NODELIST=localhost SLURM_STEP_NUM_NODES=1 \\
        "$@" 2> errors$index & echo $! >> tasks
done
status=0
for task in $(jobs -p); do wait "$task" || status=$?; done
exit $status
""",
    "scancel": '[ "$*" = "--signal=TERM $SLURM_JOB_ID" ] && kill -TERM $(cat tasks)',
    "scontrol": 'echo "$*" >> queued',
    "python": f'cd {ROOT} && exec {sys.executable} "$@"',
}


@pytest.mark.long
def test_the_slurm_script_of_the_page_stops_and_queues_again_until_all_is_done(tmp_path, monkeypatch):
    """`jax.distributed` finds the processes by SLURM's variables alone."""
    for name, program in SLURM.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{program}\n")
        (tmp_path / name).chmod(0o755)
    page = (ROOT / "docs" / "clusters.md").read_text()
    (script,) = (block for block in re.findall(r"```bash\n(.*?)```", page, flags=re.DOTALL) if "#SBATCH" in block)
    changes = {
        "configs/biggan_like.py:paper --config.data.path=/shared/tfds": f"{TINY}:dcgan --config.steps=20 "
        "--config.evaluate_every=20 --config.sample_every=0 --config.checkpoint_every=0",
        "/shared/runs/biggan_like": str(tmp_path / "run"),
    }
    for there, here in changes.items():
        assert there in script
        script = script.replace(there, here)
    (tmp_path / "job").write_text(script)

    def submit():
        (tmp_path / "tasks").unlink(missing_ok=True)
        # The port of the first process follows from the job's number.
        job = str(free_port(65536 - 2**12 + os.getpid() % 2**11) - (65536 - 2**12))
        own = environment() | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": job}
        return subprocess.Popen(["bash", "job"], cwd=tmp_path, env=own, start_new_session=True), job

    def errors(index):
        path = tmp_path / f"errors{index}"
        return path.read_text() if path.exists() else ""

    script, job = submit()
    deadline = time.monotonic() + 300
    while "step=0 " not in errors(0) and script.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    script.send_signal(signal.SIGTERM)  # to the script alone, as B: says
    assert script.wait(timeout=300) == 0, errors(0)
    assert "saved at step" in errors(0) and final_state(tmp_path / "run").step < 20
    assert (tmp_path / "queued").read_text() == f"requeue {job}\n"
    script, _ = submit()
    assert script.wait(timeout=300) == 0, errors(0)
    assert final_state(tmp_path / "run").step == 20 and "step=" not in errors(1)
    assert (tmp_path / "queued").read_text() == f"requeue {job}\n"  # and not again

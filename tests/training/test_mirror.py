"""Runs on object storage: `memory://`, which a process has for itself, and `file://` stand in for gs:// and s3://."""

import json
import pathlib
import shutil
import signal
import subprocess
import sys

import jax
import numpy as np
import pytest
from jax.experimental import multihost_utils

import jaxgan
from jaxgan import remote
from jaxgan.commands import evaluate, use
from jaxgan.errors import UserError
from jaxgan.training import command_line, train
from jaxgan.training.checkpoints import SaveError
from jaxgan.training.mirror import Mirror, readable, send_back
from jaxgan.training.records import TIMINGS, read_metrics
from jaxgan.training.transfer import read_source

fsspec = pytest.importorskip("fsspec")

pytestmark = pytest.mark.slow
ROOT = pathlib.Path(__file__).parents[2]
TINY = pathlib.Path(__file__).parents[1] / "tiny.py"


@pytest.fixture
def bucket(monkeypatch, tmp_path):
    """An empty bucket, and a machine that has seen nothing of it."""
    move_to(monkeypatch, tmp_path / "first")
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def move_to(monkeypatch, machine):
    """Another machine: what the last one had is not there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(machine))


def config(tiny, **fields):
    made = tiny("vae")
    made.update(steps=6, checkpoint_every=2, sample_every=3, evaluate_every=3, evaluate_samples=20, **fields)
    return made


def state_of(folder):
    leaves = jax.tree.leaves(jaxgan.load(str(folder), step=6).state)
    is_key = lambda leaf: jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)  # noqa: E731
    return [np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf) for leaf in leaves]


def without_timings(folder):
    lines = read_metrics(folder / "metrics.jsonl")
    return [{name: value for name, value in line.items() if name not in TIMINGS} for line in lines]


@pytest.fixture(scope="module")
def smooth(tiny, tmp_path_factory):
    """A run on this machine that nothing disturbed."""
    folder = tmp_path_factory.mktemp("smooth") / "run"
    train(config(tiny), folder)
    return folder


def check_like(url, smooth):
    """The run elsewhere has ended with the bits, records and pictures of the undisturbed one."""
    assert all(np.array_equal(one, other) for one, other in zip(state_of(smooth), state_of(url), strict=True))
    there = readable(url)
    assert without_timings(there) == without_timings(smooth)
    pictures = sorted(path.name for path in (smooth / "samples").iterdir())
    assert pictures == sorted(path.name for path in (there / "samples").iterdir())
    assert all((there / "samples" / name).read_bytes() == (smooth / "samples" / name).read_bytes() for name in pictures)


class CutOff(Exception):
    """The machine is gone."""


@pytest.mark.parametrize("files", [1, 9, pytest.param(27, marks=pytest.mark.slow), 40])
def test_a_machine_that_is_lost_while_it_sends_is_no_loss(files, bucket, tiny, smooth, monkeypatch, tmp_path):
    """After so many files nothing arrives any more, and the run goes on elsewhere from what is there."""
    put, pipe, left = type(bucket).put_file, type(bucket).pipe_file, [files]

    def counted(send):
        def sent(self, *args, **options):
            if not left[0]:
                raise CutOff
            left[0] -= 1
            return send(self, *args, **options)

        return sent

    with monkeypatch.context() as cut:
        cut.setattr(type(bucket), "put_file", counted(put))
        cut.setattr(type(bucket), "pipe_file", counted(pipe))
        # A failure would be retried, but a machine that is gone does nothing more.
        cut.setattr(remote.Place, "_error", lambda self, what, error: error if isinstance(error, CutOff) else CutOff())
        with pytest.raises(CutOff):
            train(config(tiny), "memory://bucket/run")
    assert left == [0]
    move_to(monkeypatch, tmp_path / "second")
    train(config(tiny), "memory://bucket/run")
    check_like("memory://bucket/run", smooth)


def test_what_is_named_as_whole_has_its_files_and_the_records_before_it(bucket, tiny, smooth, monkeypatch):
    pipe, named = type(bucket).pipe_file, []
    lines = [line for line in (smooth / "metrics.jsonl").read_text().splitlines() if line]

    def pipe_file(self, path, value, **options):
        steps = json.loads(value)["checkpoints"]
        for step, files in steps.items():
            sizes = {name: self.size(f"/bucket/run/checkpoints/{step}/{name}") for name in files}
            assert sizes == files
        if steps:
            named.append(max(map(int, steps)))
            there = self.cat("/bucket/run/metrics.jsonl").decode().splitlines()
            assert len(there) >= sum(json.loads(line)["step"] <= named[-1] for line in lines)
        return pipe(self, path, value, **options)

    monkeypatch.setattr(type(bucket), "pipe_file", pipe_file)
    train(config(tiny), "memory://bucket/run")
    assert {2, 4, 6} <= set(named)


def test_a_checkpoint_that_is_not_whole_is_not_taken(bucket, tiny, monkeypatch, tmp_path):
    train(config(tiny), "memory://bucket/run")
    whole = json.loads(bucket.cat("/bucket/run/sent.json"))["checkpoints"]
    assert "6" in whole and bucket.find("/bucket/run/checkpoints/6")
    assert set(whole["6"].values()) == {bucket.size(f"/bucket/run/checkpoints/6/{name}") for name in whole["6"]}
    before = sorted(set(whole) - {"6"}, key=int)[-1]
    bucket.rm(f"/bucket/run/checkpoints/6/{next(iter(whole['6']))}")
    # What is being sent, and is not named yet.
    bucket.cp(f"/bucket/run/checkpoints/{before}", "/bucket/run/checkpoints/8", recursive=True)
    move_to(monkeypatch, tmp_path / "second")
    with pytest.raises(UserError, match="no checkpoint of step 6"):
        jaxgan.load("memory://bucket/run", step=6)
    with pytest.raises(UserError, match="no checkpoint of step 8"):
        jaxgan.load("memory://bucket/run", step=8)
    assert jaxgan.load("memory://bucket/run", step=int(before)).step == int(before)


def test_a_network_that_fails_for_a_while_costs_lines(bucket, tiny, smooth, monkeypatch, tmp_path, capsys):
    put, begun = type(bucket).put_file, []

    def fails_twice(self, path, *args, **options):
        begun.append(path)
        if len(begun) <= 2:
            raise OSError("the network is down")
        return put(self, path, *args, **options)

    monkeypatch.setattr(type(bucket), "put_file", fails_twice)
    train(config(tiny), "memory://bucket/run")
    told = capsys.readouterr().err
    assert told.count("the network is down") == 2 and told.count("is sent when it is next saved") == 2
    assert "all of it is at memory://bucket/run" in told
    move_to(monkeypatch, tmp_path / "second")
    check_like("memory://bucket/run", smooth)


def test_a_run_that_could_not_be_sent_at_its_end_is_sent_by_the_same_command(bucket, tiny, smooth, monkeypatch, capsys):
    def fails(self, path, *args, **options):
        raise OSError("the network is down")

    with monkeypatch.context() as down:
        down.setattr(type(bucket), "put_file", fails)
        with pytest.raises(SaveError, match=r"the network is down.*the same command sends it"):
            train(config(tiny), "memory://bucket/run")
    assert sorted(bucket.find("/bucket")) == ["/bucket/run/sent.json"]
    capsys.readouterr()
    train(config(tiny), "memory://bucket/run")
    assert "step=5 " not in capsys.readouterr().err  # nothing is trained again
    check_like("memory://bucket/run", smooth)


def test_a_run_that_cannot_be_sent_does_not_begin(bucket, tiny, monkeypatch, capsys):
    def refuses(self, *args, **options):
        raise PermissionError("you may only read")

    monkeypatch.setattr(type(bucket), "pipe_file", refuses)
    with pytest.raises(
        UserError, match=r"memory://bucket/run cannot be written \(PermissionError: you may only read\)"
    ):
        train(config(tiny), "memory://bucket/run")
    assert "step=" not in capsys.readouterr().err and not bucket.find("/bucket")


def test_a_run_of_another_config_is_refused_and_left_as_it_is(bucket, tiny):
    train(config(tiny), "memory://bucket/run")
    before = {name: bucket.cat(name) for name in bucket.find("/bucket")}
    with pytest.raises(UserError, match="was made by another config"):
        train(config(tiny, batch_size=16), "memory://bucket/run")
    assert before == {name: bucket.cat(name) for name in bucket.find("/bucket")}


def test_who_comes_back_after_another_machine_trained_takes_what_that_has(bucket, tiny, monkeypatch, tmp_path):
    train(config(tiny), "memory://bucket/run")
    (Mirror("memory://bucket/run").path / "notes.txt").write_text("of the first machine, never sent")
    move_to(monkeypatch, tmp_path / "second")
    longer = config(tiny)
    longer.steps = 8
    train(longer, "memory://bucket/run")
    move_to(monkeypatch, tmp_path / "first")
    longer.steps = 10
    assert train(longer, "memory://bucket/run")["step"] == 10
    here = Mirror("memory://bucket/run").path
    assert not (here / "notes.txt").exists() and not (here / "checkpoints" / "6").exists()
    steps = [line["step"] for line in read_metrics(here / "metrics.jsonl")]
    assert steps == sorted(steps) and steps[-1] == 10


def test_checkpoints_that_are_given_up_are_not_gone_on_from(bucket, tiny, monkeypatch, tmp_path):
    train(config(tiny), "memory://bucket/run")
    mirror = Mirror("memory://bucket/run")
    mirror.begin()
    mirror.claim()
    assert max(map(int, json.loads(bucket.cat("/bucket/run/sent.json"))["checkpoints"])) == 6
    shutil.rmtree(mirror.path / "checkpoints" / "6")
    (mirror.path / "metrics.jsonl").write_text("{}")
    told = []
    monkeypatch.setattr(
        type(bucket),
        "put_file",
        lambda self, path, there, **_: told.append(json.loads(self.cat("/bucket/run/sent.json"))["checkpoints"]),
    )
    mirror.forget_after(5)
    # Before the records of the new future came, the old one was no longer whole.
    assert told and all("6" not in steps for steps in told)
    assert not bucket.find("/bucket/run/checkpoints/6")


def test_commands_read_a_run_there_and_leave_what_they_make(bucket, tiny, monkeypatch, tmp_path, capsys):
    train(config(tiny), "memory://bucket/run")
    move_to(monkeypatch, tmp_path / "second")

    def run(main, *arguments):
        status = command_line.run(lambda: main(list(arguments)))
        return status, capsys.readouterr().err

    assert run(lambda rest: use.main("sample", rest), "--workdir=memory://bucket/run", "--num=4")[0] == 0
    assert bucket.find("/bucket/run/generated")
    measured = ("--metrics=fid", "--features=digits", "--num=80", "--reference_num=80")
    status, told = run(evaluate.main, "--workdir", "memory://bucket/run", *measured)
    assert status == 0, told
    assert b"fid" in bucket.cat("/bucket/run/evaluation.jsonl")
    status, told = run(
        lambda rest: use.main("sample", rest), "--workdir=memory://bucket/run", "--output=memory://bucket/x.png"
    )
    assert status == 2 and "files are written on this machine" in told
    # Whoever trains on has the values too.
    move_to(monkeypatch, tmp_path / "first")
    longer = config(tiny)
    longer.steps = 8
    run_there = jaxgan.train(longer, "memory://bucket/run")
    assert run_there.step == 8 and b"fid" in bucket.cat("/bucket/run/evaluation.jsonl")
    send_back()


def test_a_folder_that_was_put_there_by_hand_is_a_run(bucket, smooth, tiny):
    bucket.put(str(smooth), "/bucket/by_hand", recursive=True)
    assert jaxgan.load("memory://bucket/by_hand", step=6).sample(2).shape == (2, 8, 8, 1)
    begun = config(tiny)
    begun.steps = 2
    run = jaxgan.train(begun, "memory://bucket/other", init_from="memory://bucket/by_hand:generator")
    assert run.step == 2
    noted = json.loads(bucket.cat("/bucket/other/init_from.json"))
    assert noted == {"run": "memory://bucket/by_hand", "players": ["generator"]}
    assert read_source("memory://bucket/by_hand") == {"run": "memory://bucket/by_hand", "players": []}


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("memory://nothing/here", "does not exist, or nothing is in it"),
        ("nowhere://bucket/run", r"places of the kind nowhere:// are unknown"),
    ],
)
def test_a_run_that_is_not_there_is_one_line(url, line, bucket):
    with pytest.raises(UserError, match=line) as told:
        jaxgan.load(url)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("index", [0, 1])
def test_of_several_processes_the_first_alone_fetches_and_sends(index, bucket, monkeypatch):
    """Of two, this one is played by the test, and the other by what it is told."""
    told = [np.int32(4), np.frombuffer(b"null", np.uint8)] * 2 + [np.int32(-1)]
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(jax, "process_index", lambda: index)

    def broadcast(value):
        expected = told.pop(0)
        assert index > 0 or np.array_equal(value, expected)
        return expected

    monkeypatch.setattr(multihost_utils, "broadcast_one_to_all", broadcast)
    mirror = Mirror.of("memory://bucket/run")
    mirror.begin()
    mirror.claim()
    if index == 0:
        (mirror.path / "checkpoints" / "2").mkdir(parents=True)
        (mirror.path / "checkpoints" / "2" / "array").write_text("bits")
        mirror.send()
        mirror.finish()
    there = ["/bucket/run/checkpoints/2/array", "/bucket/run/sent.json"]
    assert sorted(bucket.find("/bucket")) == (there if index == 0 else []) and mirror.path.exists() == (index == 0)

    def refuses(self, *args, **options):
        raise PermissionError("you may only read")

    monkeypatch.setattr(type(bucket), "pipe_file", refuses)
    line = "you may only read" if index == 0 else "the first process cannot go on: it says why"
    with pytest.raises(UserError, match=line):
        mirror.claim()
    assert not told


@pytest.mark.slow
def test_killed_on_one_machine_it_goes_on_on_another(tmp_path, monkeypatch):
    """Two processes that share a bucket and nothing else."""
    url = f"file://{tmp_path}/bucket/run"
    common = ["--config.steps=40", "--config.log_every=1", "--config.checkpoint_every=5", "--config.evaluate_every=20"]

    def start(workdir, machine):
        environment = {"XDG_CACHE_HOME": str(tmp_path / machine), "JAX_PLATFORMS": "cpu", "PATH": ""}
        environment["JAX_COMPILATION_CACHE_DIR"] = str(tmp_path / "programs")
        command = [sys.executable, "train.py", f"--config={TINY}:dcgan", f"--workdir={workdir}", *common]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)

    alone = start(tmp_path / "smooth", "alone")
    assert "Traceback" not in alone.communicate(timeout=300)[1] and alone.returncode == 0
    first = start(url, "first")
    for line in first.stderr:
        if line.startswith("step=13 "):
            break
    first.send_signal(signal.SIGKILL)
    first.communicate()
    shutil.rmtree(tmp_path / "first")
    second = start(url, "second")
    told = second.communicate(timeout=300)[1]
    assert second.returncode == 0 and "step=14 " in told and "step=3 " not in told, told
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "third"))
    there, smooth = readable(url), tmp_path / "smooth"
    assert without_timings(there) == without_timings(smooth)
    one, other = (jaxgan.load(folder, step=40).state for folder in (there, smooth))
    one, other = (each.replace(key=jax.random.key_data(each.key)) for each in (one, other))
    jax.tree.map(np.testing.assert_array_equal, one, other)

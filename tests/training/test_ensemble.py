"""Several seeds in one program: each run is as it would be alone, whatever happens to the others."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from jaxgan.data import contents
from jaxgan.errors import ConfigError
from jaxgan.mesh import data_mesh
from jaxgan.training import compiled_step, loop, plan_without_data, summarize, train, train_ensemble
from jaxgan.training.ensemble import means
from jaxgan.training.records import TIMINGS, read_metrics
from jaxgan.training.trained import load

ROOT = pathlib.Path(__file__).parents[2]


def config_of(tiny, variant, seed=3, steps=6):
    config = tiny(variant)
    config.steps, config.seed, config.log_every, config.guard = steps, seed, 2, "off"
    config.sample_every, config.evaluate_every, config.checkpoint_every, config.metrics = 0, 0, 0, ()
    return config


def leaves_of(folder):
    with jax.set_mesh(data_mesh()):
        state = load(folder, max(int(path.name) for path in (folder / "checkpoints").iterdir()), trust=True).state
    return [np.asarray(leaf) for leaf in jax.tree.leaves(state.replace(key=jax.random.key_data(state.key)))]


def assert_same_runs(one, other, atol=1e-5):
    for a, b in zip(leaves_of(one), leaves_of(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=atol)
    for a, b in zip(*(read_metrics(folder / "metrics.jsonl") for folder in (one, other)), strict=True):
        assert a.keys() == b.keys()
        for name in a.keys() - set(TIMINGS):
            assert a[name] == pytest.approx(b[name], rel=1e-3, abs=1e-5)


@pytest.fixture
def played(monkeypatch):
    """How many runs were played in each call."""
    numbers, call = [], loop.CompiledStep.__call__

    def counting(self, states, *arguments):
        numbers.append(len(states))
        return call(self, states, *arguments)

    monkeypatch.setattr(loop.CompiledStep, "__call__", counting)
    return numbers


@pytest.mark.parametrize("mapped", [True, False])
def test_each_is_the_run_of_its_seed(tiny, tmp_path, monkeypatch, capfd, played, mapped):
    """Mapped over, as on accelerators, with two steps a call; and one after the other, as on a CPU."""
    variant = "dcgan" if mapped else "wgan_gp"
    monkeypatch.setattr(compiled_step, "on_accelerators", lambda: mapped)

    def config(seed):
        config = config_of(tiny, variant, seed)
        config.steps_per_call = 2 if mapped else 1
        return config

    read = []
    monkeypatch.setattr(loop, "contents", lambda source: read.append(source) or contents(source))
    results = train_ensemble(config(3), tmp_path, 2)
    assert len(read) == 1  # the data are looked at once for all runs
    assert played == [2] * (3 if mapped else 6) and [result["step"] for result in results] == [6, 6]
    said = capfd.readouterr()
    assert "seed 3: step=6 " in said.err and "seed 4: step=6 " in said.err and "for 2 runs in" in said.err
    assert "generator/loss" in said.out and "(2 seeds)" in said.out
    for seed in (3, 4):
        train(config(seed), tmp_path / "alone" / str(seed))
        assert_same_runs(tmp_path / f"seed_{seed}", tmp_path / "alone" / str(seed))
    pairs = zip(leaves_of(tmp_path / "seed_3"), leaves_of(tmp_path / "seed_4"), strict=True)
    assert sum(not np.allclose(a, b, atol=1e-3) for a, b in pairs) > 4
    assert (tmp_path / "ensemble.jsonl").read_text().count("deviation") >= 3


@pytest.mark.long
def test_the_command_line_trains_goes_on_and_says_the_means(tmp_path):
    def ask(*arguments):
        command = [sys.executable, "train.py", f"--config={ROOT / 'tests' / 'tiny.py'}:wgan_gp", *arguments]
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"JAX_PLATFORMS": "cpu"}
        )

    run = [f"--workdir={tmp_path / 'run'}", "--ensemble=2", "--config.sample_every=0", "--config.evaluate_every=0"]
    begun = ask(*run, "--config.steps=5")
    assert begun.returncode == 0 and "Traceback" not in begun.stderr, begun.stderr
    for seed in (3, 4):
        assert f"seed {seed}: step=5 images=80 " in begun.stderr
        assert f"seed {seed}\nsamples           {tmp_path / 'run' / f'seed_{seed}'}" in begun.stdout
    values = [read_metrics(tmp_path / "run" / f"seed_{seed}" / "metrics.jsonl")[-1]["digit_fd"] for seed in (3, 4)]
    told = f"{'digit_fd':<30} {np.mean(values):.4g} +- {np.std(values, ddof=1):.2g}   (2 seeds)"
    assert told in begun.stdout and "guard/" not in begun.stdout
    went_on = ask(*run, "--config.steps=10")
    assert went_on.returncode == 0 and "step=5 " not in went_on.stderr, went_on.stderr
    assert "seed 4: goes on with steps 5 -> 10" in went_on.stderr and "seed 4: step=10 images=160 " in went_on.stderr
    lines = [json.loads(line) for line in (tmp_path / "run" / "ensemble.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [5, 10]
    refused = ask(f"--workdir={tmp_path / 'other'}", "--ensemble=1")
    assert refused.returncode == 2 and not (tmp_path / "other").exists()
    assert refused.stderr == "error: an ensemble of 1: give at least 2, or train a run without --ensemble\n"


def test_a_dry_run_says_what_an_ensemble_takes(tiny):
    plan = plan_without_data(config_of(tiny, "wgan_gp"))
    assert "\nan ensemble of 3 takes the state 3 times" in summarize(plan, ensemble=3)
    with pytest.raises(ConfigError, match="an ensemble of 1: give at least 2"):
        summarize(plan, ensemble=1)


def test_runs_that_stand_at_different_steps_are_played_together(tiny, tmp_path, played):
    shorter = config_of(tiny, "wgan_gp", 4, steps=4)
    train(shorter, tmp_path / "seed_4")
    shutil.copytree(tmp_path / "seed_4", tmp_path / "alone")
    played.clear()
    train_ensemble(config_of(tiny, "wgan_gp"), tmp_path, 2)
    assert played == [2, 2, 1, 1, 1, 1]
    train(config_of(tiny, "wgan_gp", 4), tmp_path / "alone")
    assert_same_runs(tmp_path / "seed_4", tmp_path / "alone")


def test_a_stop_saves_all_and_they_go_on_to_the_same_bits(tiny, tmp_path, played, monkeypatch):
    config = config_of(tiny, "wgan_gp")
    train_ensemble(config, tmp_path / "smooth", 2)
    call = loop.CompiledStep.__call__

    def interrupted(self, *arguments):
        if len(played) == 8:  # the third call of the second ensemble
            os.kill(os.getpid(), signal.SIGTERM)
        return call(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop.CompiledStep, "__call__", interrupted)
        assert [result["step"] for result in train_ensemble(config, tmp_path / "rough", 2)] == [3, 3]
    assert [result["step"] for result in train_ensemble(config, tmp_path / "rough", 2)] == [6, 6]
    for name in ("seed_3", "seed_4"):
        assert_same_runs(tmp_path / "smooth" / name, tmp_path / "rough" / name, atol=0)


def test_one_that_breaks_goes_back_alone(tiny, tmp_path):
    def config(seed):
        config = config_of(tiny, "breaking", seed, steps=12)
        config.checkpoint_every, config.log_every = 4, 1
        return config

    train_ensemble(config(3), tmp_path, 2)
    rollbacks = []
    for seed in (3, 4):
        train(config(seed), tmp_path / "alone" / str(seed))
        assert_same_runs(tmp_path / f"seed_{seed}", tmp_path / "alone" / str(seed))
        rollbacks.append(
            [line for line in read_metrics(tmp_path / f"seed_{seed}" / "metrics.jsonl") if "rollbacks" in line]
        )
    assert rollbacks[0] != rollbacks[1]


def test_what_is_refused_is_refused_before_anything_is_written(tiny, tmp_path):
    train(config_of(tiny, "wgan_gp", 9, steps=2), tmp_path / "seed_4")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match="seed_4 was made by another config: seed is 9 there and 4 here"):
        train_ensemble(config_of(tiny, "wgan_gp"), tmp_path, 2)
    with pytest.raises(ConfigError, match="an ensemble of 1: give at least 2"):
        train_ensemble(config_of(tiny, "wgan_gp"), tmp_path, 1)
    with pytest.raises(ConfigError, match=r"s3://bucket/run: an ensemble is trained in a folder of this machine"):
        train_ensemble(config_of(tiny, "wgan_gp"), "s3://bucket/run", 2)
    with pytest.raises(ConfigError, match=r"config\.seed=4294967296, but it must be at least 0 and below"):
        train_ensemble(config_of(tiny, "wgan_gp", 2**32 - 1), tmp_path, 2)
    assert sorted(tmp_path.rglob("*")) == before


def test_means_and_deviations():
    first = [
        {"step": 0, "images": 0, "fd": 2.0, "state": "healthy"},
        {"step": 5, "images": 40, "fd": 1.0, "seconds": 3.0},
    ]
    second = [{"step": 0, "images": 0, "fd": 4.0}, {"step": 5, "images": 40, "fd": None, "loss": -1.0}]
    third = [{"step": 0, "images": 0, "fd": 9.0}, {"step": 0, "images": 0, "rollbacks": 1, "broken_step": 3}]
    assert means([first, second, third]) == [
        # (2 + 4 + 9) / 3; ((2 - 5)^2 + (4 - 5)^2 + (9 - 5)^2) / 2 = 13
        {"step": 0, "images": 0, "fd": {"mean": 5.0, "deviation": pytest.approx(13**0.5), "runs": 3}},
        {
            "step": 5,
            "images": 40,
            "fd": {"mean": 1.0, "deviation": 0.0, "runs": 1},
            "loss": {"mean": -1.0, "deviation": 0.0, "runs": 1},
        },
    ]


def test_what_one_run_is_looked_at_is_not_time_of_the_others(tiny, tmp_path, monkeypatch):
    """Each draws its pictures half a second long after every step."""
    from jaxgan.training.observer import Observer

    look = Observer.look

    def slowly(self, *arguments, **options):
        time.sleep(0.5)
        return look(self, *arguments, **options)

    monkeypatch.setattr(Observer, "look", slowly)
    config = config_of(tiny, "wgan_gp")
    config.checkpoint_every = 1
    results = train_ensemble(config, tmp_path, 2)
    # Five of six pauses of each lie between its first step and its last, and as many of the other's.
    assert all(0 < result["seconds"] < 1.5 for result in results), results

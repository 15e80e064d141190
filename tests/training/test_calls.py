"""Several steps in one program: the same numbers as one by one, the same calls after a stop, and nothing passed over."""

import json
import os
import re
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.config import named
from jaxgan.data.sources import ArraySource
from jaxgan.errors import ConfigError
from jaxgan.mesh import batched, data_mesh
from jaxgan.training import compiled_step, loop, train
from jaxgan.training.plan import Plan
from jaxgan.training.records import TIMINGS, read_metrics
from jaxgan.training.trained import load


def config_of(tiny, variant, number, steps=10, log_every=5):
    config = tiny(variant)
    config.steps_per_call, config.steps, config.log_every = number, steps, log_every
    config.sample_every, config.evaluate_every, config.checkpoint_every, config.metrics = 0, 0, 0, ()
    config.guard = "off"
    for player in config.players.values():
        # Where gradients nearly vanish Adam makes as much of their rounding, which differs between programs, as of themselves.
        player.optimizer.eps = 1e-3
    return config


def state_of(folder):
    with jax.set_mesh(data_mesh()):
        state = load(folder, max(int(path.name) for path in (folder / "checkpoints").iterdir()), trust=True).state
    return jax.device_get(state.replace(key=jax.random.key_data(state.key)))


def assert_same(one, other, atol):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=atol)


def untimed(folder):
    lines = read_metrics(folder / "metrics.jsonl")
    return [{name: value for name, value in line.items() if name not in TIMINGS} for line in lines]


def assert_same_lines(one, other):
    assert [line.keys() for line in untimed(one)] == [line.keys() for line in untimed(other)]
    for a, b in zip(untimed(one), untimed(other), strict=True):
        assert a.pop("state", "") == b.pop("state", "")
        assert a == pytest.approx(b, rel=1e-4, abs=1e-5)


@pytest.fixture
def counted(monkeypatch):
    """The steps of every call, and whether they are a loop of the program, as on accelerators: a list to set and to read."""
    calls, call = [], loop.CompiledStep.__call__

    def counting(self, states, minibatches, resident, dues):
        calls.append(len(dues))
        return call(self, states, minibatches, resident, dues)

    monkeypatch.setattr(loop.CompiledStep, "__call__", counting)
    monkeypatch.setattr(compiled_step, "on_accelerators", lambda: True)
    return calls


def regularised(tiny, number, **options):
    """A term every four steps, so that two kinds of steps take turns within a call."""
    config = config_of(tiny, "dcgan", number, **options)
    config.game.terms = (named("r1", weight=1.0, every=4),)
    return config


def accumulated(tiny, number):
    config = config_of(tiny, "wgan_gp", number)
    config.batch_size, config.accumulate = 16, 2
    return config


@pytest.mark.parametrize(
    ("make", "calls"),
    [
        (lambda tiny, number: config_of(tiny, "dcgan", number), [5, 5]),
        (accumulated, [5, 5]),  # two minibatches a step, each in two parts
        # With a memory; it compiles for long.
        pytest.param(lambda tiny, number: config_of(tiny, "cyclegan", number), [5, 5], marks=pytest.mark.long),
        (regularised, [5, 5]),
        # Five steps at 4x4 with 8 images each, then 8x8 with 16.
        (lambda tiny, number: config_of(tiny, "progan", min(4, number), steps=12, log_every=12), [4, 1, 1, 1, 1, 4]),
    ],
    ids=["dcgan", "accumulate", "cyclegan", "lazy", "progan"],
)
def test_several_steps_in_one_program_are_the_same_steps(tiny, tmp_path, counted, make, calls):
    train(make(tiny, 1), tmp_path / "one")
    assert set(counted) == {1}
    counted.clear()
    train(make(tiny, 5), tmp_path / "several")
    assert counted == calls
    assert_same(state_of(tmp_path / "one"), state_of(tmp_path / "several"), atol=1e-6)
    assert_same_lines(tmp_path / "one", tmp_path / "several")


def test_written_out_as_on_a_cpu_they_are_the_same_too(tiny, tmp_path):
    for number in (1, 5):
        train(config_of(tiny, "wgan_gp", number), tmp_path / str(number))
    assert_same(state_of(tmp_path / "1"), state_of(tmp_path / "5"), atol=1e-6)


def test_nothing_is_passed_over(tiny, tmp_path, counted):
    """Pictures, values and checkpoints at the steps at which they would be there by single steps."""

    def config(number):
        config = tiny("dcgan")
        config.steps_per_call, config.log_every, config.evaluate_every = number, 10, 15
        return config

    for number in (1, 5):
        counted.clear()
        train(config(number), tmp_path / str(number))
    # A checkpoint every seven steps, pictures every ten: what lies between them is played one by one.
    assert counted == [5, *[1] * 10, 5, *[1] * 10]
    assert_same_lines(tmp_path / "1", tmp_path / "5")
    for what in ("samples", "checkpoints"):
        assert len({tuple(sorted(path.name for path in (tmp_path / n / what).iterdir())) for n in "15"}) == 1


def test_a_stopped_run_goes_on_to_the_same_bits(tiny, tmp_path, counted, monkeypatch):
    config = regularised(tiny, 5, steps=20, log_every=10)
    train(config, tmp_path / "smooth")
    assert counted == [5] * 4
    call = loop.CompiledStep.__call__

    def interrupted(self, *arguments):
        if len(counted) == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return call(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop.CompiledStep, "__call__", interrupted)
        assert train(config, tmp_path / "rough")["step"] == 10  # the call that was being played, and no more
    assert train(config, tmp_path / "rough")["step"] == 20
    assert counted[4:] == [5] * 4
    assert_same(state_of(tmp_path / "smooth"), state_of(tmp_path / "rough"), atol=0)
    assert untimed(tmp_path / "smooth") == untimed(tmp_path / "rough")


def test_what_breaks_goes_back_as_by_single_steps(tiny, tmp_path, counted):
    def config(number):
        config = config_of(tiny, "breaking", number, steps=30)
        config.checkpoint_every = 5
        return config

    for number in (1, 5):
        train(config(number), tmp_path / str(number))
    assert any(line.get("rollbacks") for line in untimed(tmp_path / "1"))
    assert_same_lines(tmp_path / "1", tmp_path / "5")
    assert_same(state_of(tmp_path / "1"), state_of(tmp_path / "5"), atol=1e-6)


@pytest.mark.parametrize("number", [1, 3, 4, 7])
def test_the_calls_of_a_run(tiny, number):
    """Together they play what single steps play; none passes a step at which something is due, or the end of a stage."""
    config = tiny("progan")
    config.steps_per_call, config.steps, config.images = number, 0, 2600
    config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 10, 12, 0, 28
    source = ArraySource("noise", {"image": np.zeros((64, 8, 8, 1), np.uint8)})
    plan = Plan.of_source(config, source)
    step = images = 0
    lengths = set()
    while plan.fraction_done(step, images) < 1:
        dues = plan.call(step, images)
        lengths.add(len(dues))
        for index, due in enumerate(dues):
            assert due == plan.game.due(step, images) and due.stage == dues[0].stage
            assert not index or (step % 10 and step % 12 and step % 28)
            assert plan.fraction_done(step, images) < 1
            step, images = step + 1, images + (16 if images >= 40 else 8)
    assert images == 2600 and lengths == {1, number}


def test_more_steps_than_lie_between_two_looks_are_refused(tiny, tmp_path):
    config = config_of(tiny, "dcgan", 6)
    message = r"^config\.steps_per_call=6, but no call plays past config\.log_every=5: lower it to a divisor of 5, or raise the"
    with pytest.raises(ConfigError, match=message):
        train(config, tmp_path / "run")
    with pytest.raises(ConfigError, match=r"config\.steps_per_call=0, but it must be from 1 to 1024"):
        train(config_of(tiny, "dcgan", 0), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_may_go_on_with_longer_calls(tiny, tmp_path):
    train(config_of(tiny, "wgan_gp", 1, steps=5), tmp_path)
    train(config_of(tiny, "wgan_gp", 5, steps=10), tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["steps_per_call"] == 5


def test_devices_share_the_work_within_the_loop(tiny, counted):
    """Each of eight devices convolves its eighth of 48 images, which no width or map of the networks is."""
    config = config_of(tiny, "dcgan", 5)
    config.batch_size = 48
    for player in config.players.values():
        player.network.width = 10
    source = ArraySource("noise", {"image": np.zeros((64, 8, 8, 1), np.uint8)})
    plan = Plan.of_source(config, source)
    play, dues = loop.CompiledStep(plan.game, plan.shardings), plan.call(0, 0)
    state = plan.abstract_state()
    images = jax.ShapeDtypeStruct((48, 8, 8, 1), jnp.uint8, sharding=batched(plan.mesh))
    with jax.set_mesh(plan.mesh):
        play.trace((state,), (({"image": images},) * 5,), (), dues)
        program = play._traced[1, dues].lower().compile().as_text()
    assert len(re.findall(r" while\(", program)) >= 1
    shapes = dict(re.findall(r"(%[\w.-]+) = \w+\[([\d,]*)\]", program))
    sides = [
        {int(side) for name in (result, *operands.split(", ")) for side in shapes[name].split(",")}
        for result, operands in re.findall(r"(%[\w.-]+) = \S+ convolution\(([^)]*)\)", program)
    ]
    assert len(sides) > 8 and all(6 in sizes and 48 not in sizes for sizes in sides), sides

"""Running out of memory: one line with the fields to change, wherever it happens."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import memory
from jaxgan.commands import evaluate, explore, use, video
from jaxgan.core.snapshot import Snapshot
from jaxgan.data import pipeline
from jaxgan.training import command_line, plan_without_data, train
from jaxgan.training.loop import CompiledStep
from jaxgan.training.plan import Plan

XLA = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 3298534883328 bytes.")
HOST = MemoryError("Unable to allocate 3.00 TiB for an array with shape (824633720832,) and data type float32")


def raiser(error):
    def call(*_, **__):
        raise error

    return call


@pytest.mark.parametrize("error", [XLA, HOST])
def test_how_much_was_asked_for_is_readable(error):
    with (
        pytest.raises(memory.MemoryShortage, match=r"^out of memory, 3 TiB asked for at once: lower it$"),
        memory.less("lower it"),
    ):
        raise error


def test_an_error_that_says_no_amount_and_one_that_is_another():
    with pytest.raises(memory.MemoryShortage, match=r"^out of memory: lower it$"), memory.less("lower it"):
        raise MemoryError
    with pytest.raises(jax.errors.JaxRuntimeError, match=r"^INTERNAL"), memory.less("lower it"):
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")


def test_true_shortages_are_told():
    """Of the host by NumPy, and of a device by XLA."""
    with pytest.raises(memory.MemoryShortage, match=r"^out of memory, 8 EiB asked for at once: x$"), memory.less("x"):
        np.zeros(2**60 - 1, np.float64)
    with pytest.raises(memory.MemoryShortage, match=r"^out of memory.*: x$"), memory.less("x"):
        jax.block_until_ready(jnp.zeros(2**48, jnp.float32))


@pytest.mark.parametrize("error", [XLA, HOST])
@pytest.mark.parametrize(
    ("holder", "name"),
    [
        (CompiledStep, "compile"),
        (CompiledStep, "__call__"),
        (Plan, "first_state"),
        (Snapshot, "use"),
        (pipeline.Loader, "__init__"),
    ],
)
def test_training_names_the_fields(tiny, tmp_path, monkeypatch, capsys, holder, name, error):
    monkeypatch.setattr(holder, name, raiser(error))
    assert command_line.run(lambda: train(tiny("wgan_gp"), tmp_path)) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert len(said) == 1 and "out of memory, 3 TiB asked for" in said[0]
    for field in ("config.batch_size than 8", "config.data.image_size", "config.players", "--dry_run"):
        assert field in said[0]


@pytest.mark.parametrize(
    ("command", "options", "cure"),
    [
        ("sample", ["--num=70"], "a smaller --num than 70, or --format=npz or folder instead of a grid takes less"),
        ("sample", ["--format=npz"], "the run's networks and 16 of its images must fit in any case"),
        ("explore", [], "a smaller --num than 8, or fewer --steps than 9"),
        ("video", [], "fewer --frames than 24 take less"),
        (
            "evaluate",
            ["--metrics=fid", "--features=digits"],
            "a smaller --num, --reference_num or --batch_size takes less",
        ),
    ],
)
def test_commands_name_their_options(runs, tmp_path, monkeypatch, capsys, command, options, cure):
    folder, _ = runs("dcgan")
    capsys.readouterr()  # what training said
    mains = {"explore": explore.main, "video": video.main, "evaluate": evaluate.main}
    main = mains.get(command, lambda rest: use.main(command, rest))
    for name in ("use", "parts"):
        monkeypatch.setattr(Snapshot, name, raiser(XLA))
    named = {"explore": "x", "video": "x.gif"}.get(command, "x.png" if "--num=70" in options else "x.npz")
    output = tmp_path / named
    assert command_line.run(lambda: main([f"--workdir={folder}", "--trust", f"--output={output}", *options])) == 2
    said = capsys.readouterr().err
    assert cure in said and said.splitlines()[-1].startswith("error: out of memory, 3 TiB")
    assert not output.exists()


def test_whatever_else_runs_out_of_memory_is_one_line(capsys):
    assert command_line.run(raiser(XLA)) == 2
    said = capsys.readouterr().err
    assert (
        said
        == "error: out of memory, 3 TiB asked for at once: take a smaller image_size, batch_size or number of images\n"
    )


def test_what_a_step_takes_at_least(tiny):
    config = tiny("wgan_gp")  # MLPs of 8 hidden units, Adam, no averages, 8x8 images, two critic steps of 8
    plan = plan_without_data(config)
    generator, discriminator = 4 * 8 + 8 + 8 * 64 + 64, 64 * 8 + 8 + 8 + 1
    images = 2 * 8 * (64 + 1) * 4 // plan.mesh.size  # of two minibatches, with labels
    state = plan.abstract_state()
    least = plan.least_bytes(state)
    # Parameters and the two moments of each, the larger gradient; beside them a step, a key, counts: less than 200 bytes.
    assert 0 <= least - (4 * (3 * (generator + discriminator) + generator) + images) < 200


def test_what_cannot_fit_is_refused_before_anything_is_computed(tiny, tmp_path, monkeypatch, capsys):
    """Networks of 60 GiB, and images of 4 TiB."""
    monkeypatch.setattr(memory, "of_a_device", lambda: 8 * 2**30)
    for holder, name in ((CompiledStep, "trace"), (Plan, "first_state"), (pipeline.Loader, "batches")):
        monkeypatch.setattr(holder, name, lambda *_, **__: pytest.fail("something was computed"))
    networks, images = tiny("wgan_gp"), tiny("ring8")
    networks.players.generator.network.hidden = (65536, 65536)
    images.players.generator.network.hidden = images.players.discriminator.network.hidden = (1,)
    images.batch_size = 100_000
    with pytest.raises(
        memory.MemoryShortage, match=r"^out of memory, at least [\d.]+ GiB needed .* 8 GiB there: a smaller"
    ):
        train(networks, tmp_path / "x")
    assert not (tmp_path / "x").exists()
    monkeypatch.setattr(memory, "of_a_device", lambda: 100_000)
    with pytest.raises(memory.MemoryShortage, match=r"at least [\d.]+ KiB needed on each device and 97.7 KiB there"):
        train(images, tmp_path / "x")


def test_memory_of_a_host_is_shared_by_its_devices(monkeypatch, tmp_path):
    whole = memory.of_a_device()
    assert whole is None or 2**26 < whole * jax.local_device_count() < 2**50
    monkeypatch.setattr(memory, "_CONTAINER", tmp_path / "memory.max")
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.of_a_device() == whole
    (tmp_path / "memory.max").write_text("8388608\n")
    assert whole is None or memory.of_a_device() == 2**23 // jax.local_device_count()

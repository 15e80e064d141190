"""The loop: what a run leaves behind, how it goes on, and how it ends when numbers break."""

import json
import os
import shutil
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan.config import named, player
from jaxgan.data import Loader, make_source, prepare
from jaxgan.errors import ConfigError, UserError
from jaxgan.mesh import data_mesh
from jaxgan.registry import plain, resolve
from jaxgan.training import NonFiniteError, plan_without_data, summarize, train
from jaxgan.training.records import TIMINGS, read_metrics
from jaxgan.training.stop import StopRequest
from jaxgan.training.trained import load


def size(path):
    with Image.open(path) as image:
        return image.size


def logged(lines):
    return [line["step"] for line in lines if "seconds" in line]


def evaluated(lines, name):
    return [line["step"] for line in lines if name in line]


def test_a_run_leaves_everything_behind(runs):
    folder, result = runs("dcgan")
    lines = read_metrics(folder / "metrics.jsonl")
    assert logged(lines) == [5, 10, 15, 20, 25, 30]
    assert evaluated(lines, "digit_fd") == [0, 15, 30]
    assert [line["images"] for line in lines if "seconds" in line] == [8 * step for step in logged(lines)]
    assert sorted(path.name for path in (folder / "samples").iterdir()) == [
        f"step_{step:07d}.png" for step in (0, 10, 20, 30)
    ]
    for name in ("losses.png", "real_and_fake.png", "animation.gif"):
        assert size(folder / name)[0] > 50
        assert (folder / name).stat().st_size <= 300_000
    assert json.loads((folder / "config.json").read_text())["batch_size"] == 8
    assert list((folder / "tensorboard").iterdir())
    # The last two, and the best, which may be one of them.
    kept = {int(path.name) for path in (folder / "checkpoints").iterdir() if path.name.isdigit()}
    best = min((line["digit_fd"], line["step"]) for line in lines if line["step"] and "digit_fd" in line)[1]
    assert kept == {28, 30} | {best}
    assert result["step"] == 30 and result["images"] == 240
    assert result["digit_fd"] == lines[-1]["digit_fd"] and result["untrained/digit_fd"] == lines[0]["digit_fd"]


def test_a_finished_run_ends_at_once_and_may_be_made_longer(tiny, tmp_path, capfd):
    config = tiny("wgan_gp")
    train(config, tmp_path / "run")
    before = (tmp_path / "run" / "metrics.jsonl").read_text()
    capfd.readouterr()
    train(config, tmp_path / "run")
    seen = capfd.readouterr()
    assert "compiled" not in seen.err and "step=" not in seen.err
    assert "digit_fd" in seen.out and str(tmp_path / "run" / "animation.gif") in seen.out
    assert (tmp_path / "run" / "metrics.jsonl").read_text() == before
    config.steps = 20
    train(config, tmp_path / "run")
    assert "goes on with steps 10 -> 20: what is a share of the run changes with it" in capfd.readouterr().err
    assert logged(read_metrics(tmp_path / "run" / "metrics.jsonl")) == [5, 10, 15, 20]


def test_a_finished_run_is_measured_by_metrics_that_are_named_later(tiny, tmp_path, capfd):
    config = tiny("conditional")
    config.metrics, config.evaluate_every = ("digit_fd",), 0
    train(config, tmp_path)
    config.metrics = ("class_accuracy", "digit_fd")
    result = train(config, tmp_path)
    seen = capfd.readouterr()
    assert "goes on with metrics ['digit_fd'] -> ['class_accuracy', 'digit_fd']" in seen.err
    assert "class_accuracy" in seen.out and 0 <= result["class_accuracy"] <= 1
    before = (tmp_path / "metrics.jsonl").read_text()
    train(config, tmp_path)
    assert (tmp_path / "metrics.jsonl").read_text() == before


def test_a_score_that_is_never_finite_is_told_and_not_measured_again(tiny, tmp_path, capfd, monkeypatch):
    from jaxgan.evaluation import monitored

    broken = monitored.Metric(lambda *given: {"digit_fd": float("nan")}, "digit_fd", True)
    monkeypatch.setitem(monitored.METRICS, "digit_fd", broken)
    for _ in range(2):
        train(tiny("wgan_gp"), tmp_path)
        assert "digit_fd          never a finite number" in capfd.readouterr().out
        assert len(evaluated(read_metrics(tmp_path / "metrics.jsonl"), "digit_fd")) == 2


@pytest.mark.parametrize(
    ("past", "message"),
    [
        ({"steps": 4}, r"has 10 steps already, so it cannot end at config\.steps=4: make it --config\.steps=10"),
        ({"steps": 0, "images": 144}, "has 160 images already, .* config.images=144: make it --config.images=160"),
    ],
)
def test_a_run_is_not_made_shorter_than_it_is(tiny, runs, tmp_path, past, message):
    folder, _ = runs("wgan_gp")  # 10 steps of 16 images
    shutil.copytree(folder, tmp_path / "run")

    def files():
        # Whose the folder is, and since when, is noted by every owner.
        found = sorted((tmp_path / "run").rglob("*"))
        return {path: path.read_bytes() for path in found if path.is_file() and path.name != ".lock"}

    before = files()
    config = tiny("wgan_gp")
    config.update(past)
    with pytest.raises(ConfigError, match=message):
        train(config, tmp_path / "run")
    assert files() == before
    # To end where it is, is no shortening; nor is an end that its last step has just passed.
    config.update({"steps": 10} if "images" not in past else {"steps": 0, "images": 145})
    assert train(config, tmp_path / "run")["step"] == 10


def test_discriminator_steps_count_every_minibatch(runs):
    _, result = runs("wgan_gp")
    assert result["images"] == 10 * 2 * 8


def test_a_stage_changes_the_minibatch(runs):
    """4x4 with 8 images a step until 40 images, that is 5 steps; then 8x8 with 16 images a step."""
    folder, result = runs("progan")
    images = {line["step"]: line["images"] for line in read_metrics(folder / "metrics.jsonl")}
    assert images == {0: 0, 5: 40, 10: 120}
    assert result["images"] == 120


def test_images_end_a_run(tiny, tmp_path):
    config = tiny("wgan_gp")
    config.images, config.steps, config.metrics = 80, 0, ()
    assert train(config, tmp_path)["step"] == 5


def test_the_device_is_asked_only_when_something_is_due(tiny, tmp_path, monkeypatch):
    """Everything that a step makes is watched: only at log steps, looks and saves does any of it reach the host."""
    from jaxgan.training import loop

    config = tiny("wgan_gp")
    config.steps, config.log_every, config.sample_every, config.evaluate_every, config.checkpoint_every = 12, 6, 0, 0, 0
    config.metrics = ()
    steps, asked = [0], []
    call, get = loop.CompiledStep.__call__, jax.device_get

    def counting_call(self, *arguments):
        steps[0] += 1
        return call(self, *arguments)

    def counting_get(tree):
        asked.append(steps[0])
        return get(tree)

    monkeypatch.setattr(loop.CompiledStep, "__call__", counting_call)
    monkeypatch.setattr(jax, "device_get", counting_get)
    train(config, tmp_path)
    assert set(asked) == {6, 12}


def test_numbers_that_break_end_the_run_and_leave_the_last_good_checkpoint(tiny, tmp_path):
    config = tiny("dcgan")
    config.steps, config.log_every, config.checkpoint_every = 20, 10, 5
    config.sample_every, config.metrics = 0, ()
    train_until(config, tmp_path, 5)
    # Step 6 is sound and throws the weights so far that step 7 overflows; step 10 is the next one that looks.
    config.players.generator.optimizer.learning_rate = 1e38
    with pytest.raises(
        NonFiniteError, match=r"of discriminator and generator was not finite at step 7 after 3 rollbacks .* step 5"
    ):
        train(overridden(config, tmp_path), tmp_path)
    assert {path.name for path in (tmp_path / "checkpoints").iterdir() if path.name.isdigit()} == {"5"}


def train_until(config, folder, step):
    shorter = config.copy_and_resolve_references()
    shorter.steps = step
    train(shorter, folder)


def overridden(config, folder):
    """The config, with the folder made to believe that it was its own from the start."""
    (folder / "config.json").write_text(json.dumps(plain(resolve(config))))
    return config


def test_another_config_is_refused(tiny, runs):
    folder, _ = runs("dcgan")
    config = tiny("dcgan")
    config.seed, config.players.generator.network.width = 4, 9
    with pytest.raises(
        ConfigError, match=r"players\.generator\.network\.width is 8 there and 9 here; seed is 3 there and 4"
    ):
        train(config, folder)


def test_timings_leave_out_compilation_and_looking(tiny, tmp_path, monkeypatch):
    """Compiling, evaluating and saving are made to take long; the seconds of training must not show it."""
    import time

    from jaxgan.evaluation import monitored
    from jaxgan.training import checkpoints

    config = tiny("wgan_gp")
    config.steps, config.log_every = 14, 1
    slow = 0.5

    def slowed(function):
        def wrapped(*arguments, **options):
            time.sleep(slow)
            return function(*arguments, **options)

        return wrapped

    monkeypatch.setattr(checkpoints.Checkpoints, "save", slowed(checkpoints.Checkpoints.save))
    monkeypatch.setattr(jax.stages.Lowered, "compile", slowed(jax.stages.Lowered.compile))
    metric = monitored.METRICS["digit_fd"]
    monkeypatch.setitem(
        monitored.METRICS, "digit_fd", monitored.Metric(slowed(metric.measure), "digit_fd", True, metric.obstacle)
    )
    config.evaluate_every = 2
    began = time.perf_counter()
    result = train(config, tmp_path)
    slept = slow * (1 + 2 + 8)
    assert time.perf_counter() - began > slept
    assert result["seconds"] < 0.3 * slept
    rates = [line["images_per_second"] for line in read_metrics(tmp_path / "metrics.jsonl") if "seconds" in line]
    # 16 images a step: with their pauses, the steps after a look could not exceed 32 images a second.
    assert rates[0] is None
    assert np.median(rates[2::2]) > 32
    assert set(TIMINGS) <= set(read_metrics(tmp_path / "metrics.jsonl")[1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_with_the_step_that_is_being_played(number, tiny, tmp_path, monkeypatch, capfd):
    from jaxgan.training import loop

    config = tiny("wgan_gp")
    config.steps, config.evaluate_every, config.sample_every = 9, 4, 4
    calls, call = [0], loop.CompiledStep.__call__

    def interrupted(self, *arguments):
        calls[0] += 1
        if calls[0] == 4:
            os.kill(os.getpid(), number)
        return call(self, *arguments)

    monkeypatch.setattr(loop.CompiledStep, "__call__", interrupted)
    handlers = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    assert train(config, tmp_path)["step"] == 4
    assert "saved at step 4; run the same command to go on" in capfd.readouterr().err
    assert (tmp_path / "checkpoints" / "4").is_dir()
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == handlers
    # What was due at that step was left for later, so as not to keep whoever sent the signal waiting.
    assert evaluated(read_metrics(tmp_path / "metrics.jsonl"), "digit_fd") == [0]
    assert train(config, tmp_path)["step"] == 9
    assert evaluated(read_metrics(tmp_path / "metrics.jsonl"), "digit_fd") == [0, 4, 8, 9]
    assert [path.name for path in sorted((tmp_path / "samples").iterdir())] == [
        f"step_{step:07d}.png" for step in (0, 4, 8, 9)
    ]


def test_a_second_interruption_aborts():
    with pytest.raises(KeyboardInterrupt), StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.asked()
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()


def test_who_aborts_a_run_is_told_what_is_saved(tiny, tmp_path, monkeypatch):
    from jaxgan.training import loop

    config = tiny("dcgan")
    config.steps, config.checkpoint_every = 9, 3
    calls, call = [0], loop.CompiledStep.__call__

    def interrupted(self, *arguments):
        calls[0] += 1
        if calls[0] == 5:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
        return call(self, *arguments)

    monkeypatch.setattr(loop.CompiledStep, "__call__", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"saved is step 3; run the same command to go on from there"):
        train(config, tmp_path)
    assert train(config, tmp_path)["step"] == 9


def test_metrics_that_do_not_fit_are_refused_before_anything_is_written(tiny, tmp_path):
    for variant, name, message in [
        ("cyclegan", "digit_fd", "the game does not sample"),
        ("dcgan", "class_accuracy", "the game takes no labels"),
        ("dcgan", "translation", "the game does not translate"),
        ("dcgan", "modes", "no known modes"),
        ("ring8", "digit_fd", "the data are not the digits"),
        ("dcgan", "digit_df", "did you mean 'digit_fd'"),
    ]:
        config = tiny(variant)
        config.metrics = (name,)
        with pytest.raises(ConfigError, match=message):
            train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_step_that_cannot_be_is_refused_before_anything_is_written(tiny, tmp_path):
    config = tiny("cyclegan")
    config.game.terms = (named("latent_consistency"),)
    with pytest.raises(UserError, match="the term 'latent_consistency': it needs a generator of latents"):
        train(config, tmp_path / "run")
    config = tiny("dcgan")
    config.accumulate = 3
    with pytest.raises(UserError, match="accumulate=3 does not divide the 8 entries"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_networks_that_begin_by_data_are_given_the_first_minibatch(tiny, tmp_path):
    config = tiny("dcgan")
    config.system, config.game = "improved_gan", {"latent_size": 4}
    config.data.labelled, config.steps, config.metrics = 100, 1, ()
    still = named("sgd", learning_rate=1e-12)
    config.players.generator = player(named("ImprovedMLPGenerator", hidden=(8,)), still)
    network = named("ImprovedMLPDiscriminator", hidden=(8, 6), data_init=True)
    config.players.discriminator = player(network, still)
    train(config, tmp_path / "run")
    source = make_source(resolve(config).data)
    loader = Loader(source, seed=config.seed, mesh=data_mesh())
    with jax.set_mesh(data_mesh()):
        run = load(tmp_path / "run")
        images = prepare(next(loader.batches(config.batch_size)), loader.resident)["image"]
        logits = run.plan.game.nets(run.state).discriminator(images).class_logits
        np.testing.assert_allclose(logits.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(logits.std(0), 1, rtol=1e-4)
        # and not by any others
        others = jnp.asarray(prepare(source.stack(np.arange(100)))["image"])
        assert np.abs(run.plan.game.nets(run.state).discriminator(others).class_logits.mean(0)).max() > 0.05


def test_stages_that_a_run_ends_before_are_named(tiny):
    config = tiny("progan")
    config.steps = 1
    plan = plan_without_data(config)
    first, *others = plan.game.stages
    assert plan.unplayed.startswith(
        f"the run ends with the stage {first.name!r}: {', '.join(each.name for each in others)} "
    )
    assert plan.unplayed in summarize(plan)
    config.steps = 10**6
    assert plan_without_data(config).unplayed == ""


def test_what_a_run_means_without_an_end_or_with_a_batch_that_does_not_divide(tiny, tmp_path):
    config = tiny("dcgan")
    config.steps = 0
    with pytest.raises(ConfigError, match="never end"):
        train(config, tmp_path / "run")
    config.steps, config.batch_size = 1, 9
    with pytest.raises(ValueError, match="not divisible by the 8 devices"):
        train(config, tmp_path / "run")


def test_translation_and_toy_runs_draw_their_own_pictures(runs):
    for variant in ("cyclegan", "ring8", "conditional"):
        folder, result = runs(variant)
        assert min(size(folder / "samples" / "step_0000010.png")) > 100
        assert np.isfinite(result["seconds"])
    # Six columns and eight rows of 8-pixel images, six times enlarged, and what the columns show above them.
    width, height = size(runs("cyclegan")[0] / "samples" / "step_0000010.png")
    assert width == 6 * 50 + 2 and 8 * 50 + 2 < height < 9 * 50
    # A row for each of the ten digits, eight columns, and the digits' names beside them.
    width, height = size(runs("conditional")[0] / "samples" / "step_0000010.png")
    assert 8 * 50 + 2 < width < 9 * 50 and height == 10 * 50 + 2

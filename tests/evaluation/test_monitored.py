"""Metrics: perfect games get perfect values, broken ones do not."""

import types

import jax
import numpy as np
import pytest
import scipy.stats
from PIL import Image

from jaxgan.config import default
from jaxgan.core import Ability
from jaxgan.data import ArraySource, make_source
from jaxgan.errors import ConfigError
from jaxgan.evaluation import monitored
from jaxgan.evaluation.monitored import METRICS, Metric
from jaxgan.mesh import data_mesh
from jaxgan.metrics.sliced_wasserstein import sliced_wasserstein
from jaxgan.parts import classify_ability, sample_ability
from jaxgan.pictures import to_uint8
from tests.evaluation.snapshots import KEY, Copier, Running, chosen, config_of, game, measure


def test_held_out_digits_reach_the_floor_and_noise_does_not(digits):
    config, images, _ = digits
    real = measure("digit_fd", Copier(images), config)
    assert real["digit_fd"] == pytest.approx(real["digit_fd_floor"], rel=0.2)
    assert real["digits_present"] == 10
    noise = np.random.default_rng(0).uniform(-1, 1, images.shape).astype(np.float32)
    assert measure("digit_fd", Copier(noise), config)["digit_fd"] > 50 * real["digit_fd_floor"]


def test_class_accuracy_asks_for_every_digit(digits):
    config, images, label = digits
    assert measure("class_accuracy", Copier(images, label), config)["class_accuracy"] >= 0.9
    shifted = measure("class_accuracy", Copier(images, (label + 1) % 10), config)
    assert shifted["class_accuracy"] <= 0.1


def test_modes_of_the_data_are_all_found():
    config = config_of(name="ring8")
    config.evaluate_samples = 2000
    data = make_source(config.data)
    assert measure("modes", Copier(data.stack(np.arange(2000))["image"]), config)["modes"] == 8
    values = measure("modes", Copier(data.centres[:3].astype(np.float32)), config)
    assert values["modes"] == 3 and values["high_quality"] == 1
    assert values["reverse_kl"] == pytest.approx(np.log(8 / 3), abs=1e-5)


def test_stacked_modes_of_the_data_and_of_a_collapse():
    config = config_of(name="stacked_digits", image_size=16)
    config.evaluate_samples = 500
    records = make_source(config.data).stack(np.arange(500))
    images = records["image"] / np.float32(127.5) - 1
    values, labels = measure("stacked_modes", Copier(images), config), np.bincount(records["label"], minlength=1000)
    # Known from the labels; the classifier misreads some of the 1,500 digits, and real held-out data are a floor.
    assert values["modes"] == pytest.approx(np.count_nonzero(labels), rel=0.02)
    assert values["modes_floor"] == pytest.approx(np.count_nonzero(labels), rel=0.05)
    assert values["reverse_kl"] == pytest.approx(scipy.stats.entropy(labels / 500, np.full(1000, 0.001)), rel=0.02)
    assert values["reverse_kl"] == pytest.approx(values["reverse_kl_floor"], rel=0.05)
    collapsed = measure("stacked_modes", Copier(images[:1]), config)
    assert collapsed["modes"] == 1 and collapsed["modes_effective"] == pytest.approx(1)
    assert collapsed["reverse_kl"] == pytest.approx(np.log(1000))


def test_density1d_of_data_that_are_shifted_and_stretched():
    """Closed forms: a shift by d is d away; stretching N(m, s) by 1 + e about m is e E|X - m| = e s sqrt(2 / pi) away."""
    config = config_of(name="gaussian1d")
    config.evaluate_samples = 50_000
    numbers = make_source(config.data).stack()["image"][:50_000]
    perfect = measure("density1d", Copier(numbers), config)
    assert perfect["wasserstein"] < 0.02 and perfect["wasserstein_floor"] < 0.02
    assert perfect["mean_error"] < 0.5 and perfect["deviation_error"] < 1
    few = config_of(name="gaussian1d")
    few.evaluate_samples = 1000
    # As much as 1,000 true samples differ from the density, by an independent draw of them.
    drawn = np.random.default_rng(1).normal(4, 1.25, (50, 1000))
    expected = np.mean([scipy.stats.wasserstein_distance(draw, numbers[:, 0]) for draw in drawn])
    assert measure("density1d", Copier(numbers), few)["wasserstein_floor"] == pytest.approx(expected, rel=0.3)
    shifted = measure("density1d", Copier(numbers - 0.4), config)
    assert shifted["wasserstein"] == pytest.approx(0.4, abs=0.02)
    assert shifted["mean_error"] == pytest.approx(10, abs=0.5) and shifted["deviation_error"] < 1
    stretched = measure("density1d", Copier(4 + 1.2 * (numbers - 4)), config)
    assert stretched["wasserstein"] == pytest.approx(0.2 * 1.25 * np.sqrt(2 / np.pi), abs=0.02)
    assert stretched["mean_error"] < 0.5 and stretched["deviation_error"] == pytest.approx(20, abs=1)


@pytest.mark.parametrize(
    ("metric", "data", "size", "obstacle"),
    [
        ("stacked_modes", {"name": "digits"}, 16, "the data are not stacked digits"),
        ("stacked_modes", {"name": "stacked_digits"}, 20, "digits are read at data.image_size 8, 16 or 32"),
        ("stacked_modes", {"name": "stacked_digits"}, 32, ""),
        ("density1d", {"name": "ring8"}, None, "the data are not numbers"),
        ("density1d", {"name": "mixture1d"}, None, ""),
    ],
)
def test_what_cannot_be_measured(metric, data, size, obstacle):
    config = config_of(**data, **({} if size is None else {"image_size": size}))
    source = make_source(config.data)
    compiled = types.SimpleNamespace(game=game(sample=sample_ability(None)), arrays=source.arrays)
    found = METRICS[metric].obstacle(compiled, source, config)
    assert found.startswith(obstacle) and bool(found) == bool(obstacle)
    compiled.game = game()
    assert METRICS[metric].obstacle(compiled, source, config) == "the game does not sample"


# ---- which metrics a run has


def test_the_default_is_what_suits_the_data_and_the_game():
    config, sample = config_of(name="digits", image_size=16), sample_ability(None)
    source = make_source(config.data)
    labelled = sample_ability(None, num_classes=10)
    found, left, told, _ = chosen(config, source, sample=labelled)
    assert list(found) == ["digit_fd", "class_accuracy"] and not left and not told
    found, left, _, _ = chosen(config, source, sample=sample)
    assert list(found) == ["digit_fd"] and left == {"class_accuracy": "the game takes no labels"}
    config.metrics = ("label_accuracy", "default")
    found, *_ = chosen(config, source, sample=sample, classify=classify_ability())
    assert list(found) == ["label_accuracy", "digit_fd"]
    assert not monitored.told_by(found.values())[1]
    for nothing in ((), None):
        found, left, _, _ = chosen(types.SimpleNamespace(metrics=nothing, pictures=()), source, sample=sample)
        assert found == left == {} and monitored.told_by(found.values())[1]


def test_the_default_follows_the_data(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # where no weights are
    sample = sample_ability(None)
    for name, metric in (("ring8", "modes"), ("gaussian1d", "density1d"), ("stacked_digits", "stacked_modes")):
        config = config_of(name=name)
        assert list(chosen(config, make_source(config.data), sample=sample)[0]) == [metric]
    pictures = ArraySource("mine", {"image": np.zeros((4, 8, 8, 3), np.uint8)})
    choice = chosen(default(), pictures, sample=sample)
    assert list(choice.metrics) == ["swd"] == [choice.instead]
    assert choice.left_out["fid/inception"].startswith("no weights of 'inception'")
    assert choice.told().startswith("measured by swd, not by fid/inception: no weights of 'inception'")
    points = ArraySource("mine", {"image": np.zeros((4, 2), np.float32)})
    choice = chosen(default(), points, sample=sample)
    assert (
        not choice.metrics
        and choice.told() == "measured by nothing, not by default: no metric suits these data and this game"
    )


def test_a_metric_with_a_question_mark_is_left_out_where_it_cannot_be_measured():
    config = config_of(name="digits", image_size=16)
    source, sample = make_source(config.data), sample_ability(None)
    config.metrics = ("modes?", "fid/digits?")
    found, left, instead, _ = chosen(config, source, sample=sample)
    assert list(found) == ["fid/digits"] and left.keys() == {"modes"} and not instead
    config.metrics = ("modes?",)  # without "default" nothing takes its place
    choice = chosen(config, source, sample=sample)
    assert not choice.metrics and choice.told().startswith("measured by nothing, not by modes: the data have no known")
    config.metrics = ("mods?",)
    with pytest.raises(ConfigError, match="names 'mods', which is unknown: did you mean 'modes'"):
        chosen(config, source, sample=sample)


def test_what_is_measured_on_held_out_images_needs_some(tmp_path):
    for name in ("a", "b"):
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / f"{name}.png")
    config = config_of(name="folder", path=str(tmp_path))
    source, abilities = (
        make_source(config.data),
        {name: Ability(None, {}, "images") for name in ("reconstruct", "encode")},
    )
    config.metrics = ("reconstruction?",)
    left = chosen(config, source, **abilities).left_out
    assert left["reconstruction"].startswith("there are no held-out images: ") and "not split" in left["reconstruction"]
    config.metrics = ("reconstruction",)
    with pytest.raises(
        ConfigError, match=r"names 'reconstruction', but there are no held-out images: .*: leave it out"
    ):
        chosen(config, source, **abilities)


def test_the_sliced_wasserstein_distance_of_a_game_is_that_of_its_images(digits):
    config, images, _ = digits
    source = make_source(config.data)
    config.evaluate_samples = 64
    metric = METRICS["swd"]
    compiled = types.SimpleNamespace(game=game(sample=sample_ability(None)), arrays=source.arrays)
    assert metric.obstacle(compiled, source, config) == ""

    copies = Running(images, source.arrays)
    with jax.set_mesh(data_mesh()):
        found = metric.measure(copies, source, config, KEY)
    everywhere = np.linspace(0, len(source) - 1, 64).round().astype(int)
    real, fake = source.stack(everywhere)["image"], to_uint8(copies.sample(KEY, 64))
    assert {name: value.value for name, value in found.items()} == {
        "swd": pytest.approx(np.mean(list(sliced_wasserstein(real, fake).values()))),
        **{f"swd_{side}px": pytest.approx(value) for side, value in sliced_wasserstein(real, fake).items()},
    }


def test_a_metric_that_is_named_must_be_measurable():
    config = config_of(name="digits", image_size=16)
    source = make_source(config.data)
    for name, message in {
        "modes": "config.metrics names 'modes', but the data have no known modes .*: leave it out",
        "digit_df": "config.metrics names 'digit_df', which is unknown: did you mean 'digit_fd'?",
        "tests.evaluation.test_monitored:no_metric": "made a int: return a jaxgan.evaluation.monitored.Metric",
    }.items():
        config.metrics = (name,)
        with pytest.raises(ConfigError, match=message):
            chosen(config, source, sample=sample_ability(None))


def brightness():
    """A metric of one's own."""

    def measure(snapshot, source, config, key):
        return {"brightness": float(snapshot.sample(key, config.evaluate_samples).mean())}

    return Metric(measure, "brightness", lower_is_better=False)


def no_metric():
    return 3


def test_a_metric_of_ones_own(digits):
    config, images, _ = digits
    config.metrics = ("tests.evaluation.test_monitored:brightness", "digit_fd")
    found, *_ = chosen(config, make_source(config.data), sample=sample_ability(None))
    metric = found[config.metrics[0]]
    values = metric.measure(Copier(images), None, config, KEY)
    assert values == {"brightness": pytest.approx(images.mean(), abs=1e-6)} and not monitored.told_by(found.values())[1]


def test_metrics_of_one_network_are_measured_together(digits):
    config, images, _ = digits
    config.metrics = ("fid/digits", "digit_fd", "kid/digits", "prdc/digits")
    source = make_source(config.data)
    compiled = types.SimpleNamespace(game=game(sample=sample_ability(None)), arrays=source.arrays)

    real = Running(images, source.arrays)
    found = monitored.choose(config, compiled, source).metrics
    assert list(found) == list(config.metrics)
    values = {}
    with jax.set_mesh(data_mesh()):
        for name in ("fid/digits", "kid/digits", "prdc/digits"):
            values |= found[name].measure(real, source, config, KEY)
    assert sum(real.asked) == config.evaluate_samples
    assert {"fid/digits", "kid/digits", "precision/digits", "coverage/digits"} <= values.keys()
    assert found["prdc/digits"].score == "precision/digits"

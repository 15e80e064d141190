"""Metrics: perfect games get perfect values, broken ones do not."""

import types

import jax
import numpy as np
import pytest
import scipy.stats

from jaxgan.data import make_source
from jaxgan.evaluation.monitored import METRICS

KEY = jax.random.key(0)


class Copier:
    """A snapshot that has learned the data by heart."""

    def __init__(self, images, label=None):
        self.images, self.label = images, label

    def sample(self, key, number, label=None, truncation=None):
        if label is None:
            return self.images[np.arange(number) % len(self.images)]
        # For each label asked for, the first real image of that label.
        return np.stack([self.images[np.flatnonzero(self.label == one)[0]] for one in label])


class Translator:
    """A snapshot that translates by two functions of images; one alone serves both ways."""

    def __init__(self, ab, ba=None):
        self.ways = {"ab": ab, "ba": ba or ab}

    def translate(self, key, images, direction):
        return self.ways[direction](images)


@pytest.fixture
def digits(tiny):
    config = tiny("dcgan")
    config.data.image_size = 16
    config.evaluate_samples = 359
    records = make_source(config.data, split="test").stack()
    return config, records["image"] / np.float32(127.5) - 1, records["label"]


def measure(name, snapshot, config):
    return METRICS[name].measure(snapshot, make_source(config.data), config, KEY)


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


def test_modes_of_the_data_are_all_found(tiny):
    config = tiny("ring8")
    config.evaluate_samples = 2000
    data = make_source(config.data)
    assert measure("modes", Copier(data.stack(np.arange(2000))["image"]), config)["modes"] == 8
    values = measure("modes", Copier(data.centres[:3].astype(np.float32)), config)
    assert values["modes"] == 3 and values["high_quality"] == 1
    assert values["reverse_kl"] == pytest.approx(np.log(8 / 3), abs=1e-5)


def test_stacked_modes_of_the_data_and_of_a_collapse(tiny):
    config = tiny("dcgan")
    config.data.name, config.data.image_size, config.evaluate_samples = "stacked_digits", 16, 500
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


def test_density1d_of_data_that_are_shifted_and_stretched(tiny):
    """Closed forms: a shift by d is d away; stretching N(m, s) by 1 + e about m is e E|X - m| = e s sqrt(2 / pi) away."""
    config = tiny("ring8")
    config.data.name, config.evaluate_samples = "gaussian1d", 50_000
    numbers = make_source(config.data).stack()["image"][:50_000]
    perfect = measure("density1d", Copier(numbers), config)
    assert perfect["wasserstein"] < 0.02 and perfect["wasserstein_floor"] < 0.02
    assert perfect["mean_error"] < 0.5 and perfect["deviation_error"] < 1
    few = tiny("ring8")
    few.data.name, few.evaluate_samples = "gaussian1d", 1000
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
def test_what_cannot_be_measured(tiny, metric, data, size, obstacle):
    config = tiny("ring8")
    config.data.update(data)
    source = make_source(config.data, image_size=size)
    sampler = types.SimpleNamespace(
        game=types.SimpleNamespace(abilities={"sample": None}), image_shape=source.image_shape
    )
    found = METRICS[metric].obstacle(sampler, source, config)
    assert found.startswith(obstacle) and bool(found) == bool(obstacle)
    sampler.game.abilities = {}
    assert METRICS[metric].obstacle(sampler, source, config) == "the game does not sample"


def test_a_perfect_translation_agrees_and_meets_its_counterparts(tiny):
    config = tiny("cyclegan")
    config.data.image_size = 16
    perfect = measure("translation", Translator(lambda x: -x), config)
    assert perfect["agreement"] >= 0.98
    assert perfect["cycle_l1"] == pytest.approx(0.0, abs=1e-6)
    assert perfect["counterpart_mse_ab"] == pytest.approx(0.0, abs=1e-4)
    lazy = measure("translation", Translator(lambda x: x), config)
    assert lazy["agreement"] < 0.4 and lazy["cycle_l1"] == 0
    assert lazy["counterpart_mse_ab"] > 1 and lazy["counterpart_mse_ba"] > 1


def test_noise_destroys_what_a_translation_hides(tiny):
    config = tiny("cyclegan")
    config.data.image_size = 16
    # Nothing is hidden: what comes back is the image and the noise, whose E|n| is deviation * sqrt(2 / pi).
    honest = measure("translation", Translator(lambda x: -x), config)
    assert honest["cycle_l1_aba_noisy"] == pytest.approx(0.1 * np.sqrt(2 / np.pi), rel=0.01)

    def cells(x):
        means = x.reshape(-1, 4, 4, 4, 4, 1).mean(axis=(2, 4), keepdims=True)
        return np.broadcast_to(means, (len(x), 4, 4, 4, 4, 1)).reshape(x.shape)

    # All of the image is there, a hundred times fainter than it can be seen.
    config.data.domain = "low_resolution"
    hiding = Translator(lambda x: cells(x) + 0.01 * (x - cells(x)), lambda y: cells(y) + 100 * (y - cells(y)))
    values = measure("translation", hiding, config)
    assert values["counterpart_mse_ab"] < 1e-4 and values["cycle_l1_aba"] < 1e-4
    assert values["agreement_ab"] > 0.8
    assert values["cycle_l1_aba_noisy"] > 5


def test_exchanged_colours_agree_and_miss_their_counterparts(tiny):
    config = tiny("cyclegan")
    config.data.image_size, config.data.domain, config.data.tinted = 16, "thresholded", True
    threshold = make_source(config.data, split="test").b.domain

    def thresholded(x):
        return np.stack([threshold(image) for image in np.round(127.5 * (x + 1)).astype(np.uint8)]) / 127.5 - 1

    kept = measure("translation", Translator(thresholded, lambda y: y), config)
    assert kept["agreement_ab"] > 0.98 and kept["agreement_ba"] > 0.98 and kept["counterpart_mse_ab"] < 1e-4
    turned = measure("translation", Translator(lambda x: thresholded(x)[..., [1, 2, 0]], lambda y: y), config)
    assert turned["agreement_ab"] == kept["agreement_ab"] and turned["counterpart_mse_ab"] > 0.3

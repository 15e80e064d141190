"""Metrics: perfect games get perfect values, broken ones do not."""

import jax
import numpy as np
import pytest

from jaxgan.data import make_source
from jaxgan.training.evaluation import METRICS

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
    """A snapshot that inverts images, or leaves them as they are."""

    def __init__(self, sign):
        self.sign = sign

    def translate(self, key, images, direction):
        return self.sign * images


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


def test_a_perfect_translation_agrees_and_meets_its_counterparts(tiny):
    config = tiny("cyclegan")
    config.data.image_size = 16
    perfect = measure("translation", Translator(-1.0), config)
    assert perfect["agreement"] >= 0.98
    assert perfect["cycle_l1"] == pytest.approx(0.0, abs=1e-6)
    assert perfect["counterpart_mse_ab"] == pytest.approx(0.0, abs=1e-4)
    lazy = measure("translation", Translator(1.0), config)
    assert lazy["agreement"] < 0.4 and lazy["cycle_l1"] == 0
    assert lazy["counterpart_mse_ab"] > 1 and lazy["counterpart_mse_ba"] > 1

"""Games that need no training: snapshots that copy the data, or translate by a function; and what measures them."""

import types

import jax
import numpy as np

from jaxgan.config import default
from jaxgan.data import make_source
from jaxgan.evaluation import monitored
from jaxgan.evaluation.monitored import METRICS
from jaxgan.parts import sample_ability, translate_ability

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
        self.functions = {("a", "b"): ab, ("b", "a"): ba or ab}
        self.game = game(translate=translate_ability(None, ("a", "b")))

    def use(self, ability, key, images, source, target):
        assert ability == "translate"
        return self.functions[source, target](images)


class OneWay(Translator):
    """One that only carries from one domain to another."""

    def __init__(self, source, target, function):
        self.functions = {(source, target): function}
        self.game = game(translate=translate_ability(None, (source, target), one_way=True))


def game(**abilities):
    return types.SimpleNamespace(abilities=abilities, ability=abilities.__getitem__)


def config_of(**data):
    config = default()
    for field, value in data.items():
        config.data[field] = value
    config.evaluate_samples = 359
    return config


def translation_config(**data):
    return config_of(name="digits_translation", image_size=16, **data)


def measure(name, snapshot, config):
    return METRICS[name].measure(snapshot, make_source(config.data), config, KEY)


def chosen(config, source, **abilities):
    compiled = types.SimpleNamespace(game=game(**abilities), arrays=source.arrays)
    return monitored.choose(config, compiled, source)


class Running(Copier):
    """A copier in the place of a run's snapshot.

    Attributes:
        asked: How many samples each time.
    """

    compiled, given = types.SimpleNamespace(batch_size=64, statistics_batches=0), None
    game = types.SimpleNamespace(ability=lambda name: sample_ability(None))
    averaged = False

    def __init__(self, images, arrays):
        super().__init__(images)
        self.arrays, self.asked = arrays, []

    def classes(self, ability):
        return ()

    def sample(self, key, number, label=None, truncation=None):
        self.asked.append(number)
        return super().sample(key, number)

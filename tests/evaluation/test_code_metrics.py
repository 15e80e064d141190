"""What encoders and chains are measured by: perfect games get perfect values, broken ones do not."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.abilities import Ability, Search
from jaxgan.data import make_source
from jaxgan.evaluation import translation_metrics
from jaxgan.evaluation.monitored import METRICS
from jaxgan.parts import code_abilities, judge_ability, sample_ability
from tests.evaluation.snapshots import config_of, game

KEY = jax.random.key(0)


class Encodes:
    """A snapshot whose codes and images are plain functions of arrays."""

    def __init__(self, densities=False, has_latents=True, **functions):
        abilities = code_abilities(None, None, densities)
        if has_latents:
            abilities["latents"] = None
        self.game, self._functions = game(**abilities), functions

    def takes(self, ability, argument):
        return argument in self.game.abilities[ability].takes

    def use(self, ability, key, **arguments):
        return self._functions[ability](**arguments)


def measure(metric, snapshot, config):
    return METRICS[metric].measure(snapshot, make_source(config.data), config, KEY)


def normal(number, seed=0):
    return np.random.default_rng(seed).standard_normal((number, 3))


def test_what_comes_back_as_it_was_and_what_does_not():
    config = config_of(name="digits", image_size=16)
    perfect = {
        "reconstruct": lambda images: images,
        "encode": lambda images: normal(len(images), 1),
        "latents": normal,
        "generate": lambda latents: latents,
    }
    values = measure("reconstruction", Encodes(**perfect), config)
    assert values["reconstruction_mse"] == 0 and values["reconstruction_sharpness"] == pytest.approx(1)
    assert values["reconstruction_agreement"] >= 0.97  # what the classifier misreads itself
    # Samples of one density: the distance is what finite numbers leave. z and its other draw differ by 2 on average.
    assert values["code_fd"] < 0.03 and values["latent_mse"] == pytest.approx(2, rel=0.15)
    grey = measure("reconstruction", Encodes(**perfect | {"reconstruct": lambda images: 0.5 * images}), config)
    assert grey["reconstruction_sharpness"] == pytest.approx(0.25, rel=1e-5)
    blank = measure("reconstruction", Encodes(**perfect | {"reconstruct": lambda images: 0 * images}), config)
    assert blank["reconstruction_sharpness"] == 0 and blank["reconstruction_agreement"] <= 0.15


def test_codes_that_lie_elsewhere_are_told_by_their_moments():
    """N(m, s^2 I) is m^2 + (s - 1)^2 from N(0, I), for each component; drawn codes count where there is a density."""
    config = config_of(name="digits", image_size=16)
    asked = []

    def encode(images, which="mean"):
        asked.append(which)
        return 2.0 + 3.0 * normal(len(images), 1) if which == "drawn" else normal(len(images), 1)

    functions = {
        "reconstruct": lambda images: images,
        "latents": normal,
        "generate": lambda latents: latents,
        "encode": encode,
    }
    values = measure("reconstruction", Encodes(densities=True, **functions), config)
    assert values["code_fd"] == pytest.approx(4 + 4, rel=0.15) and "drawn" in asked
    without = measure("reconstruction", Encodes(has_latents=False, reconstruct=lambda images: images), config)
    assert without.keys() == {"reconstruction_mse", "reconstruction_sharpness", "reconstruction_agreement"}


DOMAINS = {"name": "digits_translation", "domains": ("digits", "bar", "dim"), "image_size": 16}


def test_swapped_styles_against_true_counterparts():
    config = config_of(**DOMAINS)
    source = make_source(config.data)
    held_out = translation_metrics.held_out_pairs(config, source)
    assert len(held_out["label"]) == 359

    def domain(images):
        """Of all of them alike: the bar is bright, dim ink is below 0."""
        return "b" if images[:, :, 0].min() == 1 else "c" if images.max() < 0 else "a"

    def measured(restyle):
        snapshot = types.SimpleNamespace(use=lambda ability, key, images, styles: restyle(images, styles))
        return measure("swapped_styles", snapshot, config)

    assert [domain(held_out[name]) for name in "abc"] == ["a", "b", "c"] and source.domains == DOMAINS["domains"]
    perfect = measured(lambda images, styles: held_out[domain(styles)])
    assert perfect["domain_accuracy_worst"] >= 0.99 and perfect["agreement_worst"] >= 0.97
    ignored = measured(lambda images, styles: images)
    assert ignored["domain_accuracy"] <= 0.01
    # The style image itself has the domain, but its own digit.
    copied = measured(lambda images, styles: styles)
    assert copied["agreement"] <= 0.2 and copied["domain_accuracy_worst"] >= 0.99
    # Of one domain wrong, the means hide what the worst pair says.
    partly = measured(lambda images, styles: held_out["a" if domain(styles) == "c" else domain(styles)])
    assert partly["domain_accuracy_worst"] <= 0.01 and partly["domain_accuracy"] == pytest.approx(4 / 6, abs=0.01)


def bowl(images):
    return -jnp.square(images).sum(axis=(1, 2, 3))


class Walks:
    """A snapshot whose chains are halved, or doubled, at each step, and whose score is highest at 0."""

    def __init__(self, factor, steps=20):
        shape = (16, 16, 1)
        search = Search(
            lambda nets, key, number: jax.random.uniform(key, (number, *shape), minval=-1.0, maxval=1.0),
            lambda nets, key, found, index, distance, number: factor * found,
            steps,
        )
        self.game = game(sample=Ability(None, {}, "images", search=search), judge=judge_ability())

    def nets_call(self, function):
        return lambda *arguments: function(None, *arguments)

    def use(self, ability, key, images):
        return np.asarray(bowl(images))


def test_the_energy_along_a_chain():
    config = config_of(name="digits", image_size=16)
    falling, rising = (measure("chain_energy", Walks(factor), config) for factor in (0.8, 1.01))
    real = make_source(config.data, split="test").stack()["image"] / np.float32(127.5) - 1
    energy = np.square(real).sum(axis=(1, 2, 3))
    # E || x ||^2 of uniform noise is 256 / 3; at the end nothing is left of it
    assert falling["energy_noise"] == pytest.approx((256 / 3 - energy.mean()) / energy.std(), rel=0.05)
    assert falling["energy_sample"] == pytest.approx(-energy.mean() / energy.std(), rel=0.01)
    assert falling["energy_fall"] == pytest.approx(256 / 3 / energy.std(), rel=0.05)
    assert falling["energy_rising"] < 0 < rising["energy_rising"] and rising["energy_fall"] < 0


def test_what_can_be_measured_so():
    config, nothing = config_of(**DOMAINS), types.SimpleNamespace(game=game())
    source = make_source(config.data)
    compiled = types.SimpleNamespace(
        game=game(restyle=None, sample=sample_ability(None), judge=judge_ability(), **code_abilities(None, None))
    )
    for metric, obstacle in (
        ("reconstruction", "the game makes no images of codes"),
        ("swapped_styles", "the game gives no image the style of another"),
        ("chain_energy", "the game does not find its samples by a discriminator's gradient"),
    ):
        assert METRICS[metric].obstacle(nothing, source, config) == obstacle
        other = obstacle if metric == "chain_energy" else ""
        assert METRICS[metric].obstacle(compiled, source, config) == other
    plain = config_of(name="digits", image_size=16)
    found = METRICS["swapped_styles"].obstacle(compiled, make_source(plain.data), plain)
    assert found == "the data have no domains (data.name='digits_translation' has)"
    unread = config_of(**DOMAINS | {"image_size": 20})
    assert "digits are read at" in METRICS["swapped_styles"].obstacle(compiled, make_source(unread.data), unread)


def test_other_pictures_are_not_read_as_digits():
    config = config_of(name="digits", image_size=20)
    snapshot = Encodes(has_latents=False, reconstruct=lambda images: images)
    assert "reconstruction_agreement" not in measure("reconstruction", snapshot, config)

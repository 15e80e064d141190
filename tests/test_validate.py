"""A config's values have the types of their fields and lie in their ranges."""

import sys
from typing import Any, Literal

import jax
import pytest

from jaxgan import registry
from jaxgan.config import named
from jaxgan.errors import ConfigError
from jaxgan.losses import Objective
from jaxgan.validate import Misfit, check, check_option, describe, fit
from tests import parts_of_ones_own as own


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setitem(sys.modules, "parts_of_ones_own", own)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"batch_size": 0}, "config.batch_size=0, but it must be from 1 to 1,048,576"),
        ({"accumulate": -1}, "config.accumulate=-1, but it must be from 1 to 1024"),
        ({"evaluate_samples": 0}, "config.evaluate_samples=0, but it must be from 1 to 10,000,000"),
        ({"batch_size": 10**9}, "config.batch_size=1000000000, but it must be from 1 to 1,048,576"),
        ({"evaluate_samples": 10**9}, "evaluate_samples=1000000000, but it must be from 1 to 10,000,000"),
        ({"statistics_batches": 10**9}, "statistics_batches=1000000000, but it must be from 0 to 65,536"),
        ({"images": -5}, "config.images=-5, but it must be at least 0"),
        ({"data__image_size": 100_000}, "config.data.image_size=100000, but it must be from 1 to 16384"),
        ({"data__image_size_b": 100_000}, "config.data.image_size_b=100000, but it must be from 1 to 16384"),
        ({"steps": -1}, "config.steps=-1, but it must be at least 0"),
        ({"seed": 2**32}, "config.seed=4294967296, but it must be at least 0 and below 2**32"),
        ({"dtype": "int8"}, "config.dtype='int8', but it must be float32 or bfloat16 or float16"),
        ({"metrics": ("a", "b")}, ""),
        ({"data__image_size": (32, 24)}, ""),
        (
            {"data__image_size": (32, 24, 3)},
            "config.data.image_size=(32, 24, 3), but it must be an integer or (an integer, ",
        ),
        ({"data__image_size": 0}, "config.data.image_size=0, but it must be from 1 to 16384"),
        ({"data__flip": True}, ""),
        ({"players__generator__network__width": 2.5}, "generator.network.width=2.5, but it must be an integer"),
        ({"players__generator__network__width": True}, "generator.network.width=True, but it must be an integer"),
        ({"players__generator__network__width": 0}, "generator.network.width=0, but it must be from 1 to 65,536"),
        ({"players__generator__network__rates": 0.5}, "network.rates=0.5, but it must be a tuple of numbers"),
        ({"players__generator__network__rates": [1, 0.5]}, ""),
        ({"players__generator__network__size": (1, 2)}, ""),
        ({"players__generator__network__size": (1, 2, 3)}, "an integer or (an integer, an integer) or none"),
        ({"players__generator__network__norm": None}, "network.norm=None, but it must be a string"),
        ({"players__generator__network__dtype": "float8"}, "network.dtype='float8', but it must be float32 or"),
        ({"players__generator__optimizer__learning_rate": 0.0}, "learning_rate=0.0, but it must be above 0"),
        ({"players__generator__optimizer__learning_rate": float("nan")}, "learning_rate=nan, but it must be a number"),
        ({"players__generator__optimizer__learning_rate": float("inf")}, "learning_rate=inf, but it must be a number"),
        ({"players__generator__optimizer__learning_rate": "fast"}, "learning_rate='fast', but it must be a number or"),
        ({"players__generator__optimizer__b1": 1.0}, "b1=1.0, but it must be in [0, 1)"),
        ({"players__generator__average": named("half_life", images="1e4")}, "images='1e4', but it must be a number"),
        ({"game__latent_size": 0}, "config.game.latent_size=0, but it must be from 1 to 65,536"),
        ({"game__probability": 1.5}, "config.game.probability=1.5, but it must be in [0, 1]"),
        ({"game__batch_sizes": {"256": 0}}, "config.game.batch_sizes={'256': 0}, but it must be from 1 to 1,048,576"),
        ({"game__batch_sizes": {"256": 0.5}}, "config.game.batch_sizes={'256': 0.5}, but it must be names with values"),
    ],
)
def test_types_and_ranges(fields, message):
    config = own.changed(**fields)
    if message:
        with pytest.raises(ConfigError) as error:
            registry.resolve(config)
        assert message in str(error.value)
    else:
        registry.resolve(config)


@pytest.mark.parametrize(
    ("value", "annotation", "fitted"),
    [
        (3, float, 3.0),
        (3, int | float, 3),
        ([1, 2], tuple[float, ...], (1.0, 2.0)),
        ([[1, 2]], tuple[tuple[int, int], ...], ((1, 2),)),
        ({"a": 1}, dict[str, float], {"a": 1.0}),
        ("x", Literal["x", "y"], "x"),
        ("x", Any, "x"),
        (len, Any, len),
        (len, jax.custom_jvp | None, Misfit),
        (True, float, Misfit),
        ("x", int | None, Misfit),
        ("z", Literal["x", "y"], Misfit),
        ((1, 2), str, Misfit),
        ("ab", tuple[str, ...], Misfit),
    ],
)
def test_a_value_fits_an_annotation_or_does_not(value, annotation, fitted):
    if fitted is Misfit:
        with pytest.raises(Misfit):
            fit(value, annotation)
    else:
        result = fit(value, annotation)
        assert result == fitted and type(result) is type(fitted)


def test_annotations_in_words():
    assert describe(int | tuple[int, int] | None) == "an integer or (an integer, an integer) or none"
    assert describe(tuple[str, ...]) == "a tuple of strings"
    assert describe(Literal["x", "y"]) == "'x' or 'y'"
    assert describe(Objective | str) == "a Objective or a string"
    assert describe(float | jax.Array | str) == "a number or a string"  # no config can hold an array
    with pytest.raises(ConfigError, match=r"^config\.x\.width=-2, but it must be from 1 to 65,536$"):
        check(-2, int, "config.x.width")


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (0, "number", "from 1 to 10,000,000"),
        (10**9, "number", "from 1 to 10,000,000"),
        (-1, "setting", "from 0 to 65,536"),
        (10**9, "setting", "from 0 to 65,536"),
        (-1, "seed", "at least 0 and below 2**32"),
    ],
)
def test_options_of_commands_have_ranges(value, kind, words):
    with pytest.raises(ConfigError) as error:
        check_option("x", value, kind)
    assert str(error.value) == f"--x={value}, but it must be {words}"


def test_options_in_their_ranges():
    for value, kind in ((10_000_000, "number"), (1, "number"), (0, "setting"), (2**32 - 1, "seed"), (0.5, "strength")):
        check_option("x", value, kind)

"""Pictures that a config asks for: the nearest training images are those of a search by hand, and every class has a row."""

import types

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan.core import ArraySpec
from jaxgan.data import make_source
from jaxgan.errors import ConfigError
from jaxgan.evaluation.asked_pictures import Nearest, classes
from jaxgan.features.extractors import make_extractor
from jaxgan.pictures import to_uint8
from jaxgan.training import train

CELL = 48 + 2  # of a grid: small images are enlarged to 48


def cells(picture, columns, side):
    """The images of a grid (rows, columns, side, side); names may stand at its left."""
    pixels = np.asarray(picture)
    pixels = pixels[2:, pixels.shape[1] - columns * CELL :]
    scale = 48 // side
    rows = pixels.shape[0] // CELL
    return pixels.reshape(rows, CELL, columns, CELL)[:, :48:scale, :, :48:scale].transpose(0, 2, 1, 3)


def snapshot_of(images, names=()):
    """A snapshot whose samples are images in order, and that notes the labels that it is asked for."""
    asked = []

    def sample(key, number, label=None):
        asked.append(label)
        return images[:number]

    arrays = {"image": ArraySpec(images.shape[1:], "float32", "image")}
    return types.SimpleNamespace(sample=sample, arrays=arrays, classes=lambda ability: names, asked=asked)


@pytest.fixture(scope="module")
def source():
    return make_source("digits", split="train", image_size=16)


@pytest.mark.parametrize("features", ["", "digits"])
def test_under_each_sample_stands_the_nearest_training_image(features, source):
    training = source.stack(range(len(source)))["image"]
    rng = np.random.default_rng(0)
    fake = np.clip(
        training[rng.integers(0, len(training), 16)] / np.float32(127.5) - 1 + rng.normal(0, 0.3, (16, 16, 16, 1)),
        -1,
        1,
    )
    fake = fake.astype(np.float32)
    table = cells(Nearest(source, features)(snapshot_of(fake), jax.random.key(0)), 8, 16)
    assert table.shape == (4, 8, 16, 16)

    def seen(pixels):
        if not features:
            return pixels.reshape(len(pixels), -1).astype(np.float64) / 127.5 - 1
        apply = make_extractor("digits")
        return np.asarray(apply.apply(apply.params, pixels)["features"], np.float64)

    real, made = seen(training), seen(to_uint8(fake)) if features else fake.reshape(16, -1).astype(np.float64)
    expected = np.square(real[None] - made[:, None]).sum(-1).argmin(axis=1)
    for index, where in enumerate(expected):
        row, column = divmod(index, 8)
        np.testing.assert_array_equal(table[2 * row, column], to_uint8(fake[index])[..., 0])
        np.testing.assert_array_equal(table[2 * row + 1, column], training[where][..., 0])


def test_every_class_has_a_row():
    names = tuple(f"class {index}" for index in range(23))
    images = np.linspace(-1, 1, 23 * 8, dtype=np.float32)[:, None, None, None] * np.ones((1, 16, 16, 1), np.float32)
    snapshot = snapshot_of(images, names)
    table = cells(classes(snapshot, jax.random.key(0)), 8, 16)
    np.testing.assert_array_equal(snapshot.asked[0], np.repeat(np.arange(23), 8))
    np.testing.assert_array_equal(table[..., 0, 0].ravel(), to_uint8(images[:, 0, 0, 0]))
    many = snapshot_of(np.zeros((800, 16, 16, 1), np.float32), tuple(map(str, range(1000))))
    classes(many, jax.random.key(0))
    assert len(np.unique(many.asked[0])) == 100 and {0, 999} <= set(many.asked[0].tolist())


def test_they_are_drawn_while_training(tiny, tmp_path):
    config = tiny("conditional")
    config.steps, config.metrics, config.guard = 2, (), "off"
    config.pictures = ("classes", "nearest", "nearest/digits")
    train(config, tmp_path / "run")
    for name, rows in (("classes", 10), ("nearest", 4), ("nearest_digits", 4)):
        with Image.open(tmp_path / "run" / f"{name}.png") as picture:
            assert picture.height == rows * CELL + 2


@pytest.mark.parametrize(
    ("variant", "names", "message"),
    [
        ("dcgan", ("class",), "config.pictures names 'class', which is unknown: did you mean 'classes'"),
        ("dcgan", ("classes",), "config.pictures names 'classes', but the game takes no labels: leave it out"),
        ("cyclegan", ("nearest",), "'nearest', but the game does not sample"),
        ("ring8", ("nearest",), "'nearest', but the data are not images"),
        ("dcgan", ("nearest/inception",), "config.pictures names 'nearest/inception', but .*: leave it out"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_the_first_step(variant, names, message, tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = tiny(variant)
    config.pictures = names
    with pytest.raises(ConfigError, match=message) as error:
        train(config, tmp_path / "run")
    assert "\n" not in str(error.value) and not (tmp_path / "run" / "metrics.jsonl").exists()

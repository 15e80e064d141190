"""What a search goes by: LPIPS where its weights are and it reads the images, else digits' features and pixels, else pixels."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.arrays import ArraySpec
from jaxgan.evaluation import perception
from jaxgan.features.foreign_files import WeightsError


def made(known):
    """A stand-in for `make_perceptual`: the distances known by name, the others' weights are not there."""

    def make(name):
        if name not in known:
            raise WeightsError(f"no weights of {name}")
        return SimpleNamespace(params=known[name], distance=lambda params, a, b: params * jnp.abs(a - b).sum((1, 2, 3)))

    return make


def found(shape, known, monkeypatch):
    monkeypatch.setattr(perception, "make_perceptual", made(known))
    params, distance = perception.perception({"image": ArraySpec(shape, "float32", "image")})
    a, b = np.random.default_rng(0).uniform(-1, 1, (2, 3, *shape)).astype(np.float32)
    return a, b, np.asarray(jax.jit(distance)(params, a, b))


def l1(a, b):
    return np.abs(a - b).sum((1, 2, 3))


@pytest.mark.parametrize("shape", [(16, 16, 1), (64, 64, 3)])
def test_lpips_where_its_weights_are(shape, monkeypatch):
    a, b, distance = found(shape, {"lpips": 3.0, "digits": 1.0}, monkeypatch)
    np.testing.assert_allclose(distance, 3 * l1(a, b), rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "known"), [((16, 16, 1), {"digits": 2.0}), ((8, 8, 1), {"digits": 2.0, "lpips": 3.0})]
)
def test_digits_and_pixels_as_shares_where_lpips_is_not_or_reads_no_images_so_small(shape, known, monkeypatch):
    a, b, distance = found(shape, known, monkeypatch)
    pixels = np.square(a - b).mean((1, 2, 3)) / np.square(b + 1).mean((1, 2, 3))
    np.testing.assert_allclose(distance, pixels + l1(a, b) / l1(b, 0 * b), rtol=1e-5)


@pytest.mark.parametrize("shape", [(64, 32, 3), (64, 64, 4), (12, 12, 1)])
def test_pixels_where_nothing_reads_the_images(shape, monkeypatch):
    a, b, distance = found(shape, {"digits": 2.0}, monkeypatch)
    np.testing.assert_allclose(distance, np.square(a - b).mean((1, 2, 3)), rtol=1e-5)

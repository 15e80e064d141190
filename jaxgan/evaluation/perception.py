"""What tells images apart where an ability searches for some: a perceptual network, if its weights are there."""

import contextlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Arrays
from jaxgan.core.abilities import pixel_distance
from jaxgan.evaluation.sample_metrics import readable_size
from jaxgan.features.extractors import make_perceptual
from jaxgan.features.foreign_files import WeightsError

_CHANNELS = (1, 3)  # of images that the networks read
_SMALLEST = 16  # side of images that LPIPS reads


def perception(arrays: Arrays) -> tuple[Any, Callable[[Any, jax.Array, jax.Array], jax.Array]]:
    """The distance to search by: parameters, and a pure function of them and two arrays of images (B, H, W, C), float32 (B,).

    LPIPS where its weights are there; else pixels, beside the digit classifier's features where it reads the images.

    Args:
        arrays: Of the data.
    """
    shape = arrays["image"].shape if "image" in arrays else ()
    if len(shape) != 3 or shape[2] not in _CHANNELS:
        return None, lambda params, a, b: pixel_distance(a, b)
    if shape[0] == shape[1] >= _SMALLEST:
        with contextlib.suppress(WeightsError):
            lpips = make_perceptual("lpips")
            return lpips.params, lpips.distance
    if not readable_size(shape):
        return None, lambda params, a, b: pixel_distance(a, b)
    digits = make_perceptual("digits")

    def distance(params: Any, a: jax.Array, b: jax.Array) -> jax.Array:
        # Each as a share of the size of what is looked for, so that neither outweighs the other.
        features = digits.distance(params, a, b) / jnp.maximum(digits.distance(params, b, jnp.zeros_like(b)), 1e-6)
        return pixel_distance(a, b) / jnp.maximum(pixel_distance(b, -jnp.ones_like(b)), 1e-6) + features

    return digits.params, distance

"""A small digit classifier that ships with its weights: features and probabilities, offline.

It reads scikit-learn's digits at 16x16. `benchmarks/train_digits_classifier.py` made the weights from the training
split of `jaxgan.data.digits`, four fifths of the set; the held-out fifth is read at better than 99 %. While it learned
the ten digits it also learned to tell clean pictures from noisy and blurred ones, so that distances in its features see
the quality of a picture as well as its digit: a classifier alone does not mind noise. Features are scaled so that the
total variance of the training digits is 100: one picture drawn again and again scores above 100, held-out real digits
score `jaxgan.metrics.digit_fd_floor()`.

Digits of another domain are read through their way back, `-images` for inverted digits and `images[..., :1]` for
coloured ones; thresholded digits are read as they are, at 99 %.
"""

import functools
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import unflatten_dict

from jaxgan.errors import UserError

DIGITS_FILE = Path(__file__).with_name("digits.npz")

# Images in one call of the network; the last call is padded, so that every number of images shares one compilation.
_CHUNK = 256


class DigitClassifier(nn.Module):
    """Four 3x3 convolutions and two dense layers, 98,794 parameters.

    Args:
        images: (N, 16, 16, 1) float32 in [-1, 1].

    Returns:
        Features (N, 64) float32 and logits (N, 10) float32.
    """

    @nn.compact
    def __call__(self, images: jax.Array) -> tuple[jax.Array, jax.Array]:
        x = images
        for index, (width, stride) in enumerate([(16, 1), (32, 2), (32, 1), (64, 2)]):
            convolution = nn.Conv(
                width, (3, 3), strides=stride, precision=jax.lax.Precision.HIGHEST, name=f"conv_{index}"
            )
            x = nn.relu(convolution(x))
        x = x.reshape(len(x), -1)
        features = nn.leaky_relu(nn.Dense(64, precision=jax.lax.Precision.HIGHEST, name="features")(x), 0.1)
        return features, nn.Dense(10, precision=jax.lax.Precision.HIGHEST, name="logits")(features)


def digit_features(images: np.ndarray | jax.Array) -> np.ndarray:
    """Features of images in the digit classifier's last hidden layer.

    Images pass through 8 bits as real ones do on disk, clipped to [-1, 1]; colours are averaged; 32x32 is averaged over
    2x2 blocks and 8x8 enlarged by bicubic interpolation, as the digits themselves are.

    Args:
        images: (N, H, W, C) floating point in [-1, 1], H = W in {8, 16, 32}, C in {1, 3}.

    Returns:
        (N, 64) float32. Each image's features depend on it alone, whatever the number of images.

    Raises:
        TypeError: For images that are not floating point, such as uint8.
        UserError: For other shapes, or for an image that is not finite.
    """
    return _read(images)[0]


def digit_probabilities(images: np.ndarray | jax.Array) -> np.ndarray:
    """Probability of each digit, (N, 10) float32 with rows that sum to 1; images and errors as in `digit_features`."""
    return _read(images)[1]


def prepare(images: jax.Array) -> jax.Array:
    """Brings images as in `digit_features` to the (N, 16, 16, 1) float32 in [-1, 1] that the network reads; pure."""
    images = images.astype(jnp.float32)
    # The bytes of a saved picture, and back: u = floor(clip(127.5 x + 128)), which leaves real images as they are.
    return to_16x16(jnp.clip(jnp.floor(127.5 * images + 128.0), 0.0, 255.0) / 127.5 - 1.0)


def to_16x16(images: jax.Array) -> jax.Array:
    """The size and the one channel of `prepare`, without its rounding: float32 in [-1, 1] in and out; pure.

    Raises:
        UserError: For images that are not (N, H, H, C), H in {8, 16, 32}, C in {1, 3}.
    """
    _check_shape(images)
    images = images.mean(axis=-1, keepdims=True)
    number, size = images.shape[:2]
    if size == 32:
        images = images.reshape(number, 16, 2, 16, 2, 1).mean(axis=(2, 4))
    elif size == 8:
        # Pillow's bicubic: one axis after the other, and what overshoots is clipped after each.
        for shape in [(number, 8, 16, 1), (number, 16, 16, 1)]:
            images = jnp.clip(jax.image.resize(images, shape, "cubic"), -1.0, 1.0)
    return images


def _check_shape(images: np.ndarray | jax.Array) -> None:
    if images.ndim != 4 or images.shape[1:3] not in [(8, 8), (16, 16), (32, 32)] or images.shape[3] not in (1, 3):
        raise UserError(
            f"digit features: images of shape {images.shape}; expected (N, H, W, C) with H = W = 8, 16 or 32 and "
            "C = 1 or 3: resize them first."
        )


def digit_params() -> Any:
    """The shipped parameters of `DigitClassifier`."""
    return shipped().params


@jax.jit
def _network(params: Any, images: jax.Array) -> tuple[jax.Array, jax.Array]:
    outputs: Any = DigitClassifier().apply({"params": params}, prepare(images))
    features, logits = outputs
    return features, jax.nn.softmax(logits)


def _read(images: np.ndarray | jax.Array) -> tuple[np.ndarray, np.ndarray]:
    """Features and probabilities, a chunk at a time, so that memory does not grow with the network's activations."""
    images = np.asarray(images)
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise TypeError(f"digit features: images are {images.dtype}; scale them to floating point in [-1, 1].")
    _check_shape(images)
    params = shipped().params
    features, probabilities = [np.zeros((0, 64), np.float32)], [np.zeros((0, 10), np.float32)]
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK].astype(np.float32)
        finite = np.isfinite(chunk).all(axis=(1, 2, 3))
        if not finite.all():
            raise UserError(f"digit features: image {start + int(finite.argmin())} is not finite; look at its source.")
        padding = [(0, _CHUNK - len(chunk)), (0, 0), (0, 0), (0, 0)]
        outputs = _network(params, np.pad(chunk, padding))
        features.append(np.asarray(outputs[0])[: len(chunk)])
        probabilities.append(np.asarray(outputs[1])[: len(chunk)])
    return np.concatenate(features), np.concatenate(probabilities)


class Shipped(NamedTuple):
    """What `digits.npz` holds: the classifier's parameters, the training digits' moments in its features, the floor."""

    params: Any
    mean: np.ndarray
    covariance: np.ndarray
    floor: float


@functools.cache
def shipped() -> Shipped:
    with np.load(DIGITS_FILE) as file:
        arrays = {name: file[name] for name in file.files}
    mean, covariance, floor = arrays.pop("mean"), arrays.pop("covariance"), float(arrays.pop("floor"))
    params = unflatten_dict({name: array.astype(np.float32) for name, array in arrays.items()}, sep="/")
    return Shipped(params, mean, covariance, floor)

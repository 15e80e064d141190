"""Trains the digit classifier of `jaxgan.features.digits` and writes its weights and reference statistics.

    python -m benchmarks.train_digits_classifier

Half a minute on two idle CPU cores. The same machine makes the same file; another may round differently, and the
numbers printed at the end then differ a little.
"""

import functools
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.traverse_util import flatten_dict

from jaxgan.data.digits import DigitPictures
from jaxgan.data.images import ImageSource
from jaxgan.data.transform import Transform
from jaxgan.features import digits
from jaxgan.metrics import class_accuracy, digit_fd, digit_fd_floor
from jaxgan.metrics.frechet import Moments, frechet_distance

STEPS = 700
BATCH = 128
DAMAGES = 3  # none, noise, blur
DAMAGE_WEIGHT = 0.2
TOTAL_VARIANCE = 100.0


def digit_images(split: str) -> tuple[np.ndarray, np.ndarray]:
    """All digits of a split, "train" or "test": (N, 16, 16, 1) float32 in [-1, 1], and their (N,) int32 labels."""
    records = ImageSource("digits", DigitPictures(split), Transform((16, 16), channels=1)).stack()
    return records["image"].astype(np.float32) / 127.5 - 1.0, records["label"]


def warp(key: jax.Array, images: jax.Array) -> jax.Array:
    """Turns (up to 11 degrees), scales (10 %), slants (0.2) and shifts (1 pixel) each image by a random amount."""
    number, size = images.shape[:2]
    angle_key, scale_key, slant_key, shift_key = jax.random.split(key, 4)
    angle = jax.random.uniform(angle_key, (number, 1, 1), minval=-0.2, maxval=0.2)
    scale = jax.random.uniform(scale_key, (2, number, 1, 1), minval=0.9, maxval=1.1)
    slant = jax.random.uniform(slant_key, (number, 1, 1), minval=-0.2, maxval=0.2)
    shift = jax.random.uniform(shift_key, (2, number, 1, 1), minval=-1.0, maxval=1.0)
    centre = (size - 1) / 2.0
    coordinate = jnp.arange(size) - centre
    row, column = coordinate[None, :, None], coordinate[None, None, :]
    rows = scale[0] * (jnp.cos(angle) * row + jnp.sin(angle) * column) + shift[0] + centre
    columns = scale[1] * (jnp.cos(angle) * column - jnp.sin(angle) * row) + slant * row + shift[1] + centre
    sample = functools.partial(jax.scipy.ndimage.map_coordinates, order=1, mode="constant", cval=-1.0)
    return jax.vmap(lambda image, r, c: sample(image, [r, c]))(images[..., 0], rows, columns)[..., None]


def threshold(images: jax.Array) -> jax.Array:
    """Ink or no ink: 1 above the middle grey, -1 below."""
    return jnp.where(images > 0.0, 1.0, -1.0)


def damage(key: jax.Array, images: jax.Array, kind: jax.Array) -> jax.Array:
    """Damages each image in the way that `kind` (N,) names: 0 not at all, 1 noise of random strength, 2 blur."""
    level_key, noise_key = jax.random.split(key)
    level = jax.random.uniform(level_key, (len(images), 1, 1, 1), minval=0.1, maxval=0.6)
    noisy = jnp.clip(images + level * jax.random.normal(noise_key, images.shape), -1.0, 1.0)
    padded = jnp.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="edge")
    rows = (padded[:, :-2] + 2.0 * padded[:, 1:-1] + padded[:, 2:]) / 4.0
    blurred = (rows[:, :, :-2] + 2.0 * rows[:, :, 1:-1] + rows[:, :, 2:]) / 4.0
    return jnp.stack([images, noisy, blurred])[kind, jnp.arange(len(images))]


def loss(params: Any, key: jax.Array, images: jax.Array, labels: jax.Array) -> jax.Array:
    """Cross-entropy of the digit on warped, damaged and thresholded images, and of the damage on the damaged half."""
    warp_key, kind_key, damage_key = jax.random.split(key, 3)
    damaged, rest = jnp.split(warp(warp_key, images), 2)
    rest, thresholded = jnp.split(rest, 2)
    kind = jax.random.randint(kind_key, (len(damaged),), 0, DAMAGES)
    images = jnp.concatenate([damage(damage_key, damaged, kind), rest, threshold(thresholded)])
    features, logits = digits.DigitClassifier().apply({"params": params["classifier"]}, images)
    damage_logits = features[: len(kind)] @ params["damage"]
    digit_loss = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
    damage_loss = optax.softmax_cross_entropy_with_integer_labels(damage_logits, kind).mean()
    return digit_loss + DAMAGE_WEIGHT * damage_loss


def train(images: np.ndarray, labels: np.ndarray, seed: int = 0) -> Any:
    """The classifier's parameters after `STEPS` steps on (N, 16, 16, 1) images in [-1, 1] and their (N,) digits."""
    init_key, step_key = jax.random.split(jax.random.key(seed))
    params = {
        "classifier": digits.DigitClassifier().init(init_key, jnp.zeros((1, 16, 16, 1)))["params"],
        "damage": jnp.zeros((64, DAMAGES)),
    }
    optimizer = optax.adamw(optax.cosine_decay_schedule(2e-3, STEPS), weight_decay=1e-2)

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def step(params: Any, state: Any, index: int, images: jax.Array, labels: jax.Array) -> tuple[Any, Any]:
        rows_key, loss_key = jax.random.split(jax.random.fold_in(step_key, index))
        rows = jax.random.randint(rows_key, (BATCH,), 0, len(images))
        updates, state = optimizer.update(jax.grad(loss)(params, loss_key, images[rows], labels[rows]), state, params)
        return optax.apply_updates(params, updates), state

    state = optimizer.init(params)
    all_images, all_labels = jnp.asarray(images), jnp.asarray(labels)
    for index in range(STEPS):
        params, state = step(params, state, index, all_images, all_labels)
    return jax.device_get(params["classifier"])


def features_of(params: Any, images: np.ndarray) -> np.ndarray:
    """(N, 64) features of 16x16 images under these parameters."""
    return np.asarray(digits.DigitClassifier().apply({"params": params}, digits.prepare(jnp.asarray(images)))[0])


def scaled(params: Any, images: np.ndarray) -> Any:
    """The same classifier, rounded to float16, with features whose total variance on these images is TOTAL_VARIANCE."""
    factor = np.sqrt(TOTAL_VARIANCE / np.trace(Moments.of(features_of(params, images)).covariance))
    # The features are homogeneous, leaky_relu(s x) = s leaky_relu(x), and the logits divide by the factor again.
    features = {name: factor * value for name, value in params["features"].items()}
    logits = {**params["logits"], "kernel": params["logits"]["kernel"] / factor}
    return jax.tree.map(np.float16, {**params, "features": features, "logits": logits})


def main() -> int:
    """Trains, writes the file and prints what it measures; returns 1 when the classifier is not good enough."""
    (images, labels), (held_images, held_labels) = digit_images("train"), digit_images("test")
    params = scaled(train(images, labels), images)
    rounded = jax.tree.map(np.float32, params)
    reference, held = Moments.of(features_of(rounded, images)), Moments.of(features_of(rounded, held_images))
    floor = frechet_distance(held.mean, held.covariance, reference.mean, reference.covariance)
    np.savez_compressed(
        digits.DIGITS_FILE,
        mean=reference.mean,
        covariance=reference.covariance,
        floor=floor,
        **flatten_dict(params, sep="/"),
    )
    accuracy = class_accuracy(held_images, held_labels)
    noise = np.random.default_rng(0).uniform(-1.0, 1.0, (1000, 16, 16, 1))
    average = np.repeat(images.mean(axis=0, keepdims=True), 1000, axis=0)
    print(f"wrote {digits.DIGITS_FILE} ({digits.DIGITS_FILE.stat().st_size / 1000:.0f} kB)")
    print(f"accuracy on the {len(held_labels)} held-out digits {accuracy:.4f}")
    print(f"digit-FD of the held-out digits {digit_fd_floor():.2f}")
    print(f"digit-FD of uniform noise {digit_fd(noise):.1f}")
    print(f"digit-FD of the average digit {digit_fd(average):.1f}")
    return 0 if accuracy >= 0.99 else 1


if __name__ == "__main__":
    sys.exit(main())

"""Small classifiers that judge: of generated images by what they teach, and of changed attributes by what is seen.

The first is the classification accuracy score, what a classifier that only ever saw generated images makes of real ones:
Ravuri and Vinyals 2019, "Classification Accuracy Score for Conditional Generative Models" (arXiv:1905.10887).
"""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan.errors import UserError

STEPS, _BATCH = 1000, 128
_SIDE = 64  # pixels along a side that the judge of attributes sees, at most


class SmallClassifier(nn.Module):
    """uint8 images (B, H, W, C) -> logits (B, classes): four 3x3 convolutions, a mean over pixels, a dense layer."""

    classes: int

    @nn.compact
    def __call__(self, images: jax.Array) -> jax.Array:
        """Maps images to logits, float32."""
        x = images.astype(jnp.float32) / 127.5 - 1.0
        for width, stride in [(16, 1), (32, 2), (32, 1), (64, 2)]:
            x = nn.relu(nn.GroupNorm(num_groups=8)(nn.Conv(width, (3, 3), strides=stride)(x)))
        return nn.Dense(self.classes)(x.mean(axis=(1, 2)))


def classification_accuracy(
    images: np.ndarray,
    labels: np.ndarray,
    real_images: np.ndarray,
    real_labels: np.ndarray,
    classes: int,
    steps: int = STEPS,
    seed: int = 0,
) -> float:
    """Accuracy on real images of a small classifier that is trained on generated ones.

    The paper trains a ResNet-50 on ImageNet: numbers compare only with others of this function, first of all with that of real
    training images in the generated ones' place.

    Args:
        images: Uint8 (N, H, W, C), generated.
        labels: (N,) int in 0..classes - 1, the classes asked for.
        real_images: Uint8 (M, H, W, C), held out.
        real_labels: (M,) int.
        classes: How many there are.
        steps: Of Adam, on 128 images each.
        seed: Of the first weights and of the order of images.

    Returns:
        The share of real images whose class it finds, in [0, 1].

    Raises:
        UserError: Images of two shapes, or none.
    """
    if images.shape[1:] != real_images.shape[1:] or not len(images) or not len(real_images):
        raise UserError(f"classification accuracy: images of {images.shape} and {real_images.shape}; give two alike")
    logits = _fitted(images, labels, classes, _of_one_class, steps, seed)
    return float((logits(real_images).argmax(axis=1) == real_labels).mean())


def attribute_judge(
    images: np.ndarray, attributes: np.ndarray, steps: int = STEPS, seed: int = 0
) -> Callable[[np.ndarray], np.ndarray]:
    """A small classifier that tells which attributes images have, trained on real ones.

    Choi et al. 2018 (StarGAN, arXiv:1711.09020, section 5.5) judge translations by such a network of their own, a ResNet-18,
    and not by the discriminator, which the generator has been trained to please.

    Args:
        images: Uint8 (N, H, W, C), real. Of more than 64 pixels along a side, means over blocks are looked at.
        attributes: (N, K), each 0 or 1.
        steps: Of Adam, on 128 images each.
        seed: Of the first weights and of the order of images.

    Returns:
        Uint8 images (M, H, W, C) -> bool (M, K), which attributes each has.

    Raises:
        UserError: No images, or not as many rows of attributes.
    """
    if images.ndim != 4 or attributes.ndim != 2 or len(images) != len(attributes) or not len(images):
        raise UserError(f"attribute judge: images of {images.shape} and attributes of {attributes.shape}; give as many")
    logits = _fitted(_smaller(images), attributes, attributes.shape[1], _of_attributes, steps, seed)
    return lambda asked: logits(_smaller(asked)) > 0


def _smaller(images: np.ndarray) -> np.ndarray:
    """Uint8 images (N, H, W, C), larger ones as means over blocks, of at most 64 pixels along each side."""
    factor = -(-max(images.shape[1:3]) // _SIDE)
    if factor == 1:
        return images
    height, width = (side // factor for side in images.shape[1:3])
    blocks = images[:, : height * factor, : width * factor].reshape(len(images), height, factor, width, factor, -1)
    return blocks.mean(axis=(2, 4), dtype=np.float32).round().astype(np.uint8)


def _of_one_class(logits: jax.Array, labels: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def _of_attributes(logits: jax.Array, labels: jax.Array) -> jax.Array:
    return optax.sigmoid_binary_cross_entropy(logits, labels).mean()


def _fitted(
    images: np.ndarray, labels: np.ndarray, outputs: int, cost: Callable[..., jax.Array], steps: int, seed: int
) -> Callable[[np.ndarray], np.ndarray]:
    """A small classifier that is trained on images and labels: uint8 images (M, H, W, C) -> its logits, (M, outputs)."""
    network, optimizer = SmallClassifier(outputs), optax.adam(1e-3)
    params = network.init(jax.random.key(seed), images[:1])["params"]
    state = params, optimizer.init(params)
    draw, size = np.random.default_rng(seed), min(_BATCH, len(images))
    for _ in range(steps):
        rows = draw.choice(len(images), size, replace=False)
        state = _step(network, optimizer, cost, state, images[rows], labels[rows])

    def logits(asked: np.ndarray) -> np.ndarray:
        parts = [asked[start : start + 512] for start in range(0, len(asked), 512)]
        return np.concatenate([np.asarray(_logits(network, state[0], part)) for part in parts])

    return logits


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _step(
    network: nn.Module,
    optimizer: Any,
    cost: Callable[..., jax.Array],
    state: Any,
    images: jax.Array,
    labels: jax.Array,
) -> Any:
    def loss(params: Any) -> jax.Array:
        return cost(network.apply({"params": params}, images), labels)

    params, optimizer_state = state
    updates, optimizer_state = optimizer.update(jax.grad(loss)(params), optimizer_state, params)
    return optax.apply_updates(params, updates), optimizer_state


@functools.partial(jax.jit, static_argnums=0)
def _logits(network: nn.Module, params: Any, images: jax.Array) -> Any:
    return network.apply({"params": params}, images)

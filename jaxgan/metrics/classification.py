"""The classification accuracy score: what a classifier that only ever saw generated images makes of real ones.

Ravuri and Vinyals 2019, "Classification Accuracy Score for Conditional Generative Models" (arXiv:1905.10887).
"""

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan.errors import UserError

STEPS, _BATCH = 1000, 128


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
    network, optimizer = SmallClassifier(classes), optax.adam(1e-3)
    params = network.init(jax.random.key(seed), images[:1])["params"]
    state = params, optimizer.init(params)
    draw, size = np.random.default_rng(seed), min(_BATCH, len(images))
    for _ in range(steps):
        rows = draw.choice(len(images), size, replace=False)
        state = _step(network, optimizer, state, images[rows], labels[rows])
    right = 0
    for start in range(0, len(real_images), 512):
        logits = _logits(network, state[0], real_images[start : start + 512])
        right += int(np.count_nonzero(np.asarray(logits).argmax(axis=1) == real_labels[start : start + 512]))
    return right / len(real_images)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _step(network: nn.Module, optimizer: Any, state: Any, images: jax.Array, labels: jax.Array) -> Any:
    def loss(params: Any) -> jax.Array:
        logits: Any = network.apply({"params": params}, images)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    params, optimizer_state = state
    updates, optimizer_state = optimizer.update(jax.grad(loss)(params), optimizer_state, params)
    return optax.apply_updates(params, updates), optimizer_state


@functools.partial(jax.jit, static_argnums=0)
def _logits(network: nn.Module, params: Any, images: jax.Array) -> Any:
    return network.apply({"params": params}, images)

"""Noise within a network, which is there only when the network is given a key for it.

    nets.discriminator(images)                                      # within a turn: a new "dropout" key at each call
    network.apply({"params": params}, images, rngs={"dropout": key})  # with noise
    network.apply({"params": params}, images)                         # without: a plain function

Dropout and Gaussian noise both draw from "dropout", so that a caller need not know which of them a network has. A gradient
by the images (a penalty) is through one draw.
"""

import math

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.mesh import shard_batch


def dropout(module: nn.Module, x: jax.Array, rate: float) -> jax.Array:
    """Sets entries to 0 with probability `rate` and divides the others by 1 - rate (Srivastava et al. 2014).

    Args:
        module: The calling module; without a "dropout" key nothing is done.
        x: (B, ...).
        rate: In [0, 1).
    """
    if not rate or not module.has_rng("dropout"):
        return x
    if not 0 < rate < 1:
        raise UserError(f"{type(module).__name__}: a dropout rate of {rate}, but it must be at least 0 and below 1")
    # Drawn flat: a draw of many axes takes XLA:CPU seconds to compile.
    kept = jax.random.bernoulli(module.make_rng("dropout"), 1 - rate, (math.prod(x.shape),))
    return jnp.where(shard_batch(kept.reshape(x.shape)), x / (1 - rate), jnp.zeros_like(x))


def gaussian_noise(module: nn.Module, x: jax.Array, deviation: float) -> jax.Array:
    """Adds noise from N(0, deviation^2) to every entry.

    Args:
        module: The calling module; without a "dropout" key nothing is done.
        x: (B, ...).
        deviation: 0 for no noise.
    """
    if not deviation or not module.has_rng("dropout"):
        return x
    noise = jax.random.normal(module.make_rng("dropout"), (math.prod(x.shape),), x.dtype)
    return x + deviation * shard_batch(noise.reshape(x.shape))

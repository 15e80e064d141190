"""Lower bounds on the mutual information of a code and what is made from it, by a network Q that reads the code off it.

I(c; x) >= H(c) + E[log Q(c | x)], with equality where Q is the posterior: "InfoGAN", Chen et al. 2016 (arXiv:1606.03657),
Eq. 4. Bounds are in nats, in float32.
"""

import math

import jax
import jax.numpy as jnp

from jaxgan.losses.adversarial import as_float32


def categorical_bound(logits: jax.Array, category: jax.Array) -> jax.Array:
    """log K - E[cross-entropy], at most log K, for categories that are equally likely; float32 ().

    Args:
        logits: Q's, (B, ..., K); codes beside each other are independent, and their bounds are added.
        category: int (B, ...).
    """
    logits = as_float32(logits)
    own = jnp.take_along_axis(jax.nn.log_softmax(logits), category[..., None], axis=-1)[..., 0]
    return (math.log(logits.shape[-1]) + own).reshape(len(own), -1).sum(axis=1).mean()


def gaussian_bound(code: jax.Array, mean: jax.Array, log_deviation: jax.Array | None = None) -> jax.Array:
    """log 2 - E[-log N(c; mean, deviation^2)], for codes from U(-1, 1); float32 ().

    -log N = (c - mean)^2 / (2 deviation^2) + log deviation + log(2 pi) / 2.

    Args:
        code: (B, N), independent codes, whose bounds are added.
        mean: Q's, of the same shape.
        log_deviation: The same; None: the deviation is 1, with which the bound is below 0 and its gradient that of half the
            squared error.
    """
    code, mean = as_float32(code), as_float32(mean)
    log_deviation = jnp.zeros_like(mean) if log_deviation is None else as_float32(log_deviation)
    scaled = (code - mean) * jnp.exp(-log_deviation)
    negative_log_likelihood = 0.5 * jnp.square(scaled) + log_deviation + 0.5 * math.log(2 * math.pi)
    return (math.log(2) - negative_log_likelihood).sum(axis=1).mean()

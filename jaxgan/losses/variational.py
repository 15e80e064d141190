"""What a variational autoencoder minimises: a divergence from the prior, and how unlikely an image is given its code."""

import jax
import jax.numpy as jnp

from jaxgan.losses.adversarial import as_float32

_LEAST = 1e-6  # a probability of a pixel is at least this, and at most 1 less it


def normal_kl(mean: jax.Array, log_variance: jax.Array) -> jax.Array:
    """KL(N(mean, diag(exp(log_variance))) || N(0, I)) in nats, at least 0.

    "Auto-Encoding Variational Bayes", Kingma and Welling 2013 (arXiv:1312.6114), appendix B. Summed over the components:
    a mean over them would divide its weight by the size of the code.

    Args:
        mean: (B, D).
        log_variance: (B, D), of each component.

    Returns:
        float32 (B,).
    """
    mean, log_variance = as_float32(mean), as_float32(log_variance)
    # - KL = 1/2 sum_j (1 + log sigma_j^2 - mu_j^2 - sigma_j^2)
    return 0.5 * (jnp.square(mean) + jnp.exp(log_variance) - log_variance - 1).sum(axis=1)


def normal_cost(x: jax.Array, mean: jax.Array, deviation: float = 1.0) -> jax.Array:
    """- log N(x; mean, deviation^2 I) without its constant, (B,): the sum over entries of (x - mean)^2 / (2 deviation^2).

    Args:
        x: (B, ...).
        mean: The same shape.
        deviation: Above 0. The smaller it is, the nearer images must come, and the less the prior matters beside them.
    """
    squares = jnp.square(as_float32(x) - as_float32(mean)).reshape(len(x), -1)
    return squares.sum(axis=1) / (2 * deviation**2)


def bernoulli_cost(x: jax.Array, mean: jax.Array) -> jax.Array:
    """- log of the probability of grey levels x as of so many coin tosses, in nats, (B,).

    Args:
        x: Images (B, ...) in [-1, 1], which stand for [0, 1].
        mean: What the decoder makes, of the same shape and range: 2 p - 1.
    """
    shade = 0.5 * (as_float32(x) + 1)
    p = jnp.clip(0.5 * (as_float32(mean) + 1), _LEAST, 1 - _LEAST)
    # - sum_i x_i log p_i + (1 - x_i) log(1 - p_i)
    return -(shade * jnp.log(p) + (1 - shade) * jnp.log1p(-p)).reshape(len(x), -1).sum(axis=1)

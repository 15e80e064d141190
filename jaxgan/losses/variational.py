"""What keeps a learned density near a known one."""

import jax
import jax.numpy as jnp

from jaxgan.losses.adversarial import as_float32


def standard_normal_kl(mean: jax.Array, log_deviation: jax.Array) -> jax.Array:
    """KL(N(mu, diag(sigma^2)) || N(0, I)), summed over components and averaged over the batch; float32 ().

    1/2 sum_j (mu_j^2 + sigma_j^2 - 1) - log sigma_j: Kingma and Welling 2013 (arXiv:1312.6114), appendix B.

    Args:
        mean: mu, (B, D).
        log_deviation: log sigma, (B, D).
    """
    mean, log_deviation = as_float32(mean), as_float32(log_deviation)
    terms = (jnp.square(mean) + jnp.exp(2 * log_deviation) - 1) / 2 - log_deviation
    return terms.sum(axis=-1).mean()

"""A discriminator of K class logits that also tells real from generated: Salimans et al. 2016 (arXiv:1606.03498), section 5.

The logit of a further class, "generated", is pinned to 0, so that D(x) = Z / (Z + 1) with Z = sum over k of exp(l_k): the
real-or-generated logit is the log-sum-exp of the class logits.
"""

import jax
import jax.numpy as jnp


def realness(logits: jax.Array) -> jax.Array:
    """log Z (B,), the logit of being real, of class logits (B, K): D(x) = sigmoid(log Z)."""
    return jax.nn.logsumexp(logits.astype(jnp.float32), axis=-1)


def cross_entropy(logits: jax.Array, label: jax.Array) -> jax.Array:
    """-E[log p(y | x, real)] = E[log Z - l_y], float32 (), of class logits (B, K) and labels int (B,)."""
    logits = logits.astype(jnp.float32)
    own = jnp.take_along_axis(logits, label[:, None], axis=-1)[:, 0]
    return (realness(logits) - own).mean()

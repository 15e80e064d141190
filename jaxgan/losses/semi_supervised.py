"""A discriminator of K class logits that also tells real from generated: Salimans et al. 2016 (arXiv:1606.03498), section 5.

The logit of a further class, "generated", is pinned to 0, so that D(x) = Z / (Z + 1) with Z = sum over k of exp(l_k): the
real-or-generated logit is the log-sum-exp of the class logits.
"""

import jax
import jax.numpy as jnp

from jaxgan.mesh import batch_mean


def realness(logits: jax.Array) -> jax.Array:
    """log Z (B,), the logit of being real, of class logits (B, K): D(x) = sigmoid(log Z)."""
    return jax.nn.logsumexp(logits.astype(jnp.float32), axis=-1)


def cross_entropy(logits: jax.Array, label: jax.Array) -> jax.Array:
    """-E[log p(y | x, real)] = E[log Z - l_y], float32 (), of class logits (B, K) and labels int (B,)."""
    logits = logits.astype(jnp.float32)
    own = jnp.take_along_axis(logits, label[:, None], axis=-1)[:, 0]
    return (realness(logits) - own).mean()


def taken_for(logits: jax.Array, kind: int) -> jax.Array:
    """-E[log p(kind | x)], float32 (), of class logits (B, K): the cost of images that are all to be read as one class."""
    return cross_entropy(logits, jnp.full(len(logits), kind))


def log_odds(logits: jax.Array, kind: int) -> jax.Array:
    """log p(kind | x) / (1 - p(kind | x)), (B,), of class logits (B, K): what a score is where a discriminator tells kinds."""
    return logits[:, kind] - jax.nn.logsumexp(jnp.delete(logits, kind, axis=1), axis=1)


def entropy(logits: jax.Array) -> jax.Array:
    """E[H(p(y | x))] in nats, float32 (), of class logits (B, K): low for a classifier that is sure of each image.

    "Semi-supervised Learning by Entropy Minimization", Grandvalet and Bengio 2004.
    """
    log_p = jax.nn.log_softmax(logits.astype(jnp.float32))
    return -(jnp.exp(log_p) * log_p).sum(axis=-1).mean()


def imbalance(logits: jax.Array) -> jax.Array:
    """-1/K sum over k of log E[p(k | x)], float32 (), of class logits (B, K): log K for classes in equal shares, else more."""
    mean = batch_mean(jax.nn.softmax(logits.astype(jnp.float32)), 0)
    return -jnp.log(mean + 1e-12).mean()

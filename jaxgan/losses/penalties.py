"""Penalties on a critic's gradient, and distances between images."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.core.parallel import shard_batch


def interpolate(key: jax.Array, real: jax.Array, fake: jax.Array) -> jax.Array:
    """Points on the lines between pairs: eps * real + (1 - eps) * fake, one eps ~ U(0, 1) for each pair.

    Gulrajani et al. 2017 (arXiv:1704.00028), Algorithm 1. One number per image: not per batch, not per pixel.

    Args:
        key: PRNG key.
        real: (B, ...).
        fake: The same shape.
    """
    # Drawn flat: a draw of many axes takes XLA:CPU seconds to compile.
    weight = shard_batch(jax.random.uniform(key, (len(real),), real.dtype)).reshape(-1, *(1,) * (real.ndim - 1))
    return weight * real + (1 - weight) * fake


def gradient_norms(critic: Callable[[jax.Array], jax.Array], points: jax.Array) -> jax.Array:
    """|| d C(x_i) / d x_i ||_2 over all but the first axis, (B,); its own gradient is 0, not NaN, where it is 0.

    Args:
        critic: (B, ...) -> logits (B,) or a map of them; no layer may mix the images of a batch (no batch norm).
        points: (B, ...).
    """
    # Images do not mix, so the gradient of the sum holds each image's own gradient.
    gradients = jax.grad(lambda x: critic(x).sum())(points)
    gradients = gradients.astype(jnp.promote_types(gradients.dtype, jnp.float32))
    squares = jnp.sum(jnp.square(gradients), axis=tuple(range(1, gradients.ndim)))
    positive = squares > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1.0)), 0.0)


def gradient_penalty(
    critic: Callable[[jax.Array], jax.Array], points: jax.Array, target: float = 1.0, one_sided: bool = False
) -> jax.Array:
    """E[(|| grad C(x) ||_2 - target)^2] over the given points, float32 ().

    Gulrajani et al. 2017 (arXiv:1704.00028), Eq. 3, with target 1 on interpolated points.

    Args:
        critic: As in `gradient_norms`.
        points: (B, ...).
        target: The norm that costs nothing.
        one_sided: Only norms above the target cost (section 4, "two-sided penalty").
    """
    excess = gradient_norms(critic, points) - target
    return jnp.square(jax.nn.relu(excess) if one_sided else excess).mean()


def l1(a: jax.Array, b: jax.Array) -> jax.Array:
    """Mean absolute difference over all entries."""
    return jnp.abs(a - b).mean()


def l2(a: jax.Array, b: jax.Array) -> jax.Array:
    """Mean squared difference over all entries."""
    return jnp.square(a - b).mean()

"""Minibatch statistics for discriminators."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def minibatch_stddev(x: jax.Array, group_size: int = 4, epsilon: float = 1e-8) -> jax.Array:
    """Appends one feature map: how much the samples of a group differ (Karras et al. 2018, ProGAN, section 3).

    A group is `group_size` consecutive samples, so that a batch that is sharded over devices keeps its groups local. A batch
    that does not divide into such groups uses the largest divisor of the batch below `group_size`.

    Args:
        x: (B, H, W, C).
        group_size: samples in a group (4 in the authors' released code; the paper: the whole batch).
        epsilon: added to the variance, so that the square root has a gradient where all samples agree.

    Returns:
        (B, H, W, C + 1), the dtype of `x`; the statistic itself is computed in float32.

    Raises:
        ValueError: `group_size` is below 1.
    """
    if group_size < 1:
        raise ValueError(f"minibatch_stddev: group_size is {group_size}, but a group holds at least 1 sample")
    batch, height, width, channels = x.shape
    size = max(divisor for divisor in range(1, min(group_size, batch) + 1) if batch % divisor == 0)
    groups = x.astype(jnp.promote_types(x.dtype, jnp.float32)).reshape(batch // size, size, height, width, channels)
    # y = mean over c, h, w of sqrt(var over the group + epsilon)
    deviation = jnp.sqrt(jnp.var(groups, axis=1) + epsilon)
    statistic = jnp.mean(deviation, axis=(1, 2, 3)).astype(x.dtype)
    maps = jnp.broadcast_to(statistic[:, None, None, None, None], (batch // size, size, height, width, 1))
    return jnp.concatenate([x, maps.reshape(batch, height, width, 1)], axis=-1)

"""Initialisers of kernels, written to compile fast.

They draw the very numbers of `jax.nn.initializers`, but as a row that is folded into the kernel afterwards: on a CPU, XLA
takes seconds to compile a draw with four axes, for every new shape, and a fraction of a second for a row.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer


def normal(stddev: float, mean: float = 0.0) -> Initializer:
    """Draws from N(mean, stddev^2)."""

    def init(key: jax.Array, shape: Sequence[int], dtype: Any = jnp.float32, out_sharding: Any = None) -> jax.Array:
        return mean + stddev * jax.random.normal(key, (math.prod(shape),), dtype).reshape(shape)

    return init


def variance_scaling(
    scale: float, mode: Literal["fan_in", "fan_avg"], distribution: Literal["normal", "uniform"]
) -> Initializer:
    """Draws with mean 0 and variance scale / fan, for kernels (..., inputs, outputs).

    Args:
        scale: 1 for Glorot's and LeCun's rules, 2 for He's.
        mode: "fan_in", the inputs of an output, or "fan_avg", the mean of those and the outputs of an input.
        distribution: Of the draws.
    """

    def init(key: jax.Array, shape: Sequence[int], dtype: Any = jnp.float32, out_sharding: Any = None) -> jax.Array:
        *receptive_field, inputs, outputs = shape
        fan = (inputs if mode == "fan_in" else (inputs + outputs) / 2) * math.prod(receptive_field)
        deviation, size = math.sqrt(scale / fan), math.prod(shape)
        if distribution == "normal":
            row = deviation * jax.random.normal(key, (size,), dtype)
        else:
            # A uniform draw from [-limit, limit] has variance limit^2 / 3.
            row = math.sqrt(3) * deviation * jax.random.uniform(key, (size,), dtype, -1)
        return row.reshape(shape)

    return init

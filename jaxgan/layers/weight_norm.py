"""Weight norm: "Weight Normalization", Salimans and Kingma 2016 (arXiv:1602.07868)."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer


class WeightNormDense(nn.Module):
    """A dense layer with weight norm: (B, F) -> (B, features).

    Attributes:
        features: Outputs.
        kernel_init: Of the directions.
        gain: Of every output, at first.
        dtype: Compute and output dtype.
    """

    features: int
    kernel_init: Initializer
    gain: float = 1.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(B, F) to (B, features)."""
        kernel, bias = weight_norm(self, (x.shape[-1], self.features), self.kernel_init, self.gain)
        return x.astype(self.dtype) @ kernel.astype(self.dtype) + bias.astype(self.dtype)[None]


def weight_norm(
    module: nn.Module, shape: tuple[int, ...], kernel_init: Initializer, gain: float
) -> tuple[jax.Array, jax.Array]:
    """The kernel, float32 of `shape`, and the bias (shape[-1],) of a layer with weight norm, whose outputs are its last axis.

    Args:
        module: The calling module, which learns "kernel", "scale" and "bias".
        shape: Of the kernel.
        kernel_init: Of the directions.
        gain: Of every output, at first.
    """
    direction = module.param("kernel", kernel_init, shape, jnp.float32)
    scale = module.param("scale", nn.initializers.constant(gain), shape[-1:], jnp.float32)
    bias = module.param("bias", nn.initializers.zeros, shape[-1:], jnp.float32)
    # w = g v / ||v||, for each output
    length = jnp.sqrt(jnp.sum(jnp.square(direction), axis=tuple(range(len(shape) - 1))) + 1e-6)
    return direction * (scale / length).reshape((1,) * (len(shape) - 1) + shape[-1:]), bias

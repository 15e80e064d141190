"""Encoders: from images to codes, or to the numbers that a density of codes is made of."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.networks.mlp import hidden_layers, output_init


class MLPEncoder(nn.Module):
    """Fully connected encoder: x (B, ...) -> float32 (B, outputs).

    It has no batch norm, so that the code of an image is its own, whatever images are encoded with it.

    Attributes:
        outputs: How many numbers it gives; its game says so: D for codes of D components, 2 D for normal densities of them.
        hidden: Width of each hidden layer.
        activation: "relu", "leaky_relu" (slope 0.2), "tanh" or "elu".
        dtype: Compute dtype.
    """

    outputs: int = 0
    hidden: tuple[int, ...] = (256, 256)
    activation: str = "leaky_relu"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps samples (B, ...) to numbers (B, outputs)."""
        x = hidden_layers(x.reshape(len(x), -1), self.hidden, self.activation, self.dtype)
        return nn.Dense(self.outputs, kernel_init=output_init, dtype=self.dtype, name="output")(x).astype(jnp.float32)

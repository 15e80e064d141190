"""Encoders: from images to codes, or to the numbers that a density of codes is made of."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import BatchNorm
from jaxgan.networks.common import choose
from jaxgan.networks.mlp import hidden_layers, output_init


class MLPEncoder(nn.Module):
    """Fully connected encoder: x (B, ...) -> float32 (B, outputs).

    Attributes:
        outputs: How many numbers it gives; its game says so: D for codes of D components, 2 D for normal densities of them.
        hidden: Width of each hidden layer.
        activation: "relu", "leaky_relu" (slope 0.2), "tanh" or "elu".
        norm: "batch" for batch norm before each activation, in place of the biases, or "none".
        code: "linear"; "tanh" for codes in [-1, 1]; or "batch", batch norm without gain and offset, for codes whose components
            have mean 0 and variance 1 over a minibatch.
        dtype: Compute dtype.
    """

    outputs: int = 0
    hidden: tuple[int, ...] = (256, 256)
    activation: str = "leaky_relu"
    norm: str = "none"
    code: str = "linear"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps samples (B, ...) to numbers (B, outputs)."""
        x = hidden_layers(x.reshape(len(x), -1), self.hidden, self.activation, self.dtype, self.norm)
        x = nn.Dense(self.outputs, kernel_init=output_init, dtype=self.dtype, name="output")(x).astype(jnp.float32)
        return finished_code(x, self.code)


def finished_code(x: jax.Array, code: str) -> jax.Array:
    """The last layer of an encoder as a code, (B, D): see `code` of `MLPEncoder`; a layer of the calling module."""
    finish = {
        "linear": lambda: x,
        "tanh": lambda: jnp.tanh(x),
        "batch": lambda: BatchNorm(use_scale=False, use_bias=False, name="code_norm")(x),
    }
    return choose(finish, code, "code")()

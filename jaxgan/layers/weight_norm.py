"""Weight norm: "Weight Normalization", Salimans and Kingma 2016 (arXiv:1602.07868)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from jaxgan.layers.minibatch import check_minibatch
from jaxgan.mesh import batch_mean


class WeightNormDense(nn.Module):
    """A dense layer with weight norm: (B, F) -> (B, features).

    Attributes:
        features: Outputs.
        kernel_init: Of the directions.
        gain: Of every output, at first; with `data_init` the outputs' deviation.
        data_init: See `weight_norm`.
        dtype: Compute and output dtype.
    """

    features: int
    kernel_init: Initializer
    gain: float = 1.0
    data_init: bool = False
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(B, F) to (B, features)."""
        multiply = lambda kernel: x.astype(self.dtype) @ kernel.astype(self.dtype)  # noqa: E731
        first = multiply if self.data_init else None
        kernel, bias = weight_norm(self, (x.shape[-1], self.features), self.kernel_init, self.gain, first)
        return multiply(kernel) + bias.astype(self.dtype)[None]


def weight_norm(
    module: nn.Module,
    shape: tuple[int, ...],
    kernel_init: Initializer,
    gain: float,
    outputs: Callable[[jax.Array], jax.Array] | None = None,
) -> tuple[jax.Array, jax.Array]:
    """The kernel, float32 of `shape`, and the bias (shape[-1],) of a layer with weight norm, whose outputs are its last axis.

    Args:
        module: The calling module, which learns "kernel", "scale" and "bias".
        shape: Of the kernel.
        kernel_init: Of the directions.
        gain: Of every output, at first.
        outputs: kernel -> what the layer makes of its input by it, (B, ..., shape[-1]), before the bias. With it, scales and
            biases begin by the data that the network is initialised with, so that there each output has mean 0 and deviation
            `gain` (section 3, Eq. 5 and 6), layer by layer; an output that is the same everywhere begins as without it.

    Raises:
        UserError: The network is to begin by data and is initialised with a single entry.
    """
    direction = module.param("kernel", kernel_init, shape, jnp.float32)
    length = jnp.sqrt(jnp.sum(jnp.square(direction), axis=tuple(range(len(shape) - 1))) + 1e-6)

    def scaled(scale: jax.Array) -> jax.Array:
        # w = g v / ||v||, for each output
        return direction * (scale / length).reshape((1,) * (len(shape) - 1) + shape[-1:])

    first_scale, first_bias = jnp.full(shape[-1:], gain, jnp.float32), jnp.zeros(shape[-1:], jnp.float32)
    if outputs is not None and module.is_initializing():
        made = outputs(scaled(jnp.ones_like(first_scale))).astype(jnp.float32)
        check_minibatch(module, made)
        made = made.reshape(-1, shape[-1])
        mean = batch_mean(made, 0)
        deviation = jnp.sqrt(batch_mean(jnp.square(made - mean[None]), 0))
        # t = v x / ||v||;  g = 1 / sigma(t), b = -mu(t) / sigma(t), both times the deviation that is asked for
        varies = deviation > 0
        first_scale = jnp.where(varies, gain / jnp.where(varies, deviation, 1.0), first_scale)
        first_bias = jnp.where(varies, -mean * first_scale, first_bias)
    scale = module.param("scale", lambda key: first_scale)
    return scaled(scale), module.param("bias", lambda key: first_bias)

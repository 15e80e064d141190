"""Multilayer perceptrons, for images as vectors and for toy densities."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import BatchNorm, Verdict
from jaxgan.networks.common import ACTIVATIONS, choose, sample_shape, tanh_image
from jaxgan.networks.initializers import variance_scaling

# As the toy code of WGAN-GP: He for the rectified layers, Glorot for the last.
hidden_init = variance_scaling(2.0, "fan_in", "uniform")
output_init = variance_scaling(1.0, "fan_avg", "uniform")


class MLPGenerator(nn.Module):
    """Fully connected generator: z (B, latent) -> float32 (B, *output_shape).

    The default is the usual first GAN on MNIST, 64-256-256-784. Gulrajani et al. (2017, WGAN-GP, released `gan_toy.py`)
    fit 2-D densities with `hidden=(512, 512, 512), output="linear"`; Lin et al. (2018, PacGAN, arXiv:1712.04086) with
    `hidden=(400,) * 4, norm="batch"` against a `MaxoutDiscriminator`.

    Attributes:
        output_shape: Shape of one sample, such as (28, 28, 1) or (2,).
        hidden: Width of each hidden layer; () makes the generator an affine map.
        activation: "relu", "leaky_relu" (slope 0.2), "tanh" or "elu".
        output: "tanh" for images in [-1, 1], "linear" for toy data.
        norm: "batch" for batch norm before each activation, in place of the biases, or "none".
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    hidden: tuple[int, ...] = (256, 256)
    activation: str = "relu"
    output: str = "tanh"
    norm: str = "none"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """Maps latents (B, latent) to samples (B, *output_shape)."""
        shape = sample_shape(self)
        finish = choose({"tanh": tanh_image, "linear": lambda y: y.astype(jnp.float32)}, self.output, "output")
        x = hidden_layers(z, self.hidden, self.activation, self.dtype, self.norm)
        x = nn.Dense(math.prod(shape), kernel_init=output_init, dtype=self.dtype, name="output")(x)
        return finish(x).reshape(-1, *shape)


class MLPDiscriminator(nn.Module):
    """Fully connected discriminator or critic: x (B, ...) -> float32 logits (B,).

    The default is the usual first GAN on MNIST, 784-256-256-1; WGAN-GP's toy critic has `hidden=(512, 512, 512),
    activation="relu"`. It has no normalisation, so gradient penalties apply to it.

    Attributes:
        hidden: Width of each hidden layer.
        activation: "relu", "leaky_relu" (slope 0.2), "tanh" or "elu".
        class_logits: 0, or of how many classes it gives logits in the place of a score.
        dtype: Compute dtype.
    """

    hidden: tuple[int, ...] = (256, 256)
    activation: str = "leaky_relu"
    class_logits: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, features: bool = False) -> jax.Array | Verdict:
        """Maps samples (B, ...) to logits (B,); with `features` also gives the last hidden layer, float32 (B, F)."""
        x = hidden_layers(x.reshape(len(x), -1), self.hidden, self.activation, self.dtype).astype(jnp.float32)
        logits = nn.Dense(self.class_logits or 1, kernel_init=output_init, name="output")(x)
        if self.class_logits:
            return Verdict(None, x if features else None, logits)
        return Verdict(logits[:, 0], x) if features else logits[:, 0]


def hidden_layers(x: jax.Array, widths: tuple[int, ...], activation: str, dtype: Any, norm: str = "none") -> jax.Array:
    """Dense layers of the calling module, each with its activation."""
    activate = choose(ACTIVATIONS, activation, "activation")
    normalize = choose({"batch": True, "none": False}, norm, "norm")
    for index, width in enumerate(widths):
        dense = nn.Dense(width, use_bias=not normalize, kernel_init=hidden_init, dtype=dtype, name=f"hidden_{index}")
        x = dense(x)
        if normalize:
            x = BatchNorm(dtype=dtype, name=f"norm_{index}")(x)
        x = activate(x)
    return x

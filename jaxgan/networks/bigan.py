"""The networks of BiGAN: an encoder, a generator, and a discriminator of images beside codes.

Donahue, Krahenbuhl and Darrell, "Adversarial Feature Learning" (2016, arXiv:1605.09782), with the authors' program for MNIST
without its grid of pixels.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import BatchNorm, LayerNorm
from jaxgan.networks.common import choose, leaky_relu, normal_init, sample_shape, tanh_image


class BiGANEncoder(nn.Module):
    """Fully connected encoder: x (B, ...) -> float32 (B, outputs). LeakyReLU 0.2; a norm from the second layer on.

    Attributes:
        outputs: How many numbers it gives; its game says so.
        hidden: Width of each hidden layer.
        norm: "batch", as published; or "layer", with which the code of an image is its own, whatever is encoded with it.
        code: Codes must lie where latents do: "tanh" for uniform ones, in [-1, 1], or "linear".
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    outputs: int = 0
    hidden: tuple[int, ...] = (1024, 1024)
    norm: str = "batch"
    code: str = "tanh"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps samples (B, ...) to numbers (B, outputs)."""
        x = x.reshape(len(x), -1)
        for index, width in enumerate(self.hidden):
            x = nn.Dense(width, kernel_init=normal_init, dtype=self.dtype, name=f"hidden_{index}")(x)
            x = leaky_relu(_norm(index, self.dtype, self.norm_epsilon, self.norm)(x) if index else x)
        x = nn.Dense(self.outputs, kernel_init=normal_init, dtype=self.dtype, name="output")(x)
        finish = choose({"tanh": jnp.tanh, "linear": lambda x: x}, self.code, "code")
        return finish(x.astype(jnp.float32))


class BiGANGenerator(nn.Module):
    """Fully connected generator: z (B, latent) -> float32 (B, *output_shape) in [-1, 1].

    Batch norm and ReLU; every layer from the second on also gets z.

    Attributes:
        output_shape: Shape of one sample.
        hidden: Width of each hidden layer.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    hidden: tuple[int, ...] = (1024, 1024)
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """Maps latents (B, latent) to samples (B, *output_shape)."""
        shape = sample_shape(self)
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        x = z
        for index, width in enumerate(self.hidden):
            x = nn.Dense(width, **common, name=f"hidden_{index}")(x)
            if index:
                x += nn.Dense(width, use_bias=False, **common, name=f"latent_{index}")(z)
            x = nn.relu(_norm(index, self.dtype, self.norm_epsilon)(x))
        x = nn.Dense(math.prod(shape), **common, name="output")(x)
        # 2 sigmoid(x) - 1 = tanh(x / 2)
        return tanh_image(x / 2).reshape(-1, *shape)


class BiGANDiscriminator(nn.Module):
    """Fully connected discriminator of pairs: x (B, ...), z (B, D) -> float32 logits (B,).

    LeakyReLU 0.2; every layer from the second on also gets z, and has batch norm.

    Attributes:
        hidden: Width of each hidden layer, two or more.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    hidden: tuple[int, ...] = (1024, 1024)
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, z: jax.Array) -> jax.Array:
        """Maps pairs of samples (B, ...) and codes (B, D) to logits (B,)."""
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        x = x.reshape(len(x), -1)
        for index, width in enumerate(self.hidden):
            x = nn.Dense(width, **common, name=f"hidden_{index}")(x)
            if index:
                x = _norm(index, self.dtype, self.norm_epsilon)(
                    x + nn.Dense(width, use_bias=False, **common, name=f"latent_{index}")(z)
                )
            x = leaky_relu(x)
        return nn.Dense(1, kernel_init=normal_init, name="output")(x.astype(jnp.float32))[:, 0]


def _norm(index: int, dtype: Any, epsilon: float, kind: str = "batch") -> nn.Module:
    """A norm without gain and offset, of the calling module."""
    layer = choose({"batch": BatchNorm, "layer": LayerNorm}, kind, "norm")
    return layer(use_scale=False, use_bias=False, epsilon=epsilon, dtype=dtype, name=f"norm_{index}")

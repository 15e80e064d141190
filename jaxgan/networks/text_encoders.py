"""Encoders of captions and of the pictures beside them, into one space."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.text import SYMBOLS
from jaxgan.errors import UserError
from jaxgan.layers import Conv, largest
from jaxgan.networks.common import image_sides, leaky_relu, normalization
from jaxgan.networks.initializers import variance_scaling

_KERNEL = 4  # characters, or pooled places, that a convolution sees
_init = variance_scaling(1.0, "fan_avg", "uniform")


class CharCNNRNN(nn.Module):
    """Captions, characters int (B, T) of `jaxgan.core.text` -> float32 embeddings (B, embedding_size).

    Reed, Akata, Schiele and Lee, "Learning Deep Representations of Fine-grained Visual Descriptions" (2016, arXiv:1605.05395),
    section 4: convolutions of 4 characters with ReLU, each followed by max-pooling, then a recurrent network whose states are
    averaged over time, and a linear layer. Widths and pools of the defaults are from memory; here the recurrent network is a
    GRU, and the components of each embedding are set to mean 0 and deviation 1, for the networks that read it.

    Attributes:
        widths: Features of each convolution.
        pools: Places that each pooling joins.
        units: Of the recurrent network.
        embedding_size: Components of the embedding.
        norm_epsilon: Added to the variance of the components.
    """

    widths: tuple[int, ...] = (384, 512, 256)
    pools: tuple[int, ...] = (3, 3, 2)
    units: int = 256
    embedding_size: int = 1024
    norm_epsilon: float = 1e-6

    @nn.compact
    def __call__(self, text: jax.Array) -> jax.Array:
        """Maps captions (B, T) to embeddings (B, embedding_size)."""
        if len(self.widths) != len(self.pools):
            raise UserError(
                f"CharCNNRNN: widths={self.widths} and pools={self.pools}, but there must be as many of each"
            )
        x = jax.nn.one_hot(text, SYMBOLS)
        for index, (width, pool) in enumerate(zip(self.widths, self.pools, strict=True)):
            places = x.shape[1] - _KERNEL + 1
            if places < pool:
                raise UserError(
                    f"CharCNNRNN: captions of {text.shape[1]} characters are too short for widths={self.widths} and "
                    f"pools={self.pools}: leave out a layer"
                )
            # A convolution along the text is a product of matrices on windows of it.
            windows = jnp.concatenate([x[:, shift : shift + places] for shift in range(_KERNEL)], axis=-1)
            x = nn.relu(nn.Dense(width, kernel_init=_init, name=f"conv_{index}")(windows))
            kept = places // pool
            x = largest(x[:, : kept * pool].reshape(len(x), kept, pool, width), axis=2)
        states: Any = nn.RNN(nn.GRUCell(self.units, name="gru"))(x)
        embedding = nn.Dense(self.embedding_size, kernel_init=_init, name="embed")(states.mean(axis=1))
        return nn.LayerNorm(epsilon=self.norm_epsilon, use_scale=False, use_bias=False, name="norm")(embedding)


class ImageEncoder(nn.Module):
    """Images (B, H, W, C) -> float32 embeddings (B, embedding_size), to be compared with those of captions.

    4x4 convolutions that halve the map, with batch norm but for the first, and LeakyReLU; a linear layer. (The paper of
    `CharCNNRNN` takes features of a network that was trained on ImageNet.)

    Attributes:
        widths: Features of each convolution.
        embedding_size: As that of the encoder of captions.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    widths: tuple[int, ...] = (32, 64, 128)
    embedding_size: int = 1024
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps images (B, H, W, C) to embeddings (B, embedding_size)."""
        image_sides(self, x)
        for index, width in enumerate(self.widths):
            x = Conv(width, 4, strides=2, padding=1, kernel_init=_init, dtype=self.dtype, name=f"conv_{index}")(x)
            x = leaky_relu(
                normalization("batch" if index else "none", self.dtype, f"norm_{index}", self.norm_epsilon)(x)
            )
        flat = x.astype(jnp.float32).reshape(len(x), -1)
        return nn.Dense(self.embedding_size, kernel_init=_init, name="embed")(flat)

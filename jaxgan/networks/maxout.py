"""The networks of the first GAN and of the first conditional one: rectifiers against maxout.

Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville and Bengio, "Generative Adversarial Nets" (2014,
arXiv:1406.2661), with the sizes of the released `mnist.yaml`; Mirza and Osindero, "Conditional Generative Adversarial Nets"
(2014, arXiv:1411.1784), section 4.1.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from jaxgan.errors import UserError
from jaxgan.layers import Verdict, largest
from jaxgan.networks.common import check_label, sample_shape, tanh_image
from jaxgan.networks.noise import dropout


class MaxoutGANGenerator(nn.Module):
    """The generator of the first GAN: z (B, latent) -> float32 images (B, *output_shape) in [-1, 1].

    Rectified layers and a sigmoid, as 2 sigmoid - 1 here. Its 100 latents are uniform with variance 1, on
    [-sqrt(3), sqrt(3)]. (The program starts the last bias where the data's mean image is; here it starts at 0.)

    Attributes:
        output_shape: Shape of one image; (28, 28, 1) in the paper.
        hidden: Width of each hidden layer.
        weight_range: Weights start in U(-weight_range, weight_range).
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    hidden: tuple[int, ...] = (1200, 1200)
    weight_range: float = 0.05
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """Maps latents (B, latent) to images (B, *output_shape)."""
        shape = sample_shape(self)
        common: dict[str, Any] = {"kernel_init": _symmetric_uniform(self.weight_range), "dtype": self.dtype}
        x = z
        for index, width in enumerate(self.hidden):
            x = nn.relu(nn.Dense(width, **common, name=f"hidden_{index}")(x))
        x = nn.Dense(math.prod(shape), **common, name="output")(x)
        # 2 sigmoid(x) - 1 = tanh(x / 2)
        return tanh_image(x / 2).reshape(-1, *shape)


class MaxoutDiscriminator(nn.Module):
    """The discriminator of the first GAN: x (B, ...) -> float32 logits (B,).

    Maxout layers (Goodfellow et al. 2013, arXiv:1302.4389): each unit is the largest of several affine pieces. Dropout on
    the input (an image in [-1, 1] is grey where it is dropped) and on the input of every later layer is there when a
    "dropout" key is given, see `jaxgan.networks.noise`. The program also bounds the norm of each piece's weights: that is
    the constraint "max_norm" of the player. PacGAN's toy discriminator (Lin et al. 2018, arXiv:1712.04086) is
    `units=(200,) * 3, input_dropout=0.0, hidden_dropout=0.0, weight_range=0.035`.

    Attributes:
        units: Of each layer.
        pieces: Of each unit.
        input_dropout: Share of the input's entries that are dropped.
        hidden_dropout: Share of each layer's units that are dropped.
        weight_range: Weights start in U(-weight_range, weight_range).
        dtype: Compute dtype.
    """

    units: tuple[int, ...] = (240, 240)
    pieces: int = 5
    input_dropout: float = 0.2
    hidden_dropout: float = 0.5
    weight_range: float = 0.005
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, features: bool = False) -> jax.Array | Verdict:
        """Maps samples (B, ...) to logits (B,); with `features` also gives the last maxout layer, float32 (B, F)."""
        init = _symmetric_uniform(self.weight_range)
        x = x.reshape(len(x), -1)
        for index, units in enumerate(self.units):
            x = dropout(self, x, self.hidden_dropout if index else self.input_dropout)
            x = _maxout(x, units, self.pieces, kernel_init=init, dtype=self.dtype, name=f"maxout_{index}")
        x = x.astype(jnp.float32)
        logits = nn.Dense(1, kernel_init=init, name="output")(dropout(self, x, self.hidden_dropout))[:, 0]
        return Verdict(logits, x) if features else logits


class MaxoutCGANGenerator(nn.Module):
    """The generator of the first conditional GAN: z (B, latent), label int (B,) -> float32 images in [-1, 1].

    The latent and the one-hot label each have a rectified layer of their own, then one together, and a sigmoid, as
    2 sigmoid - 1 here. Its 100 latents are uniform in the unit cube. Dropout on the joint layer and its input is there when a
    "dropout" key is given, see `jaxgan.networks.noise`. The paper does not say how weights start; here it is as in the first
    GAN's program.

    Attributes:
        output_shape: Shape of one image; (28, 28, 1) in the paper.
        hidden: Widths of the latent's layer, of the label's and of the joint one.
        embedded_classes: Classes of the label.
        dropout_rate: Share of the units that are dropped.
        weight_range: Weights start in U(-weight_range, weight_range).
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    hidden: tuple[int, int, int] = (200, 1000, 1200)
    embedded_classes: int = 0
    dropout_rate: float = 0.5
    weight_range: float = 0.05
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array, label: jax.Array | None = None) -> jax.Array:
        """Maps latents (B, latent) and labels (B,) to images (B, *output_shape)."""
        shape, one_hot = sample_shape(self), _one_hot(self, label)
        common: dict[str, Any] = {"kernel_init": _symmetric_uniform(self.weight_range), "dtype": self.dtype}
        alone = [
            nn.relu(nn.Dense(width, **common, name=name)(each))
            for each, width, name in zip((z, one_hot), self.hidden, ("latent", "label"), strict=False)
        ]
        x = dropout(self, jnp.concatenate(alone, axis=-1), self.dropout_rate)
        x = dropout(self, nn.relu(nn.Dense(self.hidden[2], **common, name="joint")(x)), self.dropout_rate)
        x = nn.Dense(math.prod(shape), **common, name="output")(x)
        # 2 sigmoid(x) - 1 = tanh(x / 2)
        return tanh_image(x / 2).reshape(-1, *shape)


class MaxoutCGANDiscriminator(nn.Module):
    """The discriminator of the first conditional GAN: x (B, ...), label int (B,) -> float32 logits (B,).

    The image and the one-hot label each have a maxout layer of their own, then one together. Dropout on the joint layer and
    its input is there when a "dropout" key is given, see `jaxgan.networks.noise`. Weights start as in `MaxoutDiscriminator`.

    Attributes:
        units: Of the image's layer, of the label's and of the joint one.
        pieces: Of each unit of these.
        embedded_classes: Classes of the label.
        dropout_rate: Share of the units that are dropped.
        weight_range: Weights start in U(-weight_range, weight_range).
        dtype: Compute dtype.
    """

    units: tuple[int, int, int] = (240, 50, 240)
    pieces: tuple[int, int, int] = (5, 5, 4)
    embedded_classes: int = 0
    dropout_rate: float = 0.5
    weight_range: float = 0.005
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, label: jax.Array | None = None, features: bool = False) -> jax.Array | Verdict:
        """Maps images (B, ...) and labels (B,) to logits (B,); with `features` also gives the joint layer, float32 (B, F)."""
        init = _symmetric_uniform(self.weight_range)
        common: dict[str, Any] = {"kernel_init": init, "dtype": self.dtype}
        alone = [
            _maxout(each, units, pieces, **common, name=name)
            for each, units, pieces, name in zip(
                (x.reshape(len(x), -1), _one_hot(self, label)),
                self.units,
                self.pieces,
                ("image", "label"),
                strict=False,
            )
        ]
        both = dropout(self, jnp.concatenate(alone, axis=-1), self.dropout_rate)
        both = _maxout(both, self.units[2], self.pieces[2], **common, name="joint").astype(jnp.float32)
        logits = nn.Dense(1, kernel_init=init, name="output")(dropout(self, both, self.dropout_rate))[:, 0]
        return Verdict(logits, both) if features else logits


def _one_hot(network: Any, label: jax.Array | None) -> jax.Array:
    """The labels of a network that cannot do without, (B, classes)."""
    check_label(network, "embedded_classes", label)
    if label is None:
        raise UserError(f"{type(network).__name__} cannot do without labels: set embedded_classes")
    return jax.nn.one_hot(label, network.embedded_classes)


def _maxout(x: jax.Array, units: int, pieces: int, **fields: Any) -> jax.Array:
    """A layer of the calling module, each of whose units is the largest of its pieces: (B, F) -> (B, units)."""
    # h_i = max over j of (W_ij x + b_ij)
    return largest(nn.Dense(units * pieces, **fields)(x).reshape(len(x), units, pieces), axis=2)


def _symmetric_uniform(limit: float) -> Initializer:
    """Draws from U(-limit, limit)."""

    def init(key: jax.Array, shape: Sequence[int], dtype: Any = jnp.float32, out_sharding: Any = None) -> jax.Array:
        return jax.random.uniform(key, tuple(shape), dtype, -limit, limit)

    return init

"""Multilayer perceptrons, for images as vectors and for toy densities."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.layers import BatchNorm, Verdict
from jaxgan.networks.common import ACTIVATIONS, check_label, choose, sample_shape, tanh_image
from jaxgan.networks.initializers import normal, variance_scaling
from jaxgan.networks.noise import dropout

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
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    hidden: tuple[int, ...] = (256, 256)
    activation: str = "relu"
    output: str = "tanh"
    norm: str = "none"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """Maps latents (B, latent) to samples (B, *output_shape)."""
        shape = sample_shape(self)
        finish = choose({"tanh": tanh_image, "linear": lambda y: y.astype(jnp.float32)}, self.output, "output")
        x = hidden_layers(z, self.hidden, self.activation, self.dtype, self.norm, epsilon=self.norm_epsilon)
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


class ConditionalMLPGenerator(nn.Module):
    """Fully connected generator that is told a class: z (B, latent), label int (B,) -> float32 images (B, *output_shape).

    A learned vector of the class stands beside z. The default is the usual first conditional GAN on MNIST,
    110-256-512-1024-784; for the first paper's own networks see `MaxoutCGANGenerator`.

    Attributes:
        output_shape: Shape of one image.
        hidden: Width of each hidden layer.
        embedded_classes: Classes of the label; 0: no labels.
        embedding_size: Components of a class's vector; they begin as N(0, 1).
        activation: As in `MLPGenerator`.
        norm: As in `MLPGenerator`.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    hidden: tuple[int, ...] = (256, 512, 1024)
    embedded_classes: int = 0
    embedding_size: int = 10
    activation: str = "leaky_relu"
    norm: str = "none"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array, label: jax.Array | None = None) -> jax.Array:
        """Maps latents (B, latent), and with classes labels (B,), to images (B, *output_shape) in [-1, 1]."""
        check_label(self, "embedded_classes", label)
        shape = sample_shape(self)
        x = jnp.concatenate([z, *_class_vector(self, label)], axis=-1)
        x = hidden_layers(x, self.hidden, self.activation, self.dtype, self.norm, epsilon=self.norm_epsilon)
        x = nn.Dense(math.prod(shape), kernel_init=output_init, dtype=self.dtype, name="output")(x)
        return tanh_image(x).reshape(-1, *shape)


class ConditionalMLPDiscriminator(nn.Module):
    """Fully connected discriminator that is told a class: x (B, ...), label int (B,) -> float32 logits (B,).

    Of one score for both (the default, 794-1024-512-256-1 on MNIST, `ConditionalMLPGenerator`'s opponent) the image and a
    learned vector of the class go through all layers together. Of separate scores the image goes through all but the last
    hidden layer alone, realness is linear in what comes out, and the class's vector joins it for the last hidden layer, from
    which the match is read. Dropout behind every hidden layer is there when a "dropout" key is given, see
    `jaxgan.networks.noise`.

    Attributes:
        hidden: Width of each hidden layer.
        separate: Whether there are two scores.
        embedded_classes: Classes of the label; 0: no labels.
        embedding_size: Components of a class's vector; they begin as N(0, 1).
        activation: As in `MLPDiscriminator`.
        dropout_rate: Share of each hidden layer's units that are dropped.
        dtype: Compute dtype.
    """

    hidden: tuple[int, ...] = (1024, 512, 256)
    separate: bool = False
    embedded_classes: int = 0
    embedding_size: int = 10
    activation: str = "leaky_relu"
    dropout_rate: float = 0.4
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, label: jax.Array | None = None, features: bool = False) -> jax.Array | Verdict:
        """Judges images.

        Args:
            x: Images (B, ...).
            label: The classes that they are said to be of, int (B,), with classes.
            features: Return the last hidden layer, float32 (B, F), too; of two scores, the one that realness is linear in.

        Returns:
            Logits (B,); with two scores, or with `features`, a `Verdict`.
        """
        check_label(self, "embedded_classes", label)
        if self.separate and (label is None or len(self.hidden) < 2):
            raise UserError(
                "ConditionalMLPDiscriminator(separate=True) needs labels, and a hidden layer before the class joins and one "
                f"behind it; hidden={self.hidden}"
            )
        layers: dict[str, Any] = {"activation": self.activation, "dtype": self.dtype, "drop": self._drop}
        vector = _class_vector(self, label)
        alone = self.hidden[:-1] if self.separate else ()
        h = hidden_layers(x.reshape(len(x), -1), alone, **layers)
        both = hidden_layers(
            jnp.concatenate([h, *vector], axis=-1), self.hidden[len(alone) :], **layers, first=len(alone)
        )
        judged = (h if self.separate else both).astype(jnp.float32)
        score = nn.Dense(1, kernel_init=output_init, name="output")(judged)[:, 0]
        if not (self.separate or features):
            return score
        match = None
        if self.separate:
            match = nn.Dense(1, kernel_init=output_init, name="match")(both.astype(jnp.float32))[:, 0]
        return Verdict(score, judged if features else None, match=match)

    def _drop(self, x: jax.Array) -> jax.Array:
        return dropout(self, x, self.dropout_rate)


def _class_vector(network: Any, label: jax.Array | None) -> tuple[jax.Array, ...]:
    """The learned vectors (B, embedding_size) of labels; () without."""
    if label is None:
        return ()
    return (
        nn.Embed(network.embedded_classes, network.embedding_size, embedding_init=normal(1.0), name="embedding")(label),
    )


def hidden_layers(
    x: jax.Array,
    widths: tuple[int, ...],
    activation: str,
    dtype: Any,
    norm: str = "none",
    epsilon: float = 1e-5,
    drop: Callable[[jax.Array], jax.Array] = lambda x: x,
    first: int = 0,
) -> jax.Array:
    """Dense layers of the calling module, each with its activation and `drop` behind it; `first` is the first one's number."""
    activate = choose(ACTIVATIONS, activation, "activation")
    normalize = choose({"batch": True, "none": False}, norm, "norm")
    for index, width in enumerate(widths, start=first):
        dense = nn.Dense(width, use_bias=not normalize, kernel_init=hidden_init, dtype=dtype, name=f"hidden_{index}")
        x = dense(x)
        if normalize:
            x = BatchNorm(epsilon=epsilon, dtype=dtype, name=f"norm_{index}")(x)
        x = drop(activate(x))
    return x

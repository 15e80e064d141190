"""The networks of Triple-GAN on MNIST, with the sizes of the authors' program.

Li, Xu, Zhu and Zhang, "Triple Generative Adversarial Nets" (2017, arXiv:1703.02291), appendix. They vary the networks of
`jaxgan.networks.improved_gan`: the one-hot label stands beside the input of every dense layer. Weight norm (Salimans and Kingma
2016, arXiv:1602.07868) begins with scales of 1. The program trains those of the generator's last layer alone; here all are
learned unless the player's `frozen` says otherwise.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import BatchNorm, Conv, Verdict, WeightNormDense, max_pool
from jaxgan.networks.common import append_label, image_sides, needed_classes, sample_shape, tanh_image
from jaxgan.networks.initializers import normal, variance_scaling
from jaxgan.networks.noise import dropout, gaussian_noise

_glorot_uniform = variance_scaling(1.0, "fan_avg", "uniform")


class TripleGANGenerator(nn.Module):
    """The generator of Triple-GAN on MNIST: z (B, latent), label int (B,) -> float32 images (B, *output_shape) in [-1, 1].

    Dense layers with batch norm and softplus, then one with weight norm and a sigmoid, as 2 sigmoid - 1 here. Weights and
    directions begin by Glorot's rule (Lasagne's default, which the program leaves).

    Attributes:
        output_shape: Shape of one image.
        hidden: Width of each hidden layer.
        embedded_classes: Classes of the label; 0: no labels.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    hidden: tuple[int, ...] = (500, 500)
    embedded_classes: int = 0
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array, label: jax.Array | None = None) -> jax.Array:
        """Maps latents (B, latent), and with classes labels (B,), to images (B, *output_shape)."""
        shape, x = sample_shape(self), z
        for index, width in enumerate(self.hidden):
            dense = nn.Dense(
                width, use_bias=False, kernel_init=_glorot_uniform, dtype=self.dtype, name=f"hidden_{index}"
            )
            norm = BatchNorm(epsilon=self.norm_epsilon, dtype=self.dtype, name=f"norm_{index}")
            x = nn.softplus(norm(dense(append_label(self, x, label))))
        output = WeightNormDense(math.prod(shape), _glorot_uniform, dtype=self.dtype, name="output")
        x = output(append_label(self, x, label))
        # 2 sigmoid(x) - 1 = tanh(x / 2)
        return tanh_image(x / 2).reshape(-1, *shape)


class TripleGANDiscriminator(nn.Module):
    """The discriminator of Triple-GAN on MNIST: x (B, ...), label int (B,) -> float32 logits (B,).

    Dense layers with weight norm, whose directions begin from N(0, 0.1), and ReLU. Gaussian noise on the input of every layer
    is there when a "dropout" key is given, see `jaxgan.networks.noise`; the label joins behind the noise. The second layer sees
    it once more, with noise, as in the program.

    Attributes:
        hidden: Width of each hidden layer.
        input_noise: Deviation of the noise on the image, whose pixels the network takes from [-1, 1] to the program's [0, 1]:
            where scales stay at 1, no weight makes up for a wider range.
        hidden_noise: Deviation of the noise on hidden layers.
        embedded_classes: Classes of the label; 0: no labels.
        dtype: Compute dtype.
    """

    hidden: tuple[int, ...] = (1000, 500, 250, 250, 250)
    input_noise: float = 0.3
    hidden_noise: float = 0.5
    embedded_classes: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, label: jax.Array | None = None, features: bool = False) -> jax.Array | Verdict:
        """Maps images (B, ...) and labels (B,) to logits (B,); with `features` also gives the last hidden layer, (B, F)."""
        x = (x.reshape(len(x), -1) + 1) / 2
        for index, width in enumerate(self.hidden):
            if index == 1:
                x = append_label(self, x, label)
            x = gaussian_noise(self, x, self.hidden_noise if index else self.input_noise)
            dense = WeightNormDense(width, normal(0.1), dtype=self.dtype, name=f"hidden_{index}")
            x = nn.relu(dense(append_label(self, x, label)))
        x = x.astype(jnp.float32)
        noisy = append_label(self, gaussian_noise(self, x, self.hidden_noise), label)
        logits = WeightNormDense(1, normal(0.1), name="logit")(noisy)[:, 0]
        return Verdict(logits, x) if features else logits


class TripleGANClassifier(nn.Module):
    """The classifier of Triple-GAN on MNIST: images (B, H, W, C) -> float32 class logits (B, class_logits).

    A 5x5 convolution without padding and a pooling of 2x2, then 3x3 ones: one with and one without padding and again a pooling,
    two with padding, and the mean of the map. Batch norm and ReLU follow each. Kernels begin from N(0, 0.05), those of the
    logits from N(0, 0.01). Dropout behind the poolings is there when a "dropout" key is given, see `jaxgan.networks.noise`.

    Attributes:
        class_logits: Number of classes (K), at least 1.
        widths: Of the first convolution, the next two and the last two.
        dropout_rate: Share of a pooled map that is dropped.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    class_logits: int = 0
    widths: tuple[int, int, int] = (32, 64, 128)
    dropout_rate: float = 0.5
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> Verdict:
        """Maps images (B, H, W, C) to class logits (B, K)."""
        image_sides(self, x)
        first, second, third = self.widths
        layers = ((first, 5, 0), (second, 3, 1), (second, 3, 0), (third, 3, 1), (third, 3, 1))
        for index, (width, size, padding) in enumerate(layers):
            like = {"use_bias": False, "kernel_init": normal(0.05), "dtype": self.dtype}
            conv = Conv(width, size, padding=padding, **like, name=f"conv_{index}")
            x = nn.relu(BatchNorm(epsilon=self.norm_epsilon, dtype=self.dtype, name=f"norm_{index}")(conv(x)))
            if not padding:
                x = dropout(self, max_pool(x), self.dropout_rate)
        x = x.astype(jnp.float32).mean(axis=(1, 2))
        logits = nn.Dense(needed_classes(self), kernel_init=normal(0.01), name="class_logits")
        return Verdict(None, class_logits=logits(x))

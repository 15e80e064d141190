"""The semi-supervised networks of Improved GAN: discriminators with a logit per class.

Salimans, Goodfellow, Zaremba, Cheung, Radford and Chen, "Improved Techniques for Training GANs" (2016, arXiv:1606.03498),
sections 5.1 and 5.2, with the sizes of the released programs. There, weights are normalised (Salimans and Kingma 2016,
arXiv:1602.07868), a first batch of data (500 images, noise and dropout included) sets their gains, and those of hidden layers
then stay. With `data_init` the gains here are set so too, by the images that the network is initialised with and without noise;
without it they start by He's rule. All are learned unless the player's `frozen` says otherwise. Latents are uniform in the unit
cube.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import (
    BatchNorm,
    MinibatchDiscrimination,
    UpConv,
    Verdict,
    VirtualBatchNorm,
    WeightNormDense,
    convolution,
    up_convolution,
    weight_norm,
)
from jaxgan.networks.common import base_map, image_shape, leaky_relu, needed_classes, sample_shape, tanh_image
from jaxgan.networks.initializers import normal
from jaxgan.networks.noise import dropout, gaussian_noise

_init = normal(0.05)
# A 5x5 layer that doubles a map.
_DOUBLE: dict[str, Any] = {"strides": 2, "padding": 2, "output_padding": 1}
_RELU_GAIN = math.sqrt(2)
_LEAKY_GAIN = math.sqrt(2 / (1 + 0.2**2))


class ImprovedMLPGenerator(nn.Module):
    """The generator of Improved GAN on MNIST: z (B, latent) -> float32 images (B, *output_shape) in [-1, 1].

    Dense layers with batch norm (offsets, no gains) and softplus, then one with weight norm and a sigmoid, as 2 sigmoid - 1
    here.

    Attributes:
        output_shape: Shape of one image.
        hidden: Width of each hidden layer.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    hidden: tuple[int, ...] = (500, 500)
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """Maps latents (B, latent) to images (B, *output_shape)."""
        shape = sample_shape(self)
        x = z
        for index, width in enumerate(self.hidden):
            x = nn.Dense(width, use_bias=False, kernel_init=_init, dtype=self.dtype, name=f"hidden_{index}")(x)
            x = nn.softplus(
                BatchNorm(use_scale=False, epsilon=self.norm_epsilon, dtype=self.dtype, name=f"norm_{index}")(x)
            )
        x = WeightNormDense(math.prod(shape), _init, dtype=self.dtype, name="output")(x)
        # 2 sigmoid(x) - 1 = tanh(x / 2)
        return tanh_image(x / 2).reshape(-1, *shape)


class ImprovedMLPDiscriminator(nn.Module):
    """The classifier of Improved GAN on MNIST: x (B, ...) -> float32 class logits (B, K).

    D(x) = Z / (Z + 1) with Z the sum of the exponentials of the logits (section 5). Dense layers with weight norm and ReLU.
    Gaussian noise on the input of every layer is there when a "dropout" key is given, see `jaxgan.networks.noise`.

    Attributes:
        class_logits: Number of classes (K), at least 1.
        hidden: Width of each hidden layer.
        input_noise: Deviation of the noise on the image: 0.3 for pixels in [0, 1] in the program, twice that in [-1, 1].
        hidden_noise: Deviation of the noise on hidden layers.
        data_init: Whether gains and biases begin by data, see this module.
        dtype: Compute dtype.
    """

    class_logits: int = 0
    hidden: tuple[int, ...] = (1000, 500, 250, 250, 250)
    input_noise: float = 0.6
    hidden_noise: float = 0.5
    data_init: bool = False
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, features: bool = False) -> Verdict:
        """Maps samples (B, ...) to class logits (B, K); with `features` also gives the last hidden layer, float32 (B, F)."""
        x = x.reshape(len(x), -1)
        for index, width in enumerate(self.hidden):
            x = gaussian_noise(self, x, self.hidden_noise if index else self.input_noise)
            gain = 1.0 if self.data_init else _RELU_GAIN
            dense = WeightNormDense(width, _init, gain, self.data_init, self.dtype, name=f"hidden_{index}")
            x = nn.relu(dense(x))
        x = x.astype(jnp.float32)
        dense = WeightNormDense(needed_classes(self), _init, data_init=self.data_init, name="logits")
        return Verdict(None, x if features else None, dense(gaussian_noise(self, x, self.hidden_noise)))


class ImprovedGenerator(nn.Module):
    """The generator of Improved GAN on CIFAR-10: z (B, latent) -> float32 images (B, H, W, C) in [-1, 1].

    A dense projection and 5x5 transposed convolutions that double the map; batch norm (offsets, no gains) and ReLU after
    each, but weight norm and tanh after the last. The first batch norm is per unit, the others per channel.

    Attributes:
        output_shape: (H, W, C) of an image, H and W multiples of `2 ** len(widths)`.
        widths: Of the first map and of each after it but the image.
        norm_epsilon: Added to the variances by which its norms divide.
        data_init: Whether the last layer's gains and biases begin by data, see this module.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    widths: tuple[int, ...] = (512, 256, 128)
    norm_epsilon: float = 1e-5
    data_init: bool = False
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array, reference: jax.Array | None = None) -> jax.Array:
        """Maps latents to images (B, H, W, C).

        Args:
            z: (B, latent).
            reference: Latents (n, latent), drawn once and always the same: batch norm becomes virtual batch norm
                (section 3.4) with them as its reference batch, and images depend on their own latents alone.
        """
        height, width = base_map(self, doublings=len(self.widths))
        number = 0 if reference is None else len(reference)

        def activate(x: jax.Array, name: str) -> jax.Array:
            fields: dict[str, Any] = {
                "use_scale": False,
                "epsilon": self.norm_epsilon,
                "dtype": self.dtype,
                "name": name,
            }
            return nn.relu((VirtualBatchNorm(number, **fields) if number else BatchNorm(**fields))(x))

        x = z if reference is None else jnp.concatenate([reference, z])
        common: dict[str, Any] = {"use_bias": False, "kernel_init": _init, "dtype": self.dtype}
        x = nn.Dense(height * width * self.widths[0], **common, name="project")(x)
        x = activate(x, "norm_0").reshape(-1, height, width, self.widths[0])
        for index, features in enumerate(self.widths[1:], start=1):
            x = activate(UpConv(features, 5, **_DOUBLE, **common, name=f"up_{index}")(x), f"norm_{index}")
        return tanh_image(_UpConv(image_shape(self)[2], self.data_init, self.dtype, name="to_image")(x[number:]))


class ImprovedDiscriminator(nn.Module):
    """The classifier of Improved GAN on CIFAR-10: images (B, H, W, C) -> float32 class logits (B, K).

    D(x) = Z / (Z + 1) with Z the sum of the exponentials of the logits (section 5). Nine convolutions with weight norm and
    LeakyReLU 0.2: twice three 3x3 of which the last halves the map, one 3x3 without padding, two 1x1; the mean of the map.
    Dropout (0.2 on the image, 0.5 after a halving) is there when a "dropout" key is given, see `jaxgan.networks.noise`.

    Attributes:
        class_logits: Number of classes (K), at least 1.
        width: Features of the first three convolutions; the others have twice as many.
        kernels: Of minibatch discrimination on the mean of the map; 100 in the program that has it, which has Gaussian
            noise of deviation 0.2 on the image instead of dropout; 0: none.
        data_init: Whether gains and biases begin by data, see this module.
        dtype: Compute dtype.
    """

    class_logits: int = 0
    width: int = 96
    kernels: int = 0
    data_init: bool = False
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, features: bool = False) -> Verdict:
        """Maps images (B, H, W, C) to class logits (B, K); with `features` also what they are linear in, float32 (B, F)."""
        gain = 1.0 if self.data_init else _LEAKY_GAIN
        common: dict[str, Any] = {"gain": gain, "data_init": self.data_init, "dtype": self.dtype}
        x = gaussian_noise(self, x, 0.2) if self.kernels else dropout(self, x, 0.2)
        for stage, width in enumerate((self.width, 2 * self.width)):
            for index, strides in enumerate((1, 1, 2)):
                conv = _Conv(width, strides=strides, **common, name=f"conv_{stage}_{index}")
                x = leaky_relu(conv(x))
            x = dropout(self, x, 0.5)
        for index, (size, padding) in enumerate(((3, 0), (1, 0), (1, 0))):
            x = leaky_relu(_Conv(2 * self.width, size, padding=padding, **common, name=f"conv_2_{index}")(x))
        x = jnp.mean(x.astype(jnp.float32), axis=(1, 2))
        if self.kernels:
            x = MinibatchDiscrimination(self.kernels, data_init=self.data_init, name="minibatch")(x)
        logits = WeightNormDense(needed_classes(self), _init, 0.1, self.data_init, name="logits")(x)
        return Verdict(None, x if features else None, logits)


class _Conv(nn.Module):
    """A convolution with weight norm."""

    features: int
    size: int = 3
    strides: int = 1
    padding: int = 1
    gain: float = 1.0
    data_init: bool = False
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        convolve = lambda kernel: convolution(x.astype(self.dtype), kernel, self.strides, self.padding)  # noqa: E731
        shape, first = (self.size, self.size, x.shape[-1], self.features), convolve if self.data_init else None
        kernel, bias = weight_norm(self, shape, _init, self.gain, first)
        return convolve(kernel) + bias.astype(self.dtype)[None, None, None]


class _UpConv(nn.Module):
    """A 5x5 transposed convolution with weight norm that doubles the map."""

    features: int
    data_init: bool = False
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        convolve = lambda kernel: up_convolution(x.astype(self.dtype), kernel, **_DOUBLE)  # noqa: E731
        first = convolve if self.data_init else None
        kernel, bias = weight_norm(self, (5, 5, x.shape[-1], self.features), _init, 0.1, first)
        return convolve(kernel) + bias.astype(self.dtype)[None, None, None]

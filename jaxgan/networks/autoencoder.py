"""Autoencoders as discriminators: their reconstruction error is an energy, low on the data.

Zhao, Mathieu and LeCun, "Energy-based Generative Adversarial Network" (2016, arXiv:1609.03126).
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.layers import BatchNorm, Conv, UpConv, Verdict
from jaxgan.networks.common import ACTIVATIONS, choose, image_sides, leaky_relu, normalization, tanh_image
from jaxgan.networks.initializers import normal


class _Autoencoder(nn.Module):
    """What both have in common; a subclass has the field `energy` and makes the code and the reconstruction."""

    def __call__(self, x: jax.Array, features: bool = False) -> jax.Array | Verdict:
        """Maps samples (B, ...) to energies (B,); with `features` also gives their codes, float32 (B, F)."""
        code, reconstruction = self._code_and_reconstruction(x)
        energies = reconstruction_error(x, reconstruction, self.energy)
        return Verdict(energies, code) if features else energies

    def reconstruct(self, x: jax.Array) -> jax.Array:
        """Dec(Enc(x)), float32, of the shape of `x`; `nets.discriminator(x, method="reconstruct")`."""
        return self._code_and_reconstruction(x)[1]

    def _code_and_reconstruction(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        raise NotImplementedError


class MLPAutoencoder(_Autoencoder):
    """Fully connected autoencoder: x (B, ...) in [-1, 1] -> float32 energies (B,), at least 0.

    The paper's on MNIST, where its grid search ended with one hidden layer of 1024 units (section 4.1).

    Attributes:
        hidden: Width of each layer of the encoder, the last one the code; the decoder mirrors them.
        activation: "relu", "leaky_relu" (slope 0.2), "tanh" or "elu".
        norm: "batch" for batch norm on every hidden layer but the first, or "none".
        energy: See `reconstruction_error`; the paper's margins belong to "norm".
        weight_deviation: Weights start in N(0, weight_deviation^2).
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    hidden: tuple[int, ...] = (1024,)
    activation: str = "relu"
    norm: str = "batch"
    energy: str = "norm"
    weight_deviation: float = 0.002
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def _code_and_reconstruction(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        activate = choose(ACTIVATIONS, self.activation, "activation")
        normalize = choose({"batch": True, "none": False}, self.norm, "norm")
        common: dict[str, Any] = {"kernel_init": normal(self.weight_deviation), "dtype": self.dtype}
        h = code = x.reshape(len(x), -1)
        inputs = h.shape[-1]
        for index, width in enumerate((*self.hidden, *reversed(self.hidden[:-1]))):
            norm = normalize and index > 0
            h = nn.Dense(width, use_bias=not norm, **common, name=f"hidden_{index}")(h)
            h = activate(BatchNorm(epsilon=self.norm_epsilon, dtype=self.dtype, name=f"norm_{index}")(h) if norm else h)
            code = h if index == len(self.hidden) - 1 else code
        y = nn.Dense(inputs, **common, name="output")(h)
        return code.astype(jnp.float32), tanh_image(y).reshape(x.shape)


class ConvAutoencoder(_Autoencoder):
    """Convolutional autoencoder: images (B, H, W, C) in [-1, 1] -> float32 energies (B,), at least 0.

    The default is the paper's for 64x64 images (appendix): 4x4 convolutions that halve the map, 64-128-256, then transposed
    ones back to the image; LeakyReLU 0.2; batch norm on every layer but the first and the last. Its generator is
    `DCGANGenerator(width=128, layout="torch")`.

    Attributes:
        widths: Of the encoder's maps, the last one the code; the decoder mirrors them.
        norm: "batch", or "none" (with biases instead).
        energy: See `reconstruction_error`; the paper's margins belong to "norm".
        weight_deviation: Weights start in N(0, weight_deviation^2).
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    widths: tuple[int, ...] = (64, 128, 256)
    norm: str = "batch"
    energy: str = "norm"
    weight_deviation: float = 0.002
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def _code_and_reconstruction(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        factor = 2 ** len(self.widths)
        height, width = image_sides(self, x)
        if height % factor or width % factor:
            raise UserError(
                f"ConvAutoencoder: images of {height}x{width} cannot be halved {len(self.widths)} times; resize "
                "them, or use fewer widths"
            )
        common: dict[str, Any] = {"kernel_init": normal(self.weight_deviation), "dtype": self.dtype}
        h = x
        for index, features in enumerate(self.widths):
            norm = self.norm if index else "none"
            down = Conv(features, 4, strides=2, padding=1, use_bias=norm == "none", **common, name=f"down_{index}")
            h = leaky_relu(normalization(norm, self.dtype, f"down_norm_{index}", self.norm_epsilon)(down(h)))
        code = h.reshape(len(h), -1).astype(jnp.float32)
        for index, features in enumerate(reversed(self.widths[:-1])):
            up = UpConv(features, use_bias=self.norm == "none", **common, name=f"up_{index}")
            h = leaky_relu(normalization(self.norm, self.dtype, f"up_norm_{index}", self.norm_epsilon)(up(h)))
        return code, tanh_image(UpConv(x.shape[-1], **common, name="to_image")(h))


def reconstruction_error(x: jax.Array, reconstruction: jax.Array, kind: str) -> jax.Array:
    """How far each reconstruction is from its image, float32 (B,).

    A margin must fit the kind. EBGAN's margins (10 on MNIST, 20 at 64x64, 40 at 128, 80 at 256) grow with the side of the
    image as the norm does; a mean over images in [-1, 1] never exceeds 4 (squares) or 2.

    Args:
        x: (B, ...).
        reconstruction: The same shape.
        kind: "norm", || x - y ||_2 over the whole image (the paper's D(x), section 2.3; its gradient at 0 is 0);
            "mean_square" or "mean_absolute" (BEGAN), over the image's entries.
    """
    kinds = {
        "norm": lambda error: _norm(jnp.sum(jnp.square(error), axis=1)),
        "mean_square": lambda error: jnp.mean(jnp.square(error), axis=1),
        "mean_absolute": lambda error: jnp.mean(jnp.abs(error), axis=1),
    }
    error = x.astype(jnp.float32) - reconstruction.astype(jnp.float32)
    return choose(kinds, kind, "energy")(error.reshape(len(x), -1))


def _norm(squares: jax.Array) -> jax.Array:
    positive = squares > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1.0)), 0.0)

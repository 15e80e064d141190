"""The networks of InfoGAN on MNIST, and the head that reads codes.

Chen, Duan, Houthooft, Schulman, Sutskever and Abbeel, "InfoGAN: Interpretable Representation Learning by Information Maximizing
Generative Adversarial Nets" (2016, arXiv:1606.03657), appendix C.1. As in the authors' program, weights begin from N(0, 0.02)
and the gains of norms from N(1, 0.02); the code head's begin at 1.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.layers import BatchNorm, Conv, UpConv, Verdict
from jaxgan.networks.common import base_map, gain_init, image_shape, image_sides, normal_init, tanh_image


class InfoGANGenerator(nn.Module):
    """The generator of InfoGAN: latents (B, latent) -> float32 images (B, H, W, C) in [-1, 1].

    Two linear layers and two 4x4 transposed convolutions that double the map, with batch norm and ReLU after all but the last,
    which ends in a sigmoid, as 2 sigmoid - 1 here.

    Attributes:
        output_shape: (H, W, C) of an image, H and W multiples of 4.
        width: Of the first layer.
        widths: Features of the first map and of the second.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    width: int = 1024
    widths: tuple[int, int] = (128, 64)
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """Maps latents (B, latent) to images (B, H, W, C)."""
        height, width = base_map(self, doublings=2)
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        normed: dict[str, Any] = {"scale_init": gain_init, "epsilon": self.norm_epsilon, "dtype": self.dtype}

        def activate(x: jax.Array, name: str) -> jax.Array:
            return nn.relu(BatchNorm(**normed, name=name)(x))

        x = activate(nn.Dense(self.width, **common, use_bias=False, name="hidden")(z), "norm_0")
        x = activate(nn.Dense(height * width * self.widths[0], **common, use_bias=False, name="project")(x), "norm_1")
        x = x.reshape(-1, height, width, self.widths[0])
        x = activate(UpConv(self.widths[1], **common, use_bias=False, name="up")(x), "norm_2")
        # 2 sigmoid(x) - 1 = tanh(x / 2)
        return tanh_image(UpConv(image_shape(self)[2], **common, name="to_image")(x) / 2)


class InfoGANDiscriminator(nn.Module):
    """The discriminator of InfoGAN: images (B, H, W, C) -> float32 logits (B,).

    Two 4x4 convolutions that halve the map and a linear layer, with leaky ReLU, and batch norm on all but the first.

    Attributes:
        widths: Features of the convolutions.
        width: Of the linear layer, which a code head reads.
        slope: Of the leaky ReLU below 0: 0.1 in the paper, 0.01 in the authors' program.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    widths: tuple[int, int] = (64, 128)
    width: int = 1024
    slope: float = 0.1
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, features: bool = False) -> jax.Array | Verdict:
        """Maps images (B, H, W, C) to logits (B,); with `features` also gives the linear layer's, float32 (B, F)."""
        image_sides(self, x)
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        normed: dict[str, Any] = {"scale_init": gain_init, "epsilon": self.norm_epsilon, "dtype": self.dtype}
        down: dict[str, Any] = {"kernel_size": 4, "strides": 2, "padding": 1} | common
        x = nn.leaky_relu(Conv(self.widths[0], **down, name="down_0")(x), self.slope)
        x = Conv(self.widths[1], **down, use_bias=False, name="down_1")(x)
        x = nn.leaky_relu(BatchNorm(**normed, name="norm_1")(x), self.slope)
        x = nn.Dense(self.width, **common, use_bias=False, name="hidden")(x.reshape(len(x), -1))
        x = nn.leaky_relu(BatchNorm(**normed, name="norm_2")(x), self.slope).astype(jnp.float32)
        logits = nn.Dense(1, kernel_init=normal_init, name="logit")(x)[:, 0]
        return Verdict(logits, x) if features else logits


class CodeHead(nn.Module):
    """Q of InfoGAN: features (B, F) -> what they say of the codes, float32 (B, outputs).

    A linear layer with batch norm and leaky ReLU, and a linear one.

    Attributes:
        outputs: Numbers that it gives, at least 1.
        width: Of the first layer.
        slope: Of the leaky ReLU below 0: 0.1 in the paper, 0.01 in the authors' program.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    outputs: int = 0
    width: int = 128
    slope: float = 0.1
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps features (B, F) to numbers (B, outputs)."""
        if self.outputs < 1:
            raise UserError("CodeHead does not know how many numbers to give; set outputs")
        x = nn.Dense(self.width, use_bias=False, kernel_init=normal_init, dtype=self.dtype, name="hidden")(x)
        x = nn.leaky_relu(BatchNorm(epsilon=self.norm_epsilon, dtype=self.dtype, name="norm")(x), self.slope).astype(
            jnp.float32
        )
        return nn.Dense(self.outputs, kernel_init=normal_init, name="output")(x)

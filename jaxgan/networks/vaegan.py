"""The convolutional networks of VAE-GAN.

Larsen, Sonderby, Larochelle and Winther, "Autoencoding beyond pixels using a learned similarity metric" (2015,
arXiv:1512.09300), table 1, for 64x64 images of faces.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import BatchNorm, Conv, UpConv, Verdict
from jaxgan.networks.common import base_map, image_shape, image_sides, normal_init, tanh_image


class VAEGANEncoder(nn.Module):
    """The encoder of VAE-GAN: images (B, H, W, C) -> float32 (B, outputs).

    5x5 convolutions that halve the map, and a dense layer; batch norm and ReLU follow each.

    Attributes:
        outputs: How many numbers it gives; its game says so.
        widths: Of the maps.
        dense: Units of the dense layer: 2,048 in the paper's table, which is from memory; the authors' program has 1,024.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    outputs: int = 0
    widths: tuple[int, ...] = (64, 128, 256)
    dense: int = 2048
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps images (B, H, W, C) to numbers (B, outputs)."""
        image_sides(self, x)
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        for index, features in enumerate(self.widths):
            x = Conv(features, 5, strides=2, padding=2, use_bias=False, **common, name=f"down_{index}")(x)
            x = nn.relu(BatchNorm(epsilon=self.norm_epsilon, dtype=self.dtype, name=f"norm_{index}")(x))
        x = nn.Dense(self.dense, use_bias=False, **common, name="dense")(x.reshape(len(x), -1))
        x = nn.relu(BatchNorm(epsilon=self.norm_epsilon, dtype=self.dtype, name="dense_norm")(x))
        return nn.Dense(self.outputs, **common, name="output")(x).astype(jnp.float32)


class VAEGANGenerator(nn.Module):
    """The decoder of VAE-GAN: z (B, latent) -> float32 images (B, H, W, C) in [-1, 1].

    A dense layer to the first map, 5x5 transposed convolutions that double it, a 5x5 convolution and tanh; batch norm and ReLU
    follow every layer but the last.

    Attributes:
        output_shape: (H, W, C) of an image, H and W multiples of `2 ** (len(widths) - 1)`.
        widths: Of the first map and of each after it.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    widths: tuple[int, ...] = (256, 256, 128, 32)
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """Maps latents (B, latent) to images (B, H, W, C)."""
        height, width = base_map(self, doublings=len(self.widths) - 1)
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        x = nn.Dense(height * width * self.widths[0], use_bias=False, **common, name="project")(z)
        x = nn.relu(
            BatchNorm(epsilon=self.norm_epsilon, dtype=self.dtype, name="norm_0")(
                x.reshape(-1, height, width, self.widths[0])
            )
        )
        for index, features in enumerate(self.widths[1:], start=1):
            x = UpConv(features, 5, padding=2, output_padding=1, use_bias=False, **common, name=f"up_{index}")(x)
            x = nn.relu(BatchNorm(epsilon=self.norm_epsilon, dtype=self.dtype, name=f"norm_{index}")(x))
        return tanh_image(Conv(image_shape(self)[2], 5, **common, name="to_image")(x))


class VAEGANDiscriminator(nn.Module):
    """The discriminator of VAE-GAN: images (B, H, W, C) -> float32 logits (B,).

    5x5 convolutions, of which all but the first halve the map and are followed by batch norm; a dense layer with batch norm;
    ReLU after each.

    Attributes:
        widths: Of the maps.
        dense: Units of the dense layer.
        class_logits: 0, or of how many classes it gives logits in the place of a score.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    widths: tuple[int, ...] = (32, 128, 256, 256)
    dense: int = 512
    class_logits: int = 0
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, features: bool = False) -> jax.Array | Verdict:
        """Maps images (B, H, W, C) to logits (B,); with `features` also gives the flattened last map, float32 (B, F).

        That is Dis_l, before its batch norm: what the paper compares reconstructions in.
        """
        image_sides(self, x)
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        x = nn.relu(Conv(self.widths[0], 5, **common, name="conv_0")(x))
        for index, width in enumerate(self.widths[1:], start=1):
            x = last = Conv(width, 5, strides=2, padding=2, use_bias=False, **common, name=f"down_{index}")(x)
            x = nn.relu(BatchNorm(epsilon=self.norm_epsilon, dtype=self.dtype, name=f"norm_{index}")(x))
        x = nn.Dense(self.dense, use_bias=False, **common, name="dense")(x.reshape(len(x), -1))
        x = nn.relu(BatchNorm(epsilon=self.norm_epsilon, dtype=self.dtype, name="dense_norm")(x))
        logits = nn.Dense(self.class_logits or 1, **common, name="output")(x).astype(jnp.float32)
        found = last.reshape(len(last), -1).astype(jnp.float32) if features else None
        if self.class_logits:
            return Verdict(None, found, logits)
        return Verdict(logits[:, 0], found) if features else logits[:, 0]

"""The networks of BEGAN: a generator, and an autoencoder whose decoder has the generator's architecture.

Berthelot, Schumm and Metz, "BEGAN: Boundary Equilibrium Generative Adversarial Networks" (2017, arXiv:1703.10717), section
3.5, with the widths of carpedm20's public program. The skip connections and vanishing residuals that the paper tries as
well are left out.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import Conv, Verdict, upsample_nearest
from jaxgan.networks.autoencoder import reconstruction_error
from jaxgan.networks.common import image_shape, image_sides
from jaxgan.networks.initializers import variance_scaling

_init = variance_scaling(1.0, "fan_avg", "uniform")


class BEGANGenerator(nn.Module):
    """The generator, and the decoder, of BEGAN: z (B, hidden) -> float32 images (B, H, W, C), linear.

    z (64 components, uniform in [-1, 1]) is projected to a map of 8x8 (the image halved while its sides are even and 16 or
    more: 14x14 for 28 pixels); then come two 3x3 convolutions with ELU at every size, with nearest-neighbour upsampling
    between sizes, and a linear 3x3 convolution to the image. No layer is normalised.

    Attributes:
        output_shape: (H, W, C) of an image.
        width: Features of every map (n): 128 at 128 pixels, 64 or 128 at 64.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    width: int = 64
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """Maps latents (B, hidden) to images (B, H, W, C)."""
        *sides, channels = image_shape(self)
        (height, width), sizes = _base_map(*sides)
        common: dict[str, Any] = {"kernel_init": _init, "dtype": self.dtype}
        x = nn.Dense(height * width * self.width, **common, name="project")(z)
        x = x.reshape(-1, height, width, self.width)
        for size in range(sizes):
            x = upsample_nearest(x) if size else x
            for index in range(2):
                x = nn.elu(Conv(self.width, **common, name=f"conv_{size}_{index}")(x))
        return Conv(channels, **common, name="to_image")(x).astype(jnp.float32)


class BEGANAutoencoder(nn.Module):
    """The discriminator of BEGAN: images v (B, H, W, C) -> L(v) = mean |v - Dec(Enc(v))|, float32 (B,).

    Each of the encoder's sizes has two 3x3 convolutions with ELU, and between sizes a linear one that halves the map; the
    i-th size has i times `width` features. The last map, of 8x8, is projected to the code. The decoder is a
    `BEGANGenerator` with parameters of its own.

    Attributes:
        width: Features of the encoder's first map and of every map of the decoder (n).
        hidden: Components of the code (h).
        dtype: Compute dtype.
    """

    width: int = 64
    hidden: int = 64
    dtype: Any = jnp.float32

    def __call__(self, x: jax.Array, features: bool = False) -> jax.Array | Verdict:
        """Maps images (B, H, W, C) to L(v), (B,); with `features` also gives their codes, float32 (B, hidden)."""
        code, reconstruction = self._code_and_reconstruction(x)
        # L(v) = |v - D(v)|^eta, eta = 1, the mean over the image's entries (section 3.1)
        error = reconstruction_error(x, reconstruction, "mean_absolute")
        return Verdict(error, code) if features else error

    def reconstruct(self, x: jax.Array) -> jax.Array:
        """Dec(Enc(v)), float32, of the shape of `x`; `nets.discriminator(x, method="reconstruct")`."""
        return self._code_and_reconstruction(x)[1]

    @nn.compact
    def _code_and_reconstruction(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        _, sizes = _base_map(*image_sides(self, x))
        common: dict[str, Any] = {"kernel_init": _init, "dtype": self.dtype}
        h = nn.elu(Conv(self.width, **common, name="from_image")(x))
        for size in range(sizes):
            features = self.width * (size + 1)
            for index in range(2):
                h = nn.elu(Conv(features, **common, name=f"conv_{size}_{index}")(h))
            if size < sizes - 1:
                h = Conv(features, strides=2, **common, name=f"down_{size}")(h)
        code = nn.Dense(self.hidden, **common, name="code")(h.reshape(len(h), -1))
        decoder = BEGANGenerator(x.shape[1:], self.width, self.dtype, name="decoder")
        return code.astype(jnp.float32), decoder(code)


def _base_map(height: int, width: int) -> tuple[tuple[int, int], int]:
    """The smallest map, at least 8 on its shorter side if the image is, and the number of sizes from it to the image."""
    sizes = 1
    while height % 2 == 0 and width % 2 == 0 and min(height, width) >= 16:
        height, width, sizes = height // 2, width // 2, sizes + 1
    return (height, width), sizes

"""The networks of BEGAN: a generator, and an autoencoder whose decoder has the generator's architecture.

Berthelot, Schumm and Metz, "BEGAN: Boundary Equilibrium Generative Adversarial Networks" (2017, arXiv:1703.10717), section
3.5: an exponential linear unit (ELU) behind every 3x3 convolution, those of stride 2 too, but the last. The widths are those
of carpedm20's public program, which has neither the skip connections nor the vanishing residuals of section 3.5.1.
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

Carry = jax.Array | float | None  # of vanishing residuals: traced, or a number; None: there are none


class BEGANGenerator(nn.Module):
    """The generator, and the decoder, of BEGAN: z (B, hidden) -> float32 images (B, H, W, C), linear.

    z (64 components, uniform in [-1, 1]) is projected to a map of 8x8 (the image halved while its sides are even and 16 or
    more: 14x14 for 28 pixels); then come two 3x3 convolutions with ELU at every size, with nearest-neighbour upsampling
    between sizes, and a linear 3x3 convolution to the image. No layer is normalised.

    Attributes:
        output_shape: (H, W, C) of an image.
        width: Features of every map (n): 128 at 128 pixels, 64 or 128 at 64.
        skip_connections: Behind each upsampling the first map, upsampled to the same size, is appended (section 3.5.1).
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    width: int = 64
    skip_connections: bool = False
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array, carry: Carry = None) -> jax.Array:
        """Maps latents (B, hidden) to images (B, H, W, C); `carry` in [0, 1] as in `BEGANAutoencoder`."""
        *sides, channels = image_shape(self)
        (height, width), sizes = _base_map(*sides)
        x = nn.Dense(height * width * self.width, kernel_init=_init, dtype=self.dtype, name="project")(z)
        x = first = x.reshape(-1, height, width, self.width)
        for size in range(sizes):
            if size:
                x, first = upsample_nearest(x), upsample_nearest(first)
                x = jnp.concatenate([x, first], axis=-1) if self.skip_connections else x
            for index in range(2):
                x = _layer(Conv(self.width, kernel_init=_init, dtype=self.dtype, name=f"conv_{size}_{index}"), x, carry)
        return Conv(channels, kernel_init=_init, dtype=self.dtype, name="to_image")(x).astype(jnp.float32)


class BEGANAutoencoder(nn.Module):
    """The discriminator of BEGAN: images v (B, H, W, C) -> L(v) = mean |v - Dec(Enc(v))|, float32 (B,).

    Each of the encoder's sizes has two 3x3 convolutions with ELU, and between sizes one more that halves the map; the
    i-th size has i times `width` features. The last map, of 8x8, is projected to the code. The decoder is a
    `BEGANGenerator` with parameters of its own.

    Attributes:
        width: Features of the encoder's first map and of every map of the decoder (n).
        hidden: Components of the code (h).
        skip_connections: Of the decoder, see `BEGANGenerator`.
        dtype: Compute dtype.
    """

    width: int = 64
    hidden: int = 64
    skip_connections: bool = False
    dtype: Any = jnp.float32

    def __call__(self, x: jax.Array, features: bool = False, carry: Carry = None) -> jax.Array | Verdict:
        """Maps images to their energies, (B,).

        Args:
            x: v, (B, H, W, C).
            features: Also give their codes, float32 (B, hidden).
            carry: Of vanishing residuals (section 3.5.1), in [0, 1]: a convolution that keeps the shape of its input gives
                carry input + (1 - carry) output. None is 0.
        """
        code, reconstruction = self._code_and_reconstruction(x, carry)
        # L(v) = |v - D(v)|^eta, eta = 1, the mean over the image's entries (section 3.1)
        error = reconstruction_error(x, reconstruction, "mean_absolute")
        return Verdict(error, code) if features else error

    def reconstruct(self, x: jax.Array) -> jax.Array:
        """Dec(Enc(v)), float32, of the shape of `x`; `nets.discriminator(x, method="reconstruct")`."""
        return self._code_and_reconstruction(x)[1]

    @nn.compact
    def _code_and_reconstruction(self, x: jax.Array, carry: Carry = None) -> tuple[jax.Array, jax.Array]:
        _, sizes = _base_map(*image_sides(self, x))
        common: dict[str, Any] = {"kernel_init": _init, "dtype": self.dtype}
        h = _layer(Conv(self.width, **common, name="from_image"), x, carry)
        for size in range(sizes):
            features = self.width * (size + 1)
            for index in range(2):
                h = _layer(Conv(features, **common, name=f"conv_{size}_{index}"), h, carry)
            if size < sizes - 1:
                h = _layer(Conv(features, strides=2, **common, name=f"down_{size}"), h, carry)
        code = nn.Dense(self.hidden, **common, name="code")(h.reshape(len(h), -1))
        decoder = BEGANGenerator(x.shape[1:], self.width, self.skip_connections, self.dtype, name="decoder")
        return code.astype(jnp.float32), decoder(code, carry)


def _layer(conv: Conv, x: jax.Array, carry: Carry) -> jax.Array:
    """A convolution with ELU, which a vanishing residual fades in where the shape stays the same."""
    y = nn.elu(conv(x))
    if carry is None or y.shape != x.shape:
        return y
    # in_{x+1} = carry in_x + (1 - carry) out_x (section 3.5.1)
    return (carry * x + (1 - carry) * y).astype(y.dtype)


def _base_map(height: int, width: int) -> tuple[tuple[int, int], int]:
    """The smallest map, at least 8 on its shorter side if the image is, and the number of sizes from it to the image."""
    sizes = 1
    while height % 2 == 0 and width % 2 == 0 and min(height, width) >= 16:
        height, width, sizes = height // 2, width // 2, sizes + 1
    return (height, width), sizes

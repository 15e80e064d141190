"""The networks of Fader networks: an encoder, a decoder that is told attributes, and what reads attributes in codes.

Lample et al., "Fader Networks: Manipulating Images by Sliding Attributes" (2017, arXiv:1706.00409), section 4.1, for 256x256
images and codes of 512x2x2; the authors' default, six layers here, leaves codes of 512x4x4.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.layers import Conv, UpConv, Verdict
from jaxgan.networks.common import image_shape, image_sides, leaky_relu, normal_init, normalization, tanh_image
from jaxgan.networks.noise import dropout


class FaderEncoder(nn.Module):
    """Images (B, H, W, C) -> float32 codes (B, H', W', widths[-1]).

    4x4 convolutions that halve the map, LeakyReLU 0.2, batch norm on all but the first.

    Attributes:
        widths: Of the maps; H and W must be multiples of `2 ** len(widths)`.
        norm: "batch", "instance" or "none".
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    widths: tuple[int, ...] = (32, 64, 128, 256, 512, 512)
    norm: str = "batch"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @property
    def multiple(self) -> int:
        """What divides the sides of the images that it takes."""
        return 2 ** len(self.widths)

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Encodes images."""
        height, width = image_sides(self, x)
        if height % 2 ** len(self.widths) or width % 2 ** len(self.widths):
            raise UserError(
                f"FaderEncoder: images of {height}x{width} cannot be halved {len(self.widths)} times; resize them to multiples "
                f"of {2 ** len(self.widths)}, or use fewer widths"
            )
        for index, features in enumerate(self.widths):
            conv = Conv(
                features, 4, strides=2, padding=1, kernel_init=normal_init, dtype=self.dtype, name=f"down_{index}"
            )
            norm = normalization(self.norm if index else "none", self.dtype, f"norm_{index}", self.norm_epsilon)
            x = leaky_relu(norm(conv(x)))
        return x.astype(jnp.float32)


class FaderDecoder(nn.Module):
    """Codes (B, H', W', D), attributes (B, K) -> float32 images (B, H, W, C) in [-1, 1].

    4x4 transposed convolutions that double the map, ReLU, batch norm on all but the last, tanh. Every layer is given two planes
    more for each attribute y, of y and of 1 - y; values beyond 0 and 1 exaggerate.

    Attributes:
        output_shape: (H, W, C) of an image. Its channels alone count.
        widths: Of the encoder's maps, which those of the decoder mirror.
        norm: "batch", "instance" or "none".
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    widths: tuple[int, ...] = (32, 64, 128, 256, 512, 512)
    norm: str = "batch"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, code: jax.Array, attributes: jax.Array) -> jax.Array:
        """Decodes codes."""
        channels, last = image_shape(self)[2], len(self.widths) - 1
        told = jnp.concatenate([attributes, 1 - attributes], axis=1)[:, None, None]
        x = code
        for index, features in enumerate((*reversed(self.widths[:-1]), channels)):
            planes = jnp.broadcast_to(told, (*x.shape[:3], told.shape[-1])).astype(x.dtype)
            name = f"up_{index}" if index < last else "to_image"
            x = UpConv(features, kernel_init=normal_init, dtype=self.dtype, name=name)(
                jnp.concatenate([x, planes], axis=-1)
            )
            if index < last:
                x = nn.relu(normalization(self.norm, self.dtype, f"norm_{index}", self.norm_epsilon)(x))
        return tanh_image(x)


class CodeClassifier(nn.Module):
    """Codes, (B, D) or maps -> a `Verdict` with float32 class logits (B, class_logits): what of an image its code tells.

    LeakyReLU 0.2 after each layer but the last. In a Fader network it has one 4x4 convolution of 512 features for each halving
    of a code down to a pixel, with batch norm and dropout, and a dense layer without, as in the authors' program.

    Attributes:
        widths: Of 4x4 convolutions that halve a map.
        hidden: Of the dense layers.
        norm: After each convolution: "batch", "instance" or "none".
        dropout_rate: Share of each convolution's results that are dropped, when a "dropout" key is given; without convolutions
            of each dense layer's but the last.
        norm_epsilon: Added to the variances by which its norms divide.
        class_logits: How many it gives; its game says so.
        dtype: Compute dtype.
    """

    widths: tuple[int, ...] = ()
    hidden: tuple[int, ...] = (512,)
    norm: str = "none"
    dropout_rate: float = 0.0
    norm_epsilon: float = 1e-5
    class_logits: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> Verdict:
        """Reads codes (B, ...)."""
        for index, width in enumerate(self.widths):
            conv = Conv(width, 4, strides=2, padding=1, kernel_init=normal_init, dtype=self.dtype, name=f"down_{index}")
            norm = normalization(self.norm, self.dtype, f"norm_{index}", self.norm_epsilon)
            x = dropout(self, leaky_relu(norm(conv(x))), self.dropout_rate)
        x = x.reshape(len(x), -1)
        for index, width in enumerate(self.hidden):
            x = leaky_relu(nn.Dense(width, dtype=self.dtype, name=f"hidden_{index}")(x))
            x = x if self.widths else dropout(self, x, self.dropout_rate)
        return Verdict(None, class_logits=nn.Dense(self.class_logits, name="class_logits")(x.astype(jnp.float32)))

"""The networks of pix2pix: the U-Net translator and a discriminator of pairs of images.

Isola, Zhu, Zhou and Efros, "Image-to-Image Translation with Conditional Adversarial Networks" (2017, arXiv:1611.07004),
section 6.1. With batch norm they have the biases of the authors' PyTorch code: in the U-Net the last layer alone, in the
discriminators the layers that no norm follows. (Their first code, in Lua, trains without any.)
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.layers import Conv, UpConv
from jaxgan.networks.common import (
    check_halvings,
    image_shape,
    image_sides,
    leaky_relu,
    normal_init,
    normalization,
    tanh_image,
)
from jaxgan.networks.cyclegan import PatchDiscriminator
from jaxgan.networks.noise import dropout

# Layers of PatchDiscriminator that halve the map, by the side of the patch that each of its logits sees: two layers of
# stride 1 and a 4x4 kernel see 7 pixels, and a layer of stride 2 before them makes n pixels 2 n + 2. Side 1 is apart.
_HALVINGS = {16: 1, 34: 2, 70: 3, 142: 4, 286: 5}


class UNetTranslator(nn.Module):
    """The generator of pix2pix: images (B, H, W, C) -> float32 images (B, H, W, C') in [-1, 1].

    An encoder of 4x4 convolutions that halve the map down to 1x1 (for 256 pixels and 8 levels), and a decoder of 4x4
    transposed convolutions that double it. LeakyReLU 0.2 and ReLU stand before the layers, not after. Every decoder layer
    but the first one reads the encoder's map of its size, too, normed and not yet activated. There is a norm after every
    layer but the encoder's first and last and the decoder's last, which ends in tanh: a 1x1 map less its mean over one
    image would be nothing.

    The only noise is dropout after the first three decoder layers. It is there when a "dropout" key is given, see
    `jaxgan.networks.noise`; the authors give one when they translate, too, and norm by the batch's own statistics.

    Attributes:
        output_shape: (H, W, C') of a translated image. Its channels alone count: sides are those of the images translated.
        width: Features of the first convolution; each one doubles them, up to 8 times.
        levels: How often the map is halved, at least 1; H and W must be multiples of `2 ** levels`.
        dropout_rate: Share of the first three decoder layers' results that are dropped.
        norm: "batch", "instance" or "none"; with batch norm only the last layer has a bias.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    width: int = 64
    levels: int = 8
    dropout_rate: float = 0.5
    norm: str = "batch"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @property
    def multiple(self) -> int:
        """What divides the sides of the images that it takes."""
        return 2**self.levels

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Translates images (B, H, W, C)."""
        *_, channels = image_shape(self)
        if self.levels < 1:
            raise UserError(f"UNetTranslator: levels={self.levels}, but it halves the map at least once")
        check_halvings(self, x, self.levels, "levels")
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        use_bias = self.norm != "batch"
        widths = [self.width * min(2**index, 8) for index in range(self.levels)]
        last = self.levels - 1

        encoded: list[jax.Array] = []
        for index, features in enumerate(widths):
            x = leaky_relu(x) if index else x
            x = Conv(features, 4, strides=2, padding=1, use_bias=use_bias, **common, name=f"down_{index}")(x)
            if 0 < index < last:
                x = normalization(self.norm, self.dtype, f"down_norm_{index}", self.norm_epsilon)(x)
            encoded.append(x)

        # The decoder's layers, like the encoder's, are numbered from the outside: up_i doubles what down_i has halved.
        for index in reversed(range(1, self.levels)):
            x = UpConv(widths[index - 1], use_bias=use_bias, **common, name=f"up_{index}")(nn.relu(x))
            x = normalization(self.norm, self.dtype, f"up_norm_{index}", self.norm_epsilon)(x)
            x = dropout(self, x, self.dropout_rate if index > last - 3 else 0.0)
            x = jnp.concatenate([x, encoded[index - 1]], axis=-1)
        return tanh_image(UpConv(channels, **common, name="to_image")(nn.relu(x)))


class PixelDiscriminator(nn.Module):
    """PixelGAN: images (B, H, W, C) -> float32 logits of their pixels (B, H, W).

    Each logit sees one pixel (appendix 6.1.2): 1x1 convolutions, LeakyReLU 0.2, a norm on the second one.

    Attributes:
        width: Features of the first layer; the second has twice as many.
        norm: "instance", "batch" or "none"; batch norm's offset replaces the biases.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    width: int = 64
    norm: str = "batch"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps images (B, H, W, C) to logits (B, H, W)."""
        common: dict[str, Any] = {"padding": "VALID", "kernel_init": normal_init}
        x = leaky_relu(Conv(self.width, 1, **common, dtype=self.dtype, name="conv_0")(x))
        use_bias = self.norm != "batch"
        x = Conv(2 * self.width, 1, use_bias=use_bias, **common, dtype=self.dtype, name="conv_1")(x)
        x = leaky_relu(normalization(self.norm, self.dtype, "norm_1", self.norm_epsilon)(x))
        return Conv(1, 1, **common, name="logit")(x.astype(jnp.float32))[..., 0]


class ConditionalPatchDiscriminator(nn.Module):
    """The discriminator of pix2pix: pairs of images (B, H, W, C) and (B, H, W, C') -> float32 logits (B, H', W').

    D(x, y) judges whether y is a real translation of x, patch by patch: a `PatchDiscriminator`, or a `PixelDiscriminator`,
    of both images' channels. The paper compares patches of 1, 16, 70 and 286 pixels; at 256x256 the last is the whole
    image. Average the logits, do not sum them.

    Attributes:
        receptive_field: Side of the patch that each logit sees: 1, 16, 34, 70, 142 or 286 pixels.
        width: Features of the first layer; each layer doubles them, up to 8 times.
        norm: "instance", "batch" or "none"; batch norm's offset replaces the biases.
        dtype: Compute dtype.
    """

    receptive_field: int = 70
    width: int = 64
    norm: str = "batch"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, y: jax.Array) -> jax.Array:
        """Judges pairs.

        Args:
            x: Images to be translated, (B, H, W, C).
            y: Their translations, real or generated, (B, H, W, C').

        Returns:
            Logits (B, H', W').

        Raises:
            UserError: Images of two sizes, an unknown receptive field, or images too small for it.
        """
        sides, theirs = image_sides(self, x), image_sides(self, y)
        if sides != theirs:
            raise UserError(
                f"ConditionalPatchDiscriminator: a pair of {sides[0]}x{sides[1]} and {theirs[0]}x{theirs[1]} images; "
                "resize them to one size"
            )
        fields: dict[str, Any] = {"width": self.width, "norm": self.norm, "dtype": self.dtype, "name": "patches"}
        pair = jnp.concatenate([x, y], axis=-1)
        if self.receptive_field == 1:
            return PixelDiscriminator(**fields)(pair)
        if self.receptive_field not in _HALVINGS:
            known = ", ".join(map(str, (1, *_HALVINGS)))
            raise UserError(
                f"ConditionalPatchDiscriminator: receptive_field={self.receptive_field} does not exist; choose one of {known}"
            )
        return PatchDiscriminator(layers=_HALVINGS[self.receptive_field], **fields)(pair)

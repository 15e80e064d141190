"""The networks of SRGAN: SRResNet, a discriminator of high-resolution images, and a small network whose maps compare them.

Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network" (2017, arXiv:1609.04802),
section 2.1 and figure 4.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from jaxgan.errors import UserError
from jaxgan.layers import Conv, Verdict, max_pool, pixel_shuffle
from jaxgan.networks.common import choose, image_shape, image_sides, leaky_relu, normalization, tanh_image

_init = nn.initializers.he_normal()


class SRResNet(nn.Module):
    """Images (B, h, w, C) of any size -> float32 images (B, factor * h, factor * w, C') in [-1, 1].

    A convolution with PReLU; residual blocks (3x3, norm, PReLU, 3x3, norm); a 3x3 convolution and norm, to which the first map
    is added; a 3x3 convolution to four times the channels, pixel shuffle and PReLU for each doubling; a last convolution. A
    PReLU has one slope, 1/4 at first. The paper does not say what ends the network: tanh, as in other people's programs.

    Attributes:
        output_shape: (H, W, C') of a large image. Its channels alone count: sides are those of the images given.
        scale_factor: 2, 4, 8 ... times larger on each side.
        width: Features of all maps.
        blocks: Residual blocks.
        outer_kernel: Side of the first and the last kernel.
        norm: "batch" or "none"; batch norm makes colours depend on the batch, and small networks are better without
            (Lim et al. 2017, EDSR, arXiv:1707.02921).
        skip: "none"; or "bicubic": the network makes what the bicubically enlarged image lacks, without tanh (Kim et al. 2016,
            VDSR, arXiv:1511.04587), which is learned within minutes.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    scale_factor: int = 4
    width: int = 64
    blocks: int = 16
    outer_kernel: int = 9
    norm: str = "batch"
    skip: str = "none"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @property
    def reach(self) -> int:
        """How many pixels of the small image, on each side of its own, a pixel of the large one depends on at most."""
        outer, doublings = self.outer_kernel // 2, self._doublings
        # A pixel of a map that was doubled i times is 2^-i of a small image's.
        shuffled = sum(2.0**-index for index in range(doublings))
        own = outer + 2 * self.blocks + 1 + shuffled + outer / self.scale_factor
        return math.ceil(max(own, 2.0 if self.skip == "bicubic" else 0.0))

    @property
    def _doublings(self) -> int:
        doublings = self.scale_factor.bit_length() - 1
        if doublings < 1 or self.scale_factor != 1 << doublings:
            raise UserError(
                f"SRResNet: scale_factor={self.scale_factor}, but it doubles images: set data.scale_factor to 2, 4 or 8"
            )
        return doublings

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Enlarges images (B, h, w, C)."""
        height, width = image_sides(self, x)
        *_, channels = image_shape(self)
        add_bicubic = choose({"none": False, "bicubic": True}, self.skip, "skip")

        def conv(features: int, side: int, name: str, init: Initializer = _init) -> Conv:
            return Conv(features, side, kernel_init=init, dtype=self.dtype, name=name)

        def norm(name: str) -> Any:
            return normalization(self.norm, self.dtype, name, self.norm_epsilon)

        def prelu(name: str) -> nn.PReLU:
            return nn.PReLU(negative_slope_init=0.25, name=name)

        first = h = prelu("prelu_first")(conv(self.width, self.outer_kernel, "first")(x))
        for index in range(self.blocks):
            name = f"block_{index}"
            inner = norm(f"{name}_norm_1")(conv(self.width, 3, f"{name}_conv_1")(h))
            inner = prelu(f"{name}_prelu")(inner)
            h = h + norm(f"{name}_norm_2")(conv(self.width, 3, f"{name}_conv_2")(inner))
        h = first + norm("body_norm")(conv(self.width, 3, "body")(h))
        for index in range(self._doublings):
            h = pixel_shuffle(conv(4 * self.width, 3, f"up_{index}")(h))
            h = prelu(f"up_{index}_prelu")(h)
        if not add_bicubic:
            return tanh_image(conv(channels, self.outer_kernel, "last")(h))
        # It begins as the bicubic filter.
        made = conv(channels, self.outer_kernel, "last", nn.initializers.zeros)(h)
        sides = (height * self.scale_factor, width * self.scale_factor)
        enlarged = jax.image.resize(x.astype(jnp.float32), (x.shape[0], *sides, x.shape[-1]), "cubic")
        return enlarged + made.astype(jnp.float32)


class SRGANDiscriminator(nn.Module):
    """Large images (B, H, W, C) -> float32 logits (B,).

    3x3 convolutions with LeakyReLU 0.2, in pairs of the same features, the second of which halves the map; norm after all but
    the first. Then a dense layer with LeakyReLU, and the score.

    Attributes:
        widths: Features of each pair.
        units: Of the dense layer.
        norm: "batch" or "none".
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    units: int = 1024
    norm: str = "batch"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Judges images (B, H, W, C)."""
        image_sides(self, x)
        for index, features in enumerate(self.widths):
            for half, strides in enumerate((1, 2)):
                name = f"conv_{index}_{half}"
                x = Conv(features, 3, strides=strides, padding=1, dtype=self.dtype, name=name)(x)
                x = normalization(
                    self.norm if index or half else "none", self.dtype, f"norm_{index}_{half}", self.norm_epsilon
                )(x)
                x = leaky_relu(x)
        x = leaky_relu(nn.Dense(self.units, dtype=self.dtype, name="dense")(x.reshape(len(x), -1)))
        return nn.Dense(1, name="logit")(x.astype(jnp.float32))[:, 0]


class ContentClassifier(nn.Module):
    """Images (B, H, W, C) -> a `Verdict` with class logits (B, class_logits); its maps stand in for those of VGG19.

    Pairs of 3x3 convolutions with ReLU, as in VGG, and a maximum of 2x2 pixels between pairs; the logits are linear in the
    means of the last map.

    Attributes:
        widths: Features of each pair.
        class_logits: Classes that it tells apart.
        dtype: Compute dtype.
    """

    widths: tuple[int, ...] = (32, 64)
    class_logits: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, features: bool = False) -> Verdict:
        """Reads images (B, H, W, C); with `features` the verdict has the last map too, float32 (B, H', W', F)."""
        image_sides(self, x)
        for index, width in enumerate(self.widths):
            x = max_pool(x) if index else x
            for half in range(2):
                name = f"conv_{index}_{half}"
                x = nn.relu(Conv(width, 3, kernel_init=_init, dtype=self.dtype, name=name)(x))
        maps = x.astype(jnp.float32)
        logits = nn.Dense(self.class_logits, name="class_logits")(maps.mean(axis=(1, 2)))
        return Verdict(None, maps if features else None, logits)

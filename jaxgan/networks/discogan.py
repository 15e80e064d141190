"""The networks of DiscoGAN: a translator that passes a small map, and a discriminator that shows its layers."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.layers import Conv, UpConv, Verdict
from jaxgan.networks.common import image_shape, image_sides, leaky_relu, normal_init, normalization, tanh_image


class DiscoGANTranslator(nn.Module):
    """The generator of DiscoGAN: images (B, H, W, C) -> float32 images (B, H, W, C') in [-1, 1].

    Kim et al., "Learning to Discover Cross-Domain Relations with Generative Adversarial Networks" (2017, arXiv:1703.05192),
    section 3.1 and the authors' program, for 64x64 images: 4x4 convolutions that halve the map, LeakyReLU 0.2; transposed
    ones that double it, ReLU; batch norm on all but the first and the last; no biases. The program ends in a sigmoid, of
    images in [0, 1]: a tanh, of images in [-1, 1], is the same function.

    Attributes:
        output_shape: (H, W, C') of a translated image; H and W must be multiples of `2 ** len(widths)`.
        widths: Of the maps on the way down; those on the way up mirror them.
        bottleneck: Numbers that all of an image passes between the ways, by one more convolution each (100 in the program's
            larger translator); 0: none.
        norm: "batch", "instance" or "none".
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    widths: tuple[int, ...] = (64, 128, 256, 512)
    bottleneck: int = 0
    norm: str = "batch"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @property
    def multiple(self) -> int:
        """What divides the sides of the images that it takes; 0: they have one size."""
        return 0 if self.bottleneck else 2 ** len(self.widths)

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Translates images (B, H, W, C)."""
        *_, channels = image_shape(self)
        height, width = image_sides(self, x)
        if height % 2 ** len(self.widths) or width % 2 ** len(self.widths):
            raise UserError(
                f"DiscoGANTranslator: images of {height}x{width} cannot be halved {len(self.widths)} times; resize them to "
                f"multiples of {2 ** len(self.widths)}, or use fewer widths"
            )
        common: dict[str, Any] = {"use_bias": False, "kernel_init": normal_init, "dtype": self.dtype}
        for index, features in enumerate(self.widths):
            x = Conv(features, 4, strides=2, padding=1, **common, name=f"down_{index}")(x)
            x = leaky_relu(
                normalization(self.norm if index else "none", self.dtype, f"down_norm_{index}", self.norm_epsilon)(x)
            )
        if self.bottleneck:
            sides = x.shape[1], x.shape[2]
            x = Conv(self.bottleneck, sides, padding="VALID", **common, name="bottleneck")(x)
            x = leaky_relu(normalization("batch", self.dtype, "bottleneck_norm", self.norm_epsilon)(x))
            x = UpConv(self.widths[-1], sides, strides=1, padding=0, **common, name="first_map")(x)
            x = nn.relu(normalization(self.norm, self.dtype, "first_map_norm", self.norm_epsilon)(x))
        for index, features in enumerate(reversed(self.widths[:-1])):
            x = UpConv(features, **common, name=f"up_{index}")(x)
            x = nn.relu(normalization(self.norm, self.dtype, f"up_norm_{index}", self.norm_epsilon)(x))
        return tanh_image(UpConv(channels, **common, name="to_image")(x))


class DiscoGANDiscriminator(nn.Module):
    """The discriminator of DiscoGAN: images (B, H, W, C) -> float32 logits (B,).

    The source is that of `DiscoGANTranslator`: 4x4 convolutions that halve the map, LeakyReLU 0.2, batch norm on all but the
    first, and one as large as the last map.

    Attributes:
        widths: Of the maps.
        norm: "batch", "instance" or "none".
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    norm: str = "batch"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, features: bool = False) -> jax.Array | Verdict:
        """Maps images (B, H, W, C) to logits (B,); with `features` also gives all maps but the first, float32 (B, F).

        Maps are scaled so that the mean square over all F features is the sum over maps of each one's mean square.
        """
        image_sides(self, x)
        maps = []
        for index, width in enumerate(self.widths):
            x = Conv(
                width,
                4,
                strides=2,
                padding=1,
                use_bias=False,
                kernel_init=normal_init,
                dtype=self.dtype,
                name=f"conv_{index}",
            )(x)
            x = leaky_relu(
                normalization(self.norm if index else "none", self.dtype, f"norm_{index}", self.norm_epsilon)(x)
            )
            maps.append(x.astype(jnp.float32).reshape(len(x), -1))
        logits = nn.Dense(1, use_bias=False, kernel_init=normal_init, name="logit")(maps[-1])[:, 0]
        if not features:
            return logits
        maps = maps[1:] or maps
        total = sum(one.shape[1] for one in maps)
        return Verdict(logits, jnp.concatenate([one * (total / one.shape[1]) ** 0.5 for one in maps], axis=1))

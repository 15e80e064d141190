"""Image-to-image networks: the residual translator of CycleGAN and the PatchGAN discriminator."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import Conv, UpConv
from jaxgan.networks.common import check_halvings, image_shape, leaky_relu, normal_init, normalization, tanh_image


class ResNetTranslator(nn.Module):
    """The generator of CycleGAN: images (B, H, W, C) -> float32 images (B, H, W, C') in [-1, 1].

    Zhu, Park, Isola and Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks" (2017,
    arXiv:1703.10593), section 7.1, after Johnson et al. (2016): 7x7; 3x3 convolutions that halve the map; residual
    blocks; 3x3 transposed convolutions that double it; 7x7 and tanh. The 7x7 and the residual convolutions pad by
    reflection, the others with zeros. As in the authors' PyTorch code all convolutions have biases and instance norm
    has no gain and offset (their first code, in Lua, has it the other way round).

    Attributes:
        output_shape: (H, W, C') of a translated image. Its channels alone count: sides are those of the images translated.
        width: Features of the first convolution; each halving doubles them.
        blocks: Residual blocks: 9 for images of 256 pixels, 6 for 128.
        downsamples: How often the map is halved: 2 in the paper; H and W must be multiples of `2 ** downsamples`.
        norm: "instance", "batch" or "none"; batch norm's offset replaces the biases.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    width: int = 64
    blocks: int = 9
    downsamples: int = 2
    norm: str = "instance"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @property
    def multiple(self) -> int:
        """What divides the sides of the images that it takes."""
        return 2**self.downsamples

    @property
    def least(self) -> int:
        """The smallest side that it takes: a reflection of 3 pixels needs 4, and one of a pixel of the smallest map 2."""
        return max(4, 2 * self.multiple)

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Translates images (B, H, W, C)."""
        *_, channels = image_shape(self)
        check_halvings(self, x, self.downsamples, "downsamples")
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype, "use_bias": self.norm != "batch"}

        def norm_relu(x: jax.Array, name: str) -> jax.Array:
            return nn.relu(normalization(self.norm, self.dtype, name, self.norm_epsilon)(x))

        x = norm_relu(Conv(self.width, 7, padding="REFLECT", **common, name="stem")(x), "stem_norm")
        for index in range(self.downsamples):
            x = Conv(2 * x.shape[-1], strides=2, padding=1, **common, name=f"down_{index}")(x)
            x = norm_relu(x, f"down_norm_{index}")
        for index in range(self.blocks):
            h = Conv(x.shape[-1], padding="REFLECT", **common, name=f"block_{index}_conv_1")(x)
            h = norm_relu(h, f"block_{index}_norm_1")
            h = Conv(x.shape[-1], padding="REFLECT", **common, name=f"block_{index}_conv_2")(h)
            x = x + normalization(self.norm, self.dtype, f"block_{index}_norm_2", self.norm_epsilon)(h)
        for index in range(self.downsamples):
            x = UpConv(x.shape[-1] // 2, 3, padding=1, output_padding=1, **common, name=f"up_{index}")(x)
            x = norm_relu(x, f"up_norm_{index}")
        return tanh_image(Conv(channels, 7, padding="REFLECT", **common | {"use_bias": True}, name="to_image")(x))


class PatchDiscriminator(nn.Module):
    """PatchGAN: images (B, H, W, C) -> float32 logits of overlapping patches (B, H', W'), or (B,).

    Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks" (2017, arXiv:1611.07004), appendix
    6.1.2, as CycleGAN uses it: 4x4 convolutions, LeakyReLU 0.2, no norm on the first and the last. With three layers
    that halve the map every logit sees 70x70 pixels, and images of 256x256 have 30x30 logits. Padding is 1, as in the
    authors' PyTorch code (2 in their first code, in Lua).

    Attributes:
        width: Features of the first layer; each layer doubles them, up to 8 times.
        layers: Layers that halve the map; 3 for the 70x70 patches, 1 for 16x16.
        norm: "instance", "batch" or "none"; batch norm's offset replaces the biases.
        global_average: Average the patches to one logit for each image.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    width: int = 64
    layers: int = 3
    norm: str = "instance"
    global_average: bool = False
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps images (B, H, W, C) to logits (B, H', W'), or (B,) with `global_average`."""
        for index in range(self.layers + 1):
            plain = index == 0
            x = Conv(
                self.width * min(2**index, 8),
                4,
                strides=2 if index < self.layers else 1,
                padding=1,
                use_bias=plain or self.norm != "batch",
                kernel_init=normal_init,
                dtype=self.dtype,
                name=f"conv_{index}",
            )(x)
            x = leaky_relu(
                normalization("none" if plain else self.norm, self.dtype, f"norm_{index}", self.norm_epsilon)(x)
            )
        logits = Conv(1, 4, padding=1, kernel_init=normal_init, name="logit")(x.astype(jnp.float32))[..., 0]
        return logits.mean(axis=(1, 2)) if self.global_average else logits

"""StarGAN's networks: a translator that is told where to, and a discriminator that tells where from."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import Conv, InstanceNorm, UpConv, Verdict
from jaxgan.networks.common import check_halvings, image_shape, image_sides, tanh_image
from jaxgan.networks.initializers import variance_scaling

# U(-1 / sqrt(n), 1 / sqrt(n)) for n inputs, PyTorch's rule, which the authors leave as it is.
_kernel_init = variance_scaling(1 / 3, "fan_in", "uniform")


class StarGANGenerator(nn.Module):
    """The generator of StarGAN: images (B, H, W, C), conditions (B, K) -> float32 images (B, H, W, C') in [-1, 1].

    Choi et al., "StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation" (2018,
    arXiv:1711.09020), table 4: 7x7; 4x4 convolutions that halve the map; residual blocks; 4x4 transposed convolutions that
    double it; 7x7 and tanh. No convolution has a bias, and instance norm has gain and offset, as in the authors' code. Each
    component of the condition is a channel that is the same everywhere. All convolutions pad with zeros: with a reflection the
    condition would add a constant to each map, and the norm would take it away.

    Attributes:
        output_shape: (H, W, C') of a translated image. Its channels alone count: sides are those of the images translated.
        width: Features of the first convolution; each halving doubles them.
        blocks: Residual blocks.
        downsamples: How often the map is halved; H and W must be multiples of `2 ** downsamples`.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    width: int = 64
    blocks: int = 6
    downsamples: int = 2
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @property
    def multiple(self) -> int:
        """What divides the sides of the images that it takes."""
        return 2**self.downsamples

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array) -> jax.Array:
        """Translates images (B, H, W, C) under conditions (B, K)."""
        *_, channels = image_shape(self)
        check_halvings(self, x, self.downsamples, "downsamples")
        common: dict[str, Any] = {"kernel_init": _kernel_init, "dtype": self.dtype, "use_bias": False}

        def norm(x: jax.Array, name: str) -> jax.Array:
            return InstanceNorm(epsilon=self.norm_epsilon, dtype=self.dtype, name=name)(x)

        planes = jnp.broadcast_to(condition[:, None, None], (*x.shape[:3], condition.shape[1]))
        x = jnp.concatenate([x, planes.astype(x.dtype)], axis=-1)
        x = nn.relu(norm(Conv(self.width, 7, padding=3, **common, name="stem")(x), "stem_norm"))
        for index in range(self.downsamples):
            x = Conv(2 * x.shape[-1], 4, strides=2, padding=1, **common, name=f"down_{index}")(x)
            x = nn.relu(norm(x, f"down_norm_{index}"))
        for index in range(self.blocks):
            h = Conv(x.shape[-1], 3, padding=1, **common, name=f"block_{index}_conv_1")(x)
            h = Conv(x.shape[-1], 3, padding=1, **common, name=f"block_{index}_conv_2")(
                nn.relu(norm(h, f"block_{index}_norm_1"))
            )
            x = x + norm(h, f"block_{index}_norm_2")
        for index in range(self.downsamples):
            x = UpConv(x.shape[-1] // 2, 4, padding=1, **common, name=f"up_{index}")(x)
            x = nn.relu(norm(x, f"up_norm_{index}"))
        return tanh_image(Conv(channels, 7, padding=3, **common, name="to_image")(x))


class StarGANDiscriminator(nn.Module):
    """The discriminator of StarGAN: images (B, H, W, C) -> a Verdict: scores of patches (B, H', W') and class logits (B, K).

    Choi et al. (2018, arXiv:1711.09020), table 5: 4x4 convolutions that halve the map, LeakyReLU 0.01, no norm; two heads on
    the last map, 3x3 for the scores and one of the map's size for the classes, both without bias, as in the authors' code.

    Attributes:
        class_logits: K, how many domains or attributes it tells apart; 0: it gives scores alone.
        width: Features of the first layer; each layer doubles them.
        layers: Layers that halve the map: 6 for images of 128 pixels.
        resolution: Side of the images that it is made for, to which images of other sizes are resized; None: it takes images of
            one size alone. In a config, that of the data.
        dtype: Compute dtype.
    """

    class_logits: int = 0
    width: int = 64
    layers: int = 6
    resolution: int | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> Verdict:
        """Judges images (B, H, W, C)."""
        sides = image_sides(self, x)
        if self.resolution and sides != (self.resolution, self.resolution):
            x = jax.image.resize(x, (len(x), self.resolution, self.resolution, x.shape[3]), "bilinear")
        common: dict[str, Any] = {"kernel_init": _kernel_init}
        for index in range(self.layers):
            features, name = self.width * 2**index, f"conv_{index}"
            x = Conv(features, 4, strides=2, padding=1, dtype=self.dtype, **common, name=name)(x)
            x = nn.leaky_relu(x, 0.01)
        x = x.astype(jnp.float32)
        score = Conv(1, 3, padding=1, use_bias=False, **common, name="score")(x)[..., 0]
        if not self.class_logits:
            return Verdict(score)
        whole = (x.shape[1], x.shape[2])
        logits = Conv(self.class_logits, whole, padding="VALID", use_bias=False, **common, name="classes")(x)
        return Verdict(score, class_logits=logits[:, 0, 0])

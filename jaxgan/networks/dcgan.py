"""DCGAN: strided and fractionally strided convolutions."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.layers import Conv, UpConv, Verdict
from jaxgan.networks.blocks import attend, check_attended
from jaxgan.networks.common import choose, image_shape, image_sides, leaky_relu, normal_init, normalization, tanh_image

# Kernel and padding of the layers that double or halve a map. The 5x5 are padded as in the paper's Theano code, by 2 on
# both sides; TensorFlow's "SAME" has 1 before and 2 after.
_UP = {
    "paper": {"kernel_size": 5, "padding": 2, "output_padding": 1},
    "torch": {"kernel_size": 4, "padding": 1},
}
_DOWN = {
    "paper": {"kernel_size": 5, "padding": 2},
    "torch": {"kernel_size": 4, "padding": 1},
}


class DCGANGenerator(nn.Module):
    """The generator of DCGAN: z (B, latent) -> float32 images (B, H, W, C) in [-1, 1].

    Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
    Networks" (2015, arXiv:1511.06434), section 3 and figure 1. Latents are projected to a map of 4x4 (the image halved
    while its sides are even and 8 or more: 7x7 for 28 pixels); each layer doubles the map and halves the width. Batch
    norm and ReLU follow every layer but the last, which ends in tanh; no layer has a bias. The first batch norm is per
    channel of the map (the Theano code's: per unit).

    Attributes:
        output_shape: (H, W, C) of an image, H and W 8 or more, and even.
        width: Features of the last hidden layer; the first has `width * 2 ** (doublings - 1)`, at 64 pixels 8 times.
        layout: "paper" for a dense projection and 5x5 layers; "torch" for the 4x4 layers of the Torch and PyTorch
            versions, whose projection is a transposed convolution from 1x1, with width 64.
        attention: Sides of the maps that self-attention follows; below 1, shares of the image's. Small SAGANs
            have two, (4, 8).
        attention_form: As `form` of `jaxgan.layers.SelfAttention`.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    width: int = 128
    layout: str = "paper"
    attention: tuple[int | float, ...] = ()
    attention_form: str = "paper"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array, attention_maps: bool = False) -> Any:
        """Maps latents (B, latent) to images (B, H, W, C).

        With `attention_maps` also gives where the pixels of each attended map look: a tuple of (B, H, W, h, w).
        """
        up = choose(_UP, self.layout, "layout")
        height, width, channels = image_shape(self)
        base, doublings = _base_map(height, width)
        widths = [self.width * 2**power for power in reversed(range(doublings))]
        common: dict[str, Any] = {"use_bias": False, "kernel_init": normal_init, "dtype": self.dtype}
        if self.layout == "paper":
            x = nn.Dense(base[0] * base[1] * widths[0], **common, name="project")(z)
            x = x.reshape(-1, *base, widths[0])
        else:
            x = UpConv(widths[0], base, strides=1, padding=0, **common, name="project")(z[:, None, None, :])
        looks: list[jax.Array] = []
        for index, features in enumerate(widths):
            if index:
                x = UpConv(features, **up, **common, name=f"up_{index}")(x)
            x = nn.relu(normalization("batch", self.dtype, f"norm_{index}", self.norm_epsilon)(x))
            x = attend(self, x, height, f"attention_{index}", looks, normal_init, self.attention_form)
        check_attended(self, height, looks)
        image = tanh_image(UpConv(channels, **up, **common, name="to_image")(x))
        return (image, tuple(looks)) if attention_maps else image


class DCGANDiscriminator(nn.Module):
    """The discriminator of DCGAN: images (B, H, W, C) -> float32 logits (B,).

    The mirror of `DCGANGenerator` (same source): each layer halves the map and doubles the width; LeakyReLU 0.2; batch
    norm on every layer but the first and the last; no biases. Run real and generated images through it separately: they
    are meant to have batch statistics of their own.

    Attributes:
        width: Features of the first layer.
        layout: "paper" for 5x5 layers and a dense last layer; "torch" for 4x4 layers and, last, a convolution over the
            whole map, with width 64.
        norm: "batch", or "none" (with biases instead) for a critic with a gradient penalty, where no sample may see
            another.
        class_logits: 0, or of how many kinds of images it gives logits in the place of a score.
        attention: Sides of the maps that self-attention follows; below 1, shares of the image's.
        attention_form: As `form` of `jaxgan.layers.SelfAttention`.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    width: int = 128
    layout: str = "paper"
    norm: str = "batch"
    class_logits: int = 0
    attention: tuple[int | float, ...] = ()
    attention_form: str = "paper"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, features: bool = False) -> jax.Array | Verdict:
        """Maps images (B, H, W, C) to logits (B,); with `features` also gives the flattened last map, float32 (B, F)."""
        down = choose(_DOWN, self.layout, "layout")
        side, width = image_sides(self, x)
        base, halvings = _base_map(side, width)
        common: dict[str, Any] = {"use_bias": self.norm != "batch", "kernel_init": normal_init}
        looks: list[jax.Array] = []
        for index in range(halvings):
            x = Conv(self.width * 2**index, strides=2, **down, **common, dtype=self.dtype, name=f"down_{index}")(x)
            if index > 0:
                x = normalization(self.norm, self.dtype, f"norm_{index}", self.norm_epsilon)(x)
            x = attend(self, leaky_relu(x), side, f"attention_{index}", looks, normal_init, self.attention_form)
        check_attended(self, side, looks)
        x = x.astype(jnp.float32)
        flat = x.reshape(len(x), -1)
        answers = self.class_logits or 1
        if self.layout == "paper":
            logits = nn.Dense(answers, **common, name="logit")(flat)
        else:
            logits = Conv(answers, base, padding="VALID", **common, name="logit")(x)[:, 0, 0]
        if self.class_logits:
            return Verdict(None, flat if features else None, logits)
        return Verdict(logits[:, 0], flat) if features else logits[:, 0]


def _base_map(height: int, width: int) -> tuple[tuple[int, int], int]:
    """The smallest map, at least 4 on its shorter side, and how often it doubles to reach the image."""
    steps = 0
    while height % 2 == 0 and width % 2 == 0 and min(height, width) >= 8:
        height, width, steps = height // 2, width // 2, steps + 1
    if not steps:
        raise UserError(f"DCGAN: images of {height}x{width} cannot be halved down to a map of 4 or more; resize them")
    return (height, width), steps

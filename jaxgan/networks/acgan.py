"""The networks of AC-GAN: a generator that is told a class, and a discriminator that also names it."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import Conv, UpConv, Verdict
from jaxgan.networks.common import (
    base_map,
    check_label,
    choose,
    image_shape,
    leaky_relu,
    normal_init,
    normalization,
    tanh_image,
)
from jaxgan.networks.initializers import normal
from jaxgan.networks.noise import dropout


class ACGANGenerator(nn.Module):
    """The generator of AC-GAN: z (B, latent) [, label int (B,)] -> float32 images (B, H, W, C) in [-1, 1].

    Odena, Olah and Shlens, "Conditional Image Synthesis with Auxiliary Classifier GANs" (2017, arXiv:1610.09585),
    appendix A. A linear layer with ReLU, then 5x5 transposed convolutions that double the map, with batch norm and ReLU
    but for the last one, which ends in tanh. The paper's table gives features and not the size of the first map; here it
    is 4x4, from which its five layers reach 128x128. Padding is as in `DCGANGenerator`. For 32x32 it has the widths
    (384, 192, 96); `widths=(256, 128)` does for 16x16 digits.

    Attributes:
        output_shape: (H, W, C) of an image, H and W multiples of `2 ** len(widths)`.
        widths: Features of the first map and after each doubling but the last.
        embedded_classes: Classes of the label; 0: no labels.
        condition: How the label enters: "concatenate" its one-hot vector to z, as in the paper, or "multiply" z by a
            learned vector of the class, as in the Keras example `mnist_acgan`.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    widths: tuple[int, ...] = (768, 384, 256, 192, 64)
    embedded_classes: int = 0
    condition: str = "concatenate"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array, label: jax.Array | None = None) -> jax.Array:
        """Maps latents (B, latent), and with classes labels (B,), to images (B, H, W, C)."""
        check_label(self, "embedded_classes", label)
        *_, channels = image_shape(self)
        height, width = base_map(self, doublings=len(self.widths))
        multiply = choose({"concatenate": False, "multiply": True}, self.condition, "condition")
        common: dict[str, Any] = {"kernel_init": normal_init, "dtype": self.dtype}
        up: dict[str, Any] = {"kernel_size": 5, "padding": 2, "output_padding": 1} | common

        x = z
        if label is not None and multiply:
            # Vectors of N(0, 1), so that at first z keeps its scale.
            x = z * nn.Embed(self.embedded_classes, z.shape[-1], embedding_init=normal(1.0), name="embedding")(label)
        elif label is not None:
            x = jnp.concatenate([z, jax.nn.one_hot(label, self.embedded_classes, dtype=z.dtype)], axis=-1)
        x = nn.relu(nn.Dense(height * width * self.widths[0], **common, name="project")(x))
        x = x.reshape(-1, height, width, self.widths[0])
        for index, features in enumerate(self.widths[1:], start=1):
            x = UpConv(features, **up, use_bias=False, name=f"up_{index}")(x)
            x = nn.relu(normalization("batch", self.dtype, f"norm_{index}", self.norm_epsilon)(x))
        return tanh_image(UpConv(channels, **up, name="to_image")(x))


class ACGANDiscriminator(nn.Module):
    """The discriminator of AC-GAN: images (B, H, W, C) -> float32 logits (B,) and class logits (B, classes).

    The source is that of `ACGANGenerator`. 3x3 convolutions with LeakyReLU 0.2 and dropout, every other one of which
    halves the map, the first one too; batch norm on all but the first; one linear layer for each of the two answers.
    Dropout is there when a "dropout" key is given, see `jaxgan.networks.noise`.

    Attributes:
        widths: Features of each convolution.
        class_logits: Classes that it tells apart; 0: none, and it returns the scores alone.
        dropout_rate: Share of each convolution's results that are dropped.
        norm: "batch", or "none" (with biases instead), where no sample may see another.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    widths: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    class_logits: int = 0
    dropout_rate: float = 0.5
    norm: str = "batch"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, features: bool = False) -> jax.Array | Verdict:
        """Judges images (B, H, W, C).

        Args:
            x: Images (B, H, W, C).
            features: Return the flattened last map, float32 (B, F), too.

        Returns:
            A `Verdict`: score (B,), features (B, F) if asked for, and class_logits (B, class_logits) if there are some;
            the score alone where there is nothing else.
        """
        for index, width in enumerate(self.widths):
            plain = index == 0
            x = dropout(self, x, 0.0 if plain else self.dropout_rate)
            x = Conv(
                width,
                strides=1 if index % 2 else 2,
                padding=1,
                use_bias=plain or self.norm != "batch",
                kernel_init=normal_init,
                dtype=self.dtype,
                name=f"conv_{index}",
            )(x)
            x = leaky_relu(
                normalization("none" if plain else self.norm, self.dtype, f"norm_{index}", self.norm_epsilon)(x)
            )
        last = x.astype(jnp.float32).reshape(len(x), -1)
        flat = dropout(self, last, self.dropout_rate)
        score = nn.Dense(1, kernel_init=normal_init, name="logit")(flat)[:, 0]
        if not self.class_logits and not features:
            return score
        classes = None
        if self.class_logits:
            classes = nn.Dense(self.class_logits, kernel_init=normal_init, name="class_logits")(flat)
        return Verdict(score, last if features else None, classes)

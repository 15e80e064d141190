"""The networks of LAPGAN: a small image from a latent, and the details of each larger one from noise and the smaller.

Denton, Chintala, Szlam and Fergus, "Deep Generative Image Models using a Laplacian Pyramid of Adversarial Networks" (2015,
arXiv:1506.05751), with the CIFAR networks of the authors' code and, for the small image, the sizes of the paper (section
4.1). The pyramid is `jaxgan.layers.laplacian`. The authors standardise their images, so generators end linearly.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.layers import Conv, Verdict
from jaxgan.networks.common import append_label, check_label, choose, image_shape, image_sides, sample_shape
from jaxgan.networks.initializers import normal, variance_scaling
from jaxgan.networks.noise import dropout

# The sources do not give the first weights; these keep the scale of rectified layers, and of a linear one.
_relu_init = variance_scaling(2.0, "fan_in", "normal")
_linear_init = variance_scaling(1.0, "fan_in", "normal")


class LAPGANGenerator(nn.Module):
    """A fine level's generator: noise (B, H, W, 1), images (B, H, W, C) [, label int (B,)] -> residuals (B, H, W, C).

    It adds no images itself: the level's image is `coarse + residual`. 7x7, 7x7 and 5x5 convolutions that keep the size,
    with ReLU between them, read the noise, the blurred image and, with classes, one plane for the label: a learned map of
    the class with ReLU. The noise, U(-1, 1) in the paper, is one plane and is drawn outside.

    Attributes:
        output_shape: (H, W, C) of a residual.
        widths: Features of the first two convolutions.
        embedded_classes: Classes of the label; 0: no labels.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    widths: tuple[int, int] = (64, 64)
    embedded_classes: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, noise: jax.Array, coarse: jax.Array, label: jax.Array | None = None) -> jax.Array:
        """Gives float32 residuals.

        Args:
            noise: (B, H, W, 1).
            coarse: The next smaller images, doubled: u(I_{k+1}), (B, H, W, C).
            label: Int (B,), with classes.

        Returns:
            Residuals (B, H, W, C), linear: of any size.

        Raises:
            UserError: Noise or coarse images of another size than `output_shape`, or labels without classes.
        """
        check_label(self, "embedded_classes", label)
        height, width, channels = image_shape(self)
        for name, array in (("noise", noise), ("coarse images", coarse)):
            if array.shape[1:3] != (height, width):
                raise UserError(
                    f"LAPGANGenerator writes {height}x{width} pixels, but its {name} have {array.shape[1]}x{array.shape[2]}; "
                    "set output_shape to the level's size"
                )
        x = jnp.concatenate([noise, coarse, *_planes(self, label, coarse)], axis=-1)
        for index, features in enumerate(self.widths):
            x = nn.relu(Conv(features, 7, kernel_init=_relu_init, dtype=self.dtype, name=f"conv_{index}")(x))
        x = Conv(channels, 5, kernel_init=_linear_init, dtype=self.dtype, name="to_residual")(x)
        return x.astype(jnp.float32)


class LAPGANDiscriminator(nn.Module):
    """A fine level's discriminator: residuals and images (B, H, W, C) [, label int (B,)] -> float32 logits (B,).

    It judges their sum, the level's image: the paper's equation hands it both, and the authors' code adds them first. A
    5x5 and a 5x5 convolution that halves the map, with ReLU, dropout and a linear layer; with classes it reads one plane
    for the label as well, see `LAPGANGenerator`. Dropout is there when a "dropout" key is given, see
    `jaxgan.networks.noise`. There is no norm, so gradient penalties apply.

    Attributes:
        widths: Features of the two convolutions.
        padding: "VALID", none, as in the authors' code, or "SAME", for images of fewer than 9 pixels.
        dropout_rate: Share of the last map that is dropped.
        embedded_classes: Classes of the label; 0: no labels.
        dtype: Compute dtype.
    """

    widths: tuple[int, int] = (64, 64)
    padding: str = "VALID"
    dropout_rate: float = 0.5
    embedded_classes: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(
        self, residual: jax.Array, coarse: jax.Array, label: jax.Array | None = None, features: bool = False
    ) -> jax.Array | Verdict:
        """Judges residuals of images.

        Args:
            residual: Real ones, h_k = I_k - u(I_{k+1}), or generated ones, (B, H, W, C).
            coarse: The next smaller images, doubled: u(I_{k+1}), (B, H, W, C).
            label: Int (B,), with classes.
            features: Return the flattened last map, float32 (B, F), too.

        Returns:
            Logits (B,), or with `features` a `Verdict` of both.

        Raises:
            UserError: Images too small for the padding, or labels without classes.
        """
        check_label(self, "embedded_classes", label)
        padding = choose({"VALID": "VALID", "SAME": 2}, self.padding, "padding")
        height, width = image_sides(self, residual)
        if padding == "VALID" and min(height, width) < 9:
            raise UserError(
                f'LAPGANDiscriminator: images of {height}x{width} are too small for padding="VALID"; use padding="SAME"'
            )
        x = residual + coarse
        x = jnp.concatenate([x, *_planes(self, label, x)], axis=-1)
        for index, channels in enumerate(self.widths):
            conv = Conv(
                channels,
                5,
                strides=index + 1,
                padding=padding,
                kernel_init=_relu_init,
                dtype=self.dtype,
                name=f"conv_{index}",
            )
            x = nn.relu(conv(x))
        return _judge(self, x, features)


class LAPGANCoarseGenerator(nn.Module):
    """The smallest level's generator: z (B, latent) [, label int (B,)] -> float32 images (B, *output_shape).

    Rectified layers and a linear one. The latents are 100 numbers from U(-1, 1), to which the one-hot vector of the label
    is appended.

    Attributes:
        output_shape: Shape of one image.
        hidden: Width of each hidden layer.
        embedded_classes: Classes of the label; 0: no labels.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    hidden: tuple[int, ...] = (1200, 1200)
    embedded_classes: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array, label: jax.Array | None = None) -> jax.Array:
        """Maps latents (B, latent), and with classes labels (B,), to images (B, *output_shape), linear: of any size."""
        shape = sample_shape(self)
        x = append_label(self, z, label)
        for index, width in enumerate(self.hidden):
            x = nn.relu(nn.Dense(width, kernel_init=_relu_init, dtype=self.dtype, name=f"hidden_{index}")(x))
        x = nn.Dense(math.prod(shape), kernel_init=_linear_init, dtype=self.dtype, name="output")(x)
        return x.astype(jnp.float32).reshape(-1, *shape)


class LAPGANCoarseDiscriminator(nn.Module):
    """The smallest level's discriminator: images (B, ...) [, label int (B,)] -> float32 logits (B,).

    Rectified layers, each with dropout, on the pixels and the one-hot vector of the label. Dropout is there when a
    "dropout" key is given, see `jaxgan.networks.noise`.

    Attributes:
        hidden: Width of each hidden layer.
        dropout_rate: Share of each layer's units that are dropped.
        embedded_classes: Classes of the label; 0: no labels.
        dtype: Compute dtype.
    """

    hidden: tuple[int, ...] = (600, 600)
    dropout_rate: float = 0.5
    embedded_classes: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, label: jax.Array | None = None, features: bool = False) -> jax.Array | Verdict:
        """Maps images (B, ...) to logits (B,); with `features` a `Verdict` has the last hidden layer, float32 (B, F), too."""
        x = append_label(self, x.reshape(len(x), -1), label)
        for index, width in enumerate(self.hidden):
            x = dropout(self, x, self.dropout_rate if index else 0.0)
            x = nn.relu(nn.Dense(width, kernel_init=_relu_init, dtype=self.dtype, name=f"hidden_{index}")(x))
        return _judge(self, x, features)


def _planes(network: Any, label: jax.Array | None, image: jax.Array) -> list[jax.Array]:
    """One plane (B, H, W, 1) for the label, a layer of the calling module; none without a label."""
    if label is None:
        return []
    # ReLU(W onehot(y) + b). A row of W is the plane of a class; W starts at the scale of the images.
    height, width = image.shape[1:3]
    onehot = jax.nn.one_hot(label, network.embedded_classes, dtype=image.dtype)
    plane = nn.Dense(height * width, kernel_init=normal(1.0), dtype=network.dtype, name="label_plane")(onehot)
    return [nn.relu(plane).reshape(-1, height, width, 1)]


def _judge(network: Any, x: jax.Array, features: bool) -> jax.Array | Verdict:
    """Dropout and a linear layer of the calling module on its last activations."""
    x = x.astype(jnp.float32).reshape(len(x), -1)
    dropped = dropout(network, x, network.dropout_rate)
    logits = nn.Dense(1, kernel_init=_linear_init, name="logit")(dropped)[:, 0]
    return Verdict(logits, x) if features else logits

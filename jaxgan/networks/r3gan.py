"""R3GAN: residual networks without normalisation, grouped convolutions, and a smooth change of resolution.

Huang, Gokaslan, Kuleshov and Tompkin, "The GAN is dead; long live the GAN! A Modern Baseline GAN" (2024,
arXiv:2501.05441), section 4 and configuration E, with the initialisation of the released code.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgan.errors import UserError
from jaxgan.layers import Conv, Verdict, block, convolution
from jaxgan.layers.filtering import smooth_downsample, smooth_upsample
from jaxgan.networks.common import base_map, check_label, image_shape, leaky_relu
from jaxgan.networks.initializers import normal, variance_scaling

# N(0, 1 / fan_in), for every layer outside the residual blocks.
_linear_init = variance_scaling(1.0, "fan_in", "normal")
# On a CPU, XLA's gradient of a grouped convolution takes tens of times longer than this: groups are joined into dense
# convolutions of this many channels, with zeros between the groups. Wider wastes products, narrower compiles for longer.
_CPU_CHANNELS = 64
# A TPU's tiles are so many channels wide. Along them it lays the batch where groups are narrower: 32 images fill a quarter,
# and copies to and fro.
_TPU_CHANNELS = 128


class R3GANGenerator(nn.Module):
    """The generator of R3GAN: z (B, latent) [, label int (B,)] -> float32 images (B, H, W, C), linear.

    A learned map that z (64 components, N(0, 1)) scales per channel, then a stage of residual blocks for each resolution,
    with bilinear upsampling between stages, and a linear 1x1 convolution. The defaults are the paper's for CIFAR-10. FFHQ
    at 64 pixels: `widths=(768, 768, 768, 768, 384)`; at 256: `(768, 768, 768, 768, 384, 192, 96)`; ImageNet at 32:
    `(1536,) * 4`, at 64: `(1536,) * 5`.

    Attributes:
        output_shape: (H, W, C) of an image, H and W multiples of `2 ** (len(widths) - 1)`.
        widths: Of each stage, the first (4x4 for the paper's sizes) to the last.
        blocks: Residual blocks in a stage.
        group_width: Channels in a group of the 3x3 convolutions; 16 everywhere in the paper (96 groups at width 768).
        embedded_classes: Classes of the label, whose embedding, as long as z, is appended to z; 0: no labels.
        full_precision_stages: The first stages, those of the smallest maps, that compute in float32 whatever `dtype` is.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    widths: tuple[int, ...] = (768, 768, 768, 768)
    blocks: int = 2
    group_width: int = 16
    embedded_classes: int = 0
    full_precision_stages: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array, label: jax.Array | None = None) -> jax.Array:
        """Maps latents (B, latent), and with classes labels (B,), to images (B, H, W, C)."""
        check_label(self, "embedded_classes", label)
        base = base_map(self, doublings=len(self.widths) - 1)
        plain: dict[str, Any] = {"use_bias": False, "kernel_init": _linear_init}
        if label is not None:
            # The code's linear layer of one-hot labels, whose fan-in is the number of classes.
            init = normal(1 / math.sqrt(self.embedded_classes))
            embed = nn.Embed(self.embedded_classes, z.shape[1], embedding_init=init, name="class_embedding")
            z = jnp.concatenate([z, embed(label)], axis=1)
        basis = self.param("basis", normal(1.0), (*base, self.widths[0]), jnp.float32)
        dtype = _dtype(self, 0)
        x = nn.Dense(self.widths[0], **plain, dtype=dtype, name="project")(z)[:, None, None] * basis.astype(dtype)[None]
        for stage, width in enumerate(self.widths):
            dtype = _dtype(self, stage)
            x = x.astype(dtype)
            if stage:
                if width != x.shape[-1]:
                    x = Conv(width, 1, **plain, dtype=dtype, name=f"widen_{stage}")(x)
                x = smooth_upsample(x)
            x = _stage(self, x, stage)
        return Conv(image_shape(self)[2], 1, **plain, dtype=dtype, name="to_image")(x).astype(jnp.float32)


class R3GANDiscriminator(nn.Module):
    """The discriminator of R3GAN: images (B, H, W, C) [, label int (B,)] -> float32 logits (B,).

    The mirror of `R3GANGenerator` (same source): a 1x1 convolution of the image, a stage of residual blocks for each
    resolution with bilinear downsampling between stages, a weighted sum over the last map per channel, and a linear layer.
    With labels that layer keeps the width, and the logit is its product with the label's embedding. Samples do not see each
    other, so gradient penalties apply.

    Attributes:
        widths: Of each stage in the generator's order: the last is that of the image's own resolution.
        blocks: Residual blocks in a stage.
        group_width: Channels in a group of the 3x3 convolutions.
        projected_classes: Classes of the label; 0: no labels.
        full_precision_stages: As in the generator.
        dtype: Compute dtype.
    """

    widths: tuple[int, ...] = (768, 768, 768, 768)
    blocks: int = 2
    group_width: int = 16
    projected_classes: int = 0
    full_precision_stages: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, label: jax.Array | None = None, features: bool = False) -> jax.Array | Verdict:
        """Maps images (B, H, W, C), and with classes labels (B,), to logits (B,).

        With `features` also gives the sums over the last map, float32 (B, widths[0]), which do not depend on the label.
        """
        check_label(self, "projected_classes", label)
        plain: dict[str, Any] = {"use_bias": False, "kernel_init": _linear_init}
        dtype = _dtype(self, len(self.widths) - 1)
        x = Conv(self.widths[-1], 1, **plain, dtype=dtype, name="from_image")(x)
        for stage, width in reversed(list(enumerate(self.widths))):
            if width != x.shape[-1]:
                x = Conv(width, 1, **plain, dtype=dtype, name=f"widen_{stage}")(x)
            dtype = _dtype(self, stage)
            x = _stage(self, x, stage)
            if stage:
                x = smooth_downsample(x)
        # A depthwise convolution over the whole map; its fan-in is the number of pixels.
        pixels = x.shape[1] * x.shape[2]
        basis = self.param("basis", normal(1 / math.sqrt(pixels)), x.shape[1:], jnp.float32)
        h = jnp.sum(x.astype(jnp.float32) * basis[None], axis=(1, 2))
        if label is None:
            logits = nn.Dense(1, **plain, name="logit")(h)[:, 0]
        else:
            width = h.shape[1]
            init = normal(1 / math.sqrt(width * self.projected_classes))
            embed = nn.Embed(self.projected_classes, width, embedding_init=init, name="class_embedding")
            logits = jnp.sum(nn.Dense(width, **plain, name="logit")(h) * embed(label), axis=-1)
        return Verdict(logits, h) if features else logits


class _Block(nn.Module):
    """Residual block: 1x1 to twice the width, 3x3 in groups, 1x1 back; biases and LeakyReLU 0.2 after the first two.

    It starts as the identity: the last convolution is 0.

    Attributes:
        depth: Residual blocks in the network, L: weights start with variance (2 / 1.04) / (fan_in sqrt(L)).
        group_width: Channels in a group, a divisor of twice the width.
        dtype: Compute and output dtype.
    """

    depth: int
    group_width: int = 16
    dtype: Any = jnp.float32

    @nn.compact
    @block
    def __call__(self, x: jax.Array) -> jax.Array:
        """Keeps the shape (B, H, W, C)."""
        x = x.astype(self.dtype)
        width = 2 * x.shape[-1]
        if width % self.group_width:
            raise UserError(
                f"R3GAN: {width} channels do not divide into groups of {self.group_width}; change widths or group_width"
            )
        # N(0, gain^2 / fan_in), gain = sqrt(2 / (1 + 0.2^2)) L^(-1 / (2 * 3 - 2)), for the 3 layers of a block
        init = variance_scaling(2 / (1 + 0.2**2) / math.sqrt(self.depth), "fan_in", "normal")
        h = leaky_relu(Conv(width, 1, kernel_init=init, dtype=self.dtype, name="conv_1")(x))
        # A grouped kernel's second last axis is one group's inputs, and so its fan-in is right.
        h = leaky_relu(_GroupedConv(self.group_width, kernel_init=init, dtype=self.dtype, name="conv_2")(h))
        zeros = nn.initializers.zeros
        return x + Conv(x.shape[-1], 1, use_bias=False, kernel_init=zeros, dtype=self.dtype, name="conv_3")(h)


def _dtype(network: Any, stage: int) -> Any:
    return jnp.float32 if stage < network.full_precision_stages else network.dtype


def _stage(network: Any, x: jax.Array, stage: int) -> jax.Array:
    """The residual blocks of the calling network at one resolution."""
    depth = network.blocks * len(network.widths)
    for index in range(network.blocks):
        x = _Block(depth, network.group_width, _dtype(network, stage), name=f"block_{stage}_{index}")(x)
    return x


class _GroupedConv(nn.Module):
    """A 3x3 convolution within groups of channels; "kernel" is (3, 3, group_width, C)."""

    group_width: int
    kernel_init: Any
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        channels = x.shape[-1]
        kernel = self.param("kernel", self.kernel_init, (3, 3, self.group_width, channels), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (channels,), jnp.float32)
        y = lax.platform_dependent(x, kernel, cpu=dense_groups, tpu=wide_groups, default=native_groups)
        return y + bias.astype(x.dtype)[None, None, None]


def native_groups(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """A grouped 3x3 convolution, (B, H, W, C) and (3, 3, group, C) to (B, H, W, C), as GPUs do it."""
    layout = ("NHWC", "HWIO", "NHWC")
    groups = x.shape[-1] // kernel.shape[2]
    kernel = kernel.astype(x.dtype)
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=layout, feature_group_count=groups)


def wide_groups(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The same in fewer and wider groups, for TPUs."""
    return native_groups(x, _joined(kernel, _TPU_CHANNELS))


def dense_groups(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The same as dense convolutions of several groups each, for CPUs."""
    kernel = _joined(kernel, _CPU_CHANNELS)
    parts = x.shape[-1] // kernel.shape[2]
    pairs = zip(jnp.split(x, parts, axis=3), jnp.split(kernel, parts, axis=3), strict=True)
    return jnp.concatenate([convolution(*pair) for pair in pairs], axis=3)


def _joined(kernel: jax.Array, most: int) -> jax.Array:
    """The kernel (3, 3, group, C) for groups of up to `most` channels, each of several groups with zeros between them."""
    size, channels = kernel.shape[2:]
    groups = channels // size
    joined = max(n for n in range(1, groups + 1) if groups % n == 0 and n * size <= max(most, size))
    # Block diagonal: (3, 3, group, size, part, group', size'), zero unless group = group'.
    apart = jnp.eye(joined, dtype=kernel.dtype)[None, None, :, None, None, :, None]
    blocks = kernel.reshape(3, 3, 1, size, groups // joined, joined, size) * apart
    return blocks.reshape(3, 3, joined * size, channels)

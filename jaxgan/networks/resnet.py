"""The residual networks of WGAN-GP, SNGAN and SAGAN."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import BatchNorm, ClassConditionalBatchNorm, Conv, Verdict
from jaxgan.networks.blocks import DownBlock, ProjectionHead, UpBlock, attend, check_attended, shortcut_init
from jaxgan.networks.common import base_map, check_label, choose, image_shape, tanh_image


class ResNetGenerator(nn.Module):
    """Residual generator: z (B, latent) [, label int (B,)] -> float32 images (B, H, W, C) in [-1, 1].

    The default is the CIFAR network of Gulrajani et al., "Improved Training of Wasserstein GANs" (2017,
    arXiv:1704.00028), appendix F, with z 128. Miyato et al. (2018, SNGAN, arXiv:1802.05957, appendix B.4) have it with
    width 256, and for 128x128 ImageNet `widths=(1024, 1024, 512, 256, 128, 64)`; 48x48 starts from 6x6. SAGAN (Zhang et al.
    2018, arXiv:1805.08318) has the same with `attention`.

    Attributes:
        output_shape: (H, W, C) of an image, H and W multiples of `2 ** (len(widths) - 1)`.
        widths: Of the first map and of each block after it; each block doubles the map.
        embedded_classes: Classes that have their own gains and offsets in the blocks' batch norms; 0: no labels.
        attention: Sides of the maps that self-attention follows; below 1, shares of the image's.
        attention_form: As `form` of `jaxgan.layers.SelfAttention`.
        norm_epsilon: Added to the variances by which its norms divide.
        upsampling: How blocks double the map: "nearest", or "bilinear" as mimicry's (Lee and Town 2020, arXiv:2005.02494).
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    widths: tuple[int, ...] = (128, 128, 128, 128)
    embedded_classes: int = 0
    attention: tuple[int | float, ...] = ()
    attention_form: str = "paper"
    norm_epsilon: float = 1e-5
    upsampling: str = "nearest"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array, label: jax.Array | None = None, attention_maps: bool = False) -> Any:
        """Maps latents (B, latent), and with classes labels (B,), to images (B, H, W, C).

        With `attention_maps` also gives where the pixels of each attended map look: a tuple of (B, H, W, h, w).
        """
        check_label(self, "embedded_classes", label)
        choose(dict.fromkeys(("nearest", "bilinear")), self.upsampling, "upsampling")
        height, width = base_map(self, doublings=len(self.widths) - 1)
        norm: Any = (
            functools.partial(ClassConditionalBatchNorm, self.embedded_classes) if self.embedded_classes else BatchNorm
        )
        condition = () if label is None else (label,)

        x = nn.Dense(height * width * self.widths[0], kernel_init=shortcut_init, dtype=self.dtype, name="project")(z)
        x = x.reshape(-1, height, width, self.widths[0])
        looks: list[jax.Array] = []
        for index, features in enumerate(self.widths[1:]):
            x = UpBlock(
                features,
                functools.partial(norm, epsilon=self.norm_epsilon),
                dtype=self.dtype,
                upsampling=self.upsampling,
                name=f"block_{index}",
            )(x, *condition)
            x = attend(self, x, image_shape(self)[0], f"attention_{index}", looks, shortcut_init, self.attention_form)
        check_attended(self, image_shape(self)[0], looks)
        x = nn.relu(BatchNorm(epsilon=self.norm_epsilon, dtype=self.dtype, name="norm")(x))
        to_image = Conv(image_shape(self)[2], kernel_init=shortcut_init, dtype=self.dtype, name="to_image")
        image = tanh_image(to_image(x))
        return (image, tuple(looks)) if attention_maps else image


class ResNetDiscriminator(nn.Module):
    """Residual discriminator or critic: images (B, H, W, C) [, label int (B,)] -> float32 logits (B,).

    The default is WGAN-GP's CIFAR critic (sources as in `ResNetGenerator`), which averages the last map. SNGAN's is the
    same with `pooling="sum"` and spectral norm as a constraint on its parameters (its code leaves out the last bias on
    CIFAR); for 128x128 ImageNet it has `widths=(64, 128, 256, 512, 1024, 1024), downsamples=5`, and SAGAN's is that with
    `wide=True` and `attention`. There is no normalisation, so gradient penalties apply.

    Attributes:
        widths: Of each block.
        downsamples: How many of the blocks, from the first one on, halve the map.
        pooling: "mean" or "sum" of the last map.
        wide: Blocks widen in their first convolution (SAGAN, BigGAN); otherwise in their second (WGAN-GP, SNGAN).
        projected_classes: Classes of the label, which enters by projection; 0: no labels.
        attention: Sides of the maps that self-attention follows; below 1, shares of the image's, each once.
        attention_form: As `form` of `jaxgan.layers.SelfAttention`.
        dtype: Compute dtype.
    """

    widths: tuple[int, ...] = (128, 128, 128, 128)
    downsamples: int = 2
    pooling: str = "mean"
    wide: bool = False
    projected_classes: int = 0
    attention: tuple[int | float, ...] = ()
    attention_form: str = "paper"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, label: jax.Array | None = None, features: bool = False) -> jax.Array | Verdict:
        """Maps images (B, H, W, C), and with classes labels (B,), to logits (B,).

        With `features` also gives the pooled last map, float32 (B, F), which does not depend on the label.
        """
        check_label(self, "projected_classes", label)
        pool, side = choose({"mean": jnp.mean, "sum": jnp.sum}, self.pooling, "pooling"), x.shape[1]
        looks: list[jax.Array] = []
        for index, width in enumerate(self.widths):
            first = index == 0
            hidden = width if self.wide or first else x.shape[-1]
            halve = index < self.downsamples
            x = DownBlock(width, hidden, halve, preactivate=not first, dtype=self.dtype, name=f"block_{index}")(x)
            if halve:
                x = attend(self, x, side, f"attention_{index}", looks, shortcut_init, self.attention_form)
        check_attended(self, side, looks)
        h = pool(nn.relu(x).astype(jnp.float32), axis=(1, 2))
        logits = ProjectionHead(self.projected_classes, name="head")(h, label)
        return Verdict(logits, h) if features else logits

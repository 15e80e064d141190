"""The networks of StackGAN: conditioning augmentation, stage I, stage II, and the discriminator that both stages have."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import Conv, Verdict
from jaxgan.networks.common import (
    base_map,
    image_shape,
    image_sides,
    leaky_relu,
    normal_init,
    normalization,
    tanh_image,
)
from jaxgan.networks.initializers import variance_scaling

_orthogonal = nn.initializers.orthogonal()
# Of layers that read embeddings, of however many components: what comes in is as large as what goes out.
_of_text = variance_scaling(1.0, "fan_in", "normal")
Moments = tuple[jax.Array, jax.Array]  # mean and logarithm of the variance, (B, condition_size) each


class _Augmentation(nn.Module):
    """Conditioning augmentation: c = mu(e) + sigma(e) * noise, of an embedding e (StackGAN, section 3.2).

    Attributes:
        size: Components of c.
        gated: Twice as many results of the linear layer, of which one half gates the other (StackGAN++).
    """

    size: int
    gated: bool = False

    @nn.compact
    def __call__(self, embedding: jax.Array, noise: jax.Array) -> tuple[jax.Array, Moments]:
        """Conditions (B, size) of embeddings (B, D) and noise (B, size), and the moments that they are drawn by."""
        width = 4 * self.size if self.gated else 2 * self.size
        moments = nn.Dense(width, kernel_init=_of_text, name="moments")(embedding)
        moments = nn.glu(moments) if self.gated else moments
        mean, log_variance = jnp.split(moments, 2, axis=-1)
        return mean + jnp.exp(0.5 * log_variance) * noise, (mean, log_variance)


def _conv_norm(network: Any, x: jax.Array, features: int, name: str, **settings: Any) -> jax.Array:
    """A convolution without bias, and batch norm."""
    settings = {"kernel_init": normal_init, "use_bias": False, "dtype": network.dtype} | settings
    x = Conv(features, name=name, **settings)(x)
    return normalization("batch", network.dtype, f"{name}_norm", network.norm_epsilon)(x)


def _tiled(condition: jax.Array, x: jax.Array) -> jax.Array:
    """The map (B, H, W, C) with the condition (B, D) at each of its places: (B, H, W, C + D)."""
    spread = jnp.broadcast_to(condition[:, None, None], (*x.shape[:3], condition.shape[-1]))
    return jnp.concatenate([x, spread.astype(x.dtype)], axis=-1)


class StackGANGenerator(nn.Module):
    """Stage I of StackGAN: z (B, latent), embeddings (B, D), noise (B, condition_size) -> images (B, H, W, C) in [-1, 1].

    Zhang et al., "StackGAN: Text to Photo-realistic Image Synthesis with Stacked Generative Adversarial Networks" (2016,
    arXiv:1612.03242), section 3.3: the condition beside z, a linear layer, then nearest-neighbour enlargements with 3x3
    convolutions, batch norm and ReLU. The authors' TensorFlow program has residual blocks between them, as this has not.

    Attributes:
        output_shape: (H, W, C) of an image, H and W multiples of `2 ** (len(widths) - 1)`.
        widths: Features of the first map and after each doubling.
        condition_size: Components of the condition.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    widths: tuple[int, ...] = (1024, 512, 256, 128, 64)
    condition_size: int = 128
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array, embedding: jax.Array, noise: jax.Array, moments: bool = False) -> Any:
        """Maps latents, embeddings and noise to images; with `moments` also gives those of the condition's density."""
        *_, channels = image_shape(self)
        height, width = base_map(self, doublings=len(self.widths) - 1)
        condition, density = _Augmentation(self.condition_size, name="augmentation")(embedding, noise)
        x = jnp.concatenate([condition, z], axis=-1)
        x = nn.Dense(height * width * self.widths[0], use_bias=False, kernel_init=normal_init, dtype=self.dtype)(x)
        x = x.reshape(-1, height, width, self.widths[0])
        x = nn.relu(normalization("batch", self.dtype, "project_norm", self.norm_epsilon)(x))
        for index, features in enumerate(self.widths[1:], start=1):
            x = nn.relu(_conv_norm(self, x, features, f"up_{index}", resample="up"))
        image = tanh_image(Conv(channels, kernel_init=normal_init, dtype=self.dtype, name="to_image")(x))
        return (image, *density) if moments else image


class StackGANRefiner(nn.Module):
    """Stage II of StackGAN: images (B, h, w, C), embeddings (B, D), noise (B, condition_size) -> images (B, H, W, C).

    Section 3.4 of the paper of `StackGANGenerator`: the small image is encoded to a map of a quarter of its side, the condition
    is joined to each place of it, and it is led through residual blocks and enlarged. It has a condition of its own, and no z.

    Attributes:
        output_shape: (H, W, C) of an image: H and W are those of the small image times a power of two.
        encoder_widths: Features of the convolutions that encode the small image; all but the first halve the map.
        blocks: Residual blocks.
        widths: Features after each doubling, as many as lead from the encoded map to the image.
        condition_size: Components of the condition.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    encoder_widths: tuple[int, ...] = (128, 256, 512)
    blocks: int = 4
    widths: tuple[int, ...] = (256, 128, 64, 32)
    condition_size: int = 128
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, image: jax.Array, embedding: jax.Array, noise: jax.Array, moments: bool = False) -> Any:
        """Maps small images, embeddings and noise to images; with `moments` also gives those of the condition's density."""
        *_, channels = image_shape(self)
        base_map(self, doublings=len(self.widths))
        condition, density = _Augmentation(self.condition_size, name="augmentation")(embedding, noise)
        first, *others = self.encoder_widths
        x = nn.relu(Conv(first, kernel_init=normal_init, dtype=self.dtype, name="encode_0")(image))
        for index, features in enumerate(others, start=1):
            x = nn.relu(_conv_norm(self, x, features, f"encode_{index}", kernel_size=4, strides=2, padding=1))
        features = self.encoder_widths[-1]
        x = nn.relu(_conv_norm(self, _tiled(condition, x), features, "join"))
        for index in range(self.blocks):
            h = nn.relu(_conv_norm(self, x, features, f"block_{index}_1"))
            x = nn.relu(x + _conv_norm(self, h, features, f"block_{index}_2"))
        for index, features in enumerate(self.widths):
            x = nn.relu(_conv_norm(self, x, features, f"up_{index}", resample="up"))
        made = tanh_image(Conv(channels, kernel_init=normal_init, dtype=self.dtype, name="to_image")(x))
        return (made, *density) if moments else made


class StackGANv2Generator(nn.Module):
    """StackGAN++: z (B, latent), embeddings (B, D), noise (B, condition_size) -> images (B, H, W, C), and smaller ones.

    Zhang et al., "StackGAN++: Realistic Image Synthesis with Stacked Generative Adversarial Networks" (2017, arXiv:1710.10916),
    section 4, with the layers of the authors' program: one trunk of maps, from each level of which an image branches off. A
    level after the first joins the condition to the map of the one before, and has residual blocks and an enlargement. Gated
    linear units everywhere, and batch norm; no biases.

    Attributes:
        output_shape: (H, W, C) of the largest image.
        trunk_widths: Features of the first map and after each doubling, up to the map of the smallest image.
        widths: Features of the map of each further image, twice as large as that before.
        blocks: Residual blocks of a level.
        condition_size: Components of the condition.
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    trunk_widths: tuple[int, ...] = (1024, 512, 256, 128, 64)
    widths: tuple[int, ...] = (32, 16)
    blocks: int = 2
    condition_size: int = 128
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array, embedding: jax.Array, noise: jax.Array, levels: bool = False) -> Any:
        """Maps latents, embeddings and noise to images.

        Args:
            z: (B, latent).
            embedding: (B, D).
            noise: (B, condition_size).
            levels: Give the images of all levels, the smallest first, mean and log variance of the condition.

        Returns:
            The largest image (B, H, W, C); with `levels` (images, mean, log_variance).
        """
        *_, channels = image_shape(self)
        height, width = base_map(self, doublings=len(self.trunk_widths) + len(self.widths) - 1)
        condition, density = _Augmentation(self.condition_size, gated=True, name="augmentation")(embedding, noise)
        x = jnp.concatenate([condition, z], axis=-1)
        first = 2 * self.trunk_widths[0]
        x = nn.Dense(height * width * first, use_bias=False, kernel_init=_orthogonal, dtype=self.dtype, name="project")(
            x
        )
        x = nn.glu(
            normalization("batch", self.dtype, "project_norm", self.norm_epsilon)(x.reshape(-1, height, width, first))
        )
        for index, features in enumerate(self.trunk_widths[1:], start=1):
            x = self._gated(x, features, f"up_{index}", resample="up")
        images = [self._image(x, channels, 0)]
        for level, features in enumerate(self.widths, start=1):
            name, same = f"level_{level}", x.shape[-1]
            x = self._gated(_tiled(condition, x), same, f"{name}_join")
            for index in range(self.blocks):
                h = self._gated(x, same, f"{name}_block_{index}_1")
                x = x + _conv_norm(self, h, same, f"{name}_block_{index}_2", kernel_init=_orthogonal)
            x = self._gated(x, features, f"{name}_up", resample="up")
            images.append(self._image(x, channels, level))
        return (tuple(images), *density) if levels else images[-1]

    def _gated(self, x: jax.Array, features: int, name: str, **settings: Any) -> jax.Array:
        """A convolution to twice the features and batch norm, of which one half gates the other."""
        return nn.glu(_conv_norm(self, x, 2 * features, name, kernel_init=_orthogonal, **settings))

    def _image(self, x: jax.Array, channels: int, level: int) -> jax.Array:
        conv = Conv(channels, use_bias=False, kernel_init=_orthogonal, dtype=self.dtype, name=f"to_image_{level}")
        return tanh_image(conv(x))


class StackGANDiscriminator(nn.Module):
    """The discriminator of StackGAN's stages and of StackGAN++'s: images (B, H, W, C), conditions (B, D) -> scores (B,).

    The source is that of `StackGANGenerator`: 4x4 convolutions that halve the map, 3x3 convolutions that keep it, then the
    condition, through a linear layer or as it is, joined to each place of it, a convolution, and one over the whole map.
    LeakyReLU 0.2; batch norm on all layers but the first and the last; no biases.

    Attributes:
        widths: Features of the layers that halve the map.
        narrow_widths: Features of the layers after them that keep it.
        condition_width: Features of the linear layer that the condition goes through; 0: it is joined as it is.
        joint_kernel: Side of the convolution that sees both: 1 in stages I and II, 3 in StackGAN++.
        separate: Two answers: how real the image is, seen without the condition, and how well it fits it (StackGAN++).
        orthogonal: Weights begin orthogonal, as StackGAN++'s program has them, and not as N(0, 0.02).
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512)
    narrow_widths: tuple[int, ...] = ()
    condition_width: int = 128
    joint_kernel: int = 1
    separate: bool = False
    orthogonal: bool = False
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array, features: bool = False) -> jax.Array | Verdict:
        """Judges images beside their conditions.

        Args:
            x: Images (B, H, W, C).
            condition: (B, D).
            features: Return the flattened map before the condition joins it, float32 (B, F), too.

        Returns:
            The score (B,); or a `Verdict` of it, of the match (B,) if they are separate, and of the features if asked for.
        """
        image_sides(self, x)
        init = _orthogonal if self.orthogonal else normal_init
        down: dict[str, Any] = {"kernel_size": 4, "strides": 2, "padding": 1, "kernel_init": init}
        x = Conv(self.widths[0], **down, use_bias=False, dtype=self.dtype, name="down_0")(x)
        x = leaky_relu(x)
        for index, width in enumerate(self.widths[1:], start=1):
            x = leaky_relu(_conv_norm(self, x, width, f"down_{index}", **down))
        for index, width in enumerate(self.narrow_widths):
            x = leaky_relu(_conv_norm(self, x, width, f"narrow_{index}", kernel_init=init))
        seen = x
        if self.condition_width:
            condition = leaky_relu(nn.Dense(self.condition_width, kernel_init=_of_text, name="condition")(condition))
        joined = _tiled(condition, x)
        x = _conv_norm(self, joined, x.shape[-1], "join", kernel_size=self.joint_kernel, kernel_init=init)
        score = _over_the_whole(leaky_relu(x), "logit", init)
        if not (self.separate or features):
            return score
        realness = _over_the_whole(seen, "realness", init) if self.separate else score
        flat = seen.astype(jnp.float32).reshape(len(seen), -1) if features else None
        return Verdict(realness, flat, match=score if self.separate else None)


def _over_the_whole(x: jax.Array, name: str, init: Any) -> jax.Array:
    """One number for each map (B, H, W, C): float32 (B,)."""
    flat = x.astype(jnp.float32).reshape(len(x), -1)
    return nn.Dense(1, kernel_init=init, name=name)(flat)[:, 0]

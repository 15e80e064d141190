"""What the generators of StyleGAN and StyleGAN2 share: the mapping to styles, noise for each pixel, the two halves.

Weights are drawn from N(0, 1 / fan_in) and rectifiers have the gain sqrt(2), as in StyleGAN2's programs; StyleGAN's have the
gain in the weights, which differs in the scale of biases alone. Equalised learning rates are a constraint on the parameters,
`equalized` with gain 1 and rates {"mapping": 0.01}.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.layers import pixel_norm
from jaxgan.mesh import shard_batch
from jaxgan.networks.common import Weight, check_label, image_shape, leaky_relu, level_sizes
from jaxgan.networks.initializers import normal, variance_scaling

unit_init = variance_scaling(1.0, "fan_in", "normal")


def rectified(x: jax.Array, clamp: float | None = None) -> jax.Array:
    """sqrt(2) LeakyReLU 0.2, and no further from zero than `clamp`."""
    x = math.sqrt(2) * leaky_relu(x)
    return x if clamp is None else jnp.clip(x, -clamp, clamp)


def level_dtype(network: Any, size: int, largest: int) -> Any:
    """What the level of a size computes in: `network.dtype`, but float32 in all but the `reduced_levels` largest.

    StyleGAN2-ADA (Karras et al. 2020, arXiv:2006.06676, appendix D) has 4 of them, and never the first level, 4x4.
    """
    levels = network.reduced_levels
    reduced = levels is None or size > max(4, largest >> levels)
    return network.dtype if reduced else jnp.float32


class Mapping(nn.Module):
    """The mapping network: vectors (B, D), and with classes labels (B,), to (B, width), float32.

    Karras, Laine and Aila 2018 (arXiv:1812.04948), section 2: the vectors scaled to length sqrt(D), beside the label's
    embedding of as many components, and dense layers with LeakyReLU.

    Attributes:
        width: Of all layers.
        layers: How many; without any, the scaled vectors themselves.
        classes: Classes of the label; 0: no labels.
        norm_epsilon: Added to the mean squares by which vectors are scaled.
    """

    width: int = 512
    layers: int = 8
    classes: int = 0
    norm_epsilon: float = 1e-8

    @nn.compact
    def __call__(self, z: jax.Array | None, label: jax.Array | None = None) -> jax.Array:
        """`z` None: of the label alone, as the discriminator's mapping is."""
        parts = [] if z is None else [pixel_norm(z.astype(jnp.float32), self.norm_epsilon)]
        if label is not None:
            width = self.width if z is None else z.shape[1]
            init = normal(1 / math.sqrt(self.classes))
            embedding = nn.Embed(self.classes, width, embedding_init=init, name="class_embedding")(label)
            parts.append(pixel_norm(embedding, self.norm_epsilon))
        h = jnp.concatenate(parts, axis=1)
        for index in range(self.layers):
            h = rectified(nn.Dense(self.width, kernel_init=unit_init, name=f"dense_{index}")(h))
        return h


def pixel_noise(module: nn.Module, like: jax.Array, slot: int) -> jax.Array:
    """A normal number for each pixel, (B, H, W, 1) or (1, H, W, 1), in the dtype of the map `like` (B, H, W, C).

    With a "dropout" key it is drawn for each image; without one it is always the same, so that the images of a path between two
    latents differ by the latents alone.

    Args:
        module: The calling module.
        like: What it will be added to.
        slot: Tells layers apart where there is no key.
    """
    batch, height, width, _ = like.shape
    # Drawn flat: a draw of many axes takes XLA:CPU seconds to compile.
    if module.has_rng("dropout"):
        noise = jax.random.normal(module.make_rng("dropout"), (batch * height * width,))
        return shard_batch(noise.reshape(batch, height, width, 1)).astype(like.dtype)
    noise = jax.random.normal(jax.random.key(slot), (height * width,))
    return noise.reshape(1, height, width, 1).astype(like.dtype)


class StyledGenerator(nn.Module):
    """A generator of two halves, z to w and w to images; `synthesis_network` is a subclass's own.

    Attributes:
        output_shape: (S, S, C) of an image, S a power of two from 4 on.
        base_width: The map of size s has `min(2 * base_width / s, max_width)` features.
        max_width: See `base_width`.
        style_width: Components of w.
        mapping_layers: Dense layers from z to w.
        embedded_classes: Classes of the label, which the mapping is told; 0: no labels.
        norm_epsilon: Added to the variances and mean squares by which its norms divide.
        dtype: Compute dtype of the synthesis.
    """

    output_shape: tuple[int, ...] | None = None
    base_width: int = 8192
    max_width: int = 512
    style_width: int = 512
    mapping_layers: int = 8
    embedded_classes: int = 0
    norm_epsilon: float = 1e-8
    dtype: Any = jnp.float32

    def setup(self) -> None:
        height, width, _ = image_shape(self)
        level_sizes(self, height, width)
        self.mapping = Mapping(self.style_width, self.mapping_layers, self.embedded_classes, self.norm_epsilon)
        self.synthesis = self.synthesis_network()

    def synthesis_network(self) -> nn.Module:
        """A network (styles (B, slots, D), resolution, alpha) -> images."""
        raise NotImplementedError

    def __call__(
        self,
        z: jax.Array,
        label: jax.Array | None = None,
        resolution: int | None = None,
        alpha: Weight | None = None,
    ) -> jax.Array:
        """Maps latents (B, latent), and with classes labels (B,), to float32 images; see `synthesize`."""
        return self.synthesize(self.map(z, label), resolution, alpha)

    def map(self, z: jax.Array, label: jax.Array | None = None) -> jax.Array:
        """Latents (B, latent), and with classes labels (B,), to w, float32 (B, style_width)."""
        check_label(self, "embedded_classes", label)
        if not self.mapping_layers and z.shape[1] != self.style_width:
            raise UserError(
                f"{type(self).__name__}: without mapping layers w is z, but z has {z.shape[1]} components and "
                f"style_width={self.style_width}: make them equal"
            )
        return self.mapping(z, label)

    def synthesize(self, w: jax.Array, resolution: int | None = None, alpha: Weight | None = None) -> jax.Array:
        """Styles to images.

        Args:
            w: (B, style_width), the same style everywhere; or (B, slots, style_width), two slots for each resolution.
            resolution: Of the images, a Python int: 4, 8, ... up to that of `output_shape`, the default.
            alpha: Weight of the newest level in [0, 1]: 0 gives the images of the level below, upsampled; None is 1.

        Returns:
            float32 (B, resolution, resolution, C), not limited to [-1, 1].
        """
        height, width, _ = image_shape(self)
        sizes = level_sizes(self, height, width)
        resolution = resolution or sizes[-1]
        if resolution not in sizes:
            raise UserError(
                f"{type(self).__name__} has no level for resolution={resolution}; choose one of {', '.join(map(str, sizes))}"
            )
        count = 2 * sizes.index(resolution) + 2
        if w.ndim == 2:
            w = jnp.broadcast_to(w[:, None], (w.shape[0], count, w.shape[1]))
        if w.shape[1] < count:
            raise UserError(
                f"{type(self).__name__}: styles for {w.shape[1]} slots, but images of {resolution} pixels need {count}"
            )
        return self.synthesis(w, resolution, alpha).astype(jnp.float32)

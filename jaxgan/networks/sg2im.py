"""The networks of sg2im: a graph network that lays objects out, and a generator that paints layouts.

Johnson, Gupta and Fei-Fei, "Image Generation from Scene Graphs" (2018, arXiv:1804.01622), section 3.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.core.scene_graph import split
from jaxgan.layers import Conv, average_pool, upsample_nearest
from jaxgan.networks.common import base_map, image_shape, leaky_relu, normalization, tanh_image


class SceneGraphNetwork(nn.Module):
    """Graphs (B, SIZE) and noise (B, N, Z) -> (boxes (B, N, 4), mask logits (B, N, S, S), vectors (B, N, D + Z)).

    Objects begin as a learned vector of their kind. In each round every relation makes of its subject, its kind and its object
    one vector for each of the two; an object takes the mean of its own (section 3, "graph convolution network"), and adds what
    it makes of it to itself, which the paper does not do. A box is a middle and a side for each axis, as shares of the canvas.
    Noise stands beside each object's vector, so that it is one for the whole object; in the paper it is one for each pixel of
    the layout. Places without an object have boxes and vectors of zeros.

    Attributes:
        width: D, and half of the hidden layers' features.
        rounds: Of messages; 0: objects know nothing of each other.
        mask_size: S.
        dtype: Compute dtype.
    """

    width: int = 64
    rounds: int = 3
    mask_size: int = 8
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, graph: jax.Array, noise: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Lays graphs (B, SIZE) out."""
        objects, edges = split(graph.astype(self.dtype))
        present = objects.sum(axis=-1, keepdims=True)
        slots = objects.shape[1]

        def dense(features: int, name: str) -> nn.Dense:
            return nn.Dense(features, dtype=self.dtype, name=name)

        told = edges.sum(axis=-1, keepdims=True)  # 1 where something is told of a pair
        number = jnp.maximum(told.sum(axis=2) + told.sum(axis=1), 1.0)
        x = dense(self.width, "kinds")(objects)
        for index in range(self.rounds):
            pairs = (len(x), slots, slots, self.width)
            triple = jnp.concatenate(
                [jnp.broadcast_to(x[:, :, None], pairs), edges, jnp.broadcast_to(x[:, None], pairs)], axis=-1
            )
            message = nn.relu(dense(2 * self.width, f"relation_{index}_hidden")(triple))
            message = told * nn.relu(dense(2 * self.width, f"relation_{index}")(message))
            to_subject, to_object = jnp.split(message, 2, axis=-1)
            heard = (to_subject.sum(axis=2) + to_object.sum(axis=1)) / number
            x = x + dense(self.width, f"object_{index}")(
                nn.relu(dense(2 * self.width, f"object_{index}_hidden")(jnp.concatenate([x, heard], axis=-1)))
            )
        box = dense(4, "box")(nn.relu(dense(2 * self.width, "box_hidden")(x))).astype(jnp.float32)
        middle, half = jax.nn.sigmoid(box[..., :2]), 0.5 * jax.nn.sigmoid(box[..., 2:])
        boxes = present * jnp.concatenate([middle - half, middle + half], axis=-1)
        vectors = present * jnp.concatenate([x, noise.astype(x.dtype)], axis=-1)
        masks = dense(self.mask_size**2, "mask")(nn.relu(dense(2 * self.width, "mask_hidden")(vectors)))
        return boxes, masks.astype(jnp.float32).reshape(len(x), slots, self.mask_size, self.mask_size), vectors


class CascadedRefinementGenerator(nn.Module):
    """Layouts (B, H, W, D) -> float32 images (B, H, W, C) in [-1, 1], painted from coarse to fine.

    A cascaded refinement network (section 3, "cascaded refinement network", after Chen and Koltun 2017, arXiv:1707.09405): each
    module sees the layout, averaged to its size, beside what the module before made, enlarged; two 3x3 convolutions with norm
    and LeakyReLU follow. The last module has the size of the image, and each one half of that of the next.

    Attributes:
        output_shape: (H, W, C) of an image, H and W multiples of `2 ** (len(widths) - 1)`.
        widths: Features of each module, the coarsest first; the paper's for 64x64.
        norm: "batch", as in the paper, "instance" or "none".
        norm_epsilon: Added to the variances by which its norms divide.
        dtype: Compute dtype.
    """

    output_shape: tuple[int, ...] | None = None
    widths: tuple[int, ...] = (1024, 512, 256, 128, 64)
    norm: str = "batch"
    norm_epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, layout: jax.Array) -> jax.Array:
        """Paints layouts (B, H, W, D)."""
        *_, channels = image_shape(self)
        base_map(self, doublings=len(self.widths) - 1)
        x = layout
        for index, width in enumerate(self.widths):
            seen = average_pool(layout, 2 ** (len(self.widths) - 1 - index))
            x = jnp.concatenate([upsample_nearest(x), seen], axis=-1) if index else seen
            for half in range(2):
                name = f"{index}_{half}"
                kernel = nn.initializers.he_normal()
                x = Conv(width, padding=1, kernel_init=kernel, dtype=self.dtype, name=f"conv_{name}")(x)
                x = leaky_relu(normalization(self.norm, self.dtype, f"norm_{name}", self.norm_epsilon)(x))
        return tanh_image(Conv(channels, 1, padding=0, dtype=self.dtype, name="to_image")(x))

"""Self-attention over the pixels of a feature map."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from jaxgan.layers.conv import Conv
from jaxgan.layers.resampling import max_pool


class SelfAttention(nn.Module):
    """The non-local block of SAGAN (Zhang et al. 2018) and BigGAN (Brock et al. 2018), as the authors released it.

    Queries and keys have C / 8 channels, values C / 2; keys and values are max-pooled 2x2; the scores are not divided by
    the square root of their width. (The paper's text has C / 8 channels for all three and no pooling.) The learned scalar
    "gamma" starts at 0, so that the block starts as the identity.

    Attributes:
        kernel_init: Initialiser of the four 1x1 convolutions, which have no biases.
        dtype: Compute and output dtype; the softmax is computed in float32.
    """

    kernel_init: Initializer = nn.initializers.lecun_normal()
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Lets each pixel of `x`, (B, H, W, C) with H and W even, attend to all (pooled) pixels; the shape of `x`."""
        batch, height, width, channels = x.shape

        def project(features: int, name: str) -> Conv:
            return Conv(features, 1, use_bias=False, kernel_init=self.kernel_init, dtype=self.dtype, name=name)

        def pixels(maps: jax.Array) -> jax.Array:
            return maps.reshape(batch, -1, maps.shape[-1])

        narrow, half = max(1, channels // 8), max(1, channels // 2)
        query = pixels(project(narrow, "query")(x))
        key = pixels(max_pool(project(narrow, "key")(x)))
        value = pixels(max_pool(project(half, "value")(x)))
        # beta_{j,i} = softmax over the keys i of f(x_i)^T g(x_j)
        scores = jnp.einsum("bqc,bkc->bqk", query, key, preferred_element_type=jnp.float32)
        weights = jax.nn.softmax(scores, axis=-1).astype(self.dtype)
        attended = jnp.einsum("bqk,bkc->bqc", weights, value).reshape(batch, height, width, half)
        # y = x + gamma o
        gamma = self.param("gamma", nn.initializers.zeros, (), jnp.float32)
        return x.astype(self.dtype) + gamma.astype(self.dtype) * project(channels, "output")(attended)

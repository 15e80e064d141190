"""Self-attention over the pixels of a feature map."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from jaxgan.errors import UserError
from jaxgan.layers.conv import Conv
from jaxgan.layers.resampling import max_pool
from jaxgan.mesh import on_accelerators

FORMS = ("released", "paper")


class SelfAttention(nn.Module):
    """The non-local block of SAGAN (Zhang et al. 2018, arXiv:1805.08318, section 3) and BigGAN (Brock et al. 2018).

    Queries f and keys g have C / 8 channels; the scores are not divided by the square root of their width. Values h have C / 8
    channels in the paper; in the authors' program, which BigGAN took over, they have C / 2, and keys and values are max-pooled
    2x2. The learned scalar "gamma" starts at 0, so that the block starts as the identity.

    Attributes:
        form: "released" for the authors' program, "paper" for the paper's text.
        kernel_init: Initialiser of the four 1x1 convolutions, which have no biases.
        dtype: Compute and output dtype; the softmax is computed in float32.
    """

    form: str = "released"
    kernel_init: Initializer = nn.initializers.lecun_normal()
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Lets each pixel of `x` attend to all (pooled) pixels.

        Args:
            x: (B, H, W, C); "released" needs H and W even.

        Returns:
            The map that comes out, in the shape of `x`; and where each pixel looks, float32 (B, H, W, h, w) whose sum over the
            (pooled) map h, w is 1.

        Raises:
            UserError: An unknown form, or an odd map that is to be pooled.
        """
        if self.form not in FORMS:
            raise UserError(f"SelfAttention: form={self.form!r} is unknown: choose one of {', '.join(FORMS)}")
        batch, height, width, channels = x.shape
        released = self.form == "released"

        def project(features: int, name: str) -> Conv:
            return Conv(features, 1, use_bias=False, kernel_init=self.kernel_init, dtype=self.dtype, name=name)

        def pixels(maps: jax.Array) -> jax.Array:
            return maps.reshape(batch, -1, maps.shape[-1])

        narrow = max(1, channels // 8)
        query = pixels(project(narrow, "query")(x))
        key = project(narrow, "key")(x)
        value = project(max(1, channels // 2) if released else narrow, "value")(x)
        if released:
            key, value = max_pool(key), max_pool(value)
        # The scores, of all pairs of pixels, would be the largest array of a network: an accelerator computes them anew rather
        # than keep them for the gradient. On a CPU memory is not what runs out first.
        attend = jax.checkpoint(_attend) if on_accelerators() else _attend
        attended, weights = attend(query, pixels(key), pixels(value))
        attended = project(channels, "output")(attended.reshape(batch, height, width, -1))
        # y = x + gamma o
        gamma = self.param("gamma", nn.initializers.zeros, (), jnp.float32)
        y = x.astype(self.dtype) + gamma.astype(self.dtype) * attended
        return y, weights.reshape(batch, height, width, *key.shape[1:3])


def _attend(query: jax.Array, key: jax.Array, value: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Values (B, K, D) in the mean that keys (B, K, C) give each query (B, Q, C): (B, Q, D), and float32 weights (B, Q, K)."""
    # beta_{j,i} = softmax over the keys i of f(x_i)^T g(x_j)
    scores = jnp.einsum("bqc,bkc->bqk", query, key, preferred_element_type=jnp.float32)
    weights = jax.nn.softmax(scores, axis=-1)
    return jnp.einsum("bqk,bkc->bqc", weights.astype(value.dtype), value), weights

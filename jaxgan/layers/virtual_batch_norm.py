"""Virtual batch normalisation: each sample is normalised by a fixed reference batch and itself."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from jaxgan.errors import UserError


class VirtualBatchNorm(nn.Module):
    """Batch normalisation whose samples do not see each other, only a reference batch.

    Salimans et al., "Improved Techniques for Training GANs" (2016, arXiv:1606.03498), section 3.4. The reference batch is
    chosen once and goes through the network in front of the samples of each call, so that every layer sees what it has
    become there:

        x = jnp.concatenate([reference, z])     # (n + B, ...)
        x = ... VirtualBatchNorm(n)(x) ...      # any layers that leave samples apart
        x = x[n:]                               # the samples

    The reference is normalised by its own statistics (plain batch norm); sample i by those of the n + 1 samples that the
    reference and i make together. Gradients flow through the reference too. On a mesh, statistics cost what batch norm's
    cost; within `jax.pmap` each device is given the whole reference.

    Attributes:
        reference: Samples of the reference batch (n), which come first; at least 1.
        use_scale: Learn a gain per channel.
        use_bias: Learn an offset per channel.
        epsilon: Added to the variance.
        scale_init: Initialiser of the gain.
        bias_init: Initialiser of the offset.
        dtype: Of the output; statistics are float32.
    """

    reference: int
    use_scale: bool = True
    use_bias: bool = True
    epsilon: float = 1e-5
    scale_init: Initializer = nn.initializers.ones
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalises `x`, (n + B, ..., C), per channel; the same shape.

        Raises:
            UserError: `reference` is below 1, or there are not that many samples.
        """
        number = self.reference
        if not 1 <= number <= len(x):
            raise UserError(
                f"VirtualBatchNorm: reference={number} of {len(x)} samples; put a reference batch of at least 1 in front"
            )
        x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        pixels = tuple(range(1, x.ndim - 1))
        own_mean = jnp.mean(x, axis=pixels)
        own_variance = jnp.mean(jnp.square(x - _pixelwise(own_mean, x)), axis=pixels)

        # Weighted sums rather than slices: samples that are cut among devices stay where they are.
        referred = (jnp.arange(len(x)) < number)[:, None]
        reference_mean = jnp.sum(jnp.where(referred, own_mean, 0.0), axis=0, keepdims=True) / number
        between = jnp.square(own_mean - reference_mean)
        reference_variance = jnp.sum(jnp.where(referred, own_variance + between, 0.0), axis=0, keepdims=True) / number

        # With a = 1 / (n + 1): mean = a own + (1 - a) reference, and so for E[x^2]. The variance E[x^2] - mean^2 is then, and
        # without cancellation,  a own + (1 - a) reference + a (1 - a) (own mean - reference mean)^2.
        share = jnp.where(referred, 0.0, 1.0 / (number + 1))
        mean = share * own_mean + (1 - share) * reference_mean
        variance = share * own_variance + (1 - share) * reference_variance + share * (1 - share) * between
        y = (x - _pixelwise(mean, x)) * _pixelwise(jax.lax.rsqrt(variance + self.epsilon), x)
        channels = (1,) * (x.ndim - 1) + (x.shape[-1],)
        if self.use_scale:
            y = y * self.param("scale", self.scale_init, channels[-1:], jnp.float32).reshape(channels)
        if self.use_bias:
            y = y + self.param("bias", self.bias_init, channels[-1:], jnp.float32).reshape(channels)
        return y.astype(self.dtype)


def _pixelwise(value: jax.Array, like: jax.Array) -> jax.Array:
    """(N, C) in a shape that broadcasts over `like`, (N, ..., C)."""
    return value.reshape((value.shape[0],) + (1,) * (like.ndim - 2) + (value.shape[1],))

"""Normalisation layers. Statistics and affine maps are computed in float32, whatever the compute dtype."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from jaxgan.mesh import batch_moments


class BatchNorm(nn.Module):
    """Batch normalisation (Ioffe and Szegedy 2015) without running averages.

    The layer normalises by the statistics that it is handed in the collection "statistics" (leaves "mean" and "var", each
    (C,)), or, if there are none, by those of the batch: over all axes but the last, and over all devices. The batch's own
    are stored in the collection "batch_statistics", under the same names, when a caller asks for it with
    `mutable=["batch_statistics"]`; a training step does not, so nothing mutates there.

    Attributes:
        use_scale: Learn a gain per channel.
        use_bias: Learn an offset per channel.
        epsilon: Added to the variance.
        scale_init: Initialiser of the gain.
        bias_init: Initialiser of the offset.
        dtype: Of the output.
    """

    use_scale: bool = True
    use_bias: bool = True
    epsilon: float = 1e-5
    scale_init: Initializer = nn.initializers.ones
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalises `x`, (B, ..., C), per channel."""
        x = _at_least_float32(x)
        mean: jax.Array
        variance: jax.Array
        if self.has_variable("statistics", "mean"):
            mean = self.get_variable("statistics", "mean")
            variance = self.get_variable("statistics", "var")
        else:
            mean, variance = batch_moments(x, tuple(range(x.ndim - 1)))
            for name, value in (("mean", mean), ("var", variance)):
                self.sow("batch_statistics", name, value, reduce_fn=lambda _, new: new, init_fn=lambda: None)
        y = (x - _channels(mean, x)) * _channels(jax.lax.rsqrt(variance + self.epsilon), x)
        return _affine(self, y).astype(self.dtype)


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation whose gain and offset are linear in a condition (Brock et al. 2018, BigGAN, appendix B).

    gain = 1 + W_gain c and offset = W_bias c, without biases.

    Attributes:
        epsilon: Added to the variance.
        kernel_init: Initialiser of W_gain and W_bias.
        dtype: Of the output.
    """

    epsilon: float = 1e-5
    kernel_init: Initializer = nn.initializers.lecun_normal()
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array) -> jax.Array:
        """Normalises `x`, (B, ..., C), and scales and shifts each sample by its `condition`, (B, D)."""
        features = x.shape[-1]
        gain = 1.0 + nn.Dense(features, use_bias=False, kernel_init=self.kernel_init, name="gain")(condition)
        bias = nn.Dense(features, use_bias=False, kernel_init=self.kernel_init, name="bias")(condition)
        y = _bare_batch_norm(self, x)
        return (y * _samples(gain, y) + _samples(bias, y)).astype(self.dtype)


class ClassConditionalBatchNorm(nn.Module):
    """Batch normalisation with a gain and an offset per class (Miyato and Koyama 2018, appendix A).

    Attributes:
        embedded_classes: Rows of the two tables.
        epsilon: Added to the variance.
        dtype: Of the output.
    """

    embedded_classes: int
    epsilon: float = 1e-5
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, label: jax.Array) -> jax.Array:
        """Normalises `x`, (B, ..., C), and scales and shifts each sample by the row of its `label`, int (B,)."""
        features = x.shape[-1]
        # Gains and offsets are no weights: spectral norm and the decay of weights leave them alone (`constraints.is_weight`).
        tables = {"scale": nn.initializers.ones, "bias": nn.initializers.zeros}
        scale, bias = (
            self.param(name, init, (self.embedded_classes, features))[label] for name, init in tables.items()
        )
        y = _bare_batch_norm(self, x)
        return (y * _samples(scale, y) + _samples(bias, y)).astype(self.dtype)


class InstanceNorm(nn.Module):
    """Instance normalisation: each channel of each sample over its own pixels (Ulyanov et al. 2016).

    Attributes:
        use_scale: Learn a gain per channel.
        use_bias: Learn an offset per channel.
        epsilon: Added to the variance.
        dtype: Of the output.
    """

    use_scale: bool = True
    use_bias: bool = True
    epsilon: float = 1e-5
    scale_init: Initializer = nn.initializers.ones
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalises `x`, (B, H, W, C)."""
        y = _standardise(_at_least_float32(x), tuple(range(1, x.ndim - 1)), self.epsilon)
        return _affine(self, y).astype(self.dtype)


class LayerNorm(nn.Module):
    """Layer normalisation: each sample over all its pixels and channels (Ba et al. 2016), gain and offset per channel.

    It leaves the samples of a batch independent, as a gradient penalty needs (Gulrajani et al. 2017, section 4).

    Attributes:
        use_scale: Learn a gain per channel.
        use_bias: Learn an offset per channel.
        epsilon: Added to the variance.
        dtype: Of the output.
    """

    use_scale: bool = True
    use_bias: bool = True
    epsilon: float = 1e-5
    scale_init: Initializer = nn.initializers.ones
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalises `x`, (B, ..., C)."""
        y = _standardise(_at_least_float32(x), tuple(range(1, x.ndim)), self.epsilon)
        return _affine(self, y).astype(self.dtype)


def pixel_norm(x: jax.Array, epsilon: float = 1e-8) -> jax.Array:
    """Scales each pixel's feature vector to length sqrt(C) (Karras et al. 2018, ProGAN, section 4.2).

    Args:
        x: (..., C).
        epsilon: Added to the mean square.

    Returns:
        The shape and dtype of `x`; computed in float32.
    """
    y = _at_least_float32(x)
    # b = a / sqrt(mean over channels of a^2 + epsilon)
    return (y * jax.lax.rsqrt(jnp.mean(jnp.square(y), axis=-1, keepdims=True) + epsilon)).astype(x.dtype)


def _at_least_float32(x: jax.Array) -> jax.Array:
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _bare_batch_norm(module: Any, x: jax.Array) -> jax.Array:
    """Normalises `x` for a module that scales and shifts by itself, in float32 or what is wider."""
    x = _at_least_float32(x)
    return BatchNorm(use_scale=False, use_bias=False, epsilon=module.epsilon, dtype=x.dtype, name="norm")(x)


def _standardise(x: jax.Array, axes: tuple[int, ...], epsilon: float) -> jax.Array:
    """(x - mean) / sqrt(var + epsilon), with the mean and the (biased) variance over `axes`."""
    # Not keepdims=True: with it, XLA does not see that a network run twice on the same images is the same network, and a
    # CycleGAN translates its images once for the discriminators and once more for the generators.
    centred = x - jnp.expand_dims(jnp.mean(x, axis=axes), axes)
    scale = jax.lax.rsqrt(jnp.mean(jnp.square(centred), axis=axes) + epsilon)
    return centred * jnp.expand_dims(scale, axes)


def _affine(module: Any, y: jax.Array) -> jax.Array:
    """Applies the gain and offset per channel that a normalisation module may learn."""
    if module.use_scale:
        y = y * _channels(module.param("scale", module.scale_init, (y.shape[-1],), jnp.float32), y)
    if module.use_bias:
        y = y + _channels(module.param("bias", module.bias_init, (y.shape[-1],), jnp.float32), y)
    return y


def _channels(value: jax.Array, like: jax.Array) -> jax.Array:
    """(C,) in a shape that broadcasts over `like`, (B, ..., C)."""
    return value.reshape((1,) * (like.ndim - 1) + value.shape)


def _samples(value: jax.Array, like: jax.Array) -> jax.Array:
    """(B, C) in a shape that broadcasts over `like`, (B, ..., C)."""
    return value.reshape((value.shape[0],) + (1,) * (like.ndim - 2) + (value.shape[1],))

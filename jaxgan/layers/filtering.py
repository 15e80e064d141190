"""Resampling by a low-pass filter, [1, 3, 3, 1] along each axis, alone and joined with convolutions.

"Analyzing and Improving the Image Quality of StyleGAN", Karras et al. 2019 (arXiv:1912.04958), appendix B. StyleGAN's own
filter (Karras, Laine and Aila 2018, arXiv:1812.04948, appendix C: [1, 2, 1] beside nearest neighbours or averages of two) is
the same one, [1, 2, 1] * [1, 1] = [1, 3, 3, 1]; the two differ at the border.

Beyond the border there are zeros. The filter is separable, and is computed as sums of shifted maps: on a CPU ten times faster
than a depthwise convolution, and everywhere a fraction of a learned convolution's arithmetic. It is not folded into the
learned kernel: that would make 6x6 taps of 3x3, four times the arithmetic (`python -m benchmarks.convolutions filter`).
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jax.nn.initializers import Initializer

from jaxgan.errors import UserError
from jaxgan.layers.conv import convolution, up_convolution

_TAPS = (0.125, 0.375, 0.375, 0.125)


class SmoothConv(nn.Module):
    """A convolution that changes the resolution, with a learned float32 "kernel" (h, h, C, features) and "bias" (features,).

    Attributes:
        features: Channels of the output.
        resample: "up" doubles the map, "down" halves it.
        kernel_size: 3, or 1: the convolution alone, at the lower of the resolutions.
        use_bias: Add a bias per channel.
        kernel_init: Initialiser of the kernel.
        dtype: Compute and output dtype.
    """

    features: int
    resample: str
    kernel_size: int = 3
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(B, H, W, C) to (B, 2H, 2W, features) or (B, H / 2, W / 2, features)."""
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        x = x.astype(self.dtype)
        if self.kernel_size == 1:
            up = self.resample == "up"
            y = smooth_upsample(convolution(x, kernel)) if up else convolution(smooth_downsample(x), kernel)
        else:
            y = (smooth_up_convolution if self.resample == "up" else smooth_down_convolution)(x, kernel)
        if not self.use_bias:
            return y
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
        return y + bias.astype(y.dtype)[None, None, None]


def smooth_upsample(x: jax.Array) -> jax.Array:
    """Doubles both sides: zeros between pixels, then the filter, which keeps the mean.

    Args:
        x: (B, H, W, C).

    Returns:
        (B, 2H, 2W, C), the dtype of `x`.
    """
    return _upsample(_upsample(x, axis=1), axis=2)


def smooth_downsample(x: jax.Array) -> jax.Array:
    """Halves both sides: the filter, then every second pixel.

    Args:
        x: (B, H, W, C), H and W even.

    Returns:
        (B, H / 2, W / 2, C), the dtype of `x`.

    Raises:
        UserError: A side is odd.
    """
    _check_even("smooth_downsample", x)
    return _downsample(_downsample(x, axis=1), axis=2)


def smooth_up_convolution(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """A convolution at twice the resolution: zeros between pixels, the kernel, then the filter.

    The kernel meets the map while most of it is zeros, as a transposed convolution of stride 2: a quarter of the products of
    filtering first.

    Args:
        x: (B, H, W, C), floating point.
        kernel: (3, 3, C, D).

    Returns:
        (B, 2H, 2W, D) in the dtype of `x`.

    Raises:
        UserError: A kernel of another size, or shapes that do not fit together.
    """
    _check_kernel("smooth_up_convolution", kernel)
    y = up_convolution(x, kernel[::-1, ::-1], 2, padding=0)  # (B, 2H + 1, 2W + 1, D)
    return 4 * _filter(_filter(y, 1, axis=1), 1, axis=2)


def smooth_down_convolution(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """A convolution at half the resolution: the filter, then the kernel at every second pixel.

    Args:
        x: (B, H, W, C), floating point, H and W even.
        kernel: (3, 3, C, D).

    Returns:
        (B, H / 2, W / 2, D) in the dtype of `x`.

    Raises:
        UserError: A kernel of another size, an odd side, or shapes that do not fit together.
    """
    _check_kernel("smooth_down_convolution", kernel)
    _check_even("smooth_down_convolution", x)
    return convolution(_filter(_filter(x, 2, axis=1), 2, axis=2), kernel, 2, "VALID")


# Each is linear, and its transpose is another one of them. Declared so, since on a CPU XLA's own transpose of the shifted sums
# takes ten times as long; forward mode is not defined through them, nor through convolutions.


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _filter(x: jax.Array, padding: int, axis: int) -> jax.Array:
    """The filter along an axis that `padding` zeros, 1 or 2, were added to at both ends."""
    size = x.shape[axis] + 2 * padding - len(_TAPS) + 1
    padded = _padded(x, padding, axis)
    shifted = [lax.slice_in_dim(padded, start, start + size, axis=axis) for start in range(len(_TAPS))]
    return _TAPS[0] * (shifted[0] + shifted[3]) + _TAPS[1] * (shifted[1] + shifted[2])


_filter.defvjp(
    lambda x, padding, axis: (_filter(x, padding, axis), None),
    lambda padding, axis, _, y: (_filter(y, len(_TAPS) - 1 - padding, axis),),
)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _upsample(x: jax.Array, axis: int) -> jax.Array:
    before, after = _neighbours(x, axis)
    # y[2 i] = (x[i - 1] + 3 x[i]) / 4,  y[2 i + 1] = (3 x[i] + x[i + 1]) / 4
    pairs = jnp.stack([0.25 * before + 0.75 * x, 0.75 * x + 0.25 * after], axis=axis + 1)
    return pairs.reshape(*x.shape[:axis], 2 * x.shape[axis], *x.shape[axis + 1 :])


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _downsample(x: jax.Array, axis: int) -> jax.Array:
    pairs = x.reshape(*x.shape[:axis], x.shape[axis] // 2, 2, *x.shape[axis + 1 :])
    even, odd = (lax.index_in_dim(pairs, place, axis + 1, keepdims=False) for place in (0, 1))
    # y[i] = (x[2 i - 1] + 3 x[2 i] + 3 x[2 i + 1] + x[2 i + 2]) / 8
    return 0.375 * (even + odd) + 0.125 * (_neighbours(odd, axis)[0] + _neighbours(even, axis)[1])


_upsample.defvjp(lambda x, axis: (_upsample(x, axis), None), lambda axis, _, y: (2 * _downsample(y, axis),))
_downsample.defvjp(lambda x, axis: (_downsample(x, axis), None), lambda axis, _, y: (0.5 * _upsample(y, axis),))


def _padded(x: jax.Array, padding: int, axis: int) -> jax.Array:
    ends = [(0, 0)] * x.ndim
    ends[axis] = (padding, padding)
    return jnp.pad(x, ends)


def _neighbours(x: jax.Array, axis: int) -> tuple[jax.Array, jax.Array]:
    """x[i - 1] and x[i + 1] along an axis, zeros beyond the ends."""
    padded, size = _padded(x, 1, axis), x.shape[axis]
    return lax.slice_in_dim(padded, 0, size, axis=axis), lax.slice_in_dim(padded, 2, size + 2, axis=axis)


def _check_kernel(name: str, kernel: jax.Array) -> None:
    if kernel.shape[:2] != (3, 3):
        raise UserError(f"{name}: a kernel of {kernel.shape[0]}x{kernel.shape[1]} taps: it is made for 3x3")


def _check_even(name: str, x: jax.Array) -> None:
    if x.shape[1] % 2 or x.shape[2] % 2:
        raise UserError(
            f"{name}: a map of {x.shape[1]}x{x.shape[2]} cannot be halved; resize the images, or use fewer resolutions"
        )

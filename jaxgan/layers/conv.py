"""Convolutions and transposed convolutions of NHWC images."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jax.nn.initializers import Initializer

from jaxgan.layers import bilinear
from jaxgan.layers.resampling import reflect_pad


class Conv(nn.Module):
    """A convolution with a learned float32 "kernel" (h, w, C, features) and "bias" (features,); see `convolution`.

    Attributes:
        features: channels of the output.
        kernel_size: (height, width), or one number for both.
        strides: along both axes, or (vertical, horizontal).
        padding: "SAME", "VALID", "REFLECT" or pixels on each side.
        use_bias: add a bias per channel.
        kernel_init: initialiser of the kernel.
        bias_init: initialiser of the bias.
        dtype: compute and output dtype.
    """

    features: int
    kernel_size: int | tuple[int, int] = (3, 3)
    strides: int | tuple[int, int] = 1
    padding: str | int = "SAME"
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(B, H, W, C) to (B, H', W', features)."""
        kernel_shape = (*_pair(self.kernel_size), x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, kernel_shape, jnp.float32)
        return _add_bias(self, convolution(x.astype(self.dtype), kernel, self.strides, self.padding))


class UpConv(nn.Module):
    """A transposed convolution with a learned float32 "kernel" (h, w, C, features) and "bias"; see `up_convolution`.

    Attributes:
        features: channels of the output.
        kernel_size: (height, width), or one number for both.
        strides: along both axes, or (vertical, horizontal).
        padding: pixels cut from each side.
        output_padding: pixels more at the bottom and on the right.
        use_bias: add a bias per channel.
        kernel_init: initialiser of the kernel.
        bias_init: initialiser of the bias.
        dtype: compute and output dtype.
    """

    features: int
    kernel_size: int | tuple[int, int] = 4
    strides: int | tuple[int, int] = 2
    padding: int = 1
    output_padding: int = 0
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(B, H, W, C) to (B, H', W', features)."""
        kernel_shape = (*_pair(self.kernel_size), x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, kernel_shape, jnp.float32)
        y = up_convolution(x.astype(self.dtype), kernel, self.strides, self.padding, self.output_padding)
        return _add_bias(self, y)


def convolution(
    x: jax.Array, kernel: jax.Array, strides: int | tuple[int, int] = 1, padding: str | int = "SAME"
) -> jax.Array:
    """Convolves images with a kernel, unflipped: `torch.nn.functional.conv2d`.

    Fast derivatives of any order in reverse mode; see `jaxgan.layers.bilinear`.

    Args:
        x: (B, H, W, C), floating point.
        kernel: (h, w, C, D). Torch's weight (D, C, h, w) is `weight.permute(2, 3, 1, 0)` here.
        strides: along both axes, or (vertical, horizontal).
        padding: "SAME" (H / strides rows, rounded up, where an odd total pads more at the end), "VALID" (none), "REFLECT"
            (reflection of (side - 1) // 2 pixels, rounded down, in place of zeros), or zeros on each side.

    Returns:
        (B, H', W', D) in the dtype of `x`, in which it is computed; the kernel's gradient is summed in float32.

    Raises:
        ValueError: shapes that do not fit together, or an unknown padding.
    """
    _check_shapes("convolution", x, kernel)
    (height, width, *_), strides = kernel.shape, _pair(strides)
    if padding == "REFLECT":
        x, padding = reflect_pad(x, ((height - 1) // 2, (width - 1) // 2)), "VALID"
    if isinstance(padding, int):
        above, beside = ((padding, padding),) * 2
    elif padding in ("SAME", "VALID"):
        above, beside = lax.padtype_to_pads(x.shape[1:3], (height, width), strides, padding)
    else:
        raise ValueError(f'convolution: unknown padding {padding!r}: use "SAME", "VALID", "REFLECT" or an integer')
    geometry = bilinear.Geometry(strides, (above, beside), (x.shape[1], x.shape[2]), (height, width))
    if min(geometry.output_size) < 1:
        raise ValueError(
            f"convolution: a {height}x{width} kernel does not fit into a {x.shape[1]}x{x.shape[2]} map with padding "
            f"{padding!r}: use a larger image or fewer downsamplings"
        )
    if geometry.padding == ((0, 0), (0, 0)):  # where a convolution is no more than a product of matrices
        if geometry.window == (1, 1):
            x = x[:, :: strides[0], :: strides[1]]
            return (x.reshape(-1, x.shape[3]) @ kernel[0, 0].astype(x.dtype)).reshape(*x.shape[:3], -1)
        if geometry.window == geometry.size:
            flat = x.reshape(x.shape[0], -1)
            return (flat @ kernel.reshape(flat.shape[1], -1).astype(x.dtype))[:, None, None]
    return bilinear.down(geometry, *bilinear.vary_alike(x, kernel))


def up_convolution(
    x: jax.Array, kernel: jax.Array, strides: int | tuple[int, int] = 2, padding: int = 1, output_padding: int = 0
) -> jax.Array:
    """Transposed convolution, the gradient of a strided one in its images: `torch.nn.functional.conv_transpose2d`.

    Pixel i of `x` adds x[i] kernel[a] to pixel strides * i + a - padding of the result, for every tap a. Fast derivatives of
    any order in reverse mode; see `jaxgan.layers.bilinear`.

    Args:
        x: (B, H, W, C), floating point.
        kernel: (h, w, C, D), not flipped. Torch's weight (C, D, h, w) is `weight.permute(2, 3, 0, 1)` here.
        strides: along both axes, or (vertical, horizontal).
        padding: pixels cut from each side of the full result.
        output_padding: pixels more at the bottom and on the right, fewer than `strides`: several sizes of image have maps of
            one size, and this chooses among them.

    Returns:
        (B, strides * (H - 1) + h - 2 * padding + output_padding, likewise, D) in the dtype of `x`, in which it is computed; the
        kernel's gradient is summed in float32.

    Raises:
        ValueError: shapes or paddings that do not fit together.
    """
    _check_shapes("up_convolution", x, kernel)
    (height, width, *_), strides = kernel.shape, _pair(strides)
    if padding < 0 or not 0 <= output_padding < min(strides):
        raise ValueError(
            f"up_convolution: padding {padding} must not be negative, and output_padding {output_padding} "
            f"must be at least 0 and below the strides {strides}"
        )
    rows, columns = (
        s * (n - 1) + k - 2 * padding + output_padding
        for s, n, k in zip(strides, x.shape[1:3], (height, width), strict=True)
    )
    if min(rows, columns) < 1:
        raise ValueError(
            f"up_convolution: padding {padding} cuts all of the {height}x{width} kernel's result: use less padding"
        )
    if x.shape[1:3] == (1, 1) and padding == output_padding == 0:
        return jnp.einsum("bijc,hwcd->bhwd", x, kernel.astype(x.dtype))
    geometry = bilinear.Geometry(strides, ((padding, padding), (padding, padding)), (rows, columns), (height, width))
    x, kernel = bilinear.vary_alike(x, kernel)
    return bilinear.up(geometry, x, jnp.swapaxes(kernel, 2, 3))


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    first, second = value
    return first, second


def _check_shapes(name: str, x: jax.Array, kernel: jax.Array) -> None:
    if x.ndim != 4 or kernel.ndim != 4 or x.shape[3] != kernel.shape[2]:
        raise ValueError(
            f"{name}: images {x.shape} and kernel {kernel.shape} do not fit: expected (B, H, W, C) and (h, w, C, features)"
        )


def _add_bias(module: Any, y: jax.Array) -> jax.Array:
    if not module.use_bias:
        return y
    return y + module.param("bias", module.bias_init, (module.features,), jnp.float32).astype(y.dtype)[None, None, None]

"""Convolutions and transposed convolutions of NHWC images."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jax.nn.initializers import Initializer

from jaxgan.errors import UserError
from jaxgan.layers import bilinear
from jaxgan.layers.resampling import reflect_pad


class Conv(nn.Module):
    """A convolution with a learned float32 "kernel" (h, w, C, features) and "bias" (features,); see `convolution`.

    With `resample`, `upsampled_convolution` or `pooled_convolution`: the learned kernel is the same.

    Attributes:
        features: Channels of the output.
        kernel_size: (height, width), or one number for both.
        strides: Along both axes, or (vertical, horizontal).
        padding: "SAME", "VALID", "REFLECT" or pixels on each side.
        resample: "up" doubles the map before the convolution, "down" halves it after; both need stride 1 and "SAME".
        use_bias: Add a bias per channel.
        kernel_init: Initialiser of the kernel.
        bias_init: Initialiser of the bias.
        dtype: Compute and output dtype.
    """

    features: int
    kernel_size: int | tuple[int, int] = (3, 3)
    strides: int | tuple[int, int] = 1
    padding: str | int = "SAME"
    resample: str | None = None
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(B, H, W, C) to (B, H', W', features)."""
        kernel_shape = (*_pair(self.kernel_size), x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, kernel_shape, jnp.float32)
        x = x.astype(self.dtype)
        if self.resample is None:
            return _add_bias(self, convolution(x, kernel, self.strides, self.padding))
        if self.resample not in ("up", "down") or _pair(self.strides) != (1, 1) or self.padding != "SAME":
            raise UserError(
                f"Conv: resample={self.resample!r} with strides {self.strides} and padding {self.padding!r}: "
                'use "up" or "down" with stride 1 and "SAME", or no resampling'
            )
        return _add_bias(self, (upsampled_convolution if self.resample == "up" else pooled_convolution)(x, kernel))


class UpConv(nn.Module):
    """A transposed convolution with a learned float32 "kernel" (h, w, C, features) and "bias"; see `up_convolution`.

    Attributes:
        features: Channels of the output.
        kernel_size: (height, width), or one number for both.
        strides: Along both axes, or (vertical, horizontal).
        padding: Pixels cut from each side.
        output_padding: Pixels more at the bottom and on the right.
        use_bias: Add a bias per channel.
        kernel_init: Initialiser of the kernel.
        bias_init: Initialiser of the bias.
        dtype: Compute and output dtype.
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
        strides: Along both axes, or (vertical, horizontal).
        padding: "SAME" (H / strides rows, rounded up, where an odd total pads more at the end), "VALID" (none), "REFLECT"
            (reflection of (side - 1) // 2 pixels, rounded down, in place of zeros), or zeros on each side.

    Returns:
        (B, H', W', D) in the dtype of `x`, in which it is computed; the kernel's gradient is summed in float32, and off CPUs
        rounded to the dtype of `x`.

    Raises:
        UserError: Shapes that do not fit together, or an unknown padding.
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
        raise UserError(f'convolution: unknown padding {padding!r}: use "SAME", "VALID", "REFLECT" or an integer')
    geometry = bilinear.Geometry(strides, (above, beside), (x.shape[1], x.shape[2]), (height, width))
    if min(geometry.output_size) < 1:
        raise UserError(
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
        strides: Along both axes, or (vertical, horizontal).
        padding: Pixels cut from each side of the full result.
        output_padding: Pixels more at the bottom and on the right, fewer than `strides`: several sizes of image have maps of
            one size, and this chooses among them.

    Returns:
        (B, strides * (H - 1) + h - 2 * padding + output_padding, likewise, D) in the dtype of `x`, in which it is computed; the
        kernel's gradient is summed in float32, and off CPUs rounded to the dtype of `x`.

    Raises:
        UserError: Shapes or paddings that do not fit together.
    """
    _check_shapes("up_convolution", x, kernel)
    (height, width, *_), strides = kernel.shape, _pair(strides)
    if padding < 0 or not 0 <= output_padding < min(strides):
        raise UserError(
            f"up_convolution: padding {padding} must not be negative, and output_padding {output_padding} "
            f"must be at least 0 and below the strides {strides}"
        )
    rows, columns = (
        s * (n - 1) + k - 2 * padding + output_padding
        for s, n, k in zip(strides, x.shape[1:3], (height, width), strict=True)
    )
    if min(rows, columns) < 1:
        raise UserError(
            f"up_convolution: padding {padding} cuts all of the {height}x{width} kernel's result: use less padding"
        )
    if x.shape[1:3] == (1, 1) and padding == output_padding == 0:
        return jnp.einsum("bijc,hwcd->bhwd", x, kernel.astype(x.dtype))
    geometry = bilinear.Geometry(strides, ((padding, padding), (padding, padding)), (rows, columns), (height, width))
    x, kernel = bilinear.vary_alike(x, kernel)
    return bilinear.up(geometry, x, jnp.swapaxes(kernel, 2, 3))


def upsampled_convolution(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """`convolution(upsample_nearest(x), kernel)` as one transposed convolution, of stride 2: for 3x3, 4/9 of the work.

    Of the pixels that a tap meets, every two along an axis are one pixel of `x`, so the taps that share it are summed:
    the kernel (w0, w1, w2) becomes, turned round, (w2, w1 + w2, w0 + w1, w0).

    Args:
        x: (B, H, W, C), floating point.
        kernel: (h, h, C, D), h odd.

    Returns:
        (B, 2H, 2W, D) in the dtype of `x`; the kernel's taps and gradient are summed in its own dtype.

    Raises:
        UserError: An even or oblong kernel, or shapes that do not fit together.
    """
    _check_odd("upsampled_convolution", x, kernel)
    return up_convolution(x, _sum_pairs(kernel[::-1, ::-1]), 2, kernel.shape[0] // 2)


def pooled_convolution(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """`average_pool(convolution(x, kernel))` as one convolution, of stride 2: for 3x3, 4/9 of the work.

    The mean of two neighbours along an axis is a convolution by (w0, w0 + w1, w1 + w2, w2) / 2.

    Args:
        x: (B, H, W, C), floating point, H and W even.
        kernel: (h, h, C, D), h odd.

    Returns:
        (B, H / 2, W / 2, D) in the dtype of `x`; the kernel's taps and gradient are summed in its own dtype.

    Raises:
        UserError: An even or oblong kernel, an odd side of `x`, or shapes that do not fit together.
    """
    _check_odd("pooled_convolution", x, kernel)
    if x.shape[1] % 2 or x.shape[2] % 2:
        raise UserError(f"pooled_convolution: a {x.shape[1]}x{x.shape[2]} map has no half: use one of even sides")
    return convolution(x, _sum_pairs(kernel) / 4, 2, kernel.shape[0] // 2)


def _sum_pairs(kernel: jax.Array) -> jax.Array:
    """The kernel (h, w, C, D) convolved with a 2x2 window of ones: (h + 1, w + 1, C, D)."""
    kernel = jnp.pad(kernel, ((1, 1), (1, 1), (0, 0), (0, 0)))
    kernel = kernel[1:] + kernel[:-1]
    return kernel[:, 1:] + kernel[:, :-1]


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    first, second = value
    return first, second


def check_images(name: str, x: jax.Array, cure: str = "use MLPGenerator and MLPDiscriminator for such data") -> None:
    """Raises a UserError if `x` is not (B, H, W, C).

    Args:
        name: What is given it.
        x: Any array of a minibatch.
        cure: What to do instead.
    """
    if x.ndim != 4:
        kind = "vectors" if x.ndim == 2 else "arrays"
        raise UserError(f"{name} takes images (B, H, W, C), but got {kind} of shape {x.shape[1:]}: {cure}")


def _check_shapes(name: str, x: jax.Array, kernel: jax.Array) -> None:
    check_images(name, x)
    if kernel.ndim != 4 or x.shape[3] != kernel.shape[2]:
        raise UserError(
            f"{name}: images {x.shape} and kernel {kernel.shape} do not fit: expected (B, H, W, C) and (h, w, C, features)"
        )


def _check_odd(name: str, x: jax.Array, kernel: jax.Array) -> None:
    _check_shapes(name, x, kernel)
    height, width = kernel.shape[:2]
    if height != width or height % 2 == 0:
        raise UserError(f"{name}: a {height}x{width} kernel has no middle pixel or is not square: use a side such as 3")


def _add_bias(module: Any, y: jax.Array) -> jax.Array:
    if not module.use_bias:
        return y
    return y + module.param("bias", module.bias_init, (module.features,), jnp.float32).astype(y.dtype)[None, None, None]

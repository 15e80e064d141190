"""Resampling of NHWC feature maps: nearest neighbour, bilinear, pixel shuffle, average and max pooling, reflection padding.

Each is written with reshapes and slices: the windowed forms of XLA (`reduce_window`, `jnp.pad(mode="reflect")`) have
gradients that are several times slower on a CPU.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.errors import UserError


def upsample_nearest(x: jax.Array, factor: int = 2) -> jax.Array:
    """Repeats each pixel `factor` times along height and width.

    Args:
        x: (B, H, W, C).
        factor: How many times larger each side becomes.

    Returns:
        (B, factor * H, factor * W, C).
    """
    batch, height, width, channels = x.shape
    x = jnp.broadcast_to(x[:, :, None, :, None], (batch, height, factor, width, factor, channels))
    return x.reshape(batch, height * factor, width * factor, channels)


def pixel_shuffle(x: jax.Array, factor: int = 2) -> jax.Array:
    """Lays `factor` * `factor` channels out as the pixels of a block: the sub-pixel convolution's last step.

    "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network", Shi et al.
    2016 (arXiv:1609.05158), Eq. 4. Channels are ordered as PyTorch's `PixelShuffle` has them, by (result's channel, row,
    column), so that its kernels fit when their axes are exchanged; TensorFlow's `depth_to_space` has (row, column, channel).

    Args:
        x: (B, H, W, C * factor^2); channel c * factor^2 + i * factor + j becomes channel c of pixel (i, j) of a block.
        factor: The side of a block.

    Returns:
        (B, factor * H, factor * W, C).

    Raises:
        UserError: The channels are no multiple of factor^2.
    """
    batch, height, width, channels = x.shape
    if channels % factor**2:
        raise UserError(f"pixel_shuffle: {channels} channels make no blocks of {factor}x{factor} pixels")
    x = x.reshape(batch, height, width, channels // factor**2, factor, factor)
    return x.transpose(0, 1, 4, 2, 5, 3).reshape(batch, height * factor, width * factor, channels // factor**2)


def average_pool(x: jax.Array, factor: int = 2) -> jax.Array:
    """Averages windows of `factor` x `factor` pixels without overlap.

    Args:
        x: (B, H, W, C), H and W multiples of `factor`.
        factor: The side of a window.

    Returns:
        (B, H / factor, W / factor, C).

    Raises:
        UserError: A side is no multiple of `factor`.
    """
    return _windows(x, factor).mean(axis=(2, 4))


def max_pool(x: jax.Array, factor: int = 2) -> jax.Array:
    """The largest value of each window of `factor` x `factor` pixels without overlap; of equals the first gets the gradient.

    Args:
        x: (B, H, W, C), H and W multiples of `factor`.
        factor: The side of a window.

    Returns:
        (B, H / factor, W / factor, C).

    Raises:
        UserError: A side is no multiple of `factor`.
    """
    return largest(largest(_windows(x, factor), axis=4), axis=2)


def largest(x: jax.Array, axis: int) -> jax.Array:
    """The largest value along an axis, NaN if one is; of equals the first gets the gradient."""
    # Not `.max`: its gradient goes to the values that equal the maximum, and a compiler that computes them anew in the backward
    # pass, rounded otherwise (a normalised map, say, or bfloat16), may find that none does.
    return functools.reduce(
        _larger, [jax.lax.index_in_dim(x, index, axis, keepdims=False) for index in range(x.shape[axis])]
    )


def reflect_pad(x: jax.Array, amount: int | tuple[int, int]) -> jax.Array:
    """Pads height and width by reflection about the border pixels, which are not repeated (`torch.nn.ReflectionPad2d`).

    Args:
        x: (B, H, W, C).
        amount: Pixels added on each side, for both axes or (vertical, horizontal); less than H and W.

    Returns:
        (B, H + 2 * amount, W + 2 * amount, C).

    Raises:
        UserError: A side is too short to be reflected by `amount`.
    """
    amounts = (amount, amount) if isinstance(amount, int) else amount
    for axis, pixels in zip((1, 2), amounts, strict=True):
        size = x.shape[axis]
        if not 0 <= pixels < size:
            raise UserError(
                f"reflect_pad: cannot reflect {pixels} of {size} pixels: pad by at least 0 and by less than the side"
            )
        if pixels:
            before = jax.lax.slice_in_dim(x, 1, pixels + 1, axis=axis)
            after = jax.lax.slice_in_dim(x, size - pixels - 1, size - 1, axis=axis)
            x = jnp.concatenate([jnp.flip(before, axis), x, jnp.flip(after, axis)], axis=axis)
    return x


def _larger(first: jax.Array, second: jax.Array) -> jax.Array:
    """The larger of two, NaN if either is."""
    return jnp.where((second > first) | jnp.isnan(second), second, first)


def _windows(x: jax.Array, factor: int) -> jax.Array:
    """(B, H, W, C) as (B, H / factor, factor, W / factor, factor, C)."""
    batch, height, width, channels = x.shape
    if height % factor or width % factor:
        raise UserError(
            f"a {height}x{width} map does not divide into windows of {factor}x{factor}: "
            f"use image sizes whose maps are multiples of {factor} here"
        )
    return x.reshape(batch, height // factor, factor, width // factor, factor, channels)


def upsample_bilinear(x: jax.Array) -> jax.Array:
    """Doubles height and width by bilinear interpolation between the middles of pixels: PyTorch's without `align_corners`.

    Args:
        x: (B, H, W, C).

    Returns:
        (B, 2H, 2W, C), in the dtype of `x`.
    """
    for axis in (1, 2):
        padding = [(0, 0)] * 4
        padding[axis] = (1, 1)
        padded, side = jnp.pad(x, padding, mode="edge"), x.shape[axis]
        # New pixels lie a quarter of an old one before and behind its middle.
        before, behind = (lax.slice_in_dim(padded, start, start + side, axis=axis) for start in (0, 2))
        halves = jnp.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * behind], axis=axis + 1)
        x = halves.reshape(*x.shape[:axis], 2 * side, *x.shape[axis + 1 :])
    return x

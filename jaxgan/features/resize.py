"""Resizing before a feature network, in the three ways of published numbers. The choice moves FID by more than most papers do.

| mode | grid and filter | numbers that used it |
|---|---|---|
| `tf1` | bilinear, no half-pixel centres, no antialias | TTUR, NVIDIA's papers, torch-fidelity, clean-fid `legacy_tensorflow` |
| `torch` | bilinear, half-pixel centres, no antialias | pytorch-fid, clean-fid `legacy_pytorch` |
| `clean` | Pillow's bicubic with antialias, in float | clean-fid `clean` (Parmar, Zhang and Zhu 2022, arXiv:2104.11222) |

All three are separable, and weights depend on the sizes alone: they are made in NumPy when the caller is traced.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import UserError

MODES = ("tf1", "torch", "clean")


def resize(images: jax.Array | np.ndarray, size: int, mode: str = "tf1") -> jax.Array:
    """Resizes images to `size` x `size`; pure, to be traced.

    Args:
        images: (B, H, W, C) of any real dtype in 0..255.
        size: The side of the result.
        mode: "tf1", "torch" or "clean".

    Returns:
        (B, size, size, C) float32 in 0..255; nothing is rounded to 8 bits again. `tf1` equals TensorFlow 1 to the bit on
        a CPU. `torch` and `clean` equal `torch.nn.functional.interpolate(align_corners=False)` and Pillow on channels of
        mode "F", clipped, up to float32 rounding.

    Raises:
        UserError: An unknown mode, or images that are not (B, H, W, C).
    """
    if mode not in MODES:
        raise UserError(f"resize: mode is {mode!r}; choose one of {', '.join(MODES)}")
    if images.ndim != 4 or 0 in images.shape[1:3] or size < 1:
        raise UserError(f"resize: from {images.shape} to size {size}; expected images (B, H, W, C) and a size above 0")
    x = jnp.asarray(images).astype(jnp.float32)
    height, width = x.shape[1:3]
    if mode == "tf1":
        # The order of TensorFlow's kernel: along the rows first.
        return _interpolate(_interpolate(x, size, axis=2), size, axis=1)
    weights = half_pixel_weights if mode == "torch" else bicubic_weights
    # (size, W) and (size, H): Pillow, too, goes along the rows first.
    x = jnp.einsum("bhwc,ow->bhoc", x, weights(width, size), precision=jax.lax.Precision.HIGHEST)
    x = jnp.einsum("bhwc,oh->bowc", x, weights(height, size), precision=jax.lax.Precision.HIGHEST)
    return jnp.clip(x, 0.0, 255.0) if mode == "clean" else x


def half_pixel_weights(inputs: int, outputs: int) -> np.ndarray:
    """Weights (outputs, inputs) float32 of bilinear interpolation between pixel centres, without antialias."""
    # src = max((dst + 1/2) in / out - 1/2, 0), in float32 as in PyTorch
    scale = np.float32(inputs) / np.float32(outputs)
    source = np.maximum(
        (np.arange(outputs, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5), np.float32(0)
    )
    lower = np.minimum(source.astype(np.int64), inputs - 1)
    upper, share = np.minimum(lower + 1, inputs - 1), source - lower.astype(np.float32)
    weights, rows = np.zeros((outputs, inputs), np.float32), np.arange(outputs)
    np.add.at(weights, (rows, lower), 1 - share)
    np.add.at(weights, (rows, upper), share)
    return weights


def bicubic_weights(inputs: int, outputs: int) -> np.ndarray:
    """Weights (outputs, inputs) float32 of Pillow's bicubic filter, which widens with the scale where it shrinks."""
    scale = inputs / outputs
    stretch = max(scale, 1.0)
    centres = (np.arange(outputs) + 0.5) * scale
    # A pixel counts where its centre lies within the filter's support of 2, both rounded to whole pixels as Pillow does.
    first = np.maximum((centres - 2.0 * stretch + 0.5).astype(np.int64), 0)
    last = np.minimum((centres + 2.0 * stretch + 0.5).astype(np.int64), inputs)
    pixels = np.arange(inputs)
    weights = _cubic((pixels[None] + 0.5 - centres[:, None]) / stretch)
    weights *= (pixels[None] >= first[:, None]) & (pixels[None] < last[:, None])
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _cubic(x: np.ndarray, a: float = -0.5) -> np.ndarray:
    """Keys' cubic convolution kernel (1981, Eq. 15 for a = -1/2)."""
    x = np.abs(x)
    near = ((a + 2.0) * x - (a + 3.0)) * x**2 + 1.0
    far = (((x - 5.0) * x + 8.0) * x - 4.0) * a
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


def _interpolate(x: jax.Array, size: int, axis: int) -> jax.Array:
    """TensorFlow 1's bilinear interpolation along one axis."""
    inputs = x.shape[axis]
    # src = dst in / out, in float32 as there; lower = floor(src), upper = min(lower + 1, in - 1)
    source = np.arange(size, dtype=np.float32) * (np.float32(inputs) / np.float32(size))
    lower = np.minimum(source.astype(np.int64), inputs - 1)
    upper = np.minimum(lower + 1, inputs - 1)
    shape = [1] * x.ndim
    shape[axis] = size
    share = (source - lower.astype(np.float32)).reshape(shape)
    low, high = jnp.take(x, lower, axis=axis), jnp.take(x, upper, axis=axis)
    # low + (high - low) share, rounded after the product as there. A compiler that sees the two fuses them and rounds once;
    # the clip, which no finite product feels, keeps it from that.
    largest = np.finfo(np.float32).max
    return low + jnp.clip((high - low) * share, -largest, largest)

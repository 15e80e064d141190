"""Affine maps of images without aliasing, through an image of twice the resolution."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.augment.pixels import bilinear, mirrored, places_before

# The low-pass filter of the wavelet symlet 6 (Daubechies 1992, "Ten Lectures on Wavelets", section 8.1): it is orthogonal to
# itself moved by 2, 4, ..., so that doubling an image with it and halving it again changes nothing.
SYMLET_6 = np.array(
    [
        0.015404109327027373,
        0.0034907120842174702,
        -0.11799011114819057,
        -0.048311742585633,
        0.4910559419267466,
        0.787641141030194,
        0.3379294217276218,
        -0.07263752278646252,
        -0.021060292512300564,
        0.04472490177066578,
        0.0017677118642428036,
        -0.007800708325034148,
    ]
)
_REACH = len(SYMLET_6) // 2 - 1  # pixels beyond the edge that a pixel of the halved image needs
# The place n of the doubled image shows what is at (n - _CENTRE) / 2 in the image.
_CENTRE = float(np.arange(len(SYMLET_6)) @ SYMLET_6 / SYMLET_6.sum())


def smooth_warp(images: jax.Array, inverse: jax.Array) -> jax.Array:
    """Each image moved by its own affine map, as ADA moves them: doubled, sampled bilinearly, and halved.

    Karras et al. 2020 (arXiv:2006.06676), appendix B.2: both resamplings are by the low-pass filter of symlet 6, which keeps
    out of the result what is finer than its pixels. The identity changes nothing but rounding.

    Args:
        images: (B, H, W, C), mirrored about the border pixels beyond the edge.
        inverse: As in `jaxgan.augment.pixels.affine_warp`.

    Returns:
        (B, H, W, C), the dtype of `images`.
    """
    _, height, width, _ = images.shape
    (up_rows, down_rows), (up_columns, down_columns) = _resampling(height), _resampling(width)
    fine = _along_both(images, up_rows, up_columns)
    y, x = ((jnp.arange(len(up)) - _CENTRE) / 2 - (up.shape[1] - 1) / 2 for up in (up_rows, up_columns))
    rows, columns = places_before(inverse, y, x)
    return _along_both(bilinear(fine, _fine_place(rows, height), _fine_place(columns, width)), down_rows, down_columns)


def _fine_place(place: jax.Array, size: int) -> jax.Array:
    """A place in pixels from an image's centre as one of its doubled image, which reaches a little beyond the edge."""
    place = place + (size - 1) / 2
    doubled = 2 * place + _CENTRE
    # Half a place of tolerance, so that rounding does not mirror the outermost ones; they are clipped.
    outside = (doubled < -0.5) | (doubled > 2 * (size + _REACH) - 0.5)
    doubled = jnp.where(outside, 2 * mirrored(place, size) + _CENTRE, doubled)
    return jnp.clip(doubled, 0, 2 * (size + _REACH) - 1)


def _along_both(images: jax.Array, rows: np.ndarray, columns: np.ndarray) -> jax.Array:
    matrices = (jnp.asarray(matrix, images.dtype) for matrix in (rows, columns))
    return jnp.einsum("bhwc,ph,qw->bpqc", images, *matrices, precision="highest")


@functools.cache
def _resampling(size: int) -> tuple[np.ndarray, np.ndarray]:
    """The matrices that double a mirrored line, (2 (size + 5), size), and halve it again; the second after the first is 1."""
    up, down = np.zeros((2 * (size + _REACH), size)), np.zeros((size, 2 * (size + _REACH)))
    line = np.pad(np.arange(size), _REACH, mode="reflect") if size > 1 else np.zeros(1 + 2 * _REACH, int)
    for index, pixel in enumerate(line):
        for tap, weight in enumerate(SYMLET_6):
            place = 2 * (index - _REACH) + tap
            if 0 <= place < len(up):
                up[place, pixel] += np.sqrt(2) * weight
            if index == _REACH + pixel:
                down[pixel, place] = weight / np.sqrt(2)
    return up, down

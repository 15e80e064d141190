"""Amplification of an image's octaves, ADA's image-space filtering."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

# H(z) H(1/z) / 2 of the wavelet symlet 2, whose taps are (1 + r, 3 + r, 3 - r, 1 - r) / (4 sqrt(2)), r = sqrt(3): it keeps
# the lower half of the frequencies. With z turned to -z it keeps the upper half, and the two add up to 1.
_LOWER = np.array([-1, 0, 9, 16, 9, 0, -1]) / 32
_UPPER = np.array([1, 0, -9, 16, -9, 0, 1]) / 32
BANDS = 4


def amplify(images: jax.Array, gains: jax.Array) -> jax.Array:
    """Each image with its frequencies, octave by octave, multiplied by gains of its own, along both axes.

    Karras et al. 2020 (arXiv:2006.06676), appendix B: a filter of 43 taps, the sum of four bands' filters, each by its gain;
    without gains the four are 1 together. Gains of 1 change nothing but rounding.

    Args:
        images: (B, H, W, C), mirrored about the border pixels beyond the edge.
        gains: float32 (B, 4), of the frequencies [0, pi/8], [pi/8, pi/4], [pi/4, pi/2] and [pi/2, pi] radians a pixel.

    Returns:
        (B, H, W, C), the dtype of `images`.
    """
    rows, columns = (
        jnp.einsum("bi,ipq->bpq", gains, jnp.asarray(_matrices(side), jnp.float32), precision="highest")
        for side in images.shape[1:3]
    )
    rows, columns = rows.astype(images.dtype), columns.astype(images.dtype)
    return jnp.einsum("bph,bqw,bhwc->bpqc", rows, columns, images, precision="highest")


def normalized_gains(factors: jax.Array) -> jax.Array:
    """Gains that amplify one band after the other, each by its factor and so that images keep their power on average.

    Args:
        factors: t, float32 (B, 4).

    Returns:
        float32 (B, 4): the product, over the bands i, of the vector that is t_i in band i and 1 elsewhere, divided by the
        root of its mean square over the power of images. That is taken to fall by 1/f: 10/13 of it in the lowest band, 1/13
        in each of the others.
    """
    power = jnp.array([[10.0, 1.0, 1.0, 1.0]]) / 13
    # sum_j power_j t_j^2, t_j being 1 but for band i; the root divides all bands alike.
    squares = 1 + power * (jnp.square(factors) - 1)
    return factors * jax.lax.rsqrt(squares.prod(axis=1, keepdims=True))


@functools.cache
def _matrices(size: int) -> np.ndarray:
    """What each band's filter does to a mirrored line, (4, size, size)."""
    bank = filter_bank()
    reach = bank.shape[1] // 2
    line = np.pad(np.arange(size), reach, mode="reflect") if size > 1 else np.zeros(1 + 2 * reach, int)
    matrices = np.zeros((BANDS, size, size))
    for place in range(size):
        for tap in range(bank.shape[1]):
            matrices[:, place, line[place + tap]] += bank[:, tap]
    return matrices


def filter_bank() -> np.ndarray:
    """The symmetric filters of the bands, lowest first, float64 (4, 43); their sum is 1 in the middle and 0 elsewhere."""
    bands = [np.ones(1)]
    for _ in range(BANDS - 1):
        # A filter of z^2 does to the lower half of the frequencies what the filter of z did to all of them.
        halved = [np.zeros(2 * len(band) - 1) for band in bands]
        for wide, band in zip(halved, bands, strict=True):
            wide[::2] = band
        bands = [np.convolve(band, _LOWER) for band in halved] + [_UPPER]
    taps = len(bands[0])
    return np.stack([np.pad(band, (taps - len(band)) // 2) for band in bands])

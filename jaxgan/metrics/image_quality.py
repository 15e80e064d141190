"""Images against images: PSNR and SSIM for super-resolution, MS-SSIM for diversity."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import UserError

SMALLEST = 11  # pixels along a side that SSIM's window needs
_MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_BLOCK = 32  # pairs in one call


def luma(images: np.ndarray) -> np.ndarray:
    """The Y channel of ITU-R BT.601 as super-resolution papers take it (MATLAB's `rgb2ycbcr`), in 16..235, not rounded.

    Args:
        images: Uint8 or float (N, H, W, C) in 0..255; C = 3, or 1, which is taken for Y itself.

    Returns:
        (N, H, W, 1) float64.
    """
    images = np.asarray(images, np.float64)
    if images.shape[-1] == 1:
        return images
    return 16.0 + images @ np.array([65.481, 128.553, 24.966])[:, None] / 255.0


def psnr(images: np.ndarray, reference: np.ndarray, border: int = 0) -> np.ndarray:
    """Peak signal-to-noise ratio on the Y channel, in decibels.

    Args:
        images: Uint8 (N, H, W, C), C = 1 or 3.
        reference: The same shape, in the same order.
        border: Pixels to leave out at each side; super-resolution papers leave out the scale factor.

    Returns:
        (N,) float64; infinite for equal images. Papers average it over images.

    Raises:
        UserError: Shapes that differ, or nothing left inside the border.
    """
    a, b = _pairs(images, reference, border)
    # 10 log10(255^2 / MSE)
    error = np.square(a - b).mean(axis=(1, 2, 3))
    with np.errstate(divide="ignore"):
        return 10.0 * np.log10(255.0**2 / error)


def ssim(images: np.ndarray, reference: np.ndarray, border: int = 0) -> np.ndarray:
    """Structural similarity on the Y channel: Wang, Bovik, Sheikh and Simoncelli 2004, section III-B, Eq. 13.

    Gaussian windows of 11x11 pixels and deviation 1.5, only where they fit, K1 = 0.01, K2 = 0.03, L = 255.

    Args:
        images, reference, border: As in `psnr`; at least 11x11 pixels inside the border.

    Returns:
        (N,) float32, 1 for equal images.

    Raises:
        UserError: As in `psnr`.
    """
    a, b = _pairs(images, reference, border)
    if min(a.shape[1:3]) < SMALLEST:
        raise UserError(
            f"SSIM: {a.shape[1]}x{a.shape[2]} pixels inside a border of {border}; at least {SMALLEST}x{SMALLEST} are needed"
        )
    return np.concatenate([np.asarray(_ssim(a[i : i + _BLOCK], b[i : i + _BLOCK])) for i in range(0, len(a), _BLOCK)])


def ms_ssim(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Multi-scale structural similarity of pairs: Wang, Simoncelli and Bovik 2003, Eq. 7, over five scales.

    Between samples of one class it measures how alike they are (Odena, Olah and Shlens 2017, AC-GAN, arXiv:1610.09585,
    section 4.2): high means no diversity. Where an image is smaller than the 11x11 window, the window shrinks to it, its
    deviation in proportion; so numbers of small images compare only with each other.

    Args:
        images: Uint8 (N, H, W, C), H and W at least 16; the mean over channels is taken.
        others: The same shape.

    Returns:
        (N,) float32 in [0, 1], 1 for equal images. A negative similarity counts as 0.

    Raises:
        UserError: Shapes that differ, or images below 16x16.
    """
    if images.shape != others.shape or images.ndim != 4 or min(images.shape[1:3]) < 16:
        raise UserError(
            f"MS-SSIM: images of {images.shape} and {others.shape}; give two alike, (N, H, W, C) from 16x16"
        )
    blocks = range(0, len(images), _BLOCK)
    return np.concatenate([np.asarray(_ms_ssim(images[i : i + _BLOCK], others[i : i + _BLOCK])) for i in blocks])


def diversity(images: np.ndarray, labels: np.ndarray | None = None) -> float:
    """Mean MS-SSIM over disjoint pairs of images, of one class where there are labels; lower is more diverse.

    Args:
        images: As in `ms_ssim`, in random order.
        labels: (N,) int, or None.

    Raises:
        UserError: No pair, or as in `ms_ssim`.
    """
    order = np.arange(len(images)) if labels is None else np.argsort(labels, kind="stable")
    classes = np.zeros(len(images), int) if labels is None else np.asarray(labels)
    starts = [np.flatnonzero(classes[order] == one) for one in np.unique(classes)]
    pairs = np.concatenate([order[each[: len(each) // 2 * 2]].reshape(-1, 2) for each in starts])
    if not len(pairs):
        raise UserError(f"MS-SSIM: no two of {len(images)} images are of one class; give more")
    return float(ms_ssim(images[pairs[:, 0]], images[pairs[:, 1]]).mean(dtype=np.float64))


def _pairs(images: np.ndarray, reference: np.ndarray, border: int) -> tuple[np.ndarray, np.ndarray]:
    if images.shape != reference.shape or images.ndim != 4 or images.shape[3] not in (1, 3):
        raise UserError(f"images of {images.shape} and a reference of {reference.shape}; give pairs (N, H, W, 1 or 3)")
    height, width = images.shape[1:3]
    if border < 0 or 2 * border >= min(height, width):
        raise UserError(f"a border of {border} leaves nothing of {height}x{width} pixels; make it smaller")
    inside = slice(border, height - border), slice(border, width - border)
    return luma(images)[:, inside[0], inside[1]], luma(reference)[:, inside[0], inside[1]]


def _window(pixels: int) -> np.ndarray:
    """The filter as a matrix (pixels - size + 1, pixels): row i weighs pixels i to i + size - 1."""
    size = min(SMALLEST, pixels)
    offsets = np.arange(size) - (size - 1) / 2
    weights = np.exp(-0.5 * np.square(offsets / (1.5 * size / SMALLEST)))
    rows = pixels - size + 1
    matrix = np.zeros((rows, pixels), np.float32)
    for row in range(rows):
        matrix[row, row : row + size] = weights / weights.sum()
    return matrix


def _similarities(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """SSIM and its contrast-structure part, each averaged over pixels and channels: (B,)."""

    def smooth(x: jax.Array) -> jax.Array:
        x = jnp.einsum("bhwc,oh->bowc", x, _window(x.shape[1]), precision=jax.lax.Precision.HIGHEST)
        return jnp.einsum("bhwc,ow->bhoc", x, _window(x.shape[2]), precision=jax.lax.Precision.HIGHEST)

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    # Variances are taken about mid-grey, where float32 cancels least.
    a, b = a.astype(jnp.float32) - 128.0, b.astype(jnp.float32) - 128.0
    mean_a, mean_b = smooth(a), smooth(b)
    variances = smooth(a * a + b * b) - mean_a**2 - mean_b**2
    covariance = smooth(a * b) - mean_a * mean_b
    mean_a, mean_b = mean_a + 128.0, mean_b + 128.0
    # (2 s_ab + C2) / (s_a^2 + s_b^2 + C2), and that times (2 m_a m_b + C1) / (m_a^2 + m_b^2 + C1)
    structure = (2.0 * covariance + c2) / (variances + c2)
    whole = structure * (2.0 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return whole.mean(axis=(1, 2, 3)), structure.mean(axis=(1, 2, 3))


@jax.jit
def _ssim(a: jax.Array, b: jax.Array) -> jax.Array:
    return _similarities(a, b)[0]


@jax.jit
def _ms_ssim(a: jax.Array, b: jax.Array) -> jax.Array:
    a, b = a.astype(jnp.float32), b.astype(jnp.float32)
    product = jnp.ones(len(a))
    for level, weight in enumerate(_MS_SSIM_WEIGHTS):
        whole, structure = _similarities(a, b)
        last = level == len(_MS_SSIM_WEIGHTS) - 1
        # SSIM of the coarsest scale^w_M times the contrast-structure of each scale^w_j
        product *= jnp.maximum(whole if last else structure, 0.0) ** weight
        a, b = _halve(a), _halve(b)
    return product


def _halve(x: jax.Array) -> jax.Array:
    """Means of 2x2 blocks; an odd last row or column is dropped."""
    batch, height, width, channels = x.shape
    height, width = max(height // 2, 1), max(width // 2, 1)
    if x.shape[1:3] == (1, 1):
        return x
    x = x[:, : 2 * height, : 2 * width]
    return x.reshape(batch, height, 2, width, 2, channels).mean(axis=(2, 4))

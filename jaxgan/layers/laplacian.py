"""The Laplacian pyramid: images as a small one and the details that each doubling of its size lacks.

Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code" (1983); LAPGAN (Denton et al. 2015, arXiv:1506.05751,
section 2.2) draws from it level by level. With two linear maps d (halves each side) and u (doubles it),

    I_{k+1} = d(I_k),   h_k = I_k - u(I_{k+1})        `pyramid`
    I_k = u(I_{k+1}) + h_k                            `collapse`

so the images come back to float rounding, whatever d and u are. Two pairs are here, by the name of their `kernel`:

    "box"       d is the mean of 2x2 pixels, u interpolates linearly so that the corner pixels of both images lie on each
                other: `image.scale` of Torch, with which LAPGAN's authors trained.
    "binomial"  Burt and Adelson's: d blurs by (1, 4, 6, 4, 1) / 16 along each axis and keeps the pixels 0, 2, 4, ...; u puts
                zeros between the pixels and blurs by twice that. Outside the image, its border pixels are repeated.
                (The paper on LAPGAN says "blur" and names no kernel.)

Each is one small matrix along each axis: XLA:CPU runs convolutions of single channels, and the gradients of sums of
shifted slices, several times slower.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import UserError, nearest


def down(x: jax.Array, kernel: str = "box") -> jax.Array:
    """Halves both sides of images.

    Args:
        x: (B, H, W, C), floating point, H and W even.
        kernel: "box" or "binomial", see the module.

    Returns:
        (B, H / 2, W / 2, C) in the dtype of `x`.

    Raises:
        UserError: An odd side, or an unknown kernel.
    """
    halve, _ = _kernel(kernel)
    height, width = x.shape[1:3]
    if height % 2 or width % 2:
        raise UserError(f"laplacian: images of {height}x{width} have no half; resize them to even sides")
    return _along_both(x, halve)


def up(x: jax.Array, kernel: str = "box") -> jax.Array:
    """Doubles both sides of images.

    Args:
        x: (B, H, W, C), floating point.
        kernel: "box" or "binomial", see the module.

    Returns:
        (B, 2 * H, 2 * W, C) in the dtype of `x`.

    Raises:
        UserError: An unknown kernel.
    """
    _, double = _kernel(kernel)
    return _along_both(x, double)


def pyramid(x: jax.Array, levels: int, kernel: str = "box") -> tuple[list[jax.Array], jax.Array]:
    """Takes images apart.

    Args:
        x: (B, H, W, C), floating point, H and W multiples of `2 ** levels`.
        levels: How often the images are halved.
        kernel: "box" or "binomial", see the module.

    Returns:
        The residuals h_0, h_1, ..., the finest (the size of `x`) first, and the coarsest images I_levels.

    Raises:
        UserError: A side that cannot be halved so often, or an unknown kernel.
    """
    height, width = x.shape[1:3]
    if height % 2**levels or width % 2**levels:
        raise UserError(
            f"laplacian: images of {height}x{width} cannot be halved {levels} times; "
            f"resize them to multiples of {2**levels} or use fewer levels"
        )
    residuals = []
    for _ in range(levels):
        coarse = down(x, kernel)
        residuals.append(x - up(coarse, kernel))
        x = coarse
    return residuals, x


def collapse(residuals: Sequence[jax.Array], coarsest: jax.Array, kernel: str = "box") -> jax.Array:
    """Puts images together again, the inverse of `pyramid`.

    Args:
        residuals: The finest first, each (B, H, W, C) and half as large along both sides as the one before.
        coarsest: (B, H, W, C), half as large as the last residual.
        kernel: The one of the pyramid.

    Returns:
        Images of the shape of the first residual; `coarsest` where there are no residuals.

    Raises:
        UserError: An unknown kernel.
    """
    x = coarsest
    for residual in reversed(residuals):
        x = up(x, kernel) + residual
    return x


_Matrix = Callable[[int], np.ndarray]


def _along_both(x: jax.Array, matrix: _Matrix) -> jax.Array:
    """Multiplies the rows and the columns of images by the matrix of their number."""
    rows, columns = (jnp.asarray(matrix(size), x.dtype) for size in x.shape[1:3])
    # Without this precision, GPUs and TPUs round images to 8 or 11 bits.
    return jnp.einsum("hi,wj,bijc->bhwc", rows, columns, x, precision=jax.lax.Precision.HIGHEST)


def _box_down(size: int) -> np.ndarray:
    return np.kron(np.eye(size // 2), [[0.5, 0.5]])


def _linear_up(size: int) -> np.ndarray:
    # Pixel i of the 2n lies at i (n - 1) / (2n - 1) among the n.
    places = np.arange(2 * size) * (size - 1) / (2 * size - 1)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(size)))


def _binomial_down(size: int) -> np.ndarray:
    return _taps(np.arange(0, size, 2), {-2: 1 / 16, -1: 4 / 16, 0: 6 / 16, 1: 4 / 16, 2: 1 / 16}, size)


def _binomial_up(size: int) -> np.ndarray:
    # Twice the taps: every other one meets a zero.
    even = _taps(np.arange(size), {-1: 1 / 8, 0: 6 / 8, 1: 1 / 8}, size)
    odd = _taps(np.arange(size), {0: 4 / 8, 1: 4 / 8}, size)
    return np.stack([even, odd], axis=1).reshape(2 * size, size)


def _taps(places: np.ndarray, taps: dict[int, float], size: int) -> np.ndarray:
    """The matrix whose row r weighs the pixels around places[r], a border pixel for those outside."""
    matrix = np.zeros((len(places), size))
    for offset, weight in taps.items():
        matrix[np.arange(len(places)), np.clip(places + offset, 0, size - 1)] += weight
    return matrix


_KERNELS: dict[str, tuple[_Matrix, _Matrix]] = {
    "box": (_box_down, _linear_up),
    "binomial": (_binomial_down, _binomial_up),
}


def _kernel(name: str) -> tuple[_Matrix, _Matrix]:
    """The matrices by which a kernel halves and doubles an axis, as functions of its size."""
    if name not in _KERNELS:
        raise UserError(f"laplacian: kernel={name!r} does not exist; {nearest(name, _KERNELS)}")
    return _KERNELS[name]

"""The sliced Wasserstein distance between patches of real and generated images, scale by scale.

Karras, Aila, Laine and Lehtinen 2018, "Progressive Growing of GANs" (arXiv:1710.10196), section 5: small at coarse scales where
the layout is alike, at fine ones where edges and noise are.
"""

import numpy as np

from jaxgan.errors import UserError

PATCH = 7  # the side of a patch
_PATCHES = 128  # of an image, at each scale
_DIRECTIONS = (4, 128)  # repeats, and directions in each
_SMALLEST = 16  # the coarsest scale's side


def sliced_wasserstein(real: np.ndarray, fake: np.ndarray, seed: int = 0) -> dict[int, float]:
    """Mean distance, over 512 random directions, of the sorted projections of 7x7 patches; times 1,000 as in the paper.

    Patches are of a Laplacian pyramid, 128 of each image and scale, and each channel of each set is brought to mean 0 and
    deviation 1. The paper takes 16,384 images.

    Args:
        real: Uint8 (N, H, W, C), sides at least 7; they are halved as often as both can be.
        fake: The same shape; N images too.
        seed: Of patches and directions.

    Returns:
        By the scale's height, from H by halves while no side is below 16 (or H alone). In [0, 1000 or so], 0 for equal sets.

    Raises:
        UserError: Shapes that differ, or images too small.
    """
    if real.shape != fake.shape or real.ndim != 4 or min(real.shape[1:3]) < PATCH:
        raise UserError(
            f"sliced Wasserstein: images of {real.shape} and {fake.shape}; give as many, alike, from 7x7 up"
        )
    draw = np.random.default_rng(seed)
    real_patches, fake_patches = _patches(real, draw), _patches(fake, draw)
    return {side: 1000.0 * _distance(real_patches[side], fake_patches[side], draw) for side in real_patches}


def _patches(images: np.ndarray, draw: np.random.Generator) -> dict[int, np.ndarray]:
    """By side: (N x 128, 7, 7, C) float32, each channel with mean 0 and deviation 1."""
    found: dict[int, list[np.ndarray]] = {}
    for start in range(0, len(images), 64):
        x = images[start : start + 64].astype(np.float32)
        while True:
            sides = np.array(x.shape[1:3])
            coarser = _down(x) if not (sides % 2).any() and sides.min() // 2 >= _SMALLEST else None
            band = x if coarser is None else x - _up(coarser)
            corner = draw.integers(0, sides - PATCH + 1, (len(x), _PATCHES, 2))
            offset = np.arange(PATCH)
            rows = (corner[..., 0, None] + offset)[:, :, :, None]
            columns = (corner[..., 1, None] + offset)[:, :, None, :]
            found.setdefault(int(sides[0]), []).append(band[np.arange(len(x))[:, None, None, None], rows, columns])
            if coarser is None:
                break
            x = coarser
    patches = {}
    for side, parts in found.items():
        joined = np.concatenate([part.reshape(-1, *part.shape[2:]) for part in parts])
        joined -= joined.mean(axis=(0, 1, 2), keepdims=True, dtype=np.float64).astype(np.float32)
        deviation = joined.std(axis=(0, 1, 2), keepdims=True, dtype=np.float64).astype(np.float32)
        patches[side] = joined / np.maximum(deviation, 1e-8)
    return patches


def _distance(real: np.ndarray, fake: np.ndarray, draw: np.random.Generator) -> float:
    real, fake = real.reshape(len(real), -1), fake.reshape(len(fake), -1)
    repeats, number = _DIRECTIONS
    distances = []
    for _ in range(repeats):
        directions = draw.standard_normal((real.shape[1], number)).astype(np.float32)
        directions /= np.linalg.norm(directions, axis=0, keepdims=True)
        # W_1 of two equally large sets of numbers: the mean distance of the i-th smallest ones
        first, second = np.sort(real @ directions, axis=0), np.sort(fake @ directions, axis=0)
        distances.append(np.abs(first - second).mean(dtype=np.float64))
    return float(np.mean(distances))


def _filter(x: np.ndarray, scale: float) -> np.ndarray:
    from scipy import ndimage

    binomial = np.array([1.0, 4.0, 6.0, 4.0, 1.0], np.float32) / 16.0 * scale
    for axis in (1, 2):
        x = ndimage.correlate1d(x, binomial, axis=axis, mode="mirror")
    return x


def _down(x: np.ndarray) -> np.ndarray:
    return _filter(x, 1.0)[:, ::2, ::2]


def _up(x: np.ndarray) -> np.ndarray:
    larger = np.zeros((len(x), 2 * x.shape[1], 2 * x.shape[2], x.shape[3]), np.float32)
    larger[:, ::2, ::2] = x
    return _filter(larger, 2.0)

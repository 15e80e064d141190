"""Nearest neighbours among features: precision, recall, density and coverage, and whether samples are copies.

Distances are Euclidean, in float32 at highest precision on the device, a block of rows at a time: no N x M matrix is kept.
"""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import UserError

_BLOCK = 2**25  # distances in memory at a time


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> tuple[float, float]:
    """Precision, the share of samples within the data's manifold, and recall, the share of the data within the samples'.

    Kynkäänniemi et al. 2019, "Improved Precision and Recall Metric for Assessing Generative Models" (arXiv:1904.06991),
    Eq. 1 and 2: a manifold is the union of balls around its points, each reaching to the k-th nearest other one.

    Args:
        real: Features (N, D), N > k.
        fake: Features (M, D), M > k.
        k: The paper takes 3; StudioGAN takes 5, for other numbers.

    Returns:
        Both in [0, 1].

    Raises:
        UserError: Too few vectors, or dimensions that differ.
    """
    real, fake = _centred(real, fake, k)
    fake_radii = _radii(fake, k)
    precise = np.zeros(len(fake), bool)
    recalled = 0
    # f(phi, Phi) = 1 if |phi - phi'| <= |phi' - NN_k(phi', Phi)| for some phi' in Phi
    for rows, radii in _blocks(real, _radii(real, k), len(fake)):
        in_real, in_fake = _within(rows, fake, radii, fake_radii)
        precise |= np.asarray(in_real)
        recalled += int(np.count_nonzero(np.asarray(in_fake)[radii >= 0]))
    return float(precise.mean()), recalled / len(real)


def density_coverage(real: np.ndarray, fake: np.ndarray, k: int = 5) -> tuple[float, float]:
    """Density, how many of the data's balls a sample lies in, over k, and coverage, the share of balls that hold a sample.

    Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative Models" (arXiv:2002.09797), Eq. 4 and 5. Balls
    are open, as in the authors' program.

    Args:
        real: Features (N, D), N > k.
        fake: Features (M, D), M > k.
        k: The neighbour that a ball reaches to.

    Returns:
        Density, about 1 for samples like the data and above it where they are denser; coverage in [0, 1].

    Raises:
        UserError: As in `precision_recall`.
    """
    real, fake = _centred(real, fake, k)
    inside, covered = 0, 0
    for rows, radii in _blocks(real, _radii(real, k), len(fake)):
        counts = np.asarray(_count_within(rows, fake, radii))
        inside += int(counts.sum(dtype=np.int64))
        covered += int(np.count_nonzero(counts))
    # density = 1 / (k M) sum_j sum_i 1[y_j in B(x_i, NND_k(x_i))]; coverage = 1 / N sum_i 1[exists j: y_j in B(x_i, ...)]
    return inside / (k * len(fake)), covered / len(real)


class Neighbours(NamedTuple):
    """Each sample's nearest training image.

    Attributes:
        training: (M,) int, which training image.
        distance: (M,) float32, how far it is in the features.
        copied: Share of the samples that lie closer to it than it lies to any other training image.
    """

    training: np.ndarray
    distance: np.ndarray
    copied: float


def nearest_training(training: np.ndarray, fake: np.ndarray) -> Neighbours:
    """Whether samples are copies of training images.

    `copied` is one minus the authenticity of Alaa et al. 2022, "How Faithful is your Synthetic Data?" (arXiv:2102.08921),
    section 3.3: 1 for copies; new data have a share of about a half, so compare with that of held-out images.

    Args:
        training: Features (N, D), N > 1.
        fake: Features (M, D), M >= 1.

    Raises:
        UserError: Too few vectors, or dimensions that differ.
    """
    training, fake = _centred(training, fake, 1, least_fakes=1)
    index = _nearest_index(training, fake)
    # Of a copy, the squares above leave nothing but rounding.
    distance = np.linalg.norm(fake - training[index], axis=1)
    return Neighbours(index, distance, float(np.mean(distance**2 < _radii(training, 1)[index])))


def nearest_of(training: np.ndarray, fake: np.ndarray) -> np.ndarray:
    """Which training image is nearest to each sample, int (M,); arguments and errors as in `nearest_training`."""
    return _nearest_index(*_centred(training, fake, 1, least_fakes=1))


def _nearest_index(training: np.ndarray, fake: np.ndarray) -> np.ndarray:
    found = [_nearest(rows, training, 1)[1] for rows, _ in _blocks(fake, np.zeros(len(fake)), len(training))]
    return np.concatenate([np.asarray(part)[:, 0] for part in found])[: len(fake)]


def _centred(real: np.ndarray, fake: np.ndarray, k: int, least_fakes: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Both sets about the data's mean, where the squares below cancel least."""
    if real.ndim != 2 or real.shape[1:] != fake.shape[1:]:
        raise UserError(f"neighbours: features of {real.shape} and {fake.shape}; take both from one network")
    if k < 1 or len(real) <= k or len(fake) < (least_fakes or k + 1):
        raise UserError(
            f"neighbours: {len(real)} real and {len(fake)} generated images for k={k}; give more than k of both, k >= 1"
        )
    mean = real.mean(axis=0, dtype=np.float64)
    return (real - mean[None]).astype(np.float32), (fake - mean[None]).astype(np.float32)


def _radii(features: np.ndarray, k: int) -> np.ndarray:
    """(N,) squared distance of each vector to the k-th nearest other one."""
    found = [
        _nearest(rows, features, k + 1)[0] for rows, _ in _blocks(features, np.zeros(len(features)), len(features))
    ]
    return np.concatenate([np.asarray(part)[:, k] for part in found])[: len(features)]


def _blocks(rows: np.ndarray, radii: np.ndarray, columns: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of rows, all of one size: those that fill up the last one have radius -1, within which nothing lies."""
    size = min(len(rows), max(1, _BLOCK // columns))
    for start in range(0, len(rows), size):
        missing = max(0, start + size - len(rows))
        block = np.pad(rows[start : start + size], [(0, missing), (0, 0)])
        yield block, np.pad(radii[start : start + size].astype(np.float32), (0, missing), constant_values=-1.0)


def _squares(a: jax.Array, b: jax.Array) -> jax.Array:
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a . b
    products = jnp.matmul(a, b.T, precision=jax.lax.Precision.HIGHEST)
    return jnp.maximum(jnp.sum(a * a, axis=1)[:, None] + jnp.sum(b * b, axis=1)[None] - 2.0 * products, 0.0)


@functools.partial(jax.jit, static_argnames="k")
def _nearest(rows: jax.Array, columns: jax.Array, k: int) -> tuple[jax.Array, jax.Array]:
    """Squared distances to the k nearest columns, ascending, and which they are."""
    negative, index = jax.lax.top_k(-_squares(rows, columns), k)
    return -negative, index


@jax.jit
def _within(
    rows: jax.Array, columns: jax.Array, row_radii: jax.Array, column_radii: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Which columns lie in the closed ball of some row, and which rows in that of some column."""
    squares = _squares(rows, columns)
    return (squares <= row_radii[:, None]).any(axis=0), (squares <= column_radii[None]).any(axis=1)


@jax.jit
def _count_within(rows: jax.Array, columns: jax.Array, row_radii: jax.Array) -> jax.Array:
    """How many columns lie in the open ball of each row."""
    return jnp.sum(_squares(rows, columns) < row_radii[:, None], axis=1)

"""How well samples cover a toy density: modes, high-quality share, reverse KL, and the 1-D Wasserstein distance."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.stats


@dataclasses.dataclass(frozen=True)
class ModeCoverage:
    """What `mode_coverage` found.

    Attributes:
        counts: (K,) int64, high-quality samples per mode, in the order of the centres.
        high_quality: share of all samples that are of high quality, in [0, 1].
        reverse_kl: KL(distribution of high-quality samples over modes || uniform), nats, in [0, log K]; 0 when every
            mode has its equal share. With no high-quality sample it is log K, its worst value.
    """

    counts: np.ndarray
    high_quality: float
    reverse_kl: float

    @property
    def modes(self) -> int:
        """Number of modes covered: those with at least one high-quality sample."""
        return int(np.count_nonzero(self.counts))


def mode_coverage(samples: np.ndarray, centres: np.ndarray, standard_deviation: float) -> ModeCoverage:
    """Counts the modes of a mixture of equal isotropic Gaussians that samples reach.

    A sample belongs to its nearest centre and is of high quality when it lies closer to it than three standard
    deviations (strictly). A mode is covered by one such sample. This is the protocol of VEEGAN (Srivastava et al. 2017)
    and PacGAN (Lin et al. 2018, whose code has the strict inequality), which take 2,500 samples: compare numbers at
    equal counts, since one stray sample covers a mode. Even the true density's high-quality share is below 1: of a 2-D
    Gaussian exp(-9/2) = 1.1 % lies outside three deviations.

    Args:
        samples: (N, D) points, N >= 1. A point that is not finite counts as a sample of low quality.
        centres: (K, D) the modes.
        standard_deviation: of every mode along every axis, > 0.

    Returns:
        A `ModeCoverage`.

    Raises:
        ValueError: when shapes disagree, there is no sample, or the deviation is not positive.
    """
    samples, centres = np.asarray(samples, np.float64), np.asarray(centres, np.float64)
    if samples.ndim != 2 or centres.ndim != 2 or samples.shape[1] != centres.shape[1] or not len(centres):
        raise ValueError(
            f"mode_coverage: samples of shape {samples.shape} and centres of shape {centres.shape}; "
            "expected (N, D) and (K, D)."
        )
    if not len(samples):
        raise ValueError("mode_coverage: there are no samples; draw at least one.")
    if not standard_deviation > 0:
        raise ValueError(f"mode_coverage: standard_deviation is {standard_deviation}; it must be positive.")
    finite = samples[np.isfinite(samples).all(axis=1)]
    # One centre at a time: (K, N) distances, and never a (K, N, D) array.
    distances = np.stack([np.linalg.norm(finite - centre[None, :], axis=1) for centre in centres])
    nearest = distances.argmin(axis=0)
    good = distances.min(axis=0) < 3.0 * standard_deviation
    counts = np.bincount(nearest[good], minlength=len(centres))
    return ModeCoverage(counts, float(good.sum() / len(samples)), _kl_from_uniform(counts))


def _kl_from_uniform(counts: np.ndarray) -> float:
    """KL(p || uniform) = sum_k p_k log(K p_k) with p the normalised counts and 0 log 0 = 0; log K where none count."""
    if not counts.any():
        return float(np.log(len(counts)))
    shares = counts[counts > 0] / counts.sum()
    return float(np.sum(shares * np.log(len(counts) * shares)))


def wasserstein_1d(samples: np.ndarray, reference: np.ndarray) -> float:
    """Exact Wasserstein-1 (earth mover's) distance between two sets of numbers: the area between their distributions.

    Args:
        samples: (N,) or (N, 1), N >= 1, finite.
        reference: (M,) or (M, 1), M >= 1, finite; M need not equal N.

    Returns:
        The distance, in the units of the numbers.

    Raises:
        ValueError: when a set is empty, holds vectors, or is not finite.
    """
    return float(scipy.stats.wasserstein_distance(_numbers("samples", samples), _numbers("reference", reference)))


def _numbers(name: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.size == 0 or values.shape not in [(values.size,), (values.size, 1)]:
        raise ValueError(f"wasserstein_1d: {name} of shape {values.shape}; expected (N,) or (N, 1) with N >= 1.")
    if not np.isfinite(values).all():
        raise ValueError(f"wasserstein_1d: {name} holds values that are not finite; remove or explain them.")
    return values.ravel()

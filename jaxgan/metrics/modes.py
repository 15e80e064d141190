"""How well samples cover what is known of the data: modes and their shares, and the 1-D Wasserstein distance."""

import dataclasses

import jax
import numpy as np

from jaxgan.errors import UserError
from jaxgan.features.digits import digit_probabilities


@dataclasses.dataclass(frozen=True)
class ModeCoverage:
    """What `mode_coverage` found.

    Attributes:
        counts: (K,) int64, high-quality samples per mode, in the order of the centres.
        high_quality: Share of all samples that are of high quality, in [0, 1].
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

    @property
    def effective_modes(self) -> float:
        """`effective_modes` of the counts: K when every mode has its equal share, near 1 after a collapse."""
        return effective_modes(self.counts)


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
        standard_deviation: Of every mode along every axis, > 0.

    Returns:
        A `ModeCoverage`.

    Raises:
        UserError: When shapes disagree, there is no sample, or the deviation is not positive.
    """
    samples, centres = np.asarray(samples, np.float64), np.asarray(centres, np.float64)
    if samples.ndim != 2 or centres.ndim != 2 or samples.shape[1] != centres.shape[1] or not len(centres):
        raise UserError(
            f"mode_coverage: samples of shape {samples.shape} and centres of shape {centres.shape}; "
            "expected (N, D) and (K, D)."
        )
    if not len(samples):
        raise UserError("mode_coverage: there are no samples; draw at least one.")
    if not standard_deviation > 0:
        raise UserError(f"mode_coverage: standard_deviation is {standard_deviation}; it must be positive.")
    finite = samples[np.isfinite(samples).all(axis=1)]
    # One centre at a time: (K, N) distances, and never a (K, N, D) array.
    distances = np.stack([np.linalg.norm(finite - centre[None, :], axis=1) for centre in centres])
    nearest = distances.argmin(axis=0)
    good = distances.min(axis=0) < 3.0 * standard_deviation
    counts = np.bincount(nearest[good], minlength=len(centres))
    return ModeCoverage(counts, float(good.sum() / len(samples)), kl_from_uniform(counts))


def kl_from_uniform(counts: np.ndarray) -> float:
    """The "reverse KL" of a histogram over modes: KL(p || uniform), p the normalised counts.

    Of N samples from the uniform distribution itself it is (K - 1) / 2N on average, so compare numbers of equal counts.

    Args:
        counts: (K,) integers of at least 0.

    Returns:
        Nats in [0, log K]: 0 for equal counts, log K when all samples are of one mode, or when there is none.
    """
    if not counts.any():
        return float(np.log(len(counts)))
    # KL(p || u) = sum_k p_k log(p_k / u_k) with u_k = 1 / K and 0 log 0 = 0
    shares = counts[counts > 0] / counts.sum()
    return float(np.sum(shares * np.log(len(counts) * shares)))


def effective_modes(counts: np.ndarray) -> float:
    """How many modes a histogram is spread over: the number of equal modes of the same entropy, exp(H(p)).

    It shows a collapse that the number of covered modes hides, for one stray sample covers a mode.

    Args:
        counts: (K,) integers of at least 0.

    Returns:
        A number in [1, K], K for equal counts; 0 when there is no sample.
    """
    # log K - KL(p || uniform) = H(p)
    return float(len(counts) * np.exp(-kl_from_uniform(counts))) if counts.any() else 0.0


def stacked_digit_counts(images: np.ndarray | jax.Array) -> np.ndarray:
    """Reads each channel of stacked digits with the digit classifier, and counts the thousand numbers that they spell.

    The measure of stacked MNIST (Metz et al. 2017, Unrolled GANs; VEEGAN and PacGAN count 26,000 samples): modes are the
    numbers counted at least once, and the reverse KL is `kl_from_uniform` of the counts.

    Args:
        images: (N, H, W, 3) floating point in [-1, 1], H = W in {8, 16, 32}.

    Returns:
        (1000,) int64: how many images are read as 100 a + 10 b + c.

    Raises:
        TypeError: For images that are not floating point.
        UserError: For other shapes, or for an image that is not finite.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[3] != 3:
        raise UserError(f"stacked digits: images of shape {images.shape}; expected (N, H, W, 3).")
    digits = [digit_probabilities(images[..., channel, None]).argmax(axis=1) for channel in range(3)]
    return np.bincount(np.array([100, 10, 1]) @ np.stack(digits), minlength=1000)


def wasserstein_1d(samples: np.ndarray, reference: np.ndarray) -> float:
    """Exact Wasserstein-1 (earth mover's) distance between two sets of numbers: the area between their distributions.

    Args:
        samples: (N,) or (N, 1), N >= 1, finite.
        reference: (M,) or (M, 1), M >= 1, finite; M need not equal N.

    Returns:
        The distance, in the units of the numbers.

    Raises:
        UserError: When a set is empty, holds vectors, or is not finite.
    """
    from scipy.stats import wasserstein_distance  # late: it takes longer than the rest of this room

    return float(wasserstein_distance(_numbers("samples", samples), _numbers("reference", reference)))


def _numbers(name: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.size == 0 or values.shape not in [(values.size,), (values.size, 1)]:
        raise UserError(f"wasserstein_1d: {name} of shape {values.shape}; expected (N,) or (N, 1) with N >= 1.")
    if not np.isfinite(values).all():
        raise UserError(f"wasserstein_1d: {name} holds values that are not finite; remove or explain them.")
    return values.ravel()

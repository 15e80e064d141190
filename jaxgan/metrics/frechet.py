"""The Frechet distance between two Gaussians, and the moments that it compares, streamed in float64."""

import dataclasses
import warnings

import numpy as np

from jaxgan.errors import UserError

# Rounding in a covariance (float32 features, or ours on the way here) leaves eigenvalues below zero by about this share
# of the largest one. They are taken as zero; anything more negative is no covariance and is refused.
_NEGATIVE_TOLERANCE = 1e-5


def frechet_distance(mean1: np.ndarray, cov1: np.ndarray, mean2: np.ndarray, cov2: np.ndarray) -> float:
    """Squared Frechet (2-Wasserstein) distance between two Gaussians; FID when the features are Inception's.

    `|m1 - m2|^2 + tr(C1) + tr(C2) - 2 tr((C1 C2)^(1/2))` (Dowson and Landau 1982; Heusel et al. 2017, "GANs Trained by
    a Two Time-Scale Update Rule", Eq. 6). The last trace is the sum of the roots of the eigenvalues of a symmetric
    matrix, never `scipy.linalg.sqrtm`, which is wrong for the singular products that few samples give.

    Args:
        mean1: (D,) mean of the first Gaussian.
        cov1: (D, D) covariance of the first.
        mean2: (D,) mean of the second.
        cov2: (D, D) covariance of the second.

    Returns:
        The distance, in squared units of the features, computed in float64. It is symmetric, and 0 for equal Gaussians
        up to rounding, which may leave it below zero by some 1e-8 of the traces; it is not clamped.

    Raises:
        UserError: When shapes disagree, a value is not finite, or a covariance is not symmetric and positive
            semidefinite.
    """
    mean1, cov1 = _checked("mean1", "cov1", mean1, cov1)
    mean2, cov2 = _checked("mean2", "cov2", mean2, cov2)
    if mean1.shape != mean2.shape:
        raise UserError(
            f"frechet_distance: features of dimension {len(mean1)} and {len(mean2)} cannot be compared; "
            "take both from the same network and layer."
        )
    difference = mean1 - mean2
    # With C1 = S S', C1 C2 and S' C2 S share their eigenvalues, and the latter is symmetric:
    # tr((C1 C2)^(1/2)) = sum_i sqrt(eigenvalue_i(S' C2 S)).
    variances, directions = np.linalg.eigh(cov1)
    _refuse_negative("cov1", variances)
    _refuse_negative("cov2", np.linalg.eigvalsh(cov2))
    root = directions * np.sqrt(np.maximum(variances, 0.0))[None, :]
    eigenvalues = np.linalg.eigvalsh(root.T @ cov2 @ root)
    trace_of_root = np.sqrt(np.maximum(eigenvalues, 0.0)).sum()
    return float(difference @ difference + np.trace(cov1) + np.trace(cov2) - 2.0 * trace_of_root)


def _checked(mean_name: str, cov_name: str, mean: np.ndarray, cov: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Float64 copies of one Gaussian's parameters, refused where they are not those of a Gaussian."""
    mean, cov = np.asarray(mean, np.float64), np.asarray(cov, np.float64)
    if mean.ndim != 1 or cov.shape != (len(mean), len(mean)):
        raise UserError(
            f"frechet_distance: {mean_name} of shape {mean.shape} with {cov_name} of shape {cov.shape}; "
            "expected (D,) and (D, D)."
        )
    if not (np.isfinite(mean).all() and np.isfinite(cov).all()):
        raise UserError(f"frechet_distance: {mean_name} or {cov_name} is not finite; look for NaN in the features.")
    scale = np.abs(cov).max(initial=0.0)
    if not np.allclose(cov, cov.T, rtol=0.0, atol=_NEGATIVE_TOLERANCE * scale):
        raise UserError(f"frechet_distance: {cov_name} is not symmetric; pass a covariance matrix.")
    return mean, (cov + cov.T) / 2.0


def _refuse_negative(name: str, eigenvalues: np.ndarray) -> None:
    smallest, largest = eigenvalues.min(initial=0.0), eigenvalues.max(initial=0.0)
    if smallest < -_NEGATIVE_TOLERANCE * largest:
        raise UserError(
            f"frechet_distance: {name} has the negative eigenvalue {smallest:.3g}; pass a covariance matrix."
        )


@dataclasses.dataclass(frozen=True)
class Moments:
    """Mean and covariance of feature vectors, merged chunk by chunk without keeping the features.

    Chunks of any size merge in any order to the moments of all rows at once, in float64:

        moments = Moments.of(first)
        for chunk in rest:
            moments = moments.merge(Moments.of(chunk))

    Attributes:
        count: Number of vectors seen.
        mean: (D,) float64.
        scatter: (D, D) float64, the sum over vectors of (x - mean)(x - mean)'.
    """

    count: int
    mean: np.ndarray
    scatter: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> "Moments":
        """The moments of one chunk of features, (N, D) of any real dtype; N = 0 gives the identity of `merge`."""
        features = np.asarray(features, np.float64)
        if features.ndim != 2:
            raise UserError(f"Moments.of: features of shape {features.shape}; expected (N, D).")
        count, dimension = features.shape
        mean = features.mean(axis=0) if count else np.zeros(dimension)
        centred = features - mean[None, :]
        return cls(count, mean, centred.T @ centred)

    def merge(self, other: "Moments") -> "Moments":
        """The moments of both sets of vectors together (Chan, Golub and LeVeque 1979); neither is changed."""
        if self.mean.shape != other.mean.shape:
            raise UserError(
                f"Moments.merge: features of dimensions {len(self.mean)} and {len(other.mean)} cannot be merged; "
                "take both from the same network and layer."
            )
        count = self.count + other.count
        if count == 0:
            return self
        difference = other.mean - self.mean
        mean = self.mean + difference * (other.count / count)
        between = np.outer(difference, difference) * (self.count * other.count / count)
        return Moments(count, mean, self.scatter + other.scatter + between)

    @property
    def covariance(self) -> np.ndarray:
        """The unbiased covariance, (D, D) float64, divided by count - 1 as `np.cov` does.

        Warns when count <= D: the matrix is then singular and a Frechet distance from it is far too large.

        Raises:
            UserError: For fewer than two vectors.
        """
        if self.count < 2:
            raise UserError(f"Moments: a covariance needs at least 2 feature vectors and {self.count} came.")
        if self.count <= len(self.mean):
            warnings.warn(
                f"the covariance of {self.count} vectors of dimension {len(self.mean)} is singular and a Frechet "
                "distance from it is not comparable; use more samples than dimensions.",
                stacklevel=2,
            )
        return self.scatter / (self.count - 1)

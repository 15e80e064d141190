"""The kernel distance (KID): an unbiased estimate of a squared maximum mean discrepancy.

Bińkowski, Sutherland, Arbel and Gretton 2018, "Demystifying MMD GANs" (arXiv:1801.01401), section 4.
"""

import numpy as np

from jaxgan.errors import UserError


def kernel_distance(
    features1: np.ndarray, features2: np.ndarray, subsets: int = 100, subset_size: int = 1000
) -> tuple[float, float]:
    """Mean and deviation of the squared MMD over random subsets of both sets; KID when the features are Inception's.

    Subsets are drawn without replacement by NumPy's `RandomState(2020)`, as torch-fidelity draws them.

    Args:
        features1: (N, D).
        features2: (M, D).
        subsets: How many.
        subset_size: Vectors of each set in a subset, at most N and M.

    Returns:
        The mean, zero in expectation for equal distributions (and so below zero half of the time), and the deviation
        (divided by the number of subsets) of one subset's value. In float64.

    Raises:
        UserError: Too few vectors, or dimensions that differ.
    """
    if features1.ndim != 2 or features1.shape[1:] != features2.shape[1:]:
        raise UserError(f"kernel distance: features of {features1.shape} and {features2.shape}; take one network's")
    if min(len(features1), len(features2)) < subset_size or subset_size < 2:
        raise UserError(
            f"kernel distance: subsets of {subset_size} images out of {len(features1)} and {len(features2)}; "
            "give more images, or a subset_size from 2 to the smaller of them"
        )
    draw = np.random.RandomState(2020)
    values = np.empty(subsets)
    for index in range(subsets):
        first = features1[draw.choice(len(features1), subset_size, replace=False)]
        second = features2[draw.choice(len(features2), subset_size, replace=False)]
        values[index] = squared_mmd(first, second)
    return float(values.mean()), float(values.std())


def squared_mmd(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate from (M, D) and (N, D) with the cubic kernel k(x, y) = (x . y / D + 1)^3, in float64."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / a.shape[1] + 1.0) ** 3

    def mean_of_pairs(matrix: np.ndarray) -> float:
        count = len(matrix)
        return (matrix.sum() - np.trace(matrix)) / (count * (count - 1))

    # E k(x, x') + E k(y, y') - 2 E k(x, y), an image never paired with itself: Gretton et al. 2012, Eq. 3
    return float(mean_of_pairs(kernel(x, x)) + mean_of_pairs(kernel(y, y)) - 2.0 * kernel(x, y).mean())

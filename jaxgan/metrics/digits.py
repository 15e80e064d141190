"""What the digit classifier says of samples: a Frechet distance in its features, and which digits it reads."""

import jax
import numpy as np

from jaxgan.errors import UserError
from jaxgan.features.digits import digit_features, digit_probabilities, shipped
from jaxgan.metrics.frechet import Moments, frechet_distance


def digit_fd(images: np.ndarray | jax.Array, reference: np.ndarray | jax.Array | None = None) -> float:
    """Frechet distance between images and real digits in the features of `digit_features`; lower is better.

    Args:
        images: As in `digit_features`. The distance falls with their number, as every Frechet distance does: compare
            numbers of equal counts, at best 1,000 or more. A warning says so at 64 images or fewer.
        reference: Images to compare with, another domain's digits for one; None for the 1,438 training digits at 16x16.

    Returns:
        The distance; 100 is the total variance of the training digits. Real digits reach `digit_fd_floor()`.
    """
    moments = Moments.of(digit_features(images))
    if reference is None:
        mean, covariance = shipped().mean, shipped().covariance
    else:
        reference_moments = Moments.of(digit_features(reference))
        mean, covariance = reference_moments.mean, reference_moments.covariance
    return frechet_distance(moments.mean, moments.covariance, mean, covariance)


def digit_fd_floor() -> float:
    """`digit_fd` of the 359 held-out real digits at 16x16: what a perfect generator would score with as many images."""
    return shipped().floor


def class_accuracy(images: np.ndarray | jax.Array, labels: np.ndarray | jax.Array) -> float:
    """Share of images that the classifier reads as the digit asked for.

    Args:
        images: As in `digit_features`.
        labels: (N,) integers 0 to 9.

    Returns:
        The share, in [0, 1]; chance is 0.1.

    Raises:
        UserError: When there is not one label for each image.
    """
    labels = np.asarray(labels)
    if labels.shape != (len(images),) or not len(labels):
        raise UserError(
            f"class_accuracy: labels of shape {labels.shape} for {len(images)} images; give one digit for each image."
        )
    return float(np.mean(digit_probabilities(images).argmax(axis=1) == labels))


def classes_present(images: np.ndarray | jax.Array) -> list[int]:
    """The digits that at least 1 % of the images are read as, in order; that is a tenth of an equal share.

    Args:
        images: As in `digit_features`, N >= 1. Take 500 or more, for below 100 one misread image makes a digit present.
    """
    counts = np.bincount(digit_probabilities(images).argmax(axis=1), minlength=10)
    return [digit for digit in range(10) if 0 < counts[digit] >= 0.01 * len(images)]

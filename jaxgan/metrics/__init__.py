"""How good samples are: Frechet distances, a digit classifier with its weights, and coverage of toy densities."""

from jaxgan.metrics.digits import (
    class_accuracy,
    classes_present,
    digit_fd,
    digit_fd_floor,
    digit_features,
    digit_probabilities,
)
from jaxgan.metrics.frechet import Moments, frechet_distance
from jaxgan.metrics.modes import ModeCoverage, mode_coverage, wasserstein_1d

__all__ = [
    "ModeCoverage",
    "Moments",
    "class_accuracy",
    "classes_present",
    "digit_fd",
    "digit_fd_floor",
    "digit_features",
    "digit_probabilities",
    "frechet_distance",
    "mode_coverage",
    "wasserstein_1d",
]

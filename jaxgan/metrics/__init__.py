"""How good samples are: Frechet distances, a digit classifier with its weights, and coverage of known modes."""

from jaxgan.metrics.attention import attention_reach
from jaxgan.metrics.digits import (
    class_accuracy,
    classes_present,
    digit_fd,
    digit_fd_floor,
)
from jaxgan.metrics.frechet import Moments, frechet_distance
from jaxgan.metrics.modes import (
    ModeCoverage,
    effective_modes,
    kl_from_uniform,
    mode_coverage,
    stacked_digit_counts,
    wasserstein_1d,
)
from jaxgan.metrics.strokes import stroke_properties

__all__ = [
    "ModeCoverage",
    "Moments",
    "attention_reach",
    "class_accuracy",
    "classes_present",
    "digit_fd",
    "digit_fd_floor",
    "effective_modes",
    "frechet_distance",
    "kl_from_uniform",
    "mode_coverage",
    "stacked_digit_counts",
    "stroke_properties",
    "wasserstein_1d",
]

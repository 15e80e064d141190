"""Losses and penalties: arrays in, scalars out; this package knows no network."""

from jaxgan.losses.adversarial import (
    OBJECTIVES,
    Objective,
    hinge,
    least_squares,
    minimax,
    non_saturating,
    wasserstein,
)
from jaxgan.losses.penalties import gradient_penalty, interpolate, l1, l2

__all__ = [
    "OBJECTIVES",
    "Objective",
    "gradient_penalty",
    "hinge",
    "interpolate",
    "l1",
    "l2",
    "least_squares",
    "minimax",
    "non_saturating",
    "wasserstein",
]

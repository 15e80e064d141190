"""Losses and penalties: arrays in, scalars out; this package knows no network."""

from jaxgan.losses import equilibrium, information, matching_aware, semi_supervised
from jaxgan.losses.adversarial import Objective, hinge, least_squares, minimax, non_saturating, wasserstein
from jaxgan.losses.energy import energy, pulling_away
from jaxgan.losses.f_divergences import DIVERGENCES, Divergence, f_divergence, make_divergence
from jaxgan.losses.matching import feature_matching, neighbours, only_best, total_variation
from jaxgan.losses.objectives import OBJECTIVES, make_objective
from jaxgan.losses.penalties import (
    dragan_points,
    drift,
    gradient_penalty,
    interpolate,
    l1,
    l2,
    penalty_points,
    zero_centered_penalty,
)
from jaxgan.losses.relativistic import relativistic
from jaxgan.losses.variational import bernoulli_cost, normal_cost, normal_kl

__all__ = [
    "DIVERGENCES",
    "OBJECTIVES",
    "Divergence",
    "Objective",
    "bernoulli_cost",
    "dragan_points",
    "drift",
    "energy",
    "equilibrium",
    "f_divergence",
    "feature_matching",
    "gradient_penalty",
    "hinge",
    "information",
    "interpolate",
    "l1",
    "l2",
    "least_squares",
    "make_divergence",
    "make_objective",
    "matching_aware",
    "minimax",
    "neighbours",
    "non_saturating",
    "normal_cost",
    "normal_kl",
    "only_best",
    "penalty_points",
    "pulling_away",
    "relativistic",
    "semi_supervised",
    "total_variation",
    "wasserstein",
    "zero_centered_penalty",
]

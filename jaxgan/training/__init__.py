"""Training: the loop, checkpoints, records, evaluation and pictures."""

from jaxgan.training.broken import NonFiniteError
from jaxgan.training.ensemble import train_ensemble
from jaxgan.training.loop import train
from jaxgan.training.plan import plan_without_data
from jaxgan.training.summary import summarize

__all__ = ["NonFiniteError", "plan_without_data", "summarize", "train", "train_ensemble"]

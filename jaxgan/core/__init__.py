"""What a game is and how it is played; this package knows no particular GAN."""

from jaxgan.core import averaging, constraints, image_pool, regularizers, schedules
from jaxgan.core.game import Game
from jaxgan.core.latents import Latent, uniform_labels
from jaxgan.core.nets import Net, Nets, View, merge_statistics
from jaxgan.core.state import Clock, Memory, PlayerState, State
from jaxgan.core.turns import Aux, Batch, Loss, Metrics, Player, Round, Stage, Turn

__all__ = [
    "Aux",
    "Batch",
    "Clock",
    "Game",
    "Latent",
    "Loss",
    "Memory",
    "Metrics",
    "Net",
    "Nets",
    "Player",
    "PlayerState",
    "Round",
    "Stage",
    "State",
    "Turn",
    "View",
    "averaging",
    "constraints",
    "image_pool",
    "merge_statistics",
    "regularizers",
    "schedules",
    "uniform_labels",
]

"""What a game is and how it is played; this package knows no particular GAN."""

from jaxgan.core import averaging, constraints, image_pool, regularizers, schedules
from jaxgan.core.abilities import Ability, Argument
from jaxgan.core.arrays import Arrays, ArraySpec
from jaxgan.core.game import Game
from jaxgan.core.latents import Latent, uniform_labels
from jaxgan.core.nets import Net, Nets, merge_statistics
from jaxgan.core.players import Cast, Player, Players
from jaxgan.core.state import Clock, Memory, PlayerState, State, rolled_back
from jaxgan.core.turns import Aux, Batch, Due, Loss, Metrics, Stage, Turn
from jaxgan.core.views import View, chain_views

__all__ = [
    "Ability",
    "Argument",
    "ArraySpec",
    "Arrays",
    "Aux",
    "Batch",
    "Cast",
    "Clock",
    "Due",
    "Game",
    "Latent",
    "Loss",
    "Memory",
    "Metrics",
    "Net",
    "Nets",
    "Player",
    "PlayerState",
    "Players",
    "Stage",
    "State",
    "Turn",
    "View",
    "averaging",
    "chain_views",
    "constraints",
    "image_pool",
    "merge_statistics",
    "regularizers",
    "rolled_back",
    "schedules",
    "uniform_labels",
]

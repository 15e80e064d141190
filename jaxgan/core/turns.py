"""The words a game is written in: players, turns, stages, and the round that a step plays."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

import flax.linen as nn
import jax
import optax

from jaxgan.core.averaging import Averaging
from jaxgan.core.constraints import Constraint, unconstrained
from jaxgan.core.nets import Nets, View
from jaxgan.core.schedules import Schedule
from jaxgan.core.state import Memory

Batch = Mapping[str, jax.Array]
Metrics = dict[str, jax.Array]


class Aux(NamedTuple):
    """What a loss returns beside its value: scalars to log, and the game's new memory (None: unchanged)."""

    metrics: Mapping[str, jax.Array] | None = None
    memory: Memory = None


Loss = Callable[[Nets, Batch, Memory, jax.Array], tuple[jax.Array, Aux]]


@dataclasses.dataclass(frozen=True)
class Player:
    """A network that owns parameters and an optimiser.

    Attributes:
        network: A Flax module.
        optimizer: An optax transformation.
        constraint: What its weights must obey.
        average: Rule of the moving average of its parameters that samples are drawn from; None keeps no average.
        schedule: Factor on its updates, by the game's clock; None keeps the optimiser's own rate.
        view: What its network is shown in a turn instead of its first argument (augmentations, instance noise); None
            shows things as they are. What a trained player is shown (`game.nets`, `game.sample`) it always sees bare.
    """

    network: nn.Module
    optimizer: optax.GradientTransformation
    constraint: Constraint = dataclasses.field(default_factory=unconstrained)
    average: Averaging | None = None
    schedule: Schedule | None = None
    view: View | None = None


@dataclasses.dataclass(frozen=True)
class Turn:
    """A loss, and the players that move on it.

    Attributes:
        name: The turn's name, under which its metrics are logged ("critic/loss").
        loss: (nets, batch, memory, key) -> (scalar, Aux); pure.
        players: Names of the players that move; by default the one with the turn's name.
        every: The turn is played at steps that are a multiple of this.
        repeats: How many times in a row it is played in a step, each on the next minibatch (n_critic).
        lazy: The loss is a regulariser: it is multiplied by `every`, so that playing it less often does not weaken it
            (StyleGAN2, Karras et al. 2019, arXiv:1912.04958, appendix B).
        randomness: Turns with the same word here draw the same numbers; by default the turn's name. DCGAN's generator so
            meets the very fakes that its discriminator met, and the compiler runs the generator once for both.
    """

    name: str
    loss: Loss
    players: tuple[str, ...] = ()
    every: int = 1
    repeats: int = 1
    lazy: bool = False
    randomness: str = ""

    def __post_init__(self) -> None:
        if self.every < 1 or self.repeats < 1:
            raise ValueError(f"turn {self.name!r}: every={self.every} and repeats={self.repeats} must be at least 1")
        object.__setattr__(self, "players", self.players or (self.name,))
        object.__setattr__(self, "randomness", self.randomness or self.name)


@dataclasses.dataclass(frozen=True)
class Stage:
    """A list of turns, and when it is over. A game may subclass it with settings that its losses read (`nets.stage`).

    Attributes:
        turns: The turns of one step, in order.
        name: For the log.
        until_step: The stage is over when the game has played this many steps in all; None: no such end.
        until_images: The stage is over when the game has consumed this many real images in all; None: no such end.
        reset_optimizers: The optimisers start anew with this stage (ProGAN).
        batch_size: Images in a minibatch; None: the run's own.
    """

    turns: tuple[Turn, ...]
    name: str = "training"
    until_step: int | None = None
    until_images: int | None = None
    reset_optimizers: bool = False
    batch_size: int | None = None

    def over(self, step: int, images: int) -> bool:
        """Whether the stage has ended, by the host's own counters."""
        return (self.until_step is not None and step >= self.until_step) or (
            self.until_images is not None and images >= self.until_images
        )


class Round(NamedTuple):
    """What a step plays, a static argument of the compiled step: the stage's index and the names of the turns due."""

    stage: int
    turns: tuple[str, ...]

"""The words a game is written in: turns, stages, and what of them is due at a step."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax

from jaxgan.core.nets import Nets
from jaxgan.core.state import Memory
from jaxgan.errors import UserError

Batch = Mapping[str, jax.Array]
Metrics = dict[str, jax.Array]


class Aux(NamedTuple):
    """What a loss returns beside its value.

    Attributes:
        metrics: Scalars to log.
        memory: The game's new memory; None: unchanged.
        scores: For players by name, how they judged the reals of the minibatch (B, ...): what their views adapt by (ADA).
    """

    metrics: Mapping[str, jax.Array] | None = None
    memory: Memory = None
    scores: Mapping[str, jax.Array] | None = None


Loss = Callable[[Nets, Batch, Memory, jax.Array], tuple[jax.Array, Aux]]


@dataclasses.dataclass(frozen=True)
class Turn:
    """A loss, and the players that move on it.

    Attributes:
        name: The turn's name, under which its metrics are logged ("discriminator/loss").
        loss: (nets, batch, memory, key) -> (scalar, Aux); pure.
        players: Names of the players that move; None: the one with the turn's name. () moves nobody: a turn that only
            remembers.
        every: The turn is played once in so many steps.
        phase: At which of them, from 0 to `every - 1`: at step 0 and its multiples by default, at the last by `every - 1`.
        repeats: How many times in a row it is played in a step, each on the next minibatch.
        lazy: The loss is a regulariser: it is multiplied by how often its players' own turn is played for each time that it
            is, so that playing it less often does not weaken it (StyleGAN2, Karras et al. 2019, arXiv:1912.04958, appendix
            B): by `every`, and by the own turn's `repeats`. See `Stage.strength`.
        randomness: Turns with the same word here draw the same numbers; by default the turn's name. DCGAN's generator so
            meets the very fakes that its discriminator met, and the compiler runs the generator once for both.
        fresh: The turn takes minibatches of its own; otherwise turns share them.
        together: The turn sees the players as they were before the turn in front of it: both move at once.
    """

    name: str
    loss: Loss
    players: tuple[str, ...] = None  # type: ignore[assignment]  # the default is filled in
    every: int = 1
    phase: int = 0
    repeats: int = 1
    lazy: bool = False
    randomness: str = ""
    fresh: bool = False
    together: bool = False

    def __post_init__(self) -> None:
        if self.every < 1 or self.repeats < 1:
            raise UserError(f"turn {self.name!r}: every={self.every} and repeats={self.repeats} must be at least 1")
        if not 0 <= self.phase < self.every:
            raise UserError(
                f"turn {self.name!r}: phase={self.phase} must lie in 0 to every - 1, which is {self.every - 1}"
            )
        if self.together and self.repeats > 1:
            raise UserError(
                f"turn {self.name!r}: together with the one before it, it can be played once, not {self.repeats}"
            )
        object.__setattr__(self, "players", (self.name,) if self.players is None else self.players)
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

    def strength(self, turn: Turn) -> float:
        """By what a turn's loss is multiplied: 1, or for a lazy one how often its players' own turn is played for each of it.

        Their own is the first turn that is not lazy and moves one of them; without one, steps count.
        """
        if not turn.lazy:
            return 1
        own = next((each for each in self.turns if not each.lazy and set(each.players) & set(turn.players)), None)
        plays = turn.repeats if own is None else own.repeats / own.every
        return plays * turn.every / turn.repeats

    def minibatches(self, turns: tuple[str, ...]) -> dict[str, int]:
        """For each of these turns, the index of its first minibatch; and under "" how many a step takes in all."""
        due = [turn for turn in self.turns if turn.name in turns]
        first, count = {}, max((turn.repeats for turn in due if not turn.fresh), default=0)
        for turn in due:
            first[turn.name] = count if turn.fresh else 0
            count += turn.repeats if turn.fresh else 0
        return first | {"": max(1, count)}


class Due(NamedTuple):
    """What a step plays, a static argument of the compiled step: the stage's index and the names of its turns."""

    stage: int
    turns: tuple[str, ...]

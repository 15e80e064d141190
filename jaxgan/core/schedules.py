"""Learning-rate schedules: factors on a player's updates, as functions of the game's clock.

They count the game's steps (or images), not one optimiser's: a critic that moves five times a step decays with the
generator, and a stage that resets an optimiser does not reset its schedule.

A duration of at most 1 is a share of the run's length, so that a shorter run keeps the schedule's form; above 1 it is a
number of steps, or of images where `unit="images"`.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.core.state import Clock
from jaxgan.errors import UserError

Schedule = Callable[[Clock], jax.Array]


class Run(NamedTuple):
    """How long a run is; it ends at whichever of its ends comes first.

    Attributes:
        steps: Number of steps; 0: no such end.
        images: Number of real images; 0: no such end.
        batch_size: Images in a minibatch.
    """

    steps: int = 0
    images: int = 0
    batch_size: int = 1

    @property
    def unit(self) -> str:
        """What its first end is counted in: "steps" or "images"."""
        by_steps = self.steps and not 0 < self.images < self.steps * self.batch_size
        return "steps" if by_steps else "images"

    def length(self, unit: str) -> float:
        """Its length in "steps" or in "images"; exact in its own unit, else by way of the batch size."""
        own = self.steps if self.unit == "steps" else self.images
        if unit == self.unit:
            return own
        return own / self.batch_size if unit == "steps" else own * self.batch_size


def is_share(duration: float) -> bool:
    """Whether a duration is a share of the run; 0 is the run's beginning by either reading."""
    return 0 < duration <= 1


def share_of_run(what: str, share: float, unit: str, run: Run | None) -> float:
    """A share of the run, in (0, 1], as a number of "steps" or "images".

    Raises:
        UserError: The run's length is not known; the message begins with `what`.
    """
    if run is None or not (run.steps or run.images):
        raise UserError(
            f"{what}: {share} is a share of the run, whose length is not known: give the run, or a number above 1"
        )
    return share * run.length(unit)


def in_units(
    what: str, durations: tuple[float, ...], unit: str, run: Run | None
) -> list[tuple[tuple[float, ...], str]]:
    """Durations as numbers, and what they count.

    Args:
        what: Whose they are, for errors.
        durations: Shares of the run, in (0, 1], and numbers of `unit`: 0 and all above 1.
        unit: "steps" or "images".
        run: How long the run is; needed for shares alone.

    Returns:
        The numbers and their unit. Where all durations are shares, one such pair for each end that the run has: as many images
        as a step takes, which the game says, decide which of them comes first.

    Raises:
        UserError: Another unit, or a share of a run whose length is not known.
    """
    if unit not in ("steps", "images"):
        raise UserError(f"{what}: unit is {unit!r}, but it must be 'steps' or 'images'")
    if run is not None and any(durations) and all(0 <= duration <= 1 for duration in durations):
        ends = [(end, unit) for end, unit in ((run.steps, "steps"), (run.images, "images")) if end]
        if ends:
            return [(tuple(share * end for share in durations), unit) for end, unit in ends]
    numbers = [share_of_run(what, each, unit, run) if is_share(each) else each for each in durations]
    return [(tuple(numbers), unit)]


def now(clock: Clock, unit: str) -> jax.Array:
    """What the clock shows in "steps" or "images", float32 ()."""
    return (clock.step if unit == "steps" else clock.images).astype(jnp.float32)


def _progress(start: float, stop: float, unit: str, run: Run | None) -> Schedule:
    """Where the clock stands between `start` and `stop`, clipped to [0, 1]."""
    spans = in_units("schedule", (start, stop), unit, run)
    if not all(last > first >= 0 for (first, last), _ in spans):
        raise UserError(f"schedule: it runs from {start} to {stop}, but needs 0 <= start < stop")

    def passed(clock: Clock) -> jax.Array:
        shares = [jnp.clip((now(clock, unit) - first) / (last - first), 0.0, 1.0) for (first, last), unit in spans]
        return functools.reduce(jnp.maximum, shares)

    return passed


def linear_decay(
    stop: float = 1.0, start: float = 0.0, final: float = 0.0, unit: str = "steps", run: Run | None = None
) -> Schedule:
    """1 until `start`, then a straight line down to `final` at `stop` (WGAN-GP, SNGAN: from 0; CycleGAN: from half-way).

    Args:
        stop: When `final` is reached: a share of the run in (0, 1], or a number of `unit` above 1.
        start: When the descent begins, likewise; 0 is the beginning.
        final: The factor at the end.
        unit: "steps" or "images" (real images shown).
        run: How long the run is, for shares.

    Raises:
        UserError: Another unit, `stop` not after `start`, or a share without a run.
    """
    progress = _progress(start, stop, unit, run)
    return lambda clock: 1.0 + (final - 1.0) * progress(clock)


def cosine_decay(
    stop: float = 1.0, start: float = 0.0, final: float = 0.0, unit: str = "steps", run: Run | None = None
) -> Schedule:
    """1 until `start`, then half a cosine down to `final` at `stop`; arguments and errors as in `linear_decay`."""
    progress = _progress(start, stop, unit, run)
    return lambda clock: final + (1.0 - final) * 0.5 * (1.0 + jnp.cos(jnp.pi * progress(clock)))


def cosine_ramp(
    stop: float = 1.0, start: float = 0.0, final: float = 1.0, unit: str = "steps", run: Run | None = None
) -> Schedule:
    """0 until `start`, then half a cosine up to `final` at `stop` (R3GAN's augmentation probability)."""
    progress = _progress(start, stop, unit, run)
    return lambda clock: final * 0.5 * (1.0 - jnp.cos(jnp.pi * progress(clock)))


def gaussian_ramp(
    stop: float = 1.0, start: float = 0.0, steepness: float = 5.0, unit: str = "images", run: Run | None = None
) -> Schedule:
    """exp(-steepness (1 - p)^2), where p goes from 0 at `start` to 1 at `stop`; 1 from there on (ProGAN's first program).

    Arguments and errors as in `linear_decay`; at a steepness of 5 it begins with 0.7 %.
    """
    progress = _progress(start, stop, unit, run)
    return lambda clock: jnp.exp(-steepness * jnp.square(1.0 - progress(clock)))


def exponential_decay(factor: float, floor: float = 0.0, every: int = 1) -> Schedule:
    """1 at the start, multiplied by `factor` after every so many steps, but never below `floor`.

    GAN and LAPGAN: 1 / 1.000004 at each step; BEGAN: halved every 100,000.

    Args:
        factor: In (0, 1].
        floor: The least value.
        every: Steps between two multiplications, at least 1.

    Raises:
        UserError: `factor` or `every` is out of range.
    """
    if not 0 < factor <= 1:
        raise UserError(f"schedule: the factor is {factor}, but it must lie in (0, 1]")
    if every < 1:
        raise UserError(f"schedule: it is multiplied every {every} steps, but that must be at least 1")
    # The logarithm in float64: in float32 1 / 1.000004 is no nearer to 1 than to a tenth of that step.
    logarithm = math.log(factor)
    return lambda clock: jnp.maximum(jnp.exp(clock.step // every * logarithm), floor)


def piecewise(
    starts: tuple[float, ...], factors: tuple[float, ...], unit: str = "images", run: Run | None = None
) -> Schedule:
    """1 at the start, and from each of `starts` on the factor of the same place (StyleGAN, as it grows).

    Args:
        starts: In rising order: shares of the run in (0, 1], or numbers of `unit` above 1.
        factors: As many.
        unit: "steps" or "images".
        run: How long the run is, for shares.

    Raises:
        UserError: Not as many of each, starts that do not rise, another unit, or a share without a run.
    """
    if len(starts) != len(factors) or not starts:
        raise UserError(f"schedule: {len(starts)} starts and {len(factors)} factors: give as many of each")
    ways = in_units("schedule", tuple(starts), unit, run)
    if any(list(places) != sorted(set(places)) for places, _ in ways):
        raise UserError(f"schedule: the starts {tuple(starts)} do not rise")

    def factor(clock: Clock) -> jax.Array:
        passed = [(now(clock, unit) >= jnp.asarray(places)).sum() for places, unit in ways]
        return jnp.asarray((1.0, *factors))[functools.reduce(jnp.maximum, passed)]

    return factor

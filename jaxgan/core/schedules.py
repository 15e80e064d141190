"""Learning-rate schedules: factors on a player's updates, as functions of the game's clock.

They count the game's steps (or images), not one optimiser's: a critic that moves five times a step decays with the
generator, and a stage that resets an optimiser does not reset its schedule.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.core.state import Clock

Schedule = Callable[[Clock], jax.Array]


def _progress(clock: Clock, start: float, stop: float, unit: str) -> jax.Array:
    """Where the clock stands between `start` and `stop`, clipped to [0, 1]."""
    now = clock.step if unit == "steps" else clock.images
    return jnp.clip((now.astype(jnp.float32) - start) / (stop - start), 0.0, 1.0)


def _check(start: float, stop: float, unit: str) -> None:
    if unit not in ("steps", "images"):
        raise ValueError(f"schedule: unit is {unit!r}, but it must be 'steps' or 'images'")
    if not stop > start >= 0:
        raise ValueError(f"schedule: it runs from {start} to {stop}, but needs 0 <= start < stop")


def linear_decay(stop: float, start: float = 0, final: float = 0.0, unit: str = "steps") -> Schedule:
    """1 until `start`, then a straight line down to `final` at `stop` (WGAN-GP, SNGAN: from 0; CycleGAN: from half-way).

    Args:
        stop: When `final` is reached, in `unit`.
        start: When the descent begins.
        final: The factor at the end.
        unit: "steps" or "images" (real images shown).
    """
    _check(start, stop, unit)
    return lambda clock: 1.0 + (final - 1.0) * _progress(clock, start, stop, unit)


def cosine_decay(stop: float, start: float = 0, final: float = 0.0, unit: str = "steps") -> Schedule:
    """1 until `start`, then half a cosine down to `final` at `stop`; arguments as in `linear_decay`."""
    _check(start, stop, unit)
    return lambda clock: final + (1.0 - final) * 0.5 * (1.0 + jnp.cos(jnp.pi * _progress(clock, start, stop, unit)))


def cosine_ramp(stop: float, start: float = 0, final: float = 1.0, unit: str = "steps") -> Schedule:
    """0 until `start`, then half a cosine up to `final` at `stop` (R3GAN's augmentation probability)."""
    _check(start, stop, unit)
    return lambda clock: final * 0.5 * (1.0 - jnp.cos(jnp.pi * _progress(clock, start, stop, unit)))


def exponential_decay(factor: float, floor: float = 0.0) -> Schedule:
    """1 at the start, multiplied by `factor` at each step, but never below `floor` (GAN, LAPGAN: 1 / 1.000004)."""
    if not 0 < factor <= 1:
        raise ValueError(f"schedule: the factor of each step is {factor}, but it must lie in (0, 1]")
    return lambda clock: jnp.maximum(jnp.exp(clock.step * jnp.log(factor)), floor)

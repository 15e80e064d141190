"""Moving averages of a player's parameters: each function here returns a rule from the clock to a decay.

A step ends with `average = decay * average + (1 - decay) * params` for every player that moved and keeps an average.
Durations are as in `jaxgan.core.schedules`: a value of at most 1 is a share of the run's length.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.core.schedules import Run, cosine_ramp, in_units, now
from jaxgan.core.state import Clock
from jaxgan.errors import UserError

Averaging = Callable[[Clock], jax.Array]


def exponential(decay: float, start: float = 0.0, run: Run | None = None) -> Averaging:
    """A constant decay; until `start` the average is a copy of the parameters.

    BigGAN (Brock et al. 2018, arXiv:1809.11096, appendix C) uses 0.9999, and its code starts after 20,000 steps.

    Args:
        decay: Share of the old average that a step keeps, in [0, 1).
        start: How long the average just follows the parameters: a share of the run in (0, 1], or a number of steps above 1.
        run: How long the run is, for a share.

    Raises:
        UserError: `decay` is out of range, or a share without a run.
    """
    if not 0 <= decay < 1:
        raise UserError(f"exponential average: decay is {decay}, but it must lie in [0, 1)")
    ways = in_units("exponential average", (start,), "steps", run)

    def kept(clock: Clock) -> jax.Array:
        begun = [now(clock, unit) >= first for (first,), unit in ways]
        return jnp.where(functools.reduce(jnp.logical_or, begun), decay, 0.0)

    return kept


def half_life(
    images: float, ramp_up: float | None = None, ramp_images: float | None = None, run: Run | None = None
) -> Averaging:
    """A decay that forgets half of the past every `images` real images, whatever the batch size.

    decay = 0.5 ** (images in a step / half-life), as in ProGAN and its successors (Karras et al. 2017-2020).

    Args:
        images: The half-life, in real images shown; above 0.
        ramp_up: If given, the half-life is at most `ramp_up` times the images shown so far (StyleGAN2-ADA uses 0.05), so
            that a young average does not cling to the untrained network.
        ramp_images: If given, the half-life rises from 0 along half a cosine for so long (R3GAN): a share of the run in
            (0, 1], or a number of images above 1.
        run: How long the run is, for a share.

    Raises:
        UserError: A half-life of 0 or less, or a share without a run.
    """
    grown = None if ramp_images is None else cosine_ramp(ramp_images, final=images, unit="images", run=run)
    if images <= 0:
        raise UserError(f"moving average: a half-life of {images} images must be positive")

    def decay(clock: Clock) -> jax.Array:
        life = jnp.float32(images) if grown is None else grown(clock)
        if ramp_up is not None:
            life = jnp.minimum(life, ramp_up * clock.images.astype(jnp.float32))
        return 0.5 ** (clock.step_images / jnp.maximum(life, 1e-8))

    return decay


def update(average: jax.Array, params: jax.Array, decay: jax.Array) -> jax.Array:
    """One leaf of the moving average: decay * average + (1 - decay) * params."""
    return average + (1 - decay) * (params - average)

"""Noise on a discriminator's inputs, real and generated alike."""

from typing import Any

import jax

from jaxgan.core import Clock, View
from jaxgan.core.schedules import Schedule
from jaxgan.errors import UserError
from jaxgan.mesh import shard_batch


def instance_noise(deviation: float, schedule: Schedule | None = None) -> View:
    """Adds N(0, (deviation * schedule)^2) to every entry, so that reals and fakes overlap, less and less as time goes by.

    Each image of a call, such as D(x, y)'s two, has noise of its own.

    Sonderby et al. 2016 (arXiv:1610.04490), section 3; Arjovsky and Bottou 2017 (arXiv:1701.04862), section 3.

    Args:
        deviation: Standard deviation at the start, in the units of the data (images are in [-1, 1]).
        schedule: Factor on it by the game's clock, such as `schedules.linear_decay(10_000)`; None: constant.

    Returns:
        A view of float arrays of any shape whose first axis is the batch: images (B, H, W, C) or points (B, D).

    Raises:
        UserError: The deviation is negative.
    """
    if deviation < 0:
        raise UserError(f"instance noise: the deviation is {deviation}, but it must be at least 0")

    def apply(key: jax.Array, images: jax.Array, clock: Clock, state: Any, index: int = 0) -> jax.Array:
        key = jax.random.fold_in(key, index) if index else key
        # Drawn flat: a draw of many axes takes XLA:CPU seconds to compile.
        noise = shard_batch(jax.random.normal(key, (len(images), images[0].size))).reshape(images.shape)
        scale = deviation if schedule is None else deviation * schedule(clock)
        return images + (scale * noise).astype(images.dtype)

    return View(apply, further=apply)

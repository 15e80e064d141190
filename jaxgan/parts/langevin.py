"""Langevin dynamics: images that a discriminator's gradient makes of noise."""

import dataclasses
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.errors import UserError
from jaxgan.mesh import shard_batch


@dataclasses.dataclass(frozen=True)
class Langevin:
    """x <- clip(x + step_size grad D(x) + noise epsilon, -1, 1), epsilon ~ N(0, I).

    "Implicit Generation and Generalization in Energy-Based Models", Du and Mordatch 2019 (arXiv:1903.08689), Eq. 1, where D is
    the negative energy. There, as here, the noise is far smaller than the theory's sqrt(2 step_size).

    Attributes:
        step_size: Above 0.
        noise: Deviation of the noise of each step, at least 0.
        limit: Each entry of the gradient is clipped to [-limit, limit].
    """

    step_size: float
    noise: float
    limit: float

    def __post_init__(self) -> None:
        if self.step_size <= 0 or self.noise < 0 or self.limit <= 0:
            raise UserError(
                f"Langevin steps of step_size={self.step_size:g}, noise={self.noise:g} and gradient_limit={self.limit:g}: the "
                "first and the last must be above 0, the noise at least 0"
            )

    def step(self, score: Callable[[jax.Array], jax.Array], key: jax.Array, x: jax.Array) -> jax.Array:
        """A step.

        Args:
            score: D, images (B, ...) -> (B,).
            key: PRNG key of this step.
            x: float32 (B, ...) in [-1, 1].
        """
        slope = jnp.clip(jax.grad(lambda x: score(x).sum())(x), -self.limit, self.limit)
        noise = shard_batch(jax.random.normal(key, (len(x), math.prod(x.shape[1:]))).reshape(x.shape))
        # No gradient passes by the chain: what the discriminator learns from is where it ends.
        return jax.lax.stop_gradient(jnp.clip(x + self.step_size * slope + self.noise * noise, -1.0, 1.0))

    def chain(self, score: Callable[[jax.Array], jax.Array], key: jax.Array, x: jax.Array, steps: int) -> jax.Array:
        """So many steps, in a compiled loop."""
        one = lambda index, x: self.step(score, jax.random.fold_in(key, index), x)  # noqa: E731
        return jax.lax.fori_loop(0, steps, one, x)


def uniform_images(key: jax.Array, number: int, shape: tuple[int, ...]) -> jax.Array:
    """Where chains begin: float32 (number, *shape), every entry from U(-1, 1)."""
    flat = jax.random.uniform(key, (number, math.prod(shape)), minval=-1.0, maxval=1.0)
    return shard_batch(flat.reshape(number, *shape))

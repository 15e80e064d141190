"""What a generator is fed: random vectors, drawn inside the step and cut among the devices like any batch."""

import dataclasses
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.errors import UserError
from jaxgan.mesh import shard_batch


def _normal(key: jax.Array, shape: tuple[int, int], truncation: float | None) -> jax.Array:
    if truncation is None:
        return jax.random.normal(key, shape)
    # Drawing again until it fits is drawing from the normal density cut off at the threshold.
    return jax.random.truncated_normal(key, -truncation, truncation, shape)


def _uniform(key: jax.Array, shape: tuple[int, int], truncation: float | None) -> jax.Array:
    return jax.random.uniform(key, shape, minval=-1.0, maxval=1.0) * (1.0 if truncation is None else truncation)


def _unit_uniform(key: jax.Array, shape: tuple[int, int], truncation: float | None) -> jax.Array:
    return math.sqrt(3.0) * _uniform(key, shape, truncation)


def _bernoulli(key: jax.Array, shape: tuple[int, int], truncation: float | None) -> jax.Array:
    _cannot_be_truncated("bernoulli", truncation)
    return jax.random.bernoulli(key, 0.5, shape).astype(jnp.float32)


def _censored_normal(key: jax.Array, shape: tuple[int, int], truncation: float | None) -> jax.Array:
    return jax.nn.relu(_normal(key, shape, truncation))


def _sphere(key: jax.Array, shape: tuple[int, int], truncation: float | None) -> jax.Array:
    _cannot_be_truncated("sphere", truncation)
    z = jax.random.normal(key, shape)
    return z * jnp.sqrt(shape[1]) / jnp.linalg.norm(z, axis=1, keepdims=True)


def _cannot_be_truncated(distribution: str, truncation: float | None) -> None:
    if truncation is not None:
        raise UserError(f"a {distribution} latent has no tails to cut off: leave out truncation")


_DISTRIBUTIONS: dict[str, Callable[[jax.Array, tuple[int, int], float | None], jax.Array]] = {
    "normal": _normal,
    "uniform": _uniform,
    "unit_uniform": _unit_uniform,
    "bernoulli": _bernoulli,
    "censored_normal": _censored_normal,
    "sphere": _sphere,
}


@dataclasses.dataclass(frozen=True)
class Latent:
    """A distribution of latent vectors.

    BigGAN's authors tried most of them (Brock et al. 2018, arXiv:1809.11096, appendix E).

    Attributes:
        size: Length of one vector.
        distribution: Of each component: "normal", N(0, 1); "uniform", U(-1, 1) (DCGAN); "unit_uniform", the same
            with variance 1 (the first GAN's program); "bernoulli", 0 or 1; "censored_normal",
            max(N(0, 1), 0); or of the whole: "sphere", uniform on the one of radius sqrt(size).
    """

    size: int
    distribution: str = "normal"

    def __post_init__(self) -> None:
        if self.size < 1:
            raise UserError(f"latent_size={self.size}, but a latent has at least 1 component")
        if self.distribution not in _DISTRIBUTIONS:
            raise UserError(
                f"latent distribution {self.distribution!r} is unknown: choose one of {', '.join(_DISTRIBUTIONS)}"
            )

    def __call__(self, key: jax.Array, number: int, truncation: float | None = None) -> jax.Array:
        """Draws `number` vectors, float32 (number, size).

        Args:
            key: PRNG key.
            number: How many.
            truncation: If given, components of a normal latent beyond it in absolute value are drawn again (the
                truncation trick, Brock et al. 2018, arXiv:1809.11096, section 3.1); a uniform latent is scaled by it.

        Raises:
            UserError: Truncation of a distribution without tails.
        """
        return shard_batch(_DISTRIBUTIONS[self.distribution](key, (number, self.size), truncation))

    def example(self) -> jax.Array:
        """One vector of zeros, (1, size), to initialise a network with."""
        return jnp.zeros((1, self.size))


def uniform_labels(key: jax.Array, number: int, num_classes: int) -> jax.Array:
    """Draws class labels, int32 (number,), each class equally likely."""
    return shard_batch(jax.random.randint(key, (number,), 0, num_classes, jnp.int32))

"""What a generator is fed: random vectors, drawn inside the step and cut among the devices like any batch."""

import dataclasses

import jax
import jax.numpy as jnp

from jaxgan.core.parallel import shard_batch


@dataclasses.dataclass(frozen=True)
class Latent:
    """A distribution of latent vectors.

    Attributes:
        size: Length of one vector.
        distribution: "normal", N(0, 1) in each component, or "uniform", U(-1, 1) (DCGAN).
    """

    size: int
    distribution: str = "normal"

    def __post_init__(self) -> None:
        if self.distribution not in ("normal", "uniform"):
            raise ValueError(f"latent distribution {self.distribution!r} is unknown: choose 'normal' or 'uniform'")

    def __call__(self, key: jax.Array, number: int, truncation: float | None = None) -> jax.Array:
        """Draws `number` vectors, float32 (number, size).

        Args:
            key: PRNG key.
            number: How many.
            truncation: If given, components of a normal latent beyond it in absolute value are drawn again (the
                truncation trick, Brock et al. 2018, arXiv:1809.11096, section 3.1); a uniform latent is scaled by it.
        """
        shape = (number, self.size)
        if self.distribution == "uniform":
            z = jax.random.uniform(key, shape, minval=-1.0, maxval=1.0) * (1.0 if truncation is None else truncation)
        elif truncation is None:
            z = jax.random.normal(key, shape)
        else:
            # Drawing again until it fits is drawing from the normal density cut off at the threshold.
            z = jax.random.truncated_normal(key, -truncation, truncation, shape)
        return shard_batch(z)

    def example(self) -> jax.Array:
        """One vector of zeros, (1, size), to initialise a network with."""
        return jnp.zeros((1, self.size))


def uniform_labels(key: jax.Array, number: int, num_classes: int) -> jax.Array:
    """Draws class labels, int32 (number,), each class equally likely."""
    return shard_batch(jax.random.randint(key, (number,), 0, num_classes, jnp.int32))

"""Latents of which a part means something: categorical and continuous codes behind the noise."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Latent, uniform_labels
from jaxgan.errors import UserError
from jaxgan.mesh import shard_batch


@dataclasses.dataclass(frozen=True)
class CodedLatent(Latent):
    """Noise, then one-hot vectors, one for each categorical code, then continuous codes from U(-1, 1).

    Attributes:
        size: Components of the noise.
        distribution: As in `Latent`.
        categorical: How many categorical codes there are.
        categories: Of each of them, all equally likely.
        continuous: How many continuous codes there are.
    """

    categorical: int = 1
    categories: int = 10
    continuous: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.categorical, self.continuous) < 0 or not self.categorical + self.continuous:
            raise UserError(
                f"categorical={self.categorical} and continuous={self.continuous} codes: there must be some"
            )
        if self.categorical and self.categories < 2:
            raise UserError(f"categories={self.categories}, but a categorical code has at least 2")

    @property
    def names(self) -> tuple[str, ...]:
        """Of the continuous codes: "continuous_0", "continuous_1", ..."""
        return tuple(f"continuous_{index}" for index in range(self.continuous))

    def __call__(self, key: jax.Array, number: int, truncation: float | None = None) -> jax.Array:
        """Draws `number` vectors, float32 (number, noise and codes); a truncation is of the noise alone."""
        noise = super().__call__(key, number, truncation)
        category = uniform_labels(jax.random.fold_in(key, 1), number * self.categorical, self.categories)
        one_hot = jax.nn.one_hot(category.reshape(number, self.categorical), self.categories).reshape(number, -1)
        code = jax.random.uniform(jax.random.fold_in(key, 2), (number, self.continuous), minval=-1.0, maxval=1.0)
        return jnp.concatenate([noise, shard_batch(one_hot), shard_batch(code)], axis=1)

    def example(self) -> jax.Array:
        """One vector of zeros, to initialise a network with."""
        return jnp.zeros((1, self.size + self.categorical * self.categories + self.continuous))

    def category(self, latents: jax.Array) -> jax.Array:
        """The categories of latents (B, ...), int32 (B, categorical)."""
        end = self.size + self.categorical * self.categories
        return self.logits(latents[:, self.size : end]).argmax(-1).astype(jnp.int32)

    def code(self, latents: jax.Array) -> jax.Array:
        """The continuous codes of latents, float32 (B, continuous)."""
        return latents[:, self.size + self.categorical * self.categories :]

    def logits(self, flat: jax.Array) -> jax.Array:
        """The first categorical * categories components of vectors (B, ...) as (B, categorical, categories)."""
        return flat[:, : self.categorical * self.categories].reshape(-1, self.categorical, self.categories)

    def with_code(self, latents: jax.Array, name: str, value: Any) -> jax.Array:
        """The same latents (B, ...) with another value of a continuous code: one of `names`, and a number, or (B,)."""
        at = self.size + self.categorical * self.categories + self.names.index(name)
        return latents.at[:, at].set(value)

    def with_category(self, latents: jax.Array, category: jax.Array) -> jax.Array:
        """The same latents (B, ...) with other categories of the first categorical code, int (B,)."""
        one_hot = jax.nn.one_hot(category, self.categories)
        return latents.at[:, self.size : self.size + self.categories].set(one_hot)

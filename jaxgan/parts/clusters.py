"""K-means by minibatches: "Web-Scale K-Means Clustering", Sculley 2010, Algorithm 1; pure functions of features and centres."""

import jax
import jax.numpy as jnp


def squared_distances(features: jax.Array, centres: jax.Array) -> jax.Array:
    """|| f - c ||^2, float32 (B, K), of features (B, F) and centres (K, F)."""
    return jnp.square(features[:, None].astype(jnp.float32) - centres[None]).sum(-1)


def nearest(features: jax.Array, centres: jax.Array) -> jax.Array:
    """The nearest centre of each of the features, int32 (B,)."""
    return squared_distances(features, centres).argmin(-1).astype(jnp.int32)


def first_centres(key: jax.Array, features: jax.Array, number: int) -> jax.Array:
    """Centres to begin with, (number, F): features far from each other.

    K-means++ (Arthur and Vassilvitskii 2007): the first is drawn evenly, each other one with a probability proportional to its
    squared distance from the nearest of those before it.

    Args:
        key: PRNG key.
        features: (B, F).
        number: How many centres.
    """
    keys = jax.random.split(key, number)
    features = features.astype(jnp.float32)
    centres = jnp.zeros((number, features.shape[1])).at[0].set(jax.random.choice(keys[0], features))

    def draw(index: int, centres: jax.Array) -> jax.Array:
        distance = squared_distances(features, centres)
        distance = jnp.where(jnp.arange(number) < index, distance, jnp.inf).min(-1)
        # Where all features lie on centres the logits are equally low, and the draw is even.
        chosen = jax.random.categorical(keys[index], jnp.log(jnp.maximum(distance, 1e-30)))
        return centres.at[index].set(features[chosen])

    return jax.lax.fori_loop(1, number, draw, centres)


def moved_centres(centres: jax.Array, counts: jax.Array, features: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The centres after a minibatch: each is the mean of all the features that were ever assigned to it.

    Args:
        centres: (K, F).
        counts: How many features each has had so far, float32 (K,).
        features: (B, F).

    Returns:
        The new centres and counts; a centre that is the nearest of none stays where it is.
    """
    own = jax.nn.one_hot(nearest(features, centres), len(centres))
    new = own.sum(0)
    total = counts + new
    # c + sum over its features of (f - c) / total
    step = own.T @ features.astype(jnp.float32) - new[:, None] * centres
    return centres + step / jnp.maximum(total, 1)[:, None], total

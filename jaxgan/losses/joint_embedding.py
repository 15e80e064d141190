"""The loss that brings pictures and the captions that tell of them together."""

import jax
import jax.numpy as jnp

from jaxgan.losses.adversarial import as_float32


def structured_joint_embedding(
    images: jax.Array, texts: jax.Array, different: jax.Array, margin: float = 1.0
) -> tuple[jax.Array, jax.Array]:
    """How far pictures and captions are from knowing each other by their inner products F(v, t); float32 () each.

    mean over i != j of max(0, margin + F(v_i, t_j) - F(v_i, t_i)) + max(0, margin + F(v_j, t_i) - F(v_i, t_i)): Reed et al.
    2016 (arXiv:1605.05395), section 3, Eq. 4 and 5, with the other entries of the minibatch in the place of the other classes,
    and all of them in the place of the worst.

    Args:
        images: Embeddings v of pictures, (B, D).
        texts: Embeddings t of a caption of each, (B, D).
        different: bool (B, B), whether caption j is another than caption i; those that are not are no mistakes.
        margin: By which the right one is to be ahead.

    Returns:
        The loss, and the share of pictures of whose minibatch's captions none scores higher than their own.
    """
    scores = as_float32(images) @ as_float32(texts).T
    own = jnp.diagonal(scores)
    others = different & ~jnp.eye(len(scores), dtype=bool)
    hinges = jax.nn.relu(margin + scores - own[:, None]) + jax.nn.relu(margin + scores - own[None, :])
    loss = (hinges * others).sum() / jnp.maximum(others.sum(), 1)
    found = (jnp.where(others, scores, -jnp.inf).max(axis=1) <= own).mean()
    return loss, found

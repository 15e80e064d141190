"""The loss by which encoders of pictures and of captions learn to put what belongs together into one place."""

import jax
import jax.numpy as jnp

from jaxgan.losses.adversarial import as_float32


def contrastive(images: jax.Array, texts: jax.Array, same: jax.Array | None = None) -> tuple[jax.Array, jax.Array]:
    """How well pictures find their captions among those of the minibatch, and captions their pictures; float32 () each.

    -E[log softmax_j(v_i . t_j)_i] - E[log softmax_j(v_j . t_i)_i]: the symmetric loss of Zhang et al. 2020 (arXiv:2010.00747),
    Eq. 2 and 3, which CLIP has too (Radford et al. 2021, arXiv:2103.00020), with inner products for cosines over a temperature.
    Against the structured joint embedding loss of Reed et al. 2016 (arXiv:1605.05395), hinges of these same products, captions
    that are nearly right weigh more: they are those that a digit is learned from.

    Args:
        images: Embeddings v of pictures, (B, D).
        texts: Embeddings t of a caption of each, (B, D).
        same: bool (B, B), whether captions i and j are the same one; a picture is not asked to tell those apart. None: no two.

    Returns:
        The loss, and the share of pictures that find their caption.
    """
    scores = as_float32(images) @ as_float32(texts).T
    if same is not None:
        scores = jnp.where(same & ~jnp.eye(len(scores), dtype=bool), -jnp.inf, scores)
    own = jnp.diagonal(scores)
    loss = (jax.nn.logsumexp(scores, axis=1) - own).mean() + (jax.nn.logsumexp(scores, axis=0) - own).mean()
    return loss, (scores.max(axis=1) <= own).mean()

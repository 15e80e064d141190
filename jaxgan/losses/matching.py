"""Losses of the generator besides the objective: matching features, learning from the best fakes only, smooth images."""

import jax
import jax.numpy as jnp

from jaxgan.errors import UserError
from jaxgan.mesh import batch_mean, shard_batch


def feature_matching(real: jax.Array, fake: jax.Array, norm: str = "l2") -> jax.Array:
    """How far the mean features of fakes are from those of reals, float32 ().

    "Improved Techniques for Training GANs", Salimans et al. 2016 (arXiv:1606.03498), section 3.1: || E f(x) - E f(G(z)) ||^2;
    the authors' programs take the mean over features, of squares (MNIST) or of absolute values (CIFAR, SVHN).

    Args:
        real: Features of reals, (B, F).
        fake: Features of fakes, (B, F).
        norm: "l2" or "l1".
    """
    if norm not in ("l1", "l2"):
        raise UserError(f"feature_matching: norm={norm!r} does not exist; choose 'l1' or 'l2'")
    gap = batch_mean(real.astype(jnp.float32), 0) - batch_mean(fake.astype(jnp.float32), 0)
    return (jnp.abs(gap) if norm == "l1" else jnp.square(gap)).mean()


def only_best(fake_logits: jax.Array, share: jax.Array | float, judged: jax.Array | None = None) -> jax.Array:
    """The same logits, but a loss that is a mean of them has the gradient of the mean over the best `share` of them.

    "Top-k Training of GANs", Sinha et al. 2020 (arXiv:2002.06224), section 2: the generator ascends the scores of the k
    fakes that the discriminator likes best, and the others' gradients, which may point anywhere, are dropped.

    Args:
        fake_logits: (B,), or maps (B, ...) whose images are ranked by their mean.
        share: k / B in (0, 1]; at least one image is kept.
        judged: What they are ranked by, of the same shape, larger for better ones; None: the logits themselves. Energies are
            better when they are lower.
    """
    size = len(fake_logits)
    scores = (fake_logits if judged is None else judged).reshape(size, -1).mean(axis=1)
    # An image's rank: 0 for the best.
    rank = jnp.argsort(jnp.argsort(-scores))
    k = jnp.clip(jnp.ceil(share * size), 1, size)
    factor = jnp.where(rank < k, size / k, 0.0).reshape(-1, *(1,) * (fake_logits.ndim - 1))
    fixed = jax.lax.stop_gradient(fake_logits)
    return fixed + factor.astype(fixed.dtype) * (fake_logits - fixed)


def neighbours(key: jax.Array, latent: jax.Array, deviation: float) -> jax.Array:
    """Latents (B, D) moved a little: z + d, d ~ N(0, deviation^2) (zCR, Zhao et al. 2020, arXiv:2002.04724)."""
    return latent + deviation * shard_batch(jax.random.normal(key, latent.shape, latent.dtype))


def total_variation(images: jax.Array, power: float = 1.0) -> jax.Array:
    """How much images differ from place to place, float32 (): the mean over all places of (dx^2 + dy^2)^(power / 2).

    DTN (Taigman et al. 2016, arXiv:1611.02200), Eq. 7, with power 1: dx and dy are the differences to the next pixel on the
    right and below, over the places that have both. The paper sums over places; a mean's weight does not depend on the size.

    Args:
        images: (B, H, W, C), H and W at least 2; each channel counts by itself.
        power: 1 spares edges, 2 does not.

    Raises:
        UserError: The images are a pixel wide or high.
    """
    if images.ndim != 4 or min(images.shape[1:3]) < 2:
        raise UserError(f"total variation is that of images (B, H, W, C) of 2x2 pixels and more, not of {images.shape}")
    pixels = images.astype(jnp.float32)
    right = pixels[:, :-1, 1:] - pixels[:, :-1, :-1]
    down = pixels[:, 1:, :-1] - pixels[:, :-1, :-1]
    # The root has no gradient at 0, where a plain area lies.
    return jnp.power(jnp.square(right) + jnp.square(down) + 1e-12, power / 2).mean()

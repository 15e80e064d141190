"""Adaptive discriminator augmentation: how often to augment, by how much the discriminator overfits.

Karras, Aittala, Hellsten, Laine, Lehtinen and Aila, "Training Generative Adversarial Networks with Limited Data" (2020,
arXiv:2006.06676), section 3. It is the state of the view `jaxgan.augment.ada`, which the engine updates after each turn that
tells how the discriminator judged reals, `Aux(scores={"discriminator": real_logits})`.
"""

import flax.struct
import jax
import jax.numpy as jnp

from jaxgan.errors import UserError
from jaxgan.mesh import batch_axis_name, batch_mean


class AdaState(flax.struct.PyTreeNode):
    """How often to augment, and what has been seen since that was last adjusted.

    Attributes:
        p: float32 (), probability of each augmentation.
        signs: float32 (), sum of the signs of the real images' logits.
        count: int32 (), how many real images they are of.
    """

    p: jax.Array
    signs: jax.Array
    count: jax.Array


def start(p: float = 0.0) -> AdaState:
    """The state to begin with, having seen nothing.

    Raises:
        UserError: `p` is no probability.
    """
    if not 0 <= p <= 1:
        raise UserError(f"adaptive augmentation: p is {p}, but a probability lies in [0, 1]")
    return AdaState(jnp.float32(p), jnp.float32(0), jnp.int32(0))


def update(
    state: AdaState, real_logits: jax.Array, target: float = 0.6, images: int = 500_000, every: int = 4
) -> AdaState:
    """Counts a minibatch in and, after `every` of them, moves p one notch towards the target. Pure; no gradient passes.

    Args:
        state: So far.
        real_logits: (B, ...), the discriminator's raw outputs, positive for "real", on the real images as it is shown
            them; of a map of logits the mean sign counts. Under a mapped batch axis (`jaxgan.mesh.batch_axis`) every
            device gives its share and gets the same new state.
        target: r_t above it means overfitting.
        images: Real images in which p can go from 0 to 1.
        every: Minibatches between two moves.

    Returns:
        The new state. Its p is kept within [0, 1]; paper and published code clamp it from below only, and so let it
        wind up beyond 1, where no augmentation can become any more frequent.

    Raises:
        UserError: `images` or `every` is below 1.
    """
    if images < 1 or every < 1:
        raise UserError(f"adaptive augmentation: images={images} and every={every} must be at least 1")
    name = batch_axis_name()
    batch = len(real_logits) * (1 if name is None else jax.lax.axis_size(name))
    mean_sign = batch_mean(jnp.sign(real_logits.astype(jnp.float32)), tuple(range(real_logits.ndim)))
    signs = state.signs + batch * jax.lax.stop_gradient(mean_sign)
    count = state.count + batch
    # Eq. 1: r_t = E[sign(D_train)], over the minibatches since the last move.
    r = signs / count
    # p <- p + sign(r_t - target) * (images seen) / (images to go from 0 to 1)
    moved = jnp.clip(state.p + jnp.sign(r - target) * count / images, 0.0, 1.0)
    due = count >= every * batch
    return AdaState(p=jnp.where(due, moved, state.p), signs=jnp.where(due, 0.0, signs), count=jnp.where(due, 0, count))

"""Finding the styles of given images, by gradient descent on how they look.

StyleGAN2 (Karras et al. 2019, arXiv:1912.04958), section 5 and appendix D. Noise for each pixel stays as it is; the paper also
searches for it.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxgan.core import Latent, Nets, uniform_labels
from jaxgan.core.abilities import Search
from jaxgan.mesh import shard_batch

_DRAWS = 1024  # z by which the deviation of w is estimated
_RATE, _RISE, _FALL = 0.1, 0.05, 0.25  # of Adam, and the shares of the steps in which its rate rises and falls
_NOISE, _QUIET = 0.05, 0.75  # on the styles, in deviations of w, and the share of the steps after which there is none

Distance = Callable[[jax.Array, jax.Array], jax.Array]


def inversion(styles: Any, latent: Latent, steps: int) -> tuple[Search, Callable[..., jax.Array]]:
    """The search for styles whose images look like given ones.

    Args:
        styles: The game's `jaxgan.parts.styles.Styles`.
        latent: The distribution of z.
        steps: How many steps it takes.

    Returns:
        The search, and what it ends with: the function of an `Ability`.
    """
    optimizer = optax.scale_by_adam()

    def start(nets: Nets, key: jax.Array, images: jax.Array, space: str = "w") -> Any:
        z = latent(key, _DRAWS)
        label = uniform_labels(key, _DRAWS, styles.num_classes) if styles.num_classes else None
        w = styles.map(nets, z, label)
        mean = nets.memory["w_mean"]
        # sigma_w^2 = E || w - w_mean ||^2
        deviation = jnp.sqrt(jnp.square(w - mean[None]).sum(axis=1).mean())
        count = styles.slots(nets) if space == "w+" else 1
        first = jnp.broadcast_to(mean[None, None], (len(images), count, len(mean)))
        return {"w": first, "optimizer": optimizer.init(first), "deviation": deviation}

    def step(
        nets: Nets,
        key: jax.Array,
        found: Any,
        index: jax.Array,
        distance: Distance,
        images: jax.Array,
        space: str = "w",
    ) -> Any:
        done = index / steps
        scale = _NOISE * found["deviation"] * jnp.square(jnp.maximum(1 - done / _QUIET, 0.0))
        shape = found["w"].shape
        noise = jax.random.normal(jax.random.fold_in(key, index), (math.prod(shape),)).reshape(shape)

        def loss(w: jax.Array) -> jax.Array:
            noisy = w + scale * shard_batch(noise)
            all_slots = jnp.broadcast_to(noisy, (len(w), styles.slots(nets), w.shape[2]))
            return distance(styles.images(nets, all_slots), images).sum()

        update, state = optimizer.update(jax.grad(loss)(found["w"]), found["optimizer"])
        # A cosine down at the end, a line up at the beginning.
        fall = 0.5 - 0.5 * jnp.cos(jnp.pi * jnp.minimum((1 - done) / _FALL, 1.0))
        rate = _RATE * fall * jnp.minimum(done / _RISE, 1.0)
        return {"w": found["w"] - rate * update, "optimizer": state, "deviation": found["deviation"]}

    def finish(nets: Nets, key: jax.Array, found: Any, images: jax.Array, space: str = "w") -> jax.Array:
        return found["w"].reshape(len(images), -1)

    return Search(start, step, steps), finish

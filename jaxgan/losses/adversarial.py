"""Adversarial objectives: pairs of losses on the discriminator's logits, both minimised.

Logits are float32 of any shape (one for each image, or a map of them for a patch discriminator); losses are their means.
C(x) is a logit, D(x) = sigmoid(C(x)), and softplus(-c) = -log D, softplus(c) = -log(1 - D), which never overflow.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Objective(NamedTuple):
    """A pair of losses to minimise.

    Attributes:
        discriminator: (real logits, fake logits) -> scalar.
        generator: (fake logits, real logits=None) -> scalar; only relativistic losses need the reals.
        read: logits -> what the discriminator says with them in the objective's own terms, for the log: a probability for
            the cross-entropies, the score itself for critics.
    """

    discriminator: Callable[[jax.Array, jax.Array], jax.Array]
    generator: Callable[..., jax.Array]
    read: Callable[[jax.Array], jax.Array] = lambda logits: logits


def _cross_entropy(real: jax.Array, fake: jax.Array) -> jax.Array:
    # -E[log D(x)] - E[log(1 - D(G(z)))]
    return jax.nn.softplus(-real).mean() + jax.nn.softplus(fake).mean()


# Goodfellow et al. 2014 (arXiv:1406.2661), Eq. 1; at D* = p / (p + q) the discriminator's loss is 2 log 2 - 2 JS(p, q).
# The generator minimises E[log(1 - D(G(z)))], whose gradient vanishes while D rejects every fake.
minimax = Objective(_cross_entropy, lambda fake, real=None: -jax.nn.softplus(fake).mean(), jax.nn.sigmoid)

# The same game with the generator's loss of section 3, -E[log D(G(z))]: the same fixed point, stronger early gradients.
non_saturating = Objective(_cross_entropy, lambda fake, real=None: jax.nn.softplus(-fake).mean(), jax.nn.sigmoid)

# Mao et al. 2016 (arXiv:1611.04076), Eq. 9: targets a = 0 for fakes, b = 1 for reals, c = 1 for the generator; no sigmoid.
least_squares = Objective(
    lambda real, fake: 0.5 * jnp.square(real - 1).mean() + 0.5 * jnp.square(fake).mean(),
    lambda fake, real=None: 0.5 * jnp.square(fake - 1).mean(),
)

# Arjovsky et al. 2017 (arXiv:1701.07875), Eq. 2-3: E[C(G(z))] - E[C(x)] is minus the Wasserstein-1 distance at the best
# 1-Lipschitz critic.
wasserstein = Objective(lambda real, fake: fake.mean() - real.mean(), lambda fake, real=None: -fake.mean())

# Lim and Ye 2017 (arXiv:1705.02894); Miyato et al. 2018 (arXiv:1802.05957), Eq. 16-17.
hinge = Objective(
    lambda real, fake: jax.nn.relu(1 - real).mean() + jax.nn.relu(1 + fake).mean(),
    lambda fake, real=None: -fake.mean(),
)

OBJECTIVES: dict[str, Objective] = {
    "minimax": minimax,
    "non_saturating": non_saturating,
    "least_squares": least_squares,
    "wasserstein": wasserstein,
    "hinge": hinge,
}

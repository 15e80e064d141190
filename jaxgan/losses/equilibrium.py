"""BEGAN's control of its auto-encoder: "Boundary Equilibrium GANs", Berthelot, Schumm and Metz 2017 (arXiv:1703.10717).

L(v) = mean |v - AE(v)| over the pixels is an image's energy; L_D = L(x) - k L(G(z)) and L_G = L(G(z)) (section 3.4). k keeps
E[L(G(z))] at gamma E[L(x)] and is the game's memory: it starts at 0, and moves after both players have, by what both energies
were before. Both functions take energies of any shape and dtype, and use their means.
"""

import jax
import jax.numpy as jnp

from jaxgan.losses.adversarial import as_float32


def _balance(real: jax.Array, fake: jax.Array, gamma: float) -> jax.Array:
    return gamma * as_float32(real).mean() - as_float32(fake).mean()


def update(k: jax.Array, real: jax.Array, fake: jax.Array, gamma: float = 0.5, gain: float = 1e-3) -> jax.Array:
    """The next k, float32 () in [0, 1]: k + lambda_k (gamma L(x) - L(G(z))), clipped (section 3.4).

    Args:
        k: Its value in this step, ().
        real: L(x).
        fake: L(G(z)).
        gamma: The diversity ratio, in [0, 1].
        gain: lambda_k.
    """
    return jnp.clip(as_float32(k) + gain * _balance(real, fake, gamma), 0.0, 1.0)


def convergence(real: jax.Array, fake: jax.Array, gamma: float = 0.5) -> jax.Array:
    """M = L(x) + |gamma L(x) - L(G(z))|, float32 (), which falls while training goes well (section 3.4.1).

    Args:
        real: L(x).
        fake: L(G(z)).
        gamma: As in `update`.
    """
    return as_float32(real).mean() + jnp.abs(_balance(real, fake, gamma))

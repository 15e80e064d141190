"""Soft constraints: what a player's weights cost, added by the engine to the loss of every turn that moves the player.

They change no weight themselves. With `every=k` they are computed at steps that are multiples of k only, and count k times as
much there, so that a player that is moved at few steps alone (`Turn.every`) should have k = 1; under `vmap` they are computed
at every step all the same, and thrown away.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core.constraints import (
    Constraint,
    as_matrix,
    check_goal,
    power_step,
    singular_pairs,
    singular_vectors,
    track_pairs,
    unit,
    weights,
)
from jaxgan.core.state import Clock
from jaxgan.errors import UserError


def orthogonal_cost(params: Any, exclude: str | None = None, off_diagonal: bool = True) -> jax.Array:
    """What `orthogonal` asks for, before its weight: float32 ().

    Args:
        params: A player's raw parameters (`nets.generator.params`).
        exclude: As in `orthogonal`.
        off_diagonal: As in `orthogonal`.
    """
    total = jnp.zeros(())
    for leaf in weights(params, exclude).values():
        matrix = as_matrix(leaf)
        inputs, outputs = matrix.shape
        if outputs <= inputs:
            gram = matrix.T @ matrix
            # Eq. 3: || W' W * (1 - I) ||_F^2, or Eq. 2: || W' W - I ||_F^2
            total += jnp.square(gram * (1 - jnp.eye(outputs)) if off_diagonal else gram - jnp.eye(outputs)).sum()
        else:
            # The same by the smaller product, || W' W ||_F = || W W' ||_F; the diagonal of W' W holds the squared norms.
            norms = jnp.square(matrix).sum(axis=0)
            diagonal = jnp.square(norms) if off_diagonal else 2 * norms - 1
            total += jnp.square(matrix @ matrix.T).sum() - diagonal.sum()
    return total


def orthogonal(weight: float, off_diagonal: bool = True, exclude: str | None = None, every: int = 1) -> Constraint:
    """weight * sum of || W' W * (1 - I) ||_F^2: filters at right angles to each other, of any length.

    BigGAN (Brock et al. 2018, arXiv:1809.11096), Eq. 3, with weight 1e-4 on the generator. A kernel counts as an
    (inputs, outputs) matrix W.

    Args:
        weight: beta.
        off_diagonal: False: || W' W - I ||_F^2 (Eq. 2, from Brock et al. 2016, arXiv:1609.07093), filters of length 1 too.
        exclude: Weights in whose path this regular expression is found do not count.
        every: See this module.
    """

    def cost(params: Any, state: Any) -> jax.Array:
        return orthogonal_cost(params, exclude, off_diagonal)

    def init(params: Any, key: jax.Array) -> tuple[Any, Any]:
        weights(params, exclude)
        return params, ()

    return _soft("orthogonal regularisation", cost, weight, every, Constraint(init))


def l2_decay(weight: float, exclude: str | None = None, every: int = 1) -> Constraint:
    """weight / 2 * sum of || W ||_F^2: small weights in all directions, not only in that of the largest singular value.

    Plain weight decay, by the loss: its gradient is weight * W, which an optimiser such as Adam then scales as it does the
    others. It is what `spectral_regularization` stands against in Yoshida and Miyato 2017 (arXiv:1705.10941), section 3.

    Args:
        weight: lambda, the "weight decay" of other libraries.
        exclude: Weights in whose path this regular expression is found do not count; biases and gains never do.
        every: See this module.
    """

    def cost(params: Any, state: Any) -> jax.Array:
        return 0.5 * sum((jnp.square(leaf).sum() for leaf in weights(params, exclude).values()), jnp.zeros(()))

    def init(params: Any, key: jax.Array) -> tuple[Any, Any]:
        weights(params, exclude)
        return params, ()

    return _soft("L2 decay", cost, weight, every, Constraint(init))


def spectral_cost(params: Any, vectors: dict[str, jax.Array]) -> jax.Array:
    """1/2 sum of sigma(W)^2 over the weights that have a vector, float32 ().

    Args:
        params: A player's raw parameters (`nets.discriminator.params`).
        vectors: For each weight's path, its leading right singular vector u, (outputs,), which is held constant.
    """
    leaves = weights(params)
    # sigma^2 = || W u ||^2; the gradient of its half is W u u' = sigma v u'.
    return sum((0.5 * jnp.square(as_matrix(leaves[name]) @ u).sum() for name, u in vectors.items()), jnp.zeros(()))


def spectral_regularization(weight: float = 0.01, exclude: str | None = None, every: int = 1) -> Constraint:
    """weight / 2 * sum of sigma(W)^2: small largest singular values; unlike `spectral_norm`, it rescales nothing.

    Yoshida and Miyato, "Spectral Norm Regularization for Improving the Generalizability of Deep Learning" (2017,
    arXiv:1705.10941), section 3; the singular vectors come from a persistent power iteration, one step a turn.

    Args:
        weight: lambda; 0.01 in the paper.
        exclude: Weights in whose path this regular expression is found do not count.
        every: See this module.
    """

    def apply(params: Any, vectors: dict[str, jax.Array]) -> tuple[Any, dict[str, jax.Array]]:
        leaves = weights(jax.lax.stop_gradient(params))
        return params, {name: power_step(as_matrix(leaves[name]), u) for name, u in vectors.items()}

    tracked = Constraint(lambda params, key: (params, singular_vectors(params, key, exclude)), apply)
    return _soft("spectral regularisation", spectral_cost, weight, every, tracked)


def singular_value_regularization(
    weight: float,
    target: float | None = None,
    ratio: float | None = None,
    exclude: str | None = None,
    every: int = 1,
) -> Constraint:
    """weight * sum of (sigma0(W) - target)^2: the largest singular value near a value.

    BigGAN (Brock et al. 2018, arXiv:1809.11096), section 4.1, which names the targets and not the distance to them: the
    square is ours. `constraints.singular_value_clamp` is its hard form.

    Args:
        weight: Factor.
        target: sigma_reg, the same for all weights.
        ratio: Instead of it, target = ratio * sigma1 of each weight; no gradient passes through sigma1.
        exclude: Weights in whose path this regular expression is found do not count, nor do those with a single input or
            output.
        every: See this module.
    """
    check_goal("singular value regularisation", target, ratio)

    def cost(params: Any, pairs: dict[str, jax.Array]) -> jax.Array:
        leaves, total = weights(params), jnp.zeros(())
        for name, (u0, u1) in pairs.items():
            matrix = as_matrix(leaves[name])
            fixed = jax.lax.stop_gradient(matrix)
            # sigma0 = v0' W u0, whose gradient is v0 u0'
            sigma = unit(fixed @ u0, fixed @ u0) @ matrix @ u0
            total += jnp.square(sigma - (target if ratio is None else ratio * jnp.linalg.norm(fixed @ u1)))
        return total

    tracked = Constraint(
        lambda params, key: (params, singular_pairs(params, key, exclude)),
        lambda params, pairs: (params, track_pairs(params, pairs)),
    )
    return _soft("singular value regularisation", cost, weight, every, tracked)


def historical_averaging(weight: float, every: int = 1) -> Constraint:
    """weight * || theta - mean of theta over all turns so far ||^2, biases and all: a brake on orbits.

    "Improved Techniques for Training GANs", Salimans et al. 2016 (arXiv:1606.03498), section 3.3, where both players have
    it. The mean runs over the player's parameters at the beginning of each of its turns, the present one among them.

    Args:
        weight: Factor; the paper has 1.
        every: See this module.
    """

    def init(params: Any, key: jax.Array) -> tuple[Any, Any]:
        return params, {"mean": jax.tree.map(jnp.zeros_like, params), "count": jnp.int32(0)}

    def apply(params: Any, history: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        count = history["count"] + 1
        # mean_t = mean_{t-1} + (theta_t - mean_{t-1}) / t
        fixed = jax.lax.stop_gradient(params)
        mean = jax.tree.map(lambda mean, leaf: mean + (leaf - mean) / count, history["mean"], fixed)
        return params, {"mean": mean, "count": count}

    def cost(params: Any, history: dict[str, Any]) -> jax.Array:
        squares = jax.tree.map(lambda leaf, mean: jnp.square(leaf - mean).sum(), params, history["mean"])
        return sum(jax.tree.leaves(squares), jnp.zeros(()))

    return _soft("historical averaging", cost, weight, every, Constraint(init, apply))


def _soft(
    name: str, cost: Callable[[Any, Any], jax.Array], weight: float, every: int, constraint: Constraint
) -> Constraint:
    """The constraint with the penalty weight * cost(params, state), at steps that are multiples of `every`."""
    if weight < 0 or every < 1:
        raise UserError(f"{name}: weight={weight} must not be negative, and every={every} must be at least 1")

    def penalty(params: Any, state: Any, clock: Clock) -> jax.Array:
        if every == 1:
            return weight * cost(params, state)
        return jax.lax.cond(
            clock.step % every == 0,
            lambda params: every * weight * cost(params, state),
            lambda params: jnp.zeros(()),
            params,
        )

    return constraint._replace(penalty=penalty)

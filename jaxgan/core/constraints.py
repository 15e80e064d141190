"""Constraints on a player's weights, as functions on its parameter tree; the networks do not know of them.

A constraint sees the raw parameters (what the optimiser moves) and returns the ones that the network computes with. The
engine calls `apply` once for every turn, keeps the new state if the player moves in that turn, and calls `project` on
the raw parameters after every update.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.core.state import Clock


class Constraint(NamedTuple):
    """What a player's weights must obey (hard), or what it costs them not to (soft).

    Attributes:
        init: (params, key) -> (params, state): the raw parameters to start from, and the constraint's state.
        apply: (params, state) -> (constrained params, new state); differentiable in `params`.
        project: (params, state) -> params, after every update.
        penalty: (params, state, clock) -> float32 (), added to the loss of every turn that moves the player (lazy turns aside).
    """

    init: Callable[[Any, jax.Array], tuple[Any, Any]] = lambda params, key: (params, ())
    apply: Callable[[Any, Any], tuple[Any, Any]] = lambda params, state: (params, state)
    project: Callable[[Any, Any], Any] = lambda params, state: params
    penalty: Callable[[Any, Any, Clock], jax.Array] | None = None


def unconstrained() -> Constraint:
    """No constraint."""
    return Constraint()


def chain(*constraints: Constraint) -> Constraint:
    """Several constraints: `apply` runs first to last, so that the first one sees the raw parameters."""

    def init(params: Any, key: jax.Array) -> tuple[Any, Any]:
        # The last one is nearest to the network: going back from it, each finds the raw parameters it needs.
        states = []
        for index, constraint in reversed(list(enumerate(constraints))):
            params, state = constraint.init(params, jax.random.fold_in(key, index))
            states.append(state)
        return params, tuple(reversed(states))

    def apply(params: Any, states: Any) -> tuple[Any, Any]:
        new_states = []
        for constraint, state in zip(constraints, states, strict=True):
            params, state = constraint.apply(params, state)
            new_states.append(state)
        return params, tuple(new_states)

    def project(params: Any, states: Any) -> Any:
        for constraint, state in zip(constraints, states, strict=True):
            params = constraint.project(params, state)
        return params

    def penalty(params: Any, states: Any, clock: Clock) -> jax.Array:
        costs = [
            constraint.penalty(params, state, clock)
            for constraint, state in zip(constraints, states, strict=True)
            if constraint.penalty is not None
        ]
        return sum(costs, jnp.zeros(()))

    soft = any(constraint.penalty is not None for constraint in constraints)
    return Constraint(init, apply, project, penalty if soft else None)


def path_string(path: tuple[Any, ...]) -> str:
    """A leaf's path as filters see it: "block_0/conv/kernel"."""
    return jax.tree_util.keystr(path, simple=True, separator="/")


def is_weight(path: str, exclude: str | None = None) -> bool:
    """Whether a leaf is a matrix or a filter ("kernel" or "embedding"), and `exclude` is not found in its path.

    Args:
        path: As `path_string` writes it.
        exclude: A regular expression; BigGAN leaves "shared_embedding" unconstrained.
    """
    return path.rpartition("/")[2] in ("kernel", "embedding") and not (exclude and re.search(exclude, path))


def _as_matrix(weight: jax.Array) -> jax.Array:
    """A kernel as the (inputs, outputs) matrix that it multiplies patches with; outputs are always its last axis."""
    return weight.reshape(-1, weight.shape[-1])


def _normalize(vector: jax.Array, epsilon: float) -> jax.Array:
    return vector / (jnp.linalg.norm(vector) + epsilon)


def _power_iteration(weight: jax.Array, u: jax.Array, epsilon: float) -> tuple[jax.Array, jax.Array]:
    """One step of the power method: the weight's largest singular value, differentiable in the weight, and the new u."""
    matrix = _as_matrix(weight)
    fixed = jax.lax.stop_gradient(matrix)
    v = _normalize(fixed @ u, epsilon)
    u = _normalize(v @ fixed, epsilon)
    # sigma = v' W u with v and u held constant, so that d sigma / d W = v u'  (Miyato et al. 2018, Eq. 11).
    return v @ matrix @ u, u


def _spectral_init(params: Any, key: jax.Array, exclude: str | None) -> dict[str, jax.Array]:
    vectors: dict[str, jax.Array] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        name = path_string(path)
        if is_weight(name, exclude):
            u = jax.random.normal(jax.random.fold_in(key, len(vectors)), (leaf.shape[-1],))
            vectors[name] = _normalize(u, 1e-12)
    if not vectors:
        raise ValueError("spectral norm: no parameter passes the filter, so nothing would be normalised")
    return vectors


def spectral_norm(exclude: str | None = None, epsilon: float = 1e-12) -> Constraint:
    """Divides each weight by its largest singular value: W / sigma(W), one power iteration per update.

    Algorithm 1 of Miyato, Kataoka, Koyama and Yoshida, "Spectral Normalization for GANs" (2018, arXiv:1802.05957). The
    gradient goes through sigma too: dL/dW = (G - <G, W/sigma> v u') / sigma, G being the gradient by the divided weight.
    The initialiser's scale is kept in the raw weights. A kernel counts as an (inputs, outputs) matrix.

    Args:
        exclude: Weights in whose path this regular expression is found are left alone.
        epsilon: Added to the norms of the power iteration.
    """

    def apply(params: Any, vectors: dict[str, jax.Array]) -> tuple[Any, dict[str, jax.Array]]:
        new = dict(vectors)

        def divide(path: tuple[Any, ...], leaf: jax.Array) -> jax.Array:
            name = path_string(path)
            if name not in vectors:
                return leaf
            sigma, new[name] = _power_iteration(leaf, vectors[name], epsilon)
            return leaf / sigma

        return jax.tree_util.tree_map_with_path(divide, params), new

    return Constraint(lambda params, key: (params, _spectral_init(params, key, exclude)), apply)


def spectral_tracking(exclude: str | None = None, epsilon: float = 1e-12) -> Constraint:
    """Leaves the weights alone but runs the power iteration, for `spectral_regularization` to read its vectors."""
    tracked = spectral_norm(exclude, epsilon)
    return tracked._replace(apply=lambda params, vectors: (params, tracked.apply(params, vectors)[1]))


def spectral_regularization(params: Any, vectors: dict[str, jax.Array], epsilon: float = 1e-12) -> jax.Array:
    """1/2 sum of sigma(W)^2 over the tracked weights, to be scaled and added to a loss.

    Yoshida and Miyato, "Spectral Norm Regularization" (2017, arXiv:1705.10941), Eq. 5; its gradient is sigma v u'. Unlike
    `spectral_norm` it rescales nothing.

    Args:
        params: A player's raw parameters (`nets.discriminator.params`).
        vectors: The state of its `spectral_tracking` constraint (`nets.discriminator.constraint`).
        epsilon: As in `spectral_tracking`.
    """
    leaves = {path_string(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(params)}
    sigmas = jnp.stack([_power_iteration(leaves[name], u, epsilon)[0] for name, u in vectors.items()])
    return 0.5 * jnp.square(sigmas).sum()


def clip(limit: float) -> Constraint:
    """Every parameter, biases too, is clipped to [-limit, limit] after each update.

    WGAN (Arjovsky, Chintala and Bottou 2017, arXiv:1701.07875), Algorithm 1, with limit 0.01.
    """
    if limit <= 0:
        raise ValueError(f"weight clipping: the limit is {limit}, but it must be positive")

    def project(params: Any, state: Any = ()) -> Any:
        return jax.tree.map(lambda leaf: jnp.clip(leaf, -limit, limit), params)

    return Constraint(lambda params, key: (project(params), ()), project=project)


def equalized(gain: float = math.sqrt(2.0), gains: Mapping[str, float] | None = None) -> Constraint:
    """Equalised learning rate: weights are stored with unit scale and multiplied by gain / sqrt(fan-in) when used.

    ProGAN (Karras et al. 2017, arXiv:1710.10196), section 4.1. The network keeps its own initialisation (the stored
    weight is what it drew, divided by the factor), so only the effective learning rate of each layer changes.

    Args:
        gain: He's constant, sqrt(2) for rectifiers.
        gains: Other gains, for weights in whose path the key (a regular expression) is found, such as {"to_rgb": 1.0}.
    """

    def factor(path: tuple[Any, ...], leaf: jax.Array) -> float:
        name = path_string(path)
        if not is_weight(name):
            return 1.0
        own = next((value for pattern, value in (gains or {}).items() if re.search(pattern, name)), gain)
        return own / math.sqrt(leaf.size / leaf.shape[-1])

    def init(params: Any, key: jax.Array) -> tuple[Any, Any]:
        return jax.tree_util.tree_map_with_path(lambda path, leaf: leaf / factor(path, leaf), params), ()

    def apply(params: Any, state: Any) -> tuple[Any, Any]:
        return jax.tree_util.tree_map_with_path(lambda path, leaf: leaf * factor(path, leaf), params), state

    return Constraint(init, apply)


def orthogonal_regularization(params: Any, exclude: str | None = None) -> jax.Array:
    """Sum over the selected weights of || W' W * (1 - I) ||_F^2, to be scaled and added to a loss.

    BigGAN (Brock et al. 2018, arXiv:1809.11096), Eq. 3, with strength 1e-4 on the generator: the filters' inner products
    are pushed to zero while their norms stay free.

    Args:
        params: A player's raw parameters (`nets.generator.params`).
        exclude: Weights in whose path this regular expression is found do not count.
    """
    total = jnp.zeros(())
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        if is_weight(path_string(path), exclude):
            matrix = _as_matrix(leaf)
            gram = matrix.T @ matrix
            total += jnp.sum(jnp.square(gram * (1.0 - jnp.eye(len(gram)))))
    return total

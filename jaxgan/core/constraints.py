"""Constraints on a player's weights, as functions on its parameter tree; the networks do not know of them.

A constraint sees the raw parameters (what the optimiser moves) and returns the ones that the network computes with. The
engine calls `apply` once for every turn (or, if the constraint asks for it, at every call of the network in a turn), keeps the
new state if the player moves in that turn (or, likewise, whoever moves), and calls `project` on the raw parameters after every
update. The hard ones are here; the soft ones are in `jaxgan.core.regularizers`.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.core.state import Clock
from jaxgan.errors import UserError


class Constraint(NamedTuple):
    """What a player's weights must obey (hard), or what it costs them not to (soft).

    Attributes:
        init: (params, key) -> (params, state): the raw parameters to start from, and the constraint's state.
        apply: (params, state) -> (constrained params, new state); differentiable in `params`. A soft constraint returns the
            parameters as they are.
        project: (params, state) -> params, after every update.
        penalty: (params, state, clock) -> float32 (), added to the loss of every turn that moves the player (lazy turns aside).
        every_call: In a turn, `apply` is called anew at every call of the network, and the state is kept whoever moves.
    """

    init: Callable[[Any, jax.Array], tuple[Any, Any]] = lambda params, key: (params, ())
    apply: Callable[[Any, Any], tuple[Any, Any]] = lambda params, state: (params, state)
    project: Callable[[Any, Any], Any] = lambda params, state: params
    penalty: Callable[[Any, Any, Clock], jax.Array] | None = None
    every_call: bool = False


def unconstrained() -> Constraint:
    """No constraint."""
    return Constraint()


def chain(*constraints: Constraint) -> Constraint:
    """Several constraints: `apply` runs first to last, so that the first one sees the raw parameters.

    Soft ones see the raw parameters wherever they stand.
    """

    def init(params: Any, key: jax.Array) -> tuple[Any, Any]:
        # The last one is nearest to the network: going back from it, each finds the raw parameters it needs.
        states = []
        for index, constraint in reversed(list(enumerate(constraints))):
            params, state = constraint.init(params, jax.random.fold_in(key, index))
            states.append(state)
        return params, tuple(reversed(states))

    def apply(params: Any, states: Any) -> tuple[Any, Any]:
        raw, new_states = params, []
        for constraint, state in zip(constraints, states, strict=True):
            if constraint.penalty is None:
                params, state = constraint.apply(params, state)
            else:
                _, state = constraint.apply(raw, state)
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
    every_call = any(constraint.every_call for constraint in constraints)
    return Constraint(init, apply, project, penalty if soft else None, every_call)


def path_string(path: tuple[Any, ...]) -> str:
    """A leaf's path as filters see it: "block_0/conv/kernel"."""
    return jax.tree_util.keystr(path, simple=True, separator="/")


def by_path(tree: Any) -> dict[str, Any]:
    """The leaves of a tree by their paths, as `path_string` writes them."""
    return {path_string(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def is_weight(path: str, exclude: str | None = None) -> bool:
    """Whether a leaf is a matrix or a filter ("kernel" or "embedding"), and `exclude` is not found in its path.

    Args:
        path: As `path_string` writes it.
        exclude: A regular expression; BigGAN leaves "shared_embedding" unconstrained.
    """
    return path.rpartition("/")[2] in ("kernel", "embedding") and not (exclude and re.search(exclude, path))


def weights(params: Any, exclude: str | None = None) -> dict[str, jax.Array]:
    """The leaves that are weights (`is_weight`), by path.

    Raises:
        UserError: There are none, so that a constraint on them would do nothing.
    """
    selected = {path: leaf for path, leaf in by_path(params).items() if is_weight(path, exclude)}
    if not selected:
        raise UserError(f"constraint: no parameter passes the filter exclude={exclude!r}, so it would do nothing")
    return selected


def as_matrix(weight: jax.Array) -> jax.Array:
    """A kernel as the (inputs, outputs) matrix that it multiplies patches with; outputs are always its last axis."""
    return weight.reshape(-1, weight.shape[-1])


def _normalize(vector: jax.Array, epsilon: float) -> jax.Array:
    return vector / (jnp.linalg.norm(vector) + epsilon)


def _power_iteration(weight: jax.Array, u: jax.Array, epsilon: float) -> tuple[jax.Array, jax.Array]:
    """One step of the power method: the weight's largest singular value, differentiable in the weight, and the new u."""
    matrix = as_matrix(weight)
    fixed = jax.lax.stop_gradient(matrix)
    v = _normalize(fixed @ u, epsilon)
    following = _normalize(v @ fixed, epsilon)
    u = jnp.where(jnp.any(following != 0), following, u)  # a zero matrix leaves u as it is
    # sigma = v' W u with v and u held constant, so that d sigma / d W = v u'  (Miyato et al. 2018, Eq. 11).
    return v @ matrix @ u, u


def unit(vector: jax.Array, otherwise: jax.Array) -> jax.Array:
    """The vector scaled to length 1, or `otherwise` where it is zero."""
    length = jnp.linalg.norm(vector)
    return jnp.where(length > 0, vector / jnp.where(length > 0, length, 1.0), otherwise)


def power_step(matrix: jax.Array, u: jax.Array) -> jax.Array:
    """One step of the power method on W' W from u (outputs,); a zero matrix leaves u as it is."""
    return unit(matrix.T @ (matrix @ u), u)


def pair_step(matrix: jax.Array, pair: jax.Array) -> jax.Array:
    """One step of the power method on W' W for the two strongest right singular vectors u0 and u1 together.

    Args:
        matrix: W, (inputs, outputs), both at least 2.
        pair: (2, outputs), not parallel.

    Returns:
        (2, outputs), orthonormal, the stronger one first; `pair` itself for a zero matrix.
    """
    # W' W to both, and the second one held at a right angle to the first ...
    first, second = pair @ matrix.T @ matrix
    first = unit(first, pair[0])
    second = unit(second - (first @ second) * first, pair[1])
    # ... then (Rayleigh and Ritz) the rotation within their plane by which W u0 is longest, and at a right angle to W u1.
    v, w = matrix @ first, matrix @ second
    angle = 0.5 * jnp.arctan2(2 * v @ w, v @ v - w @ w)
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    return jnp.stack([cosine * first + sine * second, cosine * second - sine * first])


def singular_vectors(params: Any, key: jax.Array, exclude: str | None = None) -> dict[str, jax.Array]:
    """Random unit vectors, (outputs,) for each weight, for a power iteration to start from; errors as in `weights`."""
    return {
        name: _normalize(jax.random.normal(jax.random.fold_in(key, index), (leaf.shape[-1],)), 1e-12)
        for index, (name, leaf) in enumerate(weights(params, exclude).items())
    }


def spectral_norm(exclude: str | None = None, epsilon: float = 1e-12, every_call: bool = False) -> Constraint:
    """Divides each weight by its largest singular value: W / sigma(W), one power iteration per update.

    Algorithm 1 of Miyato, Kataoka, Koyama and Yoshida, "Spectral Normalization for GANs" (2018, arXiv:1802.05957). The
    gradient goes through sigma too: dL/dW = (G - <G, W/sigma> v u') / sigma, G being the gradient by the divided weight.
    The initialiser's scale is kept in the raw weights. A kernel counts as an (inputs, outputs) matrix. The vector of a table of
    classes starts where a hundred iterations lead: singular values of such a table lie close together, and a first estimate
    from a random vector is far below the largest.

    Args:
        exclude: Weights in whose path this regular expression is found are left alone.
        epsilon: Added to the norms of the power iteration.
        every_call: One power iteration at each call of the network in a turn, whoever moves, as in the authors' program (and in
            BigGAN's first author's): for a discriminator that judges reals and fakes apart, two in each turn.
    """

    def init(params: Any, key: jax.Array) -> tuple[Any, dict[str, jax.Array]]:
        vectors, leaves = singular_vectors(params, key, exclude), by_path(params)
        for name in vectors:
            if name.rpartition("/")[2] == "embedding":
                table = as_matrix(leaves[name])
                vectors[name] = jax.lax.fori_loop(0, 100, lambda _, u, table=table: power_step(table, u), vectors[name])
        return params, vectors

    def apply(params: Any, vectors: dict[str, jax.Array]) -> tuple[Any, dict[str, jax.Array]]:
        new = dict(vectors)

        def divide(path: tuple[Any, ...], leaf: jax.Array) -> jax.Array:
            name = path_string(path)
            if name not in vectors:
                return leaf
            sigma, new[name] = _power_iteration(leaf, vectors[name], epsilon)
            # A weight that starts at zero has no direction yet: it stays zero until it has moved.
            return leaf / jnp.where(sigma > 0, sigma, 1.0)

        return jax.tree_util.tree_map_with_path(divide, params), new

    return Constraint(init, apply, every_call=every_call)


def track_pairs(params: Any, pairs: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """One `pair_step` for each of the pairs; no gradient passes."""
    leaves = weights(jax.lax.stop_gradient(params))
    return {name: pair_step(as_matrix(leaves[name]), pair) for name, pair in pairs.items()}


def singular_pairs(params: Any, key: jax.Array, exclude: str | None = None, steps: int = 20) -> dict[str, jax.Array]:
    """The two leading right singular vectors, (2, outputs), of each weight that has two, after a few steps from random ones.

    Raises:
        UserError: No weight has two.
    """
    matrices = {
        name: as_matrix(leaf) for name, leaf in weights(params, exclude).items() if min(as_matrix(leaf).shape) > 1
    }
    if not matrices:
        raise UserError("constraint: no weight has two singular values, so there is nothing to compare: leave it out")
    # Weights may begin with the same numbers: one draw is quick to compile.
    drawn = jax.random.normal(key, (2, max(matrix.shape[1] for matrix in matrices.values())))
    pairs = {name: drawn[:, : matrix.shape[1]] for name, matrix in matrices.items()}
    return jax.lax.fori_loop(0, steps, lambda _, pairs: track_pairs(params, pairs), pairs)


def check_goal(name: str, fixed: float | None, ratio: float | None) -> None:
    """Refuses all but one of a positive singular value, and a ratio of at least 1 to the second one.

    Raises:
        UserError: Both or neither, or out of range.
    """
    if (fixed is None) == (ratio is None):
        raise UserError(f"{name}: give either a fixed singular value or a ratio to the second one, and not both")
    if fixed is not None and fixed <= 0:
        raise UserError(f"{name}: the singular value is {fixed}, but it must be positive")
    if ratio is not None and ratio < 1:
        raise UserError(
            f"{name}: ratio={ratio}, but the first singular value is never below the second: take at least 1"
        )


def singular_value_clamp(
    limit: float | None = None, ratio: float | None = None, exclude: str | None = None
) -> Constraint:
    """After each update, what the largest singular value of a weight has above a bound is taken away.

    BigGAN (Brock et al. 2018, arXiv:1809.11096), section 4.1, where it keeps the generator's first singular values from
    exploding, and does not keep training from collapsing. The two leading singular vectors come from a persistent power
    iteration, two steps an update, so that the bound holds once the vectors have settled.

    Args:
        limit: sigma_clamp, the same for all weights.
        ratio: Instead of it, sigma_clamp = ratio * sigma1 of each weight.
        exclude: Weights in whose path this regular expression is found are left alone; so are those with a single input
            or output.
    """
    check_goal("singular value clamp", limit, ratio)

    def project(params: Any, pairs: dict[str, jax.Array]) -> Any:
        pairs = track_pairs(params, pairs)  # those of the weights as the update left them

        def clamp(path: tuple[Any, ...], leaf: jax.Array) -> jax.Array:
            name = path_string(path)
            if name not in pairs:
                return leaf
            matrix, (u0, u1) = as_matrix(leaf), pairs[name]
            image = matrix @ u0  # sigma0 v0
            sigma = jnp.linalg.norm(image)
            bound = limit if ratio is None else ratio * jnp.linalg.norm(matrix @ u1)
            # W <- W - max(0, sigma0 - sigma_clamp) v0 u0'
            excess = jax.nn.relu(sigma - bound) * unit(image, image)
            return (matrix - jnp.outer(excess, u0)).reshape(leaf.shape)

        return jax.tree_util.tree_map_with_path(clamp, params)

    return Constraint(
        init=lambda params, key: (params, singular_pairs(params, key, exclude)),
        apply=lambda params, pairs: (params, track_pairs(params, pairs)),
        project=project,
    )


def clip(limit: float) -> Constraint:
    """Every parameter, biases too, is clipped to [-limit, limit] after each update.

    WGAN (Arjovsky, Chintala and Bottou 2017, arXiv:1701.07875), Algorithm 1, with limit 0.01.
    """
    if limit <= 0:
        raise UserError(f"weight clipping: the limit is {limit}, but it must be positive")

    def project(params: Any, state: Any = ()) -> Any:
        return jax.tree.map(lambda leaf: jnp.clip(leaf, -limit, limit), params)

    return Constraint(lambda params, key: (project(params), ()), project=project)


def max_norm(limit: float) -> Constraint:
    """The weights that enter each unit are shortened to a norm of at most `limit` after each update; biases stay.

    Hinton et al. 2012 (arXiv:1207.0580), section 2. The first GAN's discriminator has it (Goodfellow et al. 2014,
    `mnist.yaml`), with limit 1.9365.
    """
    if limit <= 0:
        raise UserError(f"max norm: the limit is {limit}, but it must be positive")

    def shortened(path: tuple[Any, ...], leaf: jax.Array) -> jax.Array:
        if not is_weight(path_string(path)):
            return leaf
        norm = jnp.linalg.norm(as_matrix(leaf), axis=0, keepdims=True)
        return (as_matrix(leaf) * (limit / jnp.maximum(norm, limit))).reshape(leaf.shape)

    def project(params: Any, state: Any = ()) -> Any:
        return jax.tree_util.tree_map_with_path(shortened, params)

    return Constraint(lambda params, key: (project(params), ()), project=project)


def equalized(
    gain: float = math.sqrt(2.0),
    gains: Mapping[str, float] | None = None,
    rates: Mapping[str, float] | None = None,
) -> Constraint:
    """Equalised learning rate: weights are stored with unit scale and multiplied by gain / sqrt(fan-in) when used.

    ProGAN (Karras et al. 2017, arXiv:1710.10196), section 4.1. The network keeps its own initialisation (the stored
    weight is what it drew, divided by the factor), so only the effective learning rate of each layer changes.

    Args:
        gain: He's constant, sqrt(2) for rectifiers.
        gains: Other gains, for weights in whose path the key (a regular expression) is found, such as {"to_rgb": 1.0}.
        rates: Learning-rate multipliers, likewise, for weights and all other parameters: they are stored larger by 1 / rate.
            StyleGAN (Karras, Laine and Aila 2018, arXiv:1812.04948, appendix C) has 0.01 for its mapping. With labels,
            StyleGAN2 has it for the dense layers alone, {"mapping/dense": 0.01}.

    Raises:
        UserError: A rate that is not above 0.
    """
    if any(not rate > 0 for rate in (rates or {}).values()):
        raise UserError(f"equalised learning rate: rates={dict(rates or {})}, but each must be above 0")

    def chosen(values: Mapping[str, float] | None, name: str, otherwise: float) -> float:
        return next((value for pattern, value in (values or {}).items() if re.search(pattern, name)), otherwise)

    def factor(path: tuple[Any, ...], leaf: jax.Array) -> float:
        name = path_string(path)
        rate = chosen(rates, name, 1.0)
        return rate * chosen(gains, name, gain) / math.sqrt(leaf.size / leaf.shape[-1]) if is_weight(name) else rate

    def init(params: Any, key: jax.Array) -> tuple[Any, Any]:
        return jax.tree_util.tree_map_with_path(lambda path, leaf: leaf / factor(path, leaf), params), ()

    def apply(params: Any, state: Any) -> tuple[Any, Any]:
        return jax.tree_util.tree_map_with_path(lambda path, leaf: leaf * factor(path, leaf), params), state

    return Constraint(init, apply)

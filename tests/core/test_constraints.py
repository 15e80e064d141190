"""Constraints against singular value decompositions and derivatives written out by hand."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import constraints


def params(seed: int = 0):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    return {
        "conv": {"kernel": draw(3, 3, 4, 6), "bias": jnp.ones(6)},
        "dense": {"kernel": draw(7, 5), "bias": jnp.ones(5)},
        "shared_embedding": {"embedding": draw(10, 8)},
    }


def matrix(kernel):
    return np.asarray(kernel, np.float64).reshape(-1, kernel.shape[-1])


def converge(constraint, raw, state, iterations=200):
    update = jax.jit(constraint.apply)
    for _ in range(iterations):
        constrained, state = update(raw, state)
    return constrained, state


def test_spectral_norm_of_a_weight_that_starts_at_zero():
    constraint = constraints.spectral_norm()
    zero = {"kernel": jnp.zeros((3, 2))}
    params, vectors = constraint.init(zero, jax.random.key(0))
    for _ in range(2):
        divided, vectors = constraint.apply(params, vectors)
        np.testing.assert_array_equal(divided["kernel"], 0.0)
    moved = {"kernel": jnp.outer(jnp.array([1.0, 2.0, 2.0]), jnp.array([0.6, 0.8]))}
    for _ in range(3):
        divided, vectors = constraint.apply(moved, vectors)
    # The matrix has rank one: sigma is the product of the lengths, 3.
    np.testing.assert_allclose(divided["kernel"], moved["kernel"] / 3.0, rtol=1e-5)


def test_spectral_norm_divides_by_the_largest_singular_value():
    constraint = constraints.spectral_norm(exclude="shared_embedding")
    raw, state = constraint.init(params(), jax.random.key(1))
    jax.tree.map(np.testing.assert_array_equal, raw, params())  # the initialiser's scale stays
    constrained, state = converge(constraint, raw, state)
    for layer in ("conv", "dense"):
        true = np.linalg.svd(matrix(raw[layer]["kernel"]), compute_uv=False)[0]
        np.testing.assert_allclose(matrix(constrained[layer]["kernel"]), matrix(raw[layer]["kernel"]) / true, rtol=1e-4)
        np.testing.assert_array_equal(constrained[layer]["bias"], raw[layer]["bias"])
    np.testing.assert_array_equal(constrained["shared_embedding"]["embedding"], raw["shared_embedding"]["embedding"])
    assert sorted(state) == ["conv/kernel", "dense/kernel"]


def test_one_apply_is_one_power_iteration():
    constraint = constraints.spectral_norm()
    raw, state = constraint.init(params(), jax.random.key(1))
    constrained, new = constraint.apply(raw, state)
    w = matrix(raw["dense"]["kernel"])
    u = np.asarray(state["dense/kernel"], np.float64)
    v = w @ u / np.linalg.norm(w @ u)
    u = v @ w / np.linalg.norm(v @ w)
    np.testing.assert_allclose(new["dense/kernel"], u, rtol=1e-5)
    np.testing.assert_allclose(constrained["dense"]["kernel"], w / (v @ w @ u), rtol=1e-5)


def test_spectral_norm_gradient_is_the_full_derivative():
    constraint = constraints.spectral_norm()
    raw, state = constraint.init(params(), jax.random.key(1))
    _, state = converge(constraint, raw, state)
    probe = jax.random.normal(jax.random.key(5), (7, 5))

    def loss(w):
        constrained, _ = constraint.apply(raw | {"dense": {"kernel": w, "bias": jnp.ones(5)}}, state)
        return (constrained["dense"]["kernel"] * probe).sum()

    w = matrix(raw["dense"]["kernel"])
    left, values, right = np.linalg.svd(w)
    sigma, uv = values[0], np.outer(left[:, 0], right[0])
    g = np.asarray(probe, np.float64)
    # dL/dW = (G - <G, W / sigma> v u') / sigma
    expected = (g - (g * w / sigma).sum() * uv) / sigma
    np.testing.assert_allclose(jax.grad(loss)(raw["dense"]["kernel"]), expected, rtol=1e-3, atol=1e-4)

    # and finite differences of the true W / sigma(W) agree
    def true(w):
        return (w / np.linalg.svd(w, compute_uv=False)[0] * g).sum()

    step = 1e-6 * np.eye(35).reshape(35, 7, 5)
    numeric = np.array([(true(w + d) - true(w - d)) / 2e-6 for d in step]).reshape(7, 5)
    np.testing.assert_allclose(expected, numeric, rtol=1e-5, atol=1e-7)


def test_a_filter_that_selects_nothing_is_refused():
    with pytest.raises(ValueError, match="no parameter passes the filter"):
        constraints.spectral_norm(exclude=".*").init(params(), jax.random.key(0))


def test_clip_holds_every_parameter_within_the_limit():
    constraint = constraints.clip(0.01)
    raw, _ = constraint.init(params(), jax.random.key(0))
    for tree in (raw, constraint.project(params(), ())):
        for leaf, before in zip(jax.tree.leaves(tree), jax.tree.leaves(params()), strict=True):
            np.testing.assert_array_equal(leaf, np.clip(before, -0.01, 0.01))
    with pytest.raises(ValueError, match="must be positive"):
        constraints.clip(0.0)


def test_max_norm_shortens_what_is_too_long_and_nothing_else():
    before = params()
    old = {path: matrix(leaf) for path, leaf in constraints.weights(before).items()}
    norms = {path: np.linalg.norm(weight, axis=0) for path, weight in old.items()}
    limit = float(np.median(np.concatenate(list(norms.values()))))
    constraint = constraints.max_norm(limit)
    raw, _ = constraint.init(before, jax.random.key(0))
    for tree in (raw, constraint.project(before, ())):
        for path, leaf in constraints.weights(tree).items():
            expected = old[path] * np.minimum(1, limit / norms[path])
            np.testing.assert_allclose(matrix(leaf), expected, rtol=1e-6)
            short = norms[path] < limit
            np.testing.assert_array_equal(matrix(leaf)[:, short], old[path][:, short])
        np.testing.assert_array_equal(tree["conv"]["bias"], before["conv"]["bias"])
    np.testing.assert_array_equal(constraint.project({"kernel": jnp.zeros((3, 2))}, ())["kernel"], np.zeros((3, 2)))
    with pytest.raises(ValueError, match="must be positive"):
        constraints.max_norm(0.0)


def test_a_learning_rate_multiplier_slows_weights_and_biases_alike():
    """A step d of the stored parameters moves the used ones by rate d, and the kernel's by its equalised factor too."""
    constraint = constraints.equalized(gain=1.0, rates={"mapping": 0.01})
    ones = {"kernel": jnp.ones((4, 3)), "bias": jnp.ones((3,))}
    params = {"mapping": ones, "other": ones}
    stored, state = constraint.init(params, jax.random.key(0))
    jax.tree.map(np.testing.assert_allclose, constraint.apply(stored, state)[0], params)
    np.testing.assert_allclose(stored["mapping"]["kernel"], 200.0)  # 1 / (0.01 / sqrt(4))
    moved, _ = constraint.apply(jax.tree.map(lambda leaf: leaf + 1, stored), state)
    steps = jax.tree.map(lambda new, old: float((new - old).mean()), moved, params)
    expected = {"mapping": {"kernel": 0.005, "bias": 0.01}, "other": {"kernel": 0.5, "bias": 1.0}}
    jax.tree.map(lambda step, wanted: np.testing.assert_allclose(step, wanted, rtol=1e-3), steps, expected)
    with pytest.raises(ValueError, match="each must be above 0"):
        constraints.equalized(rates={"mapping": 0.0})


def test_equalized_weights_are_stored_with_unit_scale_and_used_as_initialised():
    constraint = constraints.equalized(gains={"dense": 1.0})
    stored, state = constraint.init(params(), jax.random.key(0))
    used, _ = constraint.apply(stored, state)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), used, params())
    conv, dense = params()["conv"]["kernel"], params()["dense"]["kernel"]
    np.testing.assert_allclose(stored["conv"]["kernel"], conv / (math.sqrt(2) / math.sqrt(3 * 3 * 4)), rtol=1e-6)
    np.testing.assert_allclose(stored["dense"]["kernel"], dense * math.sqrt(7), rtol=1e-6)
    np.testing.assert_array_equal(stored["conv"]["bias"], params()["conv"]["bias"])


def test_chained_constraints_undo_each_other_at_the_start():
    constraint = constraints.chain(constraints.equalized(), constraints.spectral_norm())
    stored, state = constraint.init(params(), jax.random.key(0))
    used, _ = converge(constraint, stored, state)
    w = matrix(params()["conv"]["kernel"])
    expected = w / np.linalg.svd(w, compute_uv=False)[0]
    np.testing.assert_allclose(matrix(used["conv"]["kernel"]), expected, rtol=1e-4)


def test_chained_soft_constraints_see_the_raw_parameters_and_leave_the_others_be():
    seen = []

    def apply(params, state):
        seen.append(params)
        return params, state + 1

    soft = constraints.Constraint(
        init=lambda params, key: (params, 0),
        apply=apply,
        penalty=lambda params, state, clock: state * params["dense"]["bias"].sum(),
    )
    for parts in ((soft, constraints.equalized()), (constraints.equalized(), soft)):
        chained = constraints.chain(*parts)
        stored, states = chained.init(params(), jax.random.key(0))
        used, states = chained.apply(stored, states)
        jax.tree.map(np.testing.assert_array_equal, seen.pop(), stored)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), used, params())
        assert float(chained.penalty(stored, states, None)) == 5.0
    assert constraints.chain(constraints.equalized(), constraints.clip(1.0)).penalty is None


def test_two_singular_vectors_by_power_iteration_are_those_of_the_svd():
    # a gap, almost none, a strong first one, and one that grows up second
    for values in ([4.0, 3.0, 2.0, 1.0], [3.0, 2.99, 1.0, 0.5], [300.0, 1.0, 0.5, 0.1], [2.0, 5.0, 1.0, 0.1]):
        rng = np.random.default_rng(0)
        left, right = (np.linalg.qr(rng.normal(size=(side, 4)))[0] for side in (7, 5))
        w = left * np.array(values)[None] @ right.T
        # started from the vectors of the first two values, turned by an angle
        pair = np.array([[0.8, 0.6], [-0.6, 0.8]]) @ right[:, :2].T + 0.1 * rng.normal(size=(2, 5))
        pair = np.linalg.qr(pair.T)[0].T
        update = jax.jit(constraints.pair_step)
        for _ in range(40):
            pair = update(jnp.asarray(w, jnp.float32), jnp.asarray(pair, jnp.float32))
        np.testing.assert_allclose(pair @ pair.T, np.eye(2), atol=1e-6)
        sigmas = np.linalg.norm(w @ np.asarray(pair, np.float64).T, axis=0)
        _, true, vectors = np.linalg.svd(w)
        np.testing.assert_allclose(sigmas, true[:2], rtol=1e-5)
        np.testing.assert_allclose(np.abs(np.sum(pair * vectors[:2], axis=1)), 1.0, atol=1e-3)


def test_a_zero_weight_keeps_its_vectors_for_the_day_it_grows():
    pair = jnp.eye(5)[:2]
    np.testing.assert_array_equal(constraints.pair_step(jnp.zeros((7, 5)), pair), pair)
    np.testing.assert_array_equal(constraints.power_step(jnp.zeros((7, 5)), pair[0]), pair[0])


@pytest.mark.parametrize("bound", [{"limit": 2.0}, {"ratio": 1.2}])
def test_the_clamp_takes_the_largest_singular_value_down_to_its_bound_and_nothing_else(bound):
    constraint = constraints.singular_value_clamp(**bound, exclude="shared_embedding")
    tree = params()
    left, _, right = np.linalg.svd(matrix(tree["dense"]["kernel"]), full_matrices=False)
    values = np.array([5.0, 1.9, 1.0, 0.5, 0.1])
    tree["dense"]["kernel"] = jnp.asarray(left * values[None] @ right, jnp.float32)
    raw, state = constraint.init(tree, jax.random.key(1))
    assert sorted(state) == ["conv/kernel", "dense/kernel"]
    same, state = converge(constraint, raw, state)
    jax.tree.map(np.testing.assert_array_equal, raw, same)  # the network sees the weights as they are

    clamped = jax.jit(constraint.project)(raw, state)
    top = bound.get("limit", 1.2 * 1.9)
    expected = left * np.array([top, *values[1:]])[None] @ right
    np.testing.assert_allclose(clamped["dense"]["kernel"], expected, atol=1e-4)
    found = np.linalg.svd(matrix(clamped["dense"]["kernel"]), compute_uv=False)
    assert found[0] <= top * (1 + 1e-5)
    # W - max(0, sigma0 - bound) v0 u0' of the convolution, by SVD
    left, values, right = np.linalg.svd(matrix(raw["conv"]["kernel"]), full_matrices=False)
    top = min(values[0], bound.get("limit", 1.2 * values[1]))
    expected = left * np.array([top, *values[1:]])[None] @ right
    np.testing.assert_allclose(matrix(clamped["conv"]["kernel"]), expected, atol=1e-3)
    for layer, leaf in (("conv", "bias"), ("shared_embedding", "embedding")):
        np.testing.assert_array_equal(clamped[layer][leaf], raw[layer][leaf])


def test_the_clamp_brings_all_singular_values_down_in_time_and_raises_none():
    constraint = constraints.singular_value_clamp(limit=2.0)
    raw, state = constraint.init({"kernel": params()["dense"]["kernel"]}, jax.random.key(1))
    before = np.linalg.svd(matrix(raw["kernel"]), compute_uv=False)
    assert (before > 2).sum() >= 2
    update = jax.jit(lambda raw, state: (constraint.project(raw, new := constraint.apply(raw, state)[1]), new))
    for _ in range(60):
        raw, state = update(raw, state)
    after = np.linalg.svd(matrix(raw["kernel"]), compute_uv=False)
    assert after[0] == pytest.approx(2.0, rel=1e-4)
    assert (after <= before * (1 + 1e-5)).all()


def test_bounds_that_make_no_sense_are_refused():
    for bounds in ({}, {"limit": 1.0, "ratio": 2.0}):
        with pytest.raises(ValueError, match="either a fixed singular value or a ratio"):
            constraints.singular_value_clamp(**bounds)
    with pytest.raises(ValueError, match=r"is 0\.0, but it must be positive"):
        constraints.singular_value_clamp(limit=0.0)
    with pytest.raises(ValueError, match="take at least 1"):
        constraints.singular_value_clamp(ratio=0.9)
    with pytest.raises(ValueError, match="no weight has two singular values"):
        constraints.singular_value_clamp(limit=1.0).init({"kernel": jnp.ones((7, 1))}, jax.random.key(0))


def test_the_first_estimate_of_a_table_of_classes_is_its_norm():
    raw = {"class_embedding": {"embedding": jax.random.normal(jax.random.key(3), (200, 128))}}
    constraint = constraints.spectral_norm()
    _, state = constraint.init(raw, jax.random.key(1))
    constrained, _ = constraint.apply(raw, state)
    largest = np.linalg.svd(constrained["class_embedding"]["embedding"], compute_uv=False)[0]
    assert largest == pytest.approx(1.0, abs=0.01)

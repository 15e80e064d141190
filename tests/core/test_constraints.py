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


def test_spectral_regularization_and_its_gradient():
    constraint = constraints.spectral_tracking()
    raw, state = constraint.init(params(), jax.random.key(1))
    same, state = converge(constraint, raw, state)
    jax.tree.map(np.testing.assert_array_equal, raw, same)
    value, gradient = jax.value_and_grad(constraints.spectral_regularization)(raw, state)
    total = 0.0
    for path in (("conv", "kernel"), ("dense", "kernel"), ("shared_embedding", "embedding")):
        w = matrix(raw[path[0]][path[1]])
        left, values, right = np.linalg.svd(w)
        total += 0.5 * values[0] ** 2
        # gradient of 1/2 sigma^2 is sigma v u'
        expected = values[0] * np.outer(left[:, 0], right[0])
        np.testing.assert_allclose(matrix(gradient[path[0]][path[1]]), expected, rtol=1e-3, atol=1e-3)
    assert float(value) == pytest.approx(total, rel=1e-4)


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


def test_orthogonal_regularization_counts_inner_products_of_filters_only():
    tree = {"a": {"kernel": jnp.array([[1.0, 2.0], [3.0, 4.0]])}, "b": {"bias": jnp.ones(3)}}
    # columns (1, 3) and (2, 4): inner product 14, counted twice
    assert float(constraints.orthogonal_regularization(tree)) == pytest.approx(2 * 14.0**2)
    orthogonal = {"a": {"kernel": 5.0 * jnp.linalg.qr(jax.random.normal(jax.random.key(0), (8, 4)))[0]}}
    assert float(constraints.orthogonal_regularization(orthogonal)) == pytest.approx(0.0, abs=1e-6)
    assert float(constraints.orthogonal_regularization(tree, exclude="^a/")) == 0.0

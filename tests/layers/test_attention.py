"""Self-attention: against the sums written out in numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.layers import SelfAttention


def pooled(maps):
    return np.array([[maps[i : i + 2, j : j + 2].max((0, 1)) for j in range(0, maps.shape[1], 2)] for i in (0, 2)])


@pytest.mark.parametrize(("form", "values"), [("released", 8), ("paper", 2)])
def test_equals_the_sums_written_out(form, values):
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 16)).astype(np.float32)
    module = SelfAttention(form)
    params = module.init(jax.random.key(0), x)["params"]
    shapes = {name: leaf["kernel"].shape[2:] for name, leaf in params.items() if name != "gamma"}
    assert shapes == {"query": (16, 2), "key": (16, 2), "value": (16, values), "output": (values, 16)}
    params = {**params, "gamma": jnp.float32(0.7)}
    w = {name: np.asarray(params[name]["kernel"][0, 0]) for name in shapes}
    shrunk = pooled if form == "released" else lambda maps: maps
    made, looks = module.apply({"params": params}, x)
    expected = np.empty_like(x)
    for sample, image in enumerate(x):
        keys, values = shrunk(image @ w["key"]), shrunk(image @ w["value"])
        for i in range(4):
            for j in range(6):
                scores = keys @ (image[i, j] @ w["query"])
                weights = np.exp(scores) / np.exp(scores).sum()
                attended = (weights[..., None] * values).sum((0, 1))
                expected[sample, i, j] = image[i, j] + 0.7 * attended @ w["output"]
                np.testing.assert_allclose(looks[sample, i, j], weights, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", ["released", "paper"])
def test_starts_as_the_identity_in_the_compute_dtype(form):
    x = jax.random.normal(jax.random.key(1), (1, 2, 2, 8)).astype(jnp.bfloat16)
    (y, looks), variables = SelfAttention(form, dtype=jnp.bfloat16).init_with_output(jax.random.key(0), x)
    assert y.dtype == jnp.bfloat16 and looks.dtype == jnp.float32
    np.testing.assert_array_equal(y, x)
    assert variables["params"]["gamma"].shape == ()


def test_scores_that_are_computed_anew_have_the_same_derivatives_of_first_and_second_order(monkeypatch):
    module, x = SelfAttention(), jax.random.normal(jax.random.key(1), (2, 4, 4, 8))
    params = module.init(jax.random.key(0), x)["params"] | {"gamma": jnp.float32(0.7)}

    def derivatives():
        def penalty(params, x):
            return jnp.square(jax.grad(lambda x: jnp.sin(module.apply({"params": params}, x)[0]).sum())(x)).sum()

        traced = jax.jit(jax.value_and_grad(penalty)).trace(params, x)
        return traced.lower().compile()(params, x), "optimization_barrier" in traced.lower().as_text()

    kept, kept_has_barriers = derivatives()
    monkeypatch.setattr("jaxgan.layers.attention.on_accelerators", lambda: True)
    anew, anew_has_barriers = derivatives()
    # A barrier keeps the compiler from seeing that it knows them already.
    assert anew_has_barriers and not kept_has_barriers
    for one, other in zip(jax.tree.leaves(anew), jax.tree.leaves(kept), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_what_is_refused():
    with pytest.raises(ValueError, match="multiples of 2"):
        SelfAttention().init(jax.random.key(0), jnp.ones((1, 3, 4, 8)))
    with pytest.raises(ValueError, match="form='papper' is unknown: choose one of released, paper"):
        SelfAttention("papper").init(jax.random.key(0), jnp.ones((1, 4, 4, 8)))

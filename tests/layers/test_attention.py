"""Self-attention: against the sums written out in numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.layers import SelfAttention


def pooled(maps):
    return np.array([[maps[i : i + 2, j : j + 2].max((0, 1)) for j in range(0, maps.shape[1], 2)] for i in (0, 2)])


def test_equals_the_sums_written_out():
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 16)).astype(np.float32)
    module = SelfAttention()
    params = module.init(jax.random.key(0), x)["params"]
    shapes = {name: leaf["kernel"].shape[2:] for name, leaf in params.items() if name != "gamma"}
    assert shapes == {"query": (16, 2), "key": (16, 2), "value": (16, 8), "output": (8, 16)}
    params = {**params, "gamma": jnp.float32(0.7)}
    w = {name: np.asarray(params[name]["kernel"][0, 0]) for name in shapes}
    expected = np.empty_like(x)
    for sample, image in enumerate(x):
        keys = pooled(image @ w["key"]).reshape(-1, 2)
        values = pooled(image @ w["value"]).reshape(-1, 8)
        for i in range(4):
            for j in range(6):
                scores = keys @ (image[i, j] @ w["query"])
                weights = np.exp(scores) / np.exp(scores).sum()
                expected[sample, i, j] = image[i, j] + 0.7 * (weights @ values) @ w["output"]
    np.testing.assert_allclose(module.apply({"params": params}, x), expected, rtol=1e-4, atol=1e-5)


def test_starts_as_the_identity_in_the_compute_dtype():
    x = jax.random.normal(jax.random.key(1), (1, 2, 2, 8)).astype(jnp.bfloat16)
    y, variables = SelfAttention(dtype=jnp.bfloat16).init_with_output(jax.random.key(0), x)
    assert y.dtype == jnp.bfloat16
    np.testing.assert_array_equal(y, x)
    assert variables["params"]["gamma"].shape == ()


def test_odd_maps_are_refused():
    with pytest.raises(ValueError, match="multiples of 2"):
        SelfAttention().init(jax.random.key(0), jnp.ones((1, 3, 4, 8)))

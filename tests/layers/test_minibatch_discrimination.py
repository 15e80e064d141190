"""Minibatch discrimination: against the paper's sums written as loops, and against torch's gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from jaxgan.errors import UserError
from jaxgan.layers import MinibatchDiscrimination
from jaxgan.mesh import batch_axis

KERNELS, DIMENSIONS, INPUTS = 3, 2, 4
LAYER = MinibatchDiscrimination(KERNELS, DIMENSIONS)


@jax.jit
def run(params, x):
    return LAYER.apply({"params": params}, x)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(8, INPUTS)).astype(np.float32)


@pytest.fixture(scope="module")
def params():
    draw = np.random.default_rng(1).normal
    return {
        "direction": jnp.asarray(draw(size=(INPUTS, KERNELS * DIMENSIONS)), jnp.float32),
        "log_scale": jnp.asarray(0.3 * draw(size=KERNELS * DIMENSIONS), jnp.float32),
        "bias": jnp.asarray(draw(size=KERNELS), jnp.float32),
    }


def projections(x, params):
    """M (B, kernels, dimensions): T's columns have the length exp(log_scale)."""
    direction = np.asarray(params["direction"], np.float64)
    tensor = direction / np.linalg.norm(direction, axis=0) * np.exp(np.asarray(params["log_scale"], np.float64))
    return (np.asarray(x, np.float64) @ tensor).reshape(len(x), KERNELS, DIMENSIONS)


def test_appends_the_closeness_to_all_others(x, params):
    m = projections(x, params)
    o = np.zeros((8, KERNELS))
    for i in range(8):
        for j in range(8):
            if i != j:  # a sample is not its own neighbour
                for b in range(KERNELS):
                    o[i, b] += np.exp(-np.abs(m[i, b] - m[j, b]).sum())
    y = run(params, x)
    np.testing.assert_array_equal(y[:, :INPUTS], x)
    np.testing.assert_allclose(y[:, INPUTS:], o + np.asarray(params["bias"]), rtol=1e-5)


def test_first_parameters(x):
    params = LAYER.init(jax.random.key(0), x)["params"]
    shapes = {"direction": (INPUTS, KERNELS * DIMENSIONS), "log_scale": (KERNELS * DIMENSIONS,), "bias": (KERNELS,)}
    assert jax.tree.map(jnp.shape, params) == shapes
    np.testing.assert_array_equal(params["bias"], -1.0)
    np.testing.assert_array_equal(params["log_scale"], 0.0)


def test_equal_samples_are_as_close_as_can_be_and_alone_is_alone(x, params):
    same = np.repeat(x[:1], 5, axis=0)
    y = run(params, same)
    np.testing.assert_allclose(y[:, INPUTS:], 4 + np.asarray(params["bias"])[None] + np.zeros((5, 1)), rtol=1e-6)
    gradient = jax.grad(lambda x: run(params, x)[:, INPUTS:].sum())(same)
    np.testing.assert_array_equal(gradient, np.zeros_like(same))
    alone = run(params, x[:1])
    np.testing.assert_array_equal(alone[0, INPUTS:], params["bias"])


def test_gradients_equal_torch(x, params):
    torch = pytest.importorskip("torch")

    def loss(params, x):
        return jnp.sin(LAYER.apply({"params": params}, x)).sum()

    ours = jax.jit(jax.grad(loss, argnums=(0, 1)))(params, x)
    t = {name: torch.tensor(np.asarray(value), requires_grad=True) for name, value in params.items()}
    tx = torch.tensor(x, requires_grad=True)
    tensor = t["direction"] / t["direction"].norm(dim=0) * t["log_scale"].exp()
    m = (tx @ tensor).reshape(-1, KERNELS, DIMENSIONS)
    distance = (m[:, None] - m[None]).abs().sum(-1) + 1e6 * torch.eye(8)[:, :, None]
    torch.sin(torch.cat([tx, (-distance).exp().sum(1) + t["bias"]], 1)).sum().backward()
    np.testing.assert_allclose(ours[1], tx.grad.numpy(), rtol=1e-4, atol=1e-5)
    for name in params:
        np.testing.assert_allclose(ours[0][name], t[name].grad.numpy(), rtol=1e-4, atol=1e-5)


def test_compares_over_all_devices(x, params):
    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))

    def split(x):
        with batch_axis("data"):
            return jnp.sin(LAYER.apply({"params": params}, x))

    mapped = jax.jit(jax.shard_map(split, mesh=mesh, in_specs=P("data"), out_specs=P("data")))
    np.testing.assert_allclose(mapped(x), jnp.sin(run(params, x)), rtol=1e-5, atol=1e-6)
    ours = jax.jit(jax.grad(lambda x: mapped(x).sum()))(x)
    whole = jax.jit(jax.grad(lambda x: jnp.sin(run(params, x)).sum()))(x)
    np.testing.assert_allclose(ours, whole, rtol=1e-4, atol=1e-6)


def test_computes_in_float32(x, params):
    y = run(params, x.astype(jnp.bfloat16))
    assert y.dtype == jnp.float32
    np.testing.assert_allclose(y, run(params, x.astype(jnp.bfloat16).astype(np.float32)), rtol=1e-6)


def test_memory_grows_with_pairs_and_kernels_but_not_dimensions():
    batch, kernels, dimensions = 96, 8, 16
    layer = MinibatchDiscrimination(kernels, dimensions)
    features = jnp.zeros((batch, 4))
    params = jax.eval_shape(layer.init, jax.random.key(0), features)
    compiled = jax.jit(jax.grad(lambda p, x: layer.apply(p, x).sum())).lower(params, features).compile()
    pairs = 4 * batch**2 * kernels
    assert compiled.memory_analysis().temp_size_in_bytes < 5 * pairs  # all differences would be 16


def test_by_data_half_the_way_to_the_nearest_other_is_1_and_the_result_has_mean_0(x):
    layer = MinibatchDiscrimination(KERNELS, DIMENSIONS, data_init=True)
    params = layer.init(jax.random.key(0), 7 * x)["params"]
    m = projections(7 * x, params)
    distances = np.abs(m[:, None] - m[None]).sum(-1)
    distances[np.arange(8), np.arange(8)] = np.inf
    np.testing.assert_allclose(0.5 * distances.min(axis=1).mean(axis=0), 1, rtol=1e-5)
    # A kernel's dimensions keep their proportions: T is scaled as a whole.
    scales = np.asarray(params["log_scale"]).reshape(KERNELS, DIMENSIONS)
    np.testing.assert_array_equal(scales, scales[:, :1].repeat(DIMENSIONS, 1))
    y = layer.apply({"params": params}, 7 * x)
    np.testing.assert_allclose(y[:, INPUTS:].mean(0), 0, atol=1e-5)
    assert np.asarray(y[:, INPUTS:]).std() > 0.05
    with pytest.raises(UserError, match="data_init compares the entries of a minibatch"):
        layer.init(jax.random.key(0), x[:1])

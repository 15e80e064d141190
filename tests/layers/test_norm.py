"""Normalisation: against torch and hand-computed formulas, and batch statistics over devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgan.layers import (
    BatchNorm,
    ClassConditionalBatchNorm,
    ConditionalBatchNorm,
    InstanceNorm,
    LayerNorm,
    pixel_norm,
)
from jaxgan.mesh import batch_axis

EPSILON = 1e-5
SCALE, BIAS = np.array([0.5, -2.0, 3.0], np.float32), np.array([1.0, 0.0, -1.0], np.float32)
AFFINE = {"params": {"scale": SCALE, "bias": BIAS}}


@pytest.fixture
def x():
    # a mean far from zero, where E[x^2] - mean^2 would cancel
    return np.random.default_rng(0).normal(100.0, [1.0, 0.1, 5.0], size=(8, 4, 5, 3)).astype(np.float32)


def normalised(x, axes):
    x = x.astype(np.float64)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + EPSILON)


@pytest.mark.parametrize(
    ("module", "axes"), [(BatchNorm(), (0, 1, 2)), (InstanceNorm(), (1, 2)), (LayerNorm(), (1, 2, 3))]
)
def test_normalises_over_its_axes_then_scales_and_shifts_channels(x, module, axes):
    assert jax.tree.map(jnp.shape, module.init(jax.random.key(0), x)["params"]) == {"scale": (3,), "bias": (3,)}
    np.testing.assert_allclose(module.apply(AFFINE, x), normalised(x, axes) * SCALE + BIAS, atol=3e-3)


@pytest.mark.parametrize(
    ("module", "name"), [(BatchNorm(), "batch_norm"), (InstanceNorm(), "instance_norm")], ids=["batch", "instance"]
)
def test_values_and_gradients_equal_torch(x, module, name):
    torch = pytest.importorskip("torch")
    x = x - 100.0
    ours_x = jax.grad(lambda x: jnp.sin(module.apply(AFFINE, x)).sum())(x)
    ours_params = jax.grad(lambda params: jnp.sin(module.apply({"params": params}, x)).sum())(AFFINE["params"])
    theirs, scale, bias = (torch.tensor(value, requires_grad=True) for value in (x, SCALE, BIAS))
    options = {"training": True} if name == "batch_norm" else {"use_input_stats": True}
    function = getattr(torch.nn.functional, name)
    y = function(theirs.permute(0, 3, 1, 2), None, None, scale, bias, **options)
    torch.sin(y).sum().backward()
    np.testing.assert_allclose(module.apply(AFFINE, x), y.detach().permute(0, 2, 3, 1).numpy(), rtol=1e-4, atol=1e-5)
    for ours, other in ((ours_x, theirs), (ours_params["scale"], scale), (ours_params["bias"], bias)):
        np.testing.assert_allclose(ours, other.grad.numpy(), rtol=1e-3, atol=1e-3)


def test_batch_norm_takes_vectors_and_leaves_out_what_it_shall_not_learn(x):
    module = BatchNorm(use_scale=False, use_bias=False)
    vectors = x[:, 0, 0]
    assert "params" not in module.init(jax.random.key(0), vectors)
    np.testing.assert_allclose(module.apply({}, vectors), normalised(vectors, (0,)), atol=2e-3)


def test_batch_norm_uses_the_statistics_it_is_handed(x):
    mean, var = np.array([90.0, 100.0, 110.0], np.float32), np.array([1.0, 4.0, 9.0], np.float32)
    y = BatchNorm().apply({**AFFINE, "statistics": {"mean": mean, "var": var}}, x)
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(var + EPSILON) * SCALE + BIAS, rtol=1e-4, atol=1e-4)
    # each sample by itself: the rest of the batch does not matter
    np.testing.assert_array_equal(BatchNorm().apply({**AFFINE, "statistics": {"mean": mean, "var": var}}, x[:1]), y[:1])


def test_batch_norm_stores_its_statistics_only_when_asked(x):
    y = BatchNorm().apply(AFFINE, x)
    same, stored = BatchNorm().apply(AFFINE, x, mutable=["batch_statistics"])
    statistics = stored["batch_statistics"]
    np.testing.assert_allclose(statistics["mean"], x.mean((0, 1, 2), dtype=np.float64), rtol=1e-5)
    np.testing.assert_allclose(statistics["var"], x.var((0, 1, 2), dtype=np.float64), rtol=1e-3)
    np.testing.assert_array_equal(same, y)
    # what was stored can be handed back
    np.testing.assert_allclose(BatchNorm().apply({**AFFINE, "statistics": statistics}, x), y, atol=1e-4)


def test_statistics_are_float32_and_outputs_the_compute_dtype(x):
    module = BatchNorm(dtype="bfloat16")
    y, stored = module.apply(AFFINE, x.astype(jnp.bfloat16), mutable=["batch_statistics"])
    assert y.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(stored)} == {jnp.dtype("float32")}


def loss(params, x):
    return jnp.sin(BatchNorm().apply({"params": params}, x)).sum()


@pytest.mark.parametrize("check_vma", [True, False])
def test_batch_norm_under_shard_map_is_over_all_devices(x, check_vma):
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))

    def values_and_gradient(params, x):
        with batch_axis("data"):
            gradient = jax.grad(loss)(params, x)
            if not check_vma:
                gradient = jax.lax.psum(gradient, "data")
            return BatchNorm().apply({"params": params}, x), gradient

    split = jax.shard_map(
        values_and_gradient, mesh=mesh, in_specs=(P(), P("data")), out_specs=(P("data"), P()), check_vma=check_vma
    )
    y, gradient = jax.jit(split)(AFFINE["params"], x)
    np.testing.assert_allclose(y, normalised(x, (0, 1, 2)) * SCALE + BIAS, atol=3e-3)
    for ours, whole in zip(
        jax.tree.leaves(gradient), jax.tree.leaves(jax.grad(loss)(AFFINE["params"], x)), strict=True
    ):
        np.testing.assert_allclose(ours, whole, rtol=1e-3, atol=1e-2)


def test_batch_norm_gradients_through_shared_statistics_reach_other_devices(x):
    """The gradient by the images, which flows through the mean over devices, too."""
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    x = x - 100.0

    def gradient(x):
        with batch_axis("data"):
            return jax.grad(lambda x: loss(AFFINE["params"], x))(x)

    split = jax.shard_map(gradient, mesh=mesh, in_specs=P("data"), out_specs=P("data"))
    whole = jax.grad(lambda x: loss(AFFINE["params"], x))(x)
    np.testing.assert_allclose(jax.jit(split)(x), whole, rtol=1e-3, atol=1e-4)


def test_batch_norm_under_jit_on_a_mesh_is_over_all_devices(x):
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    y = jax.jit(lambda x: BatchNorm().apply(AFFINE, x))(jax.device_put(x, NamedSharding(mesh, P("data"))))
    np.testing.assert_allclose(y, normalised(x, (0, 1, 2)) * SCALE + BIAS, atol=3e-3)


def test_conditional_batch_norm_has_gain_one_plus_a_linear_map(x):
    condition = np.random.default_rng(1).normal(size=(8, 2)).astype(np.float32)
    gain, bias = np.arange(6.0, dtype=np.float32).reshape(2, 3), np.ones((2, 3), np.float32)
    module = ConditionalBatchNorm()
    shapes = jax.tree.map(jnp.shape, module.init(jax.random.key(0), x, condition)["params"])
    assert shapes == {"gain": {"kernel": (2, 3)}, "bias": {"kernel": (2, 3)}}
    y = module.apply({"params": {"gain": {"kernel": gain}, "bias": {"kernel": bias}}}, x, condition)
    expected = normalised(x, (0, 1, 2)) * (1 + condition @ gain)[:, None, None] + (condition @ bias)[:, None, None]
    np.testing.assert_allclose(y, expected, atol=1e-2)


def test_class_conditional_batch_norm_starts_plain_and_looks_up_its_tables(x):
    label = np.array([0, 1, 1, 0, 3, 2, 2, 3])
    module = ClassConditionalBatchNorm(embedded_classes=4)
    variables = module.init(jax.random.key(0), x, label)
    np.testing.assert_allclose(
        module.apply({"params": variables["params"]}, x, label), normalised(x, (0, 1, 2)), atol=2e-3
    )
    scale, bias = np.arange(12.0, dtype=np.float32).reshape(4, 3), np.ones((4, 3), np.float32)
    y = module.apply({"params": {"scale": scale, "bias": bias}}, x, label)
    np.testing.assert_allclose(y, normalised(x, (0, 1, 2)) * scale[label][:, None, None] + 1, atol=2e-2)


def test_pixel_norm_gives_every_pixel_mean_square_one(x):
    y = pixel_norm(jnp.asarray(x))
    np.testing.assert_allclose(y, x / np.sqrt(np.square(x).mean(-1, keepdims=True)), rtol=1e-5)
    np.testing.assert_array_equal(pixel_norm(jnp.zeros((1, 2))), np.zeros((1, 2)))
    assert pixel_norm(jnp.ones((1, 2), jnp.bfloat16)).dtype == jnp.bfloat16

"""Virtual batch norm: against the paper's formula sample by sample, and torch's gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgan.layers import BatchNorm, VirtualBatchNorm

N, EPSILON = 3, 1e-5
SCALE, BIAS = np.array([0.5, -2.0], np.float32), np.array([1.0, -1.0], np.float32)
AFFINE = {"params": {"scale": SCALE, "bias": BIAS}}
LAYER = VirtualBatchNorm(N)
run = jax.jit(LAYER.apply)


@pytest.fixture(scope="module")
def x():
    # a mean far from zero, where E[x^2] - mean^2 would cancel in float32
    return np.random.default_rng(0).normal(50.0, [1.0, 4.0], size=(8, 3, 4, 2)).astype(np.float32)


def by_the_paper(x, n):
    """Statistics of sample i: 1 / (n + 1) of its own and n / (n + 1) of the reference batch's, in float64."""
    x = x.astype(np.float64)
    pixels = tuple(range(1, x.ndim - 1))
    reference_mean, reference_square = x[:n].mean((0, *pixels)), np.square(x[:n]).mean((0, *pixels))
    rows = []
    for i, own in enumerate(x):
        axes = tuple(range(own.ndim - 1))
        mean, square = reference_mean, reference_square
        if i >= n:
            mean = (own.mean(axes) + n * reference_mean) / (n + 1)
            square = (np.square(own).mean(axes) + n * reference_square) / (n + 1)
        rows.append((own - mean) / np.sqrt(square - mean**2 + EPSILON))
    return np.stack(rows) * SCALE + BIAS


@pytest.mark.parametrize("n", [1, 3, 7, 8])
def test_mixes_the_statistics_of_sample_and_reference(x, n):
    y = jax.jit(VirtualBatchNorm(n).apply)(AFFINE, x)
    np.testing.assert_allclose(y, by_the_paper(x, n), atol=2e-4)


def test_vectors(x):
    np.testing.assert_allclose(run(AFFINE, x[:, 0, 0]), by_the_paper(x[:, 0, 0], N), atol=1e-3)


def test_a_sample_is_normalised_in_the_batch_that_it_and_the_reference_make(x):
    y = run(AFFINE, x)
    for i in (3, 7):
        batch = np.concatenate([x[:N], x[i : i + 1]])
        np.testing.assert_allclose(y[i], BatchNorm().apply(AFFINE, batch)[-1], atol=1e-4)
    # and the reference in its own
    np.testing.assert_allclose(y[:N], BatchNorm().apply(AFFINE, x[:N]), atol=1e-4)


def test_samples_do_not_see_each_other(x):
    changed = x.copy()
    changed[5] += 1.0
    difference = np.abs(np.asarray(run(AFFINE, changed) - run(AFFINE, x))).max((1, 2, 3))
    np.testing.assert_array_equal(difference > 0, np.arange(8) == 5)


def test_gradients_equal_torch(x):
    torch = pytest.importorskip("torch")
    x = x - 50.0
    loss = lambda params, x: jnp.sin(LAYER.apply({"params": params}, x)).sum()  # noqa: E731
    ours = jax.jit(jax.grad(loss, argnums=(0, 1)))(AFFINE["params"], x)
    t, scale, bias = (torch.tensor(value, requires_grad=True) for value in (x, SCALE, BIAS))
    mean, square = t[:N].mean((0, 1, 2)), t[:N].square().mean((0, 1, 2))
    reference = (t[:N] - mean) / (square - mean**2 + EPSILON).sqrt()
    means = (t[N:].mean((1, 2), keepdim=True) + N * mean) / (N + 1)
    squares = (t[N:].square().mean((1, 2), keepdim=True) + N * square) / (N + 1)
    samples = (t[N:] - means) / (squares - means**2 + EPSILON).sqrt()
    torch.sin(torch.cat([reference, samples]) * scale + bias).sum().backward()
    np.testing.assert_allclose(ours[1], t.grad.numpy(), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(ours[0]["scale"], scale.grad.numpy(), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(ours[0]["bias"], bias.grad.numpy(), rtol=1e-3, atol=1e-4)


def test_parameters_and_dtypes(x):
    shapes = jax.tree.map(jnp.shape, LAYER.init(jax.random.key(0), x)["params"])
    assert shapes == {"scale": (2,), "bias": (2,)}
    assert "params" not in VirtualBatchNorm(N, use_scale=False, use_bias=False).init(jax.random.key(0), x)
    assert VirtualBatchNorm(N, dtype="bfloat16").apply(AFFINE, x.astype(jnp.bfloat16)).dtype == jnp.bfloat16


def test_samples_stay_on_their_devices(x):
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    sharded = jax.device_put(x, NamedSharding(mesh, P("data")))
    np.testing.assert_allclose(run(AFFINE, sharded), by_the_paper(x, N), atol=2e-4)
    program = run.lower(AFFINE, sharded).compile().as_text()
    assert not any(word in program for word in ("all-gather", "all-to-all", "collective-permute"))


@pytest.mark.parametrize("n", [0, 9])
def test_a_reference_is_needed(x, n):
    with pytest.raises(ValueError, match=f"reference={n} of 8 samples"):
        VirtualBatchNorm(n).apply(AFFINE, x)

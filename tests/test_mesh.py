"""The batch axis over devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import hlo
from jaxgan.mesh import batch_axis, batch_axis_name, batch_mean, batch_moments, batched, data_mesh, on_accelerators


def test_the_name_holds_within_the_context_and_is_restored():
    assert batch_axis_name() is None
    with batch_axis("data"):
        with batch_axis("inner"):
            assert batch_axis_name() == "inner"
        assert batch_axis_name() == "data"
    assert batch_axis_name() is None


def test_mean_is_local_without_a_name_and_global_with_one():
    x = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)
    np.testing.assert_allclose(batch_mean(x, 0), x.mean(0), rtol=1e-6)
    with batch_axis("data"):
        across = jax.vmap(lambda share: batch_mean(share, (0,)), axis_name="data")(jnp.asarray(x))
    np.testing.assert_allclose(across, np.tile(x.mean((0, 1)), (4, 1)), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("batch", [16, 12])  # eight devices can share the one and not the other
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_moments_over_a_mesh_are_those_of_the_whole_batch(batch, offset):
    x = np.random.default_rng(0).normal(size=(batch, 4, 5, 3)).astype(np.float32)
    x = x * np.arange(1, batch + 1, dtype=np.float32)[:, None, None, None] + np.float32(offset)
    weight = np.asarray([0.5, -1.0, 2.0], np.float32)

    def loss(x):
        mean, variance = batch_moments(x, (0, 1, 2))
        return weight @ mean + weight @ variance, (mean, variance)

    with jax.set_mesh(data_mesh(jax.devices()[:8])):
        gradient, (mean, variance) = jax.jit(jax.grad(loss, has_aux=True))(x)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean((0, 1, 2)), rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(variance, exact.var((0, 1, 2)), rtol=1e-5)
    # d mean / d x = 1 / n and d variance / d x = 2 (x - mean) / n
    expected = weight * (1 + 2 * (exact - exact.mean((0, 1, 2)))) / (batch * 20)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_moments_over_a_mesh_take_one_exchange():
    mesh = data_mesh(jax.devices()[:8])
    given = jax.ShapeDtypeStruct((16, 4, 4, 5), "float32", sharding=batched(mesh))
    with jax.set_mesh(mesh):
        program = jax.jit(lambda x: batch_moments(x, (0, 1, 2))).lower(given).compile()
    # A device's mean and variance of each channel.
    assert hlo.collectives(hlo.Module(program.as_text())) == {"all-gather": hlo.Exchange(1, 2 * 5 * 4)}


def test_a_mesh_of_cpus_is_no_accelerator():
    assert not on_accelerators()
    with jax.set_mesh(data_mesh(jax.devices()[:8])):
        assert not on_accelerators()

"""The batch axis over devices."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.mesh import batch_axis, batch_axis_name, batch_mean


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

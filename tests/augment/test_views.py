"""What every view must be: differentiable twice, one image at a time, and at home on many devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgan.augment import ada, augment_pipe, diff_augment, instance_noise
from jaxgan.core import chain_views
from jaxgan.errors import UserError
from jaxgan.mesh import data_mesh

VIEWS = {
    "diff_augment": diff_augment(),
    "instance_noise": instance_noise(0.3),
    "augment_pipe": augment_pipe("bgco", probability=0.8),
    "filters_and_noise": augment_pipe("fn", probability=0.8),
    "ada": ada("bc", start=0.6),
}


def images(batch, height=6, width=5, channels=3):
    return jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (batch, height, width, channels)), jnp.float32)


@pytest.mark.parametrize("name", VIEWS)
def test_gradients_are_those_of_finite_differences(name):
    view, x = VIEWS[name], images(8)

    def critic(x, sharpness):
        return jnp.tanh(sharpness * view.apply(jax.random.key(0), x, None, view.init())).sum(axis=(1, 2, 3))

    def penalty(sharpness):
        # As gradient penalties are: by the images, through the view, and then by the weights.
        return jnp.square(jax.grad(lambda x: critic(x, sharpness).sum())(x)).sum()

    direction = images(8)[::-1]
    along = jax.jit(jax.value_and_grad(lambda step: critic(x + step * direction, 0.5).sum()))
    (ahead, _), (behind, _), (_, slope) = along(1e-2), along(-1e-2), along(0.0)
    np.testing.assert_allclose(slope, (ahead - behind) / 2e-2, rtol=5e-3, atol=0.05)
    second_order = jax.jit(jax.value_and_grad(penalty))
    (ahead, _), (behind, _), (value, slope) = second_order(0.51), second_order(0.49), second_order(0.5)
    assert np.isfinite(float(slope)) and float(value) > 0
    np.testing.assert_allclose(slope, (ahead - behind) / 2e-2, rtol=5e-3)


@pytest.mark.parametrize("name", VIEWS)
def test_each_image_has_its_own_draw_and_depends_on_no_other(name):
    view, start = jax.jit(VIEWS[name].apply), VIEWS[name].init()
    x = images(1)
    same = view(jax.random.key(0), jnp.repeat(x, 16, axis=0), None, start)
    assert len({np.asarray(image).tobytes() for image in same}) == 16
    others = jnp.concatenate([x, images(16)[1:]])
    np.testing.assert_array_equal(view(jax.random.key(0), others, None, start)[0], same[0])
    assert not np.array_equal(view(jax.random.key(1), others, None, start)[0], same[0])


@pytest.mark.parametrize("name", [name for name in VIEWS if name != "instance_noise"])
def test_a_view_of_images_does_not_take_points(name):
    with pytest.raises(UserError, match=r"takes images .* got vectors of shape \(2,\): leave the view out"):
        VIEWS[name].apply(jax.random.key(0), jnp.ones((4, 2)), None, VIEWS[name].init())


def test_devices_share_the_work_and_see_what_one_would():
    x = images(16)
    view = chain_views(list(VIEWS.values()))

    def slopes(key, x):
        return jax.value_and_grad(lambda x: jnp.square(view.apply(key, x, None, view.init())).mean())(x)

    alone = jax.jit(slopes)(jax.random.key(0), x)
    mesh = data_mesh()
    with jax.set_mesh(mesh):
        sharded = jax.device_put(x, NamedSharding(mesh, P("data")))
        shared = jax.jit(slopes).lower(jax.random.key(0), sharded).compile()
        for mine, ours in zip(alone, shared(jax.random.key(0), sharded), strict=True):
            np.testing.assert_allclose(mine, ours, rtol=1e-5, atol=1e-7)
    program = shared.as_text()
    # The mean is a sum over the devices; no image, and no draw, travels.
    assert "all-reduce" in program
    assert not any(word in program for word in ("all-gather", "all-to-all", "collective-permute"))


def test_a_chain_gives_each_view_its_own_draws():
    x = jnp.zeros((4000, 1, 1, 1))
    twice = chain_views([instance_noise(1.0), instance_noise(1.0)])
    twice = jax.jit(twice.apply)(jax.random.key(0), x, None, twice.init())
    # Var(a + b) = 2 for independent draws, 4 for the same one twice.
    np.testing.assert_allclose(np.asarray(twice).var(), 2.0, rtol=0.2)

"""Growth: stages by images, and no jump of the output when a level starts."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan import gans
from jaxgan.core import Player, constraints
from jaxgan.networks import ProGANDiscriminator, ProGANGenerator


def game(**fields):
    sizes = {"base_width": 64, "max_width": 8}
    return gans.progan(
        Player(
            ProGANGenerator(output_shape=(16, 16, 1), **sizes),
            optax.adam(1e-3, b1=0.0, b2=0.99),
            constraints.equalized(),
        ),
        Player(ProGANDiscriminator(**sizes), optax.adam(1e-3, b1=0.0, b2=0.99), constraints.equalized()),
        resolution=16,
        latent_size=8,
        **{"fade_images": 8, "stable_images": 16} | fields,
    )


def test_networks_that_begin_at_the_full_size_do_not_grow():
    (stage,) = game(first_resolution=16).stages
    assert (stage.name, stage.until_images, stage.fade_images) == ("16x16", None, 0)


def test_levels_follow_the_images_shown():
    made = game(batch_sizes={"16": 2})
    assert [stage.name for stage in made.stages] == ["4x4", "8x8", "16x16"]
    assert [made.due(0, images).stage for images in (0, 15, 16, 39, 40, 10**6)] == [0, 0, 1, 1, 2, 2]
    assert [stage.batch_size for stage in made.stages] == [None, None, 2]
    assert not made.over(10**6, 10**9)  # the last level goes on until the run ends


def test_a_level_starts_without_a_jump_and_fades_in_by_images():
    made = game()
    batch = {"image": np.random.default_rng(1).uniform(-1, 1, (4, 16, 16, 1)).astype(np.float32)}
    state = made.init(jax.random.key(0), batch)
    # the last images of 4x4, upsampled, are the first ones of 8x8
    before = made.sample(state, jax.random.key(2), 3, stage=0)
    after = made.sample(state.replace(stage=jnp.int32(1), stage_images=state.images), jax.random.key(2), 3, stage=1)
    assert before.shape == (3, 4, 4, 1) and after.shape == (3, 8, 8, 1)
    np.testing.assert_allclose(after, np.repeat(np.repeat(before, 2, 1), 2, 2), atol=1e-6)
    # so are its scores: the new level sees of the data what the old one saw, their means over 4x4
    judged = [
        made.use("judge", grown, jax.random.key(2), images=images, stage=stage)
        for grown, stage in ((state, 0), (state.replace(stage=jnp.int32(1), stage_images=state.images), 1))
        for images in (batch["image"], np.kron(batch["image"].reshape(4, 4, 4, 4, 4).mean((2, 4)), np.ones((4, 4)))[..., None])
    ]
    for scores in judged[1:]:
        np.testing.assert_allclose(scores, judged[0], rtol=1e-4, atol=1e-5)
    assert np.ptp(judged[0]) > 1e-3

    step = jax.jit(made.step, static_argnames="due")
    alphas, images = [], 16
    state = state.replace(images=jnp.int32(images))
    for _ in range(4):
        due = made.due(0, images)
        assert due.stage == 1
        state, metrics = step(state, batch, due=due)
        alphas.append(float(metrics["discriminator/alpha"]))
        images += 4
    assert alphas == [0.0, 0.5, 1.0, 1.0]
    assert np.isfinite(float(metrics["discriminator/loss"])) and float(metrics["discriminator/gradient_penalty"]) > 0

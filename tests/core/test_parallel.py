"""The same step on one device, on a mesh of eight, and under shard_map and pmap."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec

from jaxgan import gans
from jaxgan.core import Aux, Game, Player, Stage, Turn, averaging
from jaxgan.losses import non_saturating
from jaxgan.mesh import batched, data_mesh, replicated
from jaxgan.networks import DCGANDiscriminator, DCGANGenerator

BATCH = 48  # an eighth, 6, and the whole differ from every width and map size below


def dcgan() -> Game:
    return gans.gan(
        Player(
            DCGANGenerator(output_shape=(8, 8, 1), width=10),
            optax.adam(1e-3, b1=0.5),
            average=averaging.half_life(500),
        ),
        Player(DCGANDiscriminator(width=10), optax.adam(1e-3, b1=0.5)),
        latent_size=8,
    )


def reals(step: int) -> dict[str, jax.Array]:
    return {"image": jnp.asarray(np.random.default_rng(step).uniform(-1, 1, (BATCH, 8, 8, 1)), jnp.float32)}


def test_eight_devices_train_as_one_and_share_the_work():
    game = dcgan()
    first = game.init(jax.random.key(0), reals(0))

    single = jax.jit(game.step, static_argnames="due")
    alone = first
    for index in range(20):
        alone, alone_metrics = single(alone, reals(index))

    mesh = data_mesh()
    assert mesh.size == 8
    with jax.set_mesh(mesh):
        state = jax.device_put(first, replicated(mesh))
        batch = jax.device_put(reals(0), batched(mesh))
        shared = jax.jit(game.step, out_shardings=replicated(mesh)).lower(state, batch).compile()
        for index in range(20):
            state, metrics = shared(state, jax.device_put(reals(index), batched(mesh)))

    for one, many in zip(jax.tree.leaves(alone.players), jax.tree.leaves(state.players), strict=True):
        np.testing.assert_allclose(one, many, atol=1e-5)
    assert float(metrics["generator/loss"]) == pytest.approx(float(alone_metrics["generator/loss"]), rel=1e-4)

    # Each device convolves its eighth of the batch, the generator's own draws included: no convolution, of images or of
    # filter gradients, has a side as long as the whole batch (which no width or map of these networks is) ...
    program = shared.as_text()
    shapes = dict(re.findall(r"(%[\w.-]+) = \w+\[([\d,]*)\]", program))
    sides = [
        {int(side) for name in (result, *operands.split(", ")) for side in shapes[name].split(",")}
        for result, operands in re.findall(r"(%[\w.-]+) = \S+ convolution\(([^)]*)\)", program)
    ]
    assert len(sides) > 8 and all(BATCH // 8 in sizes and BATCH not in sizes for sizes in sides), sides
    # ... and no image travels: what is gathered or reduced is as small as parameters and statistics are.
    for shape in re.findall(r"f32\[([\d,]*)\]\S* all-gather\(", program):
        # Of batch norm each of eight devices tells the mean and the variance of 10 channels; a device's images are 384 numbers.
        assert np.prod([int(side) for side in shape.split(",") if side]) <= 8 * 2 * 10, shape


def latent_from_batch() -> Game:
    """DCGAN on latents that come with the minibatch, so that no device draws its own."""

    def discriminator_loss(nets, batch, memory, key):
        fake = nets.generator(batch["latent"])
        return non_saturating.discriminator(nets.discriminator(batch["image"]), nets.discriminator(fake)), Aux()

    def generator_loss(nets, batch, memory, key):
        return non_saturating.generator(nets.discriminator(nets.generator(batch["latent"]))), Aux()

    game = dcgan()
    turns = (Turn("discriminator", discriminator_loss), Turn("generator", generator_loss))
    return Game(players=game.players, inputs=game.inputs, stages=(Stage(turns),))


def test_shard_map_and_pmap_with_an_axis_name_train_as_one_device():
    game = latent_from_batch()
    batch = reals(0) | {"latent": jax.random.normal(jax.random.key(9), (BATCH, 8))}
    state = game.init(jax.random.key(0), batch)
    alone, alone_metrics = jax.jit(game.step)(state, batch)
    whole = PartitionSpec()

    def step(state, batch):
        return game.step(state, batch, axis_name="data")

    mapped = jax.shard_map(
        step, mesh=data_mesh(), in_specs=(whole, PartitionSpec("data")), out_specs=whole, check_vma=False
    )
    shard_state, shard_metrics = jax.jit(mapped)(state, batch)

    copies = jax.tree.map(lambda leaf: jnp.stack([leaf] * 8), state)
    shares = jax.tree.map(lambda leaf: leaf.reshape(8, -1, *leaf.shape[1:]), batch)
    pmap_state, _ = jax.pmap(step, axis_name="data")(copies, shares)

    assert int(shard_state.images) == BATCH
    assert float(shard_metrics["generator/loss"]) == pytest.approx(float(alone_metrics["generator/loss"]), rel=1e-5)
    for name in game.players:
        # Adam's first step is the sign of the gradient, so compare its first moments: the gradients themselves.
        for one, mapped_leaf, copy in zip(
            jax.tree.leaves(alone.players[name].optimizer[0].mu),
            jax.tree.leaves(shard_state.players[name].optimizer[0].mu),
            jax.tree.leaves(pmap_state.players[name].optimizer[0].mu),
            strict=True,
        ):
            np.testing.assert_allclose(one, mapped_leaf, rtol=1e-3, atol=1e-6)
            np.testing.assert_allclose(mapped_leaf, copy[0], rtol=1e-4, atol=1e-7)
            np.testing.assert_array_equal(copy[0], copy[7])


def test_devices_draw_different_latents_under_an_axis_name():
    def loss(nets, batch, memory, key):
        return nets.generator(jnp.zeros((2, 8))).mean(), Aux(memory=jax.random.uniform(key))

    game = Game(
        players={"generator": dcgan().players["generator"]},
        inputs={"generator": lambda batch: (jnp.zeros((1, 8)),)},
        stages=(Stage((Turn("generator", loss),)),),
        memory=lambda key, batch: jnp.float32(0),
    )
    state = game.init(jax.random.key(0), reals(0))
    copies = jax.tree.map(lambda leaf: jnp.stack([leaf] * 8), state)
    shares = reals(0)["image"].reshape(8, -1, 8, 8, 1)
    played, _ = jax.pmap(lambda s, b: game.step(s, {"image": b}, axis_name="data"), axis_name="data")(copies, shares)
    assert len(set(np.asarray(played.memory).tolist())) == 8

"""Batch norm in exported functions: by the statistics that the same call of a run goes by, however few entries it has."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core import Ability, Argument, Game, Player, Stage, Turn
from jaxgan.core.abilities import LATENTS, NUMBER
from jaxgan.core.arrays import ArraySpec, minibatch
from jaxgan.core.snapshot import CompiledGame
from jaxgan.exporting import exported_function
from jaxgan.gans import bigan
from jaxgan.layers import BatchNorm
from jaxgan.mesh import data_mesh
from jaxgan.networks import BiGANDiscriminator, BiGANEncoder, BiGANGenerator

IMAGE = ArraySpec((8, 8, 1), "float32", "image")
KEY = jax.random.key(2)
REMEMBERED = 64


class Told(nn.Module):
    """Embeddings (B, 64) -> images (B, 8, 8, 1): each pixel is a component, less its mean and by its deviation."""

    @nn.compact
    def __call__(self, embedding):
        return BatchNorm()(embedding * self.param("scale", nn.initializers.ones, ())).reshape(-1, 8, 8, 1)


def player(network):
    return Player(network, optax.sgd(0.1))


def embedding_game():
    """Asked for embeddings or for none, as those of text are; then it takes the ones that it remembers, of N(3, 2^2)."""

    def sample(nets, key, number, embedding=None):
        if embedding is None:
            embedding = nets.memory["embeddings"][jax.random.randint(key, (number,), 0, REMEMBERED)]
        return nets.generator(embedding)

    takes = {
        "number": Argument(NUMBER, required=True),
        "embedding": Argument(LATENTS, space="embedding", array="embedding"),
    }
    return Game(
        players={"generator": player(Told())},
        inputs={"generator": lambda batch: (jnp.zeros((1, 64)),)},
        stages=(Stage((Turn("generator", None),)),),
        memory=lambda key, batch: {"embeddings": 3.0 + 2.0 * jax.random.normal(key, (REMEMBERED, 64))},
        abilities={"sample": Ability(sample, takes, gives="images")},
    )


def test_embeddings_go_by_the_statistics_of_those_that_are_remembered():
    arrays = {"image": IMAGE, "embedding": ArraySpec((2, 64), "float32", "embedding")}
    given = 3.0 + 2.0 * np.random.default_rng(0).normal(size=(32, 64)).astype(np.float32)
    with jax.set_mesh(data_mesh()):
        game = embedding_game()
        state = game.init(jax.random.key(0), minibatch(arrays, 1) | {"image": jnp.zeros((1, 8, 8, 1))})
        snapshot = CompiledGame(game, data_mesh(), arrays, 16, 64).at(state, 0)
        made = snapshot.use("sample", KEY, number=32, embedding=given)
        alone = snapshot.use("sample", KEY, number=1, embedding=given[:1])
        exported = exported_function(snapshot, state, "sample", {}, 32)
    memory = np.asarray(state.memory["embeddings"])
    # 64 batches of 16 of the 64 that are remembered.
    np.testing.assert_allclose(made.reshape(32, 64), (given - memory.mean(0)) / memory.std(0), atol=0.25)
    np.testing.assert_allclose(alone, made[:1], atol=1e-5)
    assert [each.name for each in exported.inputs] == ["embedding"] and not exported.per_batch
    np.testing.assert_allclose(exported.function(given), made, atol=1e-5)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_an_image_is_made_again_as_the_run_makes_it(norm):
    """The generator goes by the latents that it learned from, and no code is normalised to nothing by itself."""
    encoder, generator = BiGANEncoder(hidden=(8, 8), norm=norm), BiGANGenerator(hidden=(8, 8))
    images = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 1)).astype(np.float32)
    with jax.set_mesh(data_mesh()):
        players = (player(network) for network in (encoder, generator, BiGANDiscriminator(hidden=(8, 8))))
        game = bigan(*players, latent_size=4).complete(minibatch({"image": IMAGE}, 1))
        state = jax.jit(game.init)(jax.random.key(3), {"image": images[:1]})
        snapshot = CompiledGame(game, data_mesh(), {"image": IMAGE}, 16, 2).at(state, 0)
        exported = exported_function(snapshot, state, "reconstruct")
        wanted = [snapshot.use("reconstruct", KEY, images=images[:number]) for number in (1, 2)]
    assert exported.per_batch == (norm == "batch")  # of the encoder alone
    for each in wanted:
        np.testing.assert_allclose(exported.function(images[: len(each)]), each, atol=1e-5)

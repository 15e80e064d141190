"""Too few images for batch norm are told of where it goes by them, and nowhere else."""

import flax.linen as nn
import jax
import numpy as np
import optax
import pytest

from jaxgan.core import Game, Player, Stage, Turn, few
from jaxgan.core.arrays import ArraySpec, minibatch
from jaxgan.core.snapshot import CompiledGame
from jaxgan.core.tiling import Tiling
from jaxgan.gans import bigan
from jaxgan.layers import BatchNorm
from jaxgan.mesh import data_mesh
from jaxgan.networks import BiGANDiscriminator, BiGANEncoder, BiGANGenerator
from jaxgan.parts import translate_ability

IMAGE = ArraySpec((8, 8, 1), "float32", "image")


def player(network):
    return Player(network, optax.sgd(0.1))


class Way(nn.Module):
    """Images -> images, normalised or not."""

    normalised: bool

    @nn.compact
    def __call__(self, x):
        x = x * self.param("scale", nn.initializers.ones, ())
        return BatchNorm()(x) if self.normalised else x


@pytest.fixture(scope="module")
def ask():
    """(number, way, size) -> the warning of a translator of two ways, of which that to b normalises; a minibatch has 32."""
    games = {"there": Way(True), "back": Way(False)}
    translate = lambda nets, images, source, target: nets["there" if target == "b" else "back"](images)  # noqa: E731
    tiling = Tiling(1, None, 4, 4)
    game = Game(
        players={name: player(network) for name, network in games.items()},
        inputs={name: lambda batch: (batch["a"],) for name in games},
        stages=(Stage((Turn("there", None), Turn("back", None))),),
        abilities={"translate": translate_ability(translate, ("a", "b"), tiling=tiling)},
    )
    arrays = {"a": IMAGE, "b": IMAGE}
    with jax.set_mesh(data_mesh()):
        state = game.init(jax.random.key(0), {name: np.zeros((1, 8, 8, 1), np.float32) for name in arrays})
        compiled = CompiledGame(game, data_mesh(), arrays, 32, 2)

        def asked(number, target="b", size=8, statistics=None):
            way = {"images": np.zeros((1, size, size, 1), np.float32), "source": "ab"[target == "a"], "target": target}
            return few.warning(compiled.at(state, 0, statistics), state, "translate", way, number)

        yield asked


def test_few_images_of_the_size_of_the_data(ask):
    assert ask(1) == (
        "translate: batch norm goes by the images that are given, 1 here, but by 32 at a time in training: "
        "the fewer, the less like it"
    )
    assert "31 here" in ask(31)
    assert ask(32) == ask(1000) == ""
    assert ask(1, target="a") == ""  # another network, without batch norm
    fixed = {"there": {"BatchNorm_0": {"mean": np.zeros(1, np.float32), "var": np.ones(1, np.float32)}}}
    assert ask(1, statistics=fixed) == ""


def test_images_of_another_size_are_normalised_one_by_one_however_many_there_are(ask):
    assert "by each image that has not the size of the data, but by 32 at a time" in ask(1000, size=11)
    assert ask(1000, target="a", size=11) == ""


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_what_goes_by_drawn_latents_is_not_told_of(norm):
    images = np.zeros((2, 8, 8, 1), np.float32)
    with jax.set_mesh(data_mesh()):
        sizes = {"hidden": (8, 8)}
        networks = (BiGANEncoder(norm=norm, **sizes), BiGANGenerator(**sizes), BiGANDiscriminator(**sizes))
        game = bigan(*map(player, networks), latent_size=4).complete(minibatch({"image": IMAGE}, 1))
        state = game.init(jax.random.key(3), {"image": images[:1]})
        snapshot = CompiledGame(game, data_mesh(), {"image": IMAGE}, 16, 2).at(state, 0)
        for ability in ("encode", "reconstruct"):
            assert bool(few.warning(snapshot, state, ability, {"images": images}, 2)) == (norm == "batch")


def test_training_with_an_image_at_a_time_is_no_other_than_one_alone():
    network, images = player(Way(True)), np.zeros((1, 8, 8, 1), np.float32)
    translate = translate_ability(lambda nets, images, source, target: nets.way(images), ("a", "b"), one_way=True)
    inputs, stage = {"way": lambda batch: (batch["a"],)}, Stage((Turn("way", None),))
    game = Game(players={"way": network}, inputs=inputs, stages=(stage,), abilities={"translate": translate})
    with jax.set_mesh(data_mesh()):
        state, arrays = game.init(jax.random.key(0), {"a": images}), {"a": IMAGE, "b": IMAGE}
        given = {"images": images, "source": "a", "target": "b"}
        told = [
            few.warning(CompiledGame(game, data_mesh(), arrays, size, 2).at(state, 0), state, "translate", given, 1)
            for size in (1, 2)
        ]
    assert not told[0] and told[1]

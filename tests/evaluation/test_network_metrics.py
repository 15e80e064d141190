"""Attention and singular values of a game, against what its parameters say; and what its abilities tell of both."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.config import default
from jaxgan.core import Player, averaging, constraints
from jaxgan.core.arrays import minibatch
from jaxgan.core.snapshot import CompiledGame
from jaxgan.data import make_source
from jaxgan.errors import UserError
from jaxgan.evaluation.monitored import METRICS
from jaxgan.gans import sagan
from jaxgan.mesh import data_mesh
from jaxgan.metrics import attention_reach
from jaxgan.networks import ResNetDiscriminator, ResNetGenerator
from jaxgan.pictures.run_pictures import DRAWN, RunPictures

KEY = jax.random.key(0)


@pytest.fixture(autouse=True)
def on_the_mesh():
    with jax.set_mesh(data_mesh()):
        yield


@pytest.fixture(scope="module")
def played():
    """A tiny SAGAN with labels whose gammas have moved: its compiled abilities, its state, its data."""
    source = make_source("digits", image_size=8)
    adam = optax.adam(1e-3)
    networks = (ResNetGenerator(widths=(8, 8), attention=(8,)), ResNetDiscriminator((8,), 1, attention=(4,)))
    players = [Player(network, adam, constraint=constraints.spectral_norm()) for network in networks]
    players[0] = dataclasses.replace(players[0], average=averaging.exponential(0.9))
    game = sagan(*players, latent_size=6, conditional=True, num_classes=10).complete(minibatch(source.arrays, 1))
    state = jax.jit(game.init)(
        jax.random.key(3), {"image": jnp.zeros((1, 8, 8, 1)), "label": jnp.zeros((1,), jnp.int32)}
    )
    # A player's own parameters have gamma 0.5 and -0.2, its average gamma 0.3.
    own = {"generator": 0.5, "discriminator": -0.2}
    state = state.replace(
        players={
            name: one.replace(
                params=gammas(one.params, own[name]),
                average=None if one.average is None else gammas(one.average, 0.3),
            )
            for name, one in state.players.items()
        }
    )
    return CompiledGame(game, data_mesh(), source.arrays, 16, 0), state, source


def gammas(params, value):
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: jnp.full_like(leaf, value) if path[-1].key == "gamma" else leaf, params
    )


def measure(name, played):
    compiled, state, source = played
    assert METRICS[name].obstacle(compiled, source, default()) == ""
    return METRICS[name].measure(compiled.at(state, 0), source, default(), KEY)


def test_reach_of_known_weights():
    here = jnp.eye(12).reshape(1, 3, 4, 3, 4)
    assert attention_reach(here) == 0
    # Each pixel looks at the one two columns on, round the edge: half of four columns away, all of them.
    assert attention_reach(jnp.roll(here, 2, axis=4)) == pytest.approx(0.5)
    # Two independent uniform points of a square are (2 + sqrt 2 + 5 log(1 + sqrt 2)) / 15 apart.
    equal = jnp.full((1, 48, 48, 24, 24), 1 / 576)  # so fine that sums are integrals, to a thousandth
    expected = (2 + np.sqrt(2) + 5 * np.log(1 + np.sqrt(2))) / 15
    assert attention_reach(equal) == pytest.approx(expected, rel=1e-3)


def test_attention_of_a_game(played):
    values = measure("attention", played)
    assert values["attention_gamma"] == pytest.approx(0.2)
    assert 0.3 < values["attention_reach"] < 0.7
    # On 8x8 the mean distance of all pairs, by hand.
    points = (np.stack(np.meshgrid(np.arange(8), np.arange(8)), axis=-1).reshape(-1, 2) + 0.5) / 8
    pairs = np.linalg.norm(points[:, None] - points, axis=-1).mean()
    assert values["attention_equal"] == pytest.approx(pairs, rel=1e-5)


def test_singular_values_are_those_of_the_stored_weights(played):
    values = measure("singular_values", played)
    _, state, _ = played
    for name, layers in (
        ("generator", (("project",), ("block_0", "conv_1"))),
        ("discriminator", (("head", "logit"), ("block_0", "conv_2"))),
    ):
        for path in layers:
            layer = state.players[name].params
            for part in path:
                layer = layer[part]
            kernel = np.asarray(layer["kernel"])
            expected = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[:3]
            for index, value in enumerate(expected):
                assert values[f"layers/sigma_{index}/{name}/{'/'.join(path)}"] == pytest.approx(value, rel=1e-5)
    assert "layers/sigma_1/discriminator/head/logit" not in values  # a vector has one
    assert values["largest_singular_value"] == max(value for name, value in values.items() if "layers" in name)


def test_a_pixel_looks_while_the_same_samples_are_drawn(played):
    compiled, state, _ = played
    snapshot, label = compiled.at(state, 0), np.arange(5) * 2
    seen = snapshot.use("attend", KEY, number=5, label=label, row=0.3, column=0.99)
    assert seen.shape == (5, 8, 8, 1) and seen.max((1, 2, 3)) == pytest.approx(np.ones(5))
    # By hand: the latents of the command's only batch, and row 2, column 7 of the generator's own maps.
    batch = jax.random.fold_in(KEY, 0)
    latents, labels = jax.random.normal(batch, (16, 6)), jnp.asarray(np.arange(16) % 5 * 2)
    nets = compiled.game.nets(state)
    images, (maps,) = nets.generator(latents, labels, attention_maps=True)
    np.testing.assert_allclose(snapshot.sample(KEY, 5, label), images[:5], atol=1e-5)
    looks = np.asarray(maps)[:5, 2, 7]
    np.testing.assert_allclose((seen[..., 0] + 1) / 2, looks / looks.max((1, 2), keepdims=True), atol=1e-5)


@pytest.mark.parametrize("place", [-0.1, 1.1, float("nan")])
def test_a_place_outside_the_image_is_refused(place, played):
    compiled, state, _ = played
    with pytest.raises(UserError, match=r"attend: row=.*, but it must lie in \[0, 1\]"):
        compiled.at(state, 0).use("attend", KEY, number=2, row=place)


def test_a_discriminator_that_is_told_labels_judges_beside_them(played):
    compiled, state, _ = played
    snapshot = compiled.at(state, 0)
    images = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 1)).astype(np.float32)
    label = np.array([1, 5, 9])
    expected = compiled.game.nets(state).discriminator(jnp.asarray(images), jnp.asarray(label))
    np.testing.assert_allclose(snapshot.use("judge", KEY, images=images, label=label), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(UserError, match="judge needs label"):
        snapshot.use("judge", KEY, images=images)
    with pytest.raises(UserError, match="judge: label 10: the classes are 0 to 9"):
        snapshot.use("judge", KEY, images=images, label=np.array([1, 10, 2]))


def test_what_is_drawn_beside_the_samples(played, tmp_path):
    class Places:
        samples, real_and_fake = tmp_path / "samples", tmp_path / "real_and_fake.png"

        def picture(self, name):
            return tmp_path / f"{name}.png"

    compiled, state, source = played
    run = RunPictures(Places(), compiled, source, KEY, None)
    run.draw(compiled.at(state, 0), 4)
    assert {path.name for path in tmp_path.iterdir()} == {"samples", "real_and_fake.png", "attend.png"}
    assert compiled.game.ability("attend").drawn in DRAWN


def test_networks_without_attention_cannot_attend(played):
    compiled, state, source = played
    players = dict(compiled.game.players)
    generator = players["generator"]
    plain = dataclasses.replace(generator, network=generator.network.clone(attention=()))
    game = sagan(plain, players["discriminator"], latent_size=6, conditional=True, num_classes=10)
    assert "attend" not in game.abilities
    params = {name: layer for name, layer in state.players["generator"].params.items() if "attention" not in name}
    without = state.replace(
        players=state.players | {"generator": state.players["generator"].replace(params=params, average=None)}
    )
    snapshot = CompiledGame(game, data_mesh(), source.arrays, 16, 0).at(without, 0)
    values = METRICS["attention"].measure(snapshot, source, default(), KEY)
    assert values == {"attention_reach": 0, "attention_equal": 0, "attention_gamma": pytest.approx(0.2)}

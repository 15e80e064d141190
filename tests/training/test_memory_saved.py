"""Less memory for the same numbers: rematerialised blocks, and optimisers' states that devices share."""

import functools

import jax
import numpy as np
import pytest

from jaxgan import memory
from jaxgan.build import build_game
from jaxgan.config import named
from jaxgan.core import ArraySpec
from jaxgan.core.players import flatten
from jaxgan.data.sources import ArraySource
from jaxgan.errors import ConfigError, UserError
from jaxgan.mesh import DATA, data_mesh
from jaxgan.registry import resolve
from jaxgan.training import train
from jaxgan.training.plan import Plan
from jaxgan.training.trained import load


def state_of(folder):
    with jax.set_mesh(data_mesh()):
        return load(folder, max(int(path.name) for path in (folder / "checkpoints").iterdir())).state


def assert_close(one, other, atol=1e-5):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        if not jax.numpy.issubdtype(a.dtype, jax.dtypes.prng_key):
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=0, atol=atol)


# ---- optimisers' states


def short(tiny, variant="dcgan", **fields):
    config = tiny(variant)
    config.steps, config.log_every, config.guard = 4, 2, "off"
    config.sample_every, config.evaluate_every, config.checkpoint_every, config.metrics = 0, 0, 0, ()
    config.update(fields)
    return config


def test_devices_share_the_optimisers_states_and_train_the_same(tiny, tmp_path):
    """On eight devices, through a checkpoint on the way: begun shared, gone on whole, and the other way round."""
    for name, first, then in (("whole", False, False), ("shared", True, True), ("from whole", False, True)):
        train(short(tiny, steps=2, shard_optimizer=first), tmp_path / name)
        train(short(tiny, steps=4, shard_optimizer=then), tmp_path / name)
    whole = state_of(tmp_path / "whole")
    for name in ("shared", "from whole"):
        shared = state_of(tmp_path / name)
        assert_close(whole, shared)
        for player in flatten(shared.players).values():
            assert all(leaf.sharding.is_fully_replicated for leaf in jax.tree.leaves(player.params))
            moments = [
                leaf for leaf in jax.tree.leaves(player.optimizer) if any(side % 8 == 0 for side in leaf.shape if side)
            ]
            assert moments and all(leaf.addressable_shards[0].data.size * 8 == leaf.size for leaf in moments)


def test_the_step_holds_an_eighth_of_the_moments(tiny):
    """What a device holds of the state, by hand: Adam's two moments of every parameter, cut where 8 divides a side."""
    source = ArraySource("noise", {"image": np.zeros((64, 8, 8, 1), np.uint8)})
    whole, shared = (
        Plan.of_source(resolve(short(tiny, shard_optimizer=shard)), source).abstract_state() for shard in (False, True)
    )
    saved = 0
    for player in flatten(whole.players).values():
        for leaf in jax.tree.leaves(player.params):
            if any(side % 8 == 0 for side in leaf.shape):
                saved += 2 * 4 * leaf.size * 7 // 8
    assert saved > 0 and memory.size(whole) - memory.size(shared) == saved
    specs = {
        str(leaf.sharding.spec)
        for player in flatten(shared.players).values()
        for leaf in jax.tree.leaves(player.optimizer)
    }
    assert any(DATA in spec for spec in specs)


# ---- blocks


def game_of(players, system, game, remat, size=16, label=True, **more):
    from jaxgan.config import default, player

    config = default()
    config.system, config.game, config.remat = system, game, remat
    adam = named("adam", learning_rate=1e-3)
    for name, (network, constraint) in players.items():
        constraints = (named("spectral_norm"),) if constraint else ()
        config.players[name] = player(network, adam, constraints=constraints)
    arrays = {"image": ArraySpec((size, size, 3), "float32", "image")}
    if label:
        arrays["label"] = ArraySpec((), "int32", "label", tuple("abc"))
    return build_game(resolve(config), arrays)


def biggan_deep(remat):
    players = {
        "generator": (named("BigGANDeepGenerator", width=2, attention=()), True),
        "discriminator": (named("BigGANDeepDiscriminator", width=2, attention=()), True),
    }
    return game_of(players, "biggan_deep", {"latent_size": 8}, remat, size=32)


def resnet(remat):
    players = {
        "generator": (named("ResNetGenerator", widths=(4, 4)), False),
        "discriminator": (named("ResNetDiscriminator", widths=(4, 4)), False),
    }
    game = {"latent_size": 4, "penalty": 10.0, "discriminator_steps": 1}  # with a second derivative
    return game_of(players, "wgan_gp", game, remat, size=16, label=False)


def stylegan2(remat):
    players = {
        "generator": (named("StyleGAN2Generator", base_width=16, max_width=4), False),
        "discriminator": (named("StyleGANDiscriminator", base_width=16, max_width=4, structure="residual"), False),
    }
    return game_of(players, "stylegan2", {"latent_size": 4}, remat, size=8, label=False)


@pytest.mark.parametrize("make", [resnet, stylegan2, pytest.param(biggan_deep, marks=pytest.mark.long)])
def test_rematerialised_blocks_give_the_same_step(make):
    """Losses, gradients and so parameters, with what is drawn inside blocks; on eight devices."""
    plain, saving = make("none"), make("blocks")
    batch = {"image": jax.random.uniform(jax.random.key(1), (8, *_shape(plain), 3), minval=-1)}
    if make is biggan_deep:
        batch["label"] = jax.numpy.arange(8) % 3
    state = jax.jit(plain.init)(jax.random.key(0), batch)
    assert jax.tree.structure(state) == jax.tree.structure(jax.eval_shape(saving.init, jax.random.key(0), batch))
    batches = (batch,) * plain.minibatches(plain.due(0, 0))
    mesh = data_mesh()
    with jax.set_mesh(mesh):
        steps = {}
        for name, game in (("plain", plain), ("saving", saving)):
            played = functools.partial(game.step, due=game.due(0, 0))
            traced = jax.jit(played).trace(state, batches)
            assert ("remat" in str(traced.jaxpr) or "checkpoint" in str(traced.jaxpr)) == (name == "saving")
            steps[name] = traced.lower().compile()(state, batches)
    (one, told), (other, same) = steps["plain"], steps["saving"]
    for name in told:
        assert float(told[name]) == pytest.approx(float(same[name]), rel=1e-4, abs=1e-5)
    assert_close(flatten(one.players)["generator"].optimizer, flatten(other.players)["generator"].optimizer)
    assert_close(flatten(one.players)["discriminator"].optimizer, flatten(other.players)["discriminator"].optimizer)


def _shape(game):
    return flatten(game.players)["generator"].network.output_shape[:2]


def test_games_without_blocks_are_refused(tiny, tmp_path):
    message = r"^remat: no network of discriminator, generator has blocks: leave it out, --config\.remat=none"
    with pytest.raises(UserError, match=message):
        train(short(tiny, remat="blocks"), tmp_path / "run")
    with pytest.raises(ConfigError, match=r"config\.remat='layers', but it must be none or blocks"):
        train(short(tiny, remat="layers"), tmp_path / "run")
    assert not (tmp_path / "run").exists()

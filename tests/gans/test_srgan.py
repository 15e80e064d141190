"""SRGAN: its losses by hand, what each turn moves, and enlarging by fixed statistics."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from configs import srgan
from jaxgan import gans, overrides
from jaxgan.core import Player
from jaxgan.errors import ConfigError, UserError
from jaxgan.layers import BatchNorm, Verdict, upsample_nearest
from jaxgan.registry import make, resolve
from jaxgan.training.plan import plan_without_data

RANDOM = np.random.default_rng(0)
BATCH = {
    name: jnp.asarray(RANDOM.uniform(-1, 1, (3, side, side, 1)), jnp.float32)
    for name, side in (("image", 4), ("low_resolution", 2))
}


class Enlarge(nn.Module):
    """Each pixel becomes a block of w times it."""

    output_shape: tuple | None = None
    scale_factor: int = 0
    norm: bool = False

    @nn.compact
    def __call__(self, x):
        x = BatchNorm()(x) if self.norm else x
        return self.param("w", nn.initializers.constant(0.5), ()) * upsample_nearest(x, self.scale_factor)


class Judge(nn.Module):
    """w times the mean."""

    @nn.compact
    def __call__(self, x):
        return self.param("w", nn.initializers.constant(2.0), ()) * x.mean(axis=(1, 2, 3))


class Classes(nn.Module):
    """Class logits from the four corners; its map is v times the image."""

    class_logits: int = 0

    @nn.compact
    def __call__(self, x, features=False):
        v = self.param("v", nn.initializers.constant(3.0), ())
        corners = jnp.stack([x[:, 0, 0, 0], x[:, 0, -1, 0], x[:, -1, -1, 0], x[:, -1, 0, 0]], axis=1)
        return Verdict(None, v * x if features else None, v * corners[:, : self.class_logits])


def game(rate=0.0, norm=False, **fields):
    players = (Player(network, optax.sgd(rate)) for network in (Enlarge(norm=norm), Judge(), Classes()))
    return gans.srgan(*players, **{"scale_factor": 2, "pretraining_steps": 1} | fields).complete(BATCH)


def two_steps(played):
    state = played.init(jax.random.key(0), BATCH)
    states, metrics = [state], []
    for index in range(2):
        state, values = played.step(states[-1], BATCH, played.due(index, 3 * index))
        states.append(state)
        metrics.append(values)
    return states, metrics


def softplus(x):
    return np.log1p(np.exp(np.asarray(x, np.float64)))


@pytest.mark.parametrize("given", [False, True])
def test_the_losses_by_hand(given):
    content = (lambda images: images[:, :2] ** 2) if given else None
    _, (first, second) = two_steps(game(content=content, content_weight=0.5, adversarial=0.1))
    real, small = (np.asarray(BATCH[name], np.float64) for name in ("image", "low_resolution"))
    fake = 0.5 * small.repeat(2, axis=1).repeat(2, axis=2)
    assert float(first["generator/loss"]) == pytest.approx(np.square(fake - real).mean(), rel=1e-5)
    # Images turned by 0, 90, 180 and 270 degrees, each with its number for a class.
    logits, right = [], []
    for turn in range(4):
        x = np.rot90(real, turn, axes=(1, 2))[..., 0]
        logits.append(3 * np.stack([x[:, 0, 0], x[:, 0, -1], x[:, -1, -1], x[:, -1, 0]], axis=1))
        right += [turn] * 3
    logits = np.concatenate(logits)
    entropy = np.log(np.exp(logits).sum(1)) - logits[np.arange(12), right]
    assert float(first["classifier/loss"]) == pytest.approx(entropy.mean(), rel=1e-5)
    scores = {"real": 2 * real.mean(axis=(1, 2, 3)), "fake": 2 * fake.mean(axis=(1, 2, 3))}
    judged = softplus(-scores["real"]).mean() + softplus(scores["fake"]).mean()
    assert float(second["discriminator/loss"]) == pytest.approx(judged, rel=1e-5)
    maps = (fake[:, :2] ** 2, real[:, :2] ** 2) if given else (3 * fake, 3 * real)
    expected = 0.5 * np.square(maps[0] - maps[1]).mean() + 0.1 * softplus(-scores["fake"]).mean()
    assert float(second["generator/loss"]) == pytest.approx(expected, rel=1e-5)
    assert float(second["generator/given_content"]) == given


def test_what_each_stage_moves():
    states, _ = two_steps(game(rate=0.1))

    def moved(before, after):
        return {
            name
            for name in ("generator", "discriminator", "classifier")
            if any(
                (a != b).any()
                for a, b in zip(
                    jax.tree.leaves(before.players[name].params),
                    jax.tree.leaves(after.players[name].params),
                    strict=True,
                )
            )
        }

    assert moved(states[0], states[1]) == {"generator", "classifier"}
    assert moved(states[1], states[2]) == {"generator", "discriminator"}


def test_pictures_are_normed_by_the_newest_of_training_and_not_by_themselves():
    played = game(norm=True)
    states, _ = two_steps(played)
    images = jnp.asarray(RANDOM.uniform(-1, 1, (2, 3, 5, 1)), jnp.float32)
    made = played.use("upscale", states[-1], jax.random.key(0), images=images)
    # Twice the same three images, beside the ten dark ones of the beginning.
    seen = np.concatenate([BATCH["low_resolution"]] * 2 + [np.zeros((10, 2, 2, 1))])
    expected = 0.5 * (np.asarray(images) - seen.mean()) / np.sqrt(seen.var() + 1e-5)
    np.testing.assert_allclose(made, np.clip(expected.repeat(2, axis=1).repeat(2, axis=2), -1, 1), atol=1e-5)


def test_it_needs_smaller_images():
    with pytest.raises(UserError, match=r"srgan needs images beside smaller ones: set data\.scale_factor"):
        game(scale_factor=0)


def test_a_config_names_what_contents_are_compared_in(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # without weights
    config = srgan.get_config("paper")
    assert resolve(config).game.content.name == "vgg54"
    changed = overrides.apply(config, [("game.content", "vgg22")])
    assert resolve(changed).game.content.name == "vgg22"
    assert make("vgg22", "content", "config.game.content") is None
    assert set(plan_without_data(config).game.players) == {"generator", "discriminator", "classifier"}
    with pytest.raises(ConfigError, match=r"config\.game\.content\.name='vgg23' is unknown: did you mean 'vgg22'"):
        plan_without_data(overrides.apply(config, [("game.content", "vgg23")]))


def test_the_factor_of_the_data_reaches_the_network():
    config = overrides.apply(srgan.get_config(), [("data.scale_factor", "4")])
    game = plan_without_data(config).game
    assert game.players["generator"].network.scale_factor == game.abilities["upscale"].tiling.factor == 4

"""StackGAN and StackGAN++: their losses by hand, on networks of a few numbers, and who moves when."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import gans
from jaxgan.core import Due, Player
from jaxgan.core.players import flatten
from jaxgan.errors import UserError
from jaxgan.layers import Verdict
from tests.gans import tiny_players

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(-1, 1, (4, 8, 8, 3)).astype(np.float32)
EMBEDDED = RNG.normal(size=(4, 1, 5)).astype(np.float32)  # one for each image, so that nothing is left to chance
BATCH = {"image": IMAGES, "embedding": EMBEDDED}
TOLD = EMBEDDED[:, 0].mean(axis=1).astype(np.float64)
MEAN, SPREAD = 0.5 * TOLD, 0.6  # and logarithm of the variance, of each of the three components of a condition
DIVERGENCE = 3 * np.mean((MEAN**2 + np.exp(SPREAD) - 1 - SPREAD) / 2)


def softplus(x):
    return np.log1p(np.exp(np.asarray(x, np.float64)))


class Painter(nn.Module):
    """A generator: images of w times (1 + what it is told), the first channel twice as light; moments as above."""

    output_shape: tuple | None = None
    condition_size: int = 0

    @nn.compact
    def __call__(self, x, embedding, noise, moments=False, levels=False):
        w = self.param("w", nn.initializers.constant(0.25), ())
        height, width, channels = self.output_shape
        light = (
            w
            * (1 + embedding.mean(axis=1))[:, None, None, None]
            * jnp.array([2.0, 1.0, 1.0])[None, None, None, :channels]
        )
        image = jnp.broadcast_to(light, (len(embedding), height, width, channels))
        mean = 0.5 * jnp.tile(embedding.mean(axis=1, keepdims=True), self.condition_size)
        density = mean, jnp.full_like(mean, SPREAD)
        if levels:
            return (0.5 * image[:, ::2, ::2], image), *density
        return (image, *density) if moments else image


class Critic(nn.Module):
    """A discriminator: v times the mean, times what it is told plus one where it judges the match."""

    separate: bool = False

    @nn.compact
    def __call__(self, x, told):
        score = self.param("v", nn.initializers.constant(2.0), ()) * x.mean(axis=(1, 2, 3))
        match = score * (1 + told.mean(axis=1))
        return Verdict(score, match=match) if self.separate else match


def still(network):
    return Player(network, optax.sgd(0.0))


def levels(network):
    return {level: still(network) for level in ("level_0", "level_1")}


def logged(game, stage, batch=BATCH):
    game = game.complete(batch)
    state = game.init(jax.random.key(0), batch)
    return game.step(state, batch, Due(stage, tuple(turn.name for turn in game.stages[stage].turns)))[1]


@pytest.mark.parametrize("level", [0, 1])
def test_stackgan_tells_matched_pairs_from_mismatched_ones_and_fakes(level):
    settings = {"reduction": 2, "condition_size": 3, "kl_weight": 0.7, "first_stage_steps": 1}
    game = gans.stackgan(levels(Painter()), levels(Critic()), **settings)
    metrics = logged(game, level)
    real = IMAGES.astype(np.float64).mean(axis=(1, 2, 3))  # the means of the small images too
    fake = 0.25 * (1 + TOLD) * 4 / 3
    matched, mismatched = 2 * real * (1 + TOLD), 2 * real * (1 + np.roll(TOLD, -1))
    expected = softplus(-matched).mean() + (softplus(mismatched).mean() + softplus(2 * fake * (1 + TOLD)).mean()) / 2
    assert float(metrics["discriminator/loss"]) == pytest.approx(expected, rel=1e-5)
    # In stage II the divergence is that of its own condition alone.
    expected = softplus(-2 * fake * (1 + TOLD)).mean() + 0.7 * DIVERGENCE
    assert float(metrics["generator/loss"]) == pytest.approx(expected, rel=1e-5)
    assert float(metrics["generator/kl"]) == pytest.approx(DIVERGENCE, rel=1e-5)


@pytest.mark.parametrize(
    ("unconditional", "conditional", "mismatched"), [(1.0, 1.0, 1.0), (0.5, 0.0, 0.5), (0.0, 2.0, 0.5)]
)
def test_stackgan_v2_adds_up_its_sizes_with_both_scores_and_the_colours(unconditional, conditional, mismatched):
    game = gans.stackgan_v2(
        still(Painter()),
        levels(Critic(separate=True)),
        condition_size=3,
        kl_weight=0.7,
        unconditional_weight=unconditional,
        conditional_weight=conditional,
        mismatched_weight=mismatched,
        colour_weight=3.0,
    )
    metrics = logged(game, 0)
    real, told, wrong = IMAGES.astype(np.float64).mean(axis=(1, 2, 3)), 1 + TOLD, 1 + np.roll(TOLD, -1)
    judged = made = 0.0
    light = 0.25 * (1 + TOLD)
    for fake in (0.5 * light * 4 / 3, light * 4 / 3):
        judged += unconditional * (softplus(-2 * real).mean() + softplus(2 * fake).mean())
        judged += conditional * softplus(-2 * real * told).mean()
        judged += conditional * mismatched * (softplus(2 * real * wrong).mean() + softplus(2 * fake * told).mean())
        made += unconditional * softplus(-2 * fake).mean() + conditional * softplus(-2 * fake * told).mean()
    assert float(metrics["discriminators/loss"]) == pytest.approx(judged, rel=1e-5)
    # One colour has no covariance; its means are (2, 1, 1) times the light, and half of that.
    colour = np.mean(6 * np.square(light / 2))
    assert float(metrics["generator/colour"]) == pytest.approx(colour, rel=1e-5)
    assert float(metrics["generator/loss"]) == pytest.approx(made + 3 * colour + 0.7 * DIVERGENCE, rel=1e-5)


@pytest.mark.parametrize("system", ["stackgan", "stackgan_v2"])
def test_each_stage_moves_its_own_players_alone(system):
    game = tiny_players.make(system).complete(tiny_players.arrays())
    step = jax.jit(game.step, static_argnames="due")
    state = jax.jit(game.init)(jax.random.key(0), tiny_players.arrays())
    generators = ["level_0"], ["level_1"]
    if system == "stackgan":
        expected = [
            {f"{side}/{level}" for side in ("generator", "discriminator") for level in own} for own in generators
        ]
    else:
        expected = [{"generator", "discriminator/level_0", "discriminator/level_1"}]
    expected = [{"text_encoder", "image_encoder"}, *expected]
    for index, movers in enumerate(expected):
        due = game.due(index, 0)
        assert due.stage == index
        new, metrics = step(state, tiny_players.arrays(seed=index), due=due)
        old_players, new_players = flatten(state.players), flatten(new.players)
        moved = {
            name
            for name in game.players
            for old, new_one in zip(
                jax.tree.leaves(old_players[name].params), jax.tree.leaves(new_players[name].params), strict=True
            )
            if (np.asarray(old) != np.asarray(new_one)).any()
        }
        assert moved == movers, index
        state = new
    assert any(name.startswith("generator/kl") for name in metrics)


def test_samples_are_those_of_the_stage_and_of_the_text():
    game = tiny_players.make("stackgan").complete(tiny_players.arrays())
    batch = tiny_players.arrays()
    state = jax.jit(game.init)(jax.random.key(0), batch)
    text = batch["caption"][:, 0]
    shapes = {stage: game.use("sample", state, jax.random.key(1), 4, text=text, stage=stage).shape for stage in (1, 2)}
    assert shapes == {1: (4, 4, 4, 1), 2: (4, 8, 8, 1)}
    small, large = (game.use("sample", state, jax.random.key(1), 4, text=text, level=f"level_{i}") for i in (0, 1))
    assert small.shape == (4, 4, 4, 1) and large.shape == (4, 8, 8, 1)
    with pytest.raises(UserError, match=r"sample: level='level_2' is no choice of this game: did you mean 'level_\d'"):
        game.use("sample", state, jax.random.key(1), 4, level="level_2")


def test_the_game_remembers_captions_for_samples_that_ask_for_nothing():
    game = tiny_players.make("stackgan_v2").complete(tiny_players.arrays())
    state = jax.jit(game.init)(jax.random.key(0), tiny_players.arrays())
    step = jax.jit(game.step, static_argnames="due")
    assert not state.memory["captions"].any()
    told = []
    for index in range(2):
        batch = tiny_players.arrays(seed=index)
        state, _ = step(state, batch, due=game.due(index, 0))
        told = [batch["caption"], *told]
    seen = np.asarray(state.memory["captions"])
    assert seen.shape == (512, 12) and not seen[8:].any()
    for index, captions in enumerate(told):
        for own, caption in zip(seen[4 * index : 4 * index + 4], captions, strict=True):
            assert any((own == one).all() for one in caption)


def test_the_conditions_of_others_are_those_of_the_next_image():
    from jaxgan.parts.captions import mismatched

    embedding = jnp.arange(6).reshape(3, 2)
    np.testing.assert_array_equal(mismatched(embedding, embedding), [[2, 3], [4, 5], [0, 1]])
    with pytest.raises(UserError, match="a minibatch has one: raise batch_size"):
        mismatched(embedding[:1], embedding[:1])


def test_no_picture_is_shown_beside_its_own_caption_as_if_it_were_of_another():
    from jaxgan.parts.captions import mismatched

    for seed in range(5):
        kinds = np.random.default_rng(seed).integers(3, size=12)
        told = np.eye(3, 4, dtype=np.int32)[kinds]
        embedding = np.arange(12.0)[:, None]
        chosen = np.asarray(mismatched(jnp.asarray(told), jnp.asarray(embedding)))[:, 0].astype(int)
        for image, other in enumerate(chosen):
            # By hand: the first of those behind it, in turn, that is said to be of another kind.
            expected = next(each % 12 for each in range(image + 1, image + 12) if kinds[each % 12] != kinds[image])
            assert other == expected
    same = jnp.zeros((3, 4), jnp.int32)
    np.testing.assert_array_equal(mismatched(same, jnp.arange(3.0)[:, None])[:, 0], [1, 2, 0])


def test_what_a_game_of_text_cannot_do_without_is_said():
    with pytest.raises(UserError, match=r"the generators are level_0, but they must be level_0 and level_1"):
        gans.stackgan({"level_0": still(Painter())}, levels(Critic()))
    with pytest.raises(UserError, match="an encoder of text learns beside one of images: give both players"):
        gans.stackgan(levels(Painter()), levels(Critic()), still(tiny_players.Encoder()))
    with pytest.raises(
        UserError, match=r"the discriminators are level_1, level_2, but must be level_0, level_1, \.\.\."
    ):
        gans.stackgan_v2(still(Painter()), {"level_1": still(Critic()), "level_2": still(Critic())})
    game = gans.stackgan(levels(Painter()), levels(Critic()), reduction=3)
    with pytest.raises(UserError, match="images of 8x8 cannot be reduced to 1/3 of their sides"):
        game.complete(BATCH)
    game = gans.stackgan_v2(
        still(Painter()), {f"level_{index}": still(Critic()) for index in range(3)}, condition_size=3
    )
    with pytest.raises(UserError, match="images of 6x6 cannot be halved 2 times"):
        game.complete({"image": IMAGES[:, :6, :6], "embedding": EMBEDDED})
    with pytest.raises(UserError, match="makes images of 2 sizes, but there are 3 discriminators"):
        logged(game, 0)
    game = gans.stackgan(levels(Painter()), levels(Critic()))
    with pytest.raises(UserError, match=r"needs an array 'embedding' beside its images: set data\.text to an \.npz"):
        game.complete({"image": IMAGES})
    encoders = still(tiny_players.Encoder()), still(tiny_players.Encoder())
    game = gans.stackgan(levels(Painter()), levels(Critic()), *encoders)
    with pytest.raises(UserError, match=r"needs an array 'caption' beside its images: take the data 'captions'"):
        game.complete({"image": IMAGES})

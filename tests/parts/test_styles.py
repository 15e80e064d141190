"""Games of styles: mixing, truncation, the mean of w, path lengths in W, and the search for the styles of images."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import gans
from jaxgan.core import ArraySpec, Latent, Player
from jaxgan.core.schedules import Run
from jaxgan.core.snapshot import CompiledGame
from jaxgan.errors import UserError
from jaxgan.losses import zero_centered_penalty
from jaxgan.mesh import data_mesh
from jaxgan.parts.styles import Styles
from tests.gans.tiny_players import Reader, Writer

SIDE, SLOTS, WIDTH = 8, 4, 3


class Linear(nn.Module):
    """w = 2 z + 1, of three components; an image holds each slot's style in a column: (B, 8, 8, 1), slot s in columns 2 s."""

    output_shape: tuple[int, ...] | None = None
    style_width: int = WIDTH
    mapping_layers: int = 1

    def setup(self):
        self.scale = self.param("scale", nn.initializers.ones, ())

    def __call__(self, z, resolution=None, alpha=None):
        return self.synthesize(self.map(z))

    def map(self, z):
        return 2.0 * z + 1.0

    def synthesize(self, w, resolution=None, alpha=None):
        w = jnp.broadcast_to(w[:, None], (len(w), SLOTS, WIDTH)) if w.ndim == 2 else w
        columns = jnp.pad(w, ((0, 0), (0, 0), (0, SIDE - WIDTH))).swapaxes(1, 2)  # (B, 8, slots)
        return self.scale * jnp.repeat(columns, 2, axis=2)[..., None]


class Judge(nn.Module):
    """The logit is a weight times the sum of the image."""

    @nn.compact
    def __call__(self, x, resolution=None, alpha=None):
        return self.param("weight", nn.initializers.ones, ()) * x.sum(axis=(1, 2, 3))


def game(system="stylegan2", **fields):
    settings = {"resolution": SIDE, "latent_size": WIDTH, "inversion_steps": 200} | fields
    made = getattr(gans, system)(Player(Linear(), optax.sgd(0.01)), Player(Judge(), optax.sgd(0.0)), **settings)
    return made.complete(batch())


def batch(number=8):
    return {"image": np.random.default_rng(0).standard_normal((number, SIDE, SIDE, 1)).astype(np.float32)}


def slots_of(images):
    """(B, slots, 3): what `Linear` has drawn."""
    return np.asarray(images)[:, :WIDTH, ::2, 0].swapaxes(1, 2)


def nets_of(made, memory=None, **state):
    first = made.init(jax.random.key(0), batch())
    first = first.replace(memory=first.memory | (memory or {}), **state)
    return made.nets(first)


# ---- mixing


def test_styles_are_mixed_in_the_asked_share_at_every_place_alike():
    styles = Styles(Latent(WIDTH), SIDE, 0, 0.75, None)
    nets, number = nets_of(game()), 4000
    w = jnp.zeros((number, WIDTH))  # no other style is 0
    mixed = np.asarray(jax.jit(lambda key: styles.mixed(nets, w, None, key))(jax.random.key(0)))
    other = (mixed != 0).any(axis=2)  # (B, slots)
    assert not other[:, 0].any()  # the first slot is always the first style's
    assert (np.diff(other.astype(int), axis=1) >= 0).all()  # one crossover
    starts = other.argmax(axis=1)[other.any(axis=1)]
    assert len(starts) / number == pytest.approx(0.75, abs=0.03)
    for place in (1, 2, 3):
        assert (starts == place).mean() == pytest.approx(1 / 3, abs=0.04)
    # One other style for all slots of an image, and another one for each image.
    last = mixed[other.any(axis=1)][:, 2:]
    np.testing.assert_array_equal(last[starts <= 2][:, 0], last[starts <= 2][:, 1])
    assert len(np.unique(mixed[:, 3].round(6), axis=0)) > 0.7 * number


def test_without_mixing_styles_are_the_same_in_all_slots():
    styles = Styles(Latent(WIDTH), SIDE, 0, 0.0, None)
    w = jax.random.normal(jax.random.key(0), (5, WIDTH))
    np.testing.assert_array_equal(
        styles.mixed(nets_of(game()), w, None, jax.random.key(1)), np.repeat(w[:, None], SLOTS, 1)
    )


# ---- truncation, and the mean


def test_truncation_is_a_walk_to_the_mean_in_the_coarsest_slots():
    mean = np.array([1.0, -2.0, 0.5], np.float32)
    for cut, system in ((None, "stylegan2"), (2, "stylegan")):
        made = game(system, truncated_slots=cut)
        state = made.init(jax.random.key(0), batch())
        state = state.replace(memory=state.memory | {"w_mean": jnp.asarray(mean)})
        z = jax.random.normal(jax.random.key(1), (4, WIDTH))
        w = 2 * np.asarray(z) + 1
        for psi in (0.7, -1.0, 0.0, np.array([0.1, 0.2, 0.3, 0.4], np.float32)):
            expected = np.broadcast_to(psi, (SLOTS,)).copy()
            expected[cut or SLOTS :] = 1.0
            expected = mean + expected[None, :, None] * (w[:, None] - mean)
            images = made.use("generate", state, jax.random.key(2), latents=z, truncation=psi)
            np.testing.assert_allclose(slots_of(images), expected, atol=1e-5)
        untouched = made.use("generate", state, jax.random.key(2), latents=z)
        np.testing.assert_allclose(slots_of(untouched), np.repeat(w[:, None], SLOTS, 1), atol=1e-5)


def test_the_mean_follows_what_both_turns_draw():
    made = game(mixing=0.0, path_weight=0.0)
    state, step = made.init(jax.random.key(0), batch()), jax.jit(made.step, static_argnames="due")
    assert not state.memory["w_mean"].any()
    for index in range(3):
        state, _ = step(state, batch(), due=made.due(index, 0))
    # E[w] = 1; six turns of decay 0.995, each the mean of eight draws of deviation 2.
    expected = 1 - 0.995**6
    spread = 0.005 * 2 / np.sqrt(8) * np.sqrt(6)
    np.testing.assert_allclose(state.memory["w_mean"], expected, atol=4 * spread)


# ---- the losses


class Still(Linear):
    """The same style for every latent."""

    def map(self, z):
        return jnp.ones_like(z)


@pytest.mark.parametrize("parts", [1, 4])
def test_the_mean_moves_once_a_turn_however_many_parts_a_minibatch_has(parts):
    made = game(gamma=0.0, path_weight=0.0)
    generator = dataclasses.replace(made.players["generator"], network=Still(output_shape=(SIDE, SIDE, 1)))
    made = dataclasses.replace(made, players=made.players | {"generator": generator}, accumulate=parts)
    state, _ = made.step(made.init(jax.random.key(0), batch()), batch(), made.due(1, 0))
    np.testing.assert_allclose(state.memory["w_mean"], 1 - 0.995**2, rtol=1e-4)


def test_r1_and_path_length_are_turns_of_their_own_at_their_steps():
    made = game(gamma=4.0, path_weight=3.0)
    turns = {turn.name: turn for turn in made.stages[0].turns}
    assert list(turns) == ["discriminator", "generator", "r1", "path_length"]
    assert [(turns[name].every, turns[name].lazy) for name in ("r1", "path_length")] == [(16, True), (4, True)]
    assert [made.due(step, 0).turns for step in (1, 4, 16)] == [
        ("discriminator", "generator"),
        ("discriminator", "generator", "path_length"),
        ("discriminator", "generator", "r1", "path_length"),
    ]
    state = made.init(jax.random.key(0), batch())
    state, metrics = jax.jit(made.step, static_argnames="due")(state, batch(), due=made.due(0, 0))
    # gamma / 2 || grad ||^2, the gradient of the sum of 64 pixels being 1 everywhere
    assert float(metrics["r1/loss"]) == pytest.approx(4.0 / 2 * SIDE * SIDE)
    critic = lambda x: x.sum(axis=(1, 2, 3))  # noqa: E731
    assert float(zero_centered_penalty(critic, jnp.asarray(batch()["image"]))) == SIDE * SIDE


def test_path_lengths_are_the_root_of_the_mean_over_slots_of_squared_gradients_by_each_style():
    """The image is linear in the styles: the gradient by slot s is the sum of two columns of y, N(0, 2 / 64) in each of 3."""
    made = game(path_weight=1.0, path_every=1, mixing=0.0)
    state = made.init(jax.random.key(0), batch(512))
    step = jax.jit(made.step, static_argnames="due")
    _, metrics = step(state, batch(512), due=made.due(0, 0))
    # length^2 = mean over 4 slots of 3 squares of variance 2 / 64: E = 6 / 64, so that with a = 0.01 mean(length) near 0
    # E (length - a)^2 = 6 / 64 (1 - 0.01)^2, nearly.
    assert float(metrics["generator/path_length"]) == pytest.approx(6 / 64 * 0.98, rel=0.06)


def test_path_length_shrinks_its_minibatch(monkeypatch):
    """The random image that it multiplies with is of half the minibatch."""
    seen, original = [], jax.random.normal

    def noted(key, shape=(), *rest):
        seen.append(shape)
        return original(key, shape, *rest)

    monkeypatch.setattr(jax.random, "normal", noted)
    for shrink, expected in ((2, 4), (1, 8)):
        made = game(path_weight=1.0, path_every=1, path_shrink=shrink, mixing=0.0)
        state = jax.eval_shape(lambda made=made: made.init(jax.random.key(0), batch()))
        seen.clear()
        jax.eval_shape(lambda state, made=made: made.step(state, batch(), made.due(0, 0)), state)
        assert (expected * SIDE * SIDE,) in seen


def test_gamma_none_is_the_rule_of_thumb():
    made = game(gamma=None, run=Run(steps=10, batch_size=32), r1_every=1, path_weight=0.0)
    state = made.init(jax.random.key(0), batch())
    _, metrics = jax.jit(made.step)(state, batch())
    without = game(gamma=0.0, r1_every=1, path_weight=0.0)
    _, plain = jax.jit(without.step)(without.init(jax.random.key(0), batch()), batch())
    gamma = 0.0002 * SIDE**2 / 32
    difference = float(metrics["discriminator/loss"]) - float(plain["discriminator/loss"])
    assert difference == pytest.approx(gamma / 2 * SIDE * SIDE, abs=2e-3)
    with pytest.raises(UserError, match="gamma=None depends on the batch size: give the run"):
        game(gamma=None)


# ---- the search


@pytest.mark.parametrize("space", ["w", "w+"])
def test_inversion_finds_the_styles_that_made_an_image(space):
    """`Linear` shows its styles, so that there is one answer; in W the mean of those that an image has."""
    made = game()
    state = made.init(jax.random.key(0), batch())
    wanted = np.random.default_rng(1).standard_normal((2, SLOTS, WIDTH)).astype(np.float32)
    net = made.nets(state).generator
    images = net(jnp.asarray(wanted), method="synthesize")
    found = np.asarray(made.use("invert", state, jax.random.key(1), images=images, space=space))
    if space == "w":
        assert found.shape == (2, WIDTH)
        np.testing.assert_allclose(found, wanted.mean(axis=1), atol=0.02)
    else:
        assert found.shape == (2, SLOTS * WIDTH)
        np.testing.assert_allclose(found.reshape(wanted.shape), wanted, atol=0.02)
    again = made.use("synthesize", state, jax.random.key(2), latents=jnp.asarray(found))
    assert again.shape == images.shape


def test_on_the_host_the_search_goes_by_the_given_distance_and_in_batches():
    """One that looks at the first column alone finds the first slot's style, and leaves the others near the mean."""
    made, arrays = game(inversion_steps=150), {"image": ArraySpec((SIDE, SIDE, 1), "float32", "image")}
    weight = jnp.float32(10.0)

    def distance(params, a, b):
        return params * jnp.square(a[:, :, 0] - b[:, :, 0]).sum(axis=(1, 2))

    compiled = CompiledGame(made, data_mesh(), arrays, 16, 0, lambda: (weight, distance))
    snapshot = compiled.at(made.init(jax.random.key(0), batch()), 0)
    wanted = np.random.default_rng(1).standard_normal((20, SLOTS, WIDTH)).astype(np.float32)
    images = np.asarray(made.nets(made.init(jax.random.key(0), batch())).generator(wanted, method="synthesize"))
    found = snapshot.use("invert", jax.random.key(1), images=images, space="w+").reshape(wanted.shape)
    np.testing.assert_allclose(found[:, 0], wanted[:, 0], atol=0.02)
    assert np.abs(found[:, 1:]).max() < 1.5 < np.abs(wanted[:, 1:]).max()
    with pytest.raises(UserError, match=r"space='z' is no choice of this game: choose one of w, w\+"):
        snapshot.use("invert", jax.random.key(1), images=images, space="z")
    with pytest.raises(UserError, match=r"truncation=1\.5, but it must lie in \[-1, 1\]"):
        snapshot.use("sample", jax.random.key(1), number=2, truncation=1.5)
    shape = snapshot.use("sample", jax.random.key(1), number=2, truncation=np.array([0.5, 0.5, 1.0, 1.0])).shape
    assert shape == (2, SIDE, SIDE, 1)


# ---- bad input


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"resolution": 24}, "images of 24 pixels, but it must be a power of two from 4 on"),
        ({"mixing": 1.5}, "mixing=1.5 is a share of the images, in \\[0, 1\\]"),
        ({"truncated_slots": 0}, "truncated_slots=0, but it must be at least 1"),
        ({"inversion_steps": 0}, "inversion_steps=0, but it must be at least 1"),
        ({"path_shrink": 0}, "shrink=0, but it must be at least 1"),
        ({"grow": True, "first_resolution": 6}, "first=6, but it must be a power of two"),
        ({"grow": True, "first_resolution": 16}, "it begins at 16 pixels, above the images' 8"),
    ],
)
def test_settings_out_of_range_are_refused_in_one_line(fields, message):
    with pytest.raises(UserError, match=message):
        game(**fields)


def test_a_generator_without_a_mapping_is_refused():
    players = (Player(Reader(), optax.sgd(0.1)), Player(Reader(), optax.sgd(0.1)))
    with pytest.raises(
        UserError, match=r"^Reader has no mapping to styles .*: take StyleGANGenerator or StyleGAN2Generator"
    ):
        gans.stylegan(*players, resolution=8)
    bare = Player(Linear(mapping_layers=0), optax.sgd(0.1))
    with pytest.raises(UserError, match=r"^mixing=0\.9 needs a mapping network: set mapping_layers, or mixing=0"):
        gans.stylegan2(bare, players[1], resolution=8)
    gans.stylegan2(bare, players[1], resolution=8, mixing=0.0)


def test_styles_of_another_width_are_refused():
    made = gans.stylegan2(
        Player(Writer(), optax.sgd(0.1)), Player(Reader(), optax.sgd(0.1)), resolution=8, latent_size=4
    )
    made = made.complete(batch())
    state = made.init(jax.random.key(0), batch())
    with pytest.raises(UserError, match="styles of 7 components: this game has 6, or 4 times as many"):
        made.use("synthesize", state, jax.random.key(0), latents=jnp.zeros((2, 7)))

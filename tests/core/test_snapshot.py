"""Snapshots: whole batches, the same draws, statistics that are those of many batches, and arguments that are checked."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core import Ability, Argument, Game, Player, Stage, Turn, averaging
from jaxgan.core.abilities import DOMAIN, IMAGES, LABEL
from jaxgan.core.arrays import ArraySpec, minibatch
from jaxgan.core.snapshot import CompiledGame
from jaxgan.errors import UserError
from jaxgan.gans import bigan, cyclegan, dcgan, progan
from jaxgan.layers import BatchNorm
from jaxgan.mesh import data_mesh
from jaxgan.networks import (
    BiGANDiscriminator,
    BiGANEncoder,
    BiGANGenerator,
    DCGANDiscriminator,
    DCGANGenerator,
    ProGANDiscriminator,
    ProGANGenerator,
)

IMAGE = ArraySpec((8, 8, 1), "float32", "image")
KEY = jax.random.key(2)


class Filter(nn.Module):
    """Images -> images."""

    output_shape: tuple[int, ...] | None = None

    @nn.compact
    def __call__(self, x):
        return jnp.tanh(nn.Conv(self.output_shape[-1], (3, 3))(nn.relu(nn.Conv(4, (3, 3))(x))))


class Patches(nn.Module):
    """Images -> logits (B, H', W')."""

    @nn.compact
    def __call__(self, x):
        return nn.Conv(1, (3, 3))(nn.relu(nn.Conv(4, (3, 3), strides=2)(x)))[..., 0]


def player(network, **fields):
    return Player(network, optax.adam(1e-3), **fields)


def games():
    yield "dcgan", dcgan(player(DCGANGenerator(width=8)), player(DCGANDiscriminator(width=8)), latent_size=4)
    generator, discriminator = (
        ProGANGenerator(base_width=4, max_width=4),
        ProGANDiscriminator(base_width=4, max_width=4),
    )
    sizes = {"fade_images": 40, "stable_images": 40, "resolution": 8}
    yield "progan", progan(player(generator), player(discriminator), latent_size=4, **sizes)
    yield "cyclegan", cyclegan(player(Filter()), player(Filter()), player(Patches()), player(Patches()))


@pytest.fixture(scope="module")
def made():
    """(name, statistics_batches=2) -> a compiled game and its first state."""
    known = dict(games())

    def get(name, statistics_batches=2):
        arrays = {"a": IMAGE, "b": IMAGE} if name == "cyclegan" else {"image": IMAGE}
        game = known[name].complete(minibatch(arrays, 1))
        example = {array: jnp.zeros(spec.shape, spec.dtype) for array, spec in minibatch(arrays, 1).items()}
        compiled = CompiledGame(game, data_mesh(), arrays, 8, statistics_batches)
        return compiled, jax.jit(game.init)(jax.random.key(3), example)

    with jax.set_mesh(data_mesh()):
        yield get


def test_fewer_samples_are_the_first_of_more(made):
    compiled, state = made("dcgan")
    snapshot = compiled.at(state, 0)
    many = snapshot.sample(KEY, 40)
    assert many.shape == (40, 8, 8, 1) and many.dtype == np.float32
    np.testing.assert_array_equal(snapshot.sample(KEY, 5), many[:5])
    assert len(np.unique(many.reshape(40, -1), axis=0)) == 40


def test_statistics_are_those_of_the_union_of_batches(made):
    """Against the generator's first batch norm, whose input is z W: its mean and variance over all the z."""
    compiled, state = made("dcgan")
    snapshot, size = compiled.at(state, 0), compiled.batch_size
    draw = compiled.game.ability("latents").function
    draws = [draw(None, key, number=size) for key in jax.random.split(jax.random.key(0), 2)]
    kernel = np.asarray(state.players["generator"].params["project"]["kernel"], np.float64)
    maps = (np.concatenate(draws).astype(np.float64) @ kernel).reshape(-1, 8)
    for ability in ("sample", "generate"):  # the same statistics, for latents that are given too
        given = {"latents": np.ones((3, 4), np.float32)} if ability == "generate" else None
        found = snapshot.statistics(ability, given, {"number": size})["generator"]["norm_0"]
        np.testing.assert_allclose(found["mean"], maps.mean(0), atol=1e-6)
        np.testing.assert_allclose(found["var"], maps.var(0), rtol=1e-4)


def test_latents_that_are_given_make_what_was_drawn_from_them(made):
    compiled, state = made("dcgan")
    snapshot = compiled.at(state, 0)
    latents = snapshot.use("latents", KEY, number=20)
    assert latents.shape == (20, 4)
    np.testing.assert_allclose(
        snapshot.use("generate", KEY, latents=latents), snapshot.sample(KEY, 20), rtol=1e-5, atol=1e-6
    )


def test_without_statistics_each_batch_has_its_own(made):
    compiled, state = made("dcgan", statistics_batches=0)
    own = compiled.at(state, 0).sample(KEY, 16)
    expected = compiled.game.sample(state, jax.random.fold_in(KEY, 0), 16)
    np.testing.assert_allclose(own, expected, atol=1e-6)


def test_without_statistics_few_images_are_normalised_among_as_many_as_ever(made):
    """One alone would be its own mean: of a generator that normalises, every latent would become one image."""
    compiled, state = made("dcgan", statistics_batches=0)
    whole = compiled.at(state, 0)
    few, nets = whole.in_calls_of(1), compiled.game.nets(state)
    others = compiled.game.use("latents", state, jax.random.key(0), number=16)
    for seed in (5, 6):
        key = jax.random.key(seed)
        np.testing.assert_allclose(few.sample(key, 1), whole.sample(key, 1), atol=1e-5)
        latents = whole.use("latents", key, number=1)
        expected = nets.generator(np.concatenate([latents, others[:15]]))[:1]
        np.testing.assert_allclose(few.use("generate", KEY, latents=latents), expected, atol=1e-5)


def test_small_stages_are_enlarged_pixel_by_pixel(made):
    compiled, state = made("progan")
    first = compiled.at(state, 0).sample(KEY, 3)
    assert first.shape == (3, 8, 8, 1)
    np.testing.assert_array_equal(first, first[:, ::2, ::2].repeat(2, 1).repeat(2, 2))


def test_translations_do_not_depend_on_how_many_there_are(made):
    compiled, state = made("cyclegan")
    snapshot = compiled.at(state, 0)
    images = np.random.default_rng(0).uniform(-1, 1, (19, 8, 8, 1)).astype(np.float32)

    def translate(images, **way):
        return snapshot.use("translate", jax.random.key(0), images=images, **way)

    whole = translate(images, source="b", target="a")
    assert whole.shape == images.shape
    np.testing.assert_allclose(translate(images[17:], target="a"), whole[17:], atol=1e-6)
    np.testing.assert_array_equal(translate(images, source="b"), whole)  # where else but to the other one
    direct = compiled.game.translate(state, jax.random.key(0), images[:1], target="a")
    np.testing.assert_allclose(whole[:1], direct, atol=1e-5)
    assert not np.allclose(translate(images), whole, atol=1e-3)
    np.testing.assert_array_equal(translate(images), translate(images, source="a", target="b"))


def test_statistics_for_images_are_those_of_the_images():
    """An ability that normalises what it is given: a part of a batch is filled up with itself, and counts as it is."""

    class Normalised(nn.Module):
        @nn.compact
        def __call__(self, x):
            return BatchNorm()(x)

    def judge(nets, key, images):
        return nets.judge(images).mean(axis=(1, 2, 3))

    takes = {"images": Argument(IMAGES, required=True)}
    game = Game(
        players={"judge": player(Normalised())},
        inputs={"judge": lambda batch: (batch["image"],)},
        stages=(Stage((Turn("judge", None),)),),
        abilities={"judge": Ability(judge, takes, gives="scores")},
    )
    images = np.random.default_rng(0).normal(3.0, 2.0, (8, 8, 8, 1)).astype(np.float32)
    state = game.init(jax.random.key(0), {"image": images})
    # 320 in the order of their means, as files sorted by class are: two batches of 16 from everywhere, not the darkest 32.
    sorted_images = images[np.arange(320) % 8] + np.linspace(-5, 5, 320, dtype=np.float32).reshape(-1, 1, 1, 1)
    with jax.set_mesh(data_mesh()):
        snapshot = CompiledGame(game, data_mesh(), {"image": IMAGE}, 16, 2).at(state, 0)
        scores = snapshot.use("judge", KEY, images=images)
        of_sorted = snapshot.use("judge", KEY, images=sorted_images)
    expected = (images.mean(axis=(1, 2, 3)) - images.mean()) / images.std()
    np.testing.assert_allclose(scores, expected, atol=1e-4)
    some = sorted_images[np.linspace(0, 319, 32).round().astype(int)]
    np.testing.assert_allclose(of_sorted, (sorted_images.mean((1, 2, 3)) - some.mean()) / some.std(), atol=1e-4)


def test_statistics_that_are_given_are_kept_for_few_images(made):
    compiled, state = made("dcgan")
    given = {"generator": {}}
    snapshot = compiled.at(state, 0, given)
    assert snapshot.in_calls_of(1).given is given and snapshot.without_average().given is given
    assert snapshot.in_calls_of(1).statistics("sample") is given


def test_what_is_made_of_a_code_is_the_same_whatever_is_given_beside_it():
    """A generator that normalises goes by the batches of latents that it learned from, not by the codes of a few images."""
    encoder = player(BiGANEncoder(hidden=(8, 8), norm="layer"))
    generator, discriminator = player(BiGANGenerator(hidden=(8, 8))), player(BiGANDiscriminator(hidden=(8, 8)))
    images = np.random.default_rng(0).uniform(-1, 1, (18, 8, 8, 1)).astype(np.float32)
    with jax.set_mesh(data_mesh()):
        game = bigan(encoder, generator, discriminator, latent_size=4).complete(minibatch({"image": IMAGE}, 1))
        state = jax.jit(game.init)(jax.random.key(3), {"image": images[:1]})
        snapshot = CompiledGame(game, data_mesh(), {"image": IMAGE}, 16, 2).at(state, 0)
        again = snapshot.use("reconstruct", KEY, images=images)
        codes = snapshot.use("encode", KEY, images=images)
        np.testing.assert_allclose(snapshot.use("generate", KEY, latents=codes), again, atol=1e-5)
        np.testing.assert_allclose(snapshot.use("reconstruct", KEY, images=images[:1]), again[:1], atol=1e-5)


def test_statistics_of_one_way_are_not_those_of_another():
    """The first way asked for normalises nothing, the second does, by the statistics of all images together."""

    class Way(nn.Module):
        normalised: bool

        @nn.compact
        def __call__(self, x):
            x = x + self.param("offset", nn.initializers.zeros, ())  # a player has something to learn
            return BatchNorm()(x) if self.normalised else x

    def judge(nets, key, images, target):
        return (nets.plain if target == "a" else nets.normalised)(images).mean(axis=(1, 2, 3))

    takes = {"images": Argument(IMAGES, required=True), "target": Argument(DOMAIN, choices=("a", "b"), required=True)}
    images = np.random.default_rng(0).normal(3.0, 2.0, (32, 8, 8, 1)).astype(np.float32)
    images[16:] += 5.0  # a batch of its own has another mean
    game = Game(
        players={"plain": player(Way(False)), "normalised": player(Way(True))},
        inputs={name: lambda batch: (batch["image"],) for name in ("plain", "normalised")},
        stages=(Stage((Turn("plain", None), Turn("normalised", None))),),
        abilities={"judge": Ability(judge, takes, gives="scores")},
    )
    state = game.init(jax.random.key(0), {"image": images[:1]})
    with jax.set_mesh(data_mesh()):
        snapshot = CompiledGame(game, data_mesh(), {"image": IMAGE}, 16, 2).at(state, 0)
        plain, normalised = (snapshot.use("judge", KEY, images=images, target=target) for target in "ab")
    means = images.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(plain, means, atol=1e-4)
    np.testing.assert_allclose(normalised, (means - images.mean()) / images.std(), atol=1e-4)


def test_the_weights_themselves():
    generator = player(DCGANGenerator(width=8), average=averaging.exponential(0.5))
    arrays = {"image": IMAGE}
    game = dcgan(generator, player(DCGANDiscriminator(width=8)), latent_size=4).complete(minibatch(arrays, 1))
    state = game.init(jax.random.key(0), {"image": jnp.zeros((1, 8, 8, 1))})
    moved = state.players["generator"].replace(
        average=jax.tree.map(lambda leaf: 2.0 * leaf, state.players["generator"].params)
    )
    with jax.set_mesh(data_mesh()):
        snapshot = CompiledGame(game, data_mesh(), arrays, 16, 0).at(
            state.replace(players={**state.players, "generator": moved}), 0
        )
        assert snapshot.averaged and not snapshot.without_average().averaged
        raw = snapshot.without_average().sample(KEY, 4)
        assert not np.allclose(raw, snapshot.sample(KEY, 4), atol=1e-3)
        np.testing.assert_allclose(
            raw, CompiledGame(game, data_mesh(), arrays, 16, 0).at(state, 0).sample(KEY, 4), atol=1e-6
        )


@pytest.mark.parametrize(
    ("name", "ability", "arguments", "message"),
    [
        ("dcgan", "translate", {}, "this game cannot translate; it can: generate, judge, latents, sample"),
        ("dcgan", "sample", {}, "sample needs number"),
        ("dcgan", "sample", {"number": 0}, "number=0: ask for at least 1"),
        (
            "dcgan",
            "sample",
            {"number": 3, "label": [1]},
            "sample takes no label in this game; it takes: number, truncation",
        ),
        ("dcgan", "sample", {"number": 3, "truncation": 0.0}, "truncation=0.0, but it must be above 0"),
        ("dcgan", "judge", {"images": np.zeros((0, 8, 8, 1))}, "images is empty"),
        (
            "cyclegan",
            "translate",
            {"images": np.zeros((1, 8, 8, 1)), "target": "c"},
            "is no domain of this game: choose one",
        ),
        (
            "cyclegan",
            "translate",
            {"images": np.zeros((1, 8, 8, 1)), "source": "a", "target": "a"},
            "source and target are both 'a': choose another target",
        ),
    ],
)
def test_what_cannot_be_had_is_said(name, ability, arguments, message, made):
    compiled, state = made(name)
    with pytest.raises(UserError) as caught:
        compiled.at(state, 0).use(ability, KEY, **arguments)
    assert message in str(caught.value)


def test_labels_are_counted_and_named():
    takes = {"images": Argument(IMAGES, required=True), "label": Argument(LABEL)}
    game = Game({}, {}, (Stage(()),), abilities={"edit": Ability(None, takes, gives="images")})
    arrays = {"image": IMAGE, "label": ArraySpec((), "int32", "label", ("cat", "dog"))}
    snapshot = CompiledGame(game, data_mesh(), arrays, 16, 0).at(None, 0)
    assert snapshot.classes("edit") == ("cat", "dog")
    for label, message in (([0, 2], "label 2: the classes are 0 to 1"), ([0], "label has 1 entries, but there are 2")):
        with pytest.raises(UserError, match=message):
            snapshot.use("edit", KEY, images=np.zeros((2, 8, 8, 1)), label=label)


def test_the_ways_of_a_declaration():
    from jaxgan.parts import translate_ability

    both, single = (translate_ability(None, ("a", "b"), one_way=one_way) for one_way in (False, True))
    assert both.ways == (("a", "b"), ("b", "a")) and single.ways == (("a", "b"),)
    assert both.way() == ("a", "b") and both.way(source="b") == both.way(target="a") == ("b", "a")
    with pytest.raises(
        UserError, match="no way of source='b' between the domains of this game; its ways are: 'a' to 'b'"
    ):
        single.way(source="b")
    told = [translate_ability(None, tuple("abc"[:many])).takes["source"].help for many in (2, 3)]
    assert told == [f"the domain they are of (default: {usual})" for usual in ("the only other one", "none")]
    called = {"a": "summer", "b": "winter", "c": "autumn"}
    three = translate_ability(None, ("a", "b", "c"))
    for ability, ends, message in (
        (
            single,
            ("b", None),
            "no way of source='winter' between the domains of this game; its ways are: 'summer' to 'winter'",
        ),
        (three, (None, "c"), "say of which domain the images are, source='summer' or 'winter'"),
        (three, ("c", "c"), "source and target are both 'autumn'"),
    ):
        with pytest.raises(UserError, match=message):
            ability.way(*ends, called=called)
    assert both.kinds(IMAGES) == ("images",)

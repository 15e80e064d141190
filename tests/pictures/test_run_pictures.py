"""A run's pictures: what is drawn follows from what the game declares, and stays the same from step to step."""

import dataclasses
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from PIL import Image

from jaxgan import gans, pictures
from jaxgan.core import Ability, Argument, Latent, Player
from jaxgan.core.abilities import IMAGES
from jaxgan.core.arrays import ArraySpec, minibatch
from jaxgan.core.snapshot import CompiledGame
from jaxgan.core.tiling import Tiling
from jaxgan.data import ArraySource, make_source
from jaxgan.gans import wgan_gp
from jaxgan.mesh import data_mesh
from jaxgan.networks import MLPDiscriminator, MLPGenerator, ResNetGenerator
from jaxgan.parts import Draws, code_abilities, sample_ability, translate_ability, upscale_ability
from jaxgan.parts.abilities import attend_abilities, judge_ability
from jaxgan.pictures import run_pictures
from jaxgan.pictures.run_pictures import DRAWN, RunPictures

KEY = jax.random.key(0)


@pytest.fixture(autouse=True)
def on_the_mesh():
    with jax.set_mesh(data_mesh()):
        yield


def places(folder):
    names = {"real_and_fake": "real_and_fake.png", "losses": "losses.png", "animation": "animation.gif"}
    return types.SimpleNamespace(samples=folder / "samples", **{name: folder / file for name, file in names.items()})


class Plays:
    """A snapshot whose abilities are plain functions of arrays."""

    def __init__(self, arrays, functions, **abilities):
        self.arrays, self._functions = arrays, functions
        self.game = types.SimpleNamespace(abilities=abilities, ability=abilities.__getitem__)
        self.asked = []

    def use(self, ability, key, **arguments):
        self.asked.append(arguments)
        return self._functions[ability](**arguments)

    def classes(self, ability):
        taken = "label" in self.game.abilities[ability].takes
        return self.arrays["label"].names if taken else ()


# ---- toy densities


@pytest.fixture(scope="module")
def ring8():
    """A tiny game on ring8, its first state and its data."""
    source = make_source("ring8")
    players = [
        Player(network, optax.adam(1e-3))
        for network in (MLPGenerator(hidden=(8,), output="linear"), MLPDiscriminator(hidden=(8,)))
    ]
    game = wgan_gp(*players, latent_size=2).complete(minibatch(source.arrays, 1))
    state = jax.jit(game.init)(jax.random.key(3), {"image": jnp.zeros((1, 2))})
    return game, state, source


def draw(ring8, folder, can_judge):
    """Draws the game after no step, as one that can judge or one that cannot."""
    game, state, source = ring8
    abilities = {name: ability for name, ability in game.abilities.items() if name != "judge"}
    if can_judge:
        abilities["judge"] = judge_ability()
    game = dataclasses.replace(game, abilities=abilities)
    compiled = CompiledGame(game, data_mesh(), source.arrays, 16, 0)
    run = RunPictures(places(folder), compiled, source, KEY, None)
    run.draw(compiled.at(state, 0), 0)
    return run


def test_the_field_is_what_the_discriminator_says(ring8, tmp_path, monkeypatch):
    fields = []

    def density(real, fake, field):
        fields.append(field)
        return Image.new("L", (8, 8))

    monkeypatch.setattr(pictures, "density", density)
    draw(ring8, tmp_path, True)
    game, state, _ = ring8
    points = np.random.default_rng(0).normal(size=(33, 2)).astype(np.float32)
    logits = fields[0](points)
    assert logits.shape == (33,) and logits.dtype == np.float32
    np.testing.assert_allclose(logits, game.nets(state).discriminator(points), rtol=1e-5, atol=1e-6)
    assert np.ptp(logits) > 0.01
    draw(ring8, tmp_path, False)
    assert fields[1] is None


def test_both_pictures_are_small(ring8, tmp_path):
    sizes = []
    for can_judge in (True, False):
        run = draw(ring8, tmp_path, can_judge)
        assert run.latest.stat().st_size < 100_000
        with Image.open(run.latest) as picture:
            sizes.append(picture.size)
    assert sizes[0][0] > sizes[1][0] >= 400  # room for the scale of the logits


# ---- samples and translations


@pytest.fixture
def drawn(monkeypatch):
    """What was handed to `pictures.grid`."""
    grids = []
    grid = pictures.grid

    def remember(images, columns, names=(), headings=()):
        grids.append((np.asarray(images), columns, tuple(names), tuple(headings)))
        return grid(images, columns, names, headings=headings)

    monkeypatch.setattr(pictures, "grid", remember)
    return grids


def begin(folder, snapshot, source, step=None):
    return RunPictures(places(folder), types.SimpleNamespace(game=snapshot.game), source, KEY, step)


def test_classes_have_a_row_each_under_their_names(tmp_path, drawn):
    names = [f"class {index}" for index in range(25)]
    label = np.arange(50, dtype=np.int32) % 25
    values = {"image": np.zeros((50, 8, 8, 1), np.uint8), "label": label}
    source = ArraySource("mine", values)
    arrays = {**source.arrays, "label": dataclasses.replace(source.arrays["label"], names=tuple(names))}
    made = lambda number, label: np.full((number, 8, 8, 1), label[:, None, None, None] / 25.0, np.float32)  # noqa: E731
    snapshot = Plays(arrays, {"sample": made}, sample=sample_ability(None, num_classes=10))
    begin(tmp_path, snapshot, source).draw(snapshot, 0)
    images, columns, rows, _ = drawn[0]
    assert columns == 8 and len(images) == 80
    assert rows[0] == "class 0" and rows[-1] == "class 24" and len(rows) == 10  # spread over all of them
    np.testing.assert_array_equal(snapshot.asked[0]["label"].reshape(10, 8)[:, 0], [int(name[6:]) for name in rows])
    assert (tmp_path / "samples" / "step_0000000.png").exists() and (tmp_path / "real_and_fake.png").exists()


def pairs(size_b, channels_b):
    draw = np.random.default_rng(0)
    a = draw.integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)
    b = draw.integers(0, 256, (20, size_b, size_b, channels_b), dtype=np.uint8)
    return ArraySource("pairs", {"a": a, "b": b}, domains=("grey", "colour"), metrics=())


def test_a_row_has_both_ways_and_the_ways_back(tmp_path, drawn):
    source = pairs(8, 1)

    def translate(images, source, target):
        return images * (0.5 if target == "b" else 0.25)

    snapshot = Plays(source.arrays, {"translate": translate}, translate=translate_ability(None, ("a", "b")))
    begin(tmp_path, snapshot, source).draw(snapshot, 0)
    (images, columns, names, headings), real = drawn[0], source.stack([0])
    assert columns == 6 and len(images) == 48 and names == ()
    assert headings == ("grey", "to colour", "back", "colour", "to grey", "back")
    a, b = (real[name][0] / np.float32(127.5) - 1 for name in ("a", "b"))
    for image, expected in zip(images[:6], (a, a / 2, a / 8, b, b / 4, b / 8), strict=True):
        np.testing.assert_allclose(image, expected, atol=1e-6)


def test_a_single_way_stands_beside_the_counterpart_whatever_their_shapes(tmp_path, drawn):
    source = pairs(16, 3)
    ability = translate_ability(None, ("a", "b"), one_way=True)
    made = lambda images, source, target: np.zeros((len(images), 16, 16, 3), np.float32)  # noqa: E731
    snapshot = Plays(source.arrays, {"translate": made}, translate=ability)
    begin(tmp_path, snapshot, source).draw(snapshot, 0)
    (images, columns, _, headings), real = drawn[0], source.stack([0])
    assert columns == 3 and images.shape == (24, 16, 16, 3) and len(snapshot.asked) == 1
    assert headings == ("grey", "to colour", "true")
    a, b = (real[name][0] / np.float32(127.5) - 1 for name in ("a", "b"))
    np.testing.assert_allclose(images[0], a.repeat(2, 0).repeat(2, 1).repeat(3, 2), atol=1e-6)
    assert (images[1] == 0).all()
    np.testing.assert_allclose(images[2], b, atol=1e-6)


def test_what_is_no_pair_has_no_counterpart(tmp_path, drawn):
    fields = {"domain": "inverted", "image_size": 8}
    ability = translate_ability(None, ("a", "b"), one_way=True)
    for aligned, headings in ((False, ("digits", "to inverted")), (True, ("digits", "to inverted", "true"))):
        source = make_source("digits_translation", aligned=aligned, **fields)
        made = lambda images, source, target: 0.5 * images  # noqa: E731
        snapshot = Plays(source.arrays, {"translate": made}, translate=ability)
        begin(tmp_path / str(aligned), snapshot, source).draw(snapshot, 0)
        images, columns, _, above = drawn.pop()
        assert above == headings and columns == len(headings)
        rows = images.reshape(-1, columns, 8, 8, 1)
        np.testing.assert_allclose(rows[:, 1], 0.5 * rows[:, 0], atol=1e-6)
        if aligned:
            np.testing.assert_allclose(rows[:, 2], -rows[:, 0], atol=1e-6)


def test_many_domains_have_a_column_each_and_the_way_back_beside_it(tmp_path, drawn):
    draw = np.random.default_rng(0)
    arrays = {name: draw.integers(0, 256, (20, 8, 8, 1), dtype=np.uint8) for name in "abc"}
    source = ArraySource("three", arrays, domains=("red", "green", "blue"), metrics=())
    factors = {"a": 0.5, "b": 0.25, "c": 0.125}
    translate = lambda images, source, target: images * factors[target]  # noqa: E731
    snapshot = Plays(source.arrays, {"translate": translate}, translate=translate_ability(None, "abc"))
    begin(tmp_path, snapshot, source).draw(snapshot, 0)
    images, columns, names, headings = drawn[0]
    assert columns == 7 and names == ("red", "red", "green", "green", "blue", "blue")
    assert headings == ("input", "red", "back", "green", "back", "blue", "back")
    rows = images.reshape(6, 7, 8, 8, 1)
    for row, own in ((0, "a"), (2, "b"), (4, "c")):
        image = source.stack([0])[own][0] / np.float32(127.5) - 1
        np.testing.assert_allclose(rows[row, 0], image, atol=1e-6)
        for index, target in enumerate("abc"):
            made, back = rows[row, 1 + 2 * index : 3 + 2 * index]
            if target == own:
                assert (pictures.to_uint8(np.stack([made, back])) == 96).all()  # nothing to be seen on the ground
                continue
            np.testing.assert_allclose(made, image * factors[target], atol=1e-6)
            np.testing.assert_allclose(back, image * factors[target] * factors[own], atol=1e-6)


def test_attributes_have_a_column_with_and_one_without(tmp_path, drawn):
    spec = ArraySpec((1,), "float32", "attributes", ("old",))
    values = {"image": np.full((9, 8, 8, 1), 255, np.uint8), "attributes": np.zeros((9, 1))}
    source = ArraySource("faces", values, {"attributes": spec}, metrics=())
    translate = lambda images, target: images * {"old": 0.5, "no_old": 0.25}[target]  # noqa: E731
    ability = translate_ability(None, (), attributes=("old",))
    snapshot = Plays(source.arrays, {"translate": translate}, translate=ability)
    begin(tmp_path, snapshot, source).draw(snapshot, 0)
    images, columns, _, headings = drawn[0]
    assert columns == 3 and [float(image.max()) for image in images[:3]] == [1, 0.5, 0.25]
    assert headings == ("input", "old", "no_old")


def numbered(count):
    """Images whose number is in every pixel."""
    return ArraySource(
        "numbered", {"image": np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones((8, 8, 1), np.uint8)}
    )


def first_pixels(images):
    return np.round((np.asarray(images)[:, 0, 0, 0] + 1) * 127.5)


def test_reconstructions_stand_below_their_images(tmp_path, drawn):
    source = numbered(30)
    ability = code_abilities(None, None)["reconstruct"]
    snapshot = Plays(source.arrays, {"reconstruct": lambda images: images + 100 / 127.5}, reconstruct=ability)
    begin(tmp_path, snapshot, source).draw(snapshot, 0)
    images, columns, names, _ = drawn[0]
    rows = first_pixels(images).reshape(6, 8)
    assert columns == 8 and names == ("input", "again") * 3
    np.testing.assert_array_equal(rows[1::2], rows[::2] + 100)
    assert len(set(rows[::2].ravel())) == 24
    few = numbered(3)
    begin(tmp_path, snapshot, few).draw(snapshot, 1)
    images, columns, names, _ = drawn[1]
    assert columns == 3 and names == ("input", "again")
    np.testing.assert_array_equal(first_pixels(images), [0, 1, 2, 100, 101, 102])


def test_a_table_of_styles(tmp_path, drawn):
    source = numbered(12)
    takes = {name: Argument(IMAGES, array="image") for name in ("images", "styles")}
    ability = Ability(None, takes, gives="images", drawn="restyled")
    # What is made tells of both: the content's number, and ten times the style's.
    restyle = lambda images, styles: images + 10 * (styles + 1)  # noqa: E731
    snapshot = Plays(source.arrays, {"restyle": restyle}, restyle=ability)
    begin(tmp_path, snapshot, source).draw(snapshot, 0)
    images, columns, *_ = drawn[0]
    table = first_pixels(images).reshape(7, 7)
    assert columns == 7 and table[0, 0] == 0
    np.testing.assert_array_equal(table[0, 1:], [0, 2, 4, 6, 8, 10])
    np.testing.assert_array_equal(table[1:, 0], [1, 3, 5, 7, 9, 11])
    np.testing.assert_array_equal(table[1:, 1:], table[1:, :1] + 10 * table[:1, 1:])


# ---- from step to step


def test_pictures_of_later_steps_are_removed_and_the_others_animated(tmp_path):
    source = pairs(8, 1)
    ability = translate_ability(None, ("a", "b"), one_way=True)
    snapshot = Plays(source.arrays, {"translate": lambda images, source, target: images}, translate=ability)
    run = begin(tmp_path, snapshot, source)
    for step in (0, 10, 20):
        run.draw(snapshot, step)
    resumed = begin(tmp_path, snapshot, source, step=10)
    assert sorted(resumed.frames) == [0, 10] and resumed.latest.name == "step_0000010.png"
    assert {path.name for path in (tmp_path / "samples").iterdir()} == {"step_0000000.png", "step_0000010.png"}
    resumed.finish([{"step": 10, "loss": 1.0}])
    with Image.open(tmp_path / "animation.gif") as animation:
        assert animation.n_frames in (1, 2)  # equal frames may be one
    assert (tmp_path / "losses.png").exists()


def test_a_game_that_draws_nothing_has_no_pictures(tmp_path):
    silent = dataclasses.replace(sample_ability(None), drawn="")
    snapshot = Plays({}, {}, sample=silent)
    run = begin(tmp_path, snapshot, pairs(8, 1))
    run.draw(snapshot, 0)
    assert run.latest is None and not list(tmp_path.iterdir())


def test_an_ability_of_ones_own_is_drawn_by_its_entry(tmp_path, monkeypatch):
    def drawing(run, snapshot, ability):
        return run_pictures.Drawing(pictures.grid(snapshot.use(ability, run.key, images=run.real(2)["a"]), 2))

    monkeypatch.setitem(DRAWN, "mirrored", drawing)
    mirror = Ability(None, {"images": Argument(IMAGES)}, gives="images", drawn="mirrored")
    source = pairs(8, 1)
    snapshot = Plays(source.arrays, {"mirror": lambda images: images[:, :, ::-1]}, mirror=mirror)
    begin(tmp_path, snapshot, source).draw(snapshot, 3)
    with Image.open(tmp_path / "samples" / "step_0000003.png") as picture:
        left = np.asarray(picture)[2:50:6, 2:50:6]
    np.testing.assert_array_equal(left, source.stack([0])["a"][0, :, ::-1, 0])


def test_every_drawing_that_the_library_declares_is_in_the_table():
    attended = attend_abilities(Draws(Latent(2)), Player(ResNetGenerator(attention=(8,)), optax.sgd(0.1)))["attend"]
    coupled = gans.cogan(*[Player(ResNetGenerator(), optax.sgd(0.1))] * 2).abilities["sample"]
    declared = {sample_ability(None).drawn, translate_ability(None, ("a", "b")).drawn, attended.drawn, coupled.drawn}
    declared |= {upscale_ability(None, Tiling(2, 1)).drawn}
    declared |= {"restyled", code_abilities(None, None)["reconstruct"].drawn}
    assert declared == DRAWN.keys()

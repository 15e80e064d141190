"""python -m jaxgan explore: its pictures hold the images that the same latents make, and its directions move them so far."""

import dataclasses

import flax.linen as nn
import jax
import numpy as np
import pytest
from PIL import Image
from scipy import special

from jaxgan.commands import explore, listing
from jaxgan.core import Ability, Argument
from jaxgan.core.abilities import LATENTS, NUMBER, STRENGTH
from jaxgan.errors import UserError
from jaxgan.mesh import data_mesh
from jaxgan.pictures import to_uint8
from jaxgan.training.trained import load
from tests.docs.test_pages import blocks

CELL = 8 * 6 + 2  # of a grid: images of 8x8 are enlarged six times


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def images(path, rows, columns):
    """The images of a grid (rows, columns, 8, 8); names may stand at its left."""
    picture = read(path)
    picture = picture[:, picture.shape[1] - (columns * CELL + 2) :]
    assert picture.shape == (rows * CELL + 2, columns * CELL + 2)
    cells = picture[2:, 2:].reshape(rows, CELL, columns, CELL)[:, :48:6, :, :48:6]
    return cells.transpose(0, 2, 1, 3)


def main(folder, *arguments):
    return listing.main(["explore", f"--workdir={folder}", "--trust", *arguments])


def asker(folder):
    """(ability, arguments) -> what the run's game gives for seed 0."""
    snapshot = load(folder, trust=True).snapshot
    return lambda ability, **arguments: snapshot.use(ability, jax.random.key(0), **arguments)


@pytest.fixture(scope="module")
def explored(runs, tmp_path_factory):
    """The folder of the run `dcgan`, and that of its pictures."""
    folder, output = runs("dcgan")[0], tmp_path_factory.mktemp("explored") / "out"
    assert main(folder, "--num=3", "--steps=5", "--strength=2", f"--output={output}") == 0
    return folder, output


def test_rows_lead_from_one_latent_to_another(explored):
    folder, output = explored
    rows = {way: images(output / f"{way}.png", 3, 5) for way in ("straight", "spherical")}
    with jax.set_mesh(data_mesh()):
        ask = asker(folder)
        z = ask("latents", number=6)
        starts, ends = z[::2].astype(float), z[1::2].astype(float)
        angle = np.arccos(np.sum(starts * ends, 1) / np.linalg.norm(starts, axis=1) / np.linalg.norm(ends, axis=1))[
            :, None
        ]
        ways = {
            "straight": lambda t: starts + t * (ends - starts),
            "spherical": lambda t: (np.sin((1 - t) * angle) * starts + np.sin(t * angle) * ends) / np.sin(angle),
        }
        for name, way in ways.items():
            for column, share in enumerate((0.0, 0.25, 0.5, 0.75, 1.0)):
                expected = to_uint8(ask("generate", latents=way(share).astype(np.float32)))[..., 0]
                np.testing.assert_allclose(rows[name][:, column].astype(int), expected, atol=1)
    assert (rows["straight"][:, 2] != rows["spherical"][:, 2]).any()
    for way in rows:
        with Image.open(output / f"{way}.gif") as animation:
            assert animation.n_frames == 8 and animation.size == (3 * CELL + 2, CELL + 2)  # there and back


def test_a_normal_latent_is_squeezed_below_the_threshold(explored):
    """The same draw at every threshold t: erf(z' / r) = erf(t / r) erf(z / r), r = sqrt(2)."""
    folder, output = explored
    seen = images(output / "truncation.png", 6, 3)
    with jax.set_mesh(data_mesh()):
        ask = asker(folder)
        z = ask("latents", number=3).astype(float) / np.sqrt(2)
        for row, limit in zip(seen, (0.1, 0.3, 0.5, 0.7, 1.0, np.inf), strict=True):
            squeezed = np.sqrt(2) * special.erfinv(special.erf(limit / np.sqrt(2)) * special.erf(z))
            expected = to_uint8(ask("generate", latents=squeezed.astype(np.float32)))[..., 0]
            np.testing.assert_allclose(row.astype(int), expected, atol=1)


def test_directions_move_the_first_latent_by_their_strength(explored):
    folder, output = explored
    with np.load(output / "directions.npz") as file:
        found = dict(file)
    with jax.set_mesh(data_mesh()):
        ask = asker(folder)
        np.testing.assert_array_equal(found["start"], ask("latents", number=1))
        # Normal latents have deviation 1 along every direction.
        for name in ("closed_form", "principal"):
            assert found[name].shape == (3, 4)
            np.testing.assert_allclose(np.linalg.norm(found[name], axis=1), 1, atol=0.06)
            seen = images(output / f"{name}.png", 3, 5)
            for column, strength in enumerate((-2.0, -1.0, 0.0, 1.0, 2.0)):
                expected = to_uint8(ask("generate", latents=found["start"] + strength * found[name]))[..., 0]
                np.testing.assert_allclose(seen[:, column].astype(int), expected, atol=1)
        kernel = load(folder, trust=True).state.players["generator"].average["project"]["kernel"]
    vectors = np.linalg.svd(np.asarray(kernel, float) / np.linalg.norm(kernel, axis=0))[0].T[:3]
    cosines = np.sum(vectors * found["closed_form"], 1) / np.linalg.norm(found["closed_form"], axis=1)
    np.testing.assert_allclose(np.abs(cosines), 1, atol=1e-3)


def test_the_page_goes_on_from_a_direction(explored, tmp_path, monkeypatch):
    folder, output = explored
    (block,) = blocks("docs/latents.md")
    (tmp_path / "directions.npz").write_bytes((output / "directions.npz").read_bytes())
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "docs/latents.md", "exec"), {})
    listing.main(
        ["generate", f"--workdir={folder}", "--trust", "--latents=walk.npz", "--output=walk.npy", "--format=npz"]
    )
    with np.load(tmp_path / "walk.npy") as file:
        walk = file["image"]
    assert walk.shape == (24, 8, 8, 1) and len({image.tobytes() for image in walk}) > 12


def test_rows_are_of_the_class_that_is_asked_for(runs):
    folder, _ = runs("conditional")
    main(folder, "--num=12", "--steps=2")
    main(folder, "--num=12", "--steps=2", "--label=3")
    turns, threes = (
        folder / "generated" / f"explore-step10-num12-seed0-steps2-strength3{label}" for label in ("", "-label3")
    )
    with jax.set_mesh(data_mesh()):
        ask = asker(folder)
        starts = ask("latents", number=24)[::2]
        for where, label in ((turns, np.arange(12) % 10), (threes, np.full(12, 3))):
            expected = to_uint8(ask("generate", latents=starts, label=label))[..., 0]
            np.testing.assert_allclose(images(where / "straight.png", 12, 2)[:, 0].astype(int), expected, atol=1)
    # A latent of six components has no more than six directions.
    assert images(threes / "closed_form.png", 6, 2).shape[0] == 6


@pytest.mark.slow
def test_a_game_that_grows_can_be_explored_too(runs, tmp_path):
    main(runs("progan")[0], "--num=2", "--steps=3", f"--output={tmp_path / 'out'}")
    names = {f"{way}.{kind}" for way in ("straight", "spherical") for kind in ("png", "gif")}
    names |= {"truncation.png", "closed_form.png", "principal.png", "directions.npz"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names


@pytest.fixture
def mapped(runs):
    """A snapshot whose latents a map stretches, w = s z + 1, psi keeps near its mean, and a linear layer makes images of."""
    stretch = np.array([1.0, 8.0, 2.0, 4.0], np.float32)
    kernel = np.random.default_rng(0).normal(size=(4, 12)).astype(np.float32)

    def carry(nets, key, latents):
        return stretch[None] * latents + 1

    def synthesize(nets, key, latents):
        made = nn.Dense(12, use_bias=False, precision="highest").apply({"params": {"kernel": kernel}}, latents)
        return made.reshape(-1, 2, 2, 3)

    def generate(nets, key, latents, truncation=1.0):
        return synthesize(nets, key, 1 + truncation * (carry(nets, key, latents) - 1))

    z = Argument(LATENTS, required=True)
    own = {
        "latents": Ability(
            lambda nets, key, number: jax.random.normal(key, (number, 4)), {"number": Argument(NUMBER)}, "latents"
        ),
        "map": Ability(carry, {"latents": z}, "latents"),
        "synthesize": Ability(synthesize, {"latents": z}, "images"),
        "generate": Ability(generate, {"latents": z, "truncation": Argument(STRENGTH)}, "images"),
    }
    with jax.set_mesh(data_mesh()):
        snapshot = load(runs("dcgan")[0], trust=True).snapshot
        compiled = snapshot.compiled
        compiled = type(compiled)(
            dataclasses.replace(compiled.game, abilities={**compiled.game.abilities, **own}),
            data_mesh(),
            {name: spec for name, spec in compiled.arrays.items() if name != "image"},
            compiled.batch_size,
            compiled.statistics_batches,
        )
        yield explore.Space(compiled.at(snapshot._state, snapshot._stage), jax.random.key(0)), stretch, kernel


def test_where_latents_are_mapped_directions_are_those_of_the_mapped_ones(mapped):
    space, stretch, kernel = mapped
    found = space.directions(4, None)
    # The components are the map's axes, the widest first, each as long as its deviation.
    principal = found["principal"][:, [1, 3, 2, 0]]
    np.testing.assert_allclose(np.abs(np.diag(principal)), stretch[[1, 3, 2, 0]], rtol=0.06)
    assert np.abs(principal - np.diag(np.diag(principal))).max() < 0.1 * 8
    # In closed form they are the singular vectors of what makes images of w; the map is no part of it.
    vectors = np.linalg.svd(kernel / np.linalg.norm(kernel, axis=0))[0].T
    lengths = np.linalg.norm(found["closed_form"], axis=1)
    np.testing.assert_allclose(np.abs(np.sum(vectors * found["closed_form"], 1)) / lengths, 1, atol=1e-4)
    np.testing.assert_allclose(lengths, np.sqrt(np.sum((vectors * stretch) ** 2, 1)), rtol=0.06)


def test_psi_keeps_mapped_latents_near_their_mean(mapped):
    space, stretch, kernel = mapped
    z = space.draw(3)
    seen = space.truncated(3, None)
    for images_, psi in zip(seen, (0.1, 0.3, 0.5, 0.7, 1.0, 1.0), strict=True):
        expected = (1 + psi * stretch * z) @ kernel
        np.testing.assert_allclose(images_.reshape(3, -1), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(space.carried(z, None), stretch * z + 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("variant", "arguments", "message"),
    [
        ("cyclegan", [], "has no latents to explore: it needs the abilities sample, latents, generate"),
        ("lapgan", [], "has no latents to explore"),
        ("ring8", [], "the samples of this run are vectors"),
        ("conditional", ["--label=10"], "the classes are 0 to 9"),
        ("dcgan", ["--label=3"], "takes no --label: choose one of"),
        ("dcgan", ["--steps=0"], "--steps=0, but it must be from 2 to 64"),
        ("dcgan", ["--steps=1"], "from 2 to 64"),
        ("dcgan", ["--strength=0"], "--strength=0.0, but it must be above 0"),
        ("dcgan", ["--strength=nan"], "but it must be above 0"),
        ("dcgan", ["--num=0"], "from 1 to 10,000,000"),
        ("dcgan", ["--num=9000000"], "one grid holds at most"),
        ("dcgan", ["--seed=-1"], "at least 0"),
        ("dcgan", ["--output=."], "exists already"),
        ("dcgan", ["--step=7"], "no checkpoint of step 7: choose one of"),
    ],
)
def test_what_cannot_be_explored(variant, arguments, message, runs):
    with pytest.raises(UserError, match=message) as error:
        main(runs(variant)[0], *arguments)
    assert "\n" not in str(error.value)


def test_latents_without_tails_have_no_truncation(explored, monkeypatch, tmp_path, capsys):
    def refuse(*_):
        raise UserError("a sphere latent has no tails to cut off: leave out truncation")

    monkeypatch.setattr(explore.Space, "truncated", refuse)
    main(explored[0], "--num=1", "--steps=2", f"--output={tmp_path / 'out'}")
    assert (
        capsys.readouterr().err.strip()
        == "no truncation.png: a sphere latent has no tails to cut off: leave out truncation"
    )
    assert not (tmp_path / "out" / "truncation.png").exists() and (tmp_path / "out" / "principal.png").exists()


def test_the_list_of_commands_names_it_where_it_can_be_had(runs, capsys):
    listing.main([])
    assert "\n  explore " in capsys.readouterr().out
    for variant, can in (("dcgan", True), ("cyclegan", False)):
        listing.main([f"--workdir={runs(variant)[0]}", "--trust"])
        assert ("\n  explore " in capsys.readouterr().out) == can

"""What a page is answered: the pictures that the game makes of just this, by closed form where there is one; and refusals."""

import base64
import io
import json
import math
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan.core import ArraySpec
from jaxgan.core.snapshot import CompiledGame
from jaxgan.errors import UserError
from jaxgan.evaluation.protocol import Protocol, Result
from jaxgan.explorer import answers as module
from jaxgan.explorer.answers import Answers
from jaxgan.mesh import data_mesh
from jaxgan.pictures import to_uint8
from jaxgan.training.records import read_metrics
from jaxgan.training.trained import Trained, load
from tests.parts.test_styles import SLOTS, batch, game


def pixels(url):
    """The grey picture (H, W) that a URL holds."""
    kind, data = url.split(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        return np.asarray(picture)


def same(url, image):
    """Whether a URL holds an image (H, W, 1) in [-1, 1], up to rounding."""
    np.testing.assert_allclose(pixels(url).astype(int), to_uint8(np.asarray(image))[..., 0], atol=1)


@pytest.fixture
def styled(monkeypatch, tmp_path):
    """Answers of a game of styles, w = 2 z + 1, whose images hold the style of slot s in columns 2 s and 2 s + 1."""
    with jax.set_mesh(data_mesh()):
        made = game(mixing=0.0)
        state = made.init(jax.random.key(0), batch())
        state = state.replace(memory={**state.memory, "w_mean": jnp.array([0.5, -0.5, 0.25])})
        arrays = {"image": ArraySpec((8, 8, 1), "float32", "image")}
        snapshot = CompiledGame(made, data_mesh(), arrays, 8, 0).at(state, 0)
    plan = types.SimpleNamespace(domains=(), config=types.SimpleNamespace(system="stylegan2", data=None))
    trained = Trained(plan, 7, state, snapshot)
    monkeypatch.setattr(module.trained, "load", lambda *_: trained)
    monkeypatch.setattr(module.trained, "load_step", lambda *_: trained)
    found = Answers(tmp_path)

    def w(seed):
        with jax.set_mesh(data_mesh()):
            return 2 * snapshot.use("latents", jax.random.key(seed), number=1)[0] + 1

    return found, w


def columns(*styles):
    """The image (8, 8, 1) of a style for each slot."""
    image = np.zeros((8, 8, 1), np.float32)
    for slot, style in enumerate(styles):
        image[:3, 2 * slot : 2 * slot + 2, 0] = style[:, None]
    return image


def test_a_point_is_the_picture_of_its_style(styled):
    answers, w = styled
    for seed in (0, 5, 2**32 - 1):
        same(answers.ask("point", {"seed": seed})["image"], columns(*[w(seed)] * SLOTS))


def test_styles_are_mixed_from_one_slot_to_another(styled):
    answers, w = styled
    asked = {"seed": 1, "mix": {"seed": 2, "first": 1, "last": 3}}
    same(answers.ask("point", asked)["image"], columns(w(1), w(2), w(2), w(1)))


def test_psi_draws_styles_to_their_mean(styled):
    answers, w = styled
    mean = np.array([0.5, -0.5, 0.25])
    for psi in (0.0, 0.25, -1.0):
        style = mean + psi * (w(3) - mean)
        same(answers.ask("point", {"seed": 3, "truncation": psi})["image"], columns(*[style] * SLOTS))


def test_ways_of_styles_are_straight_also_to_mixed_ones(styled):
    answers, w = styled
    points = [{"seed": 1}, {"seed": 2, "mix": {"seed": 3, "first": 0, "last": 2}}, {"seed": 4}]
    for place, share in ((0.0, 0.0), (0.25, 0.25), (1.0, 1.0)):
        image = answers.ask("way", {"points": points, "place": place})["image"]
        there = [w(3), w(3), w(2), w(2)]
        same(image, columns(*[(1 - share) * w(1) + share * other for other in there]))
    same(answers.ask("way", {"points": points, "place": 2})["image"], columns(*[w(4)] * SLOTS))


def test_a_sheet_shows_seeds_in_a_row(styled):
    answers, w = styled
    sheet = answers.ask("sheet", {"seed": 2**32 - 2, "number": 3})
    assert sheet["seeds"] == [2**32 - 2, 2**32 - 1, 0]
    for seed, image in zip(sheet["seeds"], sheet["images"], strict=True):
        same(image, columns(*[w(seed)] * SLOTS))


@pytest.fixture(scope="module")
def dcgan(runs):
    return Answers(runs("dcgan")[0])


@pytest.fixture(scope="module")
def asker(runs):
    """(variant) -> (ability, arguments, seed) -> what the run's game gives."""

    def of(variant):
        with jax.set_mesh(data_mesh()):
            snapshot = load(runs(variant)[0]).snapshot

        def ask(ability, seed=0, **arguments):
            with jax.set_mesh(data_mesh()):
                return snapshot.use(ability, jax.random.key(seed), **arguments)

        return ask

    return of


def test_latents_without_a_map_move_along_their_directions(dcgan, asker):
    ask = asker("dcgan")
    found = dcgan.ask("directions", {})["directions"]
    assert found["principal"] == found["closed_form"] == 4  # a latent has no more
    directions = dcgan._directions(dcgan.run()["step"])
    z = ask("latents", 5, number=1)
    for basis in found:
        asked = {"seed": 5, "basis": basis, "along": [0, 1.5, 0, -2]}
        moved = z + 1.5 * directions[basis][1] - 2 * directions[basis][3]
        same(dcgan.ask("point", asked)["image"], ask("generate", latents=moved)[0])
        strip = dcgan.ask("strip", {**asked, "along_index": 1, "number": 3})
        assert strip["places"] == [-4, 0, 4]
        for place, image in zip(strip["places"], strip["images"], strict=True):
            elsewhere = z + place * directions[basis][1] - 2 * directions[basis][3]
            same(image, ask("generate", latents=elsewhere)[0])


def test_ways_of_latents_are_arcs(dcgan, asker):
    ask = asker("dcgan")
    a, b = (ask("latents", seed, number=1).astype(float) for seed in (1, 2))
    angle = np.arccos(np.sum(a * b) / np.linalg.norm(a) / np.linalg.norm(b))
    middle = (np.sin(0.7 * angle) * a + np.sin(0.3 * angle) * b) / np.sin(angle)
    image = dcgan.ask("way", {"points": [{"seed": 1}, {"seed": 2}], "place": 0.3})["image"]
    same(image, ask("generate", latents=middle.astype(np.float32))[0])


def test_latents_are_truncated_as_they_are_drawn(dcgan, asker):
    ask = asker("dcgan")
    z = ask("latents", 4, number=1, truncation=0.5)
    assert np.abs(z).max() <= 0.5
    same(dcgan.ask("point", {"seed": 4, "truncation": 0.5})["image"], ask("generate", latents=z)[0])


def test_a_checkpoint_is_asked_by_its_step(dcgan, runs):
    steps = dcgan.run()["steps"]
    assert len(steps) > 1
    for step in steps:
        with jax.set_mesh(data_mesh()):
            snapshot = load(runs("dcgan")[0], step).snapshot
            z = snapshot.use("latents", jax.random.key(6), number=1)
            expected = snapshot.use("generate", jax.random.key(0), latents=z)[0]
        same(dcgan.ask("point", {"seed": 6, "step": step})["image"], expected)


def test_classes_are_those_asked_for(runs, asker):
    answers, ask = Answers(runs("conditional")[0]), asker("conditional")
    assert answers.run()["space"]["classes"] == tuple("0123456789")
    z = ask("latents", 13, number=1)
    for label, expected in ((7, 7), (None, 3)):  # without one, classes take turns with the seeds
        made = ask("generate", latents=z, label=np.array([expected]))[0]
        same(answers.ask("point", {"seed": 13, "label": label})["image"], made)


def drop(image):
    """A picture as the page sends it."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_a_dropped_picture_is_translated(runs, asker):
    answers, ask = Answers(runs("cyclegan")[0]), asker("cyclegan")
    image = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    (panel,) = (panel for panel in answers.run()["abilities"] if panel["name"] == "translate")
    assert answers.run()["space"] is None
    assert [each["name"] for each in panel["pictures"]] == ["images"]
    assert [choice for choice, _ in panel["controls"][0]["choices"]] == ["a", "b"]
    for source, target in (("a", "b"), ("b", "a")):
        asked = {"name": "translate", "images": drop(image), "target": target}
        answer = answers.ask("ability", asked)
        np.testing.assert_array_equal(pixels(answer["before"]["images"]), image)
        expected = ask("translate", images=image[None, ..., None] / np.float32(127.5) - 1, source=source, target=target)
        same(answer["images"][0], expected[0])
    # One of another size and colours becomes one of the data's.
    large = np.repeat(np.repeat(image, 4, 0), 4, 1)[..., None].repeat(3, 2)
    resized = np.asarray(Image.fromarray(large).convert("L").resize((8, 8), Image.Resampling.BICUBIC))
    answer = answers.ask("ability", {"name": "translate", "images": drop(large)})
    np.testing.assert_array_equal(pixels(answer["before"]["images"]), resized)


def test_pictures_are_judged(dcgan, asker):
    image = np.random.default_rng(1).integers(0, 256, (8, 8), dtype=np.uint8)
    score = asker("dcgan")("judge", images=image[None, ..., None] / np.float32(127.5) - 1)
    assert dcgan.ask("ability", {"name": "judge", "images": drop(image)})["score"] == pytest.approx(score[0], abs=1e-3)


def test_games_without_latents_show_samples_of_seeds(dcgan, asker, monkeypatch):
    with pytest.raises(UserError, match="name is 'sample'"):  # with them, it is the panel of latents that shows them
        dcgan.ask("ability", {"name": "sample"})
    monkeypatch.setattr(module.panels, "can", lambda abilities: False)
    answer = dcgan.ask("ability", {"name": "sample", "seed": 8, "number": 3, "truncation": 0.4})
    assert answer["seeds"] == [8, 9, 10]
    ask = asker("dcgan")
    for seed, image in zip(answer["seeds"], answer["images"], strict=True):
        same(image, ask("sample", seed, number=1, truncation=0.4)[0])


def test_records_are_those_of_the_run(dcgan, runs):
    folder = runs("dcgan")[0]
    told = dcgan.records()
    assert json.loads(json.dumps(told, allow_nan=False))
    curves = {name: points for panel in told["panels"].values() for name, points in panel.items()}
    lines = read_metrics(folder / "metrics.jsonl")
    for name in ("digit_fd", "generator/loss", "discriminator/loss"):
        assert curves[name] == [(line["step"], line[name]) for line in lines if line.get(name) is not None]
    with Image.open(io.BytesIO(dcgan.frame(30))) as mine, Image.open(folder / "samples" / "step_0000030.png") as kept:
        np.testing.assert_array_equal(np.asarray(mine), np.asarray(kept))
    with pytest.raises(UserError, match="no picture of step 31"):
        dcgan.frame(31)


def test_results_of_evaluations_are_told_and_half_a_line_is_not(dcgan, runs):
    results = [Result("fid", 12.5, Protocol(100, "8x8x1"), model={"step": 30}), Result("kid", math.nan, Protocol(100))]
    path = runs("dcgan")[0] / "evaluation.jsonl"
    before = path.read_text() if path.exists() else ""
    path.write_text(before + "".join(result.to_json() + "\n" for result in results) + '{"key": "fid')
    assert dcgan.records()["evaluations"][-2:] == [["fid100", 12.5, 30], ["kid100", None, None]]
    path.write_text(before)


def test_curves_of_many_points_are_thinned(dcgan, monkeypatch):
    lines = [{"step": step, "images": step, "x": float(step)} for step in range(5001)]
    monkeypatch.setattr(module, "read_metrics", lambda _: lines)
    points = dcgan.records()["panels"]["x"]["x"]
    assert len(points) == 400 and points[0] == (0, 0.0) and points[-1] == (5000, 5000.0)


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("point", [], "a request is an object"),
        ("point", {}, "seed is None, but it must be a whole number from 0 to 4294967295"),
        ("point", {"seed": -1}, "seed is -1"),
        ("point", {"seed": 2**32}, "seed is 4294967296"),
        ("point", {"seed": True}, "seed is True"),
        ("point", {"seed": 1.5}, "seed is 1.5"),
        ("point", {"seed": "1; rm"}, "seed is '1; rm'"),
        ("point", {"seed": 0, "truncation": 0}, "truncation is 0, but it must be a number from 0.05 to 3"),
        ("point", {"seed": 0, "truncation": float("nan")}, "truncation is nan"),
        ("point", {"seed": 0, "basis": "x" * 10000}, "^basis is .{0,100}choose one of closed_form, principal$"),
        ("point", {"seed": 0, "along": [0.0] * 13}, "along must be a list of at most 12 numbers"),
        ("point", {"seed": 0, "along": [5]}, "along is 5, but it must be a number from -4 to 4"),
        ("point", {"seed": 0, "along": 3}, "along must be a list"),
        ("point", {"seed": 0, "step": 1}, "no checkpoint of step 1: choose one of"),
        ("point", {"seed": 0, "label": 1}, "'label': there is nothing of this name"),
        ("point", {"seed": 0, "noise": 1}, "'noise': there is nothing of this name"),
        ("point", {"seed": 0, "mix": {}}, "'mix': there is nothing of this name"),
        ("point", {"seed": 0, "../../etc/passwd": 1}, "there is nothing of this name"),
        ("strip", {"seed": 0, "along_index": 12, "number": 3}, "along_index is 12"),
        ("strip", {"seed": 0, "along_index": 0, "number": 1000}, "number is 1000, but .* from 2 to 16"),
        ("sheet", {"seed": 0, "number": 17}, "number is 17"),
        ("way", {"points": []}, "points must be a list of 1 to 16 objects"),
        ("way", {"points": [{"seed": 0}] * 17}, "points must be a list of 1 to 16"),
        ("way", {"points": [{"seed": 0}, {"seed": 1}], "place": 1.1}, "place is 1.1"),
        ("way", {"points": [{"seed": 0, "x": 1}], "place": 0}, "'x': there is nothing of this name"),
        ("ability", {}, "name is missing"),
        ("ability", {"name": "latents"}, "name is 'latents'"),
        ("ability", {"name": "judge"}, "images is missing: drop a picture"),
        ("ability", {"name": "judge", "images": "?"}, "images is no picture in base64"),
        ("ability", {"name": "judge", "images": "aGVsbG8="}, "images cannot be read as a picture"),
        ("ability", {"name": "judge", "images": "A" * 23_000_000}, "a picture of at most 16 MiB"),
        ("ability", {"name": "judge", "images": 3}, "a picture of at most 16 MiB"),
    ],
)
def test_what_is_refused(name, fields, message, dcgan):
    with pytest.raises(UserError, match=message) as error:
        dcgan.ask(name, fields)
    assert "\n" not in str(error.value) and len(str(error.value)) < 300


def test_a_picture_that_claims_too_much_is_not_decoded(dcgan):
    header = b"P6 8193 8193 255\n"  # no format that is read, nor one that is small
    with pytest.raises(UserError, match="cannot be read as a picture"):
        dcgan.ask("ability", {"name": "judge", "images": base64.b64encode(header).decode()})
    buffer = io.BytesIO()
    Image.new("1", (8193, 8193)).save(buffer, "PNG")
    with pytest.raises(UserError, match="8193 x 8193 pixels are more than"):
        dcgan.ask("ability", {"name": "judge", "images": base64.b64encode(buffer.getvalue()).decode()})


def test_runs_of_vectors_are_refused(runs):
    with pytest.raises(UserError, match="the samples of this run are vectors: take sample or generate"):
        Answers(runs("ring8")[0])


def test_another_call_size_draws_the_same(asker, runs):
    """`Snapshot.in_calls_of`: the pictures, and batch norm's statistics, are those of whole minibatches."""
    with jax.set_mesh(data_mesh()):
        snapshot = load(runs("dcgan")[0]).snapshot
        few = snapshot.in_calls_of(1)
        assert few._size == data_mesh().size < snapshot._size
        for ability, given in (("sample", {"number": 3}), ("generate", {"latents": np.ones((3, 4), np.float32)})):
            whole, some = (each.use(ability, jax.random.key(2), **given) for each in (snapshot, few))
            np.testing.assert_allclose(whole, some, atol=1e-5)

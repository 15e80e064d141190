"""python -m jaxgan.evaluate, from a run or a folder to a table, and what it says to those who ask for what cannot be had."""

import dataclasses
import functools
import json
import pathlib
import re
import shutil
import subprocess
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan.commands import evaluate
from jaxgan.core import Ability
from jaxgan.core.snapshot import Snapshot
from jaxgan.data import DataError, make_source
from jaxgan.errors import ConfigError, UserError
from jaxgan.evaluation import fakes, monitored
from jaxgan.evaluation import measure as measures
from jaxgan.evaluation.protocol import Result, difference
from jaxgan.features.digits import digit_features
from jaxgan.features.extractors import Perceptual
from jaxgan.features.foreign_files import WeightsError
from jaxgan.mesh import data_mesh
from jaxgan.metrics import digit_fd_floor, frechet_distance
from jaxgan.metrics.neighbours import precision_recall
from jaxgan.metrics.path_length import path_length
from jaxgan.training import train
from jaxgan.training.records import read_metrics
from jaxgan.training.trained import load

DIGITS = ["--features=digits", "--trust"]  # the parts of the tiny runs are the tests' own


@pytest.fixture(autouse=True)
def caches(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "kept")  # as the tests have it


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Digits as pictures in one folder for each class: the 359 of the test split, and 700 to train."""
    root = tmp_path_factory.mktemp("digits")
    for split, number in (("train", 700), ("test", 359)):
        stack = make_source("digits", split=split).stack(range(number))
        for index, (image, label) in enumerate(zip(stack["image"], stack["label"], strict=True)):
            path = root / f"{split}_digits" / str(label) / f"{index:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[..., 0]).save(path)
    return root / "train_digits", root / "test_digits"


def lines(path):
    return {line["key"]: line for line in map(json.loads, path.read_text().splitlines())}


def test_two_folders(folders, tmp_path, capsys):
    real, held_out = folders
    output = tmp_path / "out.jsonl"
    arguments = [f"--images={held_out}", f"--reference={real}", *DIGITS, f"--output={output}"]
    evaluate.main([*arguments, "--metrics=fid,kid,is,prdc,ifid,copied,ms_ssim,swd", "--subset_size=300"])
    found = lines(output)
    assert found["fid359_full/digits"]["value"] < 5 * digit_fd_floor()
    assert 8.5 < found["is359/digits"]["value"] < 10 and found["kid359_full/digits/subset300"]["deviation"] > 0
    for key in ("precision359_full/digits/k3", "recall359_full/digits/k3", "coverage359_full/digits/k5"):
        assert 0.5 < found[key]["value"] <= 1
    assert found["copied359_full/digits"]["value"] < 0.6
    assert 0 < found["ms_ssim359"]["value"] < 1 and found["swd359_359"]["value"] > 0
    assert found["ifid359_full/digits"]["protocol"]["settings"] == "10 classes"
    protocol = found["fid359_full/digits"]["protocol"]
    assert protocol["references"] == 700 and protocol["image"] == "16x16x1" and len(protocol["weights"]) == 64
    said = capsys.readouterr()
    assert "fid359_full/digits" in said.out and "359 images of 16x16x1; against 700 (all) of" in said.out
    assert said.err.startswith("warning: a class has fewer images than features: ") and said.err.count("\n") == 1
    with Image.open(tmp_path / "nearest_training.png") as picture:
        assert picture.height > 4 * 48
    # Packed in a zip, they give the same.
    packed = shutil.make_archive(str(tmp_path / "real"), "zip", real)
    evaluate.main([f"--images={held_out}", f"--reference={packed}", *DIGITS, f"--output={tmp_path / 'zip.jsonl'}"])
    again = lines(tmp_path / "zip.jsonl")["fid359_full/digits"]["value"]
    assert again == pytest.approx(found["fid359_full/digits"]["value"], rel=1e-6)


def test_a_set_against_itself(folders, tmp_path):
    real = folders[1]
    output = tmp_path / "out.jsonl"
    arguments = [f"--images={real}", f"--reference={real}", *DIGITS, f"--output={output}"]
    evaluate.main([*arguments, "--metrics=fid,copied,prdc,psnr,ssim", "--border=2"])
    found = {line["metric"]: line["value"] for line in lines(output).values()}
    assert found["fid"] == pytest.approx(0.0, abs=1e-4) and found["copied"] == 1.0
    assert found["precision"] == found["recall"] == found["coverage"] == 1.0
    for name in ("nearest_training", "nearest_training_pixels"):  # each is its own nearest one
        with Image.open(tmp_path / f"{name}.png") as picture:
            rows = np.asarray(picture)[2:].reshape(4, -1, picture.width)[:, :48]
        np.testing.assert_array_equal(rows[::2], rows[1::2])
        assert not np.array_equal(rows[0], rows[2])
    assert found["psnr"] is None and found["ssim"] == pytest.approx(1.0)


def test_a_run(runs, tmp_path, capsys):
    folder, _ = runs("dcgan")
    output = tmp_path / "out.jsonl"
    arguments = [f"--workdir={folder}", *DIGITS, "--num=130", f"--output={output}"]
    evaluate.main([*arguments, "--metrics=fid,prdc,ppl,overfitting"])
    found = {line["metric"]: line for line in lines(output).values()}
    # The same by hand, of the same samples.
    with jax.set_mesh(data_mesh()):
        fakes = evaluate.measured_run(evaluate.parse_arguments(arguments)).images(130)["image"]
    assert fakes.shape == (130, 8, 8, 1) and fakes.dtype == np.uint8
    real = make_source("digits", image_size=8).stack()["image"]
    features = [digit_features(part / np.float32(127.5) - np.float32(1)) for part in (real, fakes)]
    moments = [(part.mean(axis=0), np.cov(part.astype(np.float64), rowvar=False)) for part in features]
    assert found["fid"]["value"] == pytest.approx(frechet_distance(*moments[0], *moments[1]), rel=1e-4)
    assert (found["precision"]["value"], found["recall"]["value"]) == pytest.approx(precision_recall(*features))
    # Other batches, the same numbers.
    evaluate.main([*arguments, "--metrics=fid", "--batch_size=24"])
    assert lines(output)["fid130_full/digits"]["value"] == pytest.approx(found["fid"]["value"], rel=1e-6)
    protocol = found["fid"]["protocol"]
    assert (protocol["reference"], protocol["split"], protocol["references"]) == ("digits", "train", 1438)
    assert protocol["average"] and protocol["batch_norm"] == "2 batches of 16" and protocol["whole"]
    assert found["fid"]["key"] == "fid130_full/digits" and found["fid"]["model"]["step"] in (15, 30)
    assert found["ppl"]["value"] > 0 and found["ppl"]["key"] == "ppl130/digits"
    assert 0 <= found["d_accuracy_held_out"]["value"] <= 1
    assert "averaged weights, no truncation, batch norm by 2 batches of 16; seed 0" in capsys.readouterr().out


def test_a_reference_of_another_size_is_made_as_for_training(runs, folders, tmp_path, capsys):
    folder, _ = runs("dcgan")  # of 8x8
    output = tmp_path / "out.jsonl"
    arguments = [f"--workdir={folder}", *DIGITS, "--num=64", f"--output={output}", "--metrics=fid"]
    (tmp_path / "small").mkdir()
    large, small = sorted(folders[1].rglob("*.png")), tmp_path / "small"
    for index, path in enumerate(large):
        Image.open(path).resize((8, 8), Image.Resampling.BICUBIC).save(small / f"{index:04}.png")
    evaluate.main([*arguments, f"--reference={folders[1]}"])
    evaluate.main([*arguments, f"--reference={small}"])
    mine, by_hand = (json.loads(line) for line in output.read_text().splitlines())
    assert mine["value"] == pytest.approx(by_hand["value"], rel=1e-6)
    assert mine["protocol"]["prepared"] == "cover, bicubic" and by_hand["protocol"]["prepared"] == ""
    assert "these made 8x8x1 as for training (cover, bicubic)" in capsys.readouterr().out
    Image.new("L", (30, 20)).save(small / "another.png")  # of several sizes
    evaluate.main([*arguments, f"--reference={small}"])
    assert json.loads(output.read_text().splitlines()[-1])["protocol"]["references"] == 360


def test_what_is_asked_of_a_run_is_in_the_protocol_and_changes_the_number(runs, tmp_path):
    folder, _ = runs("dcgan")
    values = {}
    for name, arguments in {
        "plain": [],
        "seed": ["--seed=1"],
        "raw": ["--no_average"],
        "narrow": ["--truncation=0.1"],
        "test": ["--reference=test"],
        "fewer": ["--reference_num=500"],
    }.items():
        output = tmp_path / f"{name}.jsonl"
        evaluate.main([f"--workdir={folder}", *DIGITS, "--num=80", f"--output={output}", *arguments])
        (line,) = lines(output).values()
        values[name] = line["value"]
        assert line["protocol"]["average"] == (name != "raw")
    assert len(set(values.values())) == len(values)
    keys = {name: next(iter(lines(tmp_path / f"{name}.jsonl"))) for name in values}
    assert keys["narrow"] == "fid80_full/digits/truncation0.1" and keys["test"] == "fid80_test/digits"
    assert keys["fewer"] == "fid80_500/digits"
    said = evaluate.compare(tmp_path / "plain.jsonl", tmp_path / "seed.jsonl")
    assert f"{values['seed'] - values['plain']:+.4g}" in said
    with pytest.raises(
        UserError, match=r"cannot be compared: split is 'train' and 'test'; references is 1438 and 359$"
    ):
        evaluate.main(["--compare", str(tmp_path / "plain.jsonl"), str(tmp_path / "test.jsonl")])
    with pytest.raises(UserError, match=r"cannot be compared: average is True and False$"):
        evaluate.compare(tmp_path / "plain.jsonl", tmp_path / "raw.jsonl")


def test_a_game_with_labels_is_asked_for_them_as_often_as_the_data_have_them(runs, tmp_path, monkeypatch):
    folder, _ = runs("conditional")
    short = functools.partial(measures.classification_accuracy, steps=3)
    monkeypatch.setattr(measures, "classification_accuracy", short)
    output = tmp_path / "out.jsonl"
    evaluate.main([f"--workdir={folder}", *DIGITS, "--num=300", "--metrics=is,ifid,cas,ppl", f"--output={output}"])
    found = {line["metric"]: line for line in lines(output).values()}
    assert found["is"]["protocol"]["labels"] == found["ifid"]["protocol"]["labels"] == "reference"
    assert found["ifid"]["value"] > 0 and 0 <= found["cas"]["value"] <= 1 and found["ppl"]["value"] > 0


def test_labels():
    real = np.repeat([0, 2], [100, 300])
    drawn = fakes.labels(4000, 3, real, seed=0)
    counts = np.bincount(drawn, minlength=3)
    assert counts[1] == 0 and counts[2] / counts[0] == pytest.approx(3.0, rel=0.1)
    assert fakes.labels(7, 3, None, seed=0).tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_the_path_length_of_a_linear_synthesis_has_its_closed_form(runs):
    """W = 2 z and G(w) = A w under squared distances: along straight paths E |2 A (b - a)|^2 = 8 |A|^2."""
    matrix = np.random.default_rng(0).normal(size=(4, 12)).astype(np.float32)
    perceptual = Perceptual("squares", "", None, lambda params, x, y: jnp.sum(jnp.square(x - y), axis=(1, 2, 3)))
    with jax.set_mesh(data_mesh()):
        snapshot = load(runs("dcgan")[0], trust=True).snapshot
        linear = {
            "map": lambda nets, key, z: 2.0 * z,
            "synthesize": lambda nets, key, w: jnp.matmul(w, matrix, precision="highest").reshape(-1, 2, 2, 3),
        }
        linear = {name: Ability(function, {}, gives="images") for name, function in linear.items()}
        snapshot.game = dataclasses.replace(snapshot.game, abilities={**snapshot.game.abilities, **linear})
        speeds = fakes.squared_speeds(snapshot, perceptual, jax.random.key(0), 2001, space="w")
        # In Z the whole generator is seen, and paths go over the sphere: other numbers, of the same kind.
        spherical = fakes.squared_speeds(snapshot, perceptual, jax.random.key(0), 40)
    assert speeds.shape == (2001,) and len(np.unique(speeds)) > 1900
    error = speeds.std() / np.sqrt(len(speeds))
    assert path_length(speeds, trim=False) == pytest.approx(8 * np.square(matrix).sum(), abs=4 * error)
    assert (spherical > 0).all() and np.isfinite(spherical).all()


def test_samples_are_the_first_ones_of_more(runs):
    with jax.set_mesh(data_mesh()):
        snapshot = load(runs("dcgan")[0], trust=True).snapshot
        size = snapshot.compiled.batch_size
        many, few = (
            np.concatenate([part["image"] for part in fakes.fake_images(snapshot, jax.random.key(0), number)])
            for number in (2 * size + 3, size + 1)
        )
    assert len(many) == 2 * size + 3 and len(few) == size + 1
    np.testing.assert_array_equal(many[: size + 1], few)
    assert len(np.unique(many, axis=0)) > 2 * size


def test_statistics_and_arrays_as_files(folders, runs, tmp_path):
    real, held_out = folders
    stack = make_source("folder", path=str(held_out), channels=1).stack()
    np.savez(tmp_path / "images.npz", image=stack["image"])
    features = digit_features(
        make_source("folder", path=str(real), channels=1).stack()["image"] / np.float32(127.5) - np.float32(1)
    )
    np.savez(tmp_path / "theirs.npz", mu=features.mean(axis=0), sigma=np.cov(features.astype(np.float64), rowvar=False))
    values = []
    for images, target in [(held_out, real), (tmp_path / "images.npz", tmp_path / "theirs.npz")]:
        output = tmp_path / f"{len(values)}.jsonl"
        evaluate.main([f"--images={images}", f"--reference={target}", *DIGITS, f"--output={output}"])
        values += [line["value"] for line in lines(output).values()]
    assert values[1] == pytest.approx(values[0], rel=1e-4)
    with pytest.raises(UserError, match="kid needs images as a reference: statistics hold mean"):
        evaluate.main([f"--images={held_out}", f"--reference={tmp_path / 'theirs.npz'}", *DIGITS, "--metrics=kid"])


def test_the_callback_keeps_the_best_checkpoint(tiny, tmp_path):
    config = tiny("dcgan")
    config.metrics = ("fid/digits", "kid/digits", "prdc/digits", "is/digits")
    train(config, tmp_path / "run")
    scored = [line for line in read_metrics(tmp_path / "run" / "metrics.jsonl") if "fid/digits" in line]
    assert {line["step"] for line in scored} == {0, 15, 30}
    assert {"kid/digits", "precision/digits", "coverage/digits", "is/digits"} <= scored[0].keys()
    best = min(scored[1:], key=lambda line: line["fid/digits"])
    assert load(tmp_path / "run").step == best["step"]
    # The same number as the command's, with the same protocol beside it.
    stored = [Result.from_json(line) for line in (tmp_path / "run" / "evaluation.jsonl").read_text().splitlines()]
    fids = {result.model["step"]: result for result in stored if result.metric == "fid"}
    assert fids.keys() == {0, 15, 30} and {"precision", "recall", "density", "coverage", "is", "kid"} <= {
        result.metric for result in stored
    }
    again = tmp_path / "again.jsonl"
    number, step = config.evaluate_samples, best["step"]
    evaluate.main(
        [
            f"--workdir={tmp_path / 'run'}",
            *DIGITS,
            f"--num={number}",
            f"--step={step}",
            f"--seed={config.seed}",
            f"--output={again}",
        ]
    )
    of_command = Result.from_json(again.read_text())
    assert fids[step].value == pytest.approx(best["fid/digits"], rel=1e-5)  # six digits are kept there
    assert difference(fids[step], of_command) == pytest.approx(0, abs=1e-6 * of_command.value)


def test_metrics_whose_weights_are_missing_are_refused_before_training(tiny, tmp_path):
    config = tiny("dcgan")
    config.metrics = ("fid/inception",)
    with pytest.raises(
        ConfigError,
        match=r"names 'fid/inception', but no weights of 'inception' at .* python -m jaxgan weights weights",
    ):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--workdir={dcgan}", "--metrics=fod"], UserError, "no metric 'fod': did you mean 'fid'"),
        (["--workdir={dcgan}", "--metrics="], UserError, "--metrics is empty"),
        (["--metrics=fid"], UserError, "either --workdir=RUN or --images=FOLDER"),
        (["--workdir={dcgan}", "--num=0"], UserError, "from 1 to 10,000,000"),
        (["--workdir={dcgan}", "--num=20"], WeightsError, "no weights of 'inception' at"),
        (["--workdir={dcgan}", "--num=20", "--reference=nothing"], DataError, "data.split='nothing' is unknown"),
        (["--workdir={dcgan}", "--num=20", "--reference=no/where"], DataError, "--reference=no/where does not exist"),
        (["--workdir={dcgan}", "--num=20", "--reference_num=1439"], DataError, "1439 of train .* which has 1438"),
        (["--workdir={dcgan}", "--metrics=psnr"], UserError, "psnr compares pairs of images: give --images"),
        (["--workdir={dcgan}", "--metrics=ppl_w", "--features=digits"], UserError, "no latent space W"),
        (["--workdir={dcgan}", "--metrics=ifid", "--features=digits"], UserError, "a game that takes labels"),
        (["--workdir={dcgan}", "--metrics=cas"], UserError, "a game that takes labels"),
        (["--images={real}", "--metrics=overfitting"], UserError, "whose discriminator can judge"),
        (["--workdir={ring8}"], UserError, "are vectors"),
        (["--images={real}"], UserError, "fid compares with real images: give --reference"),
        (["--images={real}", "--reference={real}", "--num=701"], DataError, "too few images: 701 of"),
        (["--images={real}", "--reference={empty}"], DataError, "holds no image"),
        (["--images={real}", "--reference={colour}"], DataError, "has images of 16x16x3, but .* 16x16x1"),
        (["--images={mixed}", "--reference={real}"], DataError, "is 16x16 and .* is 8x8 .*; give images of one size"),
        (["--images={real}", "--reference={real}", "--truncation=1"], UserError, "are for runs"),
        (
            ["--images={real}", "--reference={test}", "--metrics=psnr"],
            UserError,
            "psnr compares pairs, not 700 of 700 images with 359 of 359: give two",
        ),
        (["--images={test}", "--reference={real}", "--metrics=kid", "--features=digits"], UserError, "subset_size"),
        (["--compare", "{empty}", "{empty}"], UserError, "is no file of results: give what --output"),
    ],
)
def test_one_line_says_what_is_wrong(arguments, error, message, runs, folders, tmp_path):
    (tmp_path / "empty").mkdir()
    for name, shape in {"colour/0.png": (16, 16, 3), "mixed/0.png": (16, 16), "mixed/1.png": (8, 8)}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.full(shape, 7, np.uint8)).save(tmp_path / name)
    places = {name: tmp_path / name for name in ("empty", "colour", "mixed")}
    places |= {"real": folders[0], "test": folders[1]}
    for variant in ("dcgan", "conditional", "ring8"):
        if any(f"{{{variant}}}" in argument for argument in arguments):
            places[variant] = runs(variant)[0]
    with pytest.raises(error, match=message) as caught:
        evaluate.main([*(argument.format(**places) for argument in arguments), "--trust"])
    assert "\n" not in str(caught.value)


def test_a_generator_that_has_diverged(runs, tmp_path, monkeypatch):
    folder, _ = runs("dcgan")
    sampled = Snapshot.sample
    monkeypatch.setattr(Snapshot, "sample", lambda *args, **kwargs: sampled(*args, **kwargs) * np.nan)
    with pytest.raises(UserError, match="16 of 16 generated images are not finite: the generator has diverged"):
        evaluate.main([f"--workdir={folder}", *DIGITS, "--num=80", f"--output={tmp_path / 'out.jsonl'}"])
    assert not (tmp_path / "out.jsonl").exists()


def test_the_program(folders, tmp_path):
    command = [sys.executable, "-m", "jaxgan.evaluate", f"--images={folders[1]}", f"--reference={folders[0]}"]
    done = subprocess.run([*command, "--metrics=is"], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 2 and done.stderr.startswith("error: no weights of 'inception' at ")
    assert done.stderr.count("\n") == 1 and "python -m jaxgan weights" in done.stderr


def test_the_pages_examples_run():
    page = pathlib.Path(__file__).parents[2] / "docs" / "evaluation.md"
    examples = re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)
    assert len(examples) == 2
    names = {"__name__": "page"}
    for example in examples:
        exec(compile(example, str(page), "exec"), names)
    snapshot = types.SimpleNamespace(sample=lambda key, number: np.full((number, 8, 8, 1), 0.25, np.float32))
    metric = names["brightness"]()
    values = metric.measure(snapshot, None, types.SimpleNamespace(evaluate_samples=3), None)
    assert values == {metric.score: 0.25}


def test_the_page_names_every_metric():
    page = (pathlib.Path(__file__).parents[2] / "docs" / "evaluation.md").read_text()
    table = page[page.index("## All metrics") : page.index("## While training")]
    for name in measures.MEASURES:
        assert f"`{name}`" in table, name
    table = page[page.index("## While training") : page.index("## From Python")]
    for name in monitored.METRICS:
        assert f"`{name}`" in table or "/" in name, name

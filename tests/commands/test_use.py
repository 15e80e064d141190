"""python -m jaxgan ABILITY: options that follow from declarations, and what comes out; `sample` and `translate` in short."""

import csv
import io
import pathlib
import subprocess
import sys

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan import sample
from jaxgan.commands import listing, outputs, use
from jaxgan.config import default, named, player
from jaxgan.core.snapshot import Snapshot
from jaxgan.data import make_source
from jaxgan.errors import UserError
from jaxgan.layers import Verdict
from jaxgan.training import train
from jaxgan.training.records import read_metrics

ROOT = pathlib.Path(__file__).parents[2]


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def run(command, *arguments):
    """The parts of the tiny runs are the tests' own."""
    return command([*arguments[:1], "--trust", *arguments[1:]])


# ---- options, of a declaration alone


def test_tables_of_classes_and_of_scores():
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.0625, 0.0625, 0.875]], np.float32)) + 3
    assert outputs.table("class_logits", ["x.png", "y.png"], logits, ("cat", "dog")) == [
        ("name", "class", "probability"),
        ("x.png", "cat", "0.7000"),
        ("y.png", "2", "0.8750"),
    ]
    scores = outputs.table("scores", ["x.png"], np.array([-1.25], np.float32), ())
    assert scores == [("name", "score"), ("x.png", "-1.25")]


# ---- python -m jaxgan sample


def test_samples_come_without_the_data(runs, tmp_path, monkeypatch):
    from jaxgan.data import digits

    folder, _ = runs("dcgan")

    def no_data():
        raise AssertionError("the data were read")

    monkeypatch.setattr(digits, "_digits", no_data)
    arrays = {}
    for name, arguments in {
        "twelve": ["--num=12"],
        "five": ["--num=5"],
        "other": ["--num=5", "--seed=1"],
        "plain": ["--num=5", "--truncation=0.01"],
    }.items():
        output = tmp_path / f"{name}.npz"
        run(sample.main, f"--workdir={folder}", f"--output={output}", *arguments)
        with np.load(output) as file:
            arrays[name] = file["image"]
    assert arrays["twelve"].shape == (12, 8, 8, 1) and arrays["twelve"].dtype == np.uint8
    np.testing.assert_array_equal(arrays["twelve"][:5], arrays["five"])
    assert not np.array_equal(arrays["five"], arrays["other"])
    assert arrays["plain"].std(axis=0).max() < arrays["five"].std(axis=0).max()
    # The same samples as a grid and as files, in the run's own folder.
    run(sample.main, f"--workdir={folder}", "--num=5")
    run(sample.main, f"--workdir={folder}", "--num=5", "--format=folder")
    lines = [line for line in read_metrics(folder / "metrics.jsonl") if line["step"] and "digit_fd" in line]
    step = min(lines, key=lambda line: line["digit_fd"])["step"]
    grid = read(folder / "generated" / f"step{step}-num5-seed0.png")
    assert grid.shape == (8 * 6 + 4, 5 * 50 + 2)
    for index, image in enumerate(arrays["five"][..., 0]):
        np.testing.assert_array_equal(grid[2:50:6, 2 + 50 * index : 50 + 50 * index : 6], image)
        np.testing.assert_array_equal(read(folder / "generated" / f"step{step}-num5-seed0" / f"{index}.png"), image)


def test_a_label_is_what_the_generator_is_asked_for(runs, tmp_path):
    folder, _ = runs("conditional")
    labels = {}
    for name, arguments in {"eights": ["--label=8"], "all": []}.items():
        run(sample.main, f"--workdir={folder}", "--num=12", "--format=npz", f"--output={tmp_path / name}", *arguments)
        with np.load(tmp_path / name) as file:
            labels[name] = file["label"]
    assert labels["eights"].tolist() == [8] * 12
    assert labels["all"].tolist() == [*range(10), 0, 1]


@pytest.mark.parametrize(
    ("variant", "arguments", "message"),
    [
        ("dcgan", ["--label=3"], "takes no --label: choose one of"),
        ("conditional", ["--label=10"], "the classes are 0 to 9"),
        ("cyclegan", [], "cannot sample: choose one of evaluate, translate"),
        ("dcgan", ["--num=0"], "from 1 to 10,000,000"),
        ("dcgan", ["--truncation=0"], "but it must be above 0"),
        ("dcgan", ["--step=7"], "no checkpoint of step 7: choose one of"),
        ("dcgan", ["--output=."], "exists already"),
        ("dcgan", ["--output=y.jpg"], r"ends in neither \.png nor \.npz"),
        ("ring8", ["--format=folder"], "these samples are vectors"),
    ],
)
def test_samples_that_cannot_be_had(variant, arguments, message, runs):
    with pytest.raises(UserError, match=message):
        run(sample.main, f"--workdir={runs(variant)[0]}", *arguments)


def test_a_folder_without_a_run_or_a_checkpoint(tmp_path, runs):
    with pytest.raises(UserError, match="is not the folder of a run"):
        run(sample.main, f"--workdir={tmp_path}")
    for name in ("config.json", "data.json"):
        (tmp_path / name).write_bytes((runs("dcgan")[0] / name).read_bytes())
    with pytest.raises(UserError, match="holds no checkpoint yet"):
        run(sample.main, f"--workdir={tmp_path}")
    assert not (tmp_path / "checkpoints").exists()


def test_latents_that_were_drawn_make_the_same_images(runs, tmp_path, capsys):
    folder, _ = runs("conditional")
    where = f"--workdir={folder}"
    run(lambda arguments: use.main("latents", arguments), where, "--num=3", f"--output={tmp_path / 'z.npz'}")
    with np.load(tmp_path / "z.npz") as file:
        assert file["latents"].shape == (3, 6)
    made = {}
    for name, label in (("first", "4"), ("again", "4"), ("other", "5")):
        output = tmp_path / f"{name}.npz"
        arguments = [f"--latents={tmp_path / 'z.npz'}", f"--label={label}", "--format=npz", f"--output={output}"]
        run(lambda arguments: use.main("generate", arguments), where, *arguments)
        with np.load(output) as file:
            made[name], labels = file["image"], file["label"]
        assert labels.tolist() == [int(label)] * 3
    np.testing.assert_array_equal(made["first"], made["again"])
    assert made["first"].shape == (3, 8, 8, 1) and not np.array_equal(made["first"], made["other"])
    assert "3 latents of step 10" in capsys.readouterr().out


def test_files_of_one_name_in_two_folders_have_a_result_each(runs, tmp_path, capsys):
    where = f"--workdir={runs('conditional')[0]}"
    for seed, name in enumerate("xy"):
        (tmp_path / name).mkdir()
        arguments = ["--num=2", f"--seed={seed}", f"--output={tmp_path / name / 'z.npz'}"]
        run(lambda arguments: use.main("latents", arguments), where, *arguments)

    def made(path):
        capsys.readouterr()
        run(lambda arguments: use.main("generate", arguments), where, f"--latents={path}", "--label=4")
        return pathlib.Path(capsys.readouterr().out.strip().rpartition(": ")[2])

    first, other = (made(tmp_path / name / "z.npz") for name in "xy")
    assert first != other and not np.array_equal(read(first), read(other))
    assert made(tmp_path / "y" / "z.npz") == other and "-z_" in other.name  # asked again, it is written again


def test_classes_go_on_in_turn_over_all_images(runs, tmp_path, monkeypatch):
    """More images than are read at a time, all alike: what is said of each hangs on its class alone."""
    (tmp_path / "in").mkdir()
    for index in range(70):
        Image.new("L", (8, 8), 120).save(tmp_path / "in" / f"{index:03}.png")
    given = use.values
    monkeypatch.setattr(use, "values", lambda *asked: given(*asked) | {"label": None})  # as of an optional label
    output = tmp_path / "scores.csv"
    arguments = [f"--input={tmp_path / 'in'}", "--label=0", f"--output={output}"]
    run(lambda arguments: use.main("judge", arguments), f"--workdir={runs('conditional')[0]}", *arguments)
    scores = [float(row[1]) for row in csv.reader(output.read_text().splitlines()[1:])]
    assert len(scores) == 70 and len(set(np.round(scores[:10], 6))) == 10
    np.testing.assert_allclose(scores, [scores[index % 10] for index in range(70)], rtol=1e-5, atol=1e-6)


def pictures_in(folder, *shades):
    folder.mkdir()
    for index, shade in enumerate(shades):
        Image.new("L", (8, 8), shade).save(folder / f"{index}.png")
    return folder


def test_images_are_encoded_and_made_again_from_their_codes(runs, tmp_path, capsys):
    where, inputs = f"--workdir={runs('vae')[0]}", f"--input={pictures_in(tmp_path / 'in', 0, 120, 255)}"

    def ask(ability, *arguments):
        return run(lambda arguments: use.main(ability, arguments), where, *arguments)

    codes = {}
    for name, more in (("mean", []), ("drawn", ["--which=drawn"]), ("other", ["--which=drawn", "--seed=1"])):
        assert ask("encode", inputs, f"--output={tmp_path / name}.npz", *more) == 0
        with np.load(tmp_path / f"{name}.npz") as file:
            codes[name] = file["latents"]
            assert file["name"].tolist() == ["0.png", "1.png", "2.png"] and codes[name].shape == (3, 4)
    assert len({array.tobytes() for array in codes.values()}) == 3
    assert ask("reconstruct", inputs, f"--output={tmp_path / 'again'}") == 0
    # The two halves of it are the abilities "encode" and "generate".
    ask("generate", f"--latents={tmp_path / 'mean.npz'}", "--format=folder", f"--output={tmp_path / 'made'}")
    for index in range(3):
        made = read(tmp_path / "made" / f"{index}.png").astype(int)
        assert np.abs(made - read(tmp_path / "again" / f"{index}.png")).max() <= 1
    seen = capsys.readouterr().out
    assert "3 of 3 images encoded" in seen and "3 of 3 images reconstructed" in seen
    with pytest.raises(UserError, match=r"which.*invalid choice: 'median'"):
        ask("encode", inputs, "--which=median")
    for output in ("codes.txt", "codes"):  # a NumPy file by another name would surprise whoever opens it
        with pytest.raises(UserError, match=rf"--output=.*{output} does not end in \.npz"):
            ask("encode", inputs, f"--output={tmp_path / output}")
        assert not (tmp_path / output).exists()
    # Short words are half alike by chance: what is no slip of the pen is told all that there is.
    with pytest.raises(UserError, match=r"takes no --text: choose one of .*input, output"):
        ask("encode", inputs, "--text=eight")
    with pytest.raises(UserError, match=r"takes no --ouput: did you mean 'output'"):
        ask("encode", inputs, "--ouput=x.npz")


def test_styles_are_taken_in_turn(runs, tmp_path):
    where = f"--workdir={runs('disentangle')[0]}"
    contents = pictures_in(tmp_path / "in", 0, 0, 0, 255)
    styles = pictures_in(tmp_path / "styles", 20, 200)

    def ask(folder, *more):
        return run(
            lambda arguments: use.main("restyle", arguments),
            where,
            f"--input={contents}",
            f"--output={tmp_path / folder}",
            *more,
        )

    assert ask("out", f"--styles={styles}") == 0
    made = [read(tmp_path / "out" / f"{index}.png") for index in range(4)]
    np.testing.assert_array_equal(made[0], made[2])  # the same content, the first style again
    assert not np.array_equal(made[0], made[1]) and not np.array_equal(made[1], made[3])
    with pytest.raises(UserError, match="styles"):
        ask("without")
    with pytest.raises(UserError, match=r"--styles=.*nowhere does not exist"):
        ask("nowhere", f"--styles={tmp_path / 'nowhere'}")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "a.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"--styles=.*broken: none of its images can be read"):
        ask("broken_out", f"--styles={tmp_path / 'broken'}")


# ---- python -m jaxgan judge and classify, and the list of commands


def test_images_are_judged(runs, digits, tmp_path, capsys):
    folder, _ = runs("dcgan")
    where, output = f"--workdir={folder}", tmp_path / "scores.csv"
    judge = lambda arguments: use.main("judge", arguments)  # noqa: E731
    assert run(judge, where, f"--input={digits}", f"--output={output}") == 0
    rows = list(csv.reader(output.read_text().splitlines()))
    assert rows[0] == ["name", "score"] and [row[0] for row in rows[1:]] == [f"{index}.png" for index in range(5)]
    assert len({row[1] for row in rows[1:]}) == 5 and all(np.isfinite(float(row[1])) for row in rows[1:])
    capsys.readouterr()
    (digits / "6.png").write_bytes(b"no image")
    assert run(judge, where, f"--input={digits}") == 1
    seen = capsys.readouterr()
    assert list(csv.reader(io.StringIO(seen.out))) == rows  # the table alone
    assert "5 of 6 images judged with step" in seen.err
    with pytest.raises(UserError, match="exists already"):
        run(judge, where, f"--input={digits}", f"--output={output}")
    with pytest.raises(UserError, match="--input is for images, but the data of this run are vectors"):
        run(judge, f"--workdir={runs('ring8')[0]}", f"--input={digits}")


def test_a_sorted_folder_is_asked_about_from_everywhere(runs, tmp_path, monkeypatch):
    """Batch norm's statistics are of images that are asked about together: not of the darkest ones first."""
    (tmp_path / "sorted").mkdir()
    for index in range(130):
        Image.new("L", (8, 8), index).save(tmp_path / "sorted" / f"{index:03}.png")
    seen = []
    look = lambda snapshot, ability, key, images: seen.append(images.mean()) or images.mean(axis=(1, 2, 3))  # noqa: E731
    monkeypatch.setattr(Snapshot, "use", look)
    folder, output = runs("dcgan")[0], tmp_path / "scores.csv"
    arguments = (f"--workdir={folder}", f"--input={tmp_path / 'sorted'}", f"--output={output}")
    run(lambda arguments: use.main("judge", arguments), *arguments)
    rows = list(csv.reader(output.read_text().splitlines()))[1:]
    assert [row[0] for row in rows] == [f"{index:03}.png" for index in range(130)]
    np.testing.assert_allclose([float(row[1]) for row in rows], np.arange(130) / 127.5 - 1, atol=1e-3)
    assert len(seen) == 3 and np.ptp(seen) < 0.02


class Labelled(nn.Module):
    """z, labels -> images: a different grey for each class, of a network that has no more to it."""

    embedded_classes: int = 0
    output_shape: tuple[int, ...] | None = None

    @nn.compact
    def __call__(self, z, label):
        size = int(np.prod(self.output_shape))
        x = nn.Dense(size)(z) + nn.Embed(self.embedded_classes, size)(label)
        return jnp.tanh(x).reshape(-1, *self.output_shape)


class Classifier(nn.Module):
    """Images -> a score and class logits."""

    class_logits: int = 0

    @nn.compact
    def __call__(self, images):
        x = nn.relu(nn.Dense(64)(images.reshape(len(images), -1)))
        return Verdict(nn.Dense(1)(x)[:, 0], None, nn.Dense(self.class_logits)(x))


def test_images_are_classified_by_name(digits, tmp_path):
    config = default()
    config.system, config.game, config.metrics = "acgan", {"latent_size": 4}, ("label_accuracy",)
    for name, network in (("generator", "Labelled"), ("discriminator", "Classifier")):
        own = named(f"{Labelled.__module__}:{network}")
        config.players[name] = player(own, named("adam", learning_rate=3e-3))
    config.data.name, config.data.image_size, config.steps = "digits", 8, 150
    config.evaluate_every = config.sample_every = config.checkpoint_every = 0
    values = train(config, tmp_path / "run")
    output, where = tmp_path / "classes.csv", f"--workdir={tmp_path / 'run'}"
    run(lambda arguments: use.main("classify", arguments), where, f"--input={digits}", f"--output={output}")
    rows = list(csv.reader(output.read_text().splitlines()))
    assert rows[0] == ["name", "class", "probability"]
    labels = make_source("digits", split="test").stack(range(5))["label"]
    assert sum(row[1] == str(label) for row, label in zip(rows[1:], labels, strict=True)) >= 3
    assert all(0.1 <= float(row[2]) <= 1 for row in rows[1:]) and values["label_accuracy"] > 0.6


def test_the_commands_of_a_run_are_listed(runs, capsys):
    assert listing.main([]) == 0
    assert "python -m jaxgan COMMAND --workdir=RUN" in capsys.readouterr().out
    assert run(listing.main, f"--workdir={runs('dcgan')[0]}") == 0
    said = capsys.readouterr().out
    for name in ("sample", "latents", "generate", "judge", "evaluate"):
        assert f"\n  {name} " in said
    with pytest.raises(UserError, match="cannot smaple: did you mean 'sample'"):
        listing.main(["smaple", f"--workdir={runs('dcgan')[0]}", "--trust"])
    with pytest.raises(SystemExit):
        listing.main(["sample", f"--workdir={runs('dcgan')[0]}", "--trust", "--help"])
    assert "draws samples" in capsys.readouterr().out


def test_the_program_says_in_one_line_what_is_wrong(tmp_path):
    command = [sys.executable, "-m", "jaxgan", "classify", f"--workdir={tmp_path}", "--input=x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=ROOT)
    assert done.returncode == 2 and done.stderr.startswith(f"error: {tmp_path} is not the folder of a run")
    assert done.stderr.count("\n") == 1

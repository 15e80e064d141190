"""python -m jaxgan translate: folders of pictures carried into other domains."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from jaxgan import translate
from jaxgan.commands import use
from jaxgan.config import default, named, player
from jaxgan.errors import UserError
from jaxgan.training import train
from tests.commands.test_use import read, run


def test_every_image_is_translated_under_its_own_name(runs, tmp_path, capsys):
    folder, _ = runs("cyclegan")
    inputs = tmp_path / "in"
    (inputs / "deeper").mkdir(parents=True)
    Image.new("RGBA", (31, 20), (200, 10, 10, 255)).save(inputs / "a.png")
    Image.new("L", (8, 8), 70).save(inputs / "deeper" / "b.webp")
    Image.new("RGB", (64, 64), (0, 0, 0)).save(inputs / "c.d.jpeg")
    Image.new("L", (1, 3), 90).save(inputs / "tiny.png")
    arguments = [f"--workdir={folder}", f"--input={inputs}"]
    assert run(translate.main, *arguments, f"--output={tmp_path / 'out'}") == 0
    assert run(translate.main, *arguments, f"--output={tmp_path / 'back'}", "--source=inverted") == 0
    for output in ("out", "back"):
        written = {str(path.relative_to(tmp_path / output)) for path in (tmp_path / output).rglob("*.png")}
        assert written == {"a.png", "deeper/b.png", "c.d.png", "tiny.png"}
        # Filled up to what the network takes, and cut back: each has the size that it had.
        assert read(tmp_path / output / "a.png").shape == (20, 31)
        assert read(tmp_path / output / "deeper" / "b.png").shape == (8, 8)
        assert read(tmp_path / output / "c.d.png").shape == (64, 64)
        assert read(tmp_path / output / "tiny.png").shape == (3, 1)
    assert not np.array_equal(read(tmp_path / "out" / "a.png"), read(tmp_path / "back" / "a.png"))
    # Named by the array, and by the other end of the way, it is the same.
    for index, end in enumerate(("--source=b", "--target=digits", "--target=a")):
        run(translate.main, *arguments, f"--output={tmp_path / str(index)}", end)
        np.testing.assert_array_equal(read(tmp_path / str(index) / "a.png"), read(tmp_path / "back" / "a.png"))

    (inputs / "broken.png").write_bytes(b"no image")
    assert run(translate.main, *arguments, f"--output={tmp_path / 'again'}") == 1
    seen = capsys.readouterr()
    assert "broken.png cannot be read" in seen.err and "4 of 5 images translated" in seen.out


@pytest.mark.parametrize(
    ("variant", "files", "more", "message"),
    [
        ("cyclegan", None, [], "does not exist"),
        ("cyclegan", [], [], "holds no image"),
        ("cyclegan", ["a.png", "a.jpg"], [], "a.jpg and a.png would both become .*a.png: rename one"),
        ("cyclegan", ["a.png"], ["--source=c"], "--source=c: no such domain: choose one of digits, inverted"),
        (
            "cyclegan",
            ["a.png"],
            ["--source=a", "--target=digits"],
            "source and target are both 'digits': choose another target",
        ),
        ("cyclegan", ["a.png"], ["--direction=ba"], "takes no --direction: choose one of input, output, "),
        ("dcgan", ["a.png"], [], "cannot translate: choose one of evaluate, generate, judge, latents, sample"),
    ],
)
def test_translations_that_cannot_be_had(variant, files, more, message, runs, tmp_path):
    if files is not None:
        (tmp_path / "in").mkdir()
        for file in files:
            Image.new("L", (8, 8)).save(tmp_path / "in" / file)
    arguments = [f"--workdir={runs(variant)[0]}", f"--input={tmp_path / 'in'}", f"--output={tmp_path / 'out'}", *more]
    with pytest.raises(UserError, match=message):
        run(translate.main, *arguments)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Two tiny runs of four domains, StarGAN's and ComboGAN's, and one of attributes."""
    folders = {}
    for name, system in (("stargan", "stargan"), ("attributes", "stargan"), ("combogan", "combogan")):
        config = default()
        config.system = system
        adam = named("adam", learning_rate=1e-3)
        if system == "stargan":
            config.game = {"discriminator_steps": 1}
            network = named("StarGANGenerator", width=4, blocks=1, downsamples=2)
            config.players.generator = player(network, adam)
            config.players.discriminator = player(named("StarGANDiscriminator", width=4, layers=2), adam)
        else:
            config.players.encoder = player(named("ComboGANEncoder", width=4, blocks=1, downsamples=1), adam)
            config.players.decoder = player(named("ComboGANDecoder", blocks=1, downsamples=1), adam)
            config.players.discriminator = player(named("PatchDiscriminator", width=4, layers=1, norm="none"), adam)
        config.data.name, config.data.image_size = "digits_translation", 8
        config.data.domains = ("digits", "inverted", "edges", "dim")
        if name == "attributes":
            config.data.name, config.data.domains, config.data.attributes = "digits", (), ("bar", "dim")
        config.batch_size, config.steps, config.metrics = 8, 2, ()
        folders[name] = tmp_path_factory.mktemp(name)
        train(config, folders[name])
    return folders


@pytest.mark.long  # three systems are trained for it
def test_several_targets_have_a_folder_each(many, digits, tmp_path, capsys):
    arguments = [f"--workdir={many['combogan']}", f"--input={digits}", "--source=digits"]
    assert translate.main([*arguments, "--target=inverted,edges", f"--output={tmp_path / 'both'}"]) == 0
    assert {path.name for path in (tmp_path / "both").iterdir()} == {"inverted", "edges"}
    for name, array in (("inverted", "b"), ("edges", "c")):
        assert translate.main([*arguments, f"--target={array}", f"--output={tmp_path / name}"]) == 0
        for index in range(5):
            alone, together = (read(at / name / f"{index}.png") for at in (tmp_path, tmp_path / "both"))
            np.testing.assert_array_equal(alone, together)
    assert "5 of 5 images translated" in capsys.readouterr().out
    for more, message in (
        (["--target=inverted,edgs"], "--target=edgs: no such domain: did you mean 'edges'"),
        (["--target=inverted,b"], "--target=inverted,b: a domain is named twice: leave one out"),
        (["--target=edges,digits"], "source and target are both 'digits': choose another target"),
    ):
        with pytest.raises(UserError, match=message):
            translate.main([*arguments, *more, f"--output={tmp_path / 'none'}"])
    with pytest.raises(UserError, match="say of which domain the images are, source='digits' or 'edges' or 'dim'"):
        translate.main([*arguments[:2], "--target=inverted", f"--output={tmp_path / 'none'}"])
    assert not (tmp_path / "none").exists()


@pytest.mark.long  # three systems are trained for it
def test_stargan_guesses_the_source_of_pictures_of_any_size(many, digits, tmp_path, capsys):
    Image.new("L", (21, 9), 40).save(digits / "wide.png")
    arguments = [f"--workdir={many['stargan']}", f"--input={digits}"]
    assert use.main("classify", arguments) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {row["class"] for row in rows} <= {"digits", "inverted", "edges", "dim"} and len(rows) == 6
    taken = {row["name"]: row["class"] for row in rows}
    target = taken["0.png"]
    assert translate.main([*arguments, f"--target={target}", f"--output={tmp_path / 'out'}"]) == 0
    assert read(tmp_path / "out" / "wide.png").shape == (9, 21)
    for index in range(5):  # those of the target as the discriminator sees them stay as they are
        same = np.array_equal(read(tmp_path / "out" / f"{index}.png"), read(digits / f"{index}.png"))
        assert same == (taken[f"{index}.png"] == target)


@pytest.mark.long  # three systems are trained for it
def test_attributes_are_given_and_taken_away(many, digits, tmp_path):
    arguments = [f"--workdir={many['attributes']}", f"--input={digits}"]
    assert translate.main([*arguments, "--target=bar,no_bar", f"--output={tmp_path / 'out'}"]) == 0
    given, taken = (read(tmp_path / "out" / name / "0.png") for name in ("bar", "no_bar"))
    assert given.shape == taken.shape == (8, 8) and not np.array_equal(given, taken)
    with pytest.raises(UserError, match="--target=baar: no such domain: did you mean 'bar'"):
        translate.main([*arguments, "--target=baar", f"--output={tmp_path / 'none'}"])
    with pytest.raises(UserError, match="the following arguments are required: --target"):
        translate.main([*arguments, f"--output={tmp_path / 'none'}"])

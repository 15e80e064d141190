"""Commands on folders of images: what classes are called, whose style is whose, and what is drawn."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

import jaxgan
from jaxgan.commands import listing
from jaxgan.config import default, named, player
from jaxgan.errors import UserError
from jaxgan.explorer.answers import Answers
from jaxgan.training import train
from tests.commands.test_use import read
from tests.explorer.test_answers import drop


def main(ability, folder, *arguments):
    return listing.main([ability, f"--workdir={folder}", "--trust", *arguments])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """train/A has dark pictures of class "night" and light ones of "day", train/B grey ones of no class."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, shade in {"A/day": 230, "A/night": 20, "B": 128}.items():
        (folder / "train" / name).mkdir(parents=True)
        for index in range(12):
            Image.new("L", (8, 8), shade + index).save(folder / "train" / name / f"{index:02}.png")
    return folder


def test_a_classifier_of_labels_does_not_name_domains(pictures, tmp_path, capsys):
    config = default()
    config.system = "direct_translation"
    adam = named("adam", learning_rate=1e-2)
    config.players.generator = player(named("DiscoGANTranslator", widths=(4,), bottleneck=4), adam)
    config.players.discriminator = player(named("DiscoGANDiscriminator", widths=(4,)), adam)
    config.players.classifier = player(named("ACGANDiscriminator", widths=(4,), norm="none"), adam)
    config.data.name, config.data.path, config.data.image_size = "two_folders", str(pictures), 8
    config.batch_size, config.steps, config.metrics = 8, 30, ()
    config.game = {"pretraining_steps": 30}
    train(config, tmp_path / "run")
    capsys.readouterr()
    assert main("classify", tmp_path / "run", f"--input={pictures / 'train' / 'A'}") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 24
    for row in rows:
        assert row["class"] == row["name"].split("/")[0]
    page = Answers(tmp_path / "run")
    for name, shade in (("day", 235), ("night", 25)):
        picture = drop(np.full((8, 8), shade, np.uint8))
        shares = page.ask("ability", {"name": "classify", "images": picture})["shares"]
        assert shares[0][0] == name and {each for each, _ in shares} == {"day", "night"}


def grey(folder, *shades):
    folder.mkdir()
    for index, shade in enumerate(shades):
        Image.new("L", (8, 8), shade).save(folder / f"{index:02}.png")
    return folder


def test_a_seed_draws_what_it_draws_from_python_and_for_many_images_goes_on(runs, tmp_path):
    """More images than are read at a time, all alike: what is drawn beside them differs."""
    folder, output = runs("vae")[0], tmp_path / "codes.npz"
    inputs = grey(tmp_path / "in", *[120] * 70)
    main("encode", folder, f"--input={inputs}", "--which=drawn", "--seed=3", f"--output={output}")
    with np.load(output) as file:
        codes = file["latents"]
    run = jaxgan.load(folder, trust=True)
    drawn = run.encode(np.full((16, 8, 8, 1), 120, np.uint8), which="drawn", seed=3)
    np.testing.assert_allclose(codes[:32:2], drawn, atol=1e-6)  # the first that are read are every other one
    assert len(np.unique(codes, axis=0)) == 70


def test_a_content_that_cannot_be_read_leaves_the_others_their_styles(runs, tmp_path):
    folder = runs("disentangle")[0]
    contents = grey(tmp_path / "in", 0, 60, 120, 180, 240)
    styles = grey(tmp_path / "styles", 20, 110, 200)
    asked = [f"--input={contents}", f"--styles={styles}"]
    assert main("restyle", folder, *asked, f"--output={tmp_path / 'whole'}") == 0
    for broken in (0, 2):
        (contents / f"{broken:02}.png").write_bytes(b"no image")
    assert main("restyle", folder, *asked, f"--output={tmp_path / 'some'}") == 1
    assert len(list((tmp_path / "some").iterdir())) == 3
    for path in (tmp_path / "some").iterdir():
        np.testing.assert_array_equal(read(path), read(tmp_path / "whole" / path.name))
    assert len({read(path).tobytes() for path in (tmp_path / "whole").iterdir()}) == 5


def test_images_of_two_domains_are_not_carried_into_both_unasked(runs, tmp_path):
    """Each target alone says of which domain they are; together they say both."""
    folder, inputs = runs("cyclegan")[0], grey(tmp_path / "in", 120)
    for targets in ("a,b", "inverted,digits"):
        with pytest.raises(UserError, match="say of which domain the images are, source='digits' or 'inverted'"):
            main("translate", folder, f"--input={inputs}", f"--target={targets}", f"--output={tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()


def test_too_few_images_for_batch_norm_are_told_of_once(runs, tiny, tmp_path, capsys, caplog):
    """A minibatch has 8; the discriminator of one run has batch norm, that of the other has not."""
    config, normalised, plain = tiny("dcgan"), tmp_path / "run", runs("conditional")[0]
    config.data.image_size, config.steps, config.metrics = 16, 1, ()  # at 8 its only map is not normalised
    train(config, normalised)
    capsys.readouterr()
    line = "judge: batch norm goes by the images that are given, {} here, but by 8 at a time in training"
    three, eight = grey(tmp_path / "three", 0, 60, 120), grey(tmp_path / "eight", *range(0, 240, 30))
    for folder, inputs, more, told in (
        (normalised, three, [], "warning: " + line.format(3)),
        (normalised, eight, [], ""),
        (plain, three, ["--label=2"], ""),
    ):
        main("judge", folder, f"--input={inputs}", *more)
        errors = capsys.readouterr().err
        assert errors.count("warning") == bool(told) and told in errors
    run, images = jaxgan.load(normalised, trust=True), np.zeros((8, 16, 16, 1), np.float32)
    for number in (8, 1, 1):
        run.judge(images[:number])
    assert [record.getMessage().startswith(line.format(1)) for record in caplog.records] == [True]
    for folder, more, told in ((normalised, {}, True), (plain, {"label": 2}, False)):
        asked = {"name": "judge", "images": drop(np.zeros((8, 8), np.uint8))} | more
        assert Answers(folder, trust=True).ask("ability", asked)["note"].startswith(line.format(1)) == told

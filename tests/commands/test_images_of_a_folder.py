"""Commands on folders of images: what classes are called, whose style is whose, and what is drawn."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from jaxgan.commands import listing
from jaxgan.config import default, named, player
from jaxgan.explorer.answers import Answers
from jaxgan.training import train
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

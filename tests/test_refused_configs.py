"""What no config may say of its data or its numbers, for every system: refused before anything is written."""

import re

import pytest
from ml_collections import ConfigDict
from PIL import Image

from jaxgan import overrides
from jaxgan.build import build_game
from jaxgan.core.arrays import ArraySpec
from jaxgan.data import DataError
from jaxgan.errors import ConfigError
from jaxgan.registry import resolve
from jaxgan.training import train
from jaxgan.training.plan import plan_without_data
from tests.test_configs import MODULES


@pytest.mark.parametrize(
    ("data", "cure"), [("digits", "set it to 10, or leave it out"), ("folder", "the data have no labels")]
)
def test_classes_that_the_data_have_not_are_refused(data, cure, tmp_path):
    Image.new("RGB", (16, 16)).save(tmp_path / "one.png")
    changes = {"data.name": data, "data.path": str(tmp_path) if data == "folder" else "", "game.num_classes": 5}
    config = overrides.apply(MODULES["acgan"].get_config(), changes.items())
    with pytest.raises(ConfigError, match=f"^config.game.num_classes=5, but .*{cure}"):
        plan_without_data(config)


def test_a_missing_table_of_pictures_that_are_there_is_named(tmp_path):
    Image.new("RGB", (16, 16)).save(tmp_path / "one.png")
    missing = str(tmp_path / "none.csv")
    changes = {
        "data.name": "folder",
        "data.path": str(tmp_path),
        "data.image_size": 16,
        "data.attributes_file": missing,
    }
    config = overrides.apply(MODULES["stargan"].get_config("attributes"), changes.items())
    with pytest.raises(DataError, match=r"none\.csv does not exist; set data.attributes_file to a CSV"):
        plan_without_data(config)


@pytest.mark.parametrize("name", ["unit", "xgan", "domain_adversarial", "direct_translation", "stargan", "combogan"])
@pytest.mark.parametrize("field", ["channels_b", "image_size_b"])
def test_networks_that_read_both_domains_refuse_domains_of_different_shapes(name, field, tmp_path):
    changes = {"data.name": "two_folders", "data.path": str(tmp_path / "absent"), "data.image_size": 16, "metrics": ()}
    config = overrides.apply(MODULES[name].get_config(), changes.items())
    one = ArraySpec((16, 16, 1), "float32", "image")
    other = ArraySpec((16, 16, 3) if field == "channels_b" else (32, 32, 1), "float32", "image")
    label = ArraySpec((), "int32", "label", ("cat", "dog"))
    with pytest.raises(ConfigError, match=r"takes domains of one shape, but those of 'a' are .* and those of 'b'"):
        build_game(config, {"a": one, "b": other, "label": label}, ("A", "B"))


@pytest.mark.parametrize(
    ("name", "domains", "number"),
    [
        ("cyclegan", (), 2),
        ("pix2pix", (), 2),
        ("cogan", (), 2),
        ("combogan", ("x", "y"), 2),
        ("stargan", ("x", "y"), 2),
    ],
)
def test_domains_that_a_game_would_not_use_are_refused(name, domains, number):
    config = MODULES[name].get_config()
    if domains:
        config.game.domains = domains
    one = ArraySpec((16, 16, 1), "float32", "image")
    seasons = ("spring", "summer", "autumn")
    message = f"plays on {number} domains, but the data have spring, summer, autumn, and would not use autumn: choose"
    with pytest.raises(ConfigError, match=message):
        build_game(config, dict.fromkeys("abc", one), seasons)
    assert build_game(config, dict.fromkeys("ab", one), seasons[:2]).abilities


WRONG = {
    "learning_rate": (0.0, -1.0),
    "b1": (1.5,),
    "b2": (1.0,),
    **dict.fromkeys(("width", "base_width", "max_width", "latent_size"), (0, -3, 10**9)),
    **dict.fromkeys(("widths", "hidden"), ((0, 0), (4, -1), (10**9,))),
    **{"blocks": (0, 10**9), "discriminator_steps": (0, 10**9), "layers": (-1, 10**9)},
    **{"generator_fakes": (0, 10**9), "pool_size": (-1, 10**9), "num_classes": (-1, 10**9)},
    **dict.fromkeys(("pretraining_steps", "warm_up", "full_precision_stages", "hidden_noise", "eps_root"), (-1,)),
}
WRONG_AT_THE_TOP = {
    "steps": -5,
    "images": -5,
    "batch_size": 10**9,
    "evaluate_samples": 10**9,
    "statistics_batches": 10**9,
    "accumulate": 0,
    "steps_per_call": 0,
    "data.image_size": 100_000,
}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_numbers_out_of_range_are_refused_in_one_line_before_anything_is_written(name, tmp_path):
    changes = list(WRONG_AT_THE_TOP.items())

    def look(fields, place=""):
        for field, value in fields.items():
            if isinstance(value, ConfigDict):
                look(value, f"{place}{field}.")
            elif place and value is not None:
                changes.extend((f"{place}{field}", wrong) for wrong in WRONG.get(field, ()))

    look(resolve(MODULES[name].get_config()))
    assert {path.rpartition(".")[2] for path, _ in changes} >= {"learning_rate"}
    for path, value in changes:
        config = MODULES[name].get_config()
        with pytest.raises(ConfigError, match=rf"config\.{re.escape(path)}=.*, but it must be [^\n]*$"):
            train(overrides.apply(config, [(path, value)]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_minibatch_larger_than_the_data(tmp_path):
    """Said by the dry run too, and before a folder is written."""
    config = overrides.apply(MODULES["dcgan"].get_config(), [("batch_size", 1440)])
    for refuse in (plan_without_data, lambda config: train(config, tmp_path / "run")):
        with pytest.raises(
            DataError, match=r"^batch_size=1440 exceeds the 1438 records of digits \(train\); lower it$"
        ):
            refuse(config)
    assert not (tmp_path / "run").exists()


def test_the_dry_run_forgives_absent_data_and_no_others(tmp_path):
    changes = [("data.name", "folder"), ("data.image_size", 32)]
    config = overrides.apply(MODULES["dcgan"].get_config(), [*changes, ("data.path", str(tmp_path / "nowhere"))])
    assert plan_without_data(config).assumed
    config = overrides.apply(MODULES["dcgan"].get_config(), [*changes, ("data.path", str(tmp_path))])
    with pytest.raises(DataError, match="holds no image"):
        plan_without_data(config)


@pytest.mark.parametrize("system", ["cgan", "acgan", "sngan", "dcgan", "infogan"])
def test_few_labels_are_refused_by_games_that_would_take_them_for_those_of_all_images(system):
    """Labels of other images: a tenth of them would be right."""
    config = overrides.apply(MODULES[system].get_config(), {"data.labelled": 600}.items())
    with pytest.raises(
        ConfigError, match=f"^config.data.labelled=600 leaves .* config.system='{system}' would not notice: set"
    ):
        plan_without_data(config)

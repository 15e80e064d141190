"""Every config on every kind of one's own data that its game can take: nothing is compiled, networks are traced alone."""

import re
import zipfile

import numpy as np
import pytest
from PIL import Image

from jaxgan import gans, load
from jaxgan.data import make_source, other_split
from jaxgan.errors import UserError
from jaxgan.training import command_line, train
from jaxgan.training.plan import plan_without_data
from jaxgan.training.records import read_metrics

EMBEDDED_ONLY = {"sg2im": "scenes and their graphs"}
# What a game says that it needs, and by which arrays, or domains, of the data it would be there.
NEEDS = {
    r"this game needs the array '(\w+)'": lambda source, name: name in source.arrays,
    r"this game needs an array '(\w+)'": lambda source, name: name in source.arrays,
    r"needs class labels": lambda source: "label" in source.arrays,
    r"has no images with labels": lambda source: {"image", "label"} <= source.arrays.keys(),
    r"means nothing with attributes": lambda source: "attributes" not in source.arrays,
    r"needs (?:images of )?several domains": lambda source: len(source.domains) > 1,
    r"plays on (\d) domains, but the data have": lambda source, number: len(source.domains) <= int(number),
    r"learns from pairs, but|labelled/.* has no counterpart in": lambda source: len(source.parts) == 1,
    r"needs images beside smaller ones": lambda source: "image" in source.arrays,
}


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """The fields of `data` for each kind, and what their pictures are: 150 of 20x18 pixels, split where classes are."""
    root, random = tmp_path_factory.mktemp("own"), np.random.default_rng(0)

    def pictures(folder, number, grey=False):
        folder.mkdir(parents=True)
        for index in range(number):
            pixels = random.integers(0, 256, (20, 18) if grey else (20, 18, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{index}.png")

    pictures(root / "flat", 150)
    pictures(root / "grey", 150, grey=True)
    for split in ("train", "test"):
        for name in ("cat", "dog", "eel"):
            pictures(root / "classes" / split / name, 50)
        for name in "AB":
            pictures(root / "two" / split / name, 100)
        for name in ("cat", "dog", "eel"):
            pictures(root / "labelled" / split / "A" / name, 50)
        pictures(root / "labelled" / split / "B", 100)
    for name in ("autumn", "spring", "winter"):
        pictures(root / "many" / name, 100)
    pictures(root / "texts", 100)
    for index in range(100):
        (root / "texts" / f"{index}.txt").write_text(f"a bird, number {index}\na small bird")
    with zipfile.ZipFile(root / "flat.zip", "w") as archive:
        for path in sorted((root / "flat").iterdir()):
            archive.write(path, path.name)
    rows = [f"{index}.png,{index % 2},{index // 2 % 2}" for index in range(150)]
    (root / "attributes.csv").write_text("\n".join(["name,Smiling,Young", *rows]))

    def source(name, path, **fields):
        return {"name": name, "path": str(root / path), **fields}

    return {
        "folder": source("folder", "flat"),
        "grey": source("folder", "grey"),
        "zip": source("zip", "flat.zip"),
        "classes": source("folder", "classes"),
        "two": source("two_folders", "two"),
        "labelled": source("two_folders", "labelled"),
        "pairs": source("two_folders", "two", aligned=True),
        "many": source("many_folders", "many"),
        "texts": source("folder", "texts", text="files"),
        "attributes": source("folder", "flat", attributes_file=str(root / "attributes.csv")),
    }


def planned(name, data, *more):
    """The config and the plan, as the command line makes them."""
    fields = [f"--config.data.{field}={value}" for field, value in data.items()]
    file, colon, variant = name.partition(":")
    small = ["--config.batch_size=8", "--config.data.load_size=none"] + ["--config.game.clustering_batch_size=64"] * (
        name == "clustering_gan"
    )
    config = command_line.read_config([f"--config=configs/{file}.py{colon}{variant}", *fields, *small, *more]).config
    plan = plan_without_data(config)
    plan.abstract_state()
    return config, plan


@pytest.mark.parametrize("name", gans.systems())
def test_a_config_takes_all_data_that_have_what_its_game_needs(name, kinds):
    taken = set()
    for kind, data in kinds.items():
        try:
            plan = planned(name, data, "--config.data.image_size=32")[1]
        except UserError as error:
            found = [(needed, match) for pattern, needed in NEEDS.items() if (match := re.search(pattern, str(error)))]
            assert found, f"{kind}: {error}"
            needed, match = found[0]
            assert not needed(make_source(data, image_size=32), *match.groups()), f"{kind}: {error}"
            continue
        taken.add(kind)
        images = {name: spec for name, spec in plan.arrays.items() if spec.kind == "image" and name != "low_resolution"}
        assert {spec.shape for spec in images.values()} == {(32, 32, 1 if kind == "grey" else 3)}
        assert set(plan.arrays["label"].names if "label" in plan.arrays else ()) == (
            {"cat", "dog", "eel"} if kind in ("classes", "labelled") else set()
        )
    assert bool(taken) == (name not in EMBEDDED_ONLY)


@pytest.mark.long
def test_labels_of_ones_own_source_domain_hold_a_translation(kinds, tmp_path):
    more = ["--config.data.image_size=16", "--config.data.channels=1", "--config.metrics=none"]
    more += ["--config.steps=2", "--config.game.pretraining_steps=1", "--config.log_every=1"]
    config, _ = planned("direct_translation:dtn", kinds["labelled"], *more)
    assert train(config, tmp_path)["step"] == 2
    assert {"classifier/loss", "generator/features"} <= set().union(*read_metrics(tmp_path / "metrics.jsonl"))
    run = load(tmp_path)
    images = make_source(kinds["labelled"], image_size=16, channels=1, split="test").stack()["a"][:3]
    assert run.translate(images).shape == (3, 16, 16, 1) and run.classify(images).shape == (3, 3)


def test_what_a_config_says_of_its_own_data_goes_with_them(kinds):
    """Of infogan's digits the metrics, of combogan's the domains; the scale of srgan's photos is what the game needs."""
    config, plan = planned("infogan", kinds["grey"])
    assert config.metrics == ("digit_fd?", "purity?", "sweeps?", "default") and config.data.image_size is None
    assert plan.arrays["image"].shape == (20, 18, 1)
    assert plan.measured.startswith("measured by sweeps, not by digit_fd: the data are not the digits")
    _, plan = planned("combogan", kinds["many"], "--config.data.image_size=32")
    assert plan.domains == ("autumn", "spring", "winter")
    config, plan = planned("srgan", kinds["folder"], "--config.data.image_size=20")
    assert (config.data.scale_factor, plan.arrays["low_resolution"].shape) == (2, (10, 10, 3))


@pytest.mark.parametrize("text", ["", "none"])
def test_a_run_may_have_no_metrics(text, kinds):
    config, plan = planned("dcgan", kinds["folder"], "--config.data.image_size=32", f"--config.metrics={text}")
    assert config.metrics == () and not plan.measured


def test_sides_may_differ(kinds):
    _, plan = planned("dcgan", kinds["folder"], "--config.data.image_size=32,24")
    assert plan.arrays["image"].shape == (32, 24, 3)


@pytest.mark.parametrize(
    ("name", "kind", "size", "nearest"),
    [
        ("dcgan", "folder", "33", "32"),  # even
        ("pix2pix", "pairs", "33,50", "32,48"),  # four times
        ("biggan_like", "classes", "48,24", "32"),  # tables of 16, 32, 64 ...
        ("stylegan2", "folder", "30", "32"),  # powers of two
        ("stackgan", "texts", "18", "16"),
        ("pix2pix:paper", "pairs", "64", "256"),  # eight times
    ],
)
def test_of_a_size_that_the_networks_do_not_take_the_nearest_is_offered_and_is_taken(name, kind, size, nearest, kinds):
    with pytest.raises(UserError) as error:
        planned(name, kinds[kind], f"--config.data.image_size={size}")
    offered = re.search(
        r"; the nearest size that all networks take is (--config\.data\.image_size=(\S+))$", str(error.value)
    )
    assert offered is not None and offered[2] == nearest, str(error.value)
    planned(name, kinds[kind], offered[1])


def test_no_size_is_offered_where_it_is_not_what_is_wrong(kinds):
    with pytest.raises(UserError, match=r"needs class labels: give num_classes, or data that have labels$"):
        planned("cgan", kinds["folder"], "--config.data.image_size=32")


def test_another_split_has_the_size_and_channels_of_the_run(tmp_path):
    """Whatever its own pictures are: grey ones among coloured ones, or larger."""
    for split, size, mode in (("train", (20, 18), "RGB"), ("test", (40, 30), "L")):
        (tmp_path / split).mkdir()
        Image.new(mode, size[::-1]).save(tmp_path / split / "a.png")
    source = make_source("folder", path=str(tmp_path))
    held_out = other_split({"name": "folder", "path": str(tmp_path)}, "test", source.arrays)
    assert make_source("folder", path=str(tmp_path), split="test").image_shape == (40, 30, 1)
    assert held_out.arrays["image"] == source.arrays["image"] and held_out[0]["image"].shape == (20, 18, 3)

"""Somebody else's run folder is opened by every command: nothing in it runs, and nothing outside it is written."""

import copy
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from PIL import Image

from jaxgan import sample, translate
from jaxgan.commands import evaluate, listing, use
from jaxgan.config import named
from jaxgan.errors import ConfigError, UserError
from jaxgan.registry import as_config, foreign_names, make, plain, resolve
from jaxgan.training import train
from jaxgan.training.records import read_metrics
from jaxgan.training.run_folder import RunFolder
from jaxgan.training.trained import load

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).parents[2]
NAME = "canary:make"


@pytest.fixture
def run(runs, tmp_path):
    """A genuine run, to be spoilt."""
    return pathlib.Path(shutil.copytree(runs("dcgan")[0], tmp_path / "run"))


def edit(run, change, file="config.json"):
    stored = json.loads((run / file).read_text())
    stored = change(stored) or stored
    (run / file).write_text(json.dumps(stored))


def everywhere(value, path=()):
    """The places of all values in JSON that are no containers, and of all containers."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from everywhere(item, (*path, key))


def replaced(value, path, new):
    value = copy.deepcopy(value)
    at = value
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    return value


def rich(config):
    """A config with something of every kind: nested parts, schedules in terms, views, constraints, averages."""
    player = config.players.discriminator
    player.views = (named("diff_augment"),)
    player.constraints = (named("spectral_norm"),)
    player.schedule = named("linear_decay")
    config.system, config.game = "gan", {"latent_size": 4}
    config.game.terms = (named("r1", weight=0.1), named("lecam"))
    config.game.objective = named("hinge")
    return config


@pytest.mark.parametrize("new", [NAME, {"name": NAME}, [NAME], [{"name": NAME, "path": "x"}]], ids=str)
def test_a_name_of_ones_own_is_never_imported_wherever_it_stands(tiny, run, canary, new):
    """One place after the other of the config, also where no name belongs."""
    stored = json.loads(json.dumps(plain(resolve(rich(tiny("dcgan"))))))
    assert foreign_names(as_config(stored)) == []
    places = [path for path in everywhere(stored) if path]
    assert len(places) > 90
    for path in places:
        hostile = replaced(stored, path, new)
        (run / "config.json").write_text(json.dumps(hostile))
        with pytest.raises(ConfigError, match=r"names code of its own, canary:make, .*add --trust"):
            load(run)
        assert not canary.exists(), path


def test_the_canary_sings_where_it_is_trusted(run, canary):
    edit(run, lambda stored: stored | {"system": NAME})
    with pytest.raises(ConfigError):
        load(run, trust=True)
    assert canary.read_text() == "imported"  # it takes no such players, so it is not even called


@pytest.mark.parametrize(
    "command",
    [
        lambda run: use.main("sample", [f"--workdir={run}", "--num=1"]),
        lambda run: sample.main([f"--workdir={run}", "--num=1"]),
        lambda run: use.main("translate", [f"--workdir={run}", "--input=x", "--output=y"]),
        lambda run: translate.main([f"--workdir={run}", "--input=x", "--output=y"]),
        lambda run: use.main("classify", [f"--workdir={run}", "--input=x"]),
        lambda run: use.main("judge", [f"--workdir={run}", "--help"]),
        lambda run: evaluate.main([f"--workdir={run}", "--features=digits", "--num=8"]),
        lambda run: listing.main([f"--workdir={run}"]),
        lambda run: load(run),
    ],
    ids=["sample", "sample.py", "translate", "translate.py", "classify", "help", "evaluate", "listing", "load"],
)
@pytest.mark.parametrize("place", ["system", "view", "data", "metric", "network"])
def test_no_command_runs_it(run, canary, command, place):
    def spoil(stored):
        player = stored["players"]["discriminator"]
        if place == "system":
            stored["system"] = NAME
        elif place == "view":
            player["views"] = [{"name": NAME, "path": str(run)}]
        elif place == "data":
            stored["data"]["name"] = NAME
        elif place == "metric":
            stored["metrics"] = [NAME]
        else:
            player["network"] = {"name": NAME}

    edit(run, spoil)
    shutil.copy("canary.py", run / "canary.py")  # also a module that comes with the run
    with pytest.raises(ConfigError, match="canary:make"):
        command(run)
    assert not canary.exists()


def test_resuming_reads_the_stored_config_and_imports_nothing(tiny, run, canary):
    """What train.py runs is the config that its user names; the stored one is compared with it."""
    edit(run, lambda stored: stored | {"system": NAME})
    with pytest.raises(ConfigError, match=r"made by another config: system is 'canary:make' there"):
        train(tiny("dcgan"), run)
    assert not canary.exists()


def test_a_shell_in_the_folder_of_the_run(run, canary):
    """As people do it: another process, whose current folder holds the module."""
    edit(run, lambda stored: stored | {"system": NAME})
    command = [sys.executable, "-m", "jaxgan", "sample", f"--workdir={run}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2 and "canary:make" in done.stderr and not canary.exists()


@pytest.mark.parametrize(
    "kind", ["network", "optimizer", "constraint", "average", "schedule", "view", "term", "objective", "system"]
)
@pytest.mark.parametrize(
    ("name", "fields", "own"),
    [
        ("jaxgan.augment:diff_augment", {}, {"view"}),
        ("flax.linen:Dense", {"features": 3}, {"network", "average", "schedule"}),  # any function may be one of the two
        ("optax:sgd", {"learning_rate": 0.1}, {"optimizer"}),
        ("jaxgan.core.constraints:clip", {"limit": 1.0}, {"constraint"}),
    ],
)
def test_what_is_made_must_be_of_the_kind_that_is_expected(kind, name, fields, own):
    if kind not in own:
        with pytest.raises(ConfigError, match=rf"config.place \({name}\) makes a \w+, which is no {kind}: "):
            make({"name": name, **fields}, kind, "config.place")


def test_what_takes_nothing_that_can_be_known_is_not_called():
    with pytest.raises(ConfigError, match="does not say what it takes"):
        make({"name": "builtins:dict"}, "network", "config.place")


# ---- what lies beside the config


def test_a_checkpoint_that_names_a_handler(run, canary):
    """Orbax writes down which class wrote an item."""
    found = list(run.rglob("_CHECKPOINT_METADATA"))
    assert found
    for file in found:
        metadata = json.loads(file.read_text())
        metadata["item_handlers"] = {name: "canary.Feature" for name in metadata["item_handlers"]}
        file.write_text(json.dumps(metadata))
    load(run)
    assert not canary.exists()
    for file in found:
        file.write_text(json.dumps(metadata | {"item_handlers": "canary.Feature"}))
    with pytest.raises(ConfigError, match="cannot be read"):
        load(run)
    assert not canary.exists()


def test_a_prepared_data_set_that_names_a_feature(run, canary, tmp_path):
    """tensorflow_datasets imports the class that a features.json names."""
    tfds = pytest.importorskip("tensorflow_datasets")
    folder = tmp_path / "sets" / "x" / "1.0.0"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text('{"name": "x", "version": "1.0.0", "fileFormat": "array_record"}')

    def spoil(stored):
        stored["data"] |= {"name": "tfds:x", "path": str(tmp_path / "sets")}

    edit(run, spoil)
    nested = {"type": "canary.Feature", "content": "{}"}
    hostile = [
        {"pythonClassName": "canary.Feature", "jsonFeature": {"json": "{}"}},
        {
            "pythonClassName": "tensorflow_datasets.core.features.features_dict.FeaturesDict",
            "featuresDict": {"features": {"image": {"pythonClassName": "canary.Feature"}}},
        },
        {
            "pythonClassName": "tensorflow_datasets.core.features.sequence_feature.Sequence",
            "jsonFeature": {"json": json.dumps(nested)},
        },
        nested,
        {
            "type": "tensorflow_datasets.core.features.features_dict.FeaturesDict",
            "proto_cls": "tensorflow_datasets.FeaturesDict",
            "content": ' {"features": {"image": {"pythonClassName": "canary.Feature"}}}',
        },
        {"type": "tensorflow_datasets.core.features.features_dict.FeaturesDict", "content": {"image": nested}},
    ]
    for features in hostile:
        (folder / "features.json").write_text(json.dumps(features))
        with pytest.raises(UserError, match=r"features.json names code of its own, canary.Feature"):
            evaluate.main([f"--workdir={run}", "--features=digits", "--num=8"])
        assert not canary.exists()
    for damaged in ({"json": "{not json"}, [], {"pythonClassName": "tensorflow_datasets.core.features.nope.Nope"}):
        (folder / "features.json").write_text(json.dumps(damaged))
        with pytest.raises(UserError, match=r"is no JSON|cannot be read as a prepared set"):
            evaluate.main([f"--workdir={run}", "--features=digits", "--num=8"])
    (folder / "features.json").write_text(json.dumps(hostile[-2]))
    with pytest.raises(Exception):  # noqa: B017
        tfds.builder_from_directory(str(folder))
    assert canary.read_text() == "imported"  # the ammunition is live


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", "[]", "holds no config"),
        ("config.json", "{", "is no JSON"),
        ("config.json", "[" * 200_000, "is no JSON"),
        ("config.json", "9" * 10_000, "is no JSON"),
        ("config.json", '{"system": "\\u001b]0;owned\\u0007"}', "characters that cannot be shown"),
        ("config.json", '{"\\u001b[2J": 1}', "characters that cannot be shown"),
        ("config.json", b"\xff\xfe", "is no text"),
        ("data.json", "{}", "describes no data"),
        ("data.json", '{"arrays": [], "domains": []}', "describes no data"),
        (
            "data.json",
            '{"arrays": {"image": {"shape": [8, -8, 1], "dtype": "float32", "kind": "image", "names": []}}}',
            "no data",
        ),
        (
            "data.json",
            '{"arrays": {"label": {"shape": [], "dtype": "int32", "kind": "label", "names": ["\\u001b[31mred"]}}}',
            "cannot be shown",
        ),
    ],
)
def test_stored_descriptions_are_checked(run, file, content, message):
    (run / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message) as caught:
        load(run)
    assert str(caught.value).isprintable()


def test_records_hold_numbers(tmp_path):
    path = tmp_path / "metrics.jsonl"
    good = '{"step": 1, "images": 8, "loss": 0.5, "x": null}\n'
    path.write_text(good + '{"step": 2, "ima')
    assert [line["step"] for line in read_metrics(path)] == [1]
    path.write_text(good + '{"step": 2, "images": 8, "\\u001b[2J": 1}\n')
    assert [line["step"] for line in read_metrics(path)] == [1]
    for line in ("[]", "{}", '{"step": "x", "images": 1}', '{"step": 1, "images": 1, "loss": "<script>"}'):
        path.write_text(good + line + "\n")
        with pytest.raises(UserError, match=r"metrics\.jsonl holds a"):
            read_metrics(path)


def test_results_of_others_are_compared_as_data(tmp_path):
    path = tmp_path / "evaluation.jsonl"
    for line in (
        "[]",
        '{"key": 1}',
        '{"key": "x", "metric": "\\u001b[2J", "value": 1, "protocol": {"fakes": 1}}',
        "[" * 99_999,
    ):
        path.write_text(line)
        with pytest.raises(UserError) as caught:
            evaluate.compare(path, path)
        assert str(caught.value).isprintable()


def test_the_place_of_the_data_is_told_before_they_are_read(run, tmp_path, capsys):
    (tmp_path / "private").mkdir()
    for index in range(3):
        Image.new("L", (8, 8), index).save(tmp_path / "private" / f"{index}.png")

    def spoil(stored):
        stored["data"] |= {"name": "folder", "path": str(tmp_path / "private"), "channels": 1}

    edit(run, spoil)
    arguments = [f"--workdir={run}", "--features=digits", "--num=8"]
    with pytest.raises(UserError):  # three images are too few
        evaluate.main([*arguments, "--reference_num=4"])
    assert f"reading {tmp_path / 'private'}, where the run's config says" in capsys.readouterr().err
    with pytest.raises(UserError):
        evaluate.main(
            [*arguments, "--reference_num=4", f"--reference={shutil.copytree(tmp_path / 'private', tmp_path / 'mine')}"]
        )
    assert "reading" not in capsys.readouterr().err


# ---- links that lead out


@pytest.mark.parametrize(
    "name", ["evaluation.jsonl", "metrics.jsonl", "samples", "checkpoints", "tensorboard", "config.json", "losses.png"]
)
def test_links_that_lead_out_of_the_folder_are_not_followed(tiny, run, tmp_path, name):
    outside = tmp_path / "outside"
    shutil.move(run / name, outside) if (run / name).exists() else outside.write_text("mine")
    (run / name).symlink_to(outside)
    before = {path: path.read_bytes() for path in [outside, *outside.rglob("*")] if path.is_file()}
    commands = {"evaluation.jsonl": lambda: evaluate.main([f"--workdir={run}", "--features=digits", "--num=8"])}
    with pytest.raises(UserError, match=r"behind a link that leads out of"):
        commands.get(name, lambda: train(longer(tiny), run))()
    assert before == {path: path.read_bytes() for path in [outside, *outside.rglob("*")] if path.is_file()}


def longer(tiny):
    config = tiny("dcgan")
    config.steps = 32
    return config


def test_samples_stay_in_the_folder(run, tmp_path):
    (tmp_path / "outside").mkdir()
    (run / "generated").symlink_to(tmp_path / "outside")
    with pytest.raises(UserError, match="behind a link"):
        use.main("sample", [f"--workdir={run}", "--num=1"])
    assert not list((tmp_path / "outside").iterdir())
    (run / "generated").unlink()
    # The name that is written to before the file is whole can be known.
    (run / "generated").mkdir()
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (run / "generated" / ".x.png.tmp").symlink_to(precious)
    use.main("sample", [f"--workdir={run}", "--num=1", f"--output={run / 'generated' / 'x.png'}"])
    assert precious.read_text() == "mine" and (run / "generated" / "x.png").is_file()


def test_checkpoints_are_no_links(tiny, run, tmp_path):
    step = max((run / "checkpoints").iterdir())
    shutil.move(step, tmp_path / "outside")
    step.symlink_to(tmp_path / "outside")
    with pytest.raises(ConfigError, match="is a link, and checkpoints are folders"):
        train(longer(tiny), run)
    assert any((tmp_path / "outside").iterdir())


def test_a_class_whose_name_is_a_path(runs, tmp_path):
    run = shutil.copytree(runs("conditional")[0], tmp_path / "run")

    def spoil(data):
        data["arrays"]["label"]["names"][0] = "../../../out"

    edit(run, spoil, "data.json")
    with pytest.raises(UserError, match="could lead out of a folder"):
        use.main("sample", [f"--workdir={run}", "--num=1", "--label=../../../out"])
    assert not list(tmp_path.glob("out*"))
    assert RunFolder(run).read()[1]["label"].names[0] == "../../../out"

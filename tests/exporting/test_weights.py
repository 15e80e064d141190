"""`.safetensors`: a run's folder and its one file can do the same, to the bit; other files are refused in a line."""

import json
import pathlib
import struct

import jax
import numpy as np
import pytest

import jaxgan
from jaxgan.commands import evaluate, export, listing, use
from jaxgan.core.players import flatten
from jaxgan.errors import ConfigError, UserError
from jaxgan.evaluation.protocol import Result
from jaxgan.training import train
from tests.marks import some_long

safetensors = pytest.importorskip("safetensors.numpy")
safe_open = pytest.importorskip("safetensors").safe_open


@pytest.fixture(scope="module")
def exported(runs, tmp_path_factory):
    """(variant) -> its run and its file, exported once."""
    folder, made = tmp_path_factory.mktemp("exported"), {}

    def get(variant):
        if variant not in made:
            path = folder / f"{variant}.safetensors"
            export.main([f"--workdir={runs(variant)[0]}", f"--output={path}", "--trust"])
            made[variant] = path
        return runs(variant)[0], made[variant]

    return get


def asked(run, images):
    """What each ability of a run gives."""
    given = {"images": images, "styles": images[::-1], "number": 5}
    results = {}
    for name in run.abilities:
        takes = run.game.ability(name).takes
        arguments = {each: given[each] for each in takes if each in given}
        if "label" in takes and takes["label"].required:
            arguments["label"] = 1
        if "latents" in takes:
            arguments["latents"] = run.latents(3, seed=1)
        results[name] = run.use(name, seed=7, **arguments)
    return results


_QUICK = ("dcgan", "conditional", "lapgan")


@pytest.mark.slow
@pytest.mark.parametrize(
    "variant", some_long((*_QUICK, "cyclegan", "progan", "vae", "disentangle"), lambda name: name not in _QUICK)
)
def test_the_file_can_what_the_folder_can_to_the_bit(exported, variant):
    folder, path = exported(variant)
    run, again = jaxgan.load(folder, trust=True), jaxgan.load(path, trust=True)
    assert (again.step, again.classes, again.domains, again.abilities) == (
        run.step,
        run.classes,
        run.domains,
        run.abilities,
    )
    images = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 1)).astype(np.float32)
    there, here = asked(run, images), asked(again, images)
    assert there.keys() == here.keys() and there
    for name, result in there.items():
        np.testing.assert_array_equal(here[name], result, err_msg=name)


def test_the_file_holds_no_pool_of_earlier_fakes(exported):
    folder, path = exported("cyclegan")
    assert not [name for name in safetensors.load_file(path) if name.startswith("memory/")]
    pool, empty = (jaxgan.load(each).state.memory["a"] for each in (folder, path))
    assert pool.images.shape == empty.images.shape and int(pool.filled) > 0 == int(empty.filled)


def test_the_file_holds_averages_and_nothing_to_train_on(exported):
    folder, path = exported("dcgan")
    names, state = set(safetensors.load_file(path)), jaxgan.load(folder).state
    assert {name.split("/")[2] for name in names if name.startswith("players/")} == {"params"}
    generator = flatten(state.players)["generator"]
    stored = safetensors.load_file(path)["players/generator/params/project/kernel"]
    np.testing.assert_array_equal(stored, generator.average["project"]["kernel"])
    assert not np.array_equal(stored, generator.params["project"]["kernel"])


def test_commands_take_the_file(exported, tmp_path, capsys):
    folder, path = exported("conditional")
    outputs = [tmp_path / "folder.npz", tmp_path / "file.npz"]
    for workdir, output in zip((folder, path), outputs, strict=True):
        use.main("sample", [f"--workdir={workdir}", "--num=6", "--label=3", f"--output={output}", "--trust"])
    assert outputs[0].read_bytes() and np.array_equal(*(np.load(output)["image"] for output in outputs))
    listing.main([f"--workdir={path}"])
    assert "judge" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"conditional.safetensors: Not a directory.*choose another place"):
        use.main("sample", [f"--workdir={path}", "--num=6"])
    with pytest.raises(UserError, match="holds the weights of one step: leave step=3 out"):
        jaxgan.load(path, step=3)
    few = ["--metrics=fid", "--num=4", "--features=digits", f"--output={tmp_path / 'results.jsonl'}"]
    with pytest.raises(UserError, match="holds averaged weights alone: leave --no_average out"):
        evaluate.main([f"--workdir={path}", "--no_average", *few])


def test_what_is_measured_of_the_file_is_what_is_measured_of_the_folder(exported, tmp_path):
    folder, path = exported("dcgan")
    few = ["--metrics=fid", "--num=40", "--features=digits", "--reference_num=60", "--trust"]
    values = []
    for workdir, name in ((folder, "folder"), (path, "file")):
        evaluate.main([f"--workdir={workdir}", f"--output={tmp_path / name}.jsonl", *few])
        values.append(Result.from_json((tmp_path / f"{name}.jsonl").read_text()))
    assert values[0].value == values[1].value and values[0].protocol == values[1].protocol


def test_the_page_beside_it_says_what_it_is(exported):
    _, path = exported("conditional")
    page = path.with_name(f"{path.name}.md").read_text()
    for told in (
        "license: unknown",
        "# sngan, step 10",
        "SNGAN: ",
        "Miyato et al. 2018 (arXiv:1802.05957)",
        "`generator` (ResNetGenerator)",
        "`digits`: image 8x8x1; label of 0, 1, 2",
        "10 steps, 80 images, minibatches of 8",
        "class_accuracy: ",
        "digit_fd: ",
        "on 100 samples of the averaged weights",
        f'jaxgan.load("{path.name}")',
    ):
        assert told in page, told


def test_results_of_evaluate_stand_on_the_page_with_their_protocols(runs, tmp_path):
    folder, _ = runs("dcgan")
    few = ["--metrics=fid", "--num=50", "--features=digits", "--reference_num=60", "--trust"]
    before = (
        pathlib.Path(folder, "evaluation.jsonl").read_text()
        if pathlib.Path(folder, "evaluation.jsonl").exists()
        else ""
    )
    try:
        evaluate.main([f"--workdir={folder}", *few])
        export.main([f"--workdir={folder}", f"--output={tmp_path}", "--trust"])
    finally:
        pathlib.Path(folder, "evaluation.jsonl").write_text(before)
    page = (tmp_path / "model.safetensors.md").read_text()
    assert "50 images of 8x8x1" in page and "averaged weights" in page and "batch norm by 2 batches of 16" in page


# ---- files that are not as they should be


def rewritten(path, output, change=lambda tensors, metadata: None):
    """A copy of a file with something changed in it."""
    with safe_open(path, framework="numpy") as file:
        metadata = dict(file.metadata())
    tensors = safetensors.load_file(path)
    change(tensors, metadata)
    safetensors.save_file(tensors, output, metadata)
    return output


def told(name, value):
    def change(tensors, metadata):
        metadata[name] = json.dumps(value(json.loads(metadata[name]))) if callable(value) else value

    return change


def without(name):
    return lambda tensors, metadata: tensors.pop(name)


KERNEL = "players/generator/params/project/kernel"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors, metadata: metadata.clear(), "holds weights without the config of a game.*jaxgan export"),
        (told("config", "{"), "config is no JSON"),
        (told("config", "[]"), "has no config of a game in it"),
        (told("config", lambda config: config | {"system": "os:system"}), "names code of its own, os:system.*--trust"),
        (told("config", lambda config: config | {"system": "dcgna"}), "did you mean 'dcgan'"),
        (told("data", "{}"), "describes no data"),
        (told("counts", lambda counts: counts | {"step": -1}), "has no counts of a game in it"),
        (told("counts", lambda counts: counts | {"stage": 5}), "is of a stage that its config does not have"),
        (told("players", lambda names: [*names, "judge\u202e"]), "names the player .*, which its config does not have"),
        (told("abilities", '["fly"]'), "names the ability 'fly', which its config does not have"),
        (told("abilities", "[1]"), "has no abilities of a game in it"),
        (without(KERNEL), f"does not fit its config: {KERNEL} is nothing, not float32 of shape"),
        (lambda tensors, _: tensors.update({KERNEL: np.zeros((2, 2), np.float32)}), "is float32 of shape .2, 2., not"),
        (lambda tensors, _: tensors.update({KERNEL: tensors[KERNEL].astype(np.float64)}), "is float64 of shape"),
        (lambda tensors, _: tensors.update(more=np.zeros(2)), "holds 'more', which its config has no place for"),
    ],
)
def test_what_does_not_fit_is_said_in_a_line(exported, tmp_path, change, message):
    _, path = exported("dcgan")
    with pytest.raises(UserError, match=message) as raised:
        jaxgan.load(rewritten(path, tmp_path / "x.safetensors", change))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda whole: whole[: len(whole) // 2], "cannot be read .*: it is damaged"),
        (lambda whole: b"", "cannot be read .*: it is damaged"),
        (lambda whole: struct.pack("<Q", 2**60) + whole[8:], "cannot be read .*: it is damaged"),
        (lambda whole: b"\x80\x02}q\x00." * 20, "cannot be read .*: it is damaged"),
    ],
)
def test_damaged_files(exported, tmp_path, content, message):
    whole = exported("dcgan")[1].read_bytes()
    (tmp_path / "x.safetensors").write_bytes(content(whole))
    with pytest.raises(ConfigError, match=message):
        jaxgan.load(tmp_path / "x.safetensors")


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"x.safetensors is not there: give the folder of a run"):
        jaxgan.load(tmp_path / "x.safetensors")
    with pytest.raises(ConfigError, match="is not the folder of a run"):
        jaxgan.load(tmp_path / "x")


def test_no_training_goes_on_from_it(exported, tmp_path, tiny):
    _, path = exported("dcgan")
    with pytest.raises(UserError, match=r"dcgan\.safetensors"):
        train(tiny("dcgan"), tmp_path / "run", init_from=str(path))
    assert jax.tree.leaves(jaxgan.load(path).state.players["generator"].optimizer) == []

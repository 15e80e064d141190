"""Somebody else's files of weights, to load and to convert: nothing in them runs."""

import json
import os
import pathlib
import pickle
import zipfile

import pytest

import jaxgan
from jaxgan.commands import convert, export, listing, use
from jaxgan.errors import ConfigError, UserError

safetensors = pytest.importorskip("safetensors.numpy")
safe_open = pytest.importorskip("safetensors").safe_open


@pytest.fixture
def weights(runs, tmp_path):
    """(change of the stored config) -> a genuine file, spoilt by it."""
    genuine = tmp_path / "genuine.safetensors"
    export.main([f"--workdir={runs('dcgan')[0]}", f"--output={genuine}"])

    def make(change):
        with safe_open(genuine, framework="numpy") as file:
            metadata = dict(file.metadata())
        config = json.loads(metadata["config"])
        change(config)
        path = tmp_path / "hostile.safetensors"
        safetensors.save_file(safetensors.load_file(genuine), path, metadata | {"config": json.dumps(config)})
        return path

    return make


@pytest.mark.parametrize(
    "place",
    [("system",), ("metrics", 0), ("data", "name"), ("players", "generator", "network", "name"), ("game", "objective")],
    ids=str,
)
def test_a_name_of_ones_own_in_a_file_of_weights_is_never_imported(weights, canary, place):
    def change(config):
        *above, last = place
        for key in above:
            config = config[key]
        config[last] = "canary:make"

    path = weights(change)
    for ask in (
        lambda: jaxgan.load(path),
        lambda: use.main("sample", [f"--workdir={path}", "--num=2", f"--output={path.parent / 'x.png'}"]),
        lambda: listing.main([f"--workdir={path}"]),
        lambda: export.main([f"--workdir={path}", f"--output={path.parent / 'x.safetensors'}"]),
    ):
        with pytest.raises(ConfigError, match=r"names code of its own, canary:make, .*add --trust"):
            ask()
    assert not canary.exists()


class Runs:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch '{self.mark}'",)


@pytest.mark.parametrize("wrap", [lambda each: each, lambda each: {"state_dict": {"l1.weight": each}}])
def test_pickles_to_convert_do_not_run(tmp_path, wrap):
    mark, path = tmp_path / "it ran", tmp_path / "G.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(wrap(Runs(mark)), protocol=2))
        archive.writestr("archive/version", "3")
    with pytest.raises(UserError, match=r"which no file of weights needs; nothing was run"):
        convert.main([f"--input={path}", "--layout=mimicry", f"--output={tmp_path / 'x.safetensors'}"])
    assert not mark.exists() and not pathlib.Path(tmp_path / "x.safetensors").exists()


def test_pipes_are_no_weights(tmp_path):
    os.mkfifo(tmp_path / "x.safetensors")
    os.mkfifo(tmp_path / "G.pth")
    with pytest.raises(ConfigError, match=r"x.safetensors cannot be read \(it is not a file\)"):
        jaxgan.load(tmp_path / "x.safetensors")
    with pytest.raises(UserError, match=r"G.pth cannot be read \(it is not a file\)"):
        convert.main([f"--input={tmp_path / 'G.pth'}", "--layout=mimicry", f"--output={tmp_path / 'y.safetensors'}"])

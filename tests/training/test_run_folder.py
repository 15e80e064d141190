"""The run's folder: whose it is, and files that appear whole or not at all."""

import subprocess
import sys

import numpy as np
import pytest

from jaxgan.config import default, named, player
from jaxgan.core import ArraySpec
from jaxgan.data import ArraySource, contents, same_contents
from jaxgan.errors import ConfigError, UserError
from jaxgan.files import atomically
from jaxgan.registry import plain, resolve
from jaxgan.training.run_folder import RunFolder

ARRAYS = {
    "image": ArraySpec((16, 16, 1), "float32", "image"),
    "label": ArraySpec((), "int32", "label", ("boot", "shoe")),
}


def config(**fields):
    made = default()
    made.update({"system": "wgan_gp", "steps": 10, "metrics": ("digit_fd",), "game": {"latent_size": 4}} | fields)
    made.players = {
        name: player(named(network), named("adam", learning_rate=1e-3))
        for name, network in (("generator", "MLPGenerator"), ("discriminator", "MLPDiscriminator"))
    }
    return resolve(made)


def test_what_is_claimed_can_be_read(tmp_path):
    RunFolder(tmp_path).claim(config(), ARRAYS, ("photos", "paintings"))
    read, arrays, domains = RunFolder(tmp_path).read()
    assert arrays == ARRAYS and domains == ("photos", "paintings")
    assert read.game.latent_size == 4 and tuple(read.metrics) == ("digit_fd",)
    assert resolve(read) == config()


def test_only_a_checkpoint_makes_a_folder_anothers(tmp_path):
    folder = RunFolder(tmp_path)
    folder.claim(config(), ARRAYS)
    folder.claim(config(seed=1), ARRAYS)
    (tmp_path / "checkpoints" / "5").mkdir(parents=True)
    folder.claim(config(seed=1, steps=99), ARRAYS)  # longer is no other run
    assert folder.read()[0].steps == 99
    with pytest.raises(ConfigError, match=r"game\.latent_size is 4 there and 5 here; seed is 1 there and 0 here"):
        folder.claim(config(game={"latent_size": 5}), ARRAYS)
    with pytest.raises(ConfigError, match=r"game\.penalty is 10\.0 there and 9\.0 here"):
        folder.claim(config(seed=1, game={"latent_size": 4, "penalty": 9.0}), ARRAYS)
    with pytest.raises(ConfigError, match=r"'image' has the shape \(16, 16, 1\) there and \(8, 8, 1\) here"):
        folder.claim(config(seed=1), {**ARRAYS, "image": ArraySpec((8, 8, 1), "float32", "image")})
    with pytest.raises(ConfigError, match="have an array 'label' there and none here"):
        folder.claim(config(seed=1), {"image": ARRAYS["image"]})
    # Class 1 of another split or folder must be the same class.
    with pytest.raises(
        ConfigError, match="the data have other classes, 2 there and 3 here; class 1 is 'shoe' there and 'sandal' here"
    ):
        folder.claim(config(seed=1), {**ARRAYS, "label": ArraySpec((), "int32", "label", ("boot", "sandal", "shoe"))})
    assert folder.read()[1] == ARRAYS


def test_another_length_is_told(tmp_path):
    folder = RunFolder(tmp_path)
    assert folder.claim(config(), ARRAYS) == ""
    (tmp_path / "checkpoints" / "5").mkdir(parents=True)
    assert folder.claim(config(), ARRAYS) == ""
    told = folder.claim(config(steps=99), ARRAYS)
    assert "steps 10 -> 99" in told and "share" in told


@pytest.mark.parametrize(
    "fields", [{"metrics": ("modes",)}, {"log_every": 7}, {"sample_every": 0}, {"evaluate_every": 3}, {"images": 9}]
)
def test_how_a_run_is_looked_at_may_change(tmp_path, fields):
    folder = RunFolder(tmp_path)
    folder.claim(config(), ARRAYS)
    (tmp_path / "checkpoints" / "5").mkdir(parents=True)
    told = folder.claim(config(**fields), ARRAYS)
    name = next(iter(fields))
    assert bool(told) == (name in ("metrics", "images")) and (not told or told.startswith(f"goes on with {name} "))
    assert plain(folder.read()[0][name]) == fields[name]


@pytest.mark.parametrize(
    "fields", [{"seed": 1}, {"batch_size": 7}, {"evaluate_samples": 5}, {"dtype": "bfloat16"}, {"accumulate": 2}]
)
def test_what_is_computed_may_not(tmp_path, fields):
    folder = RunFolder(tmp_path)
    folder.claim(config(), ARRAYS)
    (tmp_path / "checkpoints" / "5").mkdir(parents=True)
    with pytest.raises(ConfigError, match=rf"{next(iter(fields))} is .* there and .* here.*with --init_from="):
        folder.claim(config(**fields), ARRAYS)


def test_data_may_move_as_long_as_they_are_the_same(tmp_path):
    def at(path):
        moved = config()
        moved.data.path = path
        return moved

    here = {"records": [100], "means": [120.0, 3.0]}
    folder = RunFolder(tmp_path)
    folder.claim(at("old"), ARRAYS, (), here)
    (tmp_path / "checkpoints" / "5").mkdir(parents=True)
    assert "data.path old -> new" in folder.claim(at("new"), ARRAYS, (), {"records": [100], "means": [120.4, 3.0]})
    assert folder.read()[0].data.path == "new"
    with pytest.raises(ConfigError, match="the data have 100 records there and 101 here"):
        folder.claim(at("new"), ARRAYS, (), {"records": [101], "means": [120.0, 3.0]})
    with pytest.raises(ConfigError, match=r"data\.path: other data lie there than before"):
        folder.claim(at("other"), ARRAYS, (), {"records": [100], "means": [150.0, 3.0]})
    # The same place is not looked at twice: another decoder must not lock a run out.
    assert folder.claim(at("new"), ARRAYS, (), {"records": [100], "means": [150.0, 3.0]}) == ""


def test_what_tells_data_apart_is_their_number_and_their_looks():
    images = np.arange(4 * 2 * 2, dtype=np.uint8).reshape(4, 2, 2, 1)
    one = contents(ArraySource("one", {"image": images}))
    # The first, the third and the last of four images of 4 values each.
    assert one == {"records": [4], "means": [1.5, 9.5, 13.5]}
    assert same_contents(one, one) and not same_contents(one, contents(ArraySource("two", {"image": images[:3]})))
    for damaged in (None, {}, {"records": [4]}, {"records": [4], "means": ["x"]}, {"records": [4], "means": [1.5]}, []):
        assert not same_contents(damaged, one)


def test_a_folder_without_a_run_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"is not the folder of a run \(config\.json is missing\)"):
        RunFolder(tmp_path).read()


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with pytest.raises(RuntimeError), atomically(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert not path.exists()
    with atomically(path) as temporary:
        temporary.write_text("first")
        assert not path.exists()
    with atomically(path) as temporary:
        temporary.write_text("second")
        assert path.read_text() == "first"
    assert [file.name for file in path.parent.iterdir()] == ["file.txt"] and path.read_text() == "second"


def test_a_folder_has_one_owner_and_a_killed_one_leaves_it(tmp_path):
    own = "from pathlib import Path; from jaxgan.training.run_folder import RunFolder; "
    own += f"owned = RunFolder(Path({str(tmp_path)!r})).owned()"
    wait = "owned.__enter__(); print('owned', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", f"{own}; {wait}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "owned\n"
        with pytest.raises(UserError, match=f"in use by process {other.pid} on .*: wait for it, or choose another"):
            RunFolder(tmp_path).owned().__enter__()
        other.kill()
    with RunFolder(tmp_path).owned():
        pass

"""The run's folder: whose it is, and files that appear whole or not at all."""

import json

import pytest

from jaxgan.config import ConfigError, default, named, player
from jaxgan.files import atomically
from jaxgan.training.plan import DataShapes
from jaxgan.training.run_folder import RunFolder

SHAPES = DataShapes({"image": ((16, 16, 1), "float32"), "label": ((), "int32")}, 10)


def config(**fields):
    made = default()
    made.update({"steps": 10, "metrics": ("digit_fd",), "game": {"latent_size": 4}} | fields)
    made.players = {"generator": player(named("MLPGenerator"), named("adam", learning_rate=1e-3))}
    return made


def test_what_is_claimed_can_be_read(tmp_path):
    RunFolder(tmp_path).claim(config(), SHAPES)
    read, shapes = RunFolder(tmp_path).read()
    assert shapes == SHAPES
    assert read.game.latent_size == 4 and tuple(read.metrics) == ("digit_fd",)


def test_only_a_checkpoint_makes_a_folder_anothers(tmp_path):
    folder = RunFolder(tmp_path)
    folder.claim(config(), SHAPES)
    folder.claim(config(seed=1), SHAPES)
    (tmp_path / "checkpoints" / "5").mkdir(parents=True)
    folder.claim(config(seed=1, steps=99), SHAPES)  # longer is no other run
    assert folder.read()[0].steps == 99
    with pytest.raises(ConfigError, match=r"game\.latent_size is 4 there and 5 here; seed is 1 there and 0 here"):
        folder.claim(config(game={"latent_size": 5}), SHAPES)
    with pytest.raises(ConfigError, match=r"game\.penalty is 'missing' there and 10\.0 here"):
        folder.claim(config(seed=1, game={"latent_size": 4, "penalty": 10.0}), SHAPES)
    with pytest.raises(ConfigError, match="the data are"):
        folder.claim(config(seed=1), DataShapes({"image": ((8, 8, 1), "float32")}))
    assert folder.read() == (folder.read()[0], SHAPES)


def test_fields_that_are_younger_than_a_run_have_their_defaults(tmp_path):
    folder, file = RunFolder(tmp_path), tmp_path / "config.json"
    folder.claim(config(), SHAPES)
    (tmp_path / "checkpoints" / "5").mkdir(parents=True)
    stored = json.loads(file.read_text())
    del stored["accumulate"], stored["data"]["flip"], stored["players"]["generator"]["view"]
    file.write_text(json.dumps(stored))
    assert json.loads(folder.read()[0].to_json()) == json.loads(config().to_json())
    folder.claim(config(), SHAPES)
    with pytest.raises(ConfigError, match=r"accumulate is 1 there and 2 here"):
        folder.claim(config(accumulate=2), SHAPES)


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

"""The command lines: what is asked for is done, and what cannot be is one line and a status."""

import os
import pathlib
import re
import subprocess
import sys
import traceback

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan import sample, translate
from jaxgan.data import DataError
from jaxgan.errors import ConfigError, UserError
from jaxgan.training import NonFiniteError, command_line, plan_without_data, summarize, train
from jaxgan.training.records import read_metrics
from tests import parts_of_ones_own as own

ROOT = pathlib.Path(__file__).parents[2]
DCGAN = str(ROOT / "configs" / "dcgan.py")


# ---- train.py


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A config file whose parts are in tests/parts_of_ones_own.py."""
    monkeypatch.setitem(sys.modules, "parts_of_ones_own", own)
    file = tmp_path / "mine.py"
    file.write_text(
        "from parts_of_ones_own import config\n"
        "from jaxgan.config import choose\n"
        "def small():\n"
        "    changed = config()\n"
        "    changed.players.generator.network.width = 8\n"
        "    return changed\n"
        "VARIANTS = {'': config, 'small': small}\n"
        "def get_config(variant=''):\n"
        "    return choose(variant, VARIANTS)\n"
    )
    return str(file)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no config: give --config=configs/dcgan.py"),
        (["--workdir=x"], "no config: give --config=configs/dcgan.py"),
        (["--config=configs/dcgam.py"], "there is no config file 'configs/dcgam.py': did you mean configs/dcgan.py?"),
        (["--config=nowhere/x.py"], "there is no config file 'nowhere/x.py': give --config=FILE.py"),
        (["--config=FILE:smal"], "no variant 'smal': did you mean 'small'?"),
        (["--config=FILE", "--config.batchsize=3"], "config has no field 'batchsize': did you mean 'batch_size'?"),
        (["--config", "FILE", "--config.data.nam=x"], "config.data has no field 'nam': did you mean 'name'?"),
        (["--config=FILE", "--config.seed.x=3"], "config.seed is 0 and has no field 'x'"),
        (["--config=FILE", "--config.seed"], "--config.seed needs a value: write --config.seed=VALUE"),
        (["--config=FILE", "--config.seed", "--workdir=x"], "--config.seed needs a value"),
        (["--config.seed=3", "--config=FILE"], "--config.seed=3 comes before --config=FILE"),
        (["--config=FILE", "--config=FILE:small"], "is the second config, after "),
    ],
)
def test_what_is_wrong_with_a_config_is_said(arguments, message, monkeypatch, file):
    monkeypatch.chdir(ROOT)
    with pytest.raises(ConfigError) as error:
        command_line.read_config([argument.replace("FILE", file) for argument in arguments])
    assert message in str(error.value).replace(file, "FILE")


def test_a_config_its_overrides_and_what_remains(file):
    arguments = [
        f"--config={file}:small",
        "--config.data.path=x=y",
        "--workdir=w",
        "--config.seed",
        "7",
        "-config.players.generator.schedule=linear_decay",
        "--dry_run",
        "--configuration=3",
    ]
    config, path, remaining = command_line.read_config(arguments)
    assert path == f"{file}:small" and remaining == ["--workdir=w", "--dry_run", "--configuration=3"]
    assert (config.data.path, config.seed) == ("x=y", 7)
    assert config.players.generator.network.width == 8 and config.players.discriminator.network.width == 64
    assert config.players.generator.schedule.stop == 1.0


def test_a_config_file_leaves_nothing_behind(file, tmp_path):
    before = set(sys.modules)
    module = command_line.load_module(file)
    assert set(module.VARIANTS) == {"", "small"} and set(sys.modules) <= before | {"parts_of_ones_own"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.py"]


def test_a_file_without_variants_says_so(tmp_path):
    file = tmp_path / "plain.py"
    file.write_text("def get_config():\n    return 3\n")
    assert command_line.load_config(str(file)) == 3
    with pytest.raises(ConfigError, match="has no variants"):
        command_line.load_config(f"{file}:big")
    file.write_text("")
    with pytest.raises(ConfigError, match="has no function get_config"):
        command_line.load_config(str(file))


def test_what_goes_wrong_in_a_config_file_has_its_place_in_the_traceback(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("first = 1\nsecond = first / 0\n")
    with pytest.raises(ZeroDivisionError) as error:
        command_line.load_config(str(file))
    last = traceback.extract_tb(error.value.__traceback__)[-1]
    assert (last.filename, last.lineno, last.line) == (str(file), 2, "second = first / 0")


def test_workdirs_have_the_configs_name():
    assert command_line.default_workdir("configs/dcgan.py") == "runs/dcgan"
    assert command_line.default_workdir("/a/b/biggan_like.py:paper") == "runs/biggan_like-paper"


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UserError("a\nb"), 2, "error: a b\n"),
        (ConfigError("no field"), 2, "error: no field\n"),
        (DataError("no data"), 2, "error: no data\n"),
        (NonFiniteError("nan at step 3"), 1, "error: nan at step 3; the last checkpoint before it is kept\n"),
        (KeyboardInterrupt(), 130, "error: interrupted: nothing is saved since the last checkpoint\n"),
    ],
)
def test_errors_are_one_line_and_a_status(error, status, line, capsys):
    def main():
        raise error

    assert command_line.run(main) == status
    assert capsys.readouterr().err == line


def test_a_command_that_goes_well_says_nothing(capsys):
    assert command_line.run(lambda: None) == 0 and command_line.run(lambda: 1) == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("error", [ValueError, TypeError, OSError, AssertionError])
def test_any_other_error_is_a_bug_and_keeps_its_traceback(error):
    def main():
        raise error("ours")

    with pytest.raises(error, match="ours"):
        command_line.run(main)


def test_the_cache_is_the_users_and_can_be_switched_off(monkeypatch, tmp_path):
    before = jax.config.jax_compilation_cache_dir
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")
        command_line.use_compilation_cache()
        assert jax.config.jax_compilation_cache_dir == before
        monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
        command_line.use_compilation_cache()
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / "jaxgan" / "xla")
    finally:
        jax.config.update("jax_compilation_cache_dir", before)


def test_networks_that_do_not_fit_the_data_are_one_line_and_leave_nothing(tiny, tmp_path, capsys):
    config = tiny("dcgan")
    config.data.image_size, config.metrics = 9, ()
    assert command_line.run(lambda: train(config, tmp_path / "run")) == 2
    said = capsys.readouterr().err
    assert "images of 9x9 cannot be halved" in said and said.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ("--config.batch_size=abc", "error: config.batch_size='abc', but it must be an integer\n"),
        ("--workdri=x", "error: unrecognized arguments: --workdri=x; --help lists the options\n"),
    ],
)
def test_the_program_says_it_in_one_line(argument, line, tmp_path):
    command = [sys.executable, "train.py", f"--config={DCGAN}", f"--workdir={tmp_path / 'run'}", argument]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"JAX_PLATFORMS": "cpu"})
    assert ended.returncode == 2 and ended.stdout == ""
    assert ended.stderr == line
    assert not (tmp_path / "run").exists()


def test_help_needs_no_config():
    ended = subprocess.run([sys.executable, "train.py", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0 and ended.stderr == ""
    assert {"--workdir", "--dry_run", "--distributed"} <= set(re.findall(r"--\w+", ended.stdout))


# ---- the dry run


def test_a_dry_run_counts_what_training_would_take(tiny):
    config = tiny("dcgan")
    text = summarize(plan_without_data(config))
    # 4 latents to 4x4 maps of 8; a batch norm of 8; 5x5 kernels from 8 to 1 channels.
    assert ["project/kernel", "(4, 128)", "512"] in [re.split("  +", line) for line in text.splitlines()]
    generator = 4 * 4 * 4 * 8 + 2 * 8 + 5 * 5 * 8
    # 5x5 kernels from 1 to 8 channels; 4x4 maps of 8 to a logit.
    discriminator = 5 * 5 * 8 + 4 * 4 * 8
    assert f"all players: {generator + discriminator:,} parameters" in text
    kib = 4 * (generator + discriminator) / 2**20
    assert f"{'parameters':<36}{kib:>10.2f} MiB" in text
    assert "training  discriminator, generator  8       step 30" in text
    assert "activations and gradients of a step" in text


def test_a_dry_run_does_without_the_data(tiny):
    config = tiny("dcgan")
    config.data.name, config.data.path, config.data.image_size, config.data.channels = "folder", "nowhere", 32, 3
    config.metrics = ()
    assert "(5, 5, 8, 3)" in summarize(plan_without_data(config))
    config.data.image_size = None
    with pytest.raises(DataError, match="nowhere"):
        plan_without_data(config)


# ---- python -m jaxgan.sample


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_samples_come_without_the_data(runs, tmp_path, monkeypatch):
    from jaxgan.data import digits

    folder, _ = runs("dcgan")

    def no_data():
        raise AssertionError("the data were read")

    monkeypatch.setattr(digits, "_digits", no_data)
    arrays = {}
    for name, arguments in {
        "twelve": ["--num=12"],
        "five": ["--num=5"],
        "other": ["--num=5", "--seed=1"],
        "plain": ["--num=5", "--truncation=0.01"],
    }.items():
        output = tmp_path / f"{name}.npz"
        sample.main([f"--workdir={folder}", "--format=npz", f"--output={output}", *arguments])
        with np.load(output) as file:
            arrays[name] = file["image"]
    assert arrays["twelve"].shape == (12, 8, 8, 1) and arrays["twelve"].dtype == np.uint8
    np.testing.assert_array_equal(arrays["twelve"][:5], arrays["five"])
    assert not np.array_equal(arrays["five"], arrays["other"])
    assert arrays["plain"].std(axis=0).max() < arrays["five"].std(axis=0).max()
    # The same samples as a grid and as files, in the run's own folder.
    sample.main([f"--workdir={folder}", "--num=5"])
    sample.main([f"--workdir={folder}", "--num=5", "--format=folder"])
    lines = [line for line in read_metrics(folder / "metrics.jsonl") if line["step"] and "digit_fd" in line]
    step = min(lines, key=lambda line: line["digit_fd"])["step"]
    grid = read(folder / "generated" / f"step{step}-num5-seed0.png")
    assert grid.shape == (8 * 6 + 4, 5 * 50 + 2)
    for index, image in enumerate(arrays["five"][..., 0]):
        np.testing.assert_array_equal(grid[2:50:6, 2 + 50 * index : 50 + 50 * index : 6], image)
        np.testing.assert_array_equal(read(folder / "generated" / f"step{step}-num5-seed0" / f"{index}.png"), image)


def test_a_label_is_what_the_generator_is_asked_for(runs, tmp_path):
    folder, _ = runs("conditional")
    labels = {}
    for name, arguments in {"eights": ["--label=8"], "all": []}.items():
        sample.main([f"--workdir={folder}", "--num=12", "--format=npz", f"--output={tmp_path / name}", *arguments])
        with np.load(tmp_path / name) as file:
            labels[name] = file["label"]
    assert labels["eights"].tolist() == [8] * 12
    assert labels["all"].tolist() == [*range(10), 0, 1]


@pytest.mark.parametrize(
    ("variant", "arguments", "message"),
    [
        ("dcgan", ["--label=3"], "takes no labels"),
        ("conditional", ["--label=10"], "the classes are 0 to 9"),
        ("cyclegan", [], "cannot sample; it can: translate"),
        ("dcgan", ["--num=0"], "ask for at least 1"),
        ("dcgan", ["--truncation=0"], "it must be above 0"),
        ("dcgan", ["--step=7"], "no checkpoint of step 7: choose one of"),
        ("dcgan", ["--output=."], "exists already"),
        ("ring8", ["--format=folder"], "these samples are vectors"),
    ],
)
def test_samples_that_cannot_be_had(variant, arguments, message, runs):
    with pytest.raises(ConfigError, match=message):
        sample.main([f"--workdir={runs(variant)[0]}", *arguments])


def test_a_folder_without_a_run_or_a_checkpoint(tmp_path, runs):
    with pytest.raises(ConfigError, match="is not the folder of a run"):
        sample.main([f"--workdir={tmp_path}"])
    for name in ("config.json", "data.json"):
        (tmp_path / name).write_bytes((runs("dcgan")[0] / name).read_bytes())
    with pytest.raises(ConfigError, match="holds no checkpoint yet"):
        sample.main([f"--workdir={tmp_path}"])
    assert not (tmp_path / "checkpoints").exists()


# ---- python -m jaxgan.translate


def test_every_image_is_translated_under_its_own_name(runs, tmp_path, capsys):
    folder, _ = runs("cyclegan")
    inputs = tmp_path / "in"
    (inputs / "deeper").mkdir(parents=True)
    Image.new("RGBA", (31, 20), (200, 10, 10, 255)).save(inputs / "a.png")
    Image.new("L", (8, 8), 70).save(inputs / "deeper" / "b.webp")
    Image.new("RGB", (64, 64), (0, 0, 0)).save(inputs / "c.d.jpeg")
    arguments = [f"--workdir={folder}", f"--input={inputs}"]
    assert translate.main([*arguments, f"--output={tmp_path / 'out'}"]) == 0
    assert translate.main([*arguments, f"--output={tmp_path / 'back'}", "--direction=ba"]) == 0
    for output in ("out", "back"):
        written = {str(path.relative_to(tmp_path / output)) for path in (tmp_path / output).rglob("*.png")}
        assert written == {"a.png", "deeper/b.png", "c.d.png"}
        assert read(tmp_path / output / "a.png").shape == (8, 8)
    assert not np.array_equal(read(tmp_path / "out" / "a.png"), read(tmp_path / "back" / "a.png"))

    (inputs / "broken.png").write_bytes(b"no image")
    assert translate.main([*arguments, f"--output={tmp_path / 'again'}"]) == 1
    seen = capsys.readouterr()
    assert "broken.png cannot be read" in seen.err and "3 of 4 images translated" in seen.out


@pytest.mark.parametrize(
    ("variant", "files", "message"),
    [
        ("cyclegan", None, "does not exist"),
        ("cyclegan", [], "holds no image"),
        ("cyclegan", ["a.png", "a.jpg"], "a.jpg and a.png would both become .*a.png: rename one"),
        ("dcgan", ["a.png"], "cannot translate; it can: judge, sample"),
    ],
)
def test_translations_that_cannot_be_had(variant, files, message, runs, tmp_path):
    if files is not None:
        (tmp_path / "in").mkdir()
        for file in files:
            Image.new("L", (8, 8)).save(tmp_path / "in" / file)
    arguments = [f"--workdir={runs(variant)[0]}", f"--input={tmp_path / 'in'}", f"--output={tmp_path / 'out'}"]
    with pytest.raises(ConfigError, match=message):
        translate.main(arguments)
    assert not (tmp_path / "out").exists()

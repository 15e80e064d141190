"""The command lines: what is asked for is done, and what cannot be is one line and a status."""

import os
import pathlib
import re
import subprocess
import sys
import traceback
import warnings

import jax
import pytest

from configs import cyclegan, direct_translation, pix2pix
from jaxgan import overrides
from jaxgan.data import DataError
from jaxgan.errors import ConfigError, UserError
from jaxgan.training import NonFiniteError, command_line, plan_without_data, summarize, train
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
        (["--config=configs/dcgam.py"], "there is no config file 'configs/dcgam.py': did you mean 'configs/dcgan.py'?"),
        (["--config="], "there is no config file '': give --config=FILE.py"),
        (["--config=configs"], "there is no config file 'configs': give --config=FILE.py"),
        (["--config=nowhere/x.py"], "there is no config file 'nowhere/x.py': give --config=FILE.py"),
        (["--config=FILE", "--steps=20"], "--steps=20: a field of the config is set by --config.steps=20"),
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
        (NonFiniteError("nan at step 3", 3), 1, "error: nan at step 3\n"),
        (KeyboardInterrupt(), 130, "error: interrupted\n"),
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


def test_what_pillow_warns_of_is_not_told_and_what_we_warn_of_is(capsys):
    def main(module):
        warnings.warn_explicit("Truncated File Read", UserWarning, f"{module}.py", 1, module=module)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert command_line.run(lambda: main("PIL.TiffImagePlugin")) == 0
        assert capsys.readouterr() == ("", "")
    with pytest.warns(UserWarning, match="Truncated"):
        command_line.run(lambda: main("jaxgan.data"))


@pytest.mark.parametrize("error", [ValueError, TypeError, OSError, AssertionError])
def test_any_other_error_is_a_bug_and_keeps_its_traceback(error):
    def main():
        raise error("ours")

    with pytest.raises(error, match="ours"):
        command_line.run(main)


def test_the_cache_is_the_users_and_can_be_switched_off(monkeypatch, tmp_path, capsys):
    before, seconds = jax.config.jax_compilation_cache_dir, jax.config.jax_persistent_cache_min_compile_time_secs
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")
        command_line.use_compilation_cache()
        assert jax.config.jax_compilation_cache_dir == before
        monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
        command_line.use_compilation_cache()
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / "jaxgan" / "xla")
        assert jax.config.jax_persistent_cache_min_compile_time_secs == 0  # every program
        monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
        command_line.use_compilation_cache()
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / "jaxgan" / "xla")
        assert capsys.readouterr().err.startswith(
            "warning: compiled programs are not kept for the next time (/dev/null/"
        )
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", seconds)


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
        ("--workdri=x", "error: --workdri=x: this command takes no --workdri: did you mean 'workdir'?\n"),
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


def test_a_dry_run_refuses_what_training_would(tiny):
    config = tiny("dcgan")
    config.metrics = ("digit_df",)
    with pytest.raises(
        ConfigError, match=r"config\.metrics names 'digit_df', which is unknown: did you mean 'digit_fd'"
    ):
        plan_without_data(config)
    config = pix2pix.get_config()
    config.data.aligned = False
    for refuse in (plan_without_data, lambda config: train(config, "never_written")):
        with pytest.raises(
            ConfigError, match=r"learns from pairs, but a and b .* are shuffled apart: set config.data.al"
        ):
            refuse(config)
    assert not pathlib.Path("never_written").exists()


def test_a_dry_run_does_without_the_data(tiny):
    config = tiny("dcgan")
    config.data.name, config.data.path, config.data.image_size, config.data.channels = "folder", "nowhere", 32, 3
    config.metrics = ()
    assert "(5, 5, 8, 3)" in summarize(plan_without_data(config))
    config.data.image_size = None
    with pytest.raises(DataError, match="nowhere"):
        plan_without_data(config)
    # Classes are assumed in two folders, too, for a system that asks for them.
    absent = [("data.name", "two_folders"), ("data.path", "nowhere"), ("data.image_size", 32)]
    labels = [
        "label" in plan_without_data(overrides.apply(module.get_config(), absent)).arrays
        for module in (direct_translation, cyclegan)
    ]
    assert labels == [True, False]


# ---- python -m jaxgan.sample

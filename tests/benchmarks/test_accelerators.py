"""Steps compiled for TPUs and GPUs that are not there, where the packages are; and the table, which needs neither."""

import functools
import json
import os
import pathlib
import subprocess
import sys

import pytest

from benchmarks import accelerators, targets
from jaxgan.errors import UserError

ROOT = pathlib.Path(__file__).parents[2]
# In a process of its own: the compilers are told by the environment that no accelerator is there, before JAX starts.
PROGRAM = """
import json, sys
from benchmarks import targets
targets.prepare()
from benchmarks.accelerators import Step, measure
from jaxgan.training.command_line import load_config

config = load_config(sys.argv[2])
for player in config.players.values():
    player.network.width = 32
config.dtype = sys.argv[3]
one, all = (measure(Step.of(config, targets.devices(target)), int(sys.argv[4])) for target in sys.argv[1].split())
print(json.dumps([one, all]))
"""
GAMES = {
    "dcgan": ("configs/dcgan.py", "float32"),
    "biggan": ("configs/biggan_like.py", "bfloat16"),  # with attention, spectral norm, and resampling in convolutions
}
PLACES = {"v5e": ("v5e:1x1", "v5e:2x2"), "h100": ("h100:1", "h100:8")}


@functools.cache
def measured(target, game):
    """What a step is on one device and on all, with the same images on each."""
    if package := targets.missing(target):
        pytest.skip(f"compiling for {target} needs pip install '{package}'")
    command = [sys.executable, "-c", PROGRAM, " ".join(PLACES[target]), *GAMES[game], "32"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


cases = pytest.mark.parametrize(("target", "game"), [(target, game) for target in PLACES for game in GAMES])


@pytest.mark.slow
@cases
def test_step_compiles_and_fits(target, game):
    _, step = measured(target, game)
    assert 0 < step["peak_bytes"] < targets.TARGETS[target].memory


@pytest.mark.slow
@cases
def test_devices_exchange_little_more_than_gradients_and_no_images(target, game):
    _, step = measured(target, game)
    exchanged = step["collectives"]
    assert step["gradient_bytes"] / 2 <= exchanged["all-reduce"]["bytes"] <= 1.15 * step["gradient_bytes"]
    image = 32 * 16 * 16 * 4  # bytes of a device's images
    others = {kind: each["bytes"] for kind, each in exchanged.items() if kind != "all-reduce"}
    assert sum(others.values()) < image / 8, others


@pytest.mark.slow
@cases
def test_each_device_does_its_share(target, game):
    """The same images a device: one device of many computes what one alone does."""
    alone, step = measured(target, game)
    assert sum(step["arithmetic"].values()) == pytest.approx(sum(alone["arithmetic"].values()), rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("target", PLACES)
def test_a_bfloat16_game_multiplies_in_bfloat16(target):
    _, step = measured(target, "biggan")
    assert step["arithmetic"]["float32"] <= 0.06 * sum(step["arithmetic"].values())


def row(**fields):
    return {
        "config": "configs/dcgan.py:paper",
        "target": "h100:8",
        "turns": "all",
        "images": 16,
        "devices": 8,
        "lazy": False,
        "peak_bytes": 3 * 2**30,
        "largest": 400,
        "largest_compiled": False,
        "arithmetic": {"bfloat16": 3 * 989e9, "float32": 494e9},
        "own_arithmetic": 3 * 989e9,
        "bytes": 2 * 3350e6,
        "unpadded_bytes": 3350e6,
        "copied_bytes": 3350e6,
        "copies": 12,
        "collectives": {"all-reduce": {"number": 5, "bytes": 450e6}, "all-gather": {"number": 1, "bytes": 450e3}},
        "gradient_bytes": 400e6,
        "compile_seconds": 7.4,
    } | fields


def test_times_are_what_each_limit_alone_would_take():
    # 3 ms of bfloat16 and 1 ms of TensorFloat-32; 2 ms of memory; a ring sends 7/8 twice, a gather all others' shares.
    assert accelerators.times(row(), "h100:8") == pytest.approx({"compute": 4, "memory": 2, "links": 1.75 + 0.007})


def test_table_shows_a_step_and_what_could_not_be_compiled():
    rows = [
        row(),
        row(target="v5e:2x2", out_of_memory=True, peak_bytes=23.3 * 2**30),
        row(target="v4:2x2x1", not_compiled="more than 30 minutes"),
    ]
    lines = accelerators.table(rows).splitlines()
    head = [cell.strip() for cell in lines[0].strip("|").split("|")]
    shown = [dict(zip(head, map(str.strip, line.strip("|").split("|")), strict=True)) for line in lines[2:]]
    assert [each["target"] for each in shown] == ["h100:8", "v4:2x2x1", "v5e:2x2"]
    assert shown[0]["config"] == "dcgan:paper" and shown[0]["peak GiB (largest batch)"] == "3 (about 400)"
    assert shown[0]["compute / memory / links, ms"] == "4 / 2 / 1.76"
    assert shown[0]["all-reduce / gradients, MB (number)"] == "450 / 400 (5); all-gather 0.5"
    assert (shown[0]["copies"], shown[0]["padding"], shown[0]["compile, s"]) == ("12, 50%", "2.00", "7")
    assert shown[1]["peak GiB (largest batch)"] == "not compiled: more than 30 minutes"
    assert shown[2]["peak GiB (largest batch)"] == "does not fit (23.3 needed)"


@pytest.mark.parametrize(
    ("of_the_step", "seconds", "expected"),
    [
        (1000, 1, (390, True)),  # (40,000 - 1,000) / 100
        (1000, 100, (333, False)),  # a slow one is not compiled again: 50 images took 6,000, so 40,000 are for 333
        (0, 1, (400, True)),
        (50_000, 1, (0, False)),  # the state fits, the step does not even for one image
    ],
)
def test_largest_batch_of_a_step_whose_bytes_are_known(of_the_step, seconds, expected, monkeypatch):
    """The state takes 10,000 of 50,000 bytes, each image 100, and the step some for itself."""

    def measure(step, images):
        return {"peak_bytes": 10_000 + of_the_step + 100 * images, "state_bytes": 10_000, "compile_seconds": seconds}

    monkeypatch.setattr(accelerators, "measure", measure)
    found, compiled = accelerators.largest(None, 50, measure(None, 50), 50_000)
    assert compiled == expected[1]
    if compiled:  # within a fifth
        assert expected[0] / 1.2 <= found <= expected[0]
    elif of_the_step < 50_000:
        assert found == expected[0]
    else:
        assert found < 50


def test_a_row_is_not_lost_where_it_could_not_be_compiled_again(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text("<!-- accelerators -->\n<!-- end of accelerators -->\n")
    known = {key: value for key, value in row().items() if key not in ("config", "target", "turns")}
    answers = iter([known, {"not_compiled": "more than 30 minutes"}])
    monkeypatch.setattr(accelerators, "measured", lambda *_: next(answers))
    command = ["--target=h100", "--config=configs/dcgan.py:paper", f"--page={page}"]
    accelerators.main(command)
    written = page.read_text()
    accelerators.main([*command, "--again"])
    assert page.read_text() == written


def test_what_is_known_is_not_compiled_again(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text("<!-- accelerators -->\n<!-- end of accelerators -->\n")
    asked = []

    def measured(config, target, images, lazy):
        asked.append((config, target, images, lazy))
        return {key: value for key, value in row(lazy=True).items() if key not in ("config", "target", "turns")}

    monkeypatch.setattr(accelerators, "measured", measured)
    command = ["--target=h100", "--config=configs/dcgan.py:paper", f"--page={page}"]
    accelerators.main(command)
    # A game with lazy turns has a row for the step without them.
    assert asked == [("configs/dcgan.py:paper", "h100", None, lazy) for lazy in (True, False)]
    written = page.read_text()
    assert "dcgan:paper | h100:8" in written and "dcgan:paper, no lazy turn | h100:8" in written
    accelerators.main(command)
    assert len(asked) == 2 and page.read_text() == written
    accelerators.main([*command, "--again"])
    assert len(asked) == 4


def test_a_gpu_is_described_by_its_public_figures():
    text = targets.target_config(targets.TARGETS["h100"])
    for line in ("core_count: 132", "memory_bandwidth: 3350000000000", "shared_memory_per_block_optin: 232448"):
        assert line in text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--target=h101"], "'h101' is unknown; choose one of v4, v5e"),
        (["--target=h100", "--images=0"], "--images=0: a device needs at least one"),
    ],
)
def test_bad_input_is_one_line(options, told, capsys, tmp_path):
    with pytest.raises(SystemExit):
        accelerators.main([*options, "--config=configs/dcgan.py", f"--page={tmp_path / 'page.md'}"])
    assert told in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("target", ["v5e:7x1", "h100:many"])
def test_an_unknown_topology_is_one_line(target, monkeypatch):
    if package := targets.missing(target):
        pytest.skip(f"compiling for {target} needs pip install '{package}'")
    with pytest.raises(UserError, match="has no such topology"):
        targets.devices(target)

"""The table of the speed benchmark, from made-up times; nothing is trained here."""

import importlib.util
import pathlib
import sys

import pytest

PATH = pathlib.Path(__file__).parents[2] / "benchmarks" / "speed.py"


@pytest.fixture(scope="module")
def speed():
    spec = importlib.util.spec_from_file_location("speed_under_test", PATH)
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        yield module


def rows(speed):
    def row(system, side, seconds):
        return speed.Row(system, side, 4, 8, 2e12, seconds, 3.0 if side == speed.JAXGAN else None, 100.0)

    return [
        row("dcgan64", speed.JAXGAN, [1.0, 9.0, 2.0]),
        row("dcgan64", speed.TORCH, [8.0, 1.0, 4.0]),
        row("sngan32", speed.JAXGAN, [2.0, 2.0, 2.0]),
        row("sngan32", speed.TORCH, [1.0, 1.0, 1.0]),
    ]


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_table_shows_medians_extremes_and_ratios(speed):
    lines = speed.table(rows(speed)).splitlines()
    named = [dict(zip(cells(lines[0]), cells(line), strict=True)) for line in lines[2:6]]
    # jaxgan's median is 2 s and PyTorch's 4 s: jaxgan is twice as fast; eight images and 2 TFLOP in 2 s.
    assert [named[0][column] for column in ("ms/step", "min", "max")] == ["2000", "1000", "9000"]
    assert (named[0]["images/s"], named[0]["TFLOP/s"], named[0]["compile s"]) == ("4.0", "1", "3.0")
    assert (named[0]["PyTorch / jaxgan"], named[1]["PyTorch / jaxgan"], named[3]["PyTorch / jaxgan"]) == (
        "",
        "2.00",
        "0.50",
    )
    assert named[1]["compile s"] == ""
    # The geometric mean of 2 and 1/2 is 1.
    assert lines[-1].endswith("PyTorch / jaxgan: 1.00")


def test_torch_compile_is_timed_on_gpus_where_it_takes_the_networks(speed, monkeypatch):
    monkeypatch.setattr(speed, "HAVE_TORCH", True)
    assert speed.COMPILED in speed.sides("dcgan64", "gpu")
    assert speed.COMPILED not in speed.sides("dcgan64", "cpu")
    assert speed.COMPILED not in speed.sides("stylegan2_64", "gpu")  # R1


def test_table_shows_the_share_of_the_peak(speed):
    assert "1 (25%)" in speed.table(rows(speed), peak_tflops=4.0)


def test_compare_raises_where_the_sides_differ(speed, capsys):
    speed.compare("parameters", {speed.JAXGAN: {"generator": 1000}, speed.TORCH: {"generator": 1000}})
    assert "generator 1,000" in capsys.readouterr().out
    with pytest.raises(ValueError, match="parameters differ"):
        speed.compare("parameters", {speed.JAXGAN: {"generator": 1000}, speed.TORCH: {"generator": 1001}})


def test_minibatches_are_many_and_in_range(speed):
    batches = speed.minibatches(speed.SYSTEMS["biggan32"], "cpu")
    assert len(batches) == 2
    for batch in batches:
        assert batch["image"].shape == (16, 32, 32, 3) and abs(batch["image"]).max() <= 1
        assert batch["label"].shape == (16,) and set(batch["label"]) <= set(range(10))


@pytest.mark.parametrize(
    "name", ["dcgan64", "sngan32", "biggan32", "stylegan2_64", "cyclegan64", "pix2pix256", "stargan128"]
)
def test_step_takes_the_minibatches_that_are_prepared(speed, name):
    game = speed.SYSTEMS[name].game("float32")
    assert game.minibatches(game.due(0, 0)) == speed.SYSTEMS[name].minibatches

"""The truncation curve, on a game that was hardly trained and on made-up samples."""

import pathlib
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

from benchmarks import truncation
from jaxgan.data import make_source, prepare
from jaxgan.errors import ConfigError
from jaxgan.training import train
from jaxgan.training.command_line import load_config

TINY = pathlib.Path(__file__).parents[1] / "tiny.py"


def of(split):
    records = prepare(make_source("digits", split=split).stack())
    return np.asarray(records["image"]), np.asarray(records["label"])


@pytest.fixture(scope="module")
def real():
    return truncation.RealDigits(*of("train"))


def test_real_digits_are_precise_and_diverse_and_others_are_not(real):
    images, label = of("test")
    assert 0.8 < real.precision(images) < 1
    assert real.diversity(images, label) == pytest.approx(1.0, abs=0.15)
    # Those that they are compared with lie in their own neighbourhoods; noise lies in none.
    assert real.precision(of("train")[0][:100]) == 1
    noise = np.random.default_rng(0).uniform(-1, 1, (100, 16, 16, 1)).astype(np.float32)
    assert real.precision(noise) == 0
    firsts = np.array([np.flatnonzero(label == one)[0] for one in range(10)])
    assert real.diversity(images[firsts[label]], label) == pytest.approx(0.0, abs=1e-6)


class Sharpest:
    """A game that makes the first real digits of a label, fewer of them the lower the threshold."""

    def __init__(self, images, label):
        self.by_label = [images[label == one] for one in range(10)]

    def sample(self, key, number, label=None, truncation=None):
        kept = 120 if truncation is None else max(1, round(60 * truncation))
        draws = np.asarray(jax.random.randint(key, (number,), 0, kept))
        return np.stack([self.by_label[one][draw] for one, draw in zip(label, draws, strict=True)])


def test_the_curve_of_a_known_game(real):
    rows = truncation.measure(Sharpest(*of("train")), (0.01, 1.0, None), 500, real)
    one, half, all = rows
    assert [row["threshold"] for row in rows] == [0.01, 1.0, None]
    assert one["diversity"] == pytest.approx(0.0, abs=1e-6) and one["class_accuracy"] == 1.0
    assert one["precision"] == half["precision"] == 1
    assert 0.5 < half["diversity"] < 1.2 and all["diversity"] == pytest.approx(1.0, abs=0.15)
    assert one["digit_fd"] > 10 * all["digit_fd"]
    assert truncation.table(rows).splitlines()[2].startswith("| 0.01 | 1.000 | 1.00 | ")
    assert truncation.table(rows).splitlines()[4].startswith("| none | ")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("truncation") / "run"
    train(load_config(f"{TINY}:conditional"), folder)
    return folder


def test_the_page_of_a_run(run, tmp_path):
    truncation.main([f"--workdir={run}", "--num=100", f"--docs={tmp_path}"])
    page = (tmp_path / "truncation.md").read_text()
    assert "The game of run, after 10 steps" in page
    assert len([line for line in page.splitlines() if line.startswith("| ")]) == 1 + len(truncation.THRESHOLDS)
    with Image.open(tmp_path / "images" / "truncation.png") as image:
        assert image.width > 500 and image.height > 300


def test_the_roughness_of_known_curves():
    assert truncation.roughness([1.0, 2.0, 3.0, 4.0]) == pytest.approx(0)
    assert truncation.roughness([0.0, 1.0, 0.0, 1.0]) == pytest.approx(2)
    assert truncation.roughness([4.0, 1.0, 0.0]) == pytest.approx(2 / 4)
    assert truncation.roughness([1.0, 1.0, 1.0]) == 0


def test_the_page_beside_another_run(run, tmp_path):
    truncation.main([f"--workdir={run}", f"--without={run}", "--num=100", f"--docs={tmp_path}"])
    page = (tmp_path / "truncation.md").read_text()
    assert "same game without it, run (10 steps)" in page
    # The same curve twice, and equally bent.
    rows = [line for line in page.splitlines() if line.startswith("| 0.5 ")]
    bends = [line for line in page.splitlines() if line.startswith("| run ")]
    assert len(rows) == 2 and len(set(rows)) == 1 and len(set(bends)) == 1


def test_other_games_are_refused(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    config = tmp_path / "run" / "config.json"
    config.write_text(config.read_text().replace('"name": "digits"', '"name": "folder"'))
    with pytest.raises(ConfigError, match="is not a game of digits that takes labels"):
        truncation.main([f"--workdir={tmp_path / 'run'}", f"--docs={tmp_path}"])

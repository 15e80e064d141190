"""The longer runs: that they can be trained, and the page of them."""

import json

import numpy as np
import pytest
from PIL import Image

from benchmarks import medium
from jaxgan.data import make_source
from jaxgan.training.plan import plan_without_data


@pytest.mark.parametrize("name", medium.RUNS)
def test_every_run_is_a_game_that_can_be_built(name, tmp_path):
    config = medium.configured(name, tmp_path)
    assert plan_without_data(config).game.stages
    assert config.steps % config.evaluate_every == 0 and config.data.image_size == 32


def test_tiles_are_pairs_and_others_are_not(tmp_path):
    medium.tiles("grey", tmp_path)
    pairs = make_source(medium.configured("pix2pix", tmp_path).data)
    record = pairs.record(7, np.array([0.7, 0.1, 0.9]))
    # ITU-R 601, which both channels' values are rounded of.
    luma = record["b"].astype(float) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(record["a"], np.repeat(luma[:, :, None], 3, axis=2), atol=1)
    assert len(pairs) == 260 and np.ptp(record["b"].astype(float), axis=2).max() > 20
    medium.tiles("unpaired", tmp_path)
    palace, flower = (tmp_path / "tiles-unpaired" / f"train{domain}" / "0000.png" for domain in "AB")
    assert np.abs(np.asarray(Image.open(palace), float) - np.asarray(Image.open(flower), float)).mean() > 20


def entry(tmp_path, name="sngan"):
    values = {0: 9.0, 10: 4.0, 20: 2.0, 30: 3.0}
    lines = [{"step": step, "images": 8 * step, "seconds": 12.0 * step} for step in (15, 30)]
    lines += [{"step": step, "images": 8 * step, "swd": value} for step, value in values.items()]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return medium.measured(name, tmp_path, medium.configured(name, tmp_path))


def test_values_of_a_run(tmp_path):
    found = entry(tmp_path)
    assert found["steps"] == [0, 10, 20, 30] and found["values"] == [9.0, 4.0, 2.0, 3.0]
    assert found["minutes"] == [0.0, 2.0, 4.0, 6.0]  # 12 seconds a step
    assert medium.best(found) == 2 and medium.best(found | {"lower": False}) == 1  # the untrained game's do not count
    assert 0 < found["floor"] < 100  # of uniform noise it is 409
    table = medium.tables({"sngan": found | {"floor": 1.25}})["runs"]
    row = "| `sngan:cpu32` | tiles of both photographs | swd, lower is better | 9 | 2 (20) | 3 | 1.25 | 30 | 6 |"
    assert row in table
    medium.curves({"sngan": found, "other": found | {"lower": False}}, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size < medium.LARGEST


def test_large_samples_are_cut(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")
    medium.keep_samples(tmp_path / "large.png", tmp_path / "kept.png")
    kept = Image.open(tmp_path / "kept.png")
    assert kept.width == 512 and np.array_equal(np.asarray(kept), noise[: kept.height])
    assert 200_000 < (tmp_path / "kept.png").stat().st_size < 300_000


def test_the_page_is_made_of_what_was_measured():
    rows = json.loads(medium.KEPT.read_text()) if medium.KEPT.exists() else {}
    text = medium.PAGE.read_text()
    for table in medium.tables(rows).values() if rows else ():
        assert table in text
    for name in rows:
        assert (medium.PICTURES / f"{name}.png").stat().st_size < medium.LARGEST

"""What commands write: a few entries at a time, and names of files as they are."""

import csv
import os
import tracemalloc

import numpy as np
import pytest

from jaxgan.commands import outputs
from jaxgan.errors import UserError


@pytest.mark.parametrize("vectors", [False, True])
def test_an_npz_written_in_parts_is_that_of_the_whole(tmp_path, vectors):
    random = np.random.default_rng(0)
    whole = random.uniform(-1, 1, (11, 3) if vectors else (11, 4, 5, 3)).astype(np.float32)
    label = np.arange(11, dtype=np.int32)
    parts = (whole[start : start + 4] for start in range(0, 11, 4))
    outputs.write_images(parts, 11, label, "npz", tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz", allow_pickle=False) as file:
        assert set(file.files) == {"image", "label"} and file["label"].dtype == np.int32
        expected = whole if vectors else np.clip(np.floor(127.5 * whole + 128), 0, 255).astype(np.uint8)
        np.testing.assert_array_equal(file["image"], expected)
        np.testing.assert_array_equal(file["label"], label)
        assert file["image"].dtype == expected.dtype
    assert os.listdir(tmp_path) == ["x.npz"]


def test_memory_does_not_grow_with_the_number(tmp_path):
    parts = (np.zeros((16, 32, 32, 3), np.float32) for _ in range(400))  # 75 MiB of floats
    tracemalloc.start()
    try:
        outputs.write_images(parts, 6400, None, "npz", tmp_path / "x.npz")
        assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
    finally:
        tracemalloc.stop()
    with np.load(tmp_path / "x.npz") as file:
        assert file["image"].shape == (6400, 32, 32, 3) and np.all(file["image"] == 128)


def test_what_no_grid_or_folder_holds():
    outputs.check_format("png", 2**20, (16, 16, 1))
    outputs.check_format("npz", 10_000_000, (256, 256, 3))
    outputs.check_format("png", 10_000_000, (2,))
    message = r"^--num=2000: one grid holds at most 1365 of these images: take --format=npz or folder$"
    with pytest.raises(UserError, match=message):
        outputs.check_format("png", 2000, (256, 256, 3))
    with pytest.raises(UserError, match="these samples are vectors"):
        outputs.check_format("folder", 3, (2,))


def test_names_that_are_no_utf8(tmp_path, capsys):
    name = os.fsdecode(b"caf\xe9.png")
    outputs.write_table([("name", "score"), (name, "1")], tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_bytes() == b"name,score\ncaf\xe9.png,1\n"
    outputs.write_table([("name", "score"), (name, "1")], None)
    assert list(csv.reader(capsys.readouterr().out.splitlines()))[1] == ["caf\N{REPLACEMENT CHARACTER}.png", "1"]

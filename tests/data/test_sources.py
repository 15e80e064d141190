"""What sources do about pictures that differ or cannot be read, and what toy densities are."""

import logging
import pathlib
import random

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import DataError, Loader, make_source
from tests.data.test_files import zipped


def save(path: pathlib.Path, value: int, size: tuple[int, int] = (4, 4)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size[::-1], value).save(path)


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Ten pictures of values 0 to 9; the third is cut off and the last is no picture at all."""
    for number in range(10):
        save(tmp_path / f"{number}.png", number)
    whole = (tmp_path / "2.png").read_bytes()
    (tmp_path / "2.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "9.png").write_text("not a picture")
    return tmp_path


def test_the_next_readable_picture_takes_the_place(folder: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    source = make_source("folder", path=str(folder), channels=1, max_unreadable=0.2)
    with caplog.at_level(logging.WARNING, "jaxgan.data"):
        assert [int(record["image"].max()) for record in source] == [0, 1, 3, 3, 4, 5, 6, 7, 8, 0]
    assert source.unreadable == 2
    assert len(caplog.records) == 1 and f"{folder / '2.png'} (" in caplog.text
    # In another order, the same.
    order = list(range(10)) * 2
    random.Random(0).shuffle(order)
    again = make_source("folder", path=str(folder), channels=1, max_unreadable=0.2)
    assert [int(again[i]["image"].max()) for i in order] == [[0, 1, 3, 3, 4, 5, 6, 7, 8, 0][i] for i in order]
    assert again.unreadable == 2


def test_many_unreadable_pictures_are_a_few_lines(folder: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(40):
        (folder / f"bad{number:02}.png").write_text("not a picture")
    source = make_source("folder", path=str(folder), max_unreadable=0.9)
    caplog.set_level(logging.WARNING, "jaxgan.data")
    list(source)
    counts = [record.getMessage().partition(" of the 50 images")[0] for record in caplog.records]
    assert counts == ["1", "10"] and caplog.records[1].getMessage().count("bad") <= 3
    caplog.clear()
    make_source("folder", path=str(folder), max_unreadable=0.9).stack()
    assert caplog.records[-1].getMessage().startswith(f"42 of the 50 images of {folder} cannot be read, ")
    assert len(caplog.records) <= 3 and caplog.records[-1].getMessage().endswith("...: the next ones take their places")
    whole = make_source("folder", path=str(folder), max_unreadable=0.9)
    caplog.clear()
    for _ in range(2):
        whole.stack()
    assert sum("42 of the 50" in record.getMessage() for record in caplog.records) == 1


def test_a_class_without_a_readable_picture_is_refused(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One in a hundred may be unreadable: here these are all the birds."""
    for number in range(200):
        save(tmp_path / ("cat" if number % 2 else "dog") / f"{number:03}.png", number)
    for number in range(2):
        save(tmp_path / "bird" / f"{number}.png", 250)
        picture = tmp_path / "bird" / f"{number}.png"
        picture.write_bytes(picture.read_bytes()[:45])  # its header is whole
    message = (
        r"no image of the class 'bird' of .* can be read, such as .*bird/0.png \(.*\); repair them, or remove the whole"
    )
    with pytest.raises(DataError, match=message):
        make_source("folder", path=str(tmp_path))
    with pytest.raises(DataError, match=message):
        make_source("folder", path=zipped(tmp_path, tmp_path.with_suffix(".zip")))
    save(tmp_path / "bird" / "2.png", 251)
    source = make_source("folder", path=str(tmp_path))
    assert [(int(source[index]["image"].max()), int(source[index]["label"])) for index in (0, 1, 2, 3)] == [
        (251, 0),
        (251, 0),
        (251, 0),
        (1, 1),
    ]


def test_too_many_unreadable_pictures(folder: pathlib.Path) -> None:
    source = make_source("folder", path=str(folder), max_unreadable=0.1)
    assert source[2]["image"].max() == 3
    message = (
        r"9.png cannot be read \(not an image\), unreadable image 2 of 10, which is more than data.max_unreadable=0.1;"
    )
    with pytest.raises(DataError, match=message) as caught:
        list(source)
    assert "\n" not in str(caught.value)


def test_the_default_share_is_one_percent(folder: pathlib.Path) -> None:
    with pytest.raises(DataError, match=r"[29].png cannot be read .* unreadable image \d of 10"):  # threads race
        Loader(make_source("folder", path=str(folder)))


def test_no_readable_picture(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.png").write_text("not a picture")
    with pytest.raises(DataError, match=r"none of the 1 images of .* can be read; check data.path"):
        make_source("folder", path=str(tmp_path), max_unreadable=1)
    with pytest.raises(DataError, match=r"none of the 1 images of .* can be read; check data.path"):
        make_source("folder", path=str(tmp_path), image_size=4, max_unreadable=1)[0]


def test_a_pair_is_skipped_as_a_whole(tmp_path: pathlib.Path) -> None:
    for number in range(4):
        save(tmp_path / "trainA" / f"{number}.png", number)
        save(tmp_path / "trainB" / f"{number}.png", 10 + number)
    (tmp_path / "trainA" / "1.png").write_text("not a picture")
    (tmp_path / "trainB" / "2.png").write_text("not a picture")
    source = make_source("two_folders", path=str(tmp_path), aligned=True, max_unreadable=0.5)
    pairs = [(int(record["a"].max()), int(record["b"].max())) for record in source]
    assert pairs == [(0, 10), (3, 13), (3, 13), (3, 13)]
    assert source.unreadable == 2


def test_mixed_sizes(tmp_path: pathlib.Path) -> None:
    save(tmp_path / "a.png", 1, (4, 6))
    save(tmp_path / "b.png", 1, (4, 6))
    save(tmp_path / "c.png", 1, (6, 4))
    source = make_source("folder", path=str(tmp_path))
    assert source.image_shape is None and source[2]["image"].shape == (6, 4, 1)  # one by one they can be read
    message = r"a.png is 4x6 and .*c.png is 6x4 \(height x width\); set data.image_size to make them one size"
    for use in (Loader, type(source).stack):
        with pytest.raises(DataError, match=message):
            use(source)
    assert make_source("folder", path=str(tmp_path), image_size=(5, 3)).image_shape == (5, 3, 1)


def test_a_picture_too_small_for_the_crop_is_found_at_the_start(tmp_path: pathlib.Path) -> None:
    save(tmp_path / "a.png", 1, (8, 8))
    save(tmp_path / "b.png", 1, (3, 9))
    with pytest.raises(DataError, match=r"b.png is 3x9 \(height x width\), smaller than image_size 4x4"):
        make_source("folder", path=str(tmp_path), image_size=4, resize="none")


def test_flip_mirrors_where_the_draw_says(tmp_path: pathlib.Path) -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
    Image.fromarray(picture).save(tmp_path / "a.png")
    source = make_source("folder", path=str(tmp_path), channels=1, flip=True)
    for draw, expected in ((0.49, picture[:, ::-1]), (0.5, picture)):
        got = source.record(0, np.array([draw, 0, 0]))["image"][..., 0]
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(source[0]["image"][..., 0], picture)  # by index: never


def test_aligned_pictures_are_cropped_and_flipped_alike(tmp_path: pathlib.Path) -> None:
    picture = np.arange(64, dtype=np.uint8).reshape(8, 8)
    for domain, pixels in (("A", picture), ("B", picture + 100)):
        (tmp_path / f"train{domain}").mkdir()
        Image.fromarray(pixels).save(tmp_path / f"train{domain}" / "1.png")
    fields = {"path": str(tmp_path), "aligned": True, "channels": 1, "image_size": 3, "resize": "none"}
    source = make_source("two_folders", **fields, crop="random", flip=True)
    for draw in np.random.default_rng(0).random((20, 3)):
        record = source.record(0, draw)
        np.testing.assert_array_equal(record["b"], record["a"] + 100)
        top, left = int(draw[1] * 6), int(draw[2] * 6)
        crop = picture[top : top + 3, left : left + 3]
        np.testing.assert_array_equal(record["a"][..., 0], crop[:, ::-1] if draw[0] < 0.5 else crop)


@pytest.mark.parametrize("name", ["digits", "ring8", "digits_translation", "stacked_digits"])
def test_stack_is_every_record_by_index(name: str) -> None:
    source = make_source(name)
    chosen = [3, 700, 3, 0]
    whole, some = source.stack(), source.stack(chosen)
    assert {len(array) for array in whole.values()} == {len(source)}
    for key, array in some.items():
        np.testing.assert_array_equal(array, [source[index][key] for index in chosen])
        np.testing.assert_array_equal(array, whole[key][chosen])
        assert array.dtype == whole[key].dtype == source[0][key].dtype


def test_indexing() -> None:
    source = make_source("gaussian1d")
    assert source[-1]["image"] == source[len(source) - 1]["image"]
    with pytest.raises(IndexError):
        source[len(source)]


def test_ring8_has_eight_modes_at_eighths_of_a_turn() -> None:
    source = make_source("ring8")
    points, labels = source.values["image"], source.values["label"]
    assert points.shape == (100_000, 2) and points.dtype == np.float32 and source.num_classes == 8
    turns = np.sort(np.round(np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi) * 8).astype(int) % 8)
    counts = np.bincount(turns, minlength=8)
    assert counts.min() > 12_000 and counts.max() < 13_000  # 12,500 +- 105: no mode twice
    np.testing.assert_allclose(np.linalg.norm(source.centres, axis=1), 2.0)
    offsets = points - source.centres[labels]
    np.testing.assert_allclose(offsets.std(axis=0), 0.02, rtol=0.02)


def test_half_of_ring8_is_the_ring_of_pacgan() -> None:
    """Radius 1 and deviation 0.01, in the protocol of VEEGAN and PacGAN."""
    source = make_source("ring8", scale=0.5)
    np.testing.assert_allclose(np.linalg.norm(source.centres, axis=1), 1.0)
    assert source.standard_deviation == 0.01


@pytest.mark.parametrize("scale", [1.0, 1 / 2.828])  # VEEGAN's, WGAN-GP's
def test_grid25(scale: float) -> None:
    source = make_source("grid25", scale=scale)
    points = source.values["image"]
    cells = np.round(points / (2 * scale)).astype(int)
    assert {tuple(cell) for cell in cells} == {(x, y) for x in range(-2, 3) for y in range(-2, 3)}
    np.testing.assert_allclose((points / scale - 2 * cells).std(axis=0), 0.05, rtol=0.02)
    assert source.standard_deviation == 0.05 * scale and source.num_classes == 25
    counts = np.bincount(source.values["label"])
    assert counts.min() > 3700 and counts.max() < 4300  # 4,000 +- 62


def test_mixture1d_has_two_equal_modes() -> None:
    source = make_source("mixture1d")
    numbers = source.values["image"][:, 0]
    assert abs((numbers > 4).mean() - 0.5) < 0.01 and source.num_classes == 2
    for mode, side in ((2.0, numbers < 4), (6.0, numbers > 4)):
        assert abs(numbers[side].mean() - mode) < 0.01 and abs(numbers[side].std() - 0.5) < 0.01
    # The Gaussian that covers both, as its docstring has it.
    np.testing.assert_allclose([source.mean[0], source.spread[0]], [4.0, 2.06], atol=0.005)


@pytest.mark.parametrize("name", ["ring8", "grid25", "gaussian1d", "mixture1d"])
def test_mean_and_spread_are_those_of_the_samples(name: str) -> None:
    source = make_source(name, scale=0.7)
    points = source.values["image"].astype(np.float64)
    np.testing.assert_allclose(points.mean(axis=0), source.mean, atol=0.02)
    np.testing.assert_allclose(points.std(axis=0), source.spread, rtol=0.01)


def test_gaussian1d_and_its_test_split() -> None:
    train, test = make_source("gaussian1d"), make_source("gaussian1d", split="test")
    for source in (train, test):
        numbers = source.values["image"]
        assert numbers.shape == (100_000, 1)
        assert abs(numbers.mean() - 4.0) < 0.02 and abs(numbers.std() - 1.25) < 0.02
    assert not np.isin(train.values["image"], test.values["image"]).mean() > 0.05  # float32 numbers rarely meet
    np.testing.assert_array_equal(train.values["image"], make_source("gaussian1d").values["image"])

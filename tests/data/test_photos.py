"""The photographs, and images beside themselves at a lower resolution."""

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from jaxgan.data import DataError, Loader, make_source, prepare
from jaxgan.data.transform import bicubic


def test_a_half_of_each_photograph_trains_and_the_other_one_tests():
    for split, half in (("train", slice(None, 320)), ("test", slice(320, None))):
        whole = make_source("photos", split=split)
        assert len(whole) == 2
        for record, name in zip(whole, ("china", "flower"), strict=True):
            np.testing.assert_array_equal(record["image"], load_sample_image(f"{name}.jpg")[:, half])
    assert len(make_source("photos", path="flower", split="test")) == 1


def test_random_crops_cover_all_of_a_half_and_nothing_else():
    source = make_source("photos", path="flower", image_size=64, crop="random")
    half = load_sample_image("flower.jpg")[:, :320]
    windows = np.lib.stride_tricks.sliding_window_view(half, (64, 64, 3))[:, :, 0]
    covered = np.zeros(half.shape[:2], bool)
    for index in range(len(source)):
        for draw in ([0.9, 0.0, 0.0], [0.9, 0.999, 0.999], [0.9, 0.999, 0.0], [0.9, 0.0, 0.999]):
            crop = source.record(index, np.array(draw))["image"]
            # Where a first row of it is, and whether all of it is there.
            top, left = next(
                place
                for place in np.argwhere((windows[:, :, 0, 0] == crop[0, 0]).all(-1))
                if (windows[tuple(place)] == crop).all()
            )
            covered[top : top + 64, left : left + 64] = True
    assert len(source) == 6 * 5 and covered.all()


@pytest.mark.parametrize("crop", ["centre", "random"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_what_is_not_drawn_is_a_cell_also_at_the_border(split, crop):
    source = make_source("photos", path="china", image_size=64, crop=crop, split=split)
    half = load_sample_image("china.jpg")[:, :320] if split == "train" else load_sample_image("china.jpg")[:, 320:]
    corners = [(int(top), int(left)) for top in np.linspace(0, 363, 6) for left in np.linspace(0, 256, 5)]
    assert len(source) == len(corners)
    for index, (top, left) in enumerate(corners):
        cell = half[top : top + 64, left : left + 64]
        np.testing.assert_array_equal(source[index]["image"], cell)
        # Random crops are of a cell and half a cell around it, as far as there is any.
        low, left_low = max(0, top - 32), max(0, left - 32)
        around = half[low : top + 96, left_low : left + 96]
        for u, v in ((0.0, 0.0), (0.5, 0.25), (0.999, 0.999)):
            drawn = source.record(index, np.array([0.9, u, v]))["image"]
            place = int(u * (around.shape[0] - 63)), int(v * (around.shape[1] - 63))
            expected = around[place[0] : place[0] + 64, place[1] : place[1] + 64] if crop == "random" else cell
            np.testing.assert_array_equal(drawn, expected)


def test_what_the_photos_do_not_have():
    for fields, message in (
        ({"path": "flowr"}, "did you mean 'flower'"),
        ({"split": "val"}, "choose 'train' or 'test'"),
        ({"image_size": 400}, "is larger than half a photo, 427x320"),
        ({"load_size": 30}, "data.load_size=30 means nothing to 'photos'"),
    ):
        with pytest.raises(DataError, match=message):
            make_source("photos", **fields)


def test_low_resolution_is_the_very_crop_made_smaller(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "1.png")
    fields = {"path": str(tmp_path), "image_size": 12, "resize": "none", "crop": "random", "flip": True}
    source = make_source("folder", scale_factor=4, **fields)
    assert source.arrays["low_resolution"].shape == (3, 3, 3) and source.metrics[0] == "super_resolution"
    for draw in ([0.2, 0.3, 0.8], [0.8, 0.3, 0.8]):
        record = source.record(0, np.array(draw))
        left, top = int(0.8 * 19), int(0.3 * 29)
        crop = pixels[top : top + 12, left : left + 12]
        crop = crop[:, ::-1] if draw[0] < 0.5 else crop
        np.testing.assert_array_equal(record["image"], crop)
        small = Image.fromarray(crop).resize((3, 3), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(record["low_resolution"], np.asarray(small))
    batch = next(Loader(source).batches(1))
    assert prepare(batch)["low_resolution"].dtype == np.float32


def test_a_source_that_stays_on_the_device_is_mirrored_alike():
    source = make_source("digits", flip=True, scale_factor=2)
    loader = Loader(source, seed=1)
    assert loader.resident
    batch = prepare(next(loader.batches(16)), loader.resident)
    for image, small in zip(*(np.asarray(batch[name]) for name in ("image", "low_resolution")), strict=True):
        made = bicubic(np.round((image + 1) * 127.5).astype(np.uint8), (8, 8))
        assert abs(made / 127.5 - 1 - small).max() <= 1 / 127.5 + 1e-6  # one level, where a half is rounded


def test_scale_factors_that_cannot_be_had():
    for fields, message in (
        ({"name": "digits", "image_size": 9, "scale_factor": 2}, "does not divide the images of digits"),
        ({"name": "digits", "scale_factor": 0}, "data.scale_factor=0 is not a factor"),
        ({"name": "digits", "scale_factor": 2, "labelled": 10}, "leave one of them out"),
        ({"name": "ring8", "scale_factor": 2}, "data.scale_factor=2 means nothing to 'ring8'"),
    ):
        with pytest.raises(DataError, match=message):
            make_source(fields)

"""Metrics of images that are given as floats, as pairs of files, in order of their names, and with classes."""

import types

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import ArraySource
from jaxgan.errors import UserError
from jaxgan.evaluation import measure as measures
from jaxgan.evaluation.compared import Measured, Reference, measured_images, open_reference
from jaxgan.evaluation.measure import measure
from jaxgan.evaluation.protocol import Protocol
from jaxgan.metrics.image_quality import ms_ssim
from jaxgan.metrics.sliced_wasserstein import sliced_wasserstein
from tests.evaluation.snapshots import game

CLASSES = 3


def sources(number=30):
    """Images of three classes as bytes, and the same as floats in [-1, 1]."""
    draw = np.random.default_rng(0)
    image, label = draw.integers(0, 256, (number, 16, 16, 1)).astype(np.uint8), np.arange(number) % CLASSES
    floats = image / np.float32(127.5) - 1
    return tuple(ArraySource("own", {"image": each, "label": label}) for each in (image, floats))


class Judging:
    """A snapshot that judges by the mean of an image."""

    game = game(judge=None)
    arrays = sources()[0].arrays

    def takes(self, ability, name):
        return False

    def use(self, ability, key, images):
        return images.mean(axis=(1, 2, 3))


def a_game(monkeypatch, source, number=30):
    """A game whose data are a source, and who draws the images of that class at random places."""
    monkeypatch.setattr(measures, "other_split", lambda data, split, arrays: source)
    protocol = Protocol(fakes=number)
    return Measured(protocol, (16, 16, 1), {}, Judging(), CLASSES, tuple("012"), data=types.SimpleNamespace())


def test_floats_are_judged_as_the_bytes_that_they_stand_for(monkeypatch):
    found = [measure(a_game(monkeypatch, source), None, ["overfitting"]) for source in sources()]
    by_hand = sources()[1].values["image"].mean(axis=(1, 2, 3))
    for results in found:
        values = {result.metric: result.value for result in results}
        assert values["d_accuracy_train"] == values["d_accuracy_held_out"] == pytest.approx((by_hand > 0).mean())
        assert 0 < values["d_accuracy_train"] < 1


def test_a_classifier_learns_from_floats_as_from_the_bytes_that_they_stand_for(monkeypatch):
    as_bytes, as_floats = sources()
    seen = []
    monkeypatch.setattr(measures, "classification_accuracy", lambda *given: seen.append(given) or 0.5)
    monkeypatch.setattr(Measured, "images", lambda self, number, real=None: as_bytes.values)
    measure(a_game(monkeypatch, as_floats), None, ["cas"])
    for images, _, held_out, _, _ in seen:
        np.testing.assert_array_equal(images, as_bytes.values["image"])
        np.testing.assert_array_equal(held_out, as_bytes.values["image"])


def test_patches_of_floats_and_the_classes_of_the_reference(monkeypatch):
    """Images of the classes 0 and 2 alone are compared with samples of these, whatever their order."""
    image, floats = (source.values["image"] for source in sources())
    label = np.repeat([0, 2], [10, 20])
    drawn, asked = image[::-1].copy(), []

    class Recorded(Measured):
        def batches(self, number, real_labels=None):
            asked.append(real_labels)
            yield {"image": drawn[:number]}

    measured = Recorded(Protocol(fakes=30), (16, 16, 1), {}, object(), CLASSES, tuple("012"))
    expected = np.mean(list(sliced_wasserstein(image, drawn).values()))
    for values in (image, floats):
        reference = Reference("own", "", 30, True, ArraySource("own", {"image": values, "label": label}))
        (result, *_) = measure(measured, reference, ["swd"])
        assert result.value == pytest.approx(expected) and result.protocol.labels == "reference"
        np.testing.assert_array_equal(asked.pop(), label)
    unlabelled = Reference("own", "", 30, True, ArraySource("own", {"image": image}))
    (result, *_) = measure(measured, unlabelled, ["swd"])
    assert result.protocol.labels == "uniform" and asked == [None]


# ---- folders


def folder(path, images, name="{:03}.png"):
    path.mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image[..., 0]).save(path / name.format(index))
    return path


def pairs(mine, real, name="psnr"):
    measured = measured_images(str(mine), None)
    return measure(measured, open_reference(str(real), None, measured), [name])[0].value


def test_a_pair_that_lacks_a_picture_is_refused(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (120, 16, 16, 1)).astype(np.uint8)
    mine, real = folder(tmp_path / "mine", images), folder(tmp_path / "real", (images // 2 + 60).astype(np.uint8))
    error = np.square(images.astype(float) - (images // 2 + 60)).mean(axis=(1, 2, 3))
    assert pairs(mine, real) == pytest.approx((10 * np.log10(255**2 / error)).mean())
    (real / "041.png").write_bytes(b"no picture")
    for name in ("psnr", "ssim"):
        with pytest.raises(
            UserError, match=f"^{name} compares pairs, but .*/real/041.png cannot be read .*: repair it"
        ):
            pairs(mine, real, name)


def test_pairs_have_one_name_whatever_its_ending(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (9, 16, 16, 1)).astype(np.uint8)
    real = folder(tmp_path / "real", images)
    assert pairs(folder(tmp_path / "mine", images, "{:03}.bmp"), real, "ssim") == pytest.approx(1.0)
    (tmp_path / "wrapped").mkdir()
    folder(tmp_path / "wrapped" / "inside", images)
    assert pairs(tmp_path / "wrapped", real, "ssim") == pytest.approx(1.0)
    # As many pictures, but the first is missing and another one has come to their end.
    (real / "000.png").rename(real / "last.png")
    message = r"^psnr compares pairs of one name, but .*/mine/000.bmp would be compared with .*/real/001.png: give both"
    with pytest.raises(UserError, match=message):
        pairs(tmp_path / "mine", real)


def test_diversity_is_not_that_of_neighbours_in_a_folder(tmp_path):
    """Each picture is there twice, beside itself: few of all pairs are alike."""
    images = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 1)).astype(np.uint8).repeat(2, axis=0)
    every = [(one, other) for one in range(32) for other in range(one)]
    first, second = (images[list(each)] for each in zip(*every, strict=True))
    similar = ms_ssim(first, second)
    measured = measured_images(str(folder(tmp_path / "images", images)), None)
    (result,) = measure(measured, None, ["ms_ssim"])
    # The mean of sixteen pairs out of all of them.
    assert result.value == pytest.approx(similar.mean(), abs=float(similar.std())) and result.value < 0.5
    assert result == measure(measured, None, ["ms_ssim"])[0]
    # Within classes too: two of them, in folders.
    for index in range(32):
        place = tmp_path / "classes" / "ab"[index // 16] / f"{index:03}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[index, ..., 0]).save(place)
    (result,) = measure(measured_images(str(tmp_path / "classes"), None), None, ["ms_ssim"])
    assert result.value < 0.5 and result.protocol.settings == "16 pairs within classes"

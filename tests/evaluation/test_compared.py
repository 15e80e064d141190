"""What is measured and compared: all pictures tell grey from colour, and classes are found by their names."""

import os

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import DataError, make_source
from jaxgan.errors import UserError
from jaxgan.evaluation.cached_statistics import summarize_source
from jaxgan.evaluation.compared import Measured, measured_images, numbered_as, open_images, open_reference
from jaxgan.evaluation.measure import Settings, measure
from jaxgan.evaluation.protocol import Protocol
from jaxgan.features.extractors import make_extractor


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("coloured", [(), (0,), (101, 102, 103), (199,)])
def test_one_coloured_picture_makes_all_coloured(tmp_path, coloured):
    for index in range(200):
        mode = "RGB" if index in coloured else "L"
        Image.new(mode, (4, 4), (200, 10, 10) if mode == "RGB" else 100).save(tmp_path / f"{index:03}.png")
    source = open_images(str(tmp_path))
    assert source.image_shape == (4, 4, 3 if coloured else 1)
    for index in coloured:
        np.testing.assert_array_equal(source[index]["image"][0, 0], [200, 10, 10])


def digits_by_class(folder, names, number=900):
    """Digits in a folder for each class, called as `names` says."""
    stack = make_source("digits", split="train").stack(range(number))
    for index, (image, label) in enumerate(zip(stack["image"], stack["label"], strict=True)):
        if label in names:
            path = folder / names[label] / f"{index:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[..., 0]).save(path)
    return folder


def test_labels_by_name():
    labels = np.array([0, 2, 1, 0])
    np.testing.assert_array_equal(numbered_as(labels, "abc", "abc", 3), labels)
    np.testing.assert_array_equal(numbered_as(labels, "bcd", "abcd", 4), [1, 3, 2, 1])
    np.testing.assert_array_equal(
        numbered_as(labels, "bxcd", "abcx", 4), [1, 2, 3, 1]
    )  # there is no d among the images
    assert numbered_as(labels, "abx", "abc", 3) is None
    # Labels without names are numbers of the run.
    np.testing.assert_array_equal(numbered_as(labels, (), "abc", 3), labels)
    assert numbered_as(labels, (), "ab", 2) is None


@pytest.mark.parametrize("number", [30, 31, 299, 300])
def test_a_part_of_a_folder_is_of_all_its_classes(tmp_path, number):
    """Files are sorted by folder: the first 30 of 300 would be of the first class."""
    for index in range(300):
        path = tmp_path / "pictures" / f"class_{index // 100}" / f"{index:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((16, 16), [index // 16, index % 16] * 8, np.uint8)).save(path)
    path = str(tmp_path / "pictures")
    measured = measured_images(path, number)
    labels, image = (measured.images(number)[name] for name in ("label", "image"))
    assert np.ptp(np.bincount(labels, minlength=3)) <= 1
    assert len(np.unique(image[:, :1, :2].reshape(number, -1), axis=0)) == number  # none is there twice
    np.testing.assert_array_equal(measured.images(7)["image"], image[:7])
    reference = open_reference(path, number, measured)
    np.testing.assert_array_equal(summarize_source(make_extractor("digits"), reference.source, number).labels, labels)


def test_folders_whose_classes_have_other_numbers(tmp_path):
    """The same digits, and a reference that has one class more, which comes first."""
    few = digits_by_class(tmp_path / "few", {1: "one", 2: "two"})
    more = digits_by_class(tmp_path / "more", {0: "a zero", 1: "one", 2: "two"})
    measured = measured_images(str(more), None)
    reference = open_reference(str(few), None, measured)
    (result,) = measure(measured, reference, ["ifid"], Settings(features="digits"))
    assert result.value == pytest.approx(0.0, abs=1e-4) and result.protocol.settings == "2 classes"


def test_numbers_alone_are_not_taken_for_the_places_of_names(tmp_path):
    stack = make_source("digits", split="test").stack(range(100))
    np.savez(tmp_path / "digits.npz", image=stack["image"], label=stack["label"])
    measured = measured_images(str(tmp_path / "digits.npz"), None)
    some = open_reference(str(digits_by_class(tmp_path / "some", {3: "3", 7: "7"})), None, measured)
    with pytest.raises(
        UserError, match=r"one side has labels that are numbers alone, the other classes .* called 3, 7: give"
    ):
        measure(measured, some, ["fid"], Settings(features="digits"))
    # Where the names are the numbers, they mean the same.
    all_ten = open_reference(str(digits_by_class(tmp_path / "all", dict(enumerate("0123456789")))), None, measured)
    assert measure(measured, all_ten, ["fid"], Settings(features="digits"))[0].value > 0


def test_a_game_is_asked_for_the_classes_of_the_reference_by_name(tmp_path):
    """The run knows more classes than the reference: those that it is asked for are the reference's."""
    folder = digits_by_class(tmp_path / "real", {1: "one", 2: "two"})
    source = open_images(str(folder))
    asked = []

    class Recorded(Measured):
        def batches(self, number, real_labels=None):
            asked.append(real_labels)
            yield {"image": source.stack(range(number))["image"], "label": real_labels[:number]}

    names = ("zero", "one", "more", "two")
    measured = Recorded(Protocol(fakes=100), source.image_shape, {}, object(), 4, names)
    measure(measured, open_reference(str(folder), None, measured), ["fid"], Settings(features="digits"))
    np.testing.assert_array_equal(asked[0], np.array([1, 3])[source.stack()["label"]])


def test_a_folder_with_splits_is_not_all_of_its_images(tmp_path):
    for split in ("train", "test"):
        digits_by_class(tmp_path / "set" / split, {1: "one", 2: "two"}, 20)
    with pytest.raises(DataError, match=r"set is split; give one of its folders, such as .*set/train$"):
        open_images(str(tmp_path / "set"))
    assert len(open_images(str(tmp_path / "set" / "train"))) > 0


def test_pipes_are_not_opened(tmp_path):
    measured = measured_images(str(digits_by_class(tmp_path / "set", {1: "one"}, 20)), None)
    for name in ("real.npz", "real.zip"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(DataError, match=f"{name} is not a folder or a zip"):
            open_reference(str(tmp_path / name), None, measured)
        with pytest.raises(DataError, match=f"{name} is not a folder or a zip"):
            measured_images(str(tmp_path / name), None)

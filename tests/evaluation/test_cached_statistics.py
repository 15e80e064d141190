"""Reference statistics: found again under a hash of all that they depend on, and not where any of it changed."""

import json
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import ArraySource, Source, make_source
from jaxgan.data.specs import image_spec
from jaxgan.evaluation import cached_statistics as reference
from jaxgan.evaluation.cached_statistics import cache_path, load_statistics, summarize_source
from jaxgan.evaluation.compared import open_images
from jaxgan.features.extractors import make_extractor


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "real"
    path.mkdir()
    for index, image in enumerate(make_source("digits", split="test").stack(range(30))["image"]):
        Image.fromarray(image[..., 0]).save(path / f"{index:02}.png")
    return path


def source(folder):
    return make_source("folder", path=str(folder), channels=1)


@pytest.fixture
def calls(monkeypatch):
    """How often features were taken."""
    counted = []
    summarize = reference.summarize
    monkeypatch.setattr(reference, "summarize", lambda *args, **kwargs: counted.append(1) or summarize(*args, **kwargs))
    return counted


def test_a_second_time_nothing_is_computed(folder, calls):
    extractor = make_extractor("digits")
    first, second = (summarize_source(extractor, source(folder)) for _ in range(2))
    assert len(calls) == 1 and first.count == second.count == 30
    np.testing.assert_array_equal(first.covariance, second.covariance)
    assert second.features is None
    # Who wants the features has them computed, and then finds them too.
    third, fourth = (summarize_source(extractor, source(folder), keep=True) for _ in range(2))
    assert len(calls) == 2
    np.testing.assert_array_equal(third.features, fourth.features)
    assert summarize_source(extractor, source(folder)).count == 30 and len(calls) == 2


def test_a_cache_that_cannot_be_written_costs_a_line_and_no_measurement(folder, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
    assert summarize_source(make_extractor("digits"), source(folder)).count == 30
    said = capsys.readouterr().err
    assert said.startswith("warning: statistics of the real images are not kept") and said.count("\n") == 1
    # A user whom the system does not know has no home.
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert summarize_source(make_extractor("digits"), source(folder)).count == 30
    assert capsys.readouterr().err == said


def test_whatever_changes_the_statistics_changes_the_name(folder):
    extractor = make_extractor("digits")
    names = {cache_path(extractor, source(folder), 30), cache_path(extractor, source(folder), 29)}
    names.add(cache_path(make_extractor("digits", params=extractor.params), source(folder), 30))
    names.add(cache_path(extractor, make_source("folder", path=str(folder), channels=3), 30))
    names.add(cache_path(extractor, make_source("digits", split="test"), 30))
    names.add(cache_path(extractor, make_source("digits", split="train"), 30))
    names.add(
        cache_path(extractor, make_source("folder", path=str(folder), channels=1, resample="box", image_size=16), 30)
    )
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(folder / "07.png")
    names.add(cache_path(extractor, source(folder), 30))
    assert len(names) == 8
    assert cache_path(extractor, source(folder), 30) in names


def images(number):
    """More images than a sample of them would hold."""
    return np.random.default_rng(0).integers(256, size=(number, 16, 16, 1), dtype=np.uint8)


@pytest.mark.parametrize("index", [0, 1, 7, 298, 299])
def test_one_image_of_an_npz_that_is_written_anew(tmp_path, index, calls):
    extractor, path, image = make_extractor("digits"), tmp_path / "real.npz", images(300)
    found = []
    for _ in range(2):
        np.savez(path, image=image)
        found.append(summarize_source(extractor, open_images(str(path))))
        image[index] = 255 - image[index]
    assert len(calls) == 2 and not np.array_equal(found[0].mean, found[1].mean)
    np.savez(path, image=image)  # as it was at first
    np.testing.assert_array_equal(summarize_source(extractor, open_images(str(path))).mean, found[0].mean)
    assert len(calls) == 2


def test_floats_are_measured_as_the_pictures_that_they_are():
    extractor, image = make_extractor("digits"), images(40)
    floats = ArraySource("floats", {"image": (image / np.float32(127.5) - 1).astype(np.float32)})
    found, expected = (summarize_source(extractor, each) for each in (floats, ArraySource("bytes", {"image": image})))
    np.testing.assert_array_equal(found.mean, expected.mean)


def test_a_record_of_ones_own_source(calls):
    """Of which nothing is known but its records."""

    class Own(Source):
        name = "own"

        def __init__(self, image):
            self.image, self.arrays = image, {"image": image_spec(image.shape[1:])}

        def __len__(self):
            return len(self.image)

        def record(self, index, draw):
            return {"image": self.image[index]}

    extractor, image = make_extractor("digits"), images(300)
    first = summarize_source(extractor, Own(image))
    image[101] = 0
    assert not np.array_equal(summarize_source(extractor, Own(image)).mean, first.mean) and len(calls) == 2


def test_a_file_with_the_size_and_the_time_of_the_old_one(folder, tmp_path):
    """As `cp -p` leaves it: the pictures are not compressed, so that all are of one size."""
    for path in folder.iterdir():
        with Image.open(path) as picture:
            picture.load()
        picture.save(path, compress_level=0)
    extractor, file = make_extractor("digits"), folder / "07.png"
    packed = tmp_path / "real.zip"
    names = set()
    for value in (10, 20):
        old = file.stat()
        Image.new("L", (16, 16), value).save(file, compress_level=0)
        assert file.stat().st_size == old.st_size
        os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))
        names.add(cache_path(extractor, source(folder), 30))
        with zipfile.ZipFile(packed, "w") as archive:
            for path in sorted(folder.iterdir()):
                archive.write(path, path.name)
        os.utime(packed, ns=(0, 0))
        names.add(cache_path(extractor, make_source("zip", path=str(packed), channels=1), 30))
    assert len(names) == 4


def test_a_zip_that_is_replaced_while_it_is_open(folder, tmp_path):
    """Statistics of the old pictures are not kept under the name of the new ones."""

    def packed(path, turn):
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(folder.iterdir()):
                pixels = turn(np.asarray(Image.open(file)))
                Image.fromarray(pixels).save(tmp_path / "one.png")
                archive.write(tmp_path / "one.png", file.name)
        return path

    path = packed(tmp_path / "set.zip", lambda pixels: pixels)
    extractor, old = make_extractor("digits"), make_source("zip", path=str(path), channels=1)
    os.replace(packed(tmp_path / "new.zip", lambda pixels: 255 - pixels), path)
    before = summarize_source(extractor, old)
    after = summarize_source(extractor, make_source("zip", path=str(path), channels=1))
    assert np.abs(before.mean - after.mean).max() > 0.1


def test_labels_that_change_beside_the_images(folder):
    extractor = make_extractor("digits")
    names = set()
    for label in (3, 4):
        pairs = [[path.name, label if path.name == "07.png" else 5] for path in folder.glob("*.png")]
        (folder / "dataset.json").write_text(json.dumps({"labels": pairs}))
        names.add(cache_path(extractor, source(folder), 30))
    assert len(names) == 2


def test_images_that_change_while_they_are_read_are_not_kept(folder, monkeypatch):
    extractor, summarize = make_extractor("digits"), reference.summarize

    def meanwhile(*args, **kwargs):
        Image.new("L", (16, 16), 77).save(folder / "07.png")
        return summarize(*args, **kwargs)

    monkeypatch.setattr(reference, "summarize", meanwhile)
    path = cache_path(extractor, source(folder), 30)
    summarize_source(extractor, source(folder))
    assert not path.exists()


def test_a_damaged_cache_is_made_again(folder, calls):
    extractor = make_extractor("digits")
    whole = summarize_source(extractor, source(folder))
    path = cache_path(extractor, source(folder), 30)
    path.write_bytes(path.read_bytes()[:500])
    np.testing.assert_array_equal(summarize_source(extractor, source(folder)).mean, whole.mean)
    assert len(calls) == 2 and load_statistics(path).count == 30
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_labels_come_along():
    summary = summarize_source(make_extractor("digits"), make_source("digits", split="test"), 300)
    again = summarize_source(make_extractor("digits"), make_source("digits", split="test"), 300)
    whole = make_source("digits", split="test").stack()["label"]
    np.testing.assert_array_equal(summary.labels, whole[np.linspace(0, len(whole) - 1, 300).round().astype(int)])
    np.testing.assert_array_equal(summary.labels, again.labels)


def test_too_few_images(folder):
    with pytest.raises(ValueError, match=r"too few images: 31 of .*real are asked for, which has 30"):
        summarize_source(make_extractor("digits"), source(folder), 31)


def test_files_of_statistics(tmp_path):
    np.savez(tmp_path / "theirs.npz", mu=np.zeros(3, np.float32), sigma=np.eye(3))
    found = load_statistics(tmp_path / "theirs.npz")
    assert found.count is None and found.mean.dtype == np.float64 and found.features is None
    np.savez(tmp_path / "other.npz", mu=np.zeros(3), sigma=np.eye(4))
    with pytest.raises(ValueError, match=r"other.npz: no statistics; expected arrays mu \(D,\) and sigma"):
        load_statistics(tmp_path / "other.npz")
    for changes, message in (
        ({"mu": np.array(["a", "b", "c"])}, "mu and sigma are not all finite real numbers"),
        ({"mu": np.zeros(3, complex)}, "mu and sigma are not all finite real numbers"),
        ({"sigma": np.diag([1, np.nan, 1])}, "mu and sigma are not all finite real numbers"),
        ({"sigma": np.tri(3)}, "sigma is not symmetric"),
        ({"count": np.array([1, 2])}, "count is '.1 2.', but must be a whole number from 1 on"),
        ({"count": np.array(0)}, "count is '0', but must be"),
    ):
        np.savez(tmp_path / "wrong.npz", **({"mu": np.zeros(3), "sigma": np.eye(3)} | changes))
        with pytest.raises(ValueError, match=rf"wrong\.npz: {message}"):
            load_statistics(tmp_path / "wrong.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "theirs.npz").read_bytes()[:100])
    with pytest.raises(ValueError, match=r"cut\.npz cannot be read: it is no"):
        load_statistics(tmp_path / "cut.npz")

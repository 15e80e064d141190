"""Images made ready once: the layout of NVIDIA's tools, the same bytes every time, and what training reads of them."""

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from jaxgan.commands import listing
from jaxgan.data import DataError, make_source
from jaxgan.errors import UserError
from jaxgan.evaluation.cached_statistics import load_statistics
from jaxgan.features.digits import digit_features


@pytest.fixture(autouse=True)
def caches(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # where no weights are
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "kept")


@pytest.fixture
def photos(tmp_path):
    """Three coloured pictures of 20x32 pixels in two classes, one that cannot be read, and two held-out ones."""
    random = np.random.default_rng(0)
    for place in ("train/boot/1", "train/boot/2", "train/sandal/3", "test/sandal/4", "test/sandal/5"):
        path = tmp_path / "photos" / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (20, 32, 3), np.uint8)).save(path)
    (tmp_path / "photos/train/boot/broken.png").write_bytes(b"no picture")
    return tmp_path / "photos"


def prepare(*arguments):
    assert listing.main(["prepare", *map(str, arguments)]) == 0


def entries(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def test_nvidias_layout_is_read_as_their_tools_read_it(photos, tmp_path, capsys):
    output = tmp_path / "data.zip"
    prepare(f"--input={photos}", f"--output={output}", "--size=16", "--crop", "--split=train")
    found = entries(output)
    names = sorted(name for name in found if name.endswith(".png"))
    assert names == [f"00000/img{index:08}.png" for index in range(3)]
    labels = dict(json.loads(found["dataset.json"])["labels"])  # how they read it
    assert [labels[name] for name in names] == [0, 0, 1]
    source = Image.open(photos / "train/boot/1.png").resize((26, 16), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(pixels(found[names[0]]), np.asarray(source)[:, 5:21])
    with zipfile.ZipFile(output) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    told = capsys.readouterr().out
    assert "data.zip: 3 images, 1 left out that cannot be read" in told
    assert "no statistics beside it: no weights of 'inception'" in told


def test_training_reads_the_same_images_with_the_names_of_their_classes(photos, tmp_path):
    output = tmp_path / "data.zip"
    prepare(f"--input={photos}", f"--output={output}", "--size=16,24")
    assert set(entries(output)) == {
        *(f"train/00000/img{index:08}.png" for index in range(3)),
        *(f"test/00000/img{index:08}.png" for index in range(2)),
        "dataset.json",
    }
    for split, number in (("train", 3), ("test", 2)):
        source = make_source("zip", path=str(output), split=split)
        direct = make_source(
            "folder", path=str(photos), split=split, image_size=(16, 24), resize="stretch", max_unreadable=1.0
        )
        assert len(source) == number and source.arrays["label"].names == ("boot", "sandal")
        readable = [index for index in range(len(direct)) if direct.read(index, None) is not None]
        for mine, index in zip(source, readable, strict=True):
            np.testing.assert_array_equal(mine["image"], direct[index]["image"])
            assert mine["label"] == direct[index]["label"]


def test_the_same_images_give_the_same_bytes(photos, tmp_path):
    for name in ("a", "b"):
        prepare(f"--input={photos}", f"--output={tmp_path / name}.zip", "--size=8", "--grey")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert make_source("zip", path=str(tmp_path / "a.zip")).image_shape == (8, 8, 1)


def test_statistics_lie_beside_it(tmp_path):
    digits = make_source("digits", image_size=8).stack(range(100))["image"]
    np.savez(tmp_path / "digits.npz", image=digits)
    prepare(f"--input={tmp_path / 'digits.npz'}", f"--output={tmp_path / 'data.zip'}", "--size=8", "--features=digits")
    assert json.loads(entries(tmp_path / "data.zip")["dataset.json"]) == {"labels": None}
    found = load_statistics(tmp_path / "data.digits.npz")
    features = digit_features(digits / np.float32(127.5) - np.float32(1))
    assert found.count == 100
    np.testing.assert_allclose(found.mean, features.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(found.covariance, np.cov(features.astype(np.float64), rowvar=False), atol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--input={photos}", "--output=data.tar", "--size=8"], UserError, r"--output=data.tar must end in .zip"),
        (["--input={photos}", "--output={there}", "--size=8"], UserError, "is there already: choose another name"),
        (
            ["--input={photos}", "--output=x.zip", "--size=8x8"],
            UserError,
            r"--size='8x8', but it must be an integer or",
        ),
        (["--input={photos}", "--output=x.zip", "--size=0"], DataError, "data.image_size=0 is not a size"),
        (["--input=nothing", "--output=x.zip", "--size=8"], DataError, "nothing does not exist"),
        (["--input={photos}", "--output=x.zip", "--size=8", "--split=val"], DataError, "has no images in val/"),
    ],
)
def test_what_cannot_be_made_is_said_and_nothing_is_left(arguments, error, message, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.zip").touch()
    with pytest.raises(error, match=message):
        prepare(*(argument.format(photos=photos, there=tmp_path / "there.zip") for argument in arguments))
    assert {path.name for path in tmp_path.iterdir()} <= {"photos", "there.zip", "cache"}

"""Splits and classes: one number for a class in every split, StyleGAN's labels, and what is not read and said."""

import json
import logging
import os
import pathlib
import socket
import zipfile

import numpy as np
import pytest
from PIL import Image

from jaxgan.core.arrays import different_classes, listed_classes, listed_domains
from jaxgan.data import DataError, make_source, other_split
from jaxgan.data.listing import printable
from tests.data.test_files import save, values, zipped


def labels(folder: pathlib.Path | str, split: str = "train", name: str = "folder") -> dict[int, tuple[int, str]]:
    """(number, name) of the class of each picture, by the picture's one value."""
    source = make_source(name, path=str(folder), split=split)
    names = source.arrays["label"].names
    return {int(record["image"].max()): (int(record["label"]), names[record["label"]]) for record in source}


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What is said, as if for the first time."""
    monkeypatch.setattr("jaxgan.data.listing._said", set())
    caplog.set_level(logging.WARNING, "jaxgan.data")
    return caplog


@pytest.fixture
def angles(tmp_path: pathlib.Path) -> pathlib.Path:
    """Each picture's value is 1 + its angle / 2, and 128 more in the test split, which lacks 180 and has 300."""
    root = tmp_path / "angles"
    for angle in (0, 90, 180, 270):
        save(root / "train" / str(angle) / "x.png", 1 + angle // 4)
    for angle in (0, 90, 270, 300):
        save(root / "test" / str(angle) / "x.png", 129 + angle // 4)
    return root


def test_a_class_has_one_number_in_every_split(angles: pathlib.Path, tmp_path: pathlib.Path) -> None:
    known = ("0", "90", "180", "270", "300")
    train, test = labels(angles), labels(angles, "test")
    assert train == {1 + int(name) // 4: (known.index(name), name) for name in known[:4]}
    assert test == {129 + int(name) // 4: (known.index(name), name) for name in ("0", "90", "270", "300")}
    packed = zipped(angles, tmp_path / "angles.zip", "wrapped")
    assert labels(packed, "test", "zip") == test


def test_a_split_of_one_class_alone(angles: pathlib.Path) -> None:
    save(angles / "val" / "more" / "180" / "x.png", 250)
    assert labels(angles, "val") == {250: (2, "180")}


def test_splits_in_any_case_and_what_lies_beside_them(angles: pathlib.Path, said: pytest.LogCaptureFixture) -> None:
    expected = labels(angles, "test")
    for name in ("train", "test"):
        (angles / name).rename(angles / name.capitalize())
    save(angles / "logo.png", 7)
    for _ in range(2):
        assert labels(angles, "test") == expected
    assert len(said.messages) == 1 and "left out images beside its splits Test, Train: 1 (logo.png" in said.messages[0]
    save(angles / "docs" / "page.png", 8)
    with pytest.raises(DataError, match=r"angles has docs/ beside its splits Test, Train; move it away"):
        labels(angles)


def test_images_beside_the_folders_of_classes(tmp_path: pathlib.Path, said: pytest.LogCaptureFixture) -> None:
    for name in ("cat/1.png", "dog/1.png", "stray.png"):
        save(tmp_path / name, 1)
    assert make_source("folder", path=str(tmp_path)).num_classes == 0
    (message,) = said.messages
    assert "is read without labels: 1 of its 3 images lie in none of the folders cat, dog, such as stray.png" in message


def test_another_split_of_the_data_of_a_run(angles: pathlib.Path) -> None:
    data = {"name": "folder", "path": str(angles)}
    arrays = make_source(data).arrays
    assert other_split(data, "test", arrays).arrays["label"].names == arrays["label"].names
    save(angles / "train" / "45" / "x.png", 3)  # since the run was made
    with pytest.raises(
        DataError,
        match=r"other classes than the run: 5 in the run and 6 here; class 1 is '90' in the run and '45' here",
    ):
        other_split(data, "test", arrays)


def stylegan(root: pathlib.Path, told: object) -> pathlib.Path:
    """StyleGAN's layout: buckets of pictures, whose value is 10 more than their number."""
    for number in range(6):
        save(root / f"{number // 3:05}" / f"img{number:08}.png", 10 + number)
    (root / "dataset.json").write_text(json.dumps(told))
    return root


PAIRS = [[f"{number // 3:05}/img{number:08}.png", (3 * number) % 5] for number in range(6)]  # 0 3 1 4 2 0


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("wrapper", ["", "wrapped"])
def test_labels_of_stylegan(tmp_path: pathlib.Path, packed: bool, wrapper: str) -> None:
    stylegan(tmp_path / "set" / wrapper, {"labels": PAIRS})
    path = zipped(tmp_path / "set", tmp_path / "set.zip") if packed else str(tmp_path / "set")
    source = make_source("zip" if packed else "folder", path=path)
    assert source.arrays["label"].names == ("0", "1", "2", "3", "4")
    assert [int(record["label"]) for record in source] == [0, 3, 1, 4, 2, 0] and values(source) == list(range(10, 16))
    stylegan(tmp_path / "none" / wrapper, {"labels": None})
    path = zipped(tmp_path / "none", tmp_path / "none.zip") if packed else str(tmp_path / "none")
    source = make_source("zip" if packed else "folder", path=path)
    assert source.num_classes == 0 and len(source) == 6 and "label" not in source[0]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("called", ["Dataset.JSON", "DATASET.json"])
def test_the_name_of_the_labels_in_any_case(tmp_path: pathlib.Path, called: str, packed: bool) -> None:
    root = stylegan(tmp_path / "set" / "wrapped", {"labels": PAIRS})
    (root / "dataset.json").rename(root / called)
    path = zipped(tmp_path / "set", tmp_path / "set.zip") if packed else str(tmp_path / "set")
    assert [int(record["label"]) for record in make_source("folder", path=path)] == [0, 3, 1, 4, 2, 0]
    (root / "dataset.json").write_text("{}")  # which of the two says the labels?
    path = zipped(tmp_path / "set", tmp_path / "two.zip") if packed else str(tmp_path / "set")
    with pytest.raises(DataError, match=f"has both {called} and dataset.json; remove one of them"):
        make_source("folder", path=path)


def test_labels_that_cannot_be_read_are_not_passed_over(tmp_path: pathlib.Path) -> None:
    """Otherwise the buckets would become classes."""
    root = stylegan(tmp_path / "set", {"labels": PAIRS})
    (root / "dataset.json").unlink()
    for make in (lambda path: os.mkfifo(path), lambda path: path.symlink_to("nowhere")):
        make(root / "dataset.json")
        with pytest.raises(DataError, match=r"dataset.json cannot be read \(.*\); repair it, or move it away"):
            make_source("folder", path=str(root))
        (root / "dataset.json").unlink()
    path = zipped(root, tmp_path / "set.zip")
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("Dataset.json")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "elsewhere.json")
    with pytest.raises(DataError, match=r"Dataset.json cannot be read \(it is not a file\)"):
        make_source("folder", path=path)


def test_one_bucket_and_paths_with_a_backslash(tmp_path: pathlib.Path) -> None:
    save(tmp_path / "00000" / "a.png", 1)
    save(tmp_path / "00000" / "b.png", 2)
    (tmp_path / "dataset.json").write_text('{"labels": [["00000\\\\a.png", 2], ["00000\\\\b.png", 0]]}')
    assert labels(tmp_path) == {1: (2, "2"), 2: (0, "0")}


def test_splits_in_stylegans_format_have_the_classes_of_all(tmp_path: pathlib.Path) -> None:
    stylegan(tmp_path / "train", {"labels": PAIRS})
    stylegan(tmp_path / "test", {"labels": [[name, min(label, 2)] for name, label in PAIRS]})
    for split in ("train", "test"):
        assert make_source("folder", path=str(tmp_path), split=split).num_classes == 5


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"labels": PAIRS[1:]}, r"has no label for 1 of 6 images, such as 00000/img00000000.png; add them"),
        ({"labels": [["a.png", -1]]}, r"gives 'a.png' the label '-1'; labels must be class numbers from 0 to 65535$"),
        ({"labels": [["a.png", [0.1, 0.9]]]}, r"gives 'a.png' the label '\[0.1, 0.9\]'; labels must be class numbers"),
        ({"labels": [["a.png", 10**12]]}, r"gives 'a.png' the label '1000000000000'; labels must be class numbers"),
        ({"labels": [["a.png", 70_000]]}, r"gives 'a.png' the label '70000'; labels must be class numbers"),
        ({"labels": [["\x1b[2J.png", "x"]]}, r"gives '\\x1b\[2J.png' the label 'x'"),
        ({"labels": ["a.png"]}, r"holds 'a.png'; its labels must be pairs"),
        ({"labels": {"a.png": 1}}, r"its labels must be pairs"),
        ({"labels": [["a.png", 1], ["a.png", 2]]}, r"gives 'a.png' the labels 1 and 2; remove one of them"),
    ],
)
def test_labels_of_stylegan_that_are_none(tmp_path: pathlib.Path, told: object, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        make_source("folder", path=str(stylegan(tmp_path, told)))


def test_another_dataset_json(tmp_path: pathlib.Path, said: pytest.LogCaptureFixture) -> None:
    for told in ({"title": "cats"}, [1, 2]):
        said.clear()
        stylegan(tmp_path / str(len(told)), told)
        assert make_source("folder", path=str(tmp_path / str(len(told)))).arrays["label"].names == ("00000", "00001")
        assert 'dataset.json says no "labels", as StyleGAN' in said.text
    stylegan(tmp_path, {})
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(DataError, match=r"dataset.json is no JSON .*; repair it, or move it away"):
        make_source("folder", path=str(tmp_path))


def test_a_description_that_is_far_too_long(tmp_path: pathlib.Path) -> None:
    stylegan(tmp_path, {"labels": None})
    (tmp_path / "dataset.json").write_text('{"labels": [' + "{}," * 6_000_000 + "{}]}")
    with pytest.raises(DataError, match=r"dataset.json is 17 MiB, more than 6 images need"):
        make_source("folder", path=str(tmp_path))
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(tmp_path.rglob("*.*")):
            if file.suffix in (".png", ".json"):
                archive.write(file, file.relative_to(tmp_path))
    assert (tmp_path / "set.zip").stat().st_size < 100_000
    with pytest.raises(DataError, match=r"dataset.json is 17 MiB, more than 6 images need"):
        make_source("zip", path=str(tmp_path / "set.zip"))


def test_splits_that_are_labelled_each_in_its_own_way(tmp_path: pathlib.Path, said: pytest.LogCaptureFixture) -> None:
    stylegan(tmp_path / "a" / "train", {"labels": PAIRS})
    save(tmp_path / "a" / "test" / "0" / "x.png", 1)
    with pytest.raises(
        DataError, match=r"has a dataset.json for train, but none for test; add one to both, or to neither"
    ):
        make_source("folder", path=str(tmp_path / "a"), split="test")
    for name in ("train/b/1", "train/c/2", "test/a/3"):
        save(tmp_path / "b" / f"{name}.png", 1)
    assert make_source("folder", path=str(tmp_path / "b"), split="test").num_classes == 0
    assert "is read without labels: 1 of its 1 images lie in none of the folders b, c" in said.text
    said.clear()
    for name in ("train/a/1", "test/b/2"):
        save(tmp_path / "c" / f"{name}.png", 1)
    assert make_source("folder", path=str(tmp_path / "c")).num_classes == 0
    assert "is read without labels: each of its splits has one subfolder, of another name" in said.text


def test_folders_that_link_to_each_other_crosswise(tmp_path: pathlib.Path, said: pytest.LogCaptureFixture) -> None:
    for one in range(8):
        save(tmp_path / str(one) / "x.png", one)
        for other in range(8):
            if other != one:
                (tmp_path / str(one) / f"to{other}").symlink_to(tmp_path / str(other), target_is_directory=True)
    # Each, and behind one, two and three links: 8 (1 + 7 + 7 6 + 7 6 5) paths
    assert len(make_source("folder", path=str(tmp_path))) == 8 * (1 + 7 + 42 + 210)
    assert "folders behind more links than are followed" in said.text


def test_a_zip_with_backslashes(tmp_path: pathlib.Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for value, name in enumerate(("cat\\1.png", "dog\\1.png", "dog\\2.png")):
            save(tmp_path / "one.png", value)
            archive.write(tmp_path / "one.png", name)
    assert labels(tmp_path / "set.zip", name="zip") == {0: (0, "cat"), 1: (1, "dog"), 2: (1, "dog")}


def test_a_split_that_is_a_link_to_another(angles: pathlib.Path) -> None:
    for file in sorted(angles.glob("test/*/*")):
        file.unlink()
    for folder in sorted(angles.glob("test/*")):
        folder.rmdir()
    (angles / "test").rmdir()
    (angles / "test").symlink_to(angles / "train", target_is_directory=True)
    (angles / "train" / "0" / "up").symlink_to(angles, target_is_directory=True)  # a circle
    assert labels(angles) == labels(angles, "test") and len(labels(angles)) == 4
    assert len(make_source("folder", path=str(angles))) == 4


def test_only_regular_files_are_read(tmp_path: pathlib.Path, said: pytest.LogCaptureFixture) -> None:
    save(tmp_path / "a.png", 1)
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "lost.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    (tmp_path / "b.heic").write_bytes(b"")
    for name in ("film.mp4", "notes.doc", "a.txt", "labels.csv"):
        (tmp_path / name).write_bytes(b"")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(tmp_path)  # the name of a socket must be short
        try:
            server.bind("socket.png")
        finally:
            os.chdir(here)
        for _ in range(2):
            assert values(make_source("folder", path=str(tmp_path))) == [1]
    (message,) = said.messages
    assert "things that are no regular files: 5 (lost.png, pipe.png, round, ...)" in message
    assert "pictures of formats that are not read: 1 (b.heic)" in message
    assert "files that are no pictures: 2 (film.mp4, notes.doc)" in message and "a.txt" not in message


def test_links_in_a_zip_and_older_members(tmp_path: pathlib.Path, said: pytest.LogCaptureFixture) -> None:
    save(tmp_path / "one.png", 1)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("a.png", b"older")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.write(tmp_path / "one.png", "a.png")
        link = zipfile.ZipInfo("link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "a.png")
    assert values(make_source("zip", path=str(tmp_path / "set.zip"))) == [1]
    (message,) = said.messages
    assert "older members of the same name: 1 (a.png)" in message and "no regular files: 1 (link.png)" in message


@pytest.mark.skipif(not os.path.exists("/proc/self/mountinfo"), reason="a view of Linux")
def test_views_of_the_system_are_not_walked(tmp_path: pathlib.Path, said: pytest.LogCaptureFixture) -> None:
    for path in ("/proc", "/proc/self", "/sys", "/proc/self/task"):
        with pytest.raises(
            DataError, match=rf"^{path} is a view of the system \(\w+\), no folder of files; set data.path"
        ):
            make_source("folder", path=path)
    save(tmp_path / "a.png", 1)
    (tmp_path / "system").symlink_to("/proc")
    assert values(make_source("folder", path=str(tmp_path))) == [1]
    assert "left out views of the system, which are no folders of files: 1 (system)" in said.text


def test_what_the_system_says_is_mounted(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any other form, nothing is taken for a view."""
    save(tmp_path / "set" / "a.png", 1)
    number = os.stat(tmp_path).st_dev
    place = f"{os.major(number)}:{os.minor(number)} / {tmp_path} rw"
    monkeypatch.setattr("jaxgan.data.listing._MOUNTS", str(tmp_path / "mountinfo"))
    for text in ("", "?", f"36 35 {place} - ext4 /dev/sda rw", "36 35 x - proc proc rw"):
        (tmp_path / "mountinfo").write_text(text)
        assert values(make_source("folder", path=str(tmp_path / "set"))) == [1]
    (tmp_path / "mountinfo").write_text(f"36 35 {place} master:1 - sysfs sysfs rw\n")
    with pytest.raises(DataError, match=r"is a view of the system \(sysfs\)"):
        make_source("folder", path=str(tmp_path / "set"))


def test_a_long_listing_says_how_far_it_is(
    tmp_path: pathlib.Path, said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        save(tmp_path / "deep" / f"{number}.png", number)
    make_source("folder", path=str(tmp_path))
    assert not said.records
    clock = iter(range(1000))  # a second passes whenever it is read
    monkeypatch.setattr("jaxgan.data.listing.time.monotonic", lambda: float(next(clock)))
    assert len(make_source("folder", path=str(tmp_path))) == 6
    assert [record.getMessage() for record in said.records] == [
        f"{tmp_path}: still listing its files, 4 so far, now in {tmp_path / 'deep'}"
    ]


def test_a_folder_that_cannot_be_read(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    for name in ("cat/1.png", "dog/1.png", "fox/1.png"):
        save(tmp_path / name, 1)
    scan = os.scandir

    def refused(folder: str):
        if os.path.basename(folder) == "dog":
            raise PermissionError(13, "Permission denied", folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refused)  # whoever runs the tests may read everything
    assert make_source("folder", path=str(tmp_path)).arrays["label"].names == ("cat", "fox")
    (message,) = said.messages
    assert message.endswith("left out folders that cannot be read: 1 (dog: Permission denied)")


def test_names_that_are_no_utf8(tmp_path: pathlib.Path, said: pytest.LogCaptureFixture) -> None:
    for value, name in enumerate((b"caf\xe9", b"the")):
        folder = os.path.join(os.fsencode(tmp_path), name)
        os.mkdir(folder)
        Image.new("L", (4, 4), value).save(os.path.join(os.fsdecode(folder), "1.PNG"))
    source = make_source("folder", path=str(tmp_path), max_unreadable=0.5)
    assert values(source) == [0, 1] and source.arrays["label"].names == (os.fsdecode(b"caf\xe9"), "the")
    assert printable(listed_classes(source.arrays)) == "0 caf\N{REPLACEMENT CHARACTER}, 1 the"
    pathlib.Path(source.pictures.where(0)).write_bytes(b"broken")
    assert values(source) == [1, 1] and "caf" in said.text and said.text.encode()
    assert source.stamp() and json.loads(json.dumps(source.arrays["label"].names))[0] == os.fsdecode(b"caf\xe9")


def test_how_classes_are_listed_and_told_apart() -> None:
    spec = make_source("digits").arrays
    assert listed_classes(spec) == "0 to 9" and listed_classes({}) == ""
    assert listed_domains(("summer", "winter")) == "a summer, b winter" and listed_domains(()) == ""
    assert different_classes("ab", "abc") == "2 there and 3 here; class 2 is 'c' only here"
    assert different_classes("abc", "ab") == "3 there and 2 here; class 2 is 'c' only there"
    assert different_classes("abc", "axc") == "3; class 1 is 'b' there and 'x' here"


def test_labels_are_those_of_the_pictures(angles: pathlib.Path) -> None:
    stack = make_source("folder", path=str(angles)).stack()
    assert np.array_equal(stack["image"].max(axis=(1, 2, 3)), [1, 46, 68, 23])  # files in the order of words
    assert np.array_equal(stack["label"], [0, 2, 3, 1])

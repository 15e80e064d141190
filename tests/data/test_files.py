"""Folders, zips and pairs of folders, made by the tests."""

import os
import pathlib
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import DataError, Source, make_source

SIZE = 4


def save(path: pathlib.Path, value: int, size: tuple[int, int] = (SIZE, SIZE)) -> None:
    """A grey picture of one value; `size` is (height, width)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size[::-1], (value,) * 3)
    image.save(path, lossless=True) if path.suffix.lower() == ".webp" else image.save(path)


def values(source: Source, key: str = "image") -> list[int]:
    """The one value of each picture."""
    return [int(record[key].max()) for record in source]


def zipped(folder: pathlib.Path, path: pathlib.Path, wrapper: str = "") -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            if file.is_file():
                archive.write(file, os.path.join(wrapper, file.relative_to(folder)))
    return str(path)


@pytest.fixture
def flat(tmp_path: pathlib.Path) -> pathlib.Path:
    """Pictures, and things beside them that are none."""
    folder = tmp_path / "flat"
    for name, value in (("b.PNG", 20), ("a.webp", 10), ("c/d.png", 30), (".hidden.png", 99), (".git/e.png", 99)):
        save(folder / name, value)
    (folder / "readme.txt").write_text("no picture")
    return folder


@pytest.fixture
def classes(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "classes"
    for name, value in (("dog/2.png", 40), ("cat/1.png", 10), ("dog/1.png", 30), ("cat/more/0.png", 20)):
        save(folder / name, value)
    return folder


def test_images_are_sorted_by_name_and_hidden_files_ignored(flat: pathlib.Path) -> None:
    source = make_source("folder", path=str(flat))
    assert len(source) == 3 and values(source) == [10, 20, 30]
    assert source.num_classes == 0 and "label" not in source[0] and "label" not in source.arrays
    assert source.image_shape == (SIZE, SIZE, 3) and source[0]["image"].dtype == np.uint8


def test_subfolders_are_classes(classes: pathlib.Path) -> None:
    source = make_source("folder", path=str(classes))
    assert source.num_classes == 2 and source.arrays["label"].names == ("cat", "dog")
    assert source.metrics == ("fid/inception",) and source.domains == ()
    assert [int(record["label"]) for record in source] == [0, 0, 1, 1] and values(source) == [10, 20, 30, 40]
    assert source[0]["label"].dtype == np.int32 and source[0]["label"].shape == ()


@pytest.mark.parametrize("wrapper", ["", "download/pictures"])
def test_a_zip_is_as_its_folder(classes: pathlib.Path, tmp_path: pathlib.Path, wrapper: str) -> None:
    source = make_source("zip", path=zipped(classes, tmp_path / "classes.zip", wrapper))
    assert values(source) == [10, 20, 30, 40] and [int(record["label"]) for record in source] == [0, 0, 1, 1]


def test_a_zip_is_safe_with_threads_and_can_be_pickled(classes: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for number in range(60):
        save(classes / "dog" / f"x{number:02}.png", number)
    source = make_source("zip", path=zipped(classes, tmp_path / "classes.zip"))
    alone = values(source)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda i: int(source[i % len(source)]["image"].max()), range(10 * len(source))))
    assert together == alone * 10
    assert values(pickle.loads(pickle.dumps(source))) == alone


def test_a_link_that_leads_in_a_circle(flat: pathlib.Path) -> None:
    (flat / "again").symlink_to(flat, target_is_directory=True)
    assert values(make_source("folder", path=str(flat))) == [10, 20, 30]


def test_split_folders(tmp_path: pathlib.Path) -> None:
    for name, value in (("set/train/x/1.png", 1), ("set/train/y/1.png", 2), ("set/test/x/1.png", 3)):
        save(tmp_path / name, value)
    train = make_source("folder", path=str(tmp_path))
    assert values(train) == [1, 2] and train.num_classes == 2
    assert values(make_source("folder", path=str(tmp_path), split="test")) == [3]
    with pytest.raises(DataError, match=r"set has no images in val/; data.split can be 'test' or 'train'$"):
        make_source("folder", path=str(tmp_path), split="val")


def test_a_class_may_be_called_train(tmp_path: pathlib.Path) -> None:
    save(tmp_path / "train" / "1.png", 1)
    save(tmp_path / "car" / "1.png", 2)
    source = make_source("folder", path=str(tmp_path))
    assert values(source) == [2, 1] and source.num_classes == 2


def test_no_split(flat: pathlib.Path) -> None:
    with pytest.raises(DataError, match=r"flat is not split; make the folder test/ beside train/"):
        make_source("folder", path=str(flat), split="test")


@pytest.fixture(params=["train/A", "trainA"])
def domains(tmp_path: pathlib.Path, request: pytest.FixtureRequest) -> pathlib.Path:
    def place(split: str, domain: str) -> pathlib.Path:
        return tmp_path / "set" / (f"{split}/{domain}" if "/" in request.param else f"{split}{domain}")

    for split, base in (("train", 0), ("test", 100)):
        for number in range(3):
            save(place(split, "A") / f"{number}.png", base + number)
            save(place(split, "B") / f"{number}.webp", base + 50 + number)
    save(place("train", "B") / "more.png", 90)
    return tmp_path


def test_two_folders_unaligned(domains: pathlib.Path) -> None:
    source = make_source("two_folders", path=str(domains))
    assert len(source) == 4 and len(source.parts) == 2 and [len(part) for part in source.parts] == [3, 4]
    assert values(source, "a") == [0, 1, 2, 0] and values(source, "b") == [50, 51, 52, 90]


def test_two_folders_aligned(domains: pathlib.Path) -> None:
    source = make_source("two_folders", path=str(domains), split="test", aligned=True)
    assert values(source, "a") == [100, 101, 102] and values(source, "b") == [150, 151, 152]
    with pytest.raises(DataError, match=r"more.png has no counterpart in train/?A/; add it, or, for a game"):
        make_source("two_folders", path=str(domains), aligned=True)


@pytest.mark.parametrize("aligned", [False, True])
def test_subfolders_of_the_first_domain_are_its_classes(tmp_path: pathlib.Path, aligned: bool) -> None:
    kinds = {"cat": 1, "dog": 2, "emu": 3}
    for name, value in kinds.items():
        for domain in ("A", "B"):
            save(tmp_path / "train" / domain / name / "1.png", value)
            if name != "cat":  # what one split lacks keeps its number in the others
                save(tmp_path / "test" / domain / name / "1.png", 10 * value)
    source = make_source("two_folders", path=str(tmp_path), aligned=aligned)
    assert source.arrays["label"].names == ("cat", "dog", "emu")
    assert [(int(each["a"].max()), int(each["label"])) for each in source] == [(1, 0), (2, 1), (3, 2)]
    held_out = make_source("two_folders", path=str(tmp_path), split="test", aligned=aligned)
    assert held_out.arrays["label"].names == ("cat", "dog", "emu")
    assert [(int(each["a"].max()), int(each["label"])) for each in held_out] == [(20, 1), (30, 2)]
    for domain in ("A", "B"):  # an image beside the folders: these mean nothing
        save(tmp_path / "train" / domain / "stray.png", 9)
    assert "label" not in make_source("two_folders", path=str(tmp_path), aligned=aligned).arrays


def test_two_folders_in_a_zip(domains: pathlib.Path, tmp_path: pathlib.Path) -> None:
    path = zipped(domains, tmp_path / "domains.zip")
    assert values(make_source("two_folders", path=path, split="test"), "b") == [150, 151, 152]


def test_aligned_names_must_be_unambiguous(tmp_path: pathlib.Path) -> None:
    for name in ("trainA/1.png", "trainA/1.webp", "trainB/1.png"):
        save(tmp_path / name, 1)
    with pytest.raises(DataError, match=r"trainA/1.png and trainA/1.webp have one name"):
        make_source("two_folders", path=str(tmp_path), aligned=True)


def test_missing_domain(flat: pathlib.Path) -> None:
    with pytest.raises(DataError, match=r"flat has no images in both train/A and train/B, nor in trainA and trainB"):
        make_source("two_folders", path=str(flat))


def test_classes_called_by_numbers_are_in_the_order_of_the_numbers(tmp_path: pathlib.Path) -> None:
    for number in range(1, 13):
        save(tmp_path / f"{number}" / "1.png", number)
    source = make_source("folder", path=str(tmp_path))
    assert source.arrays["label"].names == tuple(str(number) for number in range(1, 13))
    assert [int(record["label"]) + 1 for record in source] == values(source)
    save(tmp_path / "more" / "1.png", 13)  # one name that is no number: all are words
    assert make_source("folder", path=str(tmp_path)).arrays["label"].names[:4] == ("1", "10", "11", "12")


@pytest.mark.parametrize("aligned", [False, True])
def test_domains_of_two_sizes_and_channels(tmp_path: pathlib.Path, aligned: bool) -> None:
    save(tmp_path / "trainA/1.png", 1, (4, 4))
    save(tmp_path / "trainB/1.png", 2, (5, 6))
    source = make_source("two_folders", path=str(tmp_path), channels=1, channels_b=3, aligned=aligned)
    assert {name: spec.shape for name, spec in source.arrays.items()} == {"a": (4, 4, 1), "b": (5, 6, 3)}
    assert source.domains == ("A", "B") and source.image_shape == (4, 4, 1)
    assert source[0]["a"].shape == (4, 4, 1) and source[0]["b"].shape == (5, 6, 3) and source[0]["b"].max() == 2
    sized = make_source("two_folders", path=str(tmp_path), image_size=8, image_size_b=(2, 3), aligned=aligned)
    assert sized[0]["a"].shape == (8, 8, 3) and sized[0]["b"].shape == (2, 3, 3)


def test_a_second_domain_is_loaded_in_the_same_proportion(tmp_path: pathlib.Path) -> None:
    for domain in "AB":
        save(tmp_path / f"train{domain}/1.png", 1, (32, 32))
    fields = {"path": str(tmp_path), "image_size": 8, "image_size_b": 4, "load_size": 12, "crop": "random"}
    source = make_source("two_folders", **fields)
    assert [each.transform.load_size for each in source.sources] == [(12, 12), (6, 6)]
    assert source.record(0, np.array([0.9, 0.99, 0.99]))["b"].shape == (4, 4, 3)
    message = (
        r"^data.crop='random' cannot crop the aligned images of .* alike, of sizes \(8, 8\) and \(4, 4\); "
        r"set data.crop='centre', or one size for both$"
    )
    with pytest.raises(DataError, match=message):
        make_source("two_folders", **fields, aligned=True)


def test_paths_that_hold_nothing(tmp_path: pathlib.Path) -> None:
    cases = {
        "": "data.path is empty; set it to a folder of images",
        str(tmp_path / "nowhere"): "nowhere does not exist; set data.path",
        str(tmp_path / "nowhere.zip"): "nowhere.zip does not exist; set data.path",
        str(tmp_path): r"holds no image \(.png, .jpg, .jpeg, .webp, ",
    }
    for path, message in cases.items():
        with pytest.raises(DataError, match=message):
            make_source("folder", path=path)


def test_zips_that_cannot_be_opened(tmp_path: pathlib.Path) -> None:
    (tmp_path / "broken.zip").write_bytes(b"PK not a zip")
    with pytest.raises(DataError, match=r"broken.zip cannot be opened as a zip .*; copy it again"):
        make_source("zip", path=str(tmp_path / "broken.zip"))
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(DataError, match=r"empty.zip holds no image"):
        make_source("zip", path=str(tmp_path / "empty.zip"))
    with zipfile.ZipFile(tmp_path / "locked.zip", "w") as archive:
        archive.writestr("a.png", b"")
    # Python's zipfile writes no encrypted zip, so its flag is set by hand: bit 0, in the central directory's entry.
    content = bytearray((tmp_path / "locked.zip").read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"locked.zip is encrypted; unpack it"):
        make_source("zip", path=str(tmp_path / "locked.zip"))

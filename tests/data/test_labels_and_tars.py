"""Labels that stand in a table, names of classes, tars as WebDataset writes them, and every format of pictures."""

import io
import json
import logging
import pathlib
import pickle
import tarfile

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import DataError, Loader, make_source, prepare
from jaxgan.data.containers import EXTENSIONS
from jaxgan.data.layouts import splits_of
from jaxgan.evaluation.compared import open_images
from tests.data.test_files import save, values, zipped
from tests.data.test_layouts import labels


def tar(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def png(value):
    file = io.BytesIO()
    Image.fromarray(np.full((2, 3), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def write(path: pathlib.Path, *lines: str) -> str:
    path.write_text("\n".join(lines))
    return str(path)


# ---- tables


def test_a_table_says_the_class_of_each_picture(tmp_path):
    for value in (1, 2, 3):
        save(tmp_path / "set" / "sub" / f"{value}.png", value)
    table = write(tmp_path / "labels.csv", "file,class", "sub/1.png,boot", "2.png,sandal", "3.png,boot", "4.png,hat")
    for name, path in (("folder", tmp_path / "set"), ("zip", zipped(tmp_path / "set", tmp_path / "set.zip"))):
        source = make_source(name, path=str(path), labels_file=table)
        assert source.arrays["label"].names == ("boot", "sandal")  # those of pictures that are there
        assert [(int(r["image"].max()), int(r["label"])) for r in source] == [(1, 0), (2, 1), (3, 0)]
    # Numbers are the numbers of classes.
    table = write(tmp_path / "labels.csv", "file,class", "1.png,10", "2.png,2", "3.png,2")
    source = make_source("folder", path=str(tmp_path / "set"), labels_file=table)
    assert source.num_classes == 11 and source.labels().tolist() == [10, 2, 2]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,class", "1.png,a"], "has no row for 1 of 2 pictures of .*, such as 2.png; add it"),
        (["file,class,more", "1.png,a,b", "2.png,a,b"], "has 3 columns, but labels need two"),
        (["file,class", "1.png,a", "2.png,"], "line 3: '' is no name of a class for 2.png; write one"),
        (["file,class", "1.png,70000", "2.png,1"], "has the class 70000; number them from 0 to 65535"),
        (["file,class"], "has no row of a picture"),
    ],
)
def test_a_table_that_says_it_not_is_refused(lines, message, tmp_path):
    for value in (1, 2):
        save(tmp_path / "set" / f"{value}.png", value)
    with pytest.raises(DataError, match=message):
        make_source("folder", path=str(tmp_path / "set"), labels_file=write(tmp_path / "labels.csv", *lines))
    with pytest.raises(DataError, match=r"none.csv does not exist; set data.labels_file to a CSV"):
        make_source("folder", path=str(tmp_path / "set"), labels_file="none.csv")


def test_a_row_tells_of_one_picture_and_a_name_has_one_row(tmp_path):
    for folder, value in (("a", 1), ("b", 2)):
        save(tmp_path / "set" / folder / "1.png", value)
    save(tmp_path / "set" / "a" / "3.png", 3)

    def source(*rows):
        table = write(tmp_path / "labels.csv", "file,class", *rows)
        return make_source("folder", path=str(tmp_path / "set"), labels_file=table)

    def attributed(*rows):
        table = write(tmp_path / "attributes.csv", "file,old", *rows)
        return make_source("folder", path=str(tmp_path / "set"), attributes_file=table)

    assert source("a/1.png,x", "b/1.png,y", "3.png,x", "3.png,x").labels().tolist() == [0, 0, 1]
    assert source("a/1.png,x", "1.png,y", "3.png,x").labels().tolist() == [0, 0, 1]
    message = r"labels.csv, line 2: '1.png' could be a/1.png and b/1.png of .*/set; give each a row with its path"
    with pytest.raises(DataError, match=message):
        source("1.png,x", "3.png,y")
    with pytest.raises(DataError, match=r"labels.csv, line 5: '3.png' stands in line 4 with other values; remove one"):
        source("a/1.png,x", "b/1.png,y", "3.png,x", "3.png,y")
    assert attributed("a/1.png,1", "b\\1.png,0", "3.png,1").stack()["attributes"].ravel().tolist() == [1, 1, 0]
    with pytest.raises(DataError, match=r"attributes.csv, line 2: '1.png' could be a/1.png and b/1.png"):
        attributed("1.png,1", "3.png,1")
    with pytest.raises(DataError, match=r"attributes.csv, line 4: 'a\\\\1.png' stands in line 2 with other values"):
        attributed("a/1.png,1", "b/1.png,1", "a\\1.png,0", "3.png,1")


def test_dataset_json_may_name_its_classes(tmp_path):
    for value in (1, 2):
        save(tmp_path / f"{value}.png", value)
    told = {"labels": [["1.png", 1], ["2.png", 0]], "classes": ["boot", "sandal", "hat"]}
    (tmp_path / "dataset.json").write_text(json.dumps(told))
    assert labels(tmp_path) == {1: (1, "sandal"), 2: (0, "boot")}
    for classes, message in (
        (["boot"], "are 1 names for 2 classes"),
        ([1, 2], "give a list of names"),
        (["a", "a"], "1 names"),
    ):
        (tmp_path / "dataset.json").write_text(json.dumps(told | {"classes": classes}))
        with pytest.raises(DataError, match=message):
            labels(tmp_path)


# ---- tars


def test_a_tar_of_folders_is_read_as_they_are(tmp_path):
    path = tar(tmp_path / "set.tar", {"./cat/1.png": png(1), "./dog/2.png": png(2), "./dog/more.txt": b"no"})
    assert labels(path, name="tar") == labels(path) == {1: (0, "cat"), 2: (1, "dog")}
    source = pickle.loads(pickle.dumps(make_source("folder", path=str(path))))
    assert values(source) == [1, 2] and source.stamp() == make_source("folder", path=str(path)).stamp()
    loader = Loader(source)
    assert prepare(next(loader.batches(2)), loader.resident)["image"].shape == (2, 2, 3, 1)
    before = source.stamp()
    tar(tmp_path / "set.tar", {"./cat/1.png": png(3), "./dog/2.png": png(2)})
    assert make_source("folder", path=str(path)).stamp() != before


def test_webdataset_writes_a_class_and_a_caption_beside_each_picture(tmp_path):
    members = {"a.png": png(1), "a.cls": b"5", "a.txt": b"a boot", "b.png": png(2), "b.cls": b"0\n", "b.txt": b"a hat"}
    path = tar(tmp_path / "set.tar", members)
    source = make_source("tar", path=str(path), text="files")
    assert source.num_classes == 6 and source.labels().tolist() == [5, 0] and source.arrays["caption"].kind == "text"
    path = tar(tmp_path / "set.tar", members | {"a.cls": b"boot", "b.cls": b"hat"})
    assert labels(path, name="tar") == {1: (0, "boot"), 2: (1, "hat")}
    del members["b.cls"]
    with pytest.raises(DataError, match=r"b.png has no b.cls beside it, as 1 of 2 pictures have; add it"):
        labels(tar(tmp_path / "set.tar", members))


def test_several_tars_of_a_folder_are_one_set_whose_names_may_be_the_same(tmp_path):
    for shard in range(3):
        tar(tmp_path / f"shard-{shard}.tar", {"0.png": png(1 + shard), "0.cls": str(shard % 2).encode()})
    source = make_source("tar", path=str(tmp_path))
    assert values(source) == [1, 2, 3] and source.labels().tolist() == [0, 1, 0]
    for shard in range(3):
        tar(tmp_path / f"shard-{shard}.tar", {"0.png": png(1 + shard)})
    assert "label" not in make_source("tar", path=str(tmp_path)).arrays  # a tar is no class


def test_tars_that_are_called_by_splits_are_these(tmp_path):
    for index, shard in enumerate(("train-000", "train-001", "Val-000", "test-0")):
        members = {"0.png": png(10 * index), "1.png": png(10 * index + 1)}
        tar(tmp_path / f"{shard}.tar", members | {"0.cls": b"hat", "1.cls": b"boot" if index else b"shoe"})
    for split, expected in (("train", [0, 1, 10, 11]), ("val", [20, 21]), ("test", [30, 31])):
        source = make_source("tar", path=str(tmp_path), split=split)
        assert values(source) == expected and source.arrays["label"].names == ("boot", "hat", "shoe")
    assert make_source("tar", path=str(tmp_path)).labels().tolist() == [1, 2, 1, 0]
    assert splits_of(str(tmp_path)) == ("train", "test", "val")
    with pytest.raises(DataError, match=r"has no images in valid/; data.split can be 'test' or 'train' or 'val'"):
        make_source("tar", path=str(tmp_path), split="valid")
    with pytest.raises(DataError, match=r"is split; give the tars of one split in a folder of their own$"):
        open_images(str(tmp_path))
    tar(tmp_path / "more.tar", {"0.png": png(40), "0.cls": b"hat"})  # one of another name: they are no splits
    assert len(make_source("tar", path=str(tmp_path))) == 9
    for shard in ("Val-000", "test-0", "more"):
        (tmp_path / f"{shard}.tar").unlink()
    assert values(make_source("tar", path=str(tmp_path))) == [0, 1, 10, 11] and splits_of(str(tmp_path)) == ()


def test_tars_that_cannot_be_read(tmp_path, caplog):
    caplog.set_level(logging.WARNING, "jaxgan.data")
    with pytest.raises(DataError, match="cannot be read as a tar without compression"):
        make_source("tar", path=str(tar(tmp_path / "packed.tar", {"a.png": png(1)}, "w:gz")))
    with pytest.raises(DataError, match="which could lead out of a folder"):
        make_source("tar", path=str(tar(tmp_path / "out.tar", {"../a.png": png(1)})))
    with pytest.raises(DataError, match="holds no image"):
        make_source("tar", path=str(tar(tmp_path / "empty.tar", {"a.txt": b""})))
    with tarfile.open(tmp_path / "links.tar", "w") as archive:
        link = tarfile.TarInfo("b.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
        info = tarfile.TarInfo("a.png")
        info.size = len(png(1))
        archive.addfile(info, io.BytesIO(png(1)))
    assert values(make_source("tar", path=str(tmp_path / "links.tar"))) == [1]
    assert "things that are no regular files: 1 (b.png)" in caplog.text
    cut = (tmp_path / "links.tar").read_bytes()[: 512 * 2 + 20]
    (tmp_path / "cut.tar").write_bytes(cut)
    with pytest.raises(DataError, match="cannot be read"):
        values(make_source("tar", path=str(tmp_path / "cut.tar")))


# ---- formats


@pytest.mark.parametrize("ending", EXTENSIONS)
def test_a_format_that_pillow_reads(ending, tmp_path):
    pixels = np.full((8, 8, 3), (200, 100, 50), np.uint8)
    picture = Image.fromarray(pixels)
    options = {".gif": {"save_all": True, "append_images": [Image.new("RGB", (8, 8))]}}  # of several the first counts
    picture.save(tmp_path / f"a{ending}", **options.get(ending, {}))
    source = make_source("folder", path=str(tmp_path))
    assert source.arrays["image"].shape == (8, 8, 3)
    assert np.abs(np.int32(source[0]["image"]) - pixels).max() <= 8


def test_numbers_without_a_range_are_no_picture(tmp_path):
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "a.tiff")
    with pytest.raises(DataError, match="its numbers have no known range: save it with 8 or 16 bits"):
        make_source("folder", path=str(tmp_path)).stack()
    Image.fromarray(np.full((4, 4), 65535, np.uint16)).save(tmp_path / "a.tiff")
    assert make_source("folder", path=str(tmp_path))[0]["image"].tolist() == np.full((4, 4, 1), 255).tolist()

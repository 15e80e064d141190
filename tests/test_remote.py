"""Data on object storage, which `memory://` stands in for: copied once, and again when they have changed."""

import builtins
import io
import pathlib

import numpy as np
import pytest
from PIL import Image

from jaxgan import remote
from jaxgan.data import make_source
from jaxgan.errors import UserError
from jaxgan.remote import RemoteError, is_remote, local

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def bucket(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def picture(value):
    file = io.BytesIO()
    Image.new("L", (8, 8), value).save(file, "PNG")
    return file.getvalue()


def fetched(monkeypatch, bucket):
    """The files that are fetched from now on."""
    names, get = [], type(bucket).get_file

    def get_file(self, there, here, **options):
        names.append(there.rpartition("/")[2])
        return get(self, there, here, **options)

    monkeypatch.setattr(type(bucket), "get_file", get_file)
    return names


def test_what_is_elsewhere():
    assert is_remote("gs://bucket/run") and is_remote("s3://bucket") and is_remote("file:///tmp/x")
    assert not any(map(is_remote, ("runs/dcgan", "/gs://x", "tfds:mnist", "C:\\runs", "gs://", pathlib.Path("gs://b"))))
    assert local("runs/dcgan") == "runs/dcgan"


def test_a_folder_of_pictures_is_read_and_only_what_changed_is_fetched_again(bucket, monkeypatch):
    for name, value in (("0/a", 10), ("0/b", 20), ("1/c", 30)):
        bucket.pipe(f"/photos/train/{name}.png", picture(value))
    names = fetched(monkeypatch, bucket)
    read = lambda: make_source("folder", path="memory://photos", image_size=8)  # noqa: E731
    source = read()
    assert sorted(names) == ["a.png", "b.png", "c.png"] and len(source) == 3
    assert source.arrays["label"].names == ("0", "1")
    assert sorted({int(source.record(index, None)["image"].max()) for index in range(3)}) == [10, 20, 30]
    names.clear()
    read()
    assert names == []
    bucket.pipe("/photos/train/0/b.png", picture(99))
    bucket.rm("/photos/train/0/a.png")
    source = read()
    assert names == ["b.png"] and sorted(int(source.record(index, None)["image"].max()) for index in range(2)) == [
        30,
        99,
    ]


def test_files_are_read_with_their_endings(bucket):
    file = io.BytesIO()
    np.savez(file, image=np.full((5, 8, 8, 1), 7, np.uint8))
    bucket.pipe("/sets/five.npz", file.getvalue())
    assert len(make_source("npz", path="memory://sets/five.npz")) == 5
    bucket.pipe("/sets/p/train/x.png", picture(1))
    bucket.pipe("/sets/labels.csv", b"name,class\ntrain/x.png,zebra\n")
    source = make_source("folder", path="memory://sets/p", image_size=8, labels_file="memory://sets/labels.csv")
    assert source.arrays["label"].names == ("zebra",)


def test_a_fetch_that_is_broken_off_goes_on_where_it_was(bucket, monkeypatch):
    for index in range(6):
        bucket.pipe(f"/photos/{index}.png", picture(index))
    monkeypatch.setattr(remote, "_AT_ONCE", 1)
    get, names = type(bucket).get_file, []

    def fails(self, there, here, **options):
        names.append(there)
        if len(names) == 4:
            pathlib.Path(here).write_bytes(b"half")
            raise OSError("the network is down")
        return get(self, there, here, **options)

    with monkeypatch.context() as broken:
        broken.setattr(type(bucket), "get_file", fails)
        with pytest.raises(
            RemoteError, match=r"memory://photos cannot be read \(OSError: the network is down\): look up"
        ) as told:
            local("memory://photos")
    assert "\n" not in str(told.value)
    again = fetched(monkeypatch, bucket)
    folder = pathlib.Path(local("memory://photos"))
    assert 0 < len(again) <= 3
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        f"{index}.png": picture(index) for index in range(6)
    }


def test_of_a_prepared_set_that_one_alone_is_fetched(bucket, monkeypatch):
    bucket.pipe("/tfds/mnist/1.0.0/x", b"1")
    bucket.pipe("/tfds/huge/1.0.0/y", b"2")
    names = fetched(monkeypatch, bucket)
    with pytest.raises(UserError):  # it is no prepared set, which is told after it was fetched
        make_source("tfds:mnist:1.0.0", path="memory://tfds", image_size=8)
    assert names == ["x"]


def test_what_cannot_be_had_is_one_line(bucket, monkeypatch):
    with pytest.raises(UserError, match="memory://none/at/all does not exist, or nothing is in it"):
        make_source("folder", path="memory://none/at/all")
    bucket.pipe("/evil/x", b"")
    bucket.store["/evil/../../out"] = bucket.store.pop("/evil/x")
    with pytest.raises(UserError, match="could lead out of a folder"):
        local("memory://evil")
    real = builtins.__import__

    def without(name, *args, **options):
        if name == "fsspec":
            raise ImportError("No module named 'fsspec'")
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=r"gs://bucket/x needs a package .*pip install 'jaxgan\[remote\]'"):
        local("gs://bucket/x")


def test_a_system_without_its_package_is_named(monkeypatch):
    monkeypatch.setattr(
        fsspec.core,
        "url_to_fs",
        lambda url, **_: (_ for _ in ()).throw(ImportError("Please install gcsfs to access GCS")),
    )
    with pytest.raises(UserError, match=r"install gcsfs.*pip install 'jaxgan\[remote\]'"):
        local("gs://bucket/x")

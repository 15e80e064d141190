"""Text beside one's own pictures: captions in files, and embeddings in an array."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from jaxgan.core.text import decode
from jaxgan.data import DataError, make_source
from jaxgan.data.errors import AbsentDataError

TEXTS = {"a": "A red square\n\n a square, in red ", "b": "a green one", "c": "blue\nthe blue one\nall of it is blue"}


@pytest.fixture
def folder(tmp_path):
    """Three pictures with a text beside each."""
    path = tmp_path / "pictures"
    path.mkdir()
    for index, (name, text) in enumerate(TEXTS.items()):
        Image.new("RGB", (6, 6), tuple(255 * (channel == index) for channel in range(3))).save(path / f"{name}.png")
        (path / f"{name}.txt").write_text(text)
    return path


def texts(record):
    return [decode(caption) for caption in record["caption"]]


def test_captions_lie_in_files_beside_the_pictures(folder):
    source = make_source("folder", path=str(folder), text="files")
    assert source.arrays["caption"].kind == "text" and source.arrays["caption"].shape == (3, 201)
    # those of a picture with fewer stand more than once
    assert texts(source[0]) == ["a red square", "a square, in red", "a red square"]
    assert texts(source[1]) == ["a green one"] * 3
    assert texts(source[2]) == ["blue", "the blue one", "all of it is blue"]
    assert source[2]["image"][0, 0].tolist() == [0, 0, 255]
    stack = source.stack()
    assert stack["caption"].shape == (3, 3, 201) and stack["caption"].dtype == np.int32


def test_and_in_a_zip_with_classes_and_splits(folder, tmp_path):
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for split in ("train", "test"):
            for name, kind in (("a", "warm"), ("b", "cold"), ("c", "cold")):
                for ending in ("png", "txt"):
                    archive.write(folder / f"{name}.{ending}", f"{split}/{kind}/{name}.{ending}")
    source = make_source("zip", path=str(path), split="test", text="files")
    assert [int(source[index]["label"]) for index in range(3)] == [0, 0, 1]
    assert texts(source[0]) == ["a green one"] * 3 and texts(source[2])[1] == "a square, in red"


def test_a_picture_that_cannot_be_read_takes_no_others_text(folder):
    (folder / "a.png").write_bytes(b"nothing")
    source = make_source("folder", path=str(folder), text="files", image_size=6, max_unreadable=0.5)
    assert source[0]["image"][0, 0].tolist() == [0, 255, 0] and texts(source[0])[0] == "a green one"


def test_a_change_of_a_text_is_noticed(folder):
    stamps = [make_source("folder", path=str(folder), text="files").stamp()]
    (folder / "b.txt").write_text("a green two")
    stamps.append(make_source("folder", path=str(folder), text="files").stamp())
    stamps.append(make_source("folder", path=str(folder)).stamp())
    assert len(set(stamps)) == 3


def test_a_caption_with_accents_stops_no_data_set(folder):
    (folder / "b.txt").write_text("a green caf\u00e9\nthe bird\u2019s", encoding="utf-8")
    assert texts(make_source("folder", path=str(folder), text="files")[1])[:2] == ["a green cafe", "the bird's"]


def test_long_captions_lose_their_end(folder):
    (folder / "a.txt").write_text("x" * 300)
    assert texts(make_source("folder", path=str(folder), text="files")[0])[0] == "x" * 201


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, r"b\.png has no text .*b\.txt; write it, or set data\.text=''"),
        (b"", r"b\.txt is empty; write a caption in it, one a line"),
        (b" \n\n", r"b\.txt is empty"),
        ("зелёный".encode(), r"caption 1 of .*b\.txt has a character that is not read, cyrillic small letter ze"),
        (
            "green\nhellgr\u00fcne Stra\u00dfe".encode(),
            r"caption 2 of .*b\.txt has a character that is not read, latin small letter sharp s",
        ),
        (b"\xff\xfe\x00", r"b\.txt is no UTF-8 text; save it as UTF-8"),
        (b"one\n" * 65, r"b\.txt has 65 captions, more than 64; leave some out"),
    ],
)
def test_what_is_wrong_with_a_text_is_said_in_a_line(folder, content, words):
    (folder / "b.txt").unlink()
    if content is not None:
        (folder / "b.txt").write_bytes(content)
    with pytest.raises(DataError, match=words) as raised:
        make_source("folder", path=str(folder), text="files")
    assert "\n" not in str(raised.value)


# ---- embeddings


@pytest.mark.parametrize("several", [False, True])
def test_embeddings_come_in_the_order_of_the_pictures_or_by_their_names(folder, tmp_path, several):
    values = np.arange(12.0).reshape(3, 2, 2) if several else np.arange(6.0).reshape(3, 2)
    np.savez(tmp_path / "plain.npz", embedding=values)
    source = make_source("folder", path=str(folder), text=str(tmp_path / "plain.npz"))
    spec = source.arrays["embedding"]
    assert (spec.kind, spec.shape, spec.dtype) == ("embedding", (2 if several else 1, 2), "float32")
    np.testing.assert_array_equal(source.stack()["embedding"], values.reshape(3, -1, 2))
    np.savez(tmp_path / "named.npz", embedding=values, name=np.array(["c.png", "a", "b.png"]))
    source = make_source("folder", path=str(folder), text=str(tmp_path / "named.npz"))
    np.testing.assert_array_equal(source.stack()["embedding"], values.reshape(3, -1, 2)[[1, 2, 0]])


def test_embeddings_of_splits_have_names(folder, tmp_path):
    """As many pictures in each split: by order alone, one file would serve both."""
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, split in zip("abcabc", ("train",) * 3 + ("test",) * 3, strict=True):
            archive.write(folder / f"{name}.png", f"{split}/{name}.png")
    values, names = np.arange(12.0).reshape(6, 2), [f"{split}/{name}" for split in ("test", "train") for name in "abc"]
    np.savez(tmp_path / "plain.npz", embedding=values[:3])
    np.savez(tmp_path / "named.npz", embedding=values, name=np.array(names))
    for split, expected in (("test", values[:3]), ("train", values[3:])):
        with pytest.raises(
            DataError, match=r"plain.npz holds embeddings without names, but .* have splits, such as .*a.png"
        ):
            make_source("zip", path=str(path), split=split, text=str(tmp_path / "plain.npz"))
        source = make_source("zip", path=str(path), split=split, text=str(tmp_path / "named.npz"))
        np.testing.assert_array_equal(source.stack()["embedding"][:, 0], expected)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (
            {"vectors": np.ones((3, 2))},
            r"holds no embeddings; expected an array named embedding, \(N, D\) or \(N, K, D\)",
        ),
        ({"embedding": np.ones(3)}, "holds no embeddings"),
        ({"embedding": np.full((3, 2), np.nan)}, "not finite"),
        ({"embedding": np.full((3, 2), 1e300)}, "not finite"),
        ({"embedding": np.ones((2, 2))}, "holds 2 embeddings, but there are 3 pictures; add an array name"),
        ({"embedding": np.ones((3, 2)), "name": np.array(["a", "b"])}, r"holds 3 embeddings and names \(2,\)"),
        ({"embedding": np.ones((3, 2)), "name": np.array(["a", "b", "d"])}, r"has no embedding of c\.png; add it"),
        (
            {"embedding": np.ones((4, 2)), "name": np.array(["a", "b", "c", "a.png"])},
            "has two embeddings of 'a', whatever its ending; keep one, or rename a picture",
        ),
    ],
)
def test_what_is_wrong_with_embeddings_is_said_in_a_line(folder, tmp_path, arrays, words):
    np.savez(tmp_path / "it.npz", **arrays)
    with pytest.raises(DataError, match=words):
        make_source("folder", path=str(folder), text=str(tmp_path / "it.npz"))


def test_embeddings_that_are_not_there(folder, tmp_path):
    with pytest.raises(AbsentDataError, match="is neither 'files' nor a file; make it, or set"):
        make_source("folder", path=str(folder), text=str(tmp_path / "none.npz"))
    (tmp_path / "bad.npz").write_bytes(b"no")
    with pytest.raises(DataError, match=r"bad\.npz cannot be read: it is no \.npz, or damaged"):
        make_source("folder", path=str(folder), text=str(tmp_path / "bad.npz"))

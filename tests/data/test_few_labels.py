"""A set of which only a few labels are known."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import DataError, Loader, make_source, prepare


def test_each_class_has_as_many_labels_and_images_come_without():
    source = make_source("digits", labelled=30)
    whole = make_source("digits")
    assert len(source) == len(whole) and source.num_classes == 10
    assert {name: (spec.kind, spec.shape) for name, spec in source.arrays.items()} == {
        "image": ("image", (16, 16, 1)),
        "labelled_image": ("image", (16, 16, 1)),
        "label": ("label", ()),
    }
    assert source.arrays["label"].names == tuple("0123456789")
    images, labelled = source.parts
    assert len(images) == len(whole) and len(labelled) == 30
    assert set(images[5]) == {"image"} and set(labelled[5]) == {"labelled_image", "label"}
    counts = np.bincount([int(labelled[index]["label"]) for index in range(30)], minlength=10)
    assert counts.tolist() == [3] * 10
    # the labels are those of the images they stand beside
    known = {whole[index]["image"].tobytes(): int(whole[index]["label"]) for index in range(len(whole))}
    assert all(known[labelled[i]["labelled_image"].tobytes()] == int(labelled[i]["label"]) for i in range(30))


def test_a_minibatch_joins_both_and_only_known_labels_ever_come():
    source = make_source("digits", labelled=20)
    loader = Loader(source)
    seen = set()
    batches = loader.batches(16)
    for _ in range(10):
        batch = prepare(next(batches), loader.resident)
        assert {key: value.shape for key, value in batch.items()} == {
            "image": (16, 16, 16, 1),
            "labelled_image": (16, 16, 16, 1),
            "label": (16,),
        }
        seen |= {np.asarray(image).tobytes() for image in batch["labelled_image"]}
    batches.close()
    assert len(seen) == 20


def test_another_draw_knows_other_labels_and_as_many_of_each_class():
    draws = []
    for draw in (0, 1, 2, 1):
        _, labelled = make_source("digits", labelled=30, labelled_draw=draw).parts
        records = [labelled[index] for index in range(30)]
        assert np.bincount([int(record["label"]) for record in records]).tolist() == [3] * 10
        draws.append({record["labelled_image"].tobytes() for record in records})
    assert draws[1] == draws[3]
    assert all(len(draws[a] & draws[b]) < 10 for a, b in ((0, 1), (0, 2), (1, 2)))


def test_what_cannot_be_is_said_in_a_line():
    with pytest.raises(DataError, match=r"data\.labelled=5 is less than one of each of the 10 classes; raise it"):
        make_source("digits", labelled=5)
    with pytest.raises(DataError, match=r"data\.labelled_draw=1, but all labels are known; set data\.labelled"):
        make_source("digits", labelled_draw=1)
    with pytest.raises(DataError, match=r"data\.labelled_draw=-1 is not a number of a draw"):
        make_source("digits", labelled=10, labelled_draw=-1)
    # The digit that there are fewest of, 8, has 139 in the training split.
    message = (
        r"data\.labelled=2000 needs 200 of each class, but digits \(train\) has 142 of '0'; lower it, to 1390 or less"
    )
    with pytest.raises(DataError, match=message):
        make_source("digits", labelled=2000)
    with pytest.raises(DataError, match="means nothing to 'ring8'"):
        make_source("ring8", labelled=10)
    with pytest.raises(DataError, match="not a number of labels"):
        make_source("digits", labelled=-1)


def test_a_number_that_the_classes_do_not_divide_has_one_more_of_the_first_ones():
    _, labelled = make_source("digits", labelled=25).parts
    counts = np.bincount([int(labelled[index]["label"]) for index in range(len(labelled))], minlength=10)
    assert counts.tolist() == [3] * 5 + [2] * 5


def test_labels_that_are_known_without_their_pictures_are_not_read_from_them(tmp_path, monkeypatch):
    for number, folder in enumerate("aabbbb"):
        (tmp_path / folder).mkdir(exist_ok=True)
        Image.fromarray(np.full((2, 2), number, np.uint8)).save(tmp_path / folder / f"{number}.png")
    source = make_source("folder", path=str(tmp_path), image_size=2)
    with monkeypatch.context() as patch:
        patch.setattr(source, "record", None)  # which would decode
        assert source.labels().tolist() == [0, 0, 1, 1, 1, 1]
    assert make_source("digits").labels().tolist() == [int(record["label"]) for record in make_source("digits")]


def test_a_minibatch_larger_than_the_labels_has_each_as_often():
    source = make_source("digits", labelled=20)
    loader = Loader(source)
    batches = loader.batches(64)
    for _ in range(3):
        batch = prepare(next(batches), loader.resident)
        _, counts = np.unique([np.asarray(image).tobytes() for image in batch["labelled_image"]], return_counts=True)
        assert len(counts) == 20 and counts.sum() == 64 and counts.min() >= 2 and counts.max() <= 4
    batches.close()


def test_games_are_measured_on_images_with_labels_of_their_own():
    source, whole = make_source("digits", labelled=30), make_source("digits")
    assert source.measured.arrays == whole.arrays and whole.measured is whole
    for index in (0, 700, 1437):
        record, true = source.measured[index], whole[index]
        np.testing.assert_array_equal(record["image"], true["image"])
        assert record["label"] == true["label"]

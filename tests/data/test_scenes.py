"""Scenes: what the graph tells is where the boxes are, and what the boxes hold is in the picture."""

import numpy as np
import pytest

from jaxgan.core.scene_graph import KINDS, RELATIONS, parse, sentences, split
from jaxgan.data import DataError, make_source
from jaxgan.data.digits import DigitPictures
from jaxgan.data.scenes import _relation


@pytest.fixture(scope="module")
def held_out():
    return make_source("scenes", split="test")


def test_records_hold_an_image_its_graph_boxes_and_masks(held_out):
    kinds = {name: (spec.kind, spec.shape, spec.dtype) for name, spec in held_out.arrays.items()}
    assert kinds == {
        "image": ("image", (32, 32, 1), "float32"),
        "graph": ("vector", (60,), "float32"),
        "boxes": ("vector", (12,), "float32"),
        "masks": ("image", (8, 8, 3), "float32"),
    }
    assert len(held_out) == 500 and len(make_source("scenes")) == 6000
    again = make_source("scenes", split="test")
    for name, array in held_out[17].items():
        np.testing.assert_array_equal(array, again[17][name])


def test_a_picture_is_its_objects_in_their_boxes(held_out):
    digits = DigitPictures("test")
    known = {np.asarray(digits.open(index)[0]).tobytes(): digits.open(index)[1] for index in range(len(digits))}
    frames = 0
    for record in held_out:
        image, kinds = record["image"][..., 0].copy(), split(record["graph"][None])[0][0]
        for slot, box in enumerate((record["boxes"].reshape(3, 4) * 32).astype(int)):
            left, top, right, bottom = box
            mask = record["masks"][..., slot] > 0
            if not kinds[slot].any():
                assert not box.any() and not mask.any()
            elif KINDS[kinds[slot].argmax()] == "frame":
                frames += 1
                assert right - left == bottom - top == 14 and mask.sum() == 28 and not mask[1:-1, 1:-1].any()
                image[top:bottom, left:right][[0, -1]] -= 160
                image[top + 1 : bottom - 1, [left, right - 1]] -= 160
            else:
                ink = image[top:bottom, left:right]
                assert known[ink.tobytes()] == kinds[slot].argmax()
                np.testing.assert_array_equal(mask, ink >= 64)
                image[top:bottom, left:right] = 0
        assert not image.any()  # nothing else, and nothing lies on another
    assert 0.4 < frames / 500 < 0.6


def test_relations_are_those_of_the_boxes_and_every_graph_can_be_asked_for(held_out):
    numbers, relations = [], []
    for record in held_out:
        objects, edges = (part[0] for part in split(record["graph"][None]))
        boxes = record["boxes"].reshape(3, 4)
        middle = boxes.reshape(3, 2, 2).mean(axis=1)
        for i, j, relation in np.argwhere(edges):
            relations.append(RELATIONS[relation])
            right, down = middle[j] - middle[i]
            if RELATIONS[relation] == "inside":
                assert (boxes[i, :2] > boxes[j, :2]).all() and (boxes[i, 2:] < boxes[j, 2:]).all()
            else:
                forward, across = (right, down) if RELATIONS[relation] == "left of" else (down, right)
                assert forward > 0 and forward >= abs(across)
        numbers.append((int(objects.sum()), int(edges.sum())))
        # The text of a graph has its objects in another order, and says the same.
        assert sorted(sentences(parse(sentences(record["graph"]))).split("; ")) == sorted(
            sentences(record["graph"]).split("; ")
        )
    assert set(numbers) == {(2, 1), (3, 2), (3, 3)}
    assert all(relations.count(name) > 100 for name in RELATIONS)


def test_a_relation_is_told_by_the_longer_axis_or_the_frame():
    left, above, inside = range(3)
    boxes = [(0, 0, 8, 8), (10, 5, 18, 13), (9, 20, 17, 28), (8, 2, 22, 16)]
    assert _relation(boxes, 0, 1) == (0, left, 1) == _relation(boxes, 1, 0)
    assert _relation(boxes, 2, 1) == (1, above, 2) == _relation(boxes, 1, 2)
    assert _relation(boxes, 3, 1) == (1, inside, 3) == _relation(boxes, 1, 3)


def test_what_is_wrong_is_said_in_a_line():
    with pytest.raises(DataError, match=r"data\.split='val' is unknown to the digits"):
        make_source("scenes", split="val")
    with pytest.raises(DataError, match=r"data\.image_size=64 means nothing to 'scenes'"):
        make_source("scenes", image_size=64)

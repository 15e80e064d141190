"""What is read from scenes: all of true pictures, and next to nothing of others."""

import numpy as np
import pytest

from jaxgan.core.scene_graph import parse
from jaxgan.data import make_source
from jaxgan.metrics.scenes import _framed, _holds, accuracy


@pytest.fixture(scope="module")
def scenes():
    """Images (N, 32, 32, 1) in [-1, 1], graphs, and boxes (N, 3, 4) of held-out scenes."""
    records = make_source("scenes", split="test").stack(np.arange(300))
    return records["image"] / np.float32(127.5) - 1, records["graph"], records["boxes"].reshape(-1, 3, 4)


def test_true_pictures_show_what_was_asked_for(scenes):
    values = accuracy(*scenes)
    assert values["objects"] >= 0.99 and values["relations"] >= 0.99 and values["scenes"] >= 0.98
    assert values["object_fd"] <= 3


def test_other_pictures_show_it_by_chance(scenes):
    images, graph, boxes = scenes
    others = accuracy(np.roll(images, 1, axis=0), graph, np.roll(boxes, 1, axis=0))
    # A frame is one of eleven kinds, and in half of the scenes; digits are ten.
    assert others["objects"] <= 0.2 and others["relations"] <= 0.1 and others["scenes"] <= 0.02
    assert others["object_fd"] <= 30  # they are digits still
    dark = accuracy(np.full_like(images, -1), graph, boxes)
    assert dark["objects"] <= 0.2 and dark["relations"] <= 0.1 and dark["object_fd"] >= 80


def test_right_objects_in_wrong_places_are_objects_without_relations(scenes):
    images, graph, boxes = scenes
    # Mirrored along both axes, whole objects keep their looks: what was left of another is right of it.
    mirrored, mirrored_boxes = np.full_like(images, -1), np.zeros_like(boxes)
    for image, own, made, places in zip(images, boxes, mirrored, mirrored_boxes, strict=True):
        for slot in np.argsort(own[:, 0] - own[:, 2]):  # the frame first, what it holds on it
            left, top, right, bottom = (own[slot] * 32).astype(int)
            made[32 - bottom : 32 - top, 32 - right : 32 - left] = image[top:bottom, left:right]
            places[slot] = np.array([32 - right, 32 - bottom, 32 - left, 32 - top]) / 32 if right else 0
    values = accuracy(mirrored, graph, mirrored_boxes)
    inside = parse("4 inside frame").reshape(1, -1)[:, 33:].reshape(-1, 3).sum(axis=0) > 0
    told = graph[:, 33:].reshape(-1, 3).sum(axis=0)
    assert values["objects"] >= 0.97
    assert values["relations"] == pytest.approx(told[inside].sum() / told.sum(), abs=0.02)  # "inside" alone is left


def test_relations_of_boxes():
    boxes = np.array([[[0.1, 0.1, 0.2, 0.2], [0.5, 0.0, 0.9, 0.4], [0.6, 0.1, 0.8, 0.3]]])
    left, above, inside = _holds(boxes)[0].transpose(2, 0, 1)
    np.testing.assert_array_equal(left, [[0, 1, 1], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(above, [[0, 1, 1], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(inside, [[0, 0, 0], [0, 0, 0], [0, 1, 0]])


def test_a_frame_is_a_hollow_square():
    square = np.full((1, 32, 32, 1), -1.0, np.float32)
    square[:, 4:18, 6:20] = 0.25
    frame = square.copy()
    frame[:, 5:17, 7:19] = -1
    box = np.float32([[[6 / 32, 4 / 32, 20 / 32, 18 / 32]]])
    assert _framed(frame, box).tolist() == [[True]]
    assert _framed(square, box).tolist() == _framed(np.full_like(frame, -1), box).tolist() == [[False]]
    assert _framed(frame, box + np.float32(0.25)).tolist() == [[False]]

"""Scene graphs as vectors and as text."""

import numpy as np
import pytest

from jaxgan.core import scene_graph
from jaxgan.core.scene_graph import KINDS, SIZE, ambiguous, encode, parse, sentences, split
from jaxgan.errors import UserError

FRAME = KINDS.index("frame")


def told(text):
    """What a text says, from its vector: {(subject, relation, object)} by name, and the names of all objects."""
    objects, edges = (part[0] for part in split(parse(text)[None]))
    names = [KINDS[row.argmax()] if row.any() else None for row in objects]
    relations = {(names[i], scene_graph.RELATIONS[r], names[j]) for i, j, r in np.argwhere(edges)}
    return relations, {name for name in names if name}


@pytest.mark.parametrize(
    ("text", "relations"),
    [
        ("3 left of 5", {("3", "left of", "5")}),
        ("3 left of 5; 7 above 3", {("3", "left of", "5"), ("7", "above", "3")}),
        ("  4   inside frame ;", {("4", "inside", "frame")}),
        ("4 inside frame; frame above 0; 4 above 0", {("4", "inside", "frame"), ("frame", "above", "0"), ("4", "above", "0")}),
        ("1 left of 2; 1 left of 0; 2 above 0", {("1", "left of", "2"), ("1", "left of", "0"), ("2", "above", "0")}),
    ],
)  # fmt: skip
def test_text_becomes_a_graph(text, relations):
    vector = parse(text)
    assert vector.shape == (SIZE,) and vector.dtype == np.float32 and set(vector) == {0, 1}
    assert told(text) == (relations, {name for one, _, other in relations for name in (one, other)})
    assert told(sentences(vector)) == told(text)


def test_a_vector_holds_kinds_and_edges_in_this_order():
    vector = encode([3, None, FRAME], [(0, 2, 2)])
    assert np.flatnonzero(vector).tolist() == [3, 2 * 11 + FRAME, 3 * 11 + (0 * 3 + 2) * 3 + 2]
    assert sentences(vector) == "3 inside frame"


def test_what_holds_two_objects_apart():
    left, above = 0, 1
    assert ambiguous([(0, left, 1)]) is None
    assert ambiguous([(0, left, 2), (1, left, 2)]) == (0, 1)  # both left of the third
    assert ambiguous([(2, above, 0), (2, above, 1)]) == (0, 1)  # both below it
    assert ambiguous([(0, left, 2), (1, above, 2)]) is None
    assert ambiguous([(0, left, 2), (2, left, 1)]) is None
    assert ambiguous([(0, left, 2), (1, left, 2), (1, above, 0)]) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no sentence: write one, like '3 left of 5; 7 above 3'"),
        (" ; ", "has no sentence"),
        ("3", r"'3' has no relation between two objects \(choose one of above, inside, left of\)"),
        ("3 left 5", r"'3 left 5' has no relation between two objects \(did you mean 'left of'\?\): write '3 left of 5"),
        ("3 left of", r"'3 left of' has no relation"),
        ("3 rechts von 5", "has no relation"),
        ("12 left of 5", "'12' is no object: did you mean '"),
        ("3 inside fram", "'fram' is no object: did you mean 'frame'"),
        ("drei\u2603 left of 5", r"'drei\\u2603' is no object"),
        ("3 above 3", "'3 above 3', but each object is there once: name another one"),
        ("3 inside 5", "but only a frame has an inside: write '3 inside frame'"),
        ("frame inside 3", "but only a frame has an inside: write '3 inside frame'"),
        ("1 left of 2; 2 above 3; 4 above 3", "has more than 3 objects, 1, 2, 3, 4: leave one out"),
        ("1 left of 2; 2 above 1", "says two things of 2 and 1: leave one out"),
        ("1 left of 2; 1 left of 2", "says two things of 1 and 2"),
        ("1 inside frame; 2 inside frame", "a frame holds one digit, not 2: leave one out"),
        ("1 left of 2; 2 left of 3; 3 left of 1", "goes in a circle of 'left of': leave a sentence out"),
        ("1 inside frame; 1 above 2; 2 above frame", "goes in a circle of 'above'"),
        ("1 left of 2; 3 left of 2", "says the same of 1 and 3: say, too, how they lie to each other"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said_in_a_line(text, words):
    with pytest.raises(UserError, match=words) as raised:
        parse(text, "--scene='it'")
    assert str(raised.value).startswith("--scene='it'") and "\n" not in str(raised.value)

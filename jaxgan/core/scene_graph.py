"""Small scene graphs, as vectors and as text, "3 left of 5; 7 above 3": which objects there are, and how they lie."""

from collections.abc import Sequence

import numpy as np

from jaxgan.errors import UserError, nearest

KINDS = (*map(str, range(10)), "frame")  # of objects; a frame is a hollow square, large enough for a digit
RELATIONS = ("left of", "above", "inside")
SLOTS = 3  # objects of a scene, at most
SIZE = SLOTS * len(KINDS) + SLOTS * SLOTS * len(RELATIONS)  # of a graph's vector


def encode(kinds: Sequence[int | None], relations: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """A graph as a vector of zeros and ones, float32 (SIZE,).

    Args:
        kinds: Of each object, an index of `KINDS`, or None for none in this place; `SLOTS` of them.
        relations: (subject, relation, object): object number i stands in RELATIONS[r] to object number j.
    """
    objects = np.zeros((SLOTS, len(KINDS)), np.float32)
    edges = np.zeros((SLOTS, SLOTS, len(RELATIONS)), np.float32)
    for slot, kind in enumerate(kinds):
        if kind is not None:
            objects[slot, kind] = 1
    for subject, relation, other in relations:
        edges[subject, other, relation] = 1
    return np.concatenate([objects.ravel(), edges.ravel()])


def split(graph: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (B, SIZE) as objects (B, SLOTS, kinds) and edges (B, SLOTS, SLOTS, relations); of any array library."""
    border = SLOTS * len(KINDS)
    objects, edges = graph[:, :border], graph[:, border:]
    return objects.reshape(-1, SLOTS, len(KINDS)), edges.reshape(-1, SLOTS, SLOTS, len(RELATIONS))


def parse(text: str) -> np.ndarray:
    """The vector of a graph that is written as sentences, "3 left of 5; 7 above 3" or "4 inside frame".

    Raises:
        UserError: It is no such text, there are too many objects, or a relation cannot be.
    """
    names: list[str] = []
    relations: dict[frozenset[int], tuple[int, int, int]] = {}
    for sentence in filter(None, (part.strip() for part in text.split(";"))):
        subject, relation, other = _sentence(sentence)
        for name in (subject, other):
            if name not in names:
                names.append(name)
        if len(names) > SLOTS:
            raise UserError(f"graph {text!r} has more than {SLOTS} objects, {', '.join(names)}: leave one out")
        pair = (names.index(subject), names.index(other))
        if frozenset(pair) in relations:
            raise UserError(f"graph {text!r} says two things of {subject} and {other}: leave one out")
        relations[frozenset(pair)] = (pair[0], RELATIONS.index(relation), pair[1])
    for relation in range(len(RELATIONS)):
        told = [(first, last) for first, which, last in relations.values() if which == relation]
        if len(told) == SLOTS and {first for first, _ in told} == {last for _, last in told} == set(range(SLOTS)):
            raise UserError(f"graph {text!r} goes in a circle, {RELATIONS[relation]} and so on: leave one sentence out")
    if not names:
        raise UserError(f"graph {text!r} has no sentence: write one like '3 left of 5; 7 above 3'")
    kinds: list[int | None] = [KINDS.index(name) for name in names]
    return encode(kinds + [None] * (SLOTS - len(kinds)), list(relations.values()))


def _sentence(sentence: str) -> tuple[str, str, str]:
    """Its subject, relation and object."""
    words = sentence.split()
    subject, relation, other = words[0], " ".join(words[1:-1]), words[-1]
    if relation not in RELATIONS:
        raise UserError(
            f"graph: {sentence!r} has no relation: {nearest(relation, RELATIONS)}, as in '3 left of 5; 7 above 3'"
        )
    for name in (subject, other):
        if name not in KINDS:
            raise UserError(f"graph: {name!r} of {sentence!r} is no object: {nearest(name, KINDS)}")
    if subject == other:
        raise UserError(f"graph: {sentence!r}, but nothing lies so to itself: name another object")
    if relation == "inside" and other != "frame":
        raise UserError(f"graph: {sentence!r}, but only a frame has an inside: write '{subject} inside frame'")
    return subject, relation, other

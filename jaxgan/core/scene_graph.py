"""Small scene graphs, as vectors and as text, "3 left of 5; 7 above 3": which objects there are, and how they lie."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgan.errors import UserError, nearest

KINDS = (*map(str, range(10)), "frame")  # of objects; a frame is a hollow square, large enough for a digit
RELATIONS = ("left of", "above", "inside")
SLOTS = 3  # objects of a scene, at most
SIZE = SLOTS * len(KINDS) + SLOTS * SLOTS * len(RELATIONS)  # of a graph's vector
_FRAME, _INSIDE = KINDS.index("frame"), RELATIONS.index("inside")
_EXAMPLE = "'3 left of 5; 7 above 3'"

Relation = tuple[int, int, int]  # subject, which of RELATIONS, object


def encode(kinds: Sequence[int | None], relations: Sequence[Relation]) -> np.ndarray:
    """A graph as a vector of zeros and ones, float32 (SIZE,).

    Args:
        kinds: Of each object, an index of `KINDS`, or None for none in this place; `SLOTS` of them.
        relations: (i, r, j): object number i stands in RELATIONS[r] to object number j.
    """
    objects = np.zeros((SLOTS, len(KINDS)), np.float32)
    edges = np.zeros((SLOTS, SLOTS, len(RELATIONS)), np.float32)
    for slot, kind in enumerate(kinds):
        if kind is not None:
            objects[slot, kind] = 1
    for subject, relation, other in relations:
        edges[subject, other, relation] = 1
    return np.concatenate([objects.ravel(), edges.ravel()])


def split(graph: Any) -> tuple[Any, Any]:
    """Vectors (B, SIZE) as objects (B, SLOTS, kinds) and edges (B, SLOTS, SLOTS, relations); of any array library."""
    border = SLOTS * len(KINDS)
    objects, edges = graph[:, :border], graph[:, border:]
    return objects.reshape(-1, SLOTS, len(KINDS)), edges.reshape(-1, SLOTS, SLOTS, len(RELATIONS))


def sentences(graph: np.ndarray) -> str:
    """The text of a graph (SIZE,) that `parse` reads, its sentences in the order of their subjects."""
    objects, edges = (part[0] for part in split(np.asarray(graph)[None]))
    names = [KINDS[row.argmax()] for row in objects]
    return "; ".join(f"{names[i]} {RELATIONS[relation]} {names[j]}" for i, j, relation in np.argwhere(edges > 0))


def ambiguous(relations: Sequence[Relation]) -> tuple[int, int] | None:
    """Two objects of which nothing is told but the same, how they lie to the third one: they could lie on each other."""
    towards = [(i, (r, j, 1)) for i, r, j in relations] + [(j, (r, i, -1)) for i, r, j in relations]
    told = {frozenset((i, j)) for i, _, j in relations}
    pairs = ((i, j) for i, one in towards for j, other in towards if i < j and one == other)
    return next((pair for pair in pairs if frozenset(pair) not in told), None)


def parse(text: str, where: str = "the scene") -> np.ndarray:
    """The vector of a graph that is written as sentences, "3 left of 5; 7 above 3" or "4 inside frame".

    Args:
        text: One sentence, or several with semicolons between them; each object is there once.
        where: What the text is called in messages.

    Returns:
        float32 (SIZE,).

    Raises:
        UserError: It is no such text, there are too many objects, or it tells too little or what cannot be.
    """
    names: list[str] = []
    relations: list[Relation] = []
    for sentence in filter(None, (" ".join(part.split()) for part in text.split(";"))):
        subject, relation, other = _sentence(sentence, where)
        names += [name for name in (subject, other) if name not in names]
        if len(names) > SLOTS:
            raise UserError(f"{where} has more than {SLOTS} objects, {', '.join(names)}: leave one out")
        i, j = names.index(subject), names.index(other)
        if any({i, j} == {first, last} for first, _, last in relations):
            raise UserError(f"{where} says two things of {subject} and {other}: leave one out")
        relations.append((i, RELATIONS.index(relation), j))
    if not relations:
        raise UserError(f"{where} has no sentence: write one, like {_EXAMPLE}")
    _check(names, relations, where)
    kinds: list[int | None] = [KINDS.index(name) for name in names]
    return encode(kinds + [None] * (SLOTS - len(kinds)), relations)


def _sentence(sentence: str, where: str) -> tuple[str, str, str]:
    """Its subject, relation and object."""
    first, *middle = sentence.split(" ")
    relation, last = " ".join(middle[:-1]), middle[-1] if middle else ""
    if relation not in RELATIONS:
        known = nearest(relation, RELATIONS)
        raise UserError(f"{where}: {sentence!a} has no relation between two objects ({known}): write {_EXAMPLE}")
    for name in (first, last):
        if name not in KINDS:
            raise UserError(f"{where}: {name!a} is no object: {nearest(name, KINDS)}")
    if first == last:
        raise UserError(f"{where}: {sentence!a}, but each object is there once: name another one")
    if relation == RELATIONS[_INSIDE] and last != KINDS[_FRAME]:
        digit = last if first == KINDS[_FRAME] else first
        raise UserError(f"{where}: {sentence!a}, but only a frame has an inside: write '{digit} inside frame'")
    return first, relation, last


def _check(names: Sequence[str], relations: Sequence[Relation], where: str) -> None:
    """Refuses what cannot be drawn.

    Raises:
        UserError: Two objects inside the frame, something on two sides of another, or two objects that nothing holds apart.
    """
    within = {i: j for i, relation, j in relations if relation == _INSIDE}
    if len(within) > 1:
        raise UserError(f"{where}: a frame holds one digit, not {len(within)}: leave one out")
    for relation in range(len(RELATIONS)):
        # An object inside another lies where that lies.
        before = np.zeros((len(names), len(names)), bool)
        for i, which, j in relations:
            if which == relation != _INSIDE:
                before[within.get(i, i), within.get(j, j)] = True
        if (before | before @ before | before @ before @ before).diagonal().any():
            raise UserError(f"{where} goes in a circle of {RELATIONS[relation]!r}: leave a sentence out")
    if pair := ambiguous(relations):
        one, other = (names[index] for index in pair)
        raise UserError(f"{where} says the same of {one} and {other}: say, too, how they lie to each other")

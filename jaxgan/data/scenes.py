"""Scenes: digits and frames on a canvas, with their boxes, their masks, and a graph of how they lie to each other."""

import numpy as np

from jaxgan.core.scene_graph import KINDS, RELATIONS, SLOTS, encode
from jaxgan.data.digits import NATIVE_SIZE, DigitPictures
from jaxgan.data.sources import ArraySource

CANVAS = 32
_FRAME = 14  # pixels of a frame's side
_NUMBER = {"train": 6000, "test": 500}
_LEFT, _ABOVE, _INSIDE = range(len(RELATIONS))

Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels


def scenes(name: str, split: str) -> ArraySource:
    """Scenes of two or three objects on a dark canvas of 32x32 pixels.

    Objects are digits of 8x8 pixels and, in one scene of three, a frame of 14x14 with a digit inside; digits beside it lie
    outside, and nothing overlaps. A relation is told of all pairs but, mostly, one of three: the axis along which the middles
    of the two are farther apart says which one, "left of" or "above".

    Args:
        name: What the source is called in messages.
        split: Either "train" (6,000 scenes) or "test" (500, of held-out digits).

    Returns:
        Records of "image", uint8 (32, 32, 1); "graph", float32 (SIZE,), see `jaxgan.core.scene_graph`; "boxes", float32 (12,),
        left, top, right and bottom of each object as shares of the canvas, zeros for none; and "masks", uint8 (8, 8, 3), where
        within its box each object has ink.

    Raises:
        DataError: Another split.
    """
    digits = DigitPictures(split)
    random = np.random.default_rng({"train": 0, "test": 1}[split])
    records = [_scene(random, digits) for _ in range(_NUMBER[split])]
    arrays = {key: np.stack([record[key] for record in records]) for key in records[0]}
    return ArraySource(name, arrays, metrics=("scene_graphs",))


def _scene(random: np.random.Generator, digits: DigitPictures) -> dict[str, np.ndarray]:
    framed = random.random() < 1 / 3
    number = 3 if framed else int(random.choice([2, 3], p=[0.3, 0.7]))
    while (boxes := _placed(random, number, framed)) is None:
        pass
    image, masks = np.zeros((CANVAS, CANVAS), np.uint8), np.zeros((SLOTS, NATIVE_SIZE, NATIVE_SIZE), np.uint8)
    kinds: list[int | None] = [None] * SLOTS
    slots, shares = random.permutation(number), np.zeros((SLOTS, 4), np.float32)
    used: set[int] = set()
    for slot, (left, top, right, bottom) in zip(slots, boxes, strict=True):
        shares[slot] = np.array([left, top, right, bottom]) / CANVAS
        if right - left == _FRAME:
            kinds[slot] = KINDS.index("frame")
            edge = np.ones((_FRAME, _FRAME), bool)
            edge[1:-1, 1:-1] = False
            image[top:bottom, left:right][edge] = 160
            masks[slot] = 255
            masks[slot, 1:-1, 1:-1] = 0
            continue
        while True:  # a graph in words has each digit once
            picture, label = digits.open(int(random.integers(len(digits))))
            if label not in used:
                break
        used.add(label)
        kinds[slot] = label
        ink = np.asarray(picture)
        image[top:bottom, left:right] = ink
        masks[slot] = np.where(ink >= 64, 255, 0)
    placed = {int(slot): box for slot, box in zip(slots, boxes, strict=True)}
    pairs = [(i, j) for i in range(number) for j in range(i + 1, number)]
    if number == 3 and random.random() < 0.7:
        out = [pair for pair in pairs if _relation(placed, *pair)[1] != _INSIDE]
        pairs.remove(out[int(random.integers(len(out)))])
    relations = [_relation(placed, *pair) for pair in pairs]
    return {
        "image": image[:, :, None],
        "graph": encode(kinds, relations),
        "boxes": shares.ravel(),
        "masks": masks.transpose(1, 2, 0),
    }


def _placed(random: np.random.Generator, number: int, framed: bool) -> list[Box] | None:
    """Boxes of so many objects, a frame and the digit in it first; None if two overlap."""
    boxes: list[Box] = []
    apart: list[Box] = []  # those that nothing may overlap
    if framed:
        left, top = (int(x) for x in random.integers(0, CANVAS - _FRAME + 1, 2))
        boxes.append((left, top, left + _FRAME, top + _FRAME))
        apart.append(boxes[0])
        gap = (_FRAME - NATIVE_SIZE) // 2
        left, top = (start + gap + int(random.integers(-1, 2)) for start in (left, top))
        boxes.append((left, top, left + NATIVE_SIZE, top + NATIVE_SIZE))
    while len(boxes) < number:
        left, top = (int(x) for x in random.integers(0, CANVAS - NATIVE_SIZE + 1, 2))
        box = (left, top, left + NATIVE_SIZE, top + NATIVE_SIZE)
        if any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in apart):
            return None
        boxes.append(box)
        apart.append(box)
    return boxes


def _relation(placed: dict[int, Box], i: int, j: int) -> tuple[int, int, int]:
    a, b = placed[i], placed[j]
    for one, other, inner, outer in ((i, j, a, b), (j, i, b, a)):
        if outer[0] < inner[0] and inner[2] < outer[2] and outer[1] < inner[1] and inner[3] < outer[3]:
            return one, _INSIDE, other
    right, down = (b[0] + b[2]) - (a[0] + a[2]), (b[1] + b[3]) - (a[1] + a[3])
    which, signed = (_LEFT, right) if abs(right) >= abs(down) else (_ABOVE, down)
    return (i, which, j) if signed > 0 else (j, which, i)

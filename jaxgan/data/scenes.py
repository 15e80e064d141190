"""Scenes: digits and frames on a canvas, with their boxes, their masks, and a graph of how they lie to each other."""

import numpy as np

from jaxgan.core.scene_graph import KINDS, RELATIONS, SLOTS, Relation, ambiguous, encode
from jaxgan.data.digits import NATIVE_SIZE, DigitPictures
from jaxgan.data.sources import ArraySource

CANVAS = 32
_FRAME = 14  # pixels of a frame's side
_FRAME_INK = 160
_MASK_INK = 64  # from which on a pixel is part of a digit
_NUMBER = {"train": 6000, "test": 500}
_LEFT, _ABOVE, _INSIDE = range(len(RELATIONS))

Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels


def scenes(name: str, split: str) -> ArraySource:
    """Scenes of two or three objects on a dark canvas of 32x32 pixels.

    Objects are digits of 8x8 pixels, each at most once, and in half of the scenes a frame of 14x14, mostly with a digit inside;
    nothing else overlaps. Of two objects the axis along which their middles are farther apart says which relation holds, "left
    of" or "above". In two of three scenes with three objects a pair is left out of which the other relations tell enough.

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
    random = np.random.default_rng(list(_NUMBER).index(split))
    records = [_scene(random, digits) for _ in range(_NUMBER[split])]
    arrays = {key: np.stack([record[key] for record in records]) for key in records[0]}
    return ArraySource(f"{name} ({split})", arrays, metrics=("scene_graphs",))


def _scene(random: np.random.Generator, digits: DigitPictures) -> dict[str, np.ndarray]:
    number, framed = 2 + int(random.random() < 0.7), random.random() < 0.5
    held = framed and random.random() < 0.7
    boxes = None
    while boxes is None:
        boxes = _placed(random, number, framed, held)
    boxes = [boxes[index] for index in random.permutation(number)]
    image, masks = np.zeros((CANVAS, CANVAS), np.uint8), np.zeros((SLOTS, NATIVE_SIZE, NATIVE_SIZE), np.uint8)
    kinds: list[int | None] = []
    for mask, (left, top, right, bottom) in zip(masks, boxes, strict=False):
        part = image[top:bottom, left:right]
        if right - left == _FRAME:
            kinds.append(KINDS.index("frame"))
            for array, ink in ((part, _FRAME_INK), (mask, 255)):
                array[[0, -1]] = array[:, [0, -1]] = ink
            continue
        label = None
        while label is None or label in kinds:
            picture, label = digits.open(int(random.integers(len(digits))))
        kinds.append(label)
        part[:] = np.asarray(picture)
        mask[part >= _MASK_INK] = 255
    shares = np.zeros((SLOTS, 4), np.float32)
    shares[:number] = np.array(boxes) / CANVAS
    return {
        "image": image[:, :, None],
        "graph": encode(kinds + [None] * (SLOTS - number), _told(random, boxes)),
        "boxes": shares.ravel(),
        "masks": masks.transpose(1, 2, 0),
    }


def _placed(random: np.random.Generator, number: int, framed: bool, held: bool) -> list[Box] | None:
    """Boxes of so many objects: the frame, the digit that it holds, then others; None if two overlap."""
    boxes: list[Box] = []
    while len(boxes) < number:
        side = _FRAME if framed and not boxes else NATIVE_SIZE
        left, top = (int(start) for start in random.integers(0, CANVAS - side + 1, 2))
        if held and len(boxes) == 1:  # in the middle of the frame, or a pixel beside it
            gap = (_FRAME - NATIVE_SIZE) // 2
            left, top = (boxes[0][axis] + gap + int(random.integers(-1, 2)) for axis in range(2))
        elif any(left < b[2] and b[0] < left + side and top < b[3] and b[1] < top + side for b in boxes):
            return None
        boxes.append((left, top, left + side, top + side))
    return boxes


def _told(random: np.random.Generator, boxes: list[Box]) -> list[Relation]:
    """The relations of a scene's graph."""
    number = len(boxes)
    whole = [_relation(boxes, i, j) for i in range(number) for j in range(i + 1, number)]
    fewer = [whole[:index] + whole[index + 1 :] for index in range(number) if number == SLOTS]
    enough = [told for told in fewer if _tells_enough(boxes, told)]
    if enough and random.random() < 2 / 3:
        return enough[int(random.integers(len(enough)))]
    return whole


def _tells_enough(boxes: list[Box], told: list[Relation]) -> bool:
    """Whether what lies inside the frame is still told so, and the two objects of which nothing is told are held apart."""
    inside = any(_relation(boxes, i, j)[1] == _INSIDE for i in range(len(boxes)) for j in range(i))
    return ambiguous(told) is None and (not inside or any(relation == _INSIDE for _, relation, _ in told))


def _relation(boxes: list[Box], i: int, j: int) -> Relation:
    """How two objects lie to each other."""
    for one, other in ((i, j), (j, i)):
        inner, outer = boxes[one], boxes[other]
        if outer[0] < inner[0] and inner[2] < outer[2] and outer[1] < inner[1] and inner[3] < outer[3]:
            return one, _INSIDE, other
    a, b = boxes[i], boxes[j]
    right, down = (b[0] + b[2]) - (a[0] + a[2]), (b[1] + b[3]) - (a[1] + a[3])
    which, signed = (_LEFT, right) if abs(right) >= abs(down) else (_ABOVE, down)
    return (i, which, j) if signed > 0 else (j, which, i)

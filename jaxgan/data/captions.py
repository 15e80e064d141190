"""Digits with sentences that tell what can be seen: the digit, how thick, how large and how slanted it is, and two colours."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from PIL import Image

from jaxgan.core.arrays import ArraySpec
from jaxgan.core.text import encode
from jaxgan.data.digits import DigitPictures
from jaxgan.data.sources import Record, Source
from jaxgan.data.specs import image_spec, label_spec

LENGTH = 80  # characters of a caption
COPIES = 4  # pictures of each digit, each of other looks

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# No ink lies between a ground and another ink, so that a picture tells both.
INKS = {"white": (255, 255, 255), "red": (230, 40, 40), "orange": (255, 150, 0), "yellow": (250, 240, 70)}
INKS["green"] = (60, 210, 80)
GROUNDS = {"black": (0, 0, 0), "blue": (20, 40, 170), "purple": (100, 20, 120)}
THICKNESSES = {"thin": 0.11, "thick": 0.2}  # of a stroke, as a share of the digit's height; see `stroke`
SIZES = {"small": 0.7, "large": 0.95}  # the height of the digit, as a share of the picture's
TILTS = {"leaning left": 0.4, "upright": 0.0, "leaning right": -0.4}  # pixels to the right for each pixel down

_FINE = 4  # points along a side of a pixel at which ink is looked up
_ENLARGED = 60  # side of the digit that it is looked up in; its own eight pixels and two of margin on each side
_MARGIN = 2
_LEVELS = (0.05, 0.85)  # shares of full ink between which a stroke is drawn


class Looks(NamedTuple):
    """What a caption tells; each is a word of the tables above."""

    digit: str
    ink: str
    ground: str
    thickness: str
    size: str
    tilt: str


_MAY_BE_LEFT_OUT = ("thickness", "size", "tilt")
CAPTIONS = 4  # of a picture, a sentence of each form


def sentences(looks: Looks, random: np.random.Generator) -> tuple[str, ...]:
    """A sentence of each of four forms; each may leave out the thickness, the size and the tilt, every third time."""
    made = []
    for form in range(CAPTIONS):
        left_out = {name: "" for name in _MAY_BE_LEFT_OUT if random.random() < 1 / 3}
        digit, ink, ground, thickness, size, tilt = looks._replace(**left_out)
        if form == 0:
            made.append(_listed(f"{_a(size, thickness, ink, digit)} on {ground}", tilt))
        elif form == 1:
            made.append(" ".join(filter(None, (f"{ground} ground with", _a(size, thickness, ink, digit), tilt))))
        elif form == 2:
            made.append(_listed(f"the digit {digit}", size, thickness, ink, tilt, f"on a {ground} ground"))
        else:
            made.append(_listed(f"on {ground}: {_a(thickness, digit)} in {ink}", size, tilt))
    return tuple(made)


def _a(*words: str) -> str:
    """The words that are not empty, behind their article."""
    said = " ".join(filter(None, words))
    return f"{'an' if said[0] in 'aeiou' and not said.startswith('one') else 'a'} {said}"


def _listed(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def told(caption: str) -> dict[str, str]:
    """What a sentence of these tells, by the names of `Looks`: those that it leaves out are missing."""
    words = caption.replace(",", " ").replace(":", " ").split()
    tables: Mapping[str, Mapping[str, object] | tuple[str, ...]] = {
        "digit": WORDS, "ink": INKS, "ground": GROUNDS, "thickness": THICKNESSES, "size": SIZES,
    }  # fmt: skip
    found = {name: next((word for word in words if word in table), "") for name, table in tables.items()}
    found["tilt"] = next((tilt for tilt in TILTS if tilt in caption), "")
    return {name: word for name, word in found.items() if word}


def slant(ink: np.ndarray) -> float:
    """How far a shape leans: pixels to the right for each pixel down, by its second moments.

    Args:
        ink: (H, W), 0 where there is none.
    """
    total = ink.sum()
    rows, columns = np.mgrid[: ink.shape[0], : ink.shape[1]]
    down, right = rows - (ink * rows).sum() / total, columns - (ink * columns).sum() / total
    return float((ink * down * right).sum() / (ink * down * down).sum())


def stroke(ink: np.ndarray) -> float:
    """How thick the strokes of a shape are, as a share of its height: twice its area over the length of its outline.

    Args:
        ink: (H, W) in [0, 1]; the outline is where it changes, from pixel to pixel along either axis.
    """
    rows = np.flatnonzero((ink >= 0.5).any(axis=1))
    if not len(rows):
        return 0.0
    padded = np.pad(ink, 1).astype(np.float32)
    outline = np.abs(padded[1:] - padded[:-1]).sum() + np.abs(padded[:, 1:] - padded[:, :-1]).sum()
    return float(2 * padded.sum() / outline / (rows[-1] + 1 - rows[0]))


def draw(pixels: np.ndarray, looks: Looks, size: tuple[int, int]) -> np.ndarray:
    """A digit with these looks; however its writer slanted it, it leans as they say.

    Args:
        pixels: uint8 (8, 8), light ink on black.
        looks: The digit's own is not looked at.
        size: (height, width) of the picture.

    Returns:
        uint8 (height, width, 3).
    """
    large = Image.fromarray(np.pad(pixels, _MARGIN).astype(np.float32)).resize(
        (_ENLARGED, _ENLARGED), Image.Resampling.BICUBIC
    )
    ink = np.clip(np.asarray(large) / pixels.max(), 0, 1)
    # Writers pressed differently: the share of full ink above which the stroke is as thick as it is to be, by bisection.
    low, high = _LEVELS
    for _ in range(5):
        level = (low + high) / 2
        low, high = (level, high) if stroke(ink > level) > THICKNESSES[looks.thickness] else (low, level)
    shape = ink > high
    rows = np.flatnonzero(shape.any(axis=1))
    height, lean = rows[-1] + 1 - rows[0], slant(shape)
    # From a point of the picture to one of the enlarged digit: x' = x / s + (own slant - tilt) y / s, y' = y / s.
    scale = SIZES[looks.size] * size[0] * _FINE / height
    # A wide digit is made as narrow as the picture.
    lean -= TILTS[looks.tilt]
    down, right = np.mgrid[:_ENLARGED, :_ENLARGED]
    upright = right - lean * (down - (rows[0] + rows[-1]) / 2)
    left, end = upright[shape].min(), upright[shape].max()
    across = min(scale, 0.95 * size[1] * _FINE / (end - left + 1))
    y = (np.arange(size[0] * _FINE) + 0.5 - size[0] * _FINE / 2)[:, None] / scale
    x = (np.arange(size[1] * _FINE) + 0.5 - size[1] * _FINE / 2)[None] / across + (left + end) / 2 + lean * y
    y = np.broadcast_to(y + (rows[0] + rows[-1]) / 2, x.shape)
    inside = (x > 0) & (x < _ENLARGED - 1) & (y > 0) & (y < _ENLARGED - 1)
    drawn = shape[np.where(inside, y, 0).round().astype(int), np.where(inside, x, 0).round().astype(int)] & inside
    share = drawn.reshape(size[0], _FINE, size[1], _FINE).mean(axis=(1, 3))[..., None]
    ground, colour = np.array(GROUNDS[looks.ground]), np.array(INKS[looks.ink])
    return np.round(ground + share * (colour - ground)).astype(np.uint8)


class CaptionedDigits(Source):
    """Four pictures of each digit, with four captions each; what they look like is a function of the index alone.

    Records are "image", uint8 (H, W, 3), "label", the digit, and "caption", int32 (4, 80). The held-out digits are those of
    `DigitPictures`.

    Args:
        split: "train" or "test".
        size: (height, width) of the pictures.
        metrics: As in `Source`.

    Raises:
        DataError: Another split.
    """

    def __init__(self, split: str, size: tuple[int, int], metrics: tuple[str, ...] = ()) -> None:
        self._digits, self._size, self._split = DigitPictures(split), size, split
        self.name, self.metrics = f"captions ({split})", metrics
        self.arrays = {
            "image": image_spec((*size, 3)),
            "label": label_spec(self._digits.class_names),
            "caption": ArraySpec((CAPTIONS, LENGTH), "int32", "text"),
        }

    def __len__(self) -> int:
        return COPIES * len(self._digits)

    def looks(self, index: int) -> tuple[Looks, tuple[str, ...]]:
        """What picture `index` looks like, and the sentences that tell of it."""
        random = np.random.default_rng((("train", "test").index(self._split), index))
        _, label = self._digits.open(index // COPIES)
        tables = (INKS, GROUNDS, THICKNESSES, SIZES, TILTS)
        looks = Looks(WORDS[label], *(tuple(table)[random.integers(len(table))] for table in tables))
        return looks, sentences(looks, random)

    def record(self, index: int, draws: np.ndarray | None) -> Record:
        looks, captions = self.looks(index)
        picture, label = self._digits.open(index // COPIES)
        numbers = [encode(caption, LENGTH, f"caption of picture {index}") for caption in captions]
        image = draw(np.asarray(picture), looks, self._size)
        return {"image": image, "label": np.int32(label), "caption": np.stack(numbers)}

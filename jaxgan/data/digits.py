"""scikit-learn's 1,797 handwritten digits, and the second domains that are made of them."""

import colorsys
import functools
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from jaxgan.data.errors import DataError, nearest
from jaxgan.data.images import Attributes
from jaxgan.data.order import augmentation_draws
from jaxgan.data.specs import numbered

NATIVE_SIZE = 8
PLAIN = "digits"  # what the domain of digits as they are is called


@functools.cache
def _digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(1797, 8, 8) uint8 pictures, (1797,) int32 labels, and (1797,) int rank of each among those of its label."""
    from sklearn.datasets import load_digits

    data = load_digits()
    # The values are 0 to 16; 16 is full ink.
    pixels = np.round(data.images * (255 / 16)).astype(np.uint8)
    labels = data.target.astype(np.int32)
    ranks = np.empty(len(labels), np.int64)
    for label in range(10):
        ranks[labels == label] = np.arange(np.count_nonzero(labels == label))
    return pixels, labels, ranks


class DigitPictures:
    """Digits as pictures of 8x8 pixels, light ink on black, in scikit-learn's order.

    Every fifth digit of each class is held out, so both splits have the classes in equal shares: 1,438 digits to train
    and 359 to test. Parts of the training digits, too, have the classes in equal shares.

    Args:
        split: Either "train" or "test".
        part: Which of how many parts of them, (0, 2) for the first half; two parts have no digit in common.
        tinted: Whether the ink of each digit has a colour of its own; otherwise pictures are grey.

    Raises:
        DataError: Another split.
    """

    class_names = numbered(10)
    labels: np.ndarray | None = None  # nothing to find out: all can be read

    def __init__(self, split: str, part: tuple[int, int] = (0, 1), tinted: bool = False) -> None:
        if split not in ("train", "test"):
            raise DataError(f"data.split={split!r} is unknown to the digits; choose 'train' or 'test'")
        pixels, labels, ranks = _digits()
        held_out = ranks % 5 == 2
        chosen = held_out if split == "test" else ~held_out
        # In turn; and since every fifth digit is held out, each five of them begin at another part than the last.
        which, parts = part
        chosen &= (ranks + 12 * (ranks // 5)) % parts == which
        self._pixels, self._labels = pixels[chosen], labels[chosen]
        self._where = np.flatnonzero(chosen)
        self._tinted = tinted

    def __len__(self) -> int:
        return len(self._pixels)

    def open(self, index: int) -> tuple[Image.Image, int]:
        pixels = self._pixels[index]
        if self._tinted:
            pixels = np.round(pixels[:, :, None] * _tint(self._where[index])[None, None]).astype(np.uint8)
        return Image.fromarray(pixels), int(self._labels[index])

    def where(self, index: int) -> str:
        return f"digit {self._where[index]}"

    def stamp(self) -> str:
        return ""

    @property
    def numbers(self) -> np.ndarray:
        """(N,) of each digit in scikit-learn's order."""
        return self._where


def _tint(number: int) -> np.ndarray:
    """The colour of a digit's ink, (3,) in [0, 1]: fully saturated, its brightest channel 1, of a hue of its own."""
    # Multiples of the golden ratio, modulo 1, lie evenly on the circle of hues, however many are taken.
    return np.array(colorsys.hsv_to_rgb(number * 0.6180339887498949 % 1.0, 1.0, 1.0))


def _inverted(image: np.ndarray) -> np.ndarray:
    return 255 - image


def _thickened(image: np.ndarray) -> np.ndarray:
    """Grey dilation with a square that reaches one pixel each way, up to 16x16, and size // 16 pixels beyond."""
    height, width = image.shape[:2]
    radius = max(1, min(height, width) // 16)
    padded = np.pad(image, [(radius, radius), (radius, radius), (0, 0)])
    shifts = range(2 * radius + 1)
    rows = functools.reduce(np.maximum, [padded[shift : shift + height] for shift in shifts])
    return functools.reduce(np.maximum, [rows[:, shift : shift + width] for shift in shifts])


def _edges(image: np.ndarray) -> np.ndarray:
    """The morphological outer gradient: dilation minus image."""
    return _thickened(image) - image


def _dim(image: np.ndarray) -> np.ndarray:
    """Ink of two fifths."""
    return np.round(image * 0.4).astype(np.uint8)


def _bar(image: np.ndarray) -> np.ndarray:
    """A bar of full ink along the left side, an eighth of the width."""
    return np.where(np.arange(image.shape[1])[None, :, None] < max(1, image.shape[1] // 8), np.uint8(255), image)


def _thresholded(image: np.ndarray) -> np.ndarray:
    """Full ink or none; coloured ink keeps its hue."""
    ink = image.max(axis=2, keepdims=True)
    full = np.round(image * (255.0 / np.maximum(ink, 1))).astype(np.uint8)
    return np.where(ink < 128, np.uint8(0), full)


def _low_resolution(image: np.ndarray) -> np.ndarray:
    """Means over a grid of 4x4 cells, shown at full size."""
    height, width = image.shape[:2]
    if height % 4 or width % 4:
        raise DataError(f"data.domain='low_resolution' needs an image_size divisible by 4, not {height}x{width}")
    return _means(image, (4, 4)).repeat(height // 4, axis=0).repeat(width // 4, axis=1)


def _means(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Means over a grid of cells, one pixel each: the image at a lower resolution."""
    height, width, channels = image.shape
    if height % size[0] or width % size[1]:
        raise DataError(
            f"data.domain='low_resolution' needs a data.image_size that is a multiple of data.image_size_b, not "
            f"{height}x{width} of {size[0]}x{size[1]}"
        )
    cells = image.reshape(size[0], height // size[0], size[1], width // size[1], channels)
    return np.round(cells.mean(axis=(1, 3))).astype(np.uint8)


def _left_half(image: np.ndarray) -> np.ndarray:
    """The right half is dark."""
    return np.where(np.arange(image.shape[1])[None, :, None] < image.shape[1] // 2, image, np.uint8(0))


def _coloured(image: np.ndarray) -> np.ndarray:
    """Orange ink on dark blue: each channel is its own linear function of the ink."""
    if image.shape[2] != 3:
        raise DataError(f"data.domain='coloured' needs data.channels=3, not {image.shape[2]}")
    ground, ink = np.array([0.0, 0.0, 96.0]), np.array([255.0, 160.0, 0.0])
    share = image / 255.0
    return np.round(ground[None, None] * (1 - share) + ink[None, None] * share).astype(np.uint8)


DOMAINS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "inverted": _inverted,
    "edges": _edges,
    "thickened": _thickened,
    "dim": _dim,
    "bar": _bar,
    "thresholded": _thresholded,
    "low_resolution": _low_resolution,
    "coloured": _coloured,
    "left_half": _left_half,
}


def domain_transform(
    name: str, size: tuple[int, int] | None = None, field: str = "domain"
) -> Callable[[np.ndarray], np.ndarray]:
    """The function, from uint8 (H, W, C) to the same, that takes a digit to another domain.

    Args:
        name: One of `DOMAINS`.
        size: For "low_resolution": the result is (*size, C), each pixel the mean of its cell; None: means of 4x4 cells, shown
            at the size of the digit.
        field: That of `data` which names it, for errors.

    Raises:
        DataError: An unknown name.
    """
    if name not in DOMAINS:
        said = (
            f"data.domain={name!r} is unknown"
            if field == "domain"
            else f"data.{field} names {name!r}, which is unknown"
        )
        raise DataError(f"{said}{nearest(name, DOMAINS)} (there are {', '.join(DOMAINS)})")
    return functools.partial(_means, size=size) if name == "low_resolution" and size else DOMAINS[name]


def digit_attributes(pictures: DigitPictures, names: Sequence[str]) -> Attributes:
    """Changes that are made to half of the digits each, all independent of each other and of the class.

    Args:
        pictures: The digits.
        names: Of `DOMAINS`; a digit that has several of them is changed in this order.

    Raises:
        DataError: An unknown name.
    """
    drawn = tuple(domain_transform(name, field="attributes") for name in names)
    coins = [augmentation_draws(pictures.numbers, 0, which)[:, 0] < 0.5 for which in range(len(names))]
    return Attributes(tuple(names), np.stack(coins, axis=1).astype(np.float32), drawn)

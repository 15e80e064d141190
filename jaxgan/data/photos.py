"""scikit-learn's two photographs, and images that come with themselves at a lower resolution."""

import functools

import numpy as np
from PIL import Image

from jaxgan.data.errors import DataError, nearest
from jaxgan.data.sources import Record, Source
from jaxgan.data.specs import image_spec
from jaxgan.data.transform import bicubic

PHOTOS = ("china", "flower")


@functools.cache
def _photo(name: str) -> np.ndarray:
    """(427, 640, 3) uint8."""
    from sklearn.datasets import load_sample_image

    return np.array(load_sample_image(f"{name}.jpg"))


class PhotoPictures:
    """The photographs of a palace in China and of a flower, cut in the middle: their left halves train, their right ones test.

    A half of 427x320 pixels is covered by cells of the size of a crop; a picture is a cell and half a cell around it, as far as
    the half reaches, so that a random crop of it lies somewhere near; the central one is the cell. No pixel is in both splits.

    Args:
        split: Either "train" or "test".
        name: "china" or "flower"; "" for both.
        size: (height, width) of the crops; None: a picture is a whole half.

    Raises:
        DataError: Another split or photograph, or crops that are larger than a half.
    """

    class_names: tuple[str, ...] = ()
    labels: np.ndarray | None = None

    def __init__(self, split: str, name: str = "", size: tuple[int, int] | None = None) -> None:
        if split not in ("train", "test"):
            raise DataError(f"data.split={split!r} is unknown to the photos; choose 'train' or 'test'")
        if name and name not in PHOTOS:
            raise DataError(
                f"data.path={name!r} is none of the photos{nearest(name, PHOTOS)} (there are {', '.join(PHOTOS)})"
            )
        self._split = split
        self._places: list[tuple[str, int, int, int, int]] = []  # photograph, top, left, bottom, right
        self._cells: list[tuple[int, int, int, int]] = []
        for photo in (name,) if name else PHOTOS:
            height, width = self._half(photo).shape[:2]
            if size is None:
                self._places.append((photo, 0, 0, height, width))
                self._cells.append((0, 0, height, width))
                continue
            if size[0] > height or size[1] > width:
                raise DataError(
                    f"data.image_size={size[0]}x{size[1]} is larger than half a photo, {height}x{width}; lower it"
                )
            for top in np.linspace(0, height - size[0], height // size[0]).astype(int):
                for left in np.linspace(0, width - size[1], width // size[1]).astype(int):
                    low = max(0, int(top) - size[0] // 2), max(0, int(left) - size[1] // 2)
                    high = min(height, int(top) + size[0] * 3 // 2), min(width, int(left) + size[1] * 3 // 2)
                    self._places.append((photo, *low, *high))
                    self._cells.append((int(top), int(left), int(top) + size[0], int(left) + size[1]))

    def _half(self, name: str) -> np.ndarray:
        whole = _photo(name)
        middle = whole.shape[1] // 2
        return whole[:, :middle] if self._split == "train" else whole[:, middle:]

    def __len__(self) -> int:
        return len(self._places)

    def open(self, index: int) -> tuple[Image.Image, None]:
        name, top, left, bottom, right = self._places[index]
        return Image.fromarray(self._half(name)[top:bottom, left:right]), None

    def open_centre(self, index: int) -> tuple[Image.Image, None]:
        """The cell alone: at the border of a half it is not the middle of its picture."""
        top, left, bottom, right = self._cells[index]
        return Image.fromarray(self._half(self._places[index][0])[top:bottom, left:right]), None

    def where(self, index: int) -> str:
        name, top, left, *_ = self._places[index]
        return f"photo {name} from row {top} and column {left} of its {self._split} half"

    def stamp(self) -> str:
        return ""


class LowResolution(Source):
    """The records of a source, and beside each "image" itself as "low_resolution", so many times smaller on each side.

    It is made of the image as it was cropped and mirrored, by Pillow's bicubic filter, antialiased, as MATLAB's `imresize` and
    the papers on super-resolution have it (Ledig et al. 2017, arXiv:1609.04802, section 3.2).

    Args:
        source: A source of images, of one size.
        factor: 2 or more; it divides their sides.

    Raises:
        DataError: The images differ in size, or their sides are no multiples of the factor.
    """

    def __init__(self, source: Source, factor: int) -> None:
        source.check_batchable()
        spec = source.arrays.get("image")
        if spec is None or spec.kind != "image":
            raise DataError(
                f"data.scale_factor={factor}, but {source.name} has no images to make smaller; leave it out"
            )
        height, width, channels = spec.shape
        if height % factor or width % factor:
            raise DataError(
                f"data.scale_factor={factor} does not divide the images of {source.name}, {height}x{width}; "
                f"set data.image_size to a multiple of {factor}"
            )
        self._source, self._size = source, (height // factor, width // factor)
        self.name = f"{source.name}, and {factor} times smaller"
        self.arrays = {**source.arrays, "low_resolution": image_spec((*self._size, channels))}
        self.metrics = ("super_resolution", *source.metrics)
        self.flip, self.fixed = source.flip, source.fixed

    def __len__(self) -> int:
        return len(self._source)

    @property
    def unreadable(self) -> int:
        return self._source.unreadable

    def stamp(self) -> str:
        return self._source.stamp()  # the factor is in the name

    def record(self, index: int, draw: np.ndarray | None) -> Record:
        record = self._source.record(index, draw)
        return {**record, "low_resolution": bicubic(record["image"], self._size)}

"""What the commands are given: folders of images, files of latents, and text."""

import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxgan.core.arrays import ArraySpec
from jaxgan.core.text import encode
from jaxgan.core.tiling import Tiling
from jaxgan.data import DataError
from jaxgan.data.containers import open_container
from jaxgan.data.transform import Transform, upright, upright_size
from jaxgan.errors import UserError
from jaxgan.foreign import PictureError, below, check_pixels, read_npz

_CHUNK = 64  # images in memory at a time ...
_PIXELS = 2**22  # ... but of larger ones, that may be of any size, fewer
_WHOLE = 2**24  # pixels of an image that a network sees in one piece: maps of 64 channels then take 4 GiB


class InputImages:
    """The images of `--input` or another option, as a game sees them.

    Args:
        path: A folder or a zip.
        option: What the option is called.

    Attributes:
        names: Of all images, in order.

    Raises:
        UserError: There are none.
    """

    def __init__(self, path: Path, option: str = "input") -> None:
        self._option, self._path = option, path
        try:
            self._container = open_container(str(path))
        except DataError as error:
            raise UserError(f"--{option}={path}: {str(error).split('; set data.path')[0]}") from error
        self.names = tuple(self._container.names)

    def read(
        self, spec: ArraySpec, data: ConfigDict, everywhere: bool = False
    ) -> Iterator[tuple[list[str], np.ndarray]]:
        """Reads them, some at a time; one that cannot be read is named on stderr and left out.

        Args:
            spec: What the game's images are like.
            data: The run's `config.data`: images are resized as in training, but without its random crops and what is enlarged
                for them.
            everywhere: Not in order, but each time from everywhere in the folder: batch norm's statistics are of images that
                are asked about together, and those that stand behind one another may be of one class.

        Yields:
            Names, and float32 (B, H, W, C) in [-1, 1].

        Raises:
            UserError: The game's data are vectors.
        """
        if spec.kind != "image":
            raise UserError(f"--{self._option} is for images, but the data of this run are {spec.kind}s")
        height, width, channels = spec.shape
        resize = Transform((height, width), resize=data.resize, resample=data.resample, channels=channels)
        number = -(-len(self.names) // _CHUNK)
        for index in range(number):
            names = self.names[index::number] if everywhere else self.names[index * _CHUNK : (index + 1) * _CHUNK]
            found = {name: pixels for name in names if (pixels := self._read(name, resize)) is not None}
            if found:
                yield list(found), np.stack(list(found.values())).astype(np.float32) / 127.5 - 1.0

    def in_turn(self, spec: ArraySpec, data: ConfigDict) -> Iterator[np.ndarray]:
        """Each image (H, W, C), and all of them again and again; arguments and errors as in `read`.

        Raises:
            UserError: None of them can be read.
        """
        while True:
            found = False
            for _, images in self.read(spec, data):
                found = True
                yield from images
            if not found:
                raise UserError(f"--{self._option}={self._path}: none of its images can be read")

    def read_whole(self, channels: int, tiling: Tiling) -> Iterator[tuple[list[str], np.ndarray]]:
        """Reads them, each at its own size; else as `read`.

        Args:
            channels: Of the game's images.
            tiling: How images are taken. One that would become too large is named and left out, too.

        Yields:
            Names, and float32 (B, H, W, C) in [-1, 1]: images of one size that stand behind one another.
        """
        transform = Transform(None, channels=channels)
        names, together = list[str](), list[np.ndarray]()
        for name in self.names:
            pixels = self._read(name, transform, tiling)
            if pixels is None:
                continue
            most = min(_CHUNK, _PIXELS // math.prod(tiling.sides(*pixels.shape[:2])))
            if together and (pixels.shape != together[0].shape or len(together) >= most):
                yield names, np.stack(together).astype(np.float32) / 127.5 - 1.0
                names, together = [], []
            names.append(name)
            together.append(pixels)
        if together:
            yield names, np.stack(together).astype(np.float32) / 127.5 - 1.0

    def _read(self, name: str, transform: Transform, tiling: Tiling | None = None) -> np.ndarray | None:
        """One image, uint8 (H, W, C); None, with a word on stderr, if it cannot be read."""
        where = self._container.where(name)
        try:
            with self._container.open(name) as picture:
                if tiling is not None:
                    height, width = tiling.sides(*upright_size(picture))
                    check_pixels(width, height)
                    if tiling.reach is None and height * width > _WHOLE:
                        raise PictureError(f"it has more than {_WHOLE} pixels, too many for one piece; make it smaller")
                return transform(upright(picture), None, where)
        except (MemoryError, UserError):
            raise
        except Exception as error:  # whatever a decoder raises on broken bytes
            print(f"{where} cannot be read ({' '.join(str(error).split())}); skipped", file=sys.stderr)
            return None


def output_names(names: Sequence[str], folder: Path) -> dict[str, Path]:
    """The output of each input, which keeps its place and its stem.

    Raises:
        UserError: Two inputs have one output, or a name leads out of the folder.
    """
    outputs: dict[str, Path] = {}
    taken: dict[Path, str] = {}
    for name in names:
        path = below(folder, name).with_suffix(".png")
        if path in taken:
            raise UserError(f"{taken[path]} and {name} would both become {path}: rename one of them")
        outputs[name], taken[path] = path, name
    return outputs


def read_latents(option: str, path: Path, size: int | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Reads latents, and the classes that lie beside them.

    Args:
        option: What they are called.
        path: An .npz with an array of that name, or with one array; perhaps with "label".
        size: How many components each must have; None: any number.

    Returns:
        float32 (N, D), and int32 (N,) or None.

    Raises:
        UserError: The file cannot be read, or holds something else.
    """
    if path.exists() and not path.is_file():  # reading a pipe would wait for ever
        raise UserError(f"--{option}={path} is no file: give an .npz")
    try:
        arrays = read_npz(path)
    except UserError as error:
        raise UserError(f"--{option}={error}") from error
    label = arrays.pop("label", None)
    latents = arrays.get(option, next(iter(arrays.values())) if len(arrays) == 1 else None)
    if latents is None or latents.ndim != 2 or size not in (None, latents.shape[1]) or not len(latents):
        found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "nothing"
        raise UserError(f"--{option}={path} holds {found}; expected an array {option} (N, {size or 'D'})")
    with np.errstate(over="ignore"):
        finite = latents.dtype.kind in "fiu" and np.isfinite(latents.astype(np.float32)).all()
    if not finite:
        raise UserError(
            f"--{option}={path} holds latents that are no finite numbers (dtype {latents.dtype}): draw them anew"
        )
    if label is not None and (label.dtype.kind not in "iu" or label.shape != latents.shape[:1]):
        raise UserError(
            f"--{option}={path} holds label {label.shape} of dtype {label.dtype}; expected whole numbers ({len(latents)},)"
        )
    return np.asarray(latents, np.float32), None if label is None else np.asarray(label, np.int32)


def read_text(option: str, texts: Sequence[str], spec: ArraySpec) -> np.ndarray:
    """Text as a game sees it.

    Args:
        option: What it is called.
        texts: Sentences.
        spec: What the captions of the game's data are like.

    Returns:
        int32 (N, T).

    Raises:
        UserError: One is empty, too long, or in another script.
    """
    return np.stack([encode(text, spec.shape[-1], f"--{option}={text!a}") for text in texts])

"""What the commands are given: folders of images, and files of latents."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxgan.core.arrays import ArraySpec
from jaxgan.data import DataError
from jaxgan.data.files import open_container
from jaxgan.data.transform import Transform, upright
from jaxgan.errors import UserError
from jaxgan.foreign import below, read_npz

_CHUNK = 64  # images in memory at a time


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

    def read(self, spec: ArraySpec, data: ConfigDict) -> Iterator[tuple[list[str], np.ndarray]]:
        """Reads them, some at a time; one that cannot be read is named on stderr and left out.

        Args:
            spec: What the game's images are like.
            data: The run's `config.data`: images are resized as in training, but without its random crops and what is enlarged
                for them.

        Yields:
            Names, and float32 (B, H, W, C) in [-1, 1].

        Raises:
            UserError: The game's data are vectors.
        """
        if spec.kind != "image":
            raise UserError(f"--{self._option} is for images, but the data of this run are {spec.kind}s")
        height, width, channels = spec.shape
        resize = Transform((height, width), resize=data.resize, resample=data.resample, channels=channels)
        for start in range(0, len(self.names), _CHUNK):
            found = {}
            for name in self.names[start : start + _CHUNK]:
                where = self._container.where(name)
                try:
                    with self._container.open(name) as picture:
                        found[name] = resize(upright(picture), None, where)
                except (MemoryError, UserError):
                    raise
                except Exception as error:  # whatever a decoder raises on broken bytes
                    print(f"{where} cannot be read ({' '.join(str(error).split())}); skipped", file=sys.stderr)
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
    return np.asarray(latents, np.float32), None if label is None else np.asarray(label, np.int32)

"""Images that are arrays in a file: an .npz, or HDF5 by way of h5py."""

import os
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan.data.config import DataConfig
from jaxgan.data.errors import AbsentDataError, DataError
from jaxgan.data.items import ItemPictures, numbered_labels, source_of_items
from jaxgan.data.listing import stamp
from jaxgan.data.sources import Source
from jaxgan.errors import UserError
from jaxgan.foreign import read_npz

_IMAGES, _LABELS, _CLASSES = ("image", "images"), ("label", "labels"), ("classes",)


def npz(config: DataConfig) -> Source:
    """Images of an .npz: an array `image`, uint8 (N, H, W, C) or (N, H, W), and perhaps `label` and `classes`.

    Raises:
        DataError: The file is not there, or holds something else.
    """
    path = _file(config, (".npz",))
    try:
        found = read_npz(path, lambda name: name in (*_IMAGES, *_LABELS, *_CLASSES))
    except UserError as error:
        raise DataError(str(error)) from error
    return _source(config, path, found)


def hdf5(config: DataConfig) -> Source:
    """The same arrays of an HDF5 file, of which only what is asked for is read.

    Raises:
        DataError: h5py is not installed, or as `npz`.
    """
    try:
        import h5py
    except ImportError as error:
        raise DataError("data.name='hdf5' needs h5py: pip install 'jaxgan[hdf5]'") from error
    path = _file(config, (".h5", ".hdf5"))
    found: dict[str, Any] = {}
    try:
        with h5py.File(path, "r") as file:
            for name in (*_IMAGES, *_LABELS, *_CLASSES):
                if name not in file:
                    continue
                # What a link or an external storage leads to is a file of somebody else's choice.
                array, link = file[name], file.get(name, getlink=True)
                if not isinstance(link, h5py.HardLink) or not isinstance(array, h5py.Dataset) or array.external:
                    raise DataError(f"{path}: {name} is no array of the file itself; copy it into it")
                if name in _IMAGES:
                    found[name] = _Rows(path, name, array.shape, array.dtype)
                else:
                    found[name] = array.asstr()[:] if name in _CLASSES else array[:]
    except OSError as error:
        raise DataError(f"{path} cannot be read as HDF5 ({error}); repair it, or set data.path") from error
    return _source(config, path, found)


def _file(config: DataConfig, endings: tuple[str, ...]) -> str:
    """The file of a split: `data.path` itself, or `SPLIT.npz` in that folder."""
    path, split = os.path.expanduser(config.path), config.split
    if os.path.isdir(path):
        found = sorted(name for name in os.listdir(path) if name.lower().endswith(endings))
        name = next((name for name in found if os.path.splitext(name)[0].lower() == split.lower()), None)
        if name is None:
            raise DataError(
                f"{path} has no {split}{endings[0]} (it has {', '.join(found[:5]) or 'no such file'}); add it"
            )
        return os.path.join(path, name)
    if not os.path.exists(path):
        raise AbsentDataError(
            f"{path or 'data.path'} does not exist; set data.path to a file that ends in {endings[0]}"
        )
    if split != "train":
        both = f"train{endings[0]} and {split}{endings[0]}"
        raise DataError(f"{path} is not split; set data.path to a folder of {both}, or leave data.split")
    return path


def _source(config: DataConfig, path: str, found: Mapping[str, Any]) -> Source:
    def first(names: tuple[str, ...]) -> Any:
        return next((found[name] for name in names if name in found), None)

    image, classes = first(_IMAGES), first(_CLASSES)
    if image is None or image.dtype != np.uint8 or image.ndim not in (3, 4) or not len(image):
        told = "nothing" if image is None else f"{image.dtype} {tuple(image.shape)}"
        raise DataError(
            f"{path} holds {told} as its images; it must have an array 'image', uint8 (N, H, W, C) or (N, H, W)"
        )
    label, names = numbered_labels(first(_LABELS), () if classes is None else tuple(map(str, classes)))
    if label is not None and (label.dtype.kind not in "iu" or label.shape != (len(image),)):
        raise DataError(
            f"{path} has labels {label.dtype} {label.shape} for {len(image)} images; give a whole number for each"
        )
    return source_of_items(_Stamped(image, label, names if label is not None else (), path), path, config)


class _Stamped(ItemPictures):
    """Pictures of a file, which changes when they do."""

    def stamp(self) -> str:
        return stamp(self._name)


class _Rows:
    """The rows of an array in an HDF5 file; every process opens it for itself, and its threads take turns."""

    def __init__(self, path: str, name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.path, self.name, self.shape, self.dtype, self.ndim = path, name, shape, dtype, len(shape)
        self._lock, self._file = threading.Lock(), (0, None)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int) -> np.ndarray:
        import h5py

        with self._lock:
            process, file = self._file
            if file is None or process != os.getpid():
                file = h5py.File(self.path, "r")
                self._file = (os.getpid(), file)
            return file[self.name][index]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None, "_file": (0, None)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._lock = threading.Lock()

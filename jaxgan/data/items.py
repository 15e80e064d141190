"""Data that Python holds: arrays, and any object with a length and items, such as a dataset of torchvision or Hugging Face."""

import dataclasses
import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from jaxgan.data.building import image_source
from jaxgan.data.config import DataConfig, check_read, read_fields
from jaxgan.data.errors import DataError
from jaxgan.data.images import channels_of
from jaxgan.data.layouts import ordered
from jaxgan.data.sources import ArraySource, Source
from jaxgan.data.specs import label_spec, numbered
from jaxgan.data.wrapping import wrapped
from jaxgan.foreign import open_picture

MEMORY = "memory"  # what config.data.name is for data that were given so
# The fields of `data` that say what is made of pictures, wherever they come from.
FIELDS = frozenset(
    {"image_size", "load_size", "resize", "crop", "resample", "channels", "flip", "dequantize", "max_unreadable"}
    | {"labelled", "labelled_draw", "scale_factor"}
)
_IMAGES, _LABELS = ("image", "img"), ("label", "labels")  # what items that are mappings call them
_CHANNELS = (1, 3, 4)


def arrays(image: Any, label: Any = None, *, classes: Sequence[str] = (), **fields: Any) -> Source:
    """A source of arrays in memory.

    Args:
        image: Images (N, H, W, C) or grey (N, H, W), uint8 or floats in [-1, 1]; or vectors (N, D) of floats.
        label: Of each, (N,): whole numbers from 0 on, or names of classes; None for none.
        classes: What the numbers are called, class i is classes[i]; () for their numbers. The names of classes themselves are
            numbered in their order.
        **fields: Of `DataConfig`, for images of uint8: what is made of them, such as image_size=64 or flip=True.

    Raises:
        DataError: The arrays do not fit each other, or a field means nothing to them.
    """
    image = np.asarray(image)
    image = image[..., None] if image.ndim == 3 else image
    label, classes = numbered_labels(label, classes)
    if not fields:
        values = {"image": image} if label is None else {"image": image, "label": label}
        return ArraySource(MEMORY, values, {"label": label_spec(classes)} if classes else None)
    if image.dtype != np.uint8 or image.ndim != 4:
        raise DataError(
            f"{sorted(fields)[0]} is for images, uint8 (N, H, W, C), but these are {image.dtype} {image.shape}; leave it out"
        )
    return source_of_items(ItemPictures(image, label, classes, MEMORY), MEMORY, read_fields(MEMORY, fields))


def items(dataset: Any, data: DataConfig | None = None, *, classes: Sequence[str] = (), **fields: Any) -> Source:
    """A source of any object with a length and items: a dataset of torch, Hugging Face, grain or tfds, or a list.

    An item is a picture, a pair of a picture and a label, or a mapping with "image" (or "img") and perhaps "label". A picture
    is one of Pillow, the bytes of a file, or an array (H, W, C), (H, W) or, as torch has it, (C, H, W): of uint8, or of floats
    from 0 to 1. Labels are whole numbers from 0 on.

    Args:
        dataset: The object; `dataset[i]` must be the same picture every time.
        data: The fields of a config, where the function that a config names makes the source.
        classes: What the classes are called; () for what the dataset says (`classes` of torchvision, the features of Hugging
            Face and tfds), or else their numbers.
        **fields: Of `DataConfig`: what is made of the pictures, such as image_size=64 or flip=True.

    Raises:
        DataError: The object has no length or no items, an item is none of these, or a field means nothing to pictures.
    """
    called = type(dataset).__name__
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise DataError(f"a {called} has no length and no items: give one that has, or arrays")
    if not len(dataset):
        raise DataError(f"the {called} has no items; give one that has")
    config = read_fields(data or MEMORY, fields)
    name = config.name if data is not None else called
    image, first = _parts(dataset[0], f"item 0 of {name}")
    _picture(image, f"item 0 of {name}")  # what is wrong with all of them is said of the first
    classes = tuple(classes) or _class_names(dataset)
    label = None if first is None else _labels(dataset, name)
    if label is not None and not classes:
        classes = numbered(int(label.max()) + 1)
    return source_of_items(ItemPictures(dataset, label, classes if label is not None else (), name), name, config)


def source_of_items(pictures: "ItemPictures", name: str, config: DataConfig) -> Source:
    """The source of such pictures that the fields of a config ask for.

    Args:
        pictures: The pictures.
        name: What the source is called in messages.
        config: The fields. What is put around sources that a config names (`wrapped`) is put around data in memory here.
    """
    config = dataclasses.replace(config, channels=config.channels or channels_of(pictures))
    source = image_source(config, pictures, name, metrics=("fid/inception",))
    if config.name != MEMORY:
        return source
    check_read(dataclasses.replace(config, channels=None), "images in memory", FIELDS)
    return wrapped(source, config)


class ItemPictures:
    """The pictures of an object with a length and items.

    Args:
        items: The object, or an array of images.
        labels: Of all items, (N,); None without.
        class_names: Class i is the i-th; () without labels.
        name: What the object is called in messages.
    """

    def __init__(self, items: Any, labels: np.ndarray | None, class_names: Sequence[str], name: str) -> None:
        self._items, self.class_names, self._name = items, tuple(class_names), name
        self.labels: np.ndarray | None = None
        if labels is not None:
            _check_labels(labels, len(items), name)
            if (wrong := labels[(labels < 0) | (labels >= len(class_names))]).size:
                raise DataError(
                    f"{name} has the label {wrong[0]}, but {len(class_names)} classes; number them from 0 on"
                )
            self.labels = labels.astype(np.int32)

    def __len__(self) -> int:
        return len(self._items)

    def open(self, index: int) -> tuple[Image.Image, int | None]:
        image, _ = _parts(self._items[index], self.where(index))
        return _picture(image, self.where(index)), None if self.labels is None else int(self.labels[index])

    def where(self, index: int) -> str:
        return f"item {index} of {self._name}"

    def stamp(self) -> str:
        """Of an array its contents; what else items are, only reading them tells."""
        if not isinstance(self._items, np.ndarray):
            return ""
        labels = b"" if self.labels is None else self.labels.tobytes()
        return hashlib.sha256(np.ascontiguousarray(self._items).tobytes() + labels).hexdigest()


def _parts(item: Any, where: str) -> tuple[Any, Any]:
    """The picture of an item, and its label or None."""
    if isinstance(item, Mapping):
        image = next((item[name] for name in _IMAGES if name in item), None)
        if image is None:
            raise DataError(f"{where} has {', '.join(map(str, item))}, but no 'image'; give it one")
        return image, next((item[name] for name in _LABELS if name in item), None)
    if isinstance(item, tuple | list) and len(item) == 2:
        return item[0], item[1]
    return item, None


def _picture(image: Any, where: str) -> Image.Image:
    if isinstance(image, Image.Image):
        return image.copy()  # for whoever reads it closes it
    if isinstance(image, bytes):
        return open_picture(io.BytesIO(image))
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim == 3 and pixels.shape[0] in _CHANNELS and pixels.shape[2] not in _CHANNELS:
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim != 3 or pixels.shape[2] not in _CHANNELS or pixels.dtype.kind not in "uf" or 0 in pixels.shape:
        raise DataError(
            f"{where} is {pixels.dtype} {pixels.shape}; give a picture of Pillow, or an array (H, W, C) of uint8 or of floats "
            "from 0 to 1"
        )
    if pixels.dtype.kind == "f":
        if not (pixels.min() >= 0 and pixels.max() <= 1):
            raise DataError(
                f"{where} has numbers from {pixels.min():g} to {pixels.max():g}; give floats from 0 to 1, without normalising "
                "them further, or uint8"
            )
        pixels = np.round(255 * pixels).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise DataError(f"{where} is {pixels.dtype} {pixels.shape}; give uint8, or floats from 0 to 1")
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _class_names(dataset: Any) -> tuple[str, ...]:
    """What torchvision, Hugging Face or tfds say that classes are called; () where nothing does."""
    features = getattr(dataset, "features", None) or getattr(getattr(dataset, "dataset_info", None), "features", None)
    label = (
        next((features[name] for name in _LABELS if name in features), None) if isinstance(features, Mapping) else None
    )
    names = getattr(label, "names", None) or getattr(dataset, "classes", None) or ()
    return tuple(map(str, names))


def _labels(dataset: Any, name: str) -> np.ndarray:
    """The labels of all items: those of torchvision's `targets`, where items have these too, or else from the items."""

    def of(index: int) -> Any:
        return _parts(dataset[index], f"item {index} of {name}")[1]

    targets: Any = getattr(dataset, "targets", None)
    # `transforms` of torchvision holds both parts where they were given apart, and else is a function of picture and target.
    joint = getattr(dataset, "transforms", None)
    changed = [getattr(dataset, "target_transform", None), getattr(joint, "target_transform", joint)]
    told = targets is not None and len(targets) == len(dataset) and all(each is None for each in changed)
    # What is changed in any other way, a few items show.
    if told and all(_same(of(index), targets[index]) for index in {0, len(dataset) // 2, len(dataset) - 1}):
        label = np.asarray(targets)
    else:
        label = np.asarray([of(index) for index in range(len(dataset))])
    _check_labels(label, len(dataset), name)
    return label


def _same(label: Any, target: Any) -> bool:
    return bool(np.array_equal(np.asarray(label), np.asarray(target)))


def _check_labels(label: np.ndarray, number: int, name: str) -> None:
    if label.shape != (number,) or label.dtype.kind not in "iu":
        raise DataError(f"the labels of {name} are {label.dtype} {label.shape}; give a whole number for each picture")


def numbered_labels(label: Any, classes: Sequence[str]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Labels as numbers, and what these are called."""
    label = None if label is None else np.asarray(label)
    if label is None or label.dtype.kind != "U":
        # What is no whole number is refused by whoever reads it.
        whole = label is not None and label.size and label.dtype.kind in "iu"
        return label, tuple(classes) or (numbered(int(label.max()) + 1) if whole else ())
    classes = tuple(classes) or ordered(label.tolist())
    if unknown := sorted(set(label.tolist()) - set(classes)):
        raise DataError(f"label names the class {unknown[0]!r}, which is not in classes; add it")
    return np.array([classes.index(name) for name in label.tolist()], np.int32), classes

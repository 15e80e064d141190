"""The `data` fields of a config: their types, and what is said of wrong ones. Their table is in docs/data.md."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from jaxgan.data.errors import DataError, nearest
from jaxgan.data.transform import CHANNELS, CROP, RESAMPLE, RESIZE
from jaxgan.foreign import MAX_PIXELS

_LARGEST = 16384  # pixels, as in jaxgan.validate
Size = int | tuple[int, int] | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig:
    """The fields of `data` in a config.

    Attributes:
        name: Of the source: "digits", "digits_translation", "stacked_digits", "captions", "scenes", "ring8", "grid25",
            "gaussian1d", "mixture1d", "photos", "folder", "zip", "two_folders", "many_folders", "tfds:NAME" for a prepared
            set of tensorflow_datasets, or "module:attribute" for a source of one's own: a function from these fields to a
            `Source`.
        path: The folder or zip; for tfds its data_dir ("": ~/tensorflow_datasets); for photos "china" or "flower" ("": both).
        split: Either "train" or "test"; for tfds any split expression.
        image_size: One number, or (height, width), in pixels; None: the images' own (digits: 16).
        image_size_b: That of the second of two domains; None: `image_size`.
        load_size: What images are resized to before they are cropped to `image_size`; None: `image_size`. A second domain of
            another size has a load size in the same proportion.
        resize: How images become that size: "cover" (keep the aspect ratio, crop the excess), "stretch" (do not keep it),
            "none" (only crop).
        crop: Which part is kept: "centre", or while training "random" or "random_square" (half to all of the area).
        resample: The filter: "bicubic", "lanczos", "bilinear", "box" or "nearest".
        channels: Of the images: 1 (grey), 3 (RGB) or 4 (RGBA); None: 1 for digits (3 when coloured or tinted), the set's own
            for tfds, else 3.
        channels_b: Those of the second of two domains; None: `channels` (coloured digits: 3, beside grey ones).
        flip: Mirror half of the training images left to right.
        dequantize: Add U(0, 1/128) to the training images, which are in [-1, 1] in steps of 1/127.5.
        domain: A second domain of the digits: "inverted" (the default of digits_translation), "edges", "thickened", "dim",
            "bar", "thresholded", "low_resolution", "coloured", "left_half". "" for the source's own: none, or that default.
        domains: Several domains, by name: those of the digits ("digits" for the plain ones, and the names of `domain`), or
            which of the folders, in this order; () for all folders, and for the digits and one other `domain`.
        attributes: Which attributes of pictures records have, by name; for digits, which of the changes named by `domain` are
            made to half of them each. () for none, or for all of `attributes_file`.
        attributes_file: A CSV with a row of 1 and 0 (or -1) for each picture, or CelebA's list_attr_celeba.txt.
        attributed_path: A folder or zip of the pictures that `attributes_file` is about, where those of `path` have domains.
        labels_file: A CSV with a row for each picture, its name and the name of its class, instead of a folder for each class.
        tinted: The ink of each digit has a colour of its own, in all domains.
        aligned: For two domains: whether records are pairs.
        labelled: How many labels are known, for semi-supervised games: records are then "image", "labelled_image" and
            "label". 0: all, and records are "image" and "label".
        labelled_draw: Which those are: 0, the first ones of each class; another number, a random choice of its own.
        scale_factor: For super-resolution: each record has "low_resolution" too, its image made so many times smaller on each
            side. 1: it has not.
        text: What tells of the pictures of a folder or zip: "files" for captions, `name.txt` beside `name.png`; or the path of
            an .npz of embeddings. "": nothing.
        scale: Toy densities are multiplied by this.
        max_unreadable: Share of the images that may be unreadable (they are skipped) before it is an error.
    """

    name: str = "digits"
    path: str = ""
    split: str = "train"
    image_size: Size = None
    image_size_b: Size = None
    load_size: Size = None
    resize: str = "cover"
    crop: str = "centre"
    resample: str = "bicubic"
    channels: int | None = None
    channels_b: int | None = None
    flip: bool = False
    dequantize: bool = False
    domain: str = ""
    domains: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    attributes_file: str = ""
    attributed_path: str = ""
    labels_file: str = ""
    tinted: bool = False
    aligned: bool = False
    labelled: int = 0
    labelled_draw: int = 0
    scale_factor: int = 1
    text: str = ""
    scale: float = 1.0
    max_unreadable: float = 0.01


def read_fields(data: str | Mapping[str, Any] | DataConfig, fields: Mapping[str, Any]) -> DataConfig:
    """Reads the fields, and checks each on its own.

    Args:
        data: A source's name, or fields.
        fields: Those that take precedence.

    Raises:
        DataError: An unknown or misspelt field, or a wrong value.
    """
    if isinstance(data, DataConfig):
        given = dataclasses.asdict(data)
    else:
        given = {"name": data} if isinstance(data, str) else dict(data.items())
    given |= fields
    known = {field.name: field for field in dataclasses.fields(DataConfig)}
    for field, value in given.items():
        if field not in known:
            raise DataError(f"data has no field {field!r}{nearest(field, known)} (its fields: {', '.join(known)})")
        given[field] = _checked(field, value, known[field].default)
    config = DataConfig(**given)
    for field, choices in (("resize", RESIZE), ("crop", CROP), ("resample", tuple(RESAMPLE))):
        _choose(field, getattr(config, field), choices)
    return config


def check_read(config: DataConfig, kind: str, read: Collection[str]) -> None:
    """Checks that no field is set that a source does not read: it would be a setting without effect.

    Args:
        config: The fields.
        kind: What the source is called in the message.
        read: The fields that it reads beside its name.

    Raises:
        DataError: Another field has another value than its default.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name not in read and field.name != "name" and value != field.default:
            raise DataError(f"data.{field.name}={value!r} means nothing to {kind!r}; leave it out")


def _checked(field: str, value: Any, default: Any) -> Any:
    """`value` if its type is that of the field, else a DataError."""
    if field in ("image_size", "image_size_b", "load_size"):
        numbers = value if isinstance(value, tuple | list) else (value, value)
        if value is None:
            return value
        if len(numbers) == 2 and all(_is_int(number) and 0 < number <= _LARGEST for number in numbers):
            if numbers[0] * numbers[1] > MAX_PIXELS:
                raise DataError(f"data.{field}={value!r} is more than {MAX_PIXELS:,} pixels; make it smaller")
            return value
        raise DataError(
            f"data.{field}={value!r} is not a size; give a number of pixels, 1 to {_LARGEST}, or (height, width)"
        )
    if field in ("channels", "channels_b"):
        return value if value is None else _choose(field, value, CHANNELS)
    if field in ("labelled", "labelled_draw") and not (_is_int(value) and value >= 0):
        what = "number of labels" if field == "labelled" else "number of a draw"
        raise DataError(f"data.{field}={value!r} is not a {what}; give an integer of at least 0")
    if field == "scale_factor" and not (_is_int(value) and 1 <= value <= _LARGEST):
        raise DataError(f"data.scale_factor={value!r} is not a factor; give an integer of at least 1")
    if isinstance(default, tuple):
        names = tuple(value) if isinstance(value, tuple | list) else ()
        if not isinstance(value, tuple | list) or not all(isinstance(name, str) and name for name in names):
            raise DataError(f"data.{field}={value!r} is not a tuple of names; give one, such as ('x', 'y')")
        if len(set(names)) < len(names):
            raise DataError(f"data.{field}={value!r} has a name twice; leave one of them out")
        return names
    if isinstance(default, float):
        if (_is_int(value) or isinstance(value, float)) and value >= 0:
            return float(value)
        raise DataError(f"data.{field}={value!r} is not a number of at least 0")
    if type(value) is not type(default):
        raise DataError(f"data.{field}={value!r} is a {type(value).__name__}; give a {type(default).__name__}")
    return value


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def height_width(size: Size | list[int]) -> tuple[int, int] | None:
    """A size as (height, width)."""
    if size is None or isinstance(size, int):
        return None if size is None else (size, size)
    return (size[0], size[1])


def _choose(field: str, value: Any, choices: Iterable[Any]) -> Any:
    if value not in choices:
        near = nearest(str(value), map(str, choices))
        raise DataError(f"data.{field}={value!r} is unknown{near} (there are {', '.join(map(str, choices))})")
    return value

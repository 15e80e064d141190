"""From the `data` fields of a config to a source. The table of fields is in docs/data.md."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jaxgan.data import toy
from jaxgan.data.digits import DigitPictures, domain_transform
from jaxgan.data.errors import DataError, nearest
from jaxgan.data.few_labels import FewLabels
from jaxgan.data.files import folder_pictures, two_folder_pictures
from jaxgan.data.sources import AlignedPair, ImageSource, Pictures, Source, UnalignedPair
from jaxgan.data.stacked import stacked_digits
from jaxgan.data.tfds import TfdsPictures
from jaxgan.data.transform import CHANNELS, CROP, RESAMPLE, RESIZE, Transform

Size = int | tuple[int, int] | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig:
    """The fields of `data` in a config.

    Attributes:
        name: "digits", "digits_translation", "stacked_digits", "ring8", "grid25", "gaussian1d", "mixture1d", "folder",
            "zip", "two_folders", or "tfds:NAME" for a prepared set of tensorflow_datasets.
        path: The folder or zip; for tfds its data_dir ("": ~/tensorflow_datasets).
        split: "train" or "test"; for tfds any split expression.
        image_size: One number, or (height, width), in pixels; None: the images' own (digits: 16).
        load_size: What images are resized to before they are cropped to `image_size`; None: `image_size`.
        resize: "cover" (keep the aspect ratio, crop the excess), "stretch" (do not keep it), "none" (only crop).
        crop: "centre" or "random" (while training).
        resample: "bicubic", "lanczos", "bilinear", "box" or "nearest".
        channels: 1 (grey), 3 (RGB) or 4 (RGBA); None: 1 for digits (3 when coloured or tinted), the set's own for tfds, else 3.
        flip: Mirror half of the training images left to right.
        dequantize: Add U(0, 1/128) to the training images, which are in [-1, 1] in steps of 1/127.5.
        require_labels: The game needs class labels: it is an error if the data have none.
        domain: A second domain of the digits: "inverted" (the default of digits_translation), "edges", "thickened",
            "thresholded", "low_resolution", "coloured". "" for none.
        tinted: The ink of each digit has a colour of its own, in both domains.
        aligned: For two domains: whether records are pairs.
        labelled: How many labels are known, for semi-supervised games: records are then {"image", "labelled_image",
            "label"}. 0: all, and records are {"image", "label"}.
        scale: Toy densities are multiplied by this.
        max_unreadable: Share of the images that may be unreadable (they are skipped) before it is an error.
    """

    name: str = "digits"
    path: str = ""
    split: str = "train"
    image_size: Size = None
    load_size: Size = None
    resize: str = "cover"
    crop: str = "centre"
    resample: str = "bicubic"
    channels: int | None = None
    flip: bool = False
    dequantize: bool = False
    require_labels: bool = False
    domain: str = ""
    tinted: bool = False
    aligned: bool = False
    labelled: int = 0
    scale: float = 1.0
    max_unreadable: float = 0.01


_TRANSFORM = {"image_size", "load_size", "resize", "crop", "resample", "channels", "flip", "dequantize"}
_TOY = {"split", "require_labels", "scale"}
_DIGITS = _TRANSFORM | {"split", "require_labels", "domain", "tinted", "labelled"}
_FILES = _TRANSFORM | {"split", "require_labels", "path", "max_unreadable", "labelled"}
# Which fields each source reads beside its name: another one that is set would be a setting without effect.
_FIELDS = {
    "digits": _DIGITS,
    "digits_translation": _DIGITS - {"labelled"} | {"aligned"},
    "stacked_digits": {"split", "require_labels", "image_size"},
    "ring8": _TOY,
    "grid25": _TOY,
    "gaussian1d": _TOY,
    "mixture1d": _TOY,
    "folder": _FILES,
    "zip": _FILES,
    "two_folders": _FILES - {"require_labels", "labelled"} | {"aligned"},
    "tfds:": _FILES,
}
_TOYS: dict[str, Callable[[str, float], Source]] = {
    "ring8": toy.ring8,
    "grid25": toy.grid25,
    "gaussian1d": toy.gaussian1d,
    "mixture1d": toy.mixture1d,
}


def make_source(data: str | Mapping[str, Any] | DataConfig = "digits", /, **fields: Any) -> Source:
    """Makes the source that a config's `data` fields describe.

    Args:
        data: A source's name, or the fields: a dict, an `ml_collections.ConfigDict` or a `DataConfig`.
        **fields: Fields of `DataConfig` that take precedence, as in `make_source(config.data, split="test")`.

    Returns:
        The source, ready to read.

    Raises:
        DataError: an unknown or misspelt field, a wrong value, or data that are not there.
    """
    config = _config(data, fields)
    source = _make(config)
    if config.require_labels and source.num_classes is None:
        raise DataError(
            f"{config.name} {config.path or ''}".rstrip() + " has no class labels; put the images in one subfolder "
            "per class, choose a set with labels, or set data.require_labels=False"
        )
    source = FewLabels(source, config.labelled) if config.labelled else source
    source.dequantize = config.dequantize
    return source


def _config(data: str | Mapping[str, Any] | DataConfig, fields: Mapping[str, Any]) -> DataConfig:
    """Reads and checks the fields."""
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
    kind = "tfds:" if config.name.startswith("tfds:") else config.name
    if kind not in _FIELDS:
        names = [name.replace("tfds:", "tfds:NAME") for name in _FIELDS]
        raise DataError(f"data.name={config.name!r} is unknown{nearest(kind, _FIELDS)} (there are {', '.join(names)})")
    for field in known.keys() - _FIELDS[kind] - {"name"}:
        if getattr(config, field) != known[field].default:
            raise DataError(f"data.{field}={getattr(config, field)!r} means nothing to {kind!r}; leave it out")
    return config


def _checked(field: str, value: Any, default: Any) -> Any:
    """`value` if its type is that of the field, else a DataError."""
    if field in ("image_size", "load_size"):
        numbers = value if isinstance(value, tuple | list) else (value, value)
        if value is None or (len(numbers) == 2 and all(_is_int(number) and number > 0 for number in numbers)):
            return value
        raise DataError(f"data.{field}={value!r} is not a size; give a number of pixels or (height, width)")
    if field == "channels":
        return value if value is None else _choose(field, value, CHANNELS)
    if field == "labelled" and not (_is_int(value) and value >= 0):
        raise DataError(f"data.labelled={value!r} is not a number of labels; give an integer of at least 0")
    if isinstance(default, float):
        if (_is_int(value) or isinstance(value, float)) and value >= 0:
            return float(value)
        raise DataError(f"data.{field}={value!r} is not a number of at least 0")
    if type(value) is not type(default):
        raise DataError(f"data.{field}={value!r} is a {type(value).__name__}; give a {type(default).__name__}")
    return value


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _height_width(size: Size | list[int]) -> tuple[int, int] | None:
    if size is None or isinstance(size, int):
        return None if size is None else (size, size)
    return (size[0], size[1])


def _choose(field: str, value: Any, choices: Iterable[Any]) -> Any:
    if value not in choices:
        near = nearest(str(value), map(str, choices))
        raise DataError(f"data.{field}={value!r} is unknown{near} (there are {', '.join(map(str, choices))})")
    return value


def _make(config: DataConfig) -> Source:
    if config.name in _TOYS:
        return _TOYS[config.name](config.split, config.scale)
    if config.name == "digits":
        return _digits(config, DigitPictures(config.split, tinted=config.tinted), config.domain)
    if config.name == "stacked_digits":
        return stacked_digits(_digits(config, DigitPictures(config.split), ""), f"stacked_digits ({config.split})")
    if config.name == "digits_translation":
        return _digits_translation(config)
    if config.name in ("folder", "zip"):
        return _images(config, folder_pictures(config.path, config.split), config.path)
    if config.name == "two_folders":
        a, b = two_folder_pictures(config.path, config.split, config.aligned)
        pair = AlignedPair if config.aligned else UnalignedPair
        return pair(config.path, _images(config, a, f"{config.path} (A)"), _images(config, b, f"{config.path} (B)"))
    pictures = TfdsPictures(config.name.removeprefix("tfds:"), config.path, config.split)
    if config.channels is None:
        config = dataclasses.replace(config, channels=pictures.channels)
    return _images(config, pictures, f"{config.name}[{config.split}]")


def _images(config: DataConfig, pictures: Pictures, name: str, domain: str = "") -> ImageSource:
    """An image source with the config's transform."""
    size, load_size = _height_width(config.image_size), _height_width(config.load_size)
    if load_size is not None:
        if size is None:
            raise DataError(f"data.load_size={load_size} needs data.image_size, the size that is cropped out of it")
        if load_size[0] < size[0] or load_size[1] < size[1]:
            raise DataError(f"data.load_size={load_size} is smaller than data.image_size={size}; make it larger")
        if config.resize == "none":
            raise DataError(f"data.load_size={load_size} means nothing with data.resize='none'; leave one of them out")
    elif size is None and (config.crop == "random" or config.resize != "cover"):
        field = "crop" if config.crop == "random" else "resize"
        raise DataError(f"data.{field}={getattr(config, field)!r} needs data.image_size; set it")
    transform = Transform(size, load_size, config.resize, config.crop, config.resample, config.channels or 3)
    function = domain_transform(domain) if domain else None
    return ImageSource(
        name, pictures, transform, flip=config.flip, domain=function, max_unreadable=config.max_unreadable
    )


def _digits(config: DataConfig, pictures: DigitPictures, domain: str) -> ImageSource:
    channels = config.channels or (3 if config.tinted or config.domain == "coloured" else 1)
    if config.tinted and (channels == 1 or domain == "coloured"):
        wrong = "data.channels=1" if channels == 1 else "data.domain='coloured'"
        raise DataError(f"data.tinted=True means nothing with {wrong}; leave one of them out")
    config = dataclasses.replace(config, image_size=config.image_size or 16, channels=channels)
    return _images(config, pictures, f"{config.name} ({config.split})", domain)


def _digits_translation(config: DataConfig) -> Source:
    """Digits, and digits of another domain.

    Unaligned: the domains are made of halves of the training digits that have no digit in common. Aligned, and always
    in the test split: the same digits in both, so that true counterparts are known.
    """
    domain, name = config.domain or "inverted", f"digits_translation ({config.split})"
    if config.aligned or config.split == "test":
        pictures = DigitPictures(config.split, tinted=config.tinted)
        return AlignedPair(name, _digits(config, pictures, ""), _digits(config, pictures, domain))
    halves = [DigitPictures(config.split, half, config.tinted) for half in (0, 1)]
    return UnalignedPair(name, _digits(config, halves[0], ""), _digits(config, halves[1], domain))

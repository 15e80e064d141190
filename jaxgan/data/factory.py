"""From the `data` fields of a config to a source: one table of sources, what each reads and how it is made."""

import dataclasses
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from jaxgan.core.arrays import Arrays, ArraySpec, different_classes
from jaxgan.data import array_files, digit_sources, toy
from jaxgan.data.attributes import read_attributes
from jaxgan.data.building import image_source, two_configs
from jaxgan.data.config import DataConfig, check_read, height_width, read_fields
from jaxgan.data.errors import AbsentDataError, DataError, nearest
from jaxgan.data.images import ImageSource, Pictures, channels_of
from jaxgan.data.items import FIELDS, MEMORY, items
from jaxgan.data.layouts import folder_pictures, two_folder_pictures
from jaxgan.data.pairs import AlignedDomains, UnalignedDomains
from jaxgan.data.photos import PhotoPictures
from jaxgan.data.scenes import scenes
from jaxgan.data.sources import Source
from jaxgan.data.text import beside_pictures
from jaxgan.data.tfds import TfdsPictures
from jaxgan.data.wrapping import wrapped
from jaxgan.own import called, imported
from jaxgan.remote import is_remote, local


class SourceKind(NamedTuple):
    """How a source is made, and which fields it reads beside its name: another one that is set would have no effect.

    Attributes:
        make: Makes it of the fields.
        fields: Their names.
        embedded: Whether it needs no files, and has a size of its own.
    """

    make: Callable[[DataConfig], Source]
    fields: frozenset[str]
    embedded: bool = False


def make_source(data: str | Mapping[str, Any] | DataConfig = "digits", /, **fields: Any) -> Source:
    """Makes the source that a config's `data` fields describe.

    Args:
        data: A source's name, or the fields: a dict, an `ml_collections.ConfigDict` or a `DataConfig`.
        **fields: Fields of `DataConfig` that take precedence, as in `make_source(config.data, split="test")`.

    Returns:
        The source, ready to read.

    Raises:
        DataError: An unknown or misspelt field, a wrong value, or data that are not there.
        UserError: A "module:attribute" that is not there.
    """
    config = read_fields(data, fields)
    kind = _kind(config.name)
    if kind in SOURCES:
        check_read(config, kind, SOURCES[kind].fields)
        source = SOURCES[kind].make(_here(config))
    elif ":" in kind:
        source = _own(config)
    else:
        names = ", ".join(name.replace("tfds:", "tfds:NAME") for name in SOURCES)
        raise DataError(
            f"data.name={config.name!r} is unknown{nearest(kind, SOURCES)} (there are {names}; module:attribute for your own)"
        )
    return wrapped(source, config)


def _here(config: DataConfig) -> DataConfig:
    """The fields with copies on this machine in the place of what lies on object storage."""
    places: dict[str, Any] = {
        field: local(value) for field in _PLACES if is_remote(value := getattr(config, field)) and field != "path"
    }
    if is_remote(config.path) and config.name.startswith("tfds:"):
        # Of all sets that lie there, this one.
        name = re.split("[/:]", config.name.removeprefix("tfds:"))[0]
        places["path"] = os.path.dirname(local(f"{config.path.rstrip('/')}/{name}"))
    elif is_remote(config.path):
        places["path"] = local(config.path)
    return dataclasses.replace(config, **places)


def other_split(data: str | Mapping[str, Any] | DataConfig, split: str, arrays: Arrays) -> Source:
    """A split of the data that a game is trained on, to measure it by: not mirrored, without noise, all labels known.

    Size and channels are those that the run has, also where its fields leave them to the data.

    Args:
        data: The run's `data` fields.
        split: Which split; the same one is possible too.
        arrays: Of the run: its classes have the numbers that the game knows.

    Raises:
        DataError: As `make_source`; or a class of the split has another number, as the data have changed since.
    """
    known = _shapes(read_fields(data, {}), arrays)
    source = make_source(data, split=split, flip=False, dequantize=False, labelled=0, labelled_draw=0, **known)
    if "label" in arrays and "label" in source.arrays:
        check_classes(source.arrays["label"].names, arrays["label"].names, f"split {split!r} of {source.name}")
    return source


def _shapes(config: DataConfig, arrays: Arrays) -> dict[str, Any]:
    """The fields of size and channels that a config of files leaves to them, as the arrays have them."""
    kind, found = _kind(config.name), dict[str, Any]()
    if kind not in SOURCES or SOURCES[kind].embedded:
        return {}
    for suffix, name in (("", "image" if "image" in arrays else "a"), ("_b", "b")):
        if name in arrays:
            *size, channels = arrays[name].shape
            found |= {f"image_size{suffix}": tuple(size), f"channels{suffix}": channels}
    return {
        field: value
        for field, value in found.items()
        if field in SOURCES[kind].fields and getattr(config, field) is None
    }


def check_classes(names: Sequence[str], known: Sequence[str], where: str) -> None:
    """Raises a DataError where class i of `names` is not class i of `known`; the last ones of `known` may be missing."""
    if tuple(names) != tuple(known[: len(names)]):
        raise DataError(f"{where} has other classes than the run: {different_classes(known, names, 'in the run')}")


def fields_kept(old: str, new: str) -> frozenset[str]:
    """The fields of `data` that mean the same when one source takes the place of another.

    These are what a game needs of any data and how it is to be trained on them, such as pairs, few labels, small images beside
    large ones, mirroring. Sizes are kept too, but those of embedded data, which are their own: who gives a size to files gives
    it to the networks. What the new source does not read is not kept.

    Args:
        old: The name of the source whose place is taken.
        new: The name of the new one. All fields mean the same to one of the user's own, as far as can be known.
    """
    if _kind(new) not in SOURCES:
        return frozenset(field.name for field in dataclasses.fields(DataConfig))
    before = SOURCES.get(_kind(old))
    own = frozenset() if before is not None and before.embedded else _SIZES
    return (_OF_GAMES | own) & SOURCES[_kind(new)].fields


def _kind(name: str) -> str:
    """The entry of `SOURCES` that a source's name means."""
    return "tfds:" if name.startswith("tfds:") else name


def _own(config: DataConfig) -> Source:
    """A source of the user's own: what the function "module:attribute" makes of the fields."""
    source = called(imported(config.name, "source", "data.name"), config.name, "data.name", config)
    where = f"data.name={config.name!r} made a"
    if not isinstance(source, Source) and hasattr(source, "__len__") and hasattr(source, "__getitem__"):
        return items(source, config)
    if not isinstance(source, Source):
        raise DataError(f"{where} {type(source).__name__}; return a jaxgan.data.Source")
    for field, kind in (("name", str), ("arrays", Mapping)):
        if not isinstance(getattr(source, field, None), kind):
            raise DataError(f"{where} source without {field}; set it, as docs/data.md says")
    if wrong := [name for name, spec in source.arrays.items() if not isinstance(spec, ArraySpec)]:
        raise DataError(f"{where} source whose arrays[{wrong[0]!r}] is no jaxgan.core.ArraySpec; make it one")
    for field in ("__len__", "record"):
        if getattr(type(source), field) is getattr(Source, field):
            raise DataError(f"{where} source without {field}; define it, as docs/data.md says")
    if not len(source):
        raise DataError(f"{where} source without records; give it one at least")
    return source


def _folder(config: DataConfig) -> Source:
    pictures = folder_pictures(config.path, config.split, config.labels_file)
    attributes = None
    if config.attributes_file:
        attributes = read_attributes(config.attributes_file, config.attributes, pictures.names, config.path)
    elif config.attributes:
        raise DataError(f"data.attributes={config.attributes} needs data.attributes_file, which says who has them")
    beside = beside_pictures(pictures, config.text) if config.text else None
    config = _with_channels(config, pictures)
    metrics = ("fid/inception", *(("judged_attributes", "translated_swd") if attributes else ()))
    return image_source(config, pictures, config.path, metrics=metrics, beside=beside, attributes=attributes)


def _with_channels(config: DataConfig, *parts: Pictures) -> DataConfig:
    """The fields with the channels of the pictures where they are open: the same for all parts, so that one game takes all."""
    return dataclasses.replace(config, channels=config.channels or channels_of(*parts))


def _two_folders(config: DataConfig) -> Source:
    pictures = two_folder_pictures(config.path, config.split, config.aligned)
    config = _with_channels(config, *pictures)
    parts = zip(two_configs(config), pictures, "AB", strict=True)
    a, b = (image_source(one, those, f"{config.path} ({name})") for one, those, name in parts)
    if config.aligned:
        return AlignedDomains(config.path, (a, b), ("A", "B"), metrics=("paired_translation", *_TRANSLATED))
    return UnalignedDomains(config.path, (a, b), ("A", "B"), metrics=_TRANSLATED)


def _many_folders(config: DataConfig) -> Source:
    pictures = folder_pictures(config.path, config.split)
    known = pictures.class_names
    if not known:
        raise DataError(
            f"{config.path} has no folder for each domain; make {config.split}/cats, {config.split}/dogs ..."
        )
    for name in config.domains:
        if name not in known:
            raise DataError(
                f"data.domains names {name!r}, but {config.path} has no such folder (it has {', '.join(known[:10])})"
                f"{nearest(name, known)}; leave data.domains empty for all of them"
            )
    domains = config.domains or known
    parts = [pictures.of_class(known.index(name)) for name in domains]
    for name, those in zip(domains, parts, strict=True):
        if not len(those):
            raise DataError(f"{config.path} has no image of the domain {name} in its split {config.split!r}; add one")
    beside = None
    attributed = (folder_pictures(config.attributed_path, "train"),) if config.attributed_path else ()
    config = _with_channels(config, *parts, *attributed)
    sources = [
        image_source(config, those, f"{config.path} ({name})") for name, those in zip(domains, parts, strict=True)
    ]
    if config.attributed_path or config.attributes_file or config.attributes:
        if not (config.attributed_path and config.attributes_file):
            lacking = "attributes_file" if config.attributed_path else "attributed_path"
            raise DataError(f"pictures with attributes beside those of domains need data.{lacking}; set it")
        other = dataclasses.replace(config, path=config.attributed_path, split="train", domains=())
        source = _folder(other)
        assert isinstance(source, ImageSource)
        beside = source
    return UnalignedDomains(config.path, sources, domains, beside, metrics=_TRANSLATED)


def _photos(config: DataConfig) -> Source:
    pictures = PhotoPictures(config.split, config.path, height_width(config.image_size))
    whole = not config.image_size or config.crop == "random_square"
    config = dataclasses.replace(config, resize="cover" if whole else "none")
    return image_source(config, pictures, f"{config.name} ({config.split})", metrics=("fid/inception",))


def _tfds(config: DataConfig) -> Source:
    pictures = TfdsPictures(config.name.removeprefix("tfds:"), config.path, config.split)
    config = dataclasses.replace(config, channels=config.channels or pictures.channels)
    return image_source(config, pictures, f"{config.name}[{config.split}]", metrics=("fid/inception",))


def _memory(config: DataConfig) -> Source:
    raise AbsentDataError("the data lay in memory, and only Python can give them again: jaxgan.train(config, data=...)")


def _toy(density: Callable[[str, float], Source]) -> SourceKind:
    return SourceKind(lambda config: density(config.split, config.scale), frozenset({"split", "scale"}), embedded=True)


_TRANSLATED = ("translated_swd", "cycle")  # what translations between folders of images are measured by
_IMAGES = FIELDS - {"max_unreadable"} | {"split"}
_DOMAINS = _IMAGES - {"labelled", "labelled_draw", "scale_factor"}
_PAIRS = _DOMAINS | {"image_size_b", "channels_b", "aligned"}
_FILES = frozenset({"path", "max_unreadable"})
_PLACES = ("path", "text", "labels_file", "attributes_file", "attributed_path")
_INK = frozenset({"domain", "tinted"})
_ATTRIBUTES = frozenset({"attributes", "attributes_file"})

# What `fields_kept` keeps.
_OF_GAMES = frozenset(
    {"resize", "crop", "resample", "flip", "dequantize", "aligned", "labelled", "labelled_draw", "scale_factor"}
    | {"max_unreadable"}
)
_SIZES = frozenset({"image_size", "image_size_b", "load_size"})

# A source is one entry here: its name and, beside it, how it is made and the fields that it reads.
SOURCES: dict[str, SourceKind] = {
    "digits": SourceKind(digit_sources.digits, _IMAGES | _INK | {"attributes"}, embedded=True),
    "digits_translation": SourceKind(digit_sources.digits_translation, _PAIRS | _INK | {"domains"}, embedded=True),
    "stacked_digits": SourceKind(digit_sources.stacked, frozenset({"split", "image_size"}), embedded=True),
    "captions": SourceKind(digit_sources.captions, frozenset({"split", "image_size"}), embedded=True),
    "scenes": SourceKind(lambda config: scenes(config.name, config.split), frozenset({"split"}), embedded=True),
    "ring8": _toy(toy.ring8),
    "grid25": _toy(toy.grid25),
    "gaussian1d": _toy(toy.gaussian1d),
    "mixture1d": _toy(toy.mixture1d),
    "photos": SourceKind(
        _photos, _IMAGES - {"load_size", "resize", "resample", "labelled", "labelled_draw"} | {"path"}, embedded=True
    ),
    **dict.fromkeys(
        ("folder", "zip", "tar"), SourceKind(_folder, _IMAGES | _FILES | _ATTRIBUTES | {"text", "labels_file"})
    ),
    "two_folders": SourceKind(_two_folders, _PAIRS | _FILES),
    "many_folders": SourceKind(_many_folders, _DOMAINS | _FILES | _ATTRIBUTES | {"domains", "attributed_path"}),
    "npz": SourceKind(array_files.npz, _IMAGES | _FILES),
    "hdf5": SourceKind(array_files.hdf5, _IMAGES | _FILES),
    "tfds:": SourceKind(_tfds, _IMAGES | _FILES),
    MEMORY: SourceKind(_memory, frozenset()),
}

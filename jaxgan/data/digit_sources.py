"""The sources that are made of scikit-learn's digits, from the `data` fields of a config."""

import dataclasses
from collections.abc import Sequence

from jaxgan.data.building import Domain, image_source, two_configs
from jaxgan.data.captions import CaptionedDigits
from jaxgan.data.config import DataConfig, height_width
from jaxgan.data.digits import PLAIN, DigitPictures, digit_attributes, domain_transform
from jaxgan.data.errors import DataError
from jaxgan.data.images import ImageSource
from jaxgan.data.pairs import AlignedDomains, UnalignedDomains
from jaxgan.data.sources import Source
from jaxgan.data.stacked import stacked_digits

_DIGITS_SIZE = 16
_READABLE_SIZES = (8, 16, 32)  # at which the classifier that metrics of digits use reads them
_COMPLETED = (
    "left_half",
)  # domains that lack a part of the digit: domain A, for the way to learn is to the whole digit


def digits(config: DataConfig) -> Source:
    channels = config.channels or (3 if config.tinted or config.domain == "coloured" else 1)
    config = _digits_fields(config, channels)
    domain = domain_transform(config.domain) if config.domain else None
    pictures = DigitPictures(config.split, tinted=config.tinted)
    if config.attributes:
        attributes = digit_attributes(pictures, config.attributes)
        measured = ("attribute_translation",) if not domain and _readable(config) else ()
        return image_source(
            config, pictures, f"{config.name} ({config.split})", domain, measured, attributes=attributes
        )
    metrics = () if domain or not _readable(config) else ("digit_fd", "class_accuracy")
    return _digit_images(config, pictures, domain, metrics)


def stacked(config: DataConfig) -> Source:
    config = _digits_fields(config, 1)
    digits = _digit_images(config, DigitPictures(config.split))
    return stacked_digits(digits, digits.name, ("stacked_modes",) if _readable(config) else ())


def digits_translation(config: DataConfig) -> Source:
    """Digits, and digits of another domain: domain B, or domain A where it is what the way from A to B starts from.

    Or several domains. Unaligned: they are made of parts of the training digits that have no digit in common. Aligned, and
    always in the test split: the same digits in all, so that true counterparts are known.
    """
    if config.domains:
        return _digits_domains(config)
    domain = config.domain or "inverted"
    first, second = two_configs(_digits_fields(config, config.channels or (3 if config.tinted else 1)))
    if domain == "coloured":
        second = dataclasses.replace(second, channels=config.channels_b or 3)
        if second.channels != 3:
            raise DataError(f"data.domain='coloured' needs data.channels_b=3, not {second.channels}")
    readable = _readable(first) and _readable(second)
    function = domain_transform(domain)
    if domain == "low_resolution" and (size := height_width(second.image_size)) != height_width(first.image_size):
        # Its pixels are means of those of the first domain, so it is made at that size.
        function = domain_transform(domain, size)
        second = dataclasses.replace(second, image_size=first.image_size, load_size=first.load_size)
    pictures = _parted_digits(config, 2)
    made: tuple[tuple[str, Domain | None], ...] = (("digits", None), (domain, function))
    (name_a, to_a), (name_b, to_b) = reversed(made) if domain in _COMPLETED else made
    a, b = _digit_images(first, pictures[0], to_a), _digit_images(second, pictures[1], to_b)
    return _joined_digits(config, (a, b), (name_a, name_b), readable)


def _digits_domains(config: DataConfig) -> Source:
    """Digits in the domains that are named, all of one size and of as many channels."""
    for field in ("domain", "image_size_b", "channels_b"):
        if getattr(config, field):
            raise DataError(f"data.{field}={getattr(config, field)!r} means nothing beside data.domains; leave it out")
    coloured = config.tinted or "coloured" in config.domains
    fields = _digits_fields(config, config.channels or (3 if coloured else 1))
    made = [None if name == PLAIN else domain_transform(name, field="domains") for name in config.domains]
    pictures = _parted_digits(config, len(made))
    sources = [_digit_images(fields, *both) for both in zip(pictures, made, strict=True)]
    return _joined_digits(config, sources, config.domains, _readable(fields))


def _parted_digits(config: DataConfig, domains: int) -> list[DigitPictures]:
    """The digits of each domain: the same, or parts that have none in common."""
    alike = config.aligned or config.split == "test"
    parts = [(0, 1) if alike else (which, domains) for which in range(domains)]
    return [DigitPictures(config.split, part, config.tinted) for part in parts]


def _joined_digits(config: DataConfig, sources: Sequence[ImageSource], names: Sequence[str], readable: bool) -> Source:
    metrics = ("paired_translation",) if config.aligned else ("translation",) if PLAIN in names and readable else ()
    alike = config.aligned or config.split == "test"
    return (AlignedDomains if alike else UnalignedDomains)(sources[0].name, sources, names, metrics=metrics)


def _digits_fields(config: DataConfig, channels: int) -> DataConfig:
    """The fields with what digits have for them where they are open."""
    for field in ("channels", "channels_b", "domain"):
        if config.tinted and getattr(config, field) in (1, "coloured"):
            raise DataError(
                f"data.tinted=True means nothing with data.{field}={getattr(config, field)!r}; leave one of them out"
            )
    return dataclasses.replace(config, image_size=config.image_size or _DIGITS_SIZE, channels=channels)


def _digit_images(
    config: DataConfig, pictures: DigitPictures, domain: Domain | None = None, metrics: tuple[str, ...] = ()
) -> ImageSource:
    return image_source(config, pictures, f"{config.name} ({config.split})", domain, metrics)


def _readable(config: DataConfig) -> bool:
    """Whether digits of this size are read by the classifier that metrics use."""
    return height_width(config.image_size) in [(size, size) for size in _READABLE_SIZES]


def captions(config: DataConfig) -> Source:
    config = _digits_fields(config, 3)
    size = height_width(config.image_size)
    assert size is not None
    return CaptionedDigits(config.split, size, ("caption_accuracy", "fid/digits") if _readable(config) else ())

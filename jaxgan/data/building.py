"""From the `data` fields of a config and pictures to a source."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from jaxgan.core.arrays import ArraySpec
from jaxgan.data.config import DataConfig, height_width
from jaxgan.data.errors import DataError
from jaxgan.data.images import Attributes, ImageSource, Pictures
from jaxgan.data.transform import Transform

Domain = Callable[[np.ndarray], np.ndarray]


def image_source(
    config: DataConfig,
    pictures: Pictures,
    name: str,
    domain: Domain | None = None,
    metrics: tuple[str, ...] = (),
    beside: Mapping[str, tuple[ArraySpec, np.ndarray]] | None = None,
    attributes: Attributes | None = None,
) -> ImageSource:
    """An image source with the config's transform."""
    size, load_size = height_width(config.image_size), height_width(config.load_size)
    if load_size is not None:
        if size is None:
            raise DataError(f"data.load_size={load_size} needs data.image_size, the size that is cropped out of it")
        if load_size[0] < size[0] or load_size[1] < size[1]:
            raise DataError(f"data.load_size={load_size} is smaller than data.image_size={size}; make it larger")
        if config.resize == "none":
            raise DataError(f"data.load_size={load_size} means nothing with data.resize='none'; leave one of them out")
    elif size is None and (config.crop != "centre" or config.resize != "cover"):
        field = "crop" if config.crop != "centre" else "resize"
        raise DataError(f"data.{field}={getattr(config, field)!r} needs data.image_size; set it")
    if config.crop == "random_square" and (load_size is not None or config.resize != "cover"):
        field = "load_size" if load_size is not None else "resize"
        raise DataError(
            f"data.{field} means nothing with data.crop='random_square', which resizes what it cuts; leave it out"
        )
    transform = Transform(size, load_size, config.resize, config.crop, config.resample, config.channels or 3)
    return ImageSource(
        name,
        pictures,
        transform,
        flip=config.flip,
        domain=domain,
        max_unreadable=config.max_unreadable,
        metrics=metrics,
        beside=beside,
        attributes=attributes,
    )


def two_configs(config: DataConfig) -> tuple[DataConfig, DataConfig]:
    """The fields of the first and of the second of two domains."""
    size, size_b, load_size = map(height_width, (config.image_size, config.image_size_b, config.load_size))
    if load_size and size and size_b:
        # In the same proportion, so that crops leave out the same share of both domains.
        load_size = (round(load_size[0] * size_b[0] / size[0]), round(load_size[1] * size_b[1] / size[1]))
    second = dataclasses.replace(
        config, image_size=size_b or size, load_size=load_size, channels=config.channels_b or config.channels
    )
    return config, second

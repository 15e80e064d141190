"""Pictures: grids, scatter plots, curves and animations, and those that a run keeps."""

from jaxgan.pictures.drawing import (
    LARGEST,
    alike,
    animate,
    as_colours,
    beside,
    columns_for,
    common_shape,
    curves,
    density,
    grid,
    layers,
    looking,
    save,
    save_animation,
    to_image,
    to_uint8,
)

__all__ = [
    "LARGEST",
    "alike",
    "animate",
    "as_colours",
    "beside",
    "columns_for",
    "common_shape",
    "curves",
    "density",
    "grid",
    "layers",
    "looking",
    "save",
    "save_animation",
    "to_image",
    "to_uint8",
]

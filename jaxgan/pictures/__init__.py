"""Pictures: grids, scatter plots, curves and animations, and the album that a run keeps."""

from jaxgan.pictures.drawing import (
    LARGEST,
    animate,
    beside,
    columns_for,
    curves,
    density,
    grid,
    save,
    to_image,
    to_uint8,
)

__all__ = [
    "LARGEST",
    "animate",
    "beside",
    "columns_for",
    "curves",
    "density",
    "grid",
    "save",
    "to_image",
    "to_uint8",
]

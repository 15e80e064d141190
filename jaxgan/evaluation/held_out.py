"""Images that a game is compared with while it trains, as many as memory has room for."""

import math

import numpy as np

from jaxgan.data import Source, as_seen, evenly
from jaxgan.pictures import to_uint8

_BYTES = 2**28  # of the images, as a game sees them: 21,845 of 32x32 in colour, or 341 of 256x256


def spread_records(source: Source, most: int | None = None) -> dict[str, np.ndarray]:
    """The records of a source, images in [-1, 1]; of many large ones, or of more than `most`, some from everywhere in it."""
    each = 4 * sum(math.prod(spec.shape) for spec in source.arrays.values())
    number = min(max(1, _BYTES // each), most or len(source))
    return as_seen(source.stack(evenly(number, len(source))))


def in_bytes(images: np.ndarray) -> np.ndarray:
    """Images of records (N, H, W, C) as uint8: floats in [-1, 1] become the bytes of a saved picture."""
    return images if images.dtype == np.uint8 else to_uint8(images)

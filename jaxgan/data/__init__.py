"""Data: sources with one interface, and the loader that turns them into minibatches. See docs/data.md."""

from jaxgan.core.arrays import evenly
from jaxgan.data.config import DataConfig
from jaxgan.data.contents import contents, same_contents
from jaxgan.data.errors import DataError
from jaxgan.data.factory import make_source, other_split
from jaxgan.data.items import arrays, items
from jaxgan.data.pipeline import Loader, as_seen, check_batch_size, prepare
from jaxgan.data.sources import ArraySource, Source

__all__ = [
    "ArraySource",
    "DataConfig",
    "DataError",
    "Loader",
    "Source",
    "arrays",
    "as_seen",
    "check_batch_size",
    "contents",
    "evenly",
    "items",
    "make_source",
    "other_split",
    "prepare",
    "same_contents",
]

"""Data: sources with one interface, and the loader that turns them into minibatches. See docs/data.md."""

from jaxgan.data.errors import DataError
from jaxgan.data.factory import DataConfig, make_source
from jaxgan.data.pipeline import Loader, prepare
from jaxgan.data.sources import Source

__all__ = ["DataConfig", "DataError", "Loader", "Source", "make_source", "prepare"]

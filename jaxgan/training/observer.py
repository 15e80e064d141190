"""Looking at a game while it trains, without touching it: pictures and metrics, at their steps."""

import zlib
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxgan.core import State
from jaxgan.data import Source
from jaxgan.training import evaluation
from jaxgan.training.album import Album
from jaxgan.training.plan import Plan
from jaxgan.training.records import Records
from jaxgan.training.run_folder import RunFolder
from jaxgan.training.sampling import Sampler


class Observer:
    """Draws and measures the averaged players when it is time to.

    Args:
        plan: The run's plan.
        source: Its training data.

    Raises:
        ConfigError: The config names a metric that is unknown, or that this game and its data do not allow.
    """

    def __init__(self, plan: Plan, source: Source) -> None:
        config = self._config = plan.config
        self._source = source
        self._sampler = Sampler(plan.game, plan.mesh, plan.shapes.image, config.batch_size, config.statistics_batches)
        self._metrics = evaluation.choose(config, self._sampler, source)
        first = next(iter(self._metrics.values()), None)
        self.lower_is_better = first is None or first.lower_is_better
        self._score = "" if first is None else first.score

    def open(self, folder: RunFolder, records: Records, step: int | None, write: bool) -> None:
        """Begins to keep an album in the run's folder; arguments as `Album`'s and `Records`'."""
        self._records = records
        self._album = Album(folder, self._sampler, self._source, self._key("album"), step, write)

    def _key(self, what: str) -> jax.Array:
        """The same noise at every step, so that pictures and values can be compared."""
        return jax.random.fold_in(jax.random.key(self._config.seed), zlib.crc32(what.encode()))

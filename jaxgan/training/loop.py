"""Training: the loop that every system goes through, from `train.py` or from Python.

    jaxgan.training.train(config, "runs/mine")

Running the same again goes on from the last checkpoint, and ends with the same bits as a run that never stopped: the
state holds all that a step depends on, the position in the data is `state.images`, and the host counts steps and
images for itself, so that it asks the device for nothing between two log steps.
"""

import itertools
import time
import zlib
from pathlib import Path
from typing import Any

import jax
from jax.experimental import multihost_utils
from ml_collections import ConfigDict

from jaxgan.config import ConfigError, build_game
from jaxgan.core import Game, Metrics, Round, State, data_mesh
from jaxgan.core.parallel import replicated
from jaxgan.data import Loader, Source, make_source, prepare
from jaxgan.training import evaluation
from jaxgan.training.album import Album
from jaxgan.training.checkpoints import Checkpoints, check_finite
from jaxgan.training.records import Records
from jaxgan.training.run_folder import DataShapes, RunFolder
from jaxgan.training.sampling import Sampler
from jaxgan.training.stop import StopRequest


def train(config: ConfigDict, workdir: str | Path) -> dict[str, float]:
    """Trains the game of a config until its end, or until SIGTERM or SIGINT, and leaves all about it in a folder.

    Args:
        config: See `jaxgan.config.default`.
        workdir: The run's folder; if it holds a run of this config, that one goes on.

    Returns:
        "step", "images", "seconds" (of training alone), "images_per_second", and the last values of the metrics; those
        of the untrained game too, as "untrained/...".

    Raises:
        ConfigError: The config cannot be used, or the folder belongs to another one.
        DataError: The data cannot be used.
        NonFiniteError: A loss, a gradient or a parameter is not finite; the last checkpoint before it stays.
    """
    check(config)
    mesh = data_mesh()
    source = make_source(config.data)
    loader = Loader(source, seed=config.seed, mesh=mesh)
    shapes = DataShapes.of(loader)
    game = build_game(config, shapes.image, shapes.num_classes)
    sampler = Sampler(game, mesh, shapes.image, config.batch_size, config.statistics_batches)
    metrics_wanted = evaluation.choose(config, sampler, source)
    main = jax.process_index() == 0  # of several processes, the one that writes
    folder = RunFolder(Path(workdir))
    folder.claim(config, shapes, write=main)

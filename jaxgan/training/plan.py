"""What is decided before the first step: the data, the game, when it ends; and its first state."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgan.config import ConfigError, build_game
from jaxgan.core import Game, State
from jaxgan.data import DataError, Loader, make_source
from jaxgan.mesh import data_mesh, replicated


@dataclasses.dataclass(frozen=True)
class DataShapes:
    """What a game must know of its data.

    Attributes:
        arrays: For each array of a minibatch, the shape of one entry and its dtype: {"image": ((16, 16, 1), "float32")}.
        num_classes: Number of classes; None without labels.
    """

    arrays: dict[str, tuple[tuple[int, ...], str]]
    num_classes: int | None = None

    @classmethod
    def of(cls, loader: Loader) -> "DataShapes":
        """The shapes of what a loader yields."""
        arrays = {name: (tuple(spec.shape[1:]), str(spec.dtype)) for name, spec in loader.example().items()}
        return cls(arrays, loader.source.num_classes)

    @classmethod
    def from_json(cls, plain: Any) -> "DataShapes":
        """The inverse of `dataclasses.asdict`, by way of JSON."""
        return cls(
            {name: (tuple(shape), dtype) for name, (shape, dtype) in plain["arrays"].items()}, plain["num_classes"]
        )

    @property
    def image(self) -> tuple[int, ...]:
        """Shape of one image (H, W, C), or of one vector (D,)."""
        return self.arrays["image" if "image" in self.arrays else "a"][0]

    def minibatch(self, size: int) -> dict[str, jax.ShapeDtypeStruct]:
        """The shapes of a minibatch."""
        return {name: jax.ShapeDtypeStruct((size, *shape), dtype) for name, (shape, dtype) in self.arrays.items()}


@dataclasses.dataclass(frozen=True)
class Plan:
    """A config, and what it becomes on these devices.

    Attributes:
        config: See `jaxgan.config.default`.
        mesh: All devices of all processes.
        shapes: What the data look like.
        game: The game.
    """

    config: ConfigDict
    mesh: jax.sharding.Mesh
    shapes: DataShapes
    game: Game

    @classmethod
    def of(cls, config: ConfigDict, shapes: DataShapes) -> "Plan":
        """The plan for data of known shapes.

        Raises:
            ConfigError: The config cannot be used.
        """
        for name in ("log_every", "batch_size", "accumulate"):
            if config[name] < 1:
                raise ConfigError(f"config.{name}={config[name]}, but it must be at least 1")
        game = build_game(config, shapes.image, shapes.num_classes)
        last = game.stages[-1]
        if not (config.steps or config.images or last.until_step or last.until_images):
            raise ConfigError("config.steps=0 and config.images=0, so the run would never end: set one of them")
        return cls(config, data_mesh(), shapes, game)

    def batch_size(self, stage: int) -> int:
        """Images in a minibatch of a stage, over all devices."""
        return self.game.stages[stage].batch_size or self.config.batch_size

    def fraction_done(self, step: int, images: int) -> float:
        """How much of the run is done, in [0, 1], by whichever of its ends comes first."""
        last = self.game.stages[-1]
        ends = [(step, self.config.steps), (images, self.config.images)]
        ends += [(step, last.until_step), (images, last.until_images)]
        return min(1.0, max(now / end for now, end in ends if end))

    def init(self, key: jax.Array) -> State:
        """The state before the first step; pure."""
        example = {name: jnp.zeros(spec.shape, spec.dtype) for name, spec in self.shapes.minibatch(1).items()}
        return self.game.init(key, example)

    def abstract_state(self) -> State:
        """Shapes, dtypes and shardings of the state, as `jax.ShapeDtypeStruct`."""
        abstract = jax.eval_shape(self.init, jax.random.key(0))
        whole = functools.partial(jax.ShapeDtypeStruct, sharding=replicated(self.mesh))
        return jax.tree.map(lambda leaf: whole(leaf.shape, leaf.dtype), abstract)

    def first_state(self) -> State:
        """The state before the first step, made where it will live: on every device."""
        return jax.jit(self.init, out_shardings=replicated(self.mesh))(jax.random.key(self.config.seed))


def plan_without_data(config: ConfigDict) -> Plan:
    """The plan as far as the config alone tells it; the data set may be missing.

    Raises:
        DataError: The config does not say what its data look like, and they are not there.
    """
    try:
        return Plan.of(config, DataShapes.of(Loader(make_source(config.data), resident_bytes=0)))
    except DataError:
        size = config.data.image_size
        if size is None:
            raise
        image = (*((size, size) if isinstance(size, int) else size), config.data.channels or 3), "float32"
        arrays: dict[str, Any] = {"a": image, "b": image} if config.data.name == "two_folders" else {"image": image}
        if config.data.require_labels:
            arrays["label"] = ((), "int32")
        return Plan.of(config, DataShapes(arrays, config.game.get("num_classes")))

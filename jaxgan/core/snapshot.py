"""The game at one moment, ready to be asked for images: averaged players, sampling statistics, compiled calls."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxgan.core import State, merge_statistics
from jaxgan.mesh import replicated

# A network alone needs far less memory than a training step, so small minibatches need not be kept to.
_SMALLEST_BATCH = 16


class Sampler:
    """Compiles what a game can do, once for all moments of a run.

    Args:
        plan: The run's plan. Calls are cut among its devices, and every process gets the whole result.
    """

    def __init__(self, plan: Any) -> None:
        self.game, self.image_shape = plan.game, plan.shapes.image
        self.statistics_batches = plan.config.statistics_batches
        # Images in a call: a number that the mesh divides.
        self.batch_size = -(-max(plan.config.batch_size, _SMALLEST_BATCH) // plan.mesh.size) * plan.mesh.size
        game = plan.game
        self.jit = jit = functools.partial(jax.jit, out_shardings=replicated(plan.mesh))
        self.estimate = jit(game.statistics, static_argnames=("number", "stage"))
        self.sample = jit(game.sample, static_argnames=("number", "stage"))
        self.judge = jit(functools.partial(game.use, "judge"), static_argnames="stage")
        self.classify = jit(functools.partial(game.use, "classify"), static_argnames="stage")
        self.translate = jit(game.translate, static_argnames=("stage", "direction"))

    def options(self, ability: str) -> set[str]:
        """The names of an ability's own arguments, such as "label"; empty for what the game cannot do."""
        return (
            set(inspect.signature(self.game.abilities[ability]).parameters) if ability in self.game.abilities else set()
        )

    def at(self, state: State, stage: int) -> "Snapshot":
        """The game as it is now; `state` must not be donated while the snapshot is used.

        Args:
            state: The state.
            stage: Index of the stage whose settings apply.
        """
        statistics: dict[str, Any] = {}
        if self.statistics_batches and "sample" in self.game.abilities:
            # Always the same draws, so that values while training, and those of a checkpoint later, are the same.
            keys = jax.random.split(jax.random.key(0), self.statistics_batches)
            batches = [self.estimate(state, each, number=self.batch_size, stage=stage) for each in keys]
            statistics = merge_statistics(batches)
        return Snapshot(self, state, stage, statistics)


class Snapshot:
    """What the players can do at one moment; see `Sampler.at`. Arrays go in and come out on the host."""

    def __init__(self, sampler: Sampler, state: State, stage: int, statistics: dict[str, Any]) -> None:
        self.game, self.sampler = sampler.game, sampler
        self._state, self._stage, self._statistics = state, stage, statistics

    @property
    def averaged(self) -> bool:
        """Whether any player keeps a moving average of its weights."""
        return any(player.average is not None for player in self._state.players.values())

    def without_average(self) -> "Snapshot":
        """The weights themselves."""
        players = {name: player.replace(average=None) for name, player in self._state.players.items()}
        return self.sampler.at(self._state.replace(players=players), self._stage)

    def sample(
        self, key: jax.Array, number: int, label: np.ndarray | None = None, truncation: float | None = None
    ) -> np.ndarray:
        """Draws images.

        Args:
            key: The same key draws the same images, and fewer of them draws the first ones of more.
            number: How many.
            label: int (number,), for a game that takes labels; None: its own choice.
            truncation: As in `jaxgan.core.Latent`.

        Returns:
            float32 (number, H, W, C) in [-1, 1], or vectors (number, D).
        """
        size, parts = self.sampler.batch_size, []
        options: dict[str, Any] = {} if truncation is None else {"truncation": truncation}
        for index, start in enumerate(range(0, number, size)):
            if label is not None:
                part = np.asarray(label[start : start + size], np.int32)
                options["label"] = np.pad(part, (0, size - len(part)))
            images = self.sampler.sample(
                self._state,
                jax.random.fold_in(key, index),
                number=size,
                stage=self._stage,
                statistics=self._statistics,
                **options,
            )
            parts.append(np.asarray(images))
        images = np.concatenate(parts)[:number]
        # A stage whose images are smaller than the data has them enlarged, pixel by pixel.
        if images.ndim == 4:
            for axis in (1, 2):
                images = images.repeat(self.sampler.image_shape[axis - 1] // images.shape[axis], axis)
        return images

    def classify(self, key: jax.Array, images: np.ndarray) -> np.ndarray:
        """Class logits (N, K) of images (N, H, W, C) in [-1, 1]."""
        return self._by_parts(images, functools.partial(self.sampler.classify, self._state, key, stage=self._stage))

    def judge(self, key: jax.Array, images: np.ndarray) -> np.ndarray:
        """The discriminator's logits (N,) of images (N, H, W, C) in [-1, 1] or vectors (N, D)."""
        use = functools.partial(self.sampler.judge, self._state, key, stage=self._stage, statistics=self._statistics)
        return self._by_parts(images, use)

    def translate(self, key: jax.Array, images: np.ndarray, direction: str) -> np.ndarray:
        """Carries images (N, H, W, C) in [-1, 1] into the other domain; `direction` is "ab" or "ba"."""
        use = functools.partial(self.sampler.translate, self._state, key, stage=self._stage, direction=direction)
        return self._by_parts(images, use)

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """(arguments) -> function(nets, *arguments), compiled: the averaged players as they sample."""
        game, stage = self.game, self._stage
        run = self.sampler.jit(
            lambda state, statistics, *arguments: function(
                game.nets(state, stage=stage, statistics=statistics), *arguments
            )
        )
        return functools.partial(run, self._state, self._statistics)

    def _by_parts(self, images: np.ndarray, function: Callable[[np.ndarray], jax.Array]) -> np.ndarray:
        """What `function` makes of the images, a minibatch at a time."""
        size, parts = self.sampler.batch_size, []
        for start in range(0, len(images), size):
            part = np.asarray(images[start : start + size], np.float32)
            # The last part is filled up with copies, so that one compilation serves all.
            filled = np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])
            parts.append(np.asarray(function(filled))[: len(part)])
        return np.concatenate(parts)

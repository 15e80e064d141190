"""Checkpoints: the last two states of a run and its best one, written in the background and never by halves.

A thin cover of orbax's CheckpointManager, which writes to a temporary folder and renames it when it is complete.
"""

import contextlib
import math
import operator
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers as managers

from jaxgan.core import State
from jaxgan.core.players import flatten
from jaxgan.errors import ConfigError
from jaxgan.foreign import check_expansion


class NonFiniteError(RuntimeError):
    """Training met a number that is not finite; the message says whose, and at which step."""


class Checkpoints:
    """The checkpoints of one run; a context manager that waits for the last write when it is left.

    Args:
        folder: Where they lie, a folder for each step.
        lower_is_better: Whether the score that comes with some of them is better when it is lower.
        write: False only reads, and leaves the folder as it is.
    """

    def __init__(self, folder: Path, lower_is_better: bool = True, write: bool = True) -> None:
        score = lambda metrics: metrics["score"]  # noqa: E731
        best = managers.BestN(get_metric_fn=score, reverse=lower_is_better, n=1)
        if links := [entry for entry in folder.glob("*") if entry.is_symlink()]:
            raise ConfigError(f"{links[0]} is a link, and checkpoints are folders: remove it")
        for file in folder.rglob("*"):
            # A pipe would wait for ever; what another process removes meanwhile is nothing.
            if not (file.is_file() or file.is_dir()) and file.exists():
                raise ConfigError(f"{file} is no file: remove it, or the whole of its checkpoint")
        self._manager = ocp.CheckpointManager(
            folder.absolute(),
            item_handlers=ocp.StandardCheckpointHandler(),
            options=ocp.CheckpointManagerOptions(
                preservation_policy=managers.AnyPreservationPolicy([managers.LatestN(2), best]),
                save_decision_policy=managers.FixedIntervalPolicy(1),
                # Without these the manager would write no scores, whatever its preservation policy.
                best_fn=score,
                best_mode="min" if lower_is_better else "max",
                cleanup_tmp_directories=write,  # what a killed process left half-written
                create=write,
                read_only=not write,
            ),
        )
        # What a checkpoint without a score has for one; orbax would rather keep such checkpoints for ever.
        self._worst = math.inf if lower_is_better else -math.inf
        self._better = operator.lt if lower_is_better else operator.gt
        # Noted here, for those that are still being written cannot be read.
        self._scores: dict[int, float] = {}
        for step in self._manager.all_steps():
            with _readable(folder, step):
                if (metrics := self._manager.metrics(step)) and math.isfinite(metrics["score"]):
                    self._scores[step] = metrics["score"]
        self._finite_players = jax.jit(_finite_players)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *error: Any) -> None:
        self._manager.wait_until_finished()
        self._manager.close()

    def steps(self) -> list[int]:
        """The steps that there are checkpoints of, in order."""
        return sorted(self._manager.all_steps())

    def best(self) -> int | None:
        """The step with the best score; None if no checkpoint was saved with one."""
        return self._manager.best_step() if self._scores else None

    def improves(self, score: float | None) -> bool:
        """Whether a score is finite, and better than that of every checkpoint."""
        if score is None or not math.isfinite(score):
            return False
        return all(self._better(score, other) for other in self._scores.values())

    def save(self, step: int, state: State, score: float | None = None) -> None:
        """Saves a state, unless there is a checkpoint of its step; the state may be donated once this returns.

        Args:
            step: `state.step`, as the host counts it.
            state: What to save.
            score: What the best checkpoint is told by.

        Raises:
            NonFiniteError: The game has met a number that is not finite; the older checkpoints stay.
        """
        if step in self._manager.all_steps():
            return
        finite, nonfinite = jax.device_get((self._finite_players(state.players), state.nonfinite))
        check_finite(nonfinite)
        if broken := [name for name, good in finite.items() if not good]:
            raise NonFiniteError(f"the parameters of {' and '.join(broken)} are not finite after step {step}")
        if score is None or not math.isfinite(score):
            score = self._worst
        else:
            self._scores[step] = score
        self._manager.save(step, args=ocp.args.StandardSave(state), metrics={"score": score})

    def restore(self, step: int, abstract: State) -> State:
        """Reads the state of a step.

        Args:
            step: One of `steps()`.
            abstract: Its shapes, dtypes and shardings: a State of `jax.ShapeDtypeStruct`.

        Raises:
            ConfigError: The checkpoint is of another shape.
        """
        # Compared beforehand, for orbax reports one wrong shape by a page of tracebacks.
        wanted = {_name(path): _stored_shape(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(abstract)}
        folder = Path(self._manager.directory) / str(step)
        with _readable(self._manager.directory, step):
            leaves = jax.tree.leaves(self._manager.item_metadata(step).tree)
            there = {leaf.name: tuple(leaf.shape) for leaf in leaves}
            # A piece of an array is unpacked whole, however little of it the array needs.
            for leaf in leaves:
                pieces = zip(leaf.storage.chunk_shape or (), leaf.shape, strict=True)
                if any(piece > max(1, side) for piece, side in pieces):
                    raise ValueError(f"{leaf.name} is stored in pieces that are larger than it")
        for name in sorted(wanted.keys() | there.keys()):
            if wanted.get(name) != there.get(name):
                raise ConfigError(
                    f"{self._manager.directory}/{step} does not fit this config: {name} has shape "
                    f"{there.get(name, 'none')} there and {wanted.get(name, 'none')} here; choose another --workdir"
                )
        stored = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        unpacked = sum(math.prod(shape) for shape in wanted.values()) * 4
        check_expansion(folder, stored, unpacked)  # chunks that are not there would be filled with zeros
        with _readable(folder.parent, step):
            return self._manager.restore(step, args=ocp.args.StandardRestore(abstract))


@contextlib.contextmanager
def _readable(folder: Any, step: int) -> Iterator[None]:
    """Makes one line of all that orbax says of a checkpoint that is not as it was written."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise ConfigError(
            f"{folder}/{step} cannot be read ({reason}): it is damaged; remove it to go on from an older one"
        ) from error


def check_finite(nonfinite: dict[str, Any]) -> None:
    """Raises a NonFiniteError if a player's sentinel (`State.nonfinite`, on the host) has fired; the earliest counts."""
    fired = {name: int(step) for name, step in nonfinite.items() if step >= 0}
    if fired:
        first = min(fired.values())
        names = " and ".join(name for name, step in fired.items() if step == first)
        raise NonFiniteError(f"the loss or the gradient of {names} was not finite at step {first + 1}")


def _finite_players(players: dict[str, Any]) -> dict[str, jax.Array]:
    def finite(player: Any) -> jax.Array:
        leaves = jax.tree.leaves((player.params, player.average))
        return jnp.stack([jnp.isfinite(leaf).all() for leaf in leaves]).all()

    return {name: finite(player) for name, player in flatten(players).items()}


def _name(path: Any) -> str:
    """A leaf's name as orbax writes it, "players.generator.optimizer.0.mu.Dense_0.kernel"."""
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _stored_shape(leaf: Any) -> tuple[int, ...]:
    """A leaf's shape on disk, where a random key is its data."""
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return tuple(jax.eval_shape(jax.random.key_data, leaf).shape if is_key else leaf.shape)

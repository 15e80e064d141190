"""Checkpoints: the last two states of a run and its best one, written in the background and never by halves.

A thin cover of orbax's CheckpointManager, which writes to a temporary folder and renames it when it is complete. Of several
processes the first alone has one: whole states travel to it and from it, so that no other needs to see the folder. All of them
must ask for everything here alike, but `rate`.
"""

import contextlib
import functools
import itertools
import logging
import math
import operator
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers as managers

from jaxgan.core import State
from jaxgan.errors import ConfigError, UserError
from jaxgan.foreign import check_expansion
from jaxgan.processes import gathered, spread, told_by_first
from jaxgan.remote import RemoteError
from jaxgan.training.broken import check_finite
from jaxgan.training.mirror import Mirror


class SaveError(RuntimeError):
    """A checkpoint could not be written: a full disk, or a folder that is gone; those before it stay."""


class DamagedError(ConfigError):
    """A checkpoint is not as it was written."""


class Checkpoints:
    """The checkpoints of one run; a context manager that waits for the last write when it is left.

    Args:
        folder: Where they lie, a folder for each step.
        lower_is_better: Whether scores are better when they are lower.
        scores: What the best checkpoint is told by, by step: of whatever was measured so far.
        every: Checkpoints at multiples of this are the run's own rhythm, and the newest of them is kept; 0: there is none.
        write: False only reads, and leaves the folder as it is.
        mirror: Where the run's folder is sent whenever a state was saved; None: nowhere.
    """

    def __init__(
        self,
        folder: Path,
        lower_is_better: bool = True,
        scores: Mapping[int, float] | None = None,
        every: int = 0,
        write: bool = True,
        mirror: Mirror | None = None,
    ) -> None:
        self._every, self._mirror = every, mirror
        self._better = operator.lt if lower_is_better else operator.gt
        self._scores = {step: score for step, score in (scores or {}).items() if math.isfinite(score)}
        self._folder, self._write = folder, write
        self._manager: Any = None  # of the first process
        told_by_first(self._open)
        _silence_what_is_broken_off()

    def _open(self) -> None:
        folder = self._folder
        if links := [entry for entry in folder.glob("*") if entry.is_symlink()]:
            raise ConfigError(f"{links[0]} is a link, and checkpoints are folders: remove it")
        for file in folder.rglob("*"):
            # A pipe would wait for ever; what another process removes meanwhile is nothing.
            if not (file.is_file() or file.is_dir()) and file.exists():
                raise ConfigError(f"{file} is no file: remove it, or the whole of its checkpoint")
        if self._write:
            folder.mkdir(parents=True, exist_ok=True)
        alone = ocp.options.MultiprocessingOptions(primary_host=0, active_processes={0})
        with contextlib.nullcontext() if self._write else _unwarned():
            self._manager = ocp.CheckpointManager(
                folder.absolute(),
                item_handlers=ocp.StandardCheckpointHandler(multiprocessing_options=alone),
                options=ocp.CheckpointManagerOptions(
                    preservation_policy=managers.AnyPreservationPolicy(
                        [managers.LatestN(2), _Keep(self.best), _Keep(self._newest_of_rhythm)]
                    ),
                    save_decision_policy=managers.FixedIntervalPolicy(1),
                    cleanup_tmp_directories=self._write,  # what a killed process left half-written
                    create=False,  # orbax creates none for some processes alone
                    read_only=not self._write,
                    multiprocessing_options=alone,
                ),
            )

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *error: Any) -> None:
        if self._manager is None:
            return
        with self._writing():
            self._manager.wait_until_finished()
        self._manager.close()
        if self._mirror is None or isinstance(error[1], KeyboardInterrupt):
            return
        if error[1] is not None:
            self._mirror.send()
            return
        try:
            self._mirror.finish()
        except RemoteError as failed:
            raise SaveError(str(failed)) from failed

    def steps(self) -> list[int]:
        """The steps that there are checkpoints of, in order."""
        return told_by_first(lambda: sorted(self._manager.all_steps()))

    def best(self, steps: Sequence[int] | None = None) -> int | None:
        """The step with the best score, the first of several; None if none of them has one.

        Args:
            steps: Among which; None: of all checkpoints.
        """
        best: int | None = None
        for step in self.steps() if steps is None else steps:
            if step in self._scores and (best is None or self._better(self._scores[step], self._scores[best])):
                best = step
        return best

    def _newest_of_rhythm(self, steps: Sequence[int]) -> int | None:
        return max((step for step in steps if self._every and step % self._every == 0), default=None)

    def unstopped(self) -> list[int]:
        """The steps of the best checkpoint and of those of the run's own rhythm, the newest first.

        These are there too if the run was never stopped, and so may decide what becomes of it. Without a rhythm all are meant.
        That of step 0 is what a run began with, which may be another run's weights.
        """
        told_by_first(lambda: self._manager.wait_until_finished())
        best = self.best()
        own = [step for step in self.steps() if not self._every or step % self._every == 0 or step == best]
        return own[::-1]

    def forget_after(self, step: int) -> None:
        """Deletes the checkpoints of later steps than this, and their scores."""
        told_by_first(lambda: self._forget_after(step))
        self._scores = {measured: score for measured, score in self._scores.items() if measured <= step}

    def _forget_after(self, step: int) -> None:
        self._manager.wait_until_finished()
        for later in list(self._manager.all_steps()):
            if later > step:
                self._manager.delete(later)
        if self._mirror is not None:
            self._manager.wait_until_finished()
            self._mirror.forget_after(step)

    def improves(self, score: float | None) -> bool:
        """Whether a score is finite, and better than that of every checkpoint."""
        best = self.best()
        return score is not None and math.isfinite(score) and (best is None or self._better(score, self._scores[best]))

    def rate(self, step: int, score: float | None) -> None:
        """Notes the score of a checkpoint that was saved before it was measured."""
        if score is not None and math.isfinite(score):
            self._scores[step] = score

    def save(self, step: int, state: State, score: float | None = None) -> None:
        """Saves a state, unless there is a checkpoint of its step; the state may be donated once this returns.

        Args:
            step: `state.step`, as the host counts it.
            state: What to save.
            score: What the best checkpoint is told by.

        Raises:
            NonFiniteError: The game has met a number that is not finite; the older checkpoints stay.
            SaveError: This one, or the one before it, which was written in the background, could not be written.
        """
        if step in self.steps():
            return
        check_finite(jax.device_get(state.nonfinite))
        self.rate(step, score)
        stored = gathered(_with_data_of_keys(state))
        told_by_first(lambda: self._save(step, stored))

    def _save(self, step: int, stored: State) -> None:
        with self._writing():
            self._manager.save(step, args=ocp.args.StandardSave(stored))
            if self._mirror is not None:
                self._manager.wait_until_finished()
        if self._mirror is not None:
            self._mirror.send()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Makes one line of what goes wrong while orbax writes, and removes what is half-written: it takes room."""
        try:
            yield
        except Exception as error:
            if self._write:
                for left in self._folder.glob("*orbax-checkpoint-tmp*"):
                    shutil.rmtree(left, ignore_errors=True)
            number = re.search(r"os_error_code='(\d+)'", str(error))  # tensorstore's errors are no OSErrors
            known = os.strerror(int(number[1])) if number else getattr(error, "strerror", None)
            reason = known or " ".join(str(error).split())[:120] or type(error).__name__
            raise SaveError(
                f"{self._folder}: a checkpoint cannot be written ({reason}); those before it are kept: make room, "
                "and run the same command to go on"
            ) from error

    def intact(self, abstract: State, say: Callable[[str], None], wanted: Sequence[int] | None = None) -> State | None:
        """The first state that is as it was written; None if there is no checkpoint.

        One that is damaged is told of, and put aside under the name damaged-STEP where this process writes, for it would be in
        the way of the run that goes on.

        Args:
            abstract: As in `restore`.
            say: Takes a line for people.
            wanted: The steps in the order in which they are tried; None: the newest first.

        Raises:
            ConfigError: A checkpoint is of another shape; or all are damaged.
            FileNotFoundError: As in `restore`.
        """
        found: list[State] = []
        steps = list(reversed(self.steps())) if wanted is None else wanted

        def look() -> bool:
            damaged = ""  # in words: the error would keep alive the reads that it broke off
            for step in steps:
                try:
                    found.append(self._read(step, abstract))
                    return True
                except DamagedError as error:
                    damaged = str(error)
                    say(f"{error}; taking another one, if there is one")
                    if self._write:
                        self._put_aside(step)
            if damaged:
                raise ConfigError(f"no checkpoint in {self._folder} can be read: {damaged}; choose another --workdir")
            return False

        return self._placed(found, abstract) if told_by_first(look) else None

    def _put_aside(self, step: int) -> None:
        more = (f"damaged-{step}-{number}" for number in itertools.count(2))
        names = itertools.chain([f"damaged-{step}"], more)
        (self._folder / str(step)).rename(
            next(self._folder / name for name in names if not (self._folder / name).exists())
        )
        self._manager.reload()

    def restore(self, step: int, abstract: State) -> State:
        """Reads the state of a step.

        Args:
            step: One of `steps()`.
            abstract: Its shapes, dtypes and shardings: a State of `jax.ShapeDtypeStruct`.

        Raises:
            ConfigError: The checkpoint is of another shape.
            DamagedError: It cannot be read.
            FileNotFoundError: It is no longer there: a run that goes on made room for a newer one.
        """
        found: list[State] = []
        told_by_first(lambda: found.append(self._read(step, abstract)))
        return self._placed(found, abstract)

    def _placed(self, found: Sequence[State], abstract: State) -> State:
        """The state that the first process has read, on the devices of all."""
        stored = spread(found, [_abstract_data_of_keys(abstract)])[0]
        return jax.tree.map(
            lambda wanted, leaf: jax.random.wrap_key_data(leaf) if _is_key(wanted) else leaf, abstract, stored
        )

    def _read(self, step: int, abstract: State) -> State:
        """What is stored: of one process where it belongs, of several as numpy arrays of the first."""
        abstract = _abstract_data_of_keys(abstract)
        # Compared beforehand, for orbax reports one wrong shape by a page of tracebacks.
        wanted = {_name(path): tuple(leaf.shape) for path, leaf in jax.tree_util.tree_leaves_with_path(abstract)}
        folder = self._folder / str(step)
        with _readable(self._folder, step):
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
                    f"{self._folder}/{step} does not fit this config: {name} has shape "
                    f"{there.get(name, 'none')} there and {wanted.get(name, 'none')} here; choose another --workdir"
                )
        stored = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        unpacked = sum(math.prod(shape) for shape in wanted.values()) * 4
        try:
            check_expansion(folder, stored, unpacked)  # chunks that are not there would be filled with zeros
        except UserError as error:
            raise DamagedError(str(error)) from error
        if jax.process_count() > 1:
            abstract = jax.tree.map(lambda leaf: np.empty(leaf.shape, leaf.dtype), abstract)
        with _readable(folder.parent, step):
            restored = self._manager.restore(step, args=ocp.args.StandardRestore(abstract))
        if int(restored.step) != step:
            # A later name than the run's own steps would be in the way of every save to come.
            raise DamagedError(f"{folder} holds step {int(restored.step)}: its folder was renamed")
        return _with_data_of_keys(restored)  # where the file calls it a key, orbax makes it one


@contextlib.contextmanager
def _readable(folder: Any, step: int) -> Iterator[None]:
    """Makes one line of all that orbax says of a checkpoint that is not as it was written."""
    try:
        yield
    except Exception as error:
        if not (Path(folder) / str(step)).exists():
            raise FileNotFoundError(f"{folder}/{step}") from error
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise DamagedError(f"{folder}/{step} cannot be read ({reason}): it is damaged") from error


@functools.cache
def _silence_what_is_broken_off() -> None:
    """Keeps what orbax reads or writes while one of these fails from printing a traceback each, whenever they end.

    They find the event loop closed that waited for them, or nobody who asks for their errors; or they make an error of being
    given up themselves.
    """
    before = sys.unraisablehook

    def hook(broken: Any) -> None:
        closed = isinstance(broken.exc_value, RuntimeError) and str(broken.exc_value) == "Event loop is closed"
        code = getattr(broken.object, "cr_code", None)  # of a coroutine
        if not closed and not (code is not None and "orbax" in Path(code.co_filename).parts):
            before(broken)

    sys.unraisablehook = hook
    logging.getLogger("asyncio").addFilter(lambda record: "exception was never retrieved" not in record.getMessage())


@contextlib.contextmanager
def _unwarned() -> Iterator[None]:
    """Keeps orbax from telling that a folder opened to be read is opened to be read."""
    logger, quiet = logging.getLogger("absl"), lambda record: record.levelno >= logging.ERROR
    logger.addFilter(quiet)
    try:
        yield
    finally:
        logger.removeFilter(quiet)


class _Keep:
    """Keeps one checkpoint; of the best one orbax would know the scores only that were there when one was saved."""

    def __init__(self, which: Callable[[Sequence[int]], int | None]) -> None:
        self._which = which

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        steps = [checkpoint.step for checkpoint in checkpoints]
        return [step == self._which(steps) for step in steps]


def _name(path: Any) -> str:
    """A leaf's name as orbax writes it, "players.generator.optimizer.0.mu.Dense_0.kernel"."""
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _is_key(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key))


def _with_data_of_keys(state: State) -> State:
    """A state as it is stored, where a random key is its data."""
    return jax.tree.map(lambda leaf: jax.random.key_data(leaf) if _is_key(leaf) else leaf, state)


def _abstract_data_of_keys(abstract: State) -> State:
    def stored(leaf: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
        if not _is_key(leaf):
            return leaf
        data = jax.eval_shape(jax.random.key_data, leaf)
        return jax.ShapeDtypeStruct(data.shape, data.dtype, sharding=leaf.sharding)

    return jax.tree.map(stored, abstract)

"""Training: the loop that every system goes through, from `train.py` or from Python.

    jaxgan.training.train(config, "runs/mine")

Running the same again goes on from the last checkpoint, and ends with the same bits as a run that never stopped: the
state holds all that a step depends on, the position in the data is `state.images`, and the host counts steps and
images for itself, so that it asks the device for nothing between two log steps.
"""

import contextlib
import dataclasses
import functools
import itertools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from jaxgan import memory, overrides
from jaxgan.core import Due, Game, Metrics, State
from jaxgan.core.arrays import listed_classes, listed_domains
from jaxgan.data import Loader, Source, check_batch_size, contents, make_source, prepare
from jaxgan.data.items import MEMORY
from jaxgan.data.pipeline import RawBatch, Resident
from jaxgan.evaluation import monitored
from jaxgan.foreign import printable
from jaxgan.mesh import data_mesh, replicated
from jaxgan.registry import resolve
from jaxgan.training.checkpoints import BrokenError, Checkpoints, check_finite
from jaxgan.training.mirror import Mirror
from jaxgan.training.observer import Observer
from jaxgan.training.plan import Plan
from jaxgan.training.records import Records, read_metrics, series
from jaxgan.training.rollback import roll_back
from jaxgan.training.run_folder import RunFolder
from jaxgan.training.stop import Stopped, StopRequest
from jaxgan.training.transfer import Beginning, read_source


def train(config: ConfigDict, workdir: str | Path, init_from: str = "", data: Source | None = None) -> dict[str, float]:
    """Trains the game of a config to its end, or until SIGTERM or SIGINT, and leaves all about it in a folder.

    Args:
        config: See `jaxgan.config.default`.
        workdir: The run's folder; if it holds a run of this config, that one goes on. It may be on object storage,
            "gs://bucket/run".
        init_from: "RUN" or "RUN:player,player": the folder of another run that this one begins with the weights of, and whose;
            "": it begins with random ones. A run that goes on may leave it out.
        data: What it is trained on, in the place of what `config.data` names; see `jaxgan.runs.train`.

    Returns:
        "step", "images", "seconds" (of training alone), and the last value of everything in metrics.jsonl; values of
        the untrained game are there too, as "untrained/digit_fd".

    Raises:
        ConfigError: The config cannot be used, the folder belongs to another one, or its run is past the config's end; or
            nothing can be taken from the other run.
        DataError: The data cannot be used.
        RemoteError: The folder is elsewhere, and cannot be read or written.
        MemoryShortage: There is not enough memory for the step or the networks.
        NonFiniteError: A loss, a gradient or a parameter is not finite, and going back (`config.rollbacks`) did not help; the
            last checkpoint before it stays.
        CollapseError: The guard found the game lost, and is to end the run (`config.guard`), or going back did not help.
    """
    config = resolve(config) if data is None else overrides.apply(config, [("data.name", MEMORY)])
    cure = (
        f"a smaller config.batch_size than {config.batch_size}, a smaller config.data.image_size, or narrower networks in "
        "config.players take less; --dry_run says how much a step takes"
    )
    with memory.less(cure):
        asked = read_source(init_from) if init_from else None
        mirror = Mirror.of(workdir)
        source = make_source(config.data) if data is None else data
        if mirror is not None:
            mirror.begin()
        return _train(config, source, Path(workdir) if mirror is None else mirror.path, cure, asked, mirror)


def _train(
    config: ConfigDict,
    source: Source,
    workdir: Path,
    cure: str,
    asked: Mapping[str, Any] | None,
    mirror: Mirror | None,
) -> dict[str, float]:
    loader = Loader(source, seed=config.seed, mesh=data_mesh())
    plan = Plan.of_source(config, source)
    game = plan.game
    for each in range(len(game.stages)):
        check_batch_size(source, plan.batch_size(each), plan.mesh)  # before anything is written or compiled
    choice = monitored.choose(config, plan.compiled, source)
    plan.config.metrics = tuple(
        choice.metrics
    )  # those that "default" stands for: readers of the run have no data to ask
    there = contents(source)
    folder, main = RunFolder(workdir), jax.process_index() == 0
    play = CompiledStep(game, plan.mesh)
    with jax.set_mesh(plan.mesh):
        # Networks and losses that do not fit the data, or each other, say so before anything is written.
        abstract, first = plan.abstract_state(), game.due(0, 0)
        memory.check(plan.least_bytes(abstract), cure)
        if not folder.checkpoints.exists():
            batches = loader.batches(plan.batch_size(0))
            play.trace(abstract, tuple(itertools.islice(batches, game.minibatches(first))), loader.resident, first)
        told = folder.claim(plan.config, plan.arrays, plan.domains, there, write=False)
        weights_of = folder.begun_with(asked)
        folder.check_shared()
        beginning = None if weights_of is None else Beginning.of(plan, weights_of)

    damaged: list[str] = []
    score_name, lower_is_better = monitored.told_by(choice.metrics.values())
    with (
        jax.set_mesh(plan.mesh),
        StopRequest() as stop,
        folder.owned() if main else contextlib.nullcontext(),
        Checkpoints(
            folder.checkpoints,
            lower_is_better,
            series(read_metrics(folder.metrics), score_name),
            every=plan.config.checkpoint_every,
            mirror=mirror,
        ) as checkpoints,
    ):
        state = checkpoints.intact(abstract, damaged.append)
        resumed = None if state is None else int(state.step)
        begins = ""
        # Networks may begin by data: by the first minibatch.
        first_state = lambda: plan.first_state(next(loader.batches(plan.batch_size(0))), loader.resident)  # noqa: E731
        if state is None:
            state = first_state()
            if beginning is not None:
                state, begins = beginning.state(plan, state), beginning.line
            if main:
                folder.note_source(weights_of)
        elif told:
            plan.check_end(int(state.step), int(state.images), int(state.stage))
        beginning = None  # the other run's state leaves the memory
        # Looked at again, now that nobody else writes.
        folder.claim(plan.config, plan.arrays, plan.domains, there, write=main)
        if mirror is not None:
            mirror.claim()
        if begins:  # the other run may have gone on, or be gone, when this one is started again
            checkpoints.save(int(state.step), state)
        classes = listed_classes(plan.arrays)
        domains = listed_domains(plan.domains)
        known = [f"{what}: {printable(them)}" for what, them in (("classes", classes), ("domains", domains)) if them]
        opening = [*damaged, told, begins, plan.unplayed, *known]
        run = _Run(plan, source, loader, choice, folder, play, checkpoints, stop, main)
        broken: BrokenError | None = None
        while True:
            with Records(folder, resumed, int(state.rollbacks), write=main) as records:
                if broken is not None:
                    records.rolled_back(int(state.step), int(state.images), int(state.rollbacks), broken.step)
                for line in filter(None, opening):
                    records.say(line)
                try:
                    return run.go_on(state, resumed, records)
                except BrokenError as error:
                    # Its traceback would keep the broken state alive.
                    broken, opening = error.with_traceback(None), []
                except KeyboardInterrupt as error:
                    saved = f"step {checkpoints.steps()[-1]}" if checkpoints.steps() else "nothing yet"
                    line = f"{folder.path}: saved is {saved}; run the same command to go on from there"
                    raise KeyboardInterrupt(line) from error
            state = roll_back(broken, plan, first_state, checkpoints, records, opening.append)
            resumed = int(state.step)


@dataclasses.dataclass(frozen=True)
class _Run:
    """What a run goes on with from any of its states."""

    plan: Plan
    source: Source
    loader: Loader
    choice: monitored.Choice
    folder: RunFolder
    play: "CompiledStep"
    checkpoints: Checkpoints
    stop: StopRequest
    write: bool

    def go_on(self, state: State, resumed: int | None, records: Records) -> dict[str, float]:
        """Trains to the end, or until a stop is asked for; returns what `train` does.

        Args:
            state: Where it begins; donated.
            resumed: Its step, if it is of a checkpoint or was gone back to; None: the run begins.
            records: Where values go.

        Raises:
            BrokenError: Training went wrong; what was saved before stays.
        """
        plan, config, game, play, stop = self.plan, self.plan.config, self.plan.game, self.play, self.stop
        checkpoints, loader = self.checkpoints, self.loader
        play.last = {}
        # From here on the host counts for itself.
        step, images, stage = int(state.step), int(state.images), int(state.stage)
        seed = config.seed + (int(state.rollbacks) << 32)  # after a rollback the data come in another order
        done = plan.fraction_done(step, images)
        observer = Observer(plan, self.source, self.choice, self.folder, records, resumed)
        look = lambda: observer.look(state, step, images, stage, last=done == 1.0)  # noqa: E731
        try:
            # The untrained game, or what a stop left undone.
            score = stop.unless_asked(plan.mesh, look)
            checkpoints.rate(step, score)
            stage_read = -1
            while done < 1.0:
                due = game.due(step, images)
                if due.stage != stage_read:
                    stage = stage_read = due.stage
                    batch_size = plan.batch_size(stage)
                    batches = loader.batches(batch_size, images, seed)
                minibatches = tuple(itertools.islice(batches, game.minibatches(due)))
                if not play.compiled(due):
                    compiling = functools.partial(play.compile, state, minibatches, loader.resident, due)
                    with records.stopwatch.paused():
                        records.say(stop.unless_asked(plan.mesh, compiling))
                state, values = play(state, minibatches, loader.resident, due)
                step, images = step + 1, images + batch_size * len(minibatches)
                done = plan.fraction_done(step, images)
                records.progress(images, done)
                if step % config.log_every == 0 or done == 1.0:
                    values, nonfinite = jax.device_get((values, state.nonfinite))
                    check_finite(nonfinite)
                    records.log(step, images, values, done)
                if done < 1.0 and stop.asked(step):
                    raise Stopped
                saves = config.checkpoint_every > 0 and step % config.checkpoint_every == 0
                if saves or done == 1.0 or observer.due(step):
                    check_finite(jax.device_get(state.nonfinite))  # and so the step is over, and the clock may stop
                    with records.stopwatch.paused():
                        score = stop.unless_asked(plan.mesh, look)
                        if saves or done == 1.0 or checkpoints.improves(score):
                            checkpoints.save(step, state, score)
        except Stopped:
            checkpoints.save(step, state)
            records.say(f"saved at step {step}; run the same command to go on")
        else:
            observer.finish()
            records.print(observer.summary())
        return records.result(step, images)


class CompiledStep:
    """The game's step, compiled once for all that can be due."""

    def __init__(self, game: Game, mesh: jax.sharding.Mesh) -> None:
        def step(
            state: State, minibatches: tuple[RawBatch, ...], resident: Resident, due: Due
        ) -> tuple[State, Metrics]:
            prepared = tuple(prepare(minibatch, resident) for minibatch in minibatches)
            return game.step(state, prepared, due, skip_nonfinite=True)

        self._step = jax.jit(step, static_argnames="due", donate_argnames="state", out_shardings=replicated(mesh))
        self._game = game
        self._traced: dict[Due, jax.stages.Traced] = {}
        self._compiled: dict[Due, jax.stages.Compiled] = {}
        self.last: Metrics = {}  # the latest of every turn that was ever due

    def trace(self, state: State, minibatches: tuple[RawBatch, ...], resident: Resident, due: Due) -> None:
        """Goes through the step without computing anything."""
        self._traced[due] = self._step.trace(state, minibatches, resident, due=due)

    def compiled(self, due: Due) -> bool:
        """Whether this is compiled."""
        return due in self._compiled

    def compile(self, state: State, minibatches: tuple[RawBatch, ...], resident: Resident, due: Due) -> str:
        """Compiles what is due; returns a line for people."""
        began = time.perf_counter()
        if due not in self._traced:
            self.trace(state, minibatches, resident, due)
        self._compiled[due] = self._traced.pop(due).lower().compile()
        seconds = time.perf_counter() - began
        return f"compiled {self._game.stages[due.stage].name} ({', '.join(due.turns)}) in {seconds:.1f} s"

    def __call__(
        self, state: State, minibatches: tuple[RawBatch, ...], resident: Resident, due: Due
    ) -> tuple[State, Metrics]:
        """Plays a step; returns the new state, and the latest metrics of every turn that was ever due."""
        # One step is in flight while the next one is prepared, and no more: a stop must not wait for a queue of them.
        jax.block_until_ready(self.last)
        state, metrics = self._compiled[due](state, minibatches, resident)
        self.last = {**self.last, **metrics}
        return state, self.last

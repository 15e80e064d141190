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
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from jaxgan import memory, overrides
from jaxgan.core import Metrics, State
from jaxgan.core.arrays import listed_classes, listed_domains
from jaxgan.data import Loader, Source, check_batch_size, contents, make_source
from jaxgan.data.items import MEMORY
from jaxgan.evaluation import monitored
from jaxgan.foreign import printable
from jaxgan.mesh import data_mesh
from jaxgan.processes import is_first, told_by_first
from jaxgan.registry import resolve
from jaxgan.training.broken import BrokenError, check_finite
from jaxgan.training.busy import busy
from jaxgan.training.checkpoints import Checkpoints
from jaxgan.training.compiled_step import CompiledStep
from jaxgan.training.mirror import Mirror
from jaxgan.training.observer import Observer
from jaxgan.training.plan import Plan
from jaxgan.training.records import Records, read_metrics, say, series
from jaxgan.training.rollback import roll_back
from jaxgan.training.run_folder import RunFolder
from jaxgan.training.stop import Stopped, StopRequest
from jaxgan.training.together import Call, Training, play_together
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
    return train_side_by_side(config, {"": workdir}, init_from, data)[0]


def train_side_by_side(
    config: ConfigDict, folders: Mapping[str, str | Path], init_from: str = "", data: Source | None = None
) -> list[dict[str, float]]:
    """Trains runs that differ by their seeds, in one program where they play the same.

    Args:
        config: Of the first; each of the others has a seed that is one more than that of the one before.
        folders: Theirs, in order, by what the lines of each for people begin with.
        init_from: As in `train`.
        data: As in `train`.
    """
    config = resolve(config) if data is None else overrides.apply(config, [("data.name", MEMORY)])
    cure = (
        f"a smaller config.batch_size than {config.batch_size}, a smaller config.data.image_size, or narrower networks in "
        "config.players take less; --dry_run says how much a step takes"
    )
    with memory.less(cure):
        asked = read_source(init_from) if init_from else None
        mirrors = [Mirror.of(folder) for folder in folders.values()]
        source = make_source(config.data) if data is None else data
        loader = Loader(source, mesh=data_mesh())
        plan = Plan.of_source(config, source)
        for each in range(len(plan.game.stages)):
            check_batch_size(source, plan.batch_size(each), plan.mesh)  # before anything is written or compiled
        choice = monitored.choose(config, plan.compiled, source)
        # Those that "default" stands for: readers of the run have no data to ask.
        plan.config.metrics = tuple(choice.metrics)
        stop = StopRequest()
        for mirror in filter(None, mirrors):
            mirror.begin()
        with jax.set_mesh(plan.mesh):
            play = CompiledStep(plan.game, plan.shardings)
            memory.check(len(folders) * plan.least_bytes(plan.abstract_state()), cure)
            trainer = _Trainer(source, contents(source), loader, choice, play, stop, asked)
            runs = [
                trainer.train(plan.with_seed(config.seed + index), Path(folder), mirror, label)
                for index, ((label, folder), mirror) in enumerate(zip(folders.items(), mirrors, strict=True))
            ]
            return play_together(runs, play, loader.resident, plan.mesh, stop)


@dataclasses.dataclass(frozen=True)
class _Trainer:
    """What runs side by side share, and how each of them is trained."""

    source: Source
    contents: Mapping[str, Any]
    loader: Loader
    choice: monitored.Choice
    play: CompiledStep
    stop: StopRequest
    asked: Mapping[str, Any] | None  # whose weights they are to begin with

    def train(self, plan: Plan, workdir: Path, mirror: Mirror | None, label: str) -> Training:
        """A run; until it yields for the first time it only looks whether it can be trained."""
        config, loader, play, main = plan.config, self.loader, self.play, is_first()
        folder = RunFolder(workdir if mirror is None else mirror.path)
        # Networks and losses that do not fit the data, or each other, say so before anything is written.
        with busy("going through the networks and a step"):
            abstract, first = plan.abstract_state(), plan.call(0, 0)
            begun = told_by_first(lambda: folder.checkpoints.exists())
            if not begun and not play.traced(1, first):
                minibatches = tuple(itertools.islice(loader.batches(plan.batch_size(0)), play.minibatches(first)))
                play.trace((abstract,), (minibatches,), loader.resident, first)
        claim = functools.partial(folder.claim, config, plan.arrays, plan.domains, self.contents)
        told = told_by_first(lambda: claim(write=False))
        weights_of = told_by_first(lambda: folder.begun_with(self.asked))
        beginning = None if weights_of is None else Beginning.of(plan, weights_of)
        yield None

        damaged: list[str] = []
        score_name, lower_is_better = monitored.told_by(self.choice.metrics.values())
        with contextlib.suppress(Stopped), contextlib.ExitStack() as held:  # before there was a state
            told_by_first(lambda: held.enter_context(folder.owned()))
            scores = told_by_first(lambda: list(series(read_metrics(folder.metrics), score_name).items()))
            checkpoints = held.enter_context(
                Checkpoints(
                    folder.checkpoints, lower_is_better, dict(scores), every=config.checkpoint_every, mirror=mirror
                )
            )
            state = checkpoints.intact(abstract, damaged.append)
            resumed = None if state is None else int(state.step)
            begins = ""
            if state is None:
                state = self._first_state(plan, beginning)
                begins = "" if beginning is None else beginning.line
                told_by_first(lambda: folder.note_source(weights_of))
            elif told:
                plan.check_end(int(state.step), int(state.images), int(state.stage))
            beginning = None  # the other run's state leaves the memory
            # Looked at again, now that nobody else writes.
            told_by_first(claim)
            if mirror is not None:
                mirror.claim()
            if begins:  # the other run may have gone on, or be gone, when this one is started again
                checkpoints.save(int(state.step), state)
            classes = listed_classes(plan.arrays)
            domains = listed_domains(plan.domains)
            known = [
                f"{what}: {printable(them)}" for what, them in (("classes", classes), ("domains", domains)) if them
            ]
            opening = [*damaged, told, begins, plan.unplayed, *known]
            broken: BrokenError | None = None
            while True:
                with Records(folder, resumed, int(state.rollbacks), main, label) as records:
                    if broken is not None:
                        records.rolled_back(int(state.step), int(state.images), int(state.rollbacks), broken.step)
                    for line in filter(None, opening):
                        records.say(line)
                    try:
                        return (yield from self._go_on(plan, folder, checkpoints, state, resumed, records))
                    except BrokenError as error:
                        # Its traceback would keep the broken state alive.
                        broken, opening = error.with_traceback(None), []
                    except KeyboardInterrupt as error:
                        saved = f"step {checkpoints.steps()[-1]}" if checkpoints.steps() else "nothing yet"
                        line = f"{folder.path}: saved is {saved}; run the same command to go on from there"
                        raise KeyboardInterrupt(line) from error
                anew = functools.partial(self._first_state, plan)
                state = roll_back(broken, plan, anew, checkpoints, records, opening.append)
                resumed = int(state.step)
        if main:
            say("there was nothing to save yet; run the same command again", label)
        return {"seconds": 0.0, "step": 0, "images": 0}

    def _first_state(self, plan: Plan, beginning: Beginning | None = None) -> State:
        """The state before the first step.

        Raises:
            Stopped: A stop was asked for; there is nothing yet that could be saved.
        """

        def make() -> State:
            # Networks may begin by data: by the first minibatch.
            batch = next(self.loader.batches(plan.batch_size(0), seed=plan.config.seed))
            state = plan.first_state(batch, self.loader.resident)
            return state if beginning is None else beginning.state(plan, state)

        with busy("making the networks"):
            return self.stop.unless_asked(plan.mesh, make)

    def _go_on(
        self,
        plan: Plan,
        folder: RunFolder,
        checkpoints: Checkpoints,
        state: State,
        resumed: int | None,
        records: Records,
    ) -> Training:
        """Trains to the end, or until a stop is asked for; returns what `train` does. What it yields is to be played.

        Args:
            plan: The run's.
            folder: Likewise.
            checkpoints: Likewise.
            state: Where it begins; donated.
            resumed: Its step, if it is of a checkpoint or was gone back to; None: the run begins.
            records: Where values go.

        Raises:
            BrokenError: Training went wrong; what was saved before stays.
        """
        config, loader, play, stop = plan.config, self.loader, self.play, self.stop
        last: Metrics = {}  # the latest of every turn that was ever due
        # From here on the host counts for itself.
        step, images, stage = int(state.step), int(state.images), int(state.stage)
        seed = config.seed + (int(state.rollbacks) << 32)  # after a rollback the data come in another order
        done = plan.fraction_done(step, images)
        observer = Observer(plan, self.source, self.choice, folder, records, resumed)
        look = lambda: observer.look(state, step, images, stage, last=done == 1.0)  # noqa: E731
        try:
            # The untrained game, or what a stop left undone.
            score = stop.unless_asked(plan.mesh, look)
            checkpoints.rate(step, score)
            stage_read = -1
            while done < 1.0:
                dues = plan.call(step, images)
                if dues[0].stage != stage_read:
                    stage = stage_read = dues[0].stage
                    batch_size = plan.batch_size(stage)
                    batches = loader.batches(batch_size, images, seed)
                minibatches = tuple(itertools.islice(batches, play.minibatches(dues)))
                state, values = yield Call(step, state, minibatches, dues, records)
                last = {**last, **values}
                step, images = step + len(dues), images + batch_size * len(minibatches)
                done = plan.fraction_done(step, images)
                records.progress(images, done)
                if step % config.log_every == 0 or done == 1.0:
                    values, nonfinite = jax.device_get((last, state.nonfinite))
                    check_finite(nonfinite)
                    records.log(step, images, values, done)
                if done < 1.0 and stop.asked():
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

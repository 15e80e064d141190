"""Training: the loop that every system goes through, from `train.py` or from Python.

    jaxgan.training.train(config, "runs/mine")

Running the same again goes on from the last checkpoint, and ends with the same bits as a run that never stopped: the
state holds all that a step depends on, the position in the data is `state.images`, and the host counts steps and
images for itself, so that it asks the device for nothing between two log steps.
"""

import itertools
import time
from pathlib import Path

import jax
from ml_collections import ConfigDict

from jaxgan.core import Due, Game, Metrics, State
from jaxgan.core.arrays import listed_classes
from jaxgan.data import Loader, check_batch_size, make_source, prepare
from jaxgan.data.listing import printable
from jaxgan.data.pipeline import RawBatch, Resident
from jaxgan.evaluation import monitored
from jaxgan.mesh import data_mesh, replicated
from jaxgan.registry import resolve
from jaxgan.training.checkpoints import Checkpoints, check_finite
from jaxgan.training.observer import Observer
from jaxgan.training.plan import Plan
from jaxgan.training.records import Records
from jaxgan.training.run_folder import RunFolder
from jaxgan.training.stop import StopRequest


def train(config: ConfigDict, workdir: str | Path) -> dict[str, float]:
    """Trains the game of a config to its end, or until SIGTERM or SIGINT, and leaves all about it in a folder.

    Args:
        config: See `jaxgan.config.default`.
        workdir: The run's folder; if it holds a run of this config, that one goes on.

    Returns:
        "step", "images", "seconds" (of training alone), and the last value of everything in metrics.jsonl; values of
        the untrained game are there too, as "untrained/digit_fd".

    Raises:
        ConfigError: The config cannot be used, or the folder belongs to another one.
        DataError: The data cannot be used.
        NonFiniteError: A loss, a gradient or a parameter is not finite; the last checkpoint before it stays.
    """
    config = resolve(config)
    source = make_source(config.data)
    loader = Loader(source, seed=config.seed, mesh=data_mesh())
    plan = Plan.of_source(config, source)
    game = plan.game
    for each in range(len(game.stages)):
        check_batch_size(source, plan.batch_size(each), plan.mesh)  # before anything is written or compiled
    metrics = monitored.choose(config, plan.compiled, source)
    plan.config.metrics = tuple(metrics)  # those that "default" stands for: readers of the run have no data to ask
    abstract = plan.abstract_state()  # networks that do not fit the data say so before anything is written
    folder, main = RunFolder(Path(workdir)), jax.process_index() == 0
    told = folder.claim(plan.config, plan.arrays, plan.domains, write=main)

    lower_is_better = monitored.lower_is_better(metrics)
    with (
        jax.set_mesh(plan.mesh),
        StopRequest() as stop,
        Checkpoints(folder.checkpoints, lower_is_better) as checkpoints,
    ):
        resumed = max(checkpoints.steps(), default=None)
        state = plan.first_state() if resumed is None else checkpoints.restore(resumed, abstract)
        # From here on the host counts for itself.
        step, images, stage = int(state.step), int(state.images), int(state.stage)
        done = plan.fraction_done(step, images)
        with Records(folder, resumed, write=main) as records:
            if told:
                records.say(told)
            if classes := listed_classes(plan.arrays):
                records.say(f"classes: {printable(classes)}")
            observer = Observer(plan, source, metrics, folder, records, resumed)
            # The untrained game, or what a stop left undone.
            observer.look(state, step, images, stage, last=done == 1.0)
            play, batches = CompiledStep(game, plan.mesh, records), None
            while done < 1.0:
                due = game.due(step, images)
                if batches is None or due.stage != stage:
                    stage, batch_size = due.stage, plan.batch_size(due.stage)
                    batches = loader.batches(batch_size, start=images)
                minibatches = tuple(itertools.islice(batches, game.minibatches(due)))
                state, values = play(state, minibatches, loader.resident, due)
                step, images = step + 1, images + batch_size * len(minibatches)
                done = plan.fraction_done(step, images)
                records.progress(images, done)
                if step % config.log_every == 0 or done == 1.0:
                    values, nonfinite = jax.device_get((values, state.nonfinite))
                    check_finite(nonfinite)
                    records.log(step, images, values, done)
                if done < 1.0 and stop.asked(step):
                    break
                saves = config.checkpoint_every > 0 and step % config.checkpoint_every == 0
                if saves or done == 1.0 or observer.due(step):
                    check_finite(jax.device_get(state.nonfinite))  # and so the step is over, and the clock may stop
                    with records.stopwatch.paused():
                        score = observer.look(state, step, images, stage, last=done == 1.0)
                        if saves or done == 1.0 or checkpoints.improves(score):
                            checkpoints.save(step, state, score)
            if done < 1.0:
                checkpoints.save(step, state)
                records.say(f"saved at step {step}; run the same command to go on")
            else:
                observer.finish()
                records.print(observer.summary())
            return records.result(step, images)


class CompiledStep:
    """The game's step, compiled once for all that can be due."""

    def __init__(self, game: Game, mesh: jax.sharding.Mesh, records: Records) -> None:
        def step(
            state: State, minibatches: tuple[RawBatch, ...], resident: Resident, due: Due
        ) -> tuple[State, Metrics]:
            return game.step(state, tuple(prepare(minibatch, resident) for minibatch in minibatches), due)

        self._step = jax.jit(step, static_argnames="due", donate_argnames="state", out_shardings=replicated(mesh))
        self._game, self._records = game, records
        self._compiled: dict[Due, jax.stages.Compiled] = {}
        self._last: Metrics = {}

    def __call__(
        self, state: State, minibatches: tuple[RawBatch, ...], resident: Resident, due: Due
    ) -> tuple[State, Metrics]:
        """Plays a step; returns the new state, and the latest metrics of every turn that was ever due."""
        # One step is in flight while the next one is prepared, and no more: a stop must not wait for a queue of them.
        jax.block_until_ready(self._last)
        if due not in self._compiled:
            with self._records.stopwatch.paused():
                began = time.perf_counter()
                self._compiled[due] = self._step.lower(state, minibatches, resident, due=due).compile()
                seconds = time.perf_counter() - began
            stage = self._game.stages[due.stage].name
            self._records.say(f"compiled {stage} ({', '.join(due.turns)}) in {seconds:.1f} s")
        state, metrics = self._compiled[due](state, minibatches, resident)
        self._last = {**self._last, **metrics}
        return state, self._last

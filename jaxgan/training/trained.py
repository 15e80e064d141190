"""A trained game, from its run's folder alone."""

import dataclasses
import logging
from pathlib import Path

from jaxgan.core import State
from jaxgan.core.snapshot import Snapshot
from jaxgan.errors import ConfigError
from jaxgan.evaluation import monitored
from jaxgan.registry import foreign_names
from jaxgan.training import weights_file
from jaxgan.training.checkpoints import Checkpoints
from jaxgan.training.plan import Plan
from jaxgan.training.records import read_metrics, series
from jaxgan.training.run_folder import RunFolder

_ATTEMPTS = 5
_log = logging.getLogger("jaxgan.training")


@dataclasses.dataclass(frozen=True)
class Trained:
    """A run's game as one of its checkpoints has it.

    Attributes:
        plan: The run's plan.
        step: The checkpoint's step.
        state: The game's state there.
        snapshot: What its averaged players can do.
    """

    plan: Plan
    step: int
    state: State
    snapshot: Snapshot


def load(workdir: str | Path, step: int | None = None, trust: bool = False) -> Trained:
    """Loads a checkpoint; to be called, and used, inside `jax.set_mesh(data_mesh())`.

    Args:
        workdir: The run's folder, or a file of weights (`weights_file`).
        step: Which checkpoint; None: the best by the run's first metric, or the last one if none was scored.
        trust: Whether code of your own that its config names may be imported.

    Raises:
        ConfigError: The folder holds no run, or no such checkpoint; or the file cannot be used.
    """
    if weights_file.is_one(workdir):
        if step is not None:
            raise ConfigError(f"{workdir} holds the weights of one step: leave step={step} out")
        plan, state, statistics = weights_file.read(Path(workdir), trust)
        return Trained(plan, int(state.step), state, plan.compiled.at(state, int(state.stage), statistics))
    folder = RunFolder(Path(workdir))
    config, arrays, domains = folder.read()
    if not trust and (names := foreign_names(config)):
        raise ConfigError(
            f"{workdir} names code of its own, {', '.join(names)}, which would be imported and run: "
            "add --trust if you know whose it is"
        )
    plan = Plan.of(config, arrays, domains)
    if not folder.checkpoints.is_dir():
        raise ConfigError(f"{workdir} holds no checkpoint yet: train on until the first one, or save one with Ctrl-C")
    return load_step(workdir, plan, step)


def load_step(workdir: str | Path, plan: Plan, step: int | None = None) -> Trained:
    """`load` with a plan that is there already: what was compiled for one checkpoint serves all of them."""
    for attempts_left in reversed(range(_ATTEMPTS)):
        try:
            state = _restored(RunFolder(Path(workdir)), plan, step)
            break
        except FileNotFoundError as error:
            if not attempts_left:
                raise ConfigError(
                    f"{workdir}: its checkpoints change while they are read ({error}): try again"
                ) from error
    return Trained(plan, int(state.step), state, plan.compiled.at(state, int(state.stage)))


def steps(workdir: str | Path) -> list[int]:
    """The steps that a run has checkpoints of, in order."""
    with Checkpoints(RunFolder(Path(workdir)).checkpoints, write=False) as checkpoints:
        return checkpoints.steps()


def _restored(folder: RunFolder, plan: Plan, step: int | None) -> State:
    """The state of a checkpoint; arguments and errors as in `load`, and FileNotFoundError if it goes meanwhile."""
    score, lower_is_better = monitored.told_by(map(monitored.find, plan.config.metrics[:1]))
    scores = series(read_metrics(folder.metrics), score)
    with Checkpoints(folder.checkpoints, lower_is_better, scores, write=False) as checkpoints:
        steps, abstract = checkpoints.steps(), plan.abstract_state()
        if step is not None and step in steps:
            return checkpoints.restore(step, abstract)
        if step is not None and steps:
            raise ConfigError(
                f"{folder.path} holds no checkpoint of step {step}: choose one of {', '.join(map(str, steps))}"
            )
        best = checkpoints.best()
        wanted = dict.fromkeys([*([] if best is None else [best]), *reversed(steps)])
        state = checkpoints.intact(abstract, _log.warning, list(wanted))
        if state is None:
            raise ConfigError(
                f"{folder.path} holds no checkpoint yet: train on until the first one, or save one with Ctrl-C"
            )
        return state

"""A trained game, from its run's folder alone."""

import dataclasses
from pathlib import Path

from jaxgan.core import State
from jaxgan.core.snapshot import Snapshot
from jaxgan.errors import ConfigError
from jaxgan.evaluation import monitored
from jaxgan.registry import foreign_names
from jaxgan.training.checkpoints import Checkpoints
from jaxgan.training.plan import Plan
from jaxgan.training.run_folder import RunFolder


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
        workdir: The run's folder.
        step: Which checkpoint; None: the best by the run's first metric, or the last one if none was scored.
        trust: Whether code of your own that its config names may be imported.

    Raises:
        ConfigError: The folder holds no run, or no such checkpoint.
    """
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
    first = next(iter(config.metrics), None)
    lower_is_better = first is None or monitored.find(first).lower_is_better
    with Checkpoints(folder.checkpoints, lower_is_better, write=False) as checkpoints:
        steps = checkpoints.steps()
        if not steps:
            raise ConfigError(
                f"{workdir} holds no checkpoint yet: train on until the first one, or save one with Ctrl-C"
            )
        if step is not None and step not in steps:
            raise ConfigError(
                f"{workdir} holds no checkpoint of step {step}: choose one of {', '.join(map(str, steps))}"
            )
        best = checkpoints.best()
        step = step if step is not None else steps[-1] if best is None else best
        state = checkpoints.restore(step, plan.abstract_state())
    return Trained(plan, step, state, plan.compiled.at(state, int(state.stage)))

"""Going back: where training broke, to the newest checkpoint from before, from which it goes on with other draws.

All that this decides by is there again after a kill: checkpoints that the run would also have if it had never been stopped, and
the rollbacks that metrics.jsonl tells of. So a run that is killed, however often, ends with the same bits.
"""

import functools
from collections.abc import Callable

import jax

from jaxgan.core import State, rolled_back
from jaxgan.training.broken import BrokenError, CollapseError
from jaxgan.training.checkpoints import Checkpoints
from jaxgan.training.plan import Plan
from jaxgan.training.records import Records


def roll_back(
    error: BrokenError,
    plan: Plan,
    first_state: Callable[[], State],
    checkpoints: Checkpoints,
    records: Records,
    say: Callable[[str], None],
) -> State:
    """The state that a run goes on from after it broke; later checkpoints are deleted.

    Args:
        error: How it broke.
        plan: The run's plan.
        first_state: Makes the state before the first step anew.
        checkpoints: Its checkpoints.
        records: Its records until then.
        say: Takes lines for people.

    Raises:
        BrokenError: It has gone back as often as it may (`config.rollbacks`, `config.rollback_window`); the checkpoints stay.
    """
    config, wanted = plan.config, checkpoints.unstopped()
    earlier = [line for line in records.lines if "rollbacks" in line]
    recent = [line for line in earlier if (line.get("broken_step") or 0) > error.step - config.rollback_window]
    collapsed = isinstance(error, CollapseError)
    if collapsed and (best := checkpoints.best()) is not None:
        wanted = [best]
    if len(recent) >= config.rollbacks or (collapsed and config.guard == "stop"):
        times = f"{len(recent)} rollback{'s' if len(recent) > 1 else ''}"
        after = f" after {times} within {config.rollback_window} steps" if recent else ""
        kept = f"from the checkpoint of step {wanted[0]}, which is kept" if wanted else "from the start"
        raise type(error)(
            f"{error}{after}: start anew with lower learning rates, --config.players.NAME.optimizer.learning_rate, or a "
            f"constraint on the discriminator; or go on {kept}, by the same command with --config.rollbacks="
            f"{config.rollbacks + 3} --config.rollback_rate={config.rollback_rate / 2:g}"
            f"{' --config.guard=return' if collapsed else ''}, which lowers them at each rollback; or begin a new run with "
            "its weights and a changed config, --init_from=RUN",
            error.step,
        )
    state = checkpoints.intact(plan.abstract_state(), say, wanted)
    if state is None:
        state = first_state()
    step, rollbacks = int(state.step), len(earlier) + 1
    checkpoints.forget_after(step)
    say(f"{error}: back to step {step}, with other draws" + (" and lower rates" if config.rollback_rate < 1 else ""))
    anew = functools.partial(rolled_back, rollbacks=rollbacks, factor=config.rollback_rate)
    return jax.jit(anew, out_shardings=plan.shardings)(state)

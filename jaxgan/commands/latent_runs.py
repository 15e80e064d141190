"""How commands that show latents begin: a run is opened, and refused where it has none or makes no images of them."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

from jaxgan.commands.options import Names, Parser, asked_run, run_parser
from jaxgan.errors import UserError
from jaxgan.explorer.space import NEEDED, can
from jaxgan.training.trained import Trained, load


class LatentRun(NamedTuple):
    """A run whose game makes images of latents.

    Attributes:
        trained: Its game.
        shape: Of an image, (H, W, C).
        names: Of its classes.
        parser: Of the command, to which its own options are still to be added.
    """

    trained: Trained
    shape: tuple[int, ...]
    names: Names
    parser: Parser


def open_latents(command: str, description: str | None, arguments: Sequence[str], purpose: str) -> LatentRun:
    """The run that a command is asked about; to be called inside `jax.set_mesh(data_mesh())`.

    Args:
        command: Its name.
        description: For its help.
        arguments: The command's.
        purpose: What it does with latents, for errors: "to explore".

    Raises:
        UserError: There is no run; or its game has no latents, or samples that are no images.
    """
    run = asked_run(arguments, functools.partial(run_parser, command, description))
    trained = load(run.workdir, run.step, run.trust)
    snapshot = trained.snapshot
    if not can(snapshot.game.abilities):
        needed = ", ".join(NEEDED)
        raise UserError(f"the game of {run.workdir} has no latents {purpose}: it needs the abilities {needed}")
    shape = next(spec.shape for spec in snapshot.arrays.values() if spec.kind != "label")
    if len(shape) == 1:
        raise UserError(f"{command} shows images, but the samples of this run are vectors: take sample or generate")
    names = Names(snapshot.classes("generate"))
    return LatentRun(
        trained, shape, names, run_parser(command, description, subject=f"{command} of the game of {run.workdir}")
    )

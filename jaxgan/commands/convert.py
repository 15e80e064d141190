"""Takes in a generator of another program: python -m jaxgan convert --input=G.pth --layout=mimicry --output=G.safetensors

The file is a state dict of PyTorch (.pth), or the same tensors as .safetensors; nothing in it is run. What comes out is for
jaxgan.load and for the commands, as what `export` writes. Layouts, and what of them is taken: docs/export.md.
"""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from jaxgan.commands import outputs
from jaxgan.commands.options import command_parser
from jaxgan.errors import UserError, nearest
from jaxgan.exporting.card import card, page_of, write_page
from jaxgan.features.foreign_files import read_torch
from jaxgan.foreign import check_regular
from jaxgan.layouts import LAYOUTS, convert
from jaxgan.mesh import data_mesh
from jaxgan.training import weights_file


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        arguments: The command's arguments; None: those of the process.

    Raises:
        UserError: A file cannot be read, is in another layout, or the output is there already.
    """
    parser = command_parser("convert", __doc__)
    add = parser.add_argument
    add(
        "--input",
        type=Path,
        action="append",
        required=True,
        help="the generator's state dict; for cyclegan given twice, for A to B and for B to A, or once, for one way",
    )
    add("--layout", required=True, help=f"whose program made it: {', '.join(LAYOUTS)}")
    add("--output", type=Path, required=True, help=f"the {weights_file.SUFFIX} file to make")
    asked = parser.parse_args(sys.argv[1:] if arguments is None else list(arguments))
    if asked.layout not in LAYOUTS:
        raise UserError(f"--layout={asked.layout}: there is no such layout: {nearest(asked.layout, LAYOUTS)}")
    if asked.output.suffix != weights_file.SUFFIX:
        raise UserError(f"--output={asked.output} does not end in {weights_file.SUFFIX}: rename it")
    for path in (asked.output, page_of(asked.output)):
        outputs.check_new(path)
    if len(set(asked.input)) < len(asked.input):
        raise UserError(f"--input={asked.input[0]} is given twice: give each file once")
    made = convert({str(path): _tensors(path) for path in asked.input}, asked.layout)
    with jax.set_mesh(data_mesh()):
        plan, state = made.built(" and ".join(map(str, asked.input)))
        weights_file.write(asked.output, plan, state, made.statistics, made.abilities)
        plan, state, _ = weights_file.read(asked.output)
    sources = ", ".join(f"{path.name} (SHA-256 {_sha256(path)})" for path in asked.input)
    told = f"Nothing here: these weights were made by another program, and converted from {sources}, layout {asked.layout}."
    page = write_page(asked.output, card(asked.output, plan, state, told))
    network = next(iter(plan.game.players.values())).network
    shape = "x".join(map(str, plan.arrays["image" if "image" in plan.arrays else "a"].shape))
    print(f"{type(network).__name__} of {shape}, {', '.join(made.abilities)}: {asked.output}\nwhat it is: {page}")


def _tensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file, read as data."""
    try:
        check_regular(path)
        return weights_file.opened(path)[1] if path.suffix == weights_file.SUFFIX else read_torch(path)
    except OSError as error:
        raise UserError(f"--input={path} cannot be read ({error.strerror or error})") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

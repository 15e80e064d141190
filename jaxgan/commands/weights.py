"""Converts downloaded weights of a feature network into the user's cache: python -m jaxgan weights FILE"""

from collections.abc import Sequence
from pathlib import Path

from jaxgan.commands.options import command_parser
from jaxgan.errors import UserError
from jaxgan.features.weights import KNOWN, cache_path, convert, origin


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        arguments: The command's arguments; None: those of the process.

    Raises:
        UserError: The file cannot be used, or the cache not be written.
    """
    parser = command_parser("weights", __doc__)
    parser.add_argument("file", type=Path, help=f"{', '.join(known.file for known in KNOWN.values())} or a graph (.pb)")
    parser.add_argument("--unverified", action="store_true", help="take a file whose SHA-256 is not the well-known one")
    asked = parser.parse_args(arguments)
    try:
        name = convert(asked.file, verify=not asked.unverified)
    except OSError as error:
        raise UserError(f"{asked.file}: {error}") from error
    print(f"{name}: {cache_path(name)}\n  {origin(name)}")

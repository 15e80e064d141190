"""Shows a run as a page in the browser: python -m jaxgan browse --workdir=RUN

Sliders over latents along their principal directions, seeds, classes or text, mixed styles, ways between points, pictures
that are dropped, translated or classified, checkpoints over time, and curves beside them: whatever the run's game can do. The
page is served to this machine alone, reads the run and writes nothing. What it shows: docs/browse.md.
"""

import sys
from collections.abc import Sequence
from typing import Any

from jaxgan.commands.options import Parser, run_parser
from jaxgan.explorer.answers import Answers
from jaxgan.explorer.server import Server
from jaxgan.training import command_line
from jaxgan.validate import check_option


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command, until Ctrl-C.

    Args:
        arguments: The command's arguments; None: those of the process.

    Raises:
        UserError: The folder holds no run that can be shown, or the port cannot be had.
    """
    with make_server(sys.argv[1:] if arguments is None else list(arguments)) as server:
        print(f"{server.url}  (Ctrl-C ends it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print(file=sys.stderr)


def make_server(arguments: Sequence[str]) -> Server:
    """The server that the command's arguments ask for; `serve_forever` runs it. Errors as in `main`."""
    asked: Any = _parser().parse_args(arguments)
    check_option("port", asked.port, "port")
    command_line.use_compilation_cache()
    return Server(Answers(asked.workdir, asked.step, asked.trust), asked.port)


def _parser() -> Parser:
    parser = run_parser("browse", __doc__, subject="browse")
    parser.add_argument("--port", type=int, default=8000, help="of 127.0.0.1; 0 takes a free one (default: 8000)")
    return parser

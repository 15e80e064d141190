"""Draws samples from a trained run, without its data: python -m jaxgan.sample --workdir=runs/dcgan --num=64

The short form of `python -m jaxgan sample`.
"""

import sys

from jaxgan.commands import use
from jaxgan.training import command_line


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; see `jaxgan.commands.use.main`."""
    return use.main("sample", arguments)


if __name__ == "__main__":
    sys.exit(command_line.run(main))

"""Carries a folder of images into another domain: python -m jaxgan.translate --workdir=runs/cyclegan --input=a --output=b

The short form of `python -m jaxgan translate`.
"""

import sys

from jaxgan.commands import use
from jaxgan.training import command_line


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; see `jaxgan.commands.use.main`."""
    return use.main("translate", arguments)


if __name__ == "__main__":
    sys.exit(command_line.run(main))

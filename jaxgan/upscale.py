"""Enlarges a folder of images of any size: python -m jaxgan.upscale --workdir=runs/srgan --input=small --output=large

The short form of `python -m jaxgan upscale`.
"""

import sys

from jaxgan.commands import use
from jaxgan.training import command_line


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; see `jaxgan.commands.use.main`."""
    return use.main("upscale", arguments)


if __name__ == "__main__":
    sys.exit(command_line.run(main))

"""Measures a run, or a folder of images: python -m jaxgan.evaluate, the short form of `python -m jaxgan evaluate`."""

import sys

from jaxgan.commands.evaluate import main
from jaxgan.training import command_line

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(command_line.run(main))

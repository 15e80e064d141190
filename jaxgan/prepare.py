"""Makes images ready for training, once: python -m jaxgan.prepare, the short form of `python -m jaxgan prepare`."""

import sys

from jaxgan.commands.prepare import main
from jaxgan.training import command_line

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(command_line.run(main))

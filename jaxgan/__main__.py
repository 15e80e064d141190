"""All that can be asked of a trained run: python -m jaxgan COMMAND --workdir=RUN"""

import sys

from jaxgan.commands import listing
from jaxgan.training import command_line

if __name__ == "__main__":
    sys.exit(command_line.run(listing.main))

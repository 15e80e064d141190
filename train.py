"""Trains a GAN: python train.py --config=configs/dcgan.py

The same command again goes on from the last checkpoint. Any field of the config can be set by --config.field=value, and
--config=configs/dcgan.py:paper takes a variant. Everything of the run lies in --workdir.
"""

import os
import sys
from pathlib import Path

import jax
from absl import flags
from ml_collections import config_flags

from jaxgan import training
from jaxgan.training import command_line

_CONFIG = config_flags.DEFINE_config_file(
    "config", help_string="Config file, with its variant: configs/dcgan.py:paper."
)
_WORKDIR = flags.DEFINE_string("workdir", None, "The run's folder; by default runs/CONFIG-VARIANT.")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Print the config, the parameters and the memory they take, and stop.")
_DISTRIBUTED = flags.DEFINE_bool(
    "distributed",
    False,
    "One of several processes: outside clusters that jax.distributed knows, set JAX_COORDINATOR_ADDRESS, "
    "JAX_NUM_PROCESSES and JAX_PROCESS_ID.",
)


def main() -> None:
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(__doc__, flags.FLAGS.main_module_help(), sep="")
        return
    command_line.check_config_flags(sys.argv[1:])
    flags.FLAGS(sys.argv)
    command_line.use_compilation_cache()
    if _DISTRIBUTED.value:
        numbers = [
            int(os.environ[name]) if name in os.environ else None for name in ("JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
        ]
        jax.distributed.initialize(num_processes=numbers[0], process_id=numbers[1])
    if _DRY_RUN.value:
        print(training.summarize(training.plan_without_data(_CONFIG.value)))
        return
    path = config_flags.get_config_filename(flags.FLAGS["config"])
    training.train(_CONFIG.value, Path(_WORKDIR.value or command_line.default_workdir(path)))


if __name__ == "__main__":
    sys.exit(command_line.run(main))

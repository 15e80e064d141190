"""Trains a GAN: python train.py --config=configs/dcgan.py

The same command again goes on from the last checkpoint. Any field of the config can be set by --config.field=value, and
--config=configs/dcgan.py:paper takes a variant. Everything of the run lies in --workdir.
"""

import argparse
import sys

from jaxgan import training
from jaxgan.commands.options import Parser
from jaxgan.training import command_line


def _parser() -> Parser:
    parser = Parser(
        reads=False,
        description=__doc__,
        usage="python train.py --config=FILE.py[:variant] [--config.field=value ...] [options]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--workdir", help="the run's folder, also gs://bucket/run; by default runs/CONFIG-VARIANT")
    parser.add_argument(
        "--init_from",
        default="",
        metavar="RUN[:PLAYERS]",
        help="begin with the weights of another run, all that fit or those of some players: runs/dcgan:generator",
    )
    parser.add_argument(
        "--ensemble",
        type=int,
        metavar="NUMBER",
        help="train so many runs in one program, by the seeds config.seed, config.seed + 1, ..., in WORKDIR/seed_SEED",
    )
    parser.add_argument(
        "--dry_run", action="store_true", help="print the config, the parameters and the memory they take, and stop"
    )
    parser.add_argument(
        "--distributed",
        action="store_true",
        help="one of several processes: outside clusters that jax.distributed knows, set JAX_COORDINATOR_ADDRESS, "
        "JAX_NUM_PROCESSES and JAX_PROCESS_ID; see docs/clusters.md",
    )
    return parser


def main() -> None:
    if {"-h", "--help"} & set(sys.argv[1:]):
        _parser().print_help()
        return
    config, path, remaining = command_line.read_config(sys.argv[1:])
    options = _parser().parse_args(remaining)
    command_line.use_compilation_cache()
    if options.distributed:
        command_line.join_processes()
    if options.dry_run:
        print(training.summarize(training.plan_without_data(config), options.init_from, options.ensemble))
        return
    workdir = options.workdir or command_line.default_workdir(path)
    if options.ensemble is None:
        training.train(config, workdir, options.init_from)
    else:
        training.train_ensemble(config, workdir, options.ensemble, options.init_from)


if __name__ == "__main__":
    sys.exit(command_line.run(main))

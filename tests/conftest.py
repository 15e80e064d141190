"""Strict settings for every test: eight simulated devices, no silent broadcasting, a persistent compilation cache.

And tiny runs that several files look at, each trained once.
"""

import gc
import os
import pathlib
import resource
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# XLA has as many threads as there are devices, or NPROC: of eight, two computations at a time can each hold some and wait for
# the rest for ever. And as the devices share few cores, one may wait longer for the others than the 40 seconds that XLA allows.
os.environ.setdefault("NPROC", "64")
# These programs are compiled, run a few times, and let go: XLA's lightest compilation takes less than half as long.
os.environ["XLA_FLAGS"] = " ".join(
    (
        "--xla_backend_optimization_level=0",
        "--xla_cpu_use_fusion_emitters=false",
        "--xla_cpu_parallel_codegen_split_count=1",
        "--xla_cpu_collective_call_terminate_timeout_seconds=300",
        os.environ.get("XLA_FLAGS", ""),  # the last of two counts
    )
)

import jax
import pytest
from ml_collections import ConfigDict
from xdist.scheduler import LoadFileScheduling

from jaxgan.training import train
from jaxgan.training.command_line import load_config

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")
gc.set_threshold(20_000, 20, 20)  # as the commands have it
# Compilation dominates these tests: what one run compiled, the next one reads.
cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "jaxgan" / "tests"
jax.config.update("jax_compilation_cache_dir", str(cache))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)

_MOST_MEMORY = 3 * 2**20  # kilobytes of one worker at its height

TINY = pathlib.Path(__file__).with_name("tiny.py")


class ByFile(LoadFileScheduling):
    """Tests of a file run in one process, for they share what was compiled; each config's training compiles its own."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if "/test_default_configs.py::" in nodeid else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """How processes share the tests; asked when there are several."""
    return ByFile(config, log)


@pytest.fixture(scope="module", autouse=True)
def programs_are_let_go():
    """Programs are kept from file to file until they fill much memory: those of all files would end a small machine."""
    yield
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > _MOST_MEMORY:
        jax.clear_caches()
        gc.collect()


@pytest.fixture(scope="session")
def tiny():
    """(variant) -> a config of tiny.py."""

    def make(variant: str) -> ConfigDict:
        return load_config(f"{TINY}:{variant}")

    return make


@pytest.fixture(scope="session")
def runs(tiny, tmp_path_factory):
    """(variant) -> the folder of a finished run, and what `train` returned."""
    finished: dict[str, tuple[pathlib.Path, dict[str, float]]] = {}

    def get(variant: str) -> tuple[pathlib.Path, dict[str, float]]:
        if variant not in finished:
            folder = tmp_path_factory.mktemp("runs") / variant
            finished[variant] = folder, train(tiny(variant), folder)
        return finished[variant]

    return get

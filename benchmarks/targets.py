"""Accelerators as `benchmarks.accelerators` compiles for them: public figures of each, and the devices as XLA describes them.

TPUs: docs.cloud.google.com/tpu/docs, the page of each version: the peak of bfloat16, which XLA also multiplies float32 in
unless told otherwise; the memory that programs can use; half of the bidirectional bandwidth between chips. GPUs: NVIDIA's data
sheets and architecture white papers of the SXM cards and the L4: dense peaks without sparsity, half of NVLink's or PCIe's
bidirectional bandwidth; and the compute capabilities of the CUDA C programming guide.
"""

import dataclasses
import importlib.util
import os
from typing import Any

import jax

from jaxgan.errors import UserError


@dataclasses.dataclass(frozen=True)
class Card:
    """A GPU's make, for XLA's choices of kernels.

    Attributes:
        name: Marketing name.
        capability: Compute capability, (major, minor).
        cores: Streaming multiprocessors.
        lanes: Float32 units of each.
        clock: Boost clock in GHz.
        shared: KiB of memory that the threads of a multiprocessor share; a block can have 1 KiB less.
        cache: MiB of second-level cache.
        threads: That a multiprocessor holds at a time.
        pcie: GB/s to the host, one way.
        nvlinks: To other cards.
    """

    name: str
    capability: tuple[int, int]
    cores: int
    lanes: int
    clock: float
    shared: int
    cache: int
    threads: int
    pcie: int
    nvlinks: int


@dataclasses.dataclass(frozen=True)
class Target:
    """An accelerator.

    Attributes:
        platform: "tpu" or "cuda".
        topology: Of the devices where none is asked for: of a TPU as XLA writes it, of GPUs their number.
        peaks: Operations a second, by the data type that is multiplied.
        bandwidth: Bytes a second of the main memory.
        memory: Bytes of it.
        links: Bytes a second that a device can send to others.
        options: For the topology of a TPU.
        card: Of a GPU.
    """

    platform: str
    topology: str
    peaks: dict[str, float]
    bandwidth: float
    memory: float
    links: float
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    card: Card | None = None


def _tpu(topology: str, bfloat16: float, bandwidth: float, gibibytes: float, links: float, **options: Any) -> Target:
    peaks = {"bfloat16": bfloat16 * 1e12, "float32": bfloat16 * 1e12}
    return Target("tpu", topology, peaks, bandwidth * 1e9, gibibytes * 2**30, links * 1e9, options)


def _gpu(card: Card, bfloat16: float, tf32: float, bandwidth: float, gigabytes: float, links: float) -> Target:
    peaks = {"bfloat16": bfloat16 * 1e12, "float16": bfloat16 * 1e12, "float32": tf32 * 1e12}
    return Target("cuda", "8", peaks, bandwidth * 1e9, gigabytes * 1e9, links * 1e9, card=card)


_MEGACORE = {"chip_config_name": "megacore"}
TARGETS = {
    "v4": _tpu("2x2x1", 275, 1228, 32, 300, **_MEGACORE),
    "v5e": _tpu("2x2", 197, 819, 15.75, 200),
    "v5p": _tpu("2x2x1", 459, 2765, 95, 600, **_MEGACORE),
    "v6e": _tpu("2x2", 918, 1640, 31.25, 400),
    "a100": _gpu(Card("NVIDIA A100-SXM4-80GB", (8, 0), 108, 64, 1.41, 164, 40, 2048, 32, 12), 312, 156, 2039, 80, 300),
    "l4": _gpu(Card("NVIDIA L4", (8, 9), 58, 128, 2.04, 100, 48, 1536, 32, 0), 121, 60, 300, 24, 32),
    "h100": _gpu(Card("NVIDIA H100 80GB HBM3", (9, 0), 132, 128, 1.98, 228, 50, 2048, 64, 18), 989, 494, 3350, 80, 450),
    "h200": _gpu(Card("NVIDIA H200", (9, 0), 132, 128, 1.98, 228, 50, 2048, 64, 18), 989, 494, 4800, 141, 450),
}
_XLA_TPU_NAMES = {"v5p": "v5"}
_PACKAGES = {"tpu": ("libtpu", "jax[tpu]"), "cuda": ("jax_plugins.xla_cuda13", "jax[cuda13]")}


def split(target: str) -> tuple[str, str]:
    """ "h100:8" as the accelerator's name and the topology of its devices.

    Raises:
        UserError: There is no such accelerator.
    """
    name, _, topology = target.partition(":")
    if name not in TARGETS:
        raise UserError(
            f"--target={target}: {name!r} is unknown; choose one of {', '.join(TARGETS)}, or v5e:2x2, h100:8"
        )
    return name, topology or TARGETS[name].topology


def missing(target: str) -> str:
    """What is to be installed before a target can be compiled for, "" where it is there."""
    module, package = _PACKAGES[TARGETS[split(target)[0]].platform]
    try:
        found = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        found = False
    return "" if found else package


def prepare() -> None:
    """Tells libtpu and JAX, by the environment and before a backend is made, that no accelerator is here."""
    os.environ.update(
        JAX_PLATFORMS="cpu",
        TPU_SKIP_MDS_QUERY="1",
        TPU_WORKER_HOSTNAMES="localhost",
        TPU_ACCELERATOR_TYPE="v5litepod-4",
        ALLOW_MULTIPLE_LIBTPU_LOAD="true",  # or a second process ends at the first one's lock
    )
    jax.config.update("jax_platforms", "cpu")


def devices(target: str) -> list[jax.Device]:
    """The devices of "v5e:2x2" or "h100:8", for which programs can be compiled though they are not there.

    Call `prepare` first.

    Raises:
        UserError: There is no such accelerator, XLA does not know the topology, or a package is missing.
    """
    from jax.experimental import topologies

    name, topology = split(target)
    if package := missing(target):
        raise UserError(f"--target={target}: compiling for it needs pip install '{package}'")
    facts = TARGETS[name]
    try:
        if facts.card is not None:
            return topologies.get_topology_desc(
                platform="cuda",
                topology_name=name,
                topology=f"1x1x{int(topology)}",
                target_config=target_config(facts),
            ).devices
        single = {"chips_per_host_bounds": (1, 1, 1)} if set(topology) <= set("1x") else {}
        called = f"{_XLA_TPU_NAMES.get(name, name)}:{topology}"
        return topologies.get_topology_desc(platform="tpu", topology_name=called, **facts.options, **single).devices
    except (ValueError, jax.errors.JaxRuntimeError) as error:
        raise UserError(f"--target={target}: XLA has no such topology: {str(error).splitlines()[0]}") from error


def target_config(target: Target) -> str:
    """A GPU as XLA's compiler is told of it, `xla.gpu.GpuTargetConfigProto` as text."""
    card = target.card
    assert card is not None
    major, minor = card.capability
    feature = " feature_extension: ACCELERATED_FEATURES" if major >= 9 else ""
    units = "".join(
        f"rate_infos {{ key: {dtype} value {{ clock_rate_ghz: {card.clock} units_per_core: 4 "
        f"ops_per_clock: {round(target.peaks[name] / (2 * 4 * card.cores * card.clock * 1e9))} }} }} "
        for dtype, name in ((10, "float16"), (16, "bfloat16"), (11, "float32"))  # numbers of xla_data.proto's types
    )
    return f"""gpu_device_info {{
  name: "{card.name}"
  device_vendor: "NVIDIA Corporation"
  cuda_compute_capability {{ major: {major} minor: {minor}{feature} }}
  core_count: {card.cores}
  fpus_per_core: {card.lanes}
  clock_rate_ghz: {card.clock}
  memory_bandwidth: {round(target.bandwidth)}
  device_memory_size: {round(target.memory)}
  l2_cache_size: {card.cache * 2**20}
  shared_memory_per_block: 49152
  shared_memory_per_block_optin: {(card.shared - 1) * 2**10}
  shared_memory_per_core: {card.shared * 2**10}
  threads_per_block_limit: 1024
  threads_per_warp: 32
  threads_per_core_limit: {card.threads}
  thread_dim_limit_x: 1024
  thread_dim_limit_y: 1024
  thread_dim_limit_z: 64
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
  registers_per_core_limit: 65536
  registers_per_block_limit: 65536
  device_address_bits: 64
  pcie_bandwidth: {card.pcie * 10**9}
  ecc_enabled: true
  matrix_unit_description {{ {units}}}
  driver_version: "13.0.0"
  runtime_version: "13.0.0"
  compile_time_toolkit_version: "13.0.0"
  device_interconnect_info {{ active_links: {card.nvlinks} }}
}}
platform_name: "CUDA"
dnn_version_info {{ major: 9 minor: 10 patch: 0 }}
device_description_str: "{card.name}"
"""

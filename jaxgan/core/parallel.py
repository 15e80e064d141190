"""One mesh axis, `data`: the state on every device, the batch cut among them, and `jax.jit` does the rest.

    with jax.set_mesh(data_mesh()):
        state = jax.jit(game.init, ...)
        state, metrics = step(state, batch)   # the same step as on one device

The same step runs under `jax.pmap` or `jax.shard_map(..., check_vma=False)` when it is told its `axis_name`.
"""

from collections.abc import Sequence

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.layers.batch import DATA, shard_batch

__all__ = ["DATA", "batched", "data_mesh", "replicated", "shard_batch"]


def data_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
    """A one-dimensional mesh over `devices` (default: all of them, of all processes), its axis named "data"."""
    devices = jax.devices() if devices is None else devices
    # Auto, not the default Explicit: embeddings and gathers would raise sharding errors under Explicit axes.
    return jax.make_mesh((len(devices),), (DATA,), axis_types=(AxisType.Auto,), devices=devices)


def replicated(mesh: Mesh) -> NamedSharding:
    """The sharding of a state: a whole copy on every device."""
    return NamedSharding(mesh, PartitionSpec())


def batched(mesh: Mesh) -> NamedSharding:
    """The sharding of a minibatch: its first axis cut among the devices."""
    return NamedSharding(mesh, PartitionSpec(DATA))

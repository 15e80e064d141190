"""One mesh axis, `data`: the state on every device, the batch cut among them, and `jax.jit` does the rest.

    with jax.set_mesh(data_mesh()):
        state = jax.jit(game.init, ...)
        state, metrics = step(state, batch)   # the same step as on one device

The same step runs under `jax.pmap` or `jax.shard_map(..., check_vma=False)` when it is told its `axis_name`. All that has to
do with devices is here: the axis and its name, means over the whole batch, and each device's share.
"""

import contextlib
import contextvars
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

DATA = "data"  # the axis of the mesh over which batches are cut

_axis_name: contextvars.ContextVar[str | None] = contextvars.ContextVar("jaxgan_batch_axis", default=None)


@contextlib.contextmanager
def batch_axis(name: str | None) -> Iterator[None]:
    """Names the mapped axis over which the batch is split while the body is traced.

    Inside `jax.shard_map`, `jax.pmap` or `jax.vmap(axis_name=...)` every device sees its share of the batch only; layers that
    take statistics over the batch look this name up to take them over all shares. Under plain `jax.jit`, also on a
    mesh, arrays are global and no name is needed.

    Args:
        name: The mapped axis, or None for none.
    """
    token = _axis_name.set(name)
    try:
        yield
    finally:
        _axis_name.reset(token)


def batch_axis_name() -> str | None:
    """The mapped axis over which the batch is split, or None."""
    return _axis_name.get()


def batch_mean(x: jax.Array, axes: int | Sequence[int]) -> jax.Array:
    """Mean over `axes` and, if the batch is split over a mapped axis, over that axis too.

    Args:
        x: An array; every device holds the same shape.
        axes: Axes to average over, the batch axis among them.

    Returns:
        The mean over the global batch, without `axes`; the dtype of `jnp.mean`.
    """
    mean = jnp.mean(x, axis=axes if isinstance(axes, int) else tuple(axes))
    name = batch_axis_name()
    return mean if name is None else jax.lax.pmean(mean, name)


def batch_moments(x: jax.Array, axes: Sequence[int]) -> tuple[jax.Array, jax.Array]:
    """Mean and variance (biased) over `axes` and, if the batch is cut among devices, over all of them.

    On a mesh each device takes those of its own share, and all are exchanged at once, where the mean first and then what is
    centred by it would be two exchanges. The shares' are put together as by Chan, Golub and LeVeque 1983 ("Algorithms for
    computing the sample variance", Eq. 2.1): nothing cancels, as it would in E[x^2] - E[x]^2.

    Args:
        x: (B, ...), float32 or better.
        axes: Axes to average over, the batch axis 0 among them.

    Returns:
        Both without `axes`, in the dtype of `x`.
    """
    mesh = jax.sharding.get_abstract_mesh()
    cut = batch_axis_name() is None and not mesh.empty and DATA not in mesh.manual_axes
    parts = mesh.shape.get(DATA, 1) if cut else 1
    if parts == 1 or len(x) % parts:
        mean = batch_mean(x, axes)
        return mean, batch_mean(jnp.square(x - jnp.expand_dims(mean, tuple(axes))), axes)
    shares = shard_batch(x.reshape(parts, -1, *x.shape[1:]))
    inner = tuple(axis + 1 for axis in axes)
    means = jnp.mean(shares, inner)
    variances = jnp.mean(jnp.square(shares - jnp.expand_dims(means, inner)), inner)
    both = jax.lax.with_sharding_constraint(jnp.stack([means, variances], axis=1), PartitionSpec())
    means, mean = both[:, 0], jnp.mean(both[:, 0], axis=0)
    return mean, jnp.mean(both[:, 1] + jnp.square(means - mean[None]), axis=0)


def on_accelerators() -> bool:
    """Whether what is traced is for a mesh (`jax.set_mesh`) of GPUs or TPUs; without a mesh nobody can tell: False."""
    mesh = jax.sharding.get_abstract_mesh()
    device = None if mesh.empty else mesh.abstract_device
    return device is not None and device.platform != "cpu"


def shard_batch(tree: Any) -> Any:
    """Cuts the first axis of arrays that were made inside a step among the devices of the mesh, if there is one.

    What a step samples (latents, labels, mixing weights, augmentations) is not sharded by itself: without this, every
    device would run its generator on the whole batch. Without a mesh, or within `pmap`, it returns `tree` as it is.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty or DATA not in mesh.axis_names or batch_axis_name() is not None:
        return tree
    return jax.lax.with_sharding_constraint(tree, PartitionSpec(DATA))


def data_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
    """A one-dimensional mesh over `devices` (default: all of them, of all processes), its axis named "data"."""
    devices = jax.devices() if devices is None else devices
    # Auto, not the default Explicit: embeddings and gathers would raise sharding errors under Explicit axes.
    return jax.make_mesh((len(devices),), (DATA,), axis_types=(AxisType.Auto,), devices=devices)


def replicated(mesh: Mesh) -> NamedSharding:
    """The sharding of a state: a whole copy on every device."""
    return NamedSharding(mesh, PartitionSpec())


def cut_along(mesh: Mesh, shape: Sequence[int]) -> NamedSharding:
    """The sharding of an array of which each device keeps a part: along the first axis that they divide, if there is one."""
    axis = next((axis for axis, side in enumerate(shape) if side and side % mesh.size == 0), None)
    return replicated(mesh) if axis is None else NamedSharding(mesh, PartitionSpec(*[None] * axis, DATA))


def batched(mesh: Mesh) -> NamedSharding:
    """The sharding of a minibatch: its first axis cut among the devices."""
    return NamedSharding(mesh, PartitionSpec(DATA))

"""Minibatch statistics for discriminators."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from jaxgan.errors import UserError
from jaxgan.mesh import batch_axis_name


def minibatch_stddev(x: jax.Array, group_size: int = 4, epsilon: float = 1e-8) -> jax.Array:
    """Appends one feature map: how much the samples of a group differ (Karras et al. 2018, ProGAN, section 3).

    A group is `group_size` consecutive samples, so that a batch that is sharded over devices keeps its groups local. A batch
    that does not divide into such groups uses the largest divisor of the batch below `group_size`.

    Args:
        x: (B, H, W, C).
        group_size: Samples in a group (4 in the authors' released code; the paper: the whole batch).
        epsilon: Added to the variance, so that the square root has a gradient where all samples agree.

    Returns:
        (B, H, W, C + 1), the dtype of `x`; the statistic itself is computed in float32.

    Raises:
        UserError: `group_size` is below 1.
    """
    if group_size < 1:
        raise UserError(f"minibatch_stddev: group_size is {group_size}, but a group holds at least 1 sample")
    batch, height, width, channels = x.shape
    size = max(divisor for divisor in range(1, min(group_size, batch) + 1) if batch % divisor == 0)
    groups = x.astype(jnp.promote_types(x.dtype, jnp.float32)).reshape(batch // size, size, height, width, channels)
    # y = mean over c, h, w of sqrt(var over the group + epsilon)
    deviation = jnp.sqrt(jnp.var(groups, axis=1) + epsilon)
    statistic = jnp.mean(deviation, axis=(1, 2, 3)).astype(x.dtype)
    maps = jnp.broadcast_to(statistic[:, None, None, None, None], (batch // size, size, height, width, 1))
    return jnp.concatenate([x, maps.reshape(batch, height, width, 1)], axis=-1)


class MinibatchDiscrimination(nn.Module):
    """Appends how close each sample is to the others of the batch: features (B, A) -> (B, A + kernels), float32.

    Salimans, Goodfellow, Zaremba, Cheung, Radford and Chen, "Improved Techniques for Training GANs" (2016,
    arXiv:1606.03498), section 3.2. As in the released program, a sample is not compared with itself, T is stored as
    directions ("direction", normalised over the inputs) and log scales ("log_scale"), and an offset per kernel ("bias")
    starts at -1. All of the batch is compared, over all devices; memory grows as B^2 times the kernels.

    Attributes:
        kernels: Numbers appended (B in the paper, 100 in the program).
        dimensions: Of each kernel's space (C in the paper).
        direction_init: Initialiser of the directions, called with the shape (A, kernels * dimensions).
        data_init: Scales and offsets begin by the batch that the layer is initialised with, as in the released program: in each
            kernel's space half the mean distance to the nearest other sample is 1, and what is appended has mean 0.
    """

    kernels: int = 100
    dimensions: int = 5
    direction_init: Initializer = nn.initializers.normal(0.05)
    data_init: bool = False

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps features (B, A) of any dtype to float32 (B, A + kernels)."""
        x = x.astype(jnp.float32)
        columns = self.kernels * self.dimensions
        direction = self.param("direction", self.direction_init, (x.shape[1], columns), jnp.float32)
        unit = jax.lax.rsqrt(jnp.sum(jnp.square(direction), axis=0) + 1e-12)
        first_scale, first_bias = jnp.zeros(columns), -jnp.ones(self.kernels)
        if self.data_init and self.is_initializing():
            check_minibatch(self, x)
            first_scale, first_bias = self._by_data((x @ (direction * unit[None])).reshape(len(x), self.kernels, -1))
        log_scale = self.param("log_scale", lambda key: first_scale)
        bias = self.param("bias", lambda key: first_bias)
        scale = jnp.exp(log_scale) * unit
        # M_i = f(x_i) T
        projected = (x @ (direction * scale[None])).reshape(-1, self.kernels, self.dimensions)
        name, own = batch_axis_name(), jnp.arange(len(x))
        others = projected
        if name is not None:
            others, own = jax.lax.all_gather(projected, name, tiled=True), own + jax.lax.axis_index(name) * len(x)
        # c_b(x_i, x_j) = exp(- || M_i,b - M_j,b ||_1)
        closeness = jnp.exp(-_l1_distances(projected, others))
        itself = own[:, None] == jnp.arange(len(others))[None]
        # o(x_i)_b = sum over j of c_b(x_i, x_j)
        similar = jnp.sum(jnp.where(itself[:, :, None], 0.0, closeness), axis=1)
        return jnp.concatenate([x, similar + bias[None]], axis=1)

    def _by_data(self, projected: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The first log scales and offsets for samples (B, kernels, dimensions) projected on directions of length 1."""
        distances, itself = _l1_distances(projected, projected), jnp.eye(len(projected), dtype=bool)[:, :, None]
        half = 0.5 * jnp.where(itself, jnp.inf, distances).min(axis=1).mean(axis=0)
        half = jnp.where(half > 0, half, 1.0)  # where all samples are one
        similar = jnp.where(itself, 0.0, jnp.exp(-distances / half[None, None])).sum(axis=1).mean(axis=0)
        return jnp.repeat(-jnp.log(half), self.dimensions), -similar


def check_minibatch(module: nn.Module, x: jax.Array) -> None:
    """Checks that a layer that is to begin by data is initialised with more than one entry of them, x (B, ...).

    Raises:
        UserError: It is not.
    """
    if len(x) < 2:
        raise UserError(
            f"{'/'.join(module.path)}: data_init compares the entries of a minibatch, but the network is initialised with one: "
            "give game.init a minibatch of data, or set data_init=False"
        )


def _l1_distances(a: jax.Array, b: jax.Array) -> jax.Array:
    """|| a_i,k - b_j,k ||_1 of (I, K, C) and (J, K, C), (I, J, K), with memory for two or three arrays of that size.

    One dimension after the other, recomputed for the gradient: all differences at once would take C times the memory, and
    on a CPU several times the time.
    """

    @jax.checkpoint
    def add(total: jax.Array, one: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        return total + jnp.abs(one[0][:, None] - one[1][None]), None

    a, b = jnp.moveaxis(a, -1, 0), jnp.moveaxis(b, -1, 0)
    first = jnp.abs(a[0][:, None] - b[0][None])
    return jax.lax.scan(add, first, (a[1:], b[1:]))[0]

"""The three maps of a strided convolution, each differentiated into the other two.

With images x (B, H, W, C), a kernel w (h, w, C, D) and maps y (B, H', W', D), one trilinear form <down(x, w), y> gives

    down(x, w) = y               the strided convolution,
    up(y, w) = x                 its transpose in x: the transposed convolution,
    filter_gradient(x, y) = w    its transpose in w,

so the gradients of each are the other two. They are declared so with `jax.custom_vjp`: gradients of gradients (penalties)
stay within the three, and each is computed in one place, in the form that the platform runs well. Left to itself, XLA
differentiates a transposed convolution, and any gradient, into convolutions by windows as large as the images, which a
CPU runs tens of times slower (`python -m benchmarks.convolutions`).

The price is forward mode: `jax.jvp` is not defined through these maps. `jax.vjp`, nested as deep as need be, is.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

_LAYOUT = ("NHWC", "HWIO", "NHWC")
# XLA:CPU multiplies matrices by their full inner dimension at once; a filter gradient's is the number of pixels in the
# batch. Beyond this many, or this many in each map, the operands fall out of the cache, and the gradients of parts of the
# batch and of bands of rows are up to three times faster.
_LARGEST_INNER_DIMENSION = 2048
_LARGEST_MAP = 256
# A CPU runs the kernels of an ensemble (`jax.vmap`) one after the other up to this many; more become a grouped convolution.
_LARGEST_UNROLLED_ENSEMBLE = 16


class Geometry(NamedTuple):
    """How the images and the maps of a strided convolution lie to each other: static and hashable."""

    strides: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]  # (before, after) along height and width
    size: tuple[int, int]  # of the images
    window: tuple[int, int]  # of the kernel

    @property
    def output_size(self) -> tuple[int, int]:
        """Of the maps."""
        height, width = (
            (n + low + high - k) // s + 1
            for n, (low, high), k, s in zip(self.size, self.padding, self.window, self.strides, strict=True)
        )
        return height, width

    @property
    def axes(self) -> list[tuple[int, int, int, int, int]]:
        """(image side, map side, padding before, kernel side, stride) along height and width."""
        before = (low for low, _ in self.padding)
        return list(zip(self.size, self.output_size, before, self.window, self.strides, strict=True))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def down(geometry: Geometry, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Strided convolution of images by a kernel to maps, in the dtype of `x`."""
    return _run(_compute_down, geometry, x, kernel)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def up(geometry: Geometry, y: jax.Array, kernel: jax.Array) -> jax.Array:
    """Transposed convolution of maps by the kernel of `down` to images, in the dtype of `y`."""
    return _run(_compute_up, geometry, y, kernel)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def filter_gradient(geometry: Geometry, x: jax.Array, y: jax.Array) -> jax.Array:
    """The kernel's gradient of <down(x, kernel), y>, float32 or better; off CPUs rounded to the dtype of `x` before."""
    return _run(_compute_filter_gradient, geometry, x, y)


def _down_backward(geometry: Geometry, saved: Any, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    return up(geometry, y, kernel), filter_gradient(geometry, x, y).astype(kernel.dtype)


def _up_backward(geometry: Geometry, saved: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    y, kernel = saved
    return down(geometry, x, kernel), filter_gradient(geometry, x, y).astype(kernel.dtype)


def _filter_gradient_backward(geometry: Geometry, saved: Any, kernel: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, y = saved
    return up(geometry, y, kernel), down(geometry, x, kernel)


down.defvjp(lambda geometry, x, kernel: (down(geometry, x, kernel), (x, kernel)), _down_backward)
up.defvjp(lambda geometry, y, kernel: (up(geometry, y, kernel), (y, kernel)), _up_backward)
filter_gradient.defvjp(lambda geometry, x, y: (filter_gradient(geometry, x, y), (x, y)), _filter_gradient_backward)


def vary_alike(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Under `jax.shard_map`, marks both arrays as varying over all the axes over which either varies.

    JAX does so for its own operations, and then sums the gradient of a replicated kernel over the devices; to functions
    with a `jax.custom_vjp` the caller must do it.
    """
    of_x, of_kernel = (frozenset(jax.typeof(array).manual_axis_type.varying) for array in (x, kernel))
    if of_x - of_kernel:
        kernel = lax.pcast(kernel, tuple(sorted(of_x - of_kernel)), to="varying")
    if of_kernel - of_x:
        x = lax.pcast(x, tuple(sorted(of_kernel - of_x)), to="varying")
    return x, kernel


# How each is computed: plain convolutions, but with `cpu` in the forms for which XLA has fast code on a CPU.


def _convolve(
    cpu: bool,
    x: jax.Array,
    kernel: jax.Array,
    strides: tuple[int, int],
    padding: Sequence[tuple[int, int]],
    layout: tuple[str, str, str] = _LAYOUT,
    dilation: tuple[int, int] = (1, 1),
    dtype: Any = None,
) -> jax.Array:
    """One convolution, by a kernel with holes where dilated."""
    columns = None
    if cpu:
        # XLA:CPU is 2 to 50 times slower where the kernel is larger than the image or the padding than half the kernel,
        # so pad beforehand, and where there is no padding at all, so compute one column more and cut it off.
        first = layout[1].index("H")
        sides = [(k - 1) * d + 1 for k, d in zip(kernel.shape[first : first + 2], dilation, strict=True)]
        if any(
            side > n or max(pads) > side // 2 or min(pads) < 0
            for n, side, pads in zip(x.shape[1:3], sides, padding, strict=True)
        ):
            x, padding = lax.optimization_barrier(_pad(x, padding)), ((0, 0), (0, 0))
        if not any(map(any, padding)):
            columns, padding = (x.shape[2] - sides[1]) // strides[1] + 1, ((0, 0), (0, 1))
    y = lax.conv_general_dilated(
        x,
        kernel,
        strides,
        padding,
        rhs_dilation=dilation,
        dimension_numbers=layout,
        preferred_element_type=dtype,
    )
    return y if columns is None else lax.slice_in_dim(y, 0, columns, axis=layout[2].index("W"))


def _compute_down(geometry: Geometry, cpu: bool, x: jax.Array, kernel: jax.Array) -> jax.Array:
    return _convolve(cpu, x, kernel.astype(x.dtype), geometry.strides, geometry.padding)


def _compute_up(geometry: Geometry, cpu: bool, y: jax.Array, kernel: jax.Array) -> jax.Array:
    kernel = jnp.swapaxes(kernel, 2, 3).astype(y.dtype)
    # Below 16 channels the copies that interleave the phases cost more than the zeros between the pixels.
    if cpu and (max(geometry.strides) == 1 or kernel.shape[3] >= 16):
        return _up_by_phases(geometry, y, kernel)
    padding = [(k - 1 - low, n + low - s * (m - 1) - 1) for n, m, low, k, s in geometry.axes]
    return lax.conv_general_dilated(
        y, kernel[::-1, ::-1], (1, 1), padding, lhs_dilation=geometry.strides, dimension_numbers=_LAYOUT
    )


def _up_by_phases(geometry: Geometry, y: jax.Array, kernel: jax.Array) -> jax.Array:
    """The transposed convolution by `kernel` (h, w, D, C) without zeros: one convolution for each phase of the strides."""
    # x[s i + r] = sum_t y[i + shift - t] w[first + s t], where first + s shift = r + padding
    phases: list[list[tuple[slice, tuple[int, int]]]] = []
    for n, m, low, k, s in geometry.axes:
        splits = [divmod(r + low, s) for r in range(s)]
        phases.append(
            [
                (slice(first, None, s), (len(range(first, k, s)) - 1 - shift, -(-n // s) - m + shift))
                for shift, first in splits
            ]
        )
    batch, channels = y.shape[0], kernel.shape[3]
    (height, width), (down_by, right_by) = geometry.size, geometry.strides
    rows, columns = -(-height // down_by), -(-width // right_by)

    def phase(taps: jax.Array, padding: Sequence[tuple[int, int]]) -> jax.Array:
        if taps.size == 0:  # strides beyond the kernel's side leave gaps
            return jnp.zeros((batch, rows, columns, channels), y.dtype)
        return _convolve(True, y, taps[::-1, ::-1], (1, 1), padding)

    x = jnp.stack(
        [
            jnp.stack(
                [phase(kernel[vertical, horizontal], (above, beside)) for horizontal, beside in phases[1]], axis=3
            )
            for vertical, above in phases[0]
        ],
        axis=2,
    )
    return x.reshape(batch, rows * down_by, columns * right_by, channels)[:, :height, :width]


def _compute_filter_gradient(geometry: Geometry, cpu: bool, x: jax.Array, y: jax.Array) -> jax.Array:
    padding = [(low, s * (m - 1) + k - n - low) for n, m, low, k, s in geometry.axes]
    # Few features are a thin matrix, but the kernel turned round takes the maps to the images: swap the two.
    swap = cpu and geometry.strides == (1, 1) and y.shape[3] <= 16 < x.shape[3]
    if swap:
        padding = [(k - 1 - low, n - m + low) for n, m, low, k, _ in geometry.axes]
        x, y = y, x
    batch, pixels, parts = y.shape[0], y.shape[0] * y.shape[1] * y.shape[2], 1
    while cpu and pixels // parts > _LARGEST_INNER_DIMENSION and parts < 4 and batch % (16 * parts) == 0:
        parts *= 2
    # Parts are interleaved, so that each device of a sharded batch holds its share of each.
    xs, ys = (array.reshape(batch // parts, parts, *array.shape[1:]) for array in (x, y))
    products = [_correlate(cpu, xs[:, part], ys[:, part], geometry.strides, padding) for part in range(parts)]
    gradient = functools.reduce(jnp.add, products).astype(jnp.promote_types(x.dtype, jnp.float32))
    return jnp.swapaxes(gradient[::-1, ::-1], 2, 3) if swap else gradient


def _correlate(
    cpu: bool, x: jax.Array, y: jax.Array, strides: tuple[int, int], padding: Sequence[tuple[int, int]]
) -> jax.Array:
    """A convolution of `x` by `y` with the batch in the place of the channels."""
    convolve = functools.partial(
        _convolve,
        cpu,
        strides=(1, 1),
        layout=("CHWN", "IHWO", "HWNC"),
        dilation=strides,
        # Accelerators sum in float32 whatever the result's dtype. Were the result of bfloat16 arrays float32, a GPU would
        # multiply float32, too, at half the speed, and devices would exchange twice the bytes.
        dtype=jnp.promote_types(x.dtype, jnp.float32) if cpu else None,
    )
    (batch, height, width, _), stride, bands = y.shape, strides[0], 1
    largest = min(_LARGEST_MAP, _LARGEST_INNER_DIMENSION // batch)
    while cpu and height * width > largest * bands and bands < min(height, 8):
        bands *= 2
    if bands == 1:
        return convolve(x, y, padding=padding)
    x, rows = _pad(x, (padding[0], (0, 0))), -(-height // bands)
    overlap = x.shape[1] - stride * height
    products = [
        convolve(x[:, stride * i : stride * (i + rows) + overlap], y[:, i : i + rows], padding=((0, 0), padding[1]))
        for i in range(0, height, rows)
    ]
    return functools.reduce(jnp.add, products)


def _filter_gradient_by_taps(geometry: Geometry, x: jax.Array, y: jax.Array) -> jax.Array:
    """The filter gradient as one product of matrices for each tap, which `jax.vmap` makes a batched product."""
    x = _pad(x, [(low, s * (m - 1) + k - n - low) for n, m, low, k, s in geometry.axes])
    (_, rows, _, height, down_by), (_, columns, _, width, right_by) = geometry.axes
    taps = [
        jnp.einsum(
            "bhwc,bhwd->cd",
            x[:, i : i + down_by * (rows - 1) + 1 : down_by, j : j + right_by * (columns - 1) + 1 : right_by],
            y,
            preferred_element_type=jnp.promote_types(x.dtype, jnp.float32),
        )
        for i in range(height)
        for j in range(width)
    ]
    return jnp.stack(taps).reshape(height, width, x.shape[3], y.shape[3])


def _pad(x: jax.Array, padding: Sequence[tuple[int, int]]) -> jax.Array:
    """Pads height and width with zeros, or crops them where negative."""
    above, beside = ((low, high, 0) for low, high in padding)
    return lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), above, beside, (0, 0, 0)))


def _run(compute: Callable[..., jax.Array], geometry: Geometry, first: jax.Array, second: jax.Array) -> jax.Array:
    """`compute` as the platform does it that the program is lowered for, be it the default one or not."""
    cpu, default = _ensemble(compute, geometry), _plain(compute, geometry)
    return lax.platform_dependent(first, second, cpu=cpu, default=default)


# Both are cached because JAX traces a function that it knows only once.
@functools.cache
def _plain(compute: Callable[..., jax.Array], geometry: Geometry) -> Callable[[jax.Array, jax.Array], jax.Array]:
    return functools.partial(compute, geometry, False)


@functools.cache
def _ensemble(compute: Callable[..., jax.Array], geometry: Geometry) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """`compute`, which `jax.vmap` over kernels does not turn into grouped convolutions (5 to 40 times slower on a CPU)."""

    @jax.custom_batching.custom_vmap
    def run(first: jax.Array, second: jax.Array) -> jax.Array:
        return compute(geometry, True, first, second)

    @run.def_vmap
    def rule(axis_size: int, in_batched: list[bool], first: jax.Array, second: jax.Array) -> tuple[jax.Array, bool]:
        axes = tuple(0 if batched else None for batched in in_batched)
        if compute is _compute_filter_gradient:
            return jax.vmap(functools.partial(_filter_gradient_by_taps, geometry), axes)(first, second), True
        if not in_batched[1]:  # one kernel: a larger batch
            result = run(first.reshape(-1, *first.shape[2:]), second)
            return result.reshape(axis_size, -1, *result.shape[1:]), True
        if axis_size > _LARGEST_UNROLLED_ENSEMBLE:
            return jax.vmap(functools.partial(compute, geometry, True), axes)(first, second), True
        members = [run(first[i] if in_batched[0] else first, second[i]) for i in range(axis_size)]
        return jnp.stack(members), True

    return run

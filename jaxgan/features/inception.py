"""Inception-v3 of 2015-12-05, the network behind every published FID, Inception Score and KID.

Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception Architecture for Computer Vision" (2015,
arXiv:1512.00567), as in TensorFlow's released graph, which differs from torchvision's `inception_v3` in its weights, in
1,008 logits, in average pools that do not count padding, in a max-pool in the last block's pool branch (a quirk of that
graph) and in having no auxiliary classifier. Layers have torchvision's names, as in the well-known PyTorch file.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxgan.errors import UserError

SIZE = 299


def normalize(images: jax.Array, mode: str = "tf1") -> jax.Array:
    """Scales resized images (B, 299, 299, 3) from 0..255 to what the network was fed for published numbers.

    Args:
        images: float32 in 0..255.
        mode: How they were resized. "tf1" and "clean": (x - 128) / 128, as the graph, torch-fidelity and clean-fid do.
            "torch": 2 x / 255 - 1, as pytorch-fid and clean-fid's `legacy_pytorch` do.

    Returns:
        float32 in about [-1, 1].
    """
    images = images.astype(jnp.float32)
    return images / 127.5 - 1.0 if mode == "torch" else (images - 128.0) / 128.0


class Inception(nn.Module):
    """Normalised images (B, 299, 299, 3) float32 -> features by their usual names, float32, in float32 throughout.

    "64" and "192" are the maps after the first and second max-pool, "768" the last 17x17 map and "2048" the last map,
    each averaged over its pixels as torch-fidelity does; "logits" (B, 1008), and "logits_unbiased", the same without the
    bias, from which the Inception Score is read. FID and KID use "2048". Under `jax.jit`, what is not used is not computed.

    Raises:
        UserError: Images of another shape.
    """

    @nn.compact
    def __call__(self, x: jax.Array) -> dict[str, jax.Array]:
        """Maps images (B, 299, 299, 3) to {"64": (B, 64), ..., "2048": (B, 2048), "logits": (B, 1008), ...}."""
        if x.shape[1:] != (SIZE, SIZE, 3):
            raise UserError(f"Inception: images of shape {x.shape}; resize them to (B, {SIZE}, {SIZE}, 3)")
        taps = {}
        x = Unit(32, (3, 3), stride=2, name="Conv2d_1a_3x3")(x)
        x = Unit(32, (3, 3), name="Conv2d_2a_3x3")(x)
        x = max_pool(Unit(64, (3, 3), padding=(1, 1), name="Conv2d_2b_3x3")(x), stride=2)
        taps["64"] = x.mean(axis=(1, 2))
        x = Unit(80, (1, 1), name="Conv2d_3b_1x1")(x)
        x = max_pool(Unit(192, (3, 3), name="Conv2d_4a_3x3")(x), stride=2)
        taps["192"] = x.mean(axis=(1, 2))
        for name, pool_features in [("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)]:
            x = BlockA(pool_features, name=name)(x)
        x = BlockB(name="Mixed_6a")(x)
        for name, middle in [("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)]:
            x = BlockC(middle, name=name)(x)
        taps["768"] = x.mean(axis=(1, 2))
        x = BlockD(name="Mixed_7a")(x)
        x = BlockE(average_pool, name="Mixed_7b")(x)
        x = BlockE(max_pool, name="Mixed_7c")(x)
        taps["2048"] = x = x.mean(axis=(1, 2))
        kernel = self.param("fc_kernel", nn.initializers.lecun_normal(), (2048, 1008))
        bias = self.param("fc_bias", nn.initializers.zeros, (1008,))
        taps["logits_unbiased"] = jnp.dot(x, kernel, precision=jax.lax.Precision.HIGHEST)
        taps["logits"] = taps["logits_unbiased"] + bias[None]
        return taps


class Unit(nn.Module):
    """Convolution without bias, batch norm by stored statistics (epsilon 1e-3), ReLU."""

    features: int
    kernel_size: tuple[int, int]
    stride: int = 1
    padding: tuple[int, int] = (0, 0)

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (B, H, W, C) to (B, H', W', features)."""
        shape = (self.features,)
        kernel = self.param("kernel", nn.initializers.he_normal(), (*self.kernel_size, x.shape[-1], self.features))
        gain = self.param("gain", nn.initializers.ones, shape)
        offset = self.param("offset", nn.initializers.zeros, shape)
        mean = self.param("mean", nn.initializers.zeros, shape)
        variance = self.param("variance", nn.initializers.ones, shape)
        # gain (conv(x) - mean) / sqrt(variance + epsilon) + offset, its scale carried into the kernel
        scale = gain / jnp.sqrt(variance + 1e-3)
        kernel *= scale[None, None, None]
        if self.kernel_size == (1, 1):
            # A matrix product, which a CPU does a tenth faster.
            x = jnp.einsum("bhwi,io->bhwo", x, kernel[0, 0], precision=jax.lax.Precision.HIGHEST)
        else:
            x = jax.lax.conv_general_dilated(
                x,
                kernel,
                window_strides=(self.stride, self.stride),
                padding=[(size, size) for size in self.padding],
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
                precision=jax.lax.Precision.HIGHEST,
            )
        return nn.relu(x + (offset - mean * scale)[None, None, None])


class BlockA(nn.Module):
    """Mixed_5b, 5c, 5d: 35x35."""

    pool_features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (B, H, W, C) to (B, H, W, 224 + pool_features)."""
        one = Unit(64, (1, 1), name="branch1x1")(x)
        five = Unit(48, (1, 1), name="branch5x5_1")(x)
        five = Unit(64, (5, 5), padding=(2, 2), name="branch5x5_2")(five)
        three = Unit(64, (1, 1), name="branch3x3dbl_1")(x)
        three = Unit(96, (3, 3), padding=(1, 1), name="branch3x3dbl_2")(three)
        three = Unit(96, (3, 3), padding=(1, 1), name="branch3x3dbl_3")(three)
        pool = Unit(self.pool_features, (1, 1), name="branch_pool")(average_pool(x))
        return jnp.concatenate([one, five, three, pool], axis=-1)


class BlockB(nn.Module):
    """Mixed_6a: 35x35 to 17x17."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (B, H, W, C) to (B, (H - 1) / 2, (W - 1) / 2, 480 + C)."""
        three = Unit(384, (3, 3), stride=2, name="branch3x3")(x)
        double = Unit(64, (1, 1), name="branch3x3dbl_1")(x)
        double = Unit(96, (3, 3), padding=(1, 1), name="branch3x3dbl_2")(double)
        double = Unit(96, (3, 3), stride=2, name="branch3x3dbl_3")(double)
        return jnp.concatenate([three, double, max_pool(x, stride=2)], axis=-1)


class BlockC(nn.Module):
    """Mixed_6b, 6c, 6d, 6e: 17x17, `middle` channels inside its 7x7 branches."""

    middle: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (B, H, W, C) to (B, H, W, 768)."""
        row: Any = dict(kernel_size=(1, 7), padding=(0, 3))
        column: Any = dict(kernel_size=(7, 1), padding=(3, 0))
        one = Unit(192, (1, 1), name="branch1x1")(x)
        seven = Unit(self.middle, (1, 1), name="branch7x7_1")(x)
        seven = Unit(self.middle, **row, name="branch7x7_2")(seven)
        seven = Unit(192, **column, name="branch7x7_3")(seven)
        double = Unit(self.middle, (1, 1), name="branch7x7dbl_1")(x)
        double = Unit(self.middle, **column, name="branch7x7dbl_2")(double)
        double = Unit(self.middle, **row, name="branch7x7dbl_3")(double)
        double = Unit(self.middle, **column, name="branch7x7dbl_4")(double)
        double = Unit(192, **row, name="branch7x7dbl_5")(double)
        pool = Unit(192, (1, 1), name="branch_pool")(average_pool(x))
        return jnp.concatenate([one, seven, double, pool], axis=-1)


class BlockD(nn.Module):
    """Mixed_7a: 17x17 to 8x8."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (B, H, W, C) to (B, (H - 1) / 2, (W - 1) / 2, 512 + C)."""
        three = Unit(192, (1, 1), name="branch3x3_1")(x)
        three = Unit(320, (3, 3), stride=2, name="branch3x3_2")(three)
        seven = Unit(192, (1, 1), name="branch7x7x3_1")(x)
        seven = Unit(192, (1, 7), padding=(0, 3), name="branch7x7x3_2")(seven)
        seven = Unit(192, (7, 1), padding=(3, 0), name="branch7x7x3_3")(seven)
        seven = Unit(192, (3, 3), stride=2, name="branch7x7x3_4")(seven)
        return jnp.concatenate([three, seven, max_pool(x, stride=2)], axis=-1)


class BlockE(nn.Module):
    """Mixed_7b, which averages in its pool branch, and 7c, which takes the maximum: 8x8."""

    pool: Callable[[jax.Array], jax.Array]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps (B, H, W, C) to (B, H, W, 2048)."""
        row: Any = dict(kernel_size=(1, 3), padding=(0, 1))
        column: Any = dict(kernel_size=(3, 1), padding=(1, 0))
        one = Unit(320, (1, 1), name="branch1x1")(x)
        three = Unit(384, (1, 1), name="branch3x3_1")(x)
        double = Unit(448, (1, 1), name="branch3x3dbl_1")(x)
        double = Unit(384, (3, 3), padding=(1, 1), name="branch3x3dbl_2")(double)
        branches = [
            one,
            Unit(384, **row, name="branch3x3_2a")(three),
            Unit(384, **column, name="branch3x3_2b")(three),
            Unit(384, **row, name="branch3x3dbl_3a")(double),
            Unit(384, **column, name="branch3x3dbl_3b")(double),
            Unit(192, (1, 1), name="branch_pool")(self.pool(x)),
        ]
        return jnp.concatenate(branches, axis=-1)


def average_pool(x: jax.Array) -> jax.Array:
    """Means of 3x3 windows at stride 1, (B, H, W, C) to the same; at the border of the pixels that exist."""
    total = _windows(x, 0.0, 1, jnp.add, padding=1)
    ones = np.ones(x.shape[1:3], np.float32)
    padded = np.pad(ones, 1)
    # How many pixels a window holds: 9 inside, 6 at an edge, 4 in a corner.
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    count = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return total / count[None, :, :, None]


def max_pool(x: jax.Array, stride: int = 1) -> jax.Array:
    """Maxima of 3x3 windows, (B, H, W, C) to the same at stride 1 and to (B, (H - 1) / 2, (W - 1) / 2, C) at stride 2."""
    return _windows(x, -jnp.inf, stride, jnp.maximum, padding=1 if stride == 1 else 0)


def _windows(
    x: jax.Array, empty: float, stride: int, combine: Callable[[jax.Array, jax.Array], jax.Array], padding: int
) -> jax.Array:
    """Combines 3x3 windows by slices, rows and then columns, which a CPU does faster than XLA's windowed reduction."""
    for axis in (1, 2):
        pads = [(padding, padding) if axis == this else (0, 0) for this in range(4)]
        padded = jnp.pad(x, pads, constant_values=empty) if padding else x
        count = (padded.shape[axis] - 3) // stride + 1
        first, second, third = (
            jax.lax.slice_in_dim(padded, start, start + (count - 1) * stride + 1, stride, axis) for start in range(3)
        )
        x = combine(combine(first, second), third)
    return x


def from_torch(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Parameters of `Inception` by path, "Conv2d_1a_3x3/kernel" for one, from the PyTorch file's state."""
    parts = {
        "conv.weight": "kernel",
        "bn.weight": "gain",
        "bn.bias": "offset",
        "bn.running_mean": "mean",
        "bn.running_var": "variance",
    }
    params = {"fc_kernel": state["fc.weight"].T, "fc_bias": state["fc.bias"]}
    for name, array in state.items():
        *unit, layer, leaf = name.split(".")
        part = parts.get(f"{layer}.{leaf}")
        if part is not None:
            # OIHW to HWIO
            params["/".join([*unit, part])] = array.transpose(2, 3, 1, 0) if part == "kernel" else array
    return params


def from_tensorflow(constants: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Parameters of `Inception` by path from the constants of `classify_image_graph_def.pb`, HWIO already."""
    params = {"fc_kernel": constants["softmax/weights"], "fc_bias": constants["softmax/biases"]}
    for scope, unit in tensorflow_scopes().items():
        params[f"{unit}/kernel"] = constants[f"{scope}/conv2d_params"]
        for theirs, ours in [
            ("gamma", "gain"),
            ("beta", "offset"),
            ("moving_mean", "mean"),
            ("moving_variance", "variance"),
        ]:
            params[f"{unit}/{ours}"] = constants[f"{scope}/batchnorm/{theirs}"]
    return params


# The branches of each kind of block in the order of the graph's scopes: "conv" itself, then those of "tower", "tower_1" ...
_TOWERS: dict[str, list[list[str]]] = {
    "A": [
        ["branch1x1"],
        ["branch5x5_1", "branch5x5_2"],
        ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"],
        ["branch_pool"],
    ],
    "B": [["branch3x3"], ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"]],
    "C": [
        ["branch1x1"],
        [f"branch7x7_{index}" for index in range(1, 4)],
        [f"branch7x7dbl_{index}" for index in range(1, 6)],
        ["branch_pool"],
    ],
    "D": [[], ["branch3x3_1", "branch3x3_2"], [f"branch7x7x3_{index}" for index in range(1, 5)]],
    "E": [
        ["branch1x1"],
        ["branch3x3_1", "branch3x3_2a", "branch3x3_2b"],
        ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3a", "branch3x3dbl_3b"],
        ["branch_pool"],
    ],
}
_BLOCKS = ["5bA", "5cA", "5dA", "6aB", "6bC", "6cC", "6dC", "6eC", "7aD", "7bE", "7cE"]


def tensorflow_scopes() -> dict[str, str]:
    """Scope in TensorFlow's graph -> unit of `Inception`: "mixed_3/tower/conv_1" -> "Mixed_6a/branch3x3dbl_2"."""
    stem = ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"]
    scopes = {_numbered("conv", index): unit for index, unit in enumerate(stem)}
    for block_index, block in enumerate(_BLOCKS):
        for tower_index, units in enumerate(_TOWERS[block[-1]]):
            prefix = _numbered("mixed", block_index) + (
                "" if tower_index == 0 else "/" + _numbered("tower", tower_index - 1)
            )
            plain = [unit for unit in units if unit[-1] not in "ab"]
            # The two halves that end a branch of block E lie in a scope of their own.
            halves = [unit for unit in units if unit[-1] in "ab"]
            scopes |= {f"{prefix}/{_numbered('conv', i)}": f"Mixed_{block[:2]}/{unit}" for i, unit in enumerate(plain)}
            scopes |= {
                f"{prefix}/mixed/{_numbered('conv', i)}": f"Mixed_{block[:2]}/{unit}" for i, unit in enumerate(halves)
            }
    return scopes


def _numbered(name: str, index: int) -> str:
    return f"{name}_{index}" if index else name

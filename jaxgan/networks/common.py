"""Small parts that the architectures share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.layers import BatchNorm, InstanceNorm
from jaxgan.networks.initializers import normal

leaky_relu = functools.partial(nn.leaky_relu, negative_slope=0.2)

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": nn.relu,
    "leaky_relu": leaky_relu,
    "tanh": jnp.tanh,
    "elu": nn.elu,
}

# DCGAN's initialisation of kernels (Radford et al. 2015, section 4) and gains, which CycleGAN took over.
normal_init = normal(0.02)
gain_init = normal(0.02, mean=1.0)


def choose(options: dict[str, Any], value: str, field: str) -> Any:
    """The option called `value`, or an error that lists the ones there are."""
    if value not in options:
        raise ValueError(f"{field}={value!r} does not exist; choose one of {', '.join(map(repr, options))}")
    return options[value]


def normalization(kind: str, dtype: Any, name: str) -> Callable[[jax.Array], jax.Array]:
    """A normalisation layer by name.

    Instance norm learns no gain and offset, as in the PyTorch CycleGAN. (The paper's Lua code learns them, and trains
    without the biases of the convolutions.)

    Args:
        kind: "batch" (gains drawn from N(1, 0.02)), "instance" or "none".
        dtype: of the output.
        name: the layer's name in the parameter tree.
    """
    layers = {
        "batch": functools.partial(BatchNorm, scale_init=gain_init, dtype=dtype, name=name),
        "instance": functools.partial(InstanceNorm, use_scale=False, use_bias=False, dtype=dtype, name=name),
        "none": lambda: lambda x: x,
    }
    return choose(layers, kind, "norm")()


def height_width(image_size: int | Sequence[int]) -> tuple[int, int]:
    """(H, W) of an image size given as one side of a square or as (H, W)."""
    if isinstance(image_size, int):
        return image_size, image_size
    height, width = image_size
    return height, width


def base_map(network: Any, doublings: int) -> tuple[int, int]:
    """The map that doubles `doublings` times to `network.image_size`, or an error that says that there is none."""
    height, width = height_width(network.image_size)
    if height % 2**doublings or width % 2**doublings:
        raise ValueError(
            f"{type(network).__name__} doubles its first map {doublings} times, but {height}x{width} is no multiple of "
            f"{2**doublings}; change image_size or the number of widths"
        )
    return height >> doublings, width >> doublings


def tanh_image(x: jax.Array) -> jax.Array:
    """Feature maps as an image: float32 in [-1, 1]."""
    return jnp.tanh(x.astype(jnp.float32))


def check_label(network: Any, label: jax.Array | None) -> None:
    """Raises a ValueError if a network with classes gets no labels, or one without gets some."""
    name, classes = type(network).__name__, network.num_classes
    if classes and label is None:
        raise ValueError(f"{name} has num_classes={classes} but got no labels; pass them or set num_classes=0")
    if not classes and label is not None:
        raise ValueError(f"{name} has num_classes=0 but got labels; set num_classes or leave the labels out")

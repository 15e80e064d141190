"""Small parts that the architectures share."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.layers import BatchNorm, InstanceNorm, check_images
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
        raise UserError(f"{field}={value!r} does not exist; choose one of {', '.join(map(repr, options))}")
    return options[value]


def normalization(kind: str, dtype: Any, name: str, epsilon: float = 1e-5) -> Callable[[jax.Array], jax.Array]:
    """A normalisation layer by name.

    Instance norm learns no gain and offset, as in the PyTorch CycleGAN. (The paper's Lua code learns them, and trains
    without the biases of the convolutions.)

    Args:
        kind: "batch" (gains drawn from N(1, 0.02)), "instance" or "none".
        dtype: Of the output.
        name: The layer's name in the parameter tree.
        epsilon: Added to the variance.
    """
    fields: dict[str, Any] = {"epsilon": epsilon, "dtype": dtype, "name": name}
    layers = {
        "batch": functools.partial(BatchNorm, scale_init=gain_init, **fields),
        "instance": functools.partial(InstanceNorm, use_scale=False, use_bias=False, **fields),
        "none": lambda: lambda x: x,
    }
    return choose(layers, kind, "norm")()


def sample_shape(network: Any) -> tuple[int, ...]:
    """`network.output_shape`, or an error that says that it was not filled in."""
    if network.output_shape is None:
        raise UserError(
            f"{type(network).__name__} does not know the shape of a sample; set output_shape, such as (32, 32, 3)"
        )
    return tuple(network.output_shape)


def image_shape(network: Any) -> tuple[int, int, int]:
    """(H, W, C) of `network.output_shape`, or an error that says that it is none of an image."""
    shape = sample_shape(network)
    if len(shape) != 3:
        raise UserError(
            f"{type(network).__name__} makes images (height, width, channels), but the data or output_shape say {shape}: "
            "use MLPGenerator for such data"
        )
    height, width, channels = shape
    return height, width, channels


def image_sides(network: nn.Module, x: jax.Array) -> tuple[int, int]:
    """(H, W) of the images that a network gets, or an error that says that they are none."""
    check_images(type(network).__name__, x)
    return x.shape[1], x.shape[2]


def check_halvings(network: nn.Module, x: jax.Array, halvings: int, field: str) -> None:
    """Raises a UserError for images that a network cannot halve so often, as its field says."""
    height, width = image_sides(network, x)
    if height % 2**halvings or width % 2**halvings:
        raise UserError(
            f"{type(network).__name__}: images of {height}x{width} cannot be halved {halvings} times; "
            f"resize them to multiples of {2**halvings} or lower {field}"
        )


def base_map(network: Any, doublings: int) -> tuple[int, int]:
    """The map that doubles `doublings` times to `network.output_shape`, or an error that says that there is none."""
    height, width, _ = image_shape(network)
    if height % 2**doublings or width % 2**doublings:
        raise UserError(
            f"{type(network).__name__} doubles its first map {doublings} times, but {height}x{width} is no multiple of "
            f"{2**doublings}; change output_shape or the number of widths"
        )
    return height >> doublings, width >> doublings


def tanh_image(x: jax.Array) -> jax.Array:
    """Feature maps as an image: float32 in [-1, 1]."""
    return jnp.tanh(x.astype(jnp.float32))


def check_label(network: Any, field: str, label: jax.Array | None) -> None:
    """Raises a UserError if a network with classes gets no labels, or one without gets some.

    Args:
        network: The calling module.
        field: Its field that says how many classes there are, 0 for none.
        label: Int labels (B,), or None.
    """
    name, classes = type(network).__name__, getattr(network, field)
    if classes and label is None:
        raise UserError(f"{name} has {field}={classes} but got no labels; pass them or set {field}=0")
    if not classes and label is not None:
        raise UserError(f"{name} has {field}=0 but got labels; set {field} or leave the labels out")


def append_label(network: Any, x: jax.Array, label: jax.Array | None) -> jax.Array:
    """Vectors (B, D), with the label's one-hot vector behind them if there is one.

    Args:
        network: The calling module, with a field `embedded_classes`.
        x: (B, D).
        label: Int labels (B,), or None.

    Raises:
        UserError: It has classes but gets no labels, or the other way round.
    """
    check_label(network, "embedded_classes", label)
    if label is None:
        return x
    return jnp.concatenate([x, jax.nn.one_hot(label, network.embedded_classes, dtype=x.dtype)], axis=-1)


def needed_classes(network: Any) -> int:
    """`network.class_logits`, or an error that says that it was not filled in."""
    if not network.class_logits:
        raise UserError(f"{type(network).__name__} does not know the number of classes; set class_logits")
    return network.class_logits


# ---- networks that grow by a level at a time, from 4x4 pixels on

Weight = jax.Array | float  # of a level that fades in: traced, or a number


def level_sizes(network: Any, height: int, width: int) -> list[int]:
    """Sizes of the levels' maps, 4, 8, ... up to that of the images, or an error that says that there are none."""
    if height != width or height < 4 or height & (height - 1):
        raise UserError(
            f"{type(network).__name__}: images of {height}x{width}, but the sides must be equal, and a power of two from 4 on"
        )
    return [2**power for power in range(2, height.bit_length())]


def level_width(network: Any, size: int) -> int:
    """Features of the map of a size, by the network's fields `base_width` and `max_width`."""
    return max(1, min(2 * network.base_width // size, network.max_width))


def fade(old: jax.Array, new: jax.Array, alpha: Weight) -> jax.Array:
    """(1 - alpha) old + alpha new: exactly one of them at either end."""
    return ((1 - alpha) * old + alpha * new).astype(new.dtype)

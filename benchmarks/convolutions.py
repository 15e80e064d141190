"""Milliseconds of jaxgan's convolutions beside plain `lax` ones, forward and differentiated once and twice.

    python -m benchmarks.convolutions [part of a name]

Best of several runs, alternating between the two. "gradient" is the gradient of a loss by images and kernel, forward
included; "second" the gradient by the kernel of a penalty on the loss's gradient by the images.
"""

import functools
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxgan.layers import average_pool, convolution, up_convolution, upsample_nearest
from jaxgan.layers.conv import pooled_convolution, upsampled_convolution
from jaxgan.layers.filtering import smooth_down_convolution, smooth_up_convolution
from jaxgan.layers.modulated import modulated_convolution

Function = Callable[[jax.Array, jax.Array], jax.Array]
REPEATS = 5
ENOUGH = 1000.0  # milliseconds of one function, after which it is not repeated
LAYOUT = ("NHWC", "HWIO", "NHWC")


class Layer(NamedTuple):
    """Images (batch, side, side, inputs), kernel (window, window, inputs, outputs)."""

    name: str
    up: bool
    batch: int
    side: int
    inputs: int
    outputs: int
    window: int
    strides: int
    padding: int
    output_padding: int = 0
    resample: str = ""  # "up" or "down": as in `jaxgan.layers.Conv`; "smooth up", "smooth down", "modulated"


LAYERS = [
    Layer("DCGAN-64 G first", True, 64, 1, 100, 512, 4, 1, 0),
    Layer("DCGAN-64 G 4 to 8", True, 64, 4, 512, 256, 4, 2, 1),
    Layer("DCGAN-64 G 8 to 16", True, 64, 8, 256, 128, 4, 2, 1),
    Layer("DCGAN-64 G 16 to 32", True, 64, 16, 128, 64, 4, 2, 1),
    Layer("DCGAN-64 G 32 to 64", True, 64, 32, 64, 3, 4, 2, 1),
    Layer("DCGAN paper 16 to 32, 5x5", True, 64, 16, 128, 64, 5, 2, 2, 1),
    Layer("DCGAN-64 D 64 to 32", False, 64, 64, 3, 64, 4, 2, 1),
    Layer("DCGAN-64 D 32 to 16", False, 64, 32, 64, 128, 4, 2, 1),
    Layer("DCGAN-64 D 16 to 8", False, 64, 16, 128, 256, 4, 2, 1),
    Layer("DCGAN-64 D last", False, 64, 4, 512, 1, 4, 1, 0),
    Layer("CycleGAN-64 G down", False, 8, 64, 64, 128, 3, 2, 1),
    Layer("CycleGAN-64 G block", False, 8, 16, 256, 256, 3, 1, 1),
    Layer("CycleGAN-64 G up", True, 8, 16, 256, 128, 3, 2, 1, 1),
    Layer("PatchGAN 4x4, stride 1", False, 8, 8, 256, 512, 4, 1, 1),
    Layer("PatchGAN last", False, 8, 7, 512, 1, 4, 1, 1),
    Layer("2x2, padded", False, 64, 16, 128, 256, 2, 1, 1),
    Layer("ProGAN 8", False, 16, 8, 512, 512, 3, 1, 1),
    Layer("ProGAN 32", False, 16, 32, 128, 128, 3, 1, 1),
    Layer("ResNet 32", False, 64, 32, 128, 128, 3, 1, 1),
    Layer("ResNet 16 to 32", False, 64, 16, 128, 128, 3, 1, 1, resample="up"),
    Layer("ResNet 32 to 16", False, 64, 32, 128, 128, 3, 1, 1, resample="down"),
    Layer("StyleGAN filter, 16 to 32", False, 16, 16, 64, 64, 3, 1, 1, resample="smooth up"),
    Layer("StyleGAN filter, 32 to 16", False, 16, 32, 64, 64, 3, 1, 1, resample="smooth down"),
    Layer("StyleGAN2 modulated", False, 16, 32, 64, 64, 3, 1, 1, resample="modulated"),
    Layer("1x1", False, 64, 32, 64, 128, 1, 1, 0),
]


def plain(layer: Layer) -> Function:
    """The layer as one `lax` operation, and one more where it resamples."""
    strides, pads = (layer.strides, layer.strides), (layer.padding, layer.padding)
    if layer.resample == "modulated":
        return functools.partial(_grouped, style=_style(layer))
    if layer.resample.startswith("smooth"):
        return functools.partial(_filtered, up=layer.resample.endswith("up"))
    if layer.resample:
        conv = plain(layer._replace(resample=""))
        if layer.resample == "up":
            return lambda x, kernel: conv(upsample_nearest(x), kernel)
        return lambda x, kernel: average_pool(conv(x, kernel))
    if not layer.up:
        return lambda x, kernel: lax.conv_general_dilated(x, kernel, strides, (pads, pads), dimension_numbers=LAYOUT)
    edge = layer.window - 1 - layer.padding
    pads = (edge, edge + layer.output_padding)
    return lambda x, kernel: lax.conv_transpose(x, kernel[::-1, ::-1], strides, (pads, pads), dimension_numbers=LAYOUT)


def _style(layer: Layer) -> jax.Array:
    return 1 + 0.1 * jax.random.normal(jax.random.key(2), (layer.batch, layer.inputs))


def _grouped(x: jax.Array, kernel: jax.Array, style: jax.Array) -> jax.Array:
    """StyleGAN2's modulated convolution as its programs compute it: a kernel for each sample, in groups."""
    batch, height, width, _ = x.shape
    w = kernel[None] * style[:, None, None, :, None]
    w = w * lax.rsqrt(jnp.square(w).sum((1, 2, 3), keepdims=True) + 1e-8)
    w = w.transpose(1, 2, 3, 0, 4).reshape(*kernel.shape[:3], -1)
    x = x.transpose(1, 2, 0, 3).reshape(1, height, width, -1)
    y = lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=LAYOUT, feature_group_count=batch)
    return y.reshape(height, width, batch, -1).transpose(2, 0, 1, 3)


def _filtered(x: jax.Array, kernel: jax.Array, up: bool) -> jax.Array:
    """The filter [1, 3, 3, 1] as a depthwise convolution, before or after the learned kernel."""
    taps = jnp.array([1.0, 3.0, 3.0, 1.0]) / 8
    channels = kernel.shape[3] if up else x.shape[3]
    window = jnp.tile((taps[:, None] * taps[None])[:, :, None, None], (1, 1, 1, channels))

    def blur(x: jax.Array, padding: int) -> jax.Array:
        pads = ((padding, padding),) * 2
        return lax.conv_general_dilated(x, window, (1, 1), pads, dimension_numbers=LAYOUT, feature_group_count=channels)

    if up:
        return 4 * blur(lax.conv_transpose(x, kernel, (2, 2), "VALID", dimension_numbers=LAYOUT), 1)
    return lax.conv_general_dilated(blur(x, 2), kernel, (2, 2), "VALID", dimension_numbers=LAYOUT)


def ours(layer: Layer) -> Function:
    """The layer as jaxgan computes it."""
    if layer.resample == "modulated":
        return functools.partial(modulated_convolution, style=_style(layer))
    if layer.resample.startswith("smooth"):
        return smooth_up_convolution if layer.resample.endswith("up") else smooth_down_convolution
    if layer.resample:
        return upsampled_convolution if layer.resample == "up" else pooled_convolution
    if not layer.up:
        return lambda x, kernel: convolution(x, kernel, layer.strides, layer.padding)
    return lambda x, kernel: up_convolution(x, kernel, layer.strides, layer.padding, layer.output_padding)


def derivatives(function: Function) -> dict[str, Function]:
    """The function, its gradient, and the gradient of a penalty on its gradient."""

    def loss(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jnp.square(function(x, kernel)).sum()

    def penalty(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jnp.square(jax.grad(loss)(x, kernel)).sum()

    return {"forward": function, "gradient": jax.grad(loss, (0, 1)), "second": jax.grad(penalty, 1)}


def milliseconds(functions: list[Function], x: jax.Array, kernel: jax.Array) -> list[float]:
    """The best time of each function; they take turns, since a machine's speed drifts."""
    compiled = [jax.jit(function) for function in functions]
    for function in compiled:
        jax.block_until_ready(function(x, kernel))
    times: list[list[float]] = [[] for _ in compiled]
    for _ in range(REPEATS):
        for function, taken in zip(compiled, times, strict=True):
            if sum(taken) > ENOUGH:
                continue
            start = time.perf_counter()
            jax.block_until_ready(function(x, kernel))
            taken.append(1e3 * (time.perf_counter() - start))
    return [min(taken) for taken in times]


def main() -> None:
    print(f"{jax.devices()[0].device_kind}, float32, milliseconds: lax / jaxgan")
    print(f"{'layer':28}" + "".join(f"{name:>22}" for name in ("forward", "gradient", "second")))
    for layer in LAYERS:
        if not all(word.lower() in layer.name.lower() for word in sys.argv[1:]):
            continue
        keys = jax.random.split(jax.random.key(0))
        x = jax.random.normal(keys[0], (layer.batch, layer.side, layer.side, layer.inputs))
        kernel = jax.random.normal(keys[1], (layer.window, layer.window, layer.inputs, layer.outputs)) / 100
        row = f"{layer.name:28}"
        for theirs, own in zip(derivatives(plain(layer)).values(), derivatives(ours(layer)).values(), strict=True):
            row += "{:>13.1f} /{:>7.1f}".format(*milliseconds([theirs, own], x, kernel))
        print(row, flush=True)


if __name__ == "__main__":
    main()

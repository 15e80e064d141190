"""Transposed convolution is convolution of fractional stride, and where its patches overlap unevenly it draws a chequer."""

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from benchmarks.gallery.lesson import Lesson, panels
from jaxgan.layers import convolution, up_convolution

SIDE, STRIDES = 4, 2
KERNELS = {3: (1, 1), 4: (1, 0)}  # side of a kernel: its padding, and rows and columns more at the end
SHOWN = 4  # the side of the kernel whose way is shown


def spread(image: np.ndarray, side: int) -> np.ndarray:
    """The image (H, W) with zeros between its pixels, and around them what a kernel of this side needs."""
    padding, rest = KERNELS[side]
    around = side - 1 - padding
    apart = np.zeros([STRIDES * (length - 1) + 1 for length in image.shape])
    apart[::STRIDES, ::STRIDES] = image
    return np.pad(apart, (around, around + rest))


def transposed(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The library's transposed convolution of an image (H, W) by a kernel (k, k)."""
    padding, rest = KERNELS[len(kernel)]
    x, weights = (jnp.asarray(each, jnp.float32) for each in (image[None, :, :, None], kernel[:, :, None, None]))
    return np.asarray(up_convolution(x, weights, strides=STRIDES, padding=padding, output_padding=rest))[0, :, :, 0]


def fractional(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The library's plain convolution, of stride 1, of the image spread out by the kernel turned by half a turn."""
    x = jnp.asarray(spread(image, len(kernel))[None, :, :, None], jnp.float32)
    turned = jnp.asarray(kernel[::-1, ::-1, None, None].copy(), jnp.float32)
    return np.asarray(convolution(x, turned, 1, 0))[0, :, :, 0]


def _show(axes: Axes, values: np.ndarray, title: str, numbers: bool = False) -> None:
    axes.imshow(values, cmap="Blues", vmin=0, vmax=1.5 * values.max())
    axes.set_title(title, fontsize=10)
    axes.set_xticks(np.arange(values.shape[1] + 1) - 0.5, labels=[])
    axes.set_yticks(np.arange(values.shape[0] + 1) - 0.5, labels=[])
    axes.grid(color="0.7", linewidth=0.5)
    axes.tick_params(length=0)
    if numbers:
        for (row, column), value in np.ndenumerate(values):
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=7)


def draw() -> tuple[Figure, str]:
    """The lesson's picture and its paragraph."""
    rng = np.random.default_rng(0)
    image, kernel = rng.uniform(0.2, 1, (SIDE, SIDE)), rng.uniform(0, 1, (SHOWN, SHOWN))
    figure, axes = panels(5, height=2.15)
    _show(axes[0], image, "image")
    _show(axes[1], spread(image, SHOWN), "spread out by zeros")
    axes[1].add_patch(Rectangle((-0.5, -0.5), SHOWN, SHOWN, fill=False, edgecolor="C3", linewidth=1.5))
    _show(axes[2], transposed(image, kernel), "both ways' result")
    differences, counts = [], {}
    for side in KERNELS:
        kernel = rng.normal(size=(side, side))
        differences.append(np.abs(transposed(image, kernel) - fractional(image, kernel)).max())
        counts[side] = transposed(np.ones((SIDE, SIDE)), np.ones((side, side)))
    for place, (side, count) in zip(axes[3:], counts.items(), strict=True):
        _show(place, count, f"patches, kernel {side}", numbers=True)
    inside = {side: np.unique(count[2:-2, 2:-2]).astype(int) for side, count in counts.items()}
    uneven, even = (", ".join(str(one) for one in inside[side]) for side in KERNELS)
    text = (
        "A transposed convolution that doubles an image is a convolution of stride 1 over the image with zeros between its "
        f"pixels, a step of {STRIDES} on the result being a step of one on the image: hence fractional stride. On random "
        f"images and kernels the library's two differ by at most {max(differences):.0e}. How many patches reach a pixel is "
        "seen where image and kernel are all ones: with a kernel of 4, a multiple of the stride, "
        f"{even} everywhere inside; with one of 3 it is {uneven}, in the chequer that such generators begin with."
    )
    return figure, text


LESSON = Lesson(
    "Transposed convolution is fractional stride",
    "[Dumoulin and Visin 2016](https://arxiv.org/abs/1603.07285), section 4; [Radford et al. "
    "2015](https://arxiv.org/abs/1511.06434), section 3; [Odena et al. 2016](https://doi.org/10.23915/distill.00003)",
    draw,
)

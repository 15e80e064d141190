"""VGG16: features for precision and recall as NVIDIA's papers have them, and the LPIPS distance for path lengths.
VGG19: maps by which SRGAN compares contents.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (2014, arXiv:1409.1556),
configurations D and E, with the weights of torchvision's `vgg16-397923af.pth` and `vgg19-dcbb9e9d.pth`.

Precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991, section 2) compare the activations of the second fully
connected layer, 4,096 numbers, of images at 224x224; NVIDIA's evaluation resizes them inside its network without
antialias (`tf1`), takes k = 3 neighbours and rounds features to float16 before it measures distances. The path length
(Karras et al. 2019, StyleGAN, arXiv:1812.04948, section 4.1) compares float images by LPIPS (Zhang et al. 2018,
arXiv:1801.03924, version 0.1 with VGG).
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxgan.errors import UserError
from jaxgan.layers import max_pool

SIZE = 224

# Output channels of the convolutions, a row for each map size; LPIPS reads the last of each row.
VGG16_WIDTHS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
VGG19_WIDTHS = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4)


def normalize(images: jax.Array) -> jax.Array:
    """Scales images (B, H, W, 3) from 0..255 by ImageNet's means and deviations, to float32."""
    mean, deviation = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
    return (images.astype(jnp.float32) / 255.0 - mean[None, None, None]) / deviation[None, None, None]


class VGG16(nn.Module):
    """Normalised images (B, 224, 224, 3) float32 -> activations of the second dense layer, after ReLU, (B, 4096) float32.

    Raises:
        UserError: Images of another shape.
    """

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Maps images (B, 224, 224, 3) to features (B, 4096)."""
        if x.shape[1:] != (SIZE, SIZE, 3):
            raise UserError(f"VGG16: images of shape {x.shape}; resize them to (B, {SIZE}, {SIZE}, 3)")
        x = _halve(Convolutions(name="convolutions")(x)[-1])
        x = x.reshape(len(x), -1)
        for name in ("dense_1", "dense_2"):
            x = nn.relu(nn.Dense(4096, precision=jax.lax.Precision.HIGHEST, name=name)(x))
        return x


class Convolutions(nn.Module):
    """The 3x3 convolutions: (B, H, W, 3) -> a map (B, H / 2^i, W / 2^i, C) for each row i, after its last ReLU.

    Attributes:
        widths: Output channels of each row's convolutions.
    """

    widths: tuple[tuple[int, ...], ...] = VGG16_WIDTHS

    @nn.compact
    def __call__(self, x: jax.Array) -> list[jax.Array]:
        """Maps images (B, H, W, 3), H and W at least 16, to the maps of 64, 128, 256, 512 and 512 channels, with five rows."""
        maps: list[jax.Array] = []
        for row, widths in enumerate(self.widths, start=1):
            x = _halve(x) if maps else x
            for index, width in enumerate(widths, start=1):
                name = f"conv{row}_{index}"
                x = nn.relu(nn.Conv(width, (3, 3), padding=1, precision=jax.lax.Precision.HIGHEST, name=name)(x))
            maps.append(x)
        return maps


def content_map(params: Any, images: jax.Array, row: int) -> jax.Array:
    """VGG19's map of the last convolution of a row, after ReLU and before the pool, times 1 / 12.75.

    What "Photo-Realistic Single Image Super-Resolution Using a GAN" (Ledig et al. 2017, arXiv:1609.04802, section 2.2.1) calls
    phi_{2,2} and phi_{5,4} of VGG19, row 2 and row 5; the factor (section 3.2) makes their squared distances about as large as
    those of pixels.

    Args:
        params: `weights.load("vgg19")`.
        images: (B, H, W, 1 or 3) in [-1, 1], H and W at least 2^(row - 1); a grey channel is repeated.
        row: From 1 to 5.

    Returns:
        (B, H / 2^(row - 1), W / 2^(row - 1), C) float32.

    Raises:
        UserError: Images of another shape.
    """
    if images.ndim != 4 or images.shape[3] not in (1, 3) or min(images.shape[1:3]) < 2 ** (row - 1):
        raise UserError(
            f"VGG19: images of shape {images.shape}; expected (B, H, W, 1 or 3) from {2 ** (row - 1)} pixels up"
        )
    x = jnp.broadcast_to(images, (*images.shape[:3], 3))
    maps: Any = Convolutions(VGG19_WIDTHS[:row]).apply({"params": params}, normalize((x + 1.0) * 127.5))
    return maps[-1] / 12.75


def lpips(params: Any, a: jax.Array, b: jax.Array) -> jax.Array:
    """LPIPS distance of pairs of images, version 0.1 with VGG; pure and differentiable.

    Path lengths divide it by epsilon squared, so images must be float as the generator made them: 8-bit rounding at
    epsilon = 1e-4 multiplies the result. NVIDIA's protocol shrinks images above 256x256 by `shrink` first, and repeats a
    grey channel three times.

    Args:
        params: `weights.load("lpips")`: {"convolutions": ..., "linear": {"lin0": (64,), ..., "lin4": (512,)}}.
        a: (B, H, W, 3) in [-1, 1], H and W at least 16.
        b: The same shape.

    Returns:
        (B,) float32, 0 for equal images.

    Raises:
        UserError: Shapes that differ or are not (B, H, W, 3).
    """
    if a.shape != b.shape or a.ndim != 4 or a.shape[3] != 3 or min(a.shape[1:3]) < 16:
        raise UserError(
            f"lpips: images of shapes {a.shape} and {b.shape}; expected two alike, (B, H, W, 3) from 16x16 up"
        )
    shift, scale = np.array([-0.030, -0.088, -0.188], np.float32), np.array([0.458, 0.448, 0.450], np.float32)
    both = (jnp.concatenate([a, b]).astype(jnp.float32) - shift[None, None, None]) / scale[None, None, None]
    maps: Any = Convolutions().apply({"params": params["convolutions"]}, both)
    distance = jnp.zeros(len(a), jnp.float32)
    for level, x in enumerate(maps):
        # y = x / (|x|_2 + 1e-10) over the channels; the floor gives an all-zero pixel a gradient.
        norm = jnp.sqrt(jnp.maximum(jnp.sum(jnp.square(x), axis=-1, keepdims=True), 1e-30))
        first, second = jnp.split(x / (norm + 1e-10), 2)
        # d = sum over levels of mean over pixels of w . (y_a - y_b)^2, Eq. 1
        weighted = jnp.square(first - second) * params["linear"][f"lin{level}"][None, None, None]
        distance += jnp.mean(jnp.sum(weighted, axis=-1), axis=(1, 2))
    return distance


def shrink(images: jax.Array, side: int = 256) -> jax.Array:
    """Averages blocks of H // `side` pixels, as NVIDIA's path length does above 256x256; smaller images stay as they are.

    Args:
        images: (B, H, H, C).
        side: What the result's side comes down to, for H a multiple of it.

    Returns:
        (B, H / factor, H / factor, C), factor = max(H // side, 1).

    Raises:
        UserError: Images that are not square, or whose side is no multiple of the factor.
    """
    batch, height, width, channels = images.shape
    factor = max(height // side, 1)
    if height != width or height % factor:
        raise UserError(f"shrink: images of {height}x{width}; expected squares whose side is a multiple of {factor}")
    return images.reshape(batch, height // factor, factor, width // factor, factor, channels).mean(axis=(2, 4))


def from_torch(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Parameters of `VGG16` by path, "convolutions/conv1_1/kernel" for one, from torchvision's state."""
    params = {f"convolutions/{path}": array for path, array in _convolutions_from_torch(state, VGG16_WIDTHS).items()}
    # The first dense layer reads a 7x7 map of 512 channels, channels first there and last here.
    first = state["classifier.0.weight"]
    params["dense_1/kernel"] = first.reshape(len(first), 512, 7, 7).transpose(2, 3, 1, 0).reshape(-1, len(first))
    params["dense_1/bias"] = state["classifier.0.bias"]
    params["dense_2/kernel"], params["dense_2/bias"] = state["classifier.3.weight"].T, state["classifier.3.bias"]
    return params


def vgg19_from_torch(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Parameters of VGG19's `Convolutions` by path, "conv1_1/kernel" for one, from torchvision's state; no dense layers."""
    return _convolutions_from_torch(state, VGG19_WIDTHS)


def _convolutions_from_torch(
    state: Mapping[str, np.ndarray], rows: tuple[tuple[int, ...], ...]
) -> dict[str, np.ndarray]:
    params, layer = {}, 0
    for row, widths in enumerate(rows, start=1):
        for index in range(1, len(widths) + 1):
            # OIHW to HWIO; a ReLU follows every convolution, and a pool every row.
            params[f"conv{row}_{index}/kernel"] = state[f"features.{layer}.weight"].transpose(2, 3, 1, 0)
            params[f"conv{row}_{index}/bias"] = state[f"features.{layer}.bias"]
            layer += 2
        layer += 1
    return params


def lpips_from_torch(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights of LPIPS's five levels by path, "linear/lin0" (64,) for one, from its state of 1x1 convolutions."""
    return {f"linear/lin{level}": state[f"lin{level}.model.1.weight"].reshape(-1) for level in range(len(VGG16_WIDTHS))}


def _halve(x: jax.Array) -> jax.Array:
    """Maxima of 2x2 blocks; an odd last row or column is dropped."""
    height, width = x.shape[1:3]
    return max_pool(x[:, : height // 2 * 2, : width // 2 * 2])

"""Feature networks by name: uint8 images in, features out, with the resize and the weights that make numbers comparable.

| name | features | default resize | whose numbers |
|---|---|---|---|
| `inception` | 2,048 of Inception-v3 of 2015, and its 1,008 logits without bias | `tf1` | FID, KID, Inception Score |
| `vgg16` | 4,096 of VGG16's second dense layer | `tf1` | NVIDIA's precision and recall |
| `dinov2` | 1,024 of DINOv2 ViT-L/14's class token | `clean` | FD-DINOv2 |
| `digits` | 64 of the bundled digit classifier, and its 10 logits | its own | nobody's: it works offline |
"""

import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.errors import UserError
from jaxgan.features import digits
from jaxgan.features.resize import MODES, resize

Outputs = dict[str, jax.Array]


@dataclasses.dataclass(frozen=True, eq=False)
class Extractor:
    """A feature network.

    Attributes:
        name: In the table above.
        resize: A mode of `jaxgan.features.resize`; "own" for the digits.
        weights: SHA-256 of its parameters.
        params: Its parameters.
        apply: Pure, (params, images uint8 (B, H, W, C) with C = 1 or 3) -> float32 "features" (B, D) and, from a
            classifier, "logits" (B, K). A grey channel is repeated three times.
    """

    name: str
    resize: str
    weights: str
    params: Any
    apply: Callable[[Any, jax.Array], Outputs]


def make_extractor(name: str = "inception", resize: str = "", params: Any = None) -> Extractor:
    """Makes a feature network.

    Args:
        name: "inception", "vgg16", "dinov2" or "digits".
        resize: "tf1", "torch" or "clean"; "": the network's default. The digits have a resize of their own.
        params: Parameters to use instead of the published ones; such numbers compare with nobody's.

    Raises:
        UserError: An unknown name or mode.
        WeightsError: The weights were not converted yet, or are damaged.
    """
    if name not in _NETWORKS:
        raise UserError(f"features {name!r} are unknown: choose one of {', '.join(_NETWORKS)}")
    make, default = _NETWORKS[name]
    if resize and (resize not in MODES or name == "digits"):
        choices = "its own alone: leave it out" if name == "digits" else ", ".join(MODES)
        raise UserError(f"{name} features have no resize {resize!r}; choose {choices}")
    mode = resize or default
    if params is not None:
        return Extractor(name, mode, f"given:{_digest(params)}", params, make(mode))
    params, weights = _published(name)
    return Extractor(name, mode, weights, params, make(mode))


@dataclasses.dataclass(frozen=True, eq=False)
class Perceptual:
    """A distance of pairs of float images that follows perception, for path lengths.

    Attributes:
        name: "lpips", or "digits" for the squared distance in the digit classifier's features.
        weights: SHA-256 of its parameters.
        params: Its parameters.
        distance: Pure, (params, a, b) -> (B,) float32 for images (B, H, W, C) float32 in [-1, 1], C = 1 or 3.
    """

    name: str
    weights: str
    params: Any
    distance: Callable[[Any, jax.Array, jax.Array], jax.Array]


def make_perceptual(name: str = "lpips") -> Perceptual:
    """Makes a perceptual distance; errors as in `make_extractor`."""
    if name not in ("lpips", "digits"):
        raise UserError(f"perceptual distance {name!r} is unknown: choose lpips or digits")
    params, weights = _published(name)
    return Perceptual(name, weights, params, _lpips if name == "lpips" else _digits_distance)


def _inception(mode: str) -> Callable[[Any, jax.Array], Outputs]:
    from jaxgan.features import inception

    def apply(params: Any, images: jax.Array) -> Outputs:
        x = inception.normalize(resize(_rgb(images), inception.SIZE, mode), mode)
        taps: Any = inception.Inception().apply({"params": params}, x)
        return {"features": taps["2048"], "logits": taps["logits_unbiased"]}

    return apply


def _vgg16(mode: str) -> Callable[[Any, jax.Array], Outputs]:
    from jaxgan.features import vgg

    def apply(params: Any, images: jax.Array) -> Outputs:
        x: Any = vgg.normalize(resize(_rgb(images), vgg.SIZE, mode))
        return {"features": vgg.VGG16().apply({"params": params}, x)}  # type: ignore[dict-item]

    return apply


def _dinov2(mode: str) -> Callable[[Any, jax.Array], Outputs]:
    from jaxgan.features import dinov2

    def apply(params: Any, images: jax.Array) -> Outputs:
        x: Any = dinov2.normalize(resize(_rgb(images), dinov2.SIZE, mode))
        return {"features": dinov2.DINOv2().apply({"params": params}, x)}  # type: ignore[dict-item]

    return apply


def _digits(mode: str) -> Callable[[Any, jax.Array], Outputs]:
    def apply(params: Any, images: jax.Array) -> Outputs:
        x = digits.to_16x16(images.astype(jnp.float32) / 127.5 - 1.0)
        outputs: Any = digits.DigitClassifier().apply({"params": params}, x)
        return {"features": outputs[0], "logits": outputs[1]}

    return apply


_NETWORKS: dict[str, tuple[Callable[[str], Callable[[Any, jax.Array], Outputs]], str]] = {
    "inception": (_inception, "tf1"),
    "vgg16": (_vgg16, "tf1"),
    "dinov2": (_dinov2, "clean"),
    "digits": (_digits, "own"),
}
EXTRACTORS = tuple(_NETWORKS)


def _lpips(params: Any, a: jax.Array, b: jax.Array) -> jax.Array:
    from jaxgan.features import vgg

    return vgg.lpips(params, vgg.shrink(_rgb(a)), vgg.shrink(_rgb(b)))


def _digits_distance(params: Any, a: jax.Array, b: jax.Array) -> jax.Array:
    # |f(a) - f(b)|^2, on float images: 8-bit rounding would drown a step of epsilon.
    first, second = (digits.DigitClassifier().apply({"params": params}, digits.to_16x16(x))[0] for x in (a, b))
    return jnp.sum(jnp.square(first - second), axis=1)


def _rgb(images: jax.Array) -> jax.Array:
    if images.shape[3] not in (1, 3):
        raise UserError(f"images of {images.shape[3]} channels have no features; make them grey or RGB")
    return jnp.repeat(images, 3, axis=3) if images.shape[3] == 1 else images


def _published(name: str) -> tuple[Any, str]:
    """Parameters and their SHA-256."""
    if name == "digits":
        params = digits.digit_params()
        return params, _digest(params)
    from jaxgan.features import weights

    return weights.load(name), weights.sha256(name)


def _digest(params: Any) -> str:
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        digest.update(jax.tree_util.keystr(path).encode() + jax.device_get(leaf).tobytes())
    return digest.hexdigest()

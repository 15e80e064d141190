"""What evaluation draws from a trained game: images as bytes, a few at a time, and speeds along latent paths."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core import Nets
from jaxgan.core.snapshot import Snapshot
from jaxgan.errors import UserError
from jaxgan.evaluation.feature_statistics import ImageBatch, to_uint8
from jaxgan.features.extractors import Perceptual
from jaxgan.metrics import path_length


def fake_images(
    snapshot: Snapshot, key: jax.Array, number: int, label: np.ndarray | None = None, truncation: float | None = None
) -> Iterator[ImageBatch]:
    """Draws `number` images as `jaxgan.evaluation.feature_statistics` takes them.

    Args:
        snapshot: The game.
        key: The same key draws the same images, and fewer of them draws the first ones of more.
        number: How many.
        label: Classes, int (number,), for a game that takes labels.
        truncation: As in `Snapshot.sample`.

    Yields:
        {"image": uint8 (B, H, W, C)} and, with labels, {"label": int32 (B,)}.

    Raises:
        UserError: Images that are not finite.
    """
    size = snapshot.compiled.batch_size
    for index, start in enumerate(range(0, number, size)):
        part = None if label is None else np.asarray(label[start : start + size], np.int32)
        count = min(size, number - start)
        images = to_uint8(snapshot.sample(jax.random.fold_in(key, index), count, part, truncation))
        yield {"image": images} | ({} if part is None else {"label": part})


def labels(number: int, classes: int, real: np.ndarray | None, seed: int) -> np.ndarray:
    """Classes to ask for, int32 (number,): drawn with the real labels' frequencies, or, without them, each in turn."""
    if real is None:
        return (np.arange(number) % classes).astype(np.int32)
    counts = np.bincount(real, minlength=classes)
    return np.random.default_rng(seed).choice(classes, number, p=counts / counts.sum()).astype(np.int32)


def squared_speeds(
    snapshot: Snapshot,
    perceptual: Perceptual,
    key: jax.Array,
    number: int,
    space: str = "z",
    truncation: float | None = None,
    progress: Callable[[int], Any] = lambda count: None,
) -> np.ndarray:
    """Squared perceptual speeds of images along paths between latents; see `jaxgan.metrics.path_length`.

    Latents are those of the game's ability "latents", and its ability "generate" makes the images; all images of a path have
    one label, which that ability draws.

    Args:
        snapshot: The game.
        perceptual: The distance.
        key: The same key draws the same paths.
        number: How many.
        space: "z": spherical paths, seen anywhere on them; "w": straight ones between latents that the game's ability "map"
            carries to W, seen at their ends, as StyleGAN2 does; its ability "synthesize" makes the images.
        truncation: As in `Snapshot.sample`.
        progress: Called with the number of paths that were just measured.

    Returns:
        (number,) float32.

    Raises:
        UserError: The game has no W, or does not make images from one latent.
    """
    abilities, size = snapshot.game.abilities, snapshot.compiled.batch_size
    if space == "w" and not {"map", "synthesize"} <= abilities.keys():
        raise UserError("the game has no latent space W (abilities map and synthesize): measure ppl instead")
    if not {"latents", "generate"} <= abilities.keys():
        raise UserError("the game does not make images from one latent vector each, so that it has no path length")
    # Latents are truncated, or, where there is a W, the styles that are made of them.
    options: dict[str, Any] = {} if truncation is None else {"truncation": truncation}
    drawn, made = ({}, options) if "truncation" not in abilities["latents"].takes else (options, {})
    if made and space == "w":
        raise UserError("ppl_w is measured without truncation: leave it out")

    def speeds(nets: Nets, params: Any, key: jax.Array) -> jax.Array:
        begin, end, where, own = jax.random.split(key, 4)
        a, b = (abilities["latents"].function(nets, each, number=size, **drawn) for each in (begin, end))
        # One key for both ends: they are given the same label.
        interpolate, make = path_length.slerp, lambda z: abilities["generate"].function(nets, own, z, **made)
        t = jax.random.uniform(where, (size,))
        if space == "w":
            a, b = (abilities["map"].function(nets, own, z) for z in (a, b))
            interpolate, make = path_length.lerp, lambda w: abilities["synthesize"].function(nets, own, w)
            t = jnp.zeros((size,))
        return path_length.squared_speeds(make, lambda x, y: perceptual.distance(params, x, y), a, b, t, interpolate)

    # Batch norm's statistics are those of the game's own samples.
    run, found = snapshot.nets_call(speeds, "sample" if "sample" in abilities else "generate"), []
    for index, start in enumerate(range(0, number, size)):
        found.append(np.asarray(run(perceptual.params, jax.random.fold_in(key, index)))[: number - start])
        progress(len(found[-1]))
    return np.concatenate(found)

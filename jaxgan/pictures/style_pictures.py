"""Pictures of what styles do: mixed between two images, with other noise, nearer to their mean and further from it.

As figures 3, 4 and 8 of "A Style-Based Generator Architecture for GANs", Karras, Laine and Aila 2018 (arXiv:1812.04948).
"""

from collections.abc import Callable

import jax
import numpy as np
from PIL import Image

from jaxgan.core.snapshot import Snapshot
from jaxgan.pictures import drawing

Synthesize = Callable[[np.ndarray], np.ndarray]

_DRAWS = 7  # of the noise
_PSI = (1.0, 0.7, 0.4, 0.0, -0.4, -0.7, -1.0)


def style_pictures(snapshot: Snapshot, key: jax.Array, ability: str) -> dict[str, Image.Image]:
    """The pictures by name.

    Args:
        snapshot: A game with the abilities "latents", "map" and "generate".
        key: The same key draws the same pictures.
        ability: What makes images of styles (N, D), or (N, slots D).
    """
    columns = drawing.columns_for(snapshot.arrays["image"].shape)
    z = snapshot.use("latents", key, number=2 * columns)
    w = snapshot.use("map", key, latents=z)

    def synthesize(styles: np.ndarray) -> np.ndarray:
        return snapshot.use(ability, key, latents=styles.reshape(len(styles), -1))

    return {
        "style_mixing": _mixing(synthesize, w[:columns], w[columns:], snapshot),
        "noise": _noise(synthesize, w[: min(4, columns)]),
        "truncation": _truncation(snapshot, key, z[:columns]),
    }


def slots(snapshot: Snapshot) -> int:
    """Styles of an image: two for each resolution from 4x4 to that of the data."""
    return 2 * min(snapshot.arrays["image"].shape[:2]).bit_length() - 4


def _mixing(synthesize: Synthesize, rows: np.ndarray, others: np.ndarray, snapshot: Snapshot) -> Image.Image:
    """Each row has the coarser half of the styles of its first image, and each column the finer half of its uppermost one."""
    count = slots(snapshot)
    of_rows, of_columns = (np.repeat(w[:, None], count, axis=1) for w in (rows, others))
    finer = (np.arange(count) >= count // 2)[None, None, :, None]
    mixed = np.where(finer, of_columns[None], of_rows[:, None]).reshape(-1, count, rows.shape[1])
    images = synthesize(np.concatenate([of_columns, of_rows, mixed]))
    above, beside, inner = np.split(images, [len(others), len(others) + len(rows)])
    table = [np.zeros_like(above[:1]), above]
    for index in range(len(rows)):
        table += [beside[index : index + 1], inner[index * len(others) : (index + 1) * len(others)]]
    return drawing.grid(np.concatenate(table), len(others) + 1)


def _noise(synthesize: Synthesize, w: np.ndarray) -> Image.Image:
    """Each row is one style under several draws of the noise; the last image is their deviation, as a share of its largest."""
    images = synthesize(np.repeat(w, _DRAWS, axis=0))
    images = images.reshape(len(w), _DRAWS, *images.shape[1:])
    deviation = images.std(axis=1, keepdims=True)
    shown = 2 * deviation / max(float(deviation.max()), 1e-6) - 1
    return drawing.grid(np.concatenate([images, shown], axis=1).reshape(-1, *images.shape[2:]), _DRAWS + 1)


def _truncation(snapshot: Snapshot, key: jax.Array, z: np.ndarray) -> Image.Image:
    """A row for each psi, from the styles as they are to their opposites."""
    images = [snapshot.use("generate", key, latents=z, truncation=psi) for psi in _PSI]
    return drawing.grid(np.concatenate(images), len(z), tuple(f"psi {psi:g}" for psi in _PSI))

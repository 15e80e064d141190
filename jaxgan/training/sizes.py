"""Which size of images a game can take, where it cannot take that of the data."""

import dataclasses
import math
from collections.abc import Sequence

import jax
from ml_collections import ConfigDict

from jaxgan.build import build_game
from jaxgan.core.arrays import Arrays, minibatch
from jaxgan.errors import UserError

_ROUND = (2, 4, 8, 16, 32)  # what sides are multiples of, to be halved or doubled as often


def nearest_size(config: ConfigDict, arrays: Arrays, domains: Sequence[str]) -> tuple[int, int] | None:
    """The size of images nearest to that of the data at which all networks of the game can be made.

    Nothing is computed; networks are traced alone, each size in about a tenth of a second.

    Args:
        config: Resolved.
        arrays: Of the data, whose size the game does not take.
        domains: What the data's domains are called.

    Returns:
        (height, width), or None where the size is not what stands in the way, or the data have images of several sizes.
    """
    sizes = {spec.shape[:2] for name, spec in arrays.items() if spec.kind == "image" and name != "low_resolution"}
    if len(sizes) != 1:
        return None
    (now,) = sizes
    side = 2 ** min(10, max(4, round(math.log2(max(now)))))
    if not _fits(config, arrays, domains, now, (side, side)):  # if not such a square, then none
        return None
    return next((size for size in _near(now, side) if _fits(config, arrays, domains, now, size)), (side, side))


def _near(now: tuple[int, int], side: int) -> list[tuple[int, int]]:
    """Sizes near this one, the nearest first: multiples of numbers that can be halved, and squares of powers of two."""
    sizes = {(length, length) for length in (side // 2, side, 2 * side)}
    for unit in _ROUND:
        for to in (math.floor, math.ceil):
            height, width = (max(1, to(length / unit)) * unit for length in now)
            sizes.add((height, width))
    return sorted(sizes - {now}, key=lambda size: (abs(size[0] - now[0]) + abs(size[1] - now[1]), size))


def _fits(
    config: ConfigDict, arrays: Arrays, domains: Sequence[str], now: tuple[int, int], size: tuple[int, int]
) -> bool:
    def resized(height: int, width: int) -> tuple[int, int]:
        return height * size[0] // now[0], width * size[1] // now[1]

    changed = {
        name: dataclasses.replace(spec, shape=(*resized(*spec.shape[:2]), spec.shape[2])) if spec.kind == "image" else spec
        for name, spec in arrays.items()
    }
    try:
        game = build_game(config, changed, domains)
        jax.eval_shape(game.init, jax.random.key(0), minibatch(changed, 1))
    except UserError:
        return False
    return True

"""Which size of images a game can take, where it cannot take that of the data."""

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

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
    height, width = sizes.pop()
    problems = _Problems(config, arrays, domains, (height, width))
    seen = {problems.of((height, width))}
    for side in _squares(max(height, width)):
        if (side, side) == (height, width):
            continue
        problem = problems.of((side, side))
        if not problem:
            nearer = _near((height, width), side)
            return next((size for size in nearer if not problems.of(size)), (side, side))
        if problem in seen:
            return None  # whatever the size
        seen.add(problem)
    return None


def _squares(side: int) -> list[int]:
    """Powers of two, which networks of every kind take if any: the nearest one, and then the others by turns."""
    nearest = 2 ** round(math.log2(side))
    sides = [nearest]
    for factor in (2, 4, 8, 16):
        sides += [nearest * factor, nearest // factor]
    return [each for each in sides if 4 <= each <= 1024]


def _near(now: tuple[int, int], side: int) -> list[tuple[int, int]]:
    """Sizes near this one, the nearest first: multiples of numbers that can be halved, and squares of powers of two."""
    sizes = {(length, length) for length in (side // 2, side, 2 * side)}
    for unit in _ROUND:
        for to in (math.floor, math.ceil):
            height, width = (max(1, to(length / unit)) * unit for length in now)
            sizes.add((height, width))
    return sorted(sizes - {now}, key=lambda size: (abs(size[0] - now[0]) + abs(size[1] - now[1]), size))


class _Problems(NamedTuple):
    """What stands in the way of a game at other sizes of images than those of the data."""

    config: ConfigDict
    arrays: Arrays
    domains: Sequence[str]
    now: tuple[int, int]

    def of(self, size: tuple[int, int]) -> str:
        """In words, or ""."""
        changed = {}
        for name, spec in self.arrays.items():
            if spec.kind == "image":
                height, width = (side * new // old for side, new, old in zip(spec.shape, size, self.now, strict=False))
                spec = dataclasses.replace(spec, shape=(height, width, spec.shape[2]))
            changed[name] = spec
        try:
            game = build_game(self.config, changed, self.domains)
            jax.eval_shape(game.init, jax.random.key(0), minibatch(changed, 1))
        except UserError as error:
            return str(error)
        return ""

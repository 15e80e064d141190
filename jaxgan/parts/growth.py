"""Progressive growing: a stage for each resolution, faded in while images go by.

"Progressive Growing of GANs for Improved Quality, Stability, and Variation", Karras et al. 2017 (arXiv:1710.10196), section 2.
The networks are called with `resolution` and `alpha`, how far the newest level has faded in.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Nets, Stage, Turn
from jaxgan.errors import UserError
from jaxgan.layers import average_pool, upsample_nearest


@dataclasses.dataclass(frozen=True)
class Level(Stage):
    """A stage of growth.

    Attributes:
        resolution: Side of the images, in pixels.
        fade_images: Real images during which alpha rises from 0 to 1; 0 starts at 1.
    """

    resolution: int = 4
    fade_images: int = 0


@dataclasses.dataclass(frozen=True)
class Growth:
    """How a game grows.

    Attributes:
        resolution: Side of the final images, a power of two; data come at this size and are averaged down.
        fade_images: Real images during which a new level fades in.
        stable_images: Real images shown after that, before the next level.
        batch_sizes: Images in a minibatch by resolution, {"256": 14, ...}; others take the run's own.
        first: Side of the first images.
    """

    resolution: int
    fade_images: int
    stable_images: int
    batch_sizes: Mapping[str, int] | None = None
    first: int = 4

    def __post_init__(self) -> None:
        for name in ("resolution", "first"):
            side = getattr(self, name)
            if side < 4 or side & (side - 1):
                raise UserError(f"growth: {name}={side}, but it must be a power of two from 4 on: resize the images")
        if self.first > self.resolution:
            raise UserError(f"growth: it begins at {self.first} pixels, above the images' {self.resolution}")

    def stages(self, turns: tuple[Turn, ...]) -> tuple[Level, ...]:
        """The levels, each with the same turns; optimisers start anew with each."""
        levels = []
        for index in range(round(math.log2(self.resolution / self.first)) + 1):
            side = self.first * 2**index
            until = self.stable_images + index * (self.fade_images + self.stable_images)
            levels.append(
                Level(
                    turns,
                    name=f"{side}x{side}",
                    # The first level has nothing to fade from; the last one goes on until the run ends.
                    until_images=until if side < self.resolution else None,
                    reset_optimizers=True,
                    batch_size=(self.batch_sizes or {}).get(str(side)),
                    resolution=side,
                    fade_images=self.fade_images if index else 0,
                )
            )
        return tuple(levels)

    def reals(self, nets: Nets, images: jax.Array) -> jax.Array:
        """The data as the present level sees them: averaged down, and faded like the generator's output."""
        images = average_pool(images, self.resolution // nets.stage.resolution)
        if not nets.stage.fade_images:
            return images
        coarse = upsample_nearest(average_pool(images, 2), 2)
        return coarse + alpha(nets) * (images - coarse)


def alpha(nets: Nets) -> jax.Array:
    """How far the present level has faded in, by images shown, not by steps: float32 () in [0, 1]."""
    fade = nets.stage.fade_images
    return jnp.minimum(nets.clock.stage_images / fade, 1.0) if fade else jnp.float32(1.0)


def level(nets: Nets) -> dict[str, Any]:
    """What networks are told of the present level: `resolution` and `alpha`."""
    return {"resolution": nets.stage.resolution, "alpha": alpha(nets)}

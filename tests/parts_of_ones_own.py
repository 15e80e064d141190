"""A module of one's own: parts that configs name as "parts_of_ones_own:generator", and that remember what they are given."""

from collections.abc import Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.config import default, named, player
from jaxgan.core import Game, Player
from jaxgan.core.constraints import Constraint
from jaxgan.core.schedules import Run, Schedule
from jaxgan.errors import UserError
from jaxgan.losses import Objective
from jaxgan.parts import Term

NUMBER = 3
calls: list[dict[str, Any]] = []


class Network(nn.Module):
    width: int = 64
    rates: tuple[float, ...] = (0.5,)
    size: int | tuple[int, int] | None = None
    norm: str = "none"
    label: str | None = None
    dtype: Any = jnp.float32
    activation: Any = nn.relu

    @nn.compact
    def __call__(self, x):
        return nn.Dense(self.width)(x)


class Resized(nn.Module):
    """Images (B, H, W, C) as images of the size it is told."""

    output_shape: tuple[int, ...] | None = None

    @nn.compact
    def __call__(self, x):
        height, width, channels = self.output_shape or ()
        return nn.Conv(channels, (3, 3))(jax.image.resize(x, (len(x), height, width, x.shape[3]), "linear"))


def breaks(probability: float = 0.1) -> Term:
    """Not finite by chance, which is drawn anew after a rollback."""
    return Term("breaks", lambda pair, key: jnp.where(jax.random.uniform(key) < probability, jnp.inf, 0.0), 1.0)


def system(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 100,
    objective: Objective | str = "hinge",
    constraints: Sequence[Constraint] = (),
    top_k: Schedule | float | None = None,
    probability: Schedule | float | str = "adaptive",
    batch_sizes: Mapping[str, int] | None = None,
    gains: Mapping[str, float] | None = None,
    num_classes: int | None = None,
    resolution: int = 1024,
) -> Game:
    """A game that cannot be played, and what it was made of."""
    if latent_size == 13:
        raise UserError("13 brings bad luck")
    if latent_size == 14:
        raise TypeError("a bug")
    calls.append(dict(locals()))
    return object.__new__(Game)


def groups(players: Mapping[str, Player], generator: Player | None = None, *, num_classes: int) -> Game:
    calls.append(dict(locals()))
    return object.__new__(Game)


def timed(weight: float, schedule: Schedule | None = None, run: Run | None = None) -> Constraint:
    calls.append(dict(locals()))
    return Constraint()


def config():
    """Two players of this module's system, with nothing set that has a default."""
    config = default()
    config.system = "parts_of_ones_own:system"
    for name in ("generator", "discriminator"):
        config.players[name] = player(named("parts_of_ones_own:Network"), named("adam", learning_rate=1e-3))
    return config


def changed(**fields: Any):
    """That config with fields set: `game__latent_size=3`."""
    tree = config()
    for path, value in fields.items():
        node = tree
        *sections, leaf = path.split("__")
        for section in sections:
            node = node[section]
        with node.ignore_type():
            node[leaf] = value
    return tree


def get_config(variant: str = ""):
    return config()

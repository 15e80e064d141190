"""What a converter makes of somebody else's weights: a config, the arrays that its data would have, and the players'."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxgan.config import default, named, player
from jaxgan.core.arrays import ArraySpec
from jaxgan.core.players import flatten, undisturbed
from jaxgan.core.state import PlayerState, State
from jaxgan.errors import UserError
from jaxgan.layouts.tensors import Tree
from jaxgan.training.plan import Plan


@dataclasses.dataclass(frozen=True)
class Converted:
    """Weights of somebody else, as this library has them.

    Attributes:
        config: Of a game in which they play.
        arrays: That its data would have.
        domains: What they would call their domains.
        params: The parameters of the players that there are, by name.
        statistics: Of their batch norms, by name; {} without.
        abilities: What those players can do.
        memory: Entries of the game's memory that are known.
    """

    config: ConfigDict
    arrays: Mapping[str, ArraySpec]
    params: Mapping[str, Tree]
    abilities: tuple[str, ...]
    statistics: Mapping[str, Tree] = dataclasses.field(default_factory=dict)
    domains: tuple[str, ...] = ()
    memory: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def of_generator(
        cls,
        config: ConfigDict,
        network: ConfigDict,
        discriminator: ConfigDict,
        arrays: Mapping[str, ArraySpec],
        params: Tree,
        statistics: Tree | None = None,
        memory: Mapping[str, Any] | None = None,
        more: tuple[str, ...] = (),
    ) -> "Converted":
        """A generator of latents; its discriminator is not there.

        Args:
            config: See `image_config`.
            network: The generator's.
            discriminator: One that the game could have.
            arrays: As above.
            params: The generator's.
            statistics: The generator's.
            memory: As above.
            more: Abilities beside the usual ones.
        """
        adam = named("adam", learning_rate=2e-4)
        config.players.generator, config.players.discriminator = player(network, adam), player(discriminator, adam)
        noted = {"generator": statistics} if statistics else {}
        able = ("sample", "latents", "generate", *more)
        return cls(config, arrays, {"generator": params}, able, noted, memory=memory or {})

    def built(self, where: object) -> tuple[Plan, State]:
        """The plan, and the state with these weights; to be called inside `jax.set_mesh(data_mesh())`.

        Args:
            where: The file, for errors.

        Raises:
            UserError: A weight has another shape than the network has it.
        """
        plan = Plan.of(self.config, dict(self.arrays), self.domains)
        abstract = plan.abstract_state()
        known = flatten(abstract.players)
        players = {}
        for name, params in self.params.items():
            wanted, there = _shapes(known[name].params), _shapes(params)
            for place in sorted(wanted.keys() | there.keys()):
                if wanted.get(place) != there.get(place):
                    raise UserError(
                        f"{where}: {place} has the shape {there.get(place, 'none')}, and the network that it seems to be has "
                        f"{wanted.get(place, 'none')}: it is of another network"
                    )
            players[name] = PlayerState(jax.tree.map(jnp.asarray, params), known[name].constraint, (), None)
        memory = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), abstract.memory)
        state = undisturbed(players, {**memory, **self.memory}, jax.random.key(0), stage=len(plan.game.stages) - 1)
        return plan, state


def image_config(system: str, game: dict[str, Any], side: int) -> ConfigDict:
    """A config for images of a side, that lie in a folder which nothing names yet."""
    config = default()
    config.system, config.game = system, game
    config.data.name, config.data.image_size = "folder", side
    config.metrics = ()
    return config


def labels(classes: int) -> ArraySpec:
    """Labels of classes that are called by their numbers."""
    return ArraySpec((), "int32", "label", tuple(map(str, range(classes))))


def _shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): tuple(leaf.shape) for path, leaf in leaves}

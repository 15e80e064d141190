"""Who plays: players, the copies that a step chooses among, and trees of them by name."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jaxgan.core.averaging import Averaging
from jaxgan.core.constraints import Constraint, by_path, path_string, unconstrained
from jaxgan.core.schedules import Schedule
from jaxgan.core.state import Memory, PlayerState, State
from jaxgan.core.views import View
from jaxgan.errors import UserError


@dataclasses.dataclass(frozen=True)
class Player:
    """A network that owns parameters and an optimiser.

    Attributes:
        network: A Flax module.
        optimizer: An optax transformation.
        constraint: What its weights must obey.
        average: Rule of the moving average of its parameters that samples are drawn from; None keeps no average.
        schedule: Factor on its updates, by the game's clock; None keeps the optimiser's own rate.
        view: What its network is shown in a turn instead of the bare images (augmentations, instance noise); None shows
            things as they are. What a trained player is shown (`game.nets`, `game.sample`) it always sees bare.
        copies: 0, or how many copies of the network there are, each with parameters, optimiser and averages of its own, stacked
            along a first axis. A game's `Cast` chooses those that play a step, without a compilation for each choice.
        frozen: A regular expression: parameters in whose path ("block_0/conv/kernel") it is found are not trained. FreezeD
            (Mo et al. 2020, arXiv:2002.10964) freezes a discriminator's lower layers when it goes on from other data.
    """

    network: nn.Module
    optimizer: optax.GradientTransformation
    constraint: Constraint = dataclasses.field(default_factory=unconstrained)
    average: Averaging | None = None
    schedule: Schedule | None = None
    view: View | None = None
    copies: int = 0
    frozen: str | None = None

    def __post_init__(self) -> None:
        for name, method, made in (
            ("network", "init_with_output", "networks.MLPGenerator()"),
            ("optimizer", "update", "optax.adam(1e-3)"),
        ):
            given = getattr(self, name)
            if not hasattr(given, method) or isinstance(given, type):
                raise UserError(f"Player: {name}={given!r}, but it must be made, as in {name}={made}")

    def shapes(self, *inputs: Any, **options: Any) -> Any:
        """What its network makes of these inputs, as shapes and dtypes: to initialise what reads it. Nothing is computed."""
        made = lambda *inputs: self.network.init_with_output(jax.random.key(0), *inputs, **options)[0]  # noqa: E731
        return jax.eval_shape(made, *inputs)

    def frozen_paths(self, params: Any) -> list[str]:
        """The paths of the parameters that are not trained.

        Raises:
            UserError: `frozen` is no regular expression, or is found nowhere.
        """
        if self.frozen is None:
            return []
        paths = list(by_path(params))
        try:
            found = [path for path in paths if re.search(self.frozen, path)]
        except re.error as error:
            raise UserError(
                f"frozen={self.frozen!r} is no regular expression ({error}): write 'block_0|block_1'"
            ) from error
        if not found:
            raise UserError(f"frozen={self.frozen!r} is found in no parameter: they are {', '.join(paths)}")
        return found

    def held(self, params: Any, moved: Any) -> Any:
        """`moved`, with those leaves of `params` that are frozen in place of its own; both are like the player's parameters."""
        frozen = self.frozen_paths(params)
        if not frozen:
            return moved
        choose = lambda path, old, new: old if path_string(path) in frozen else new  # noqa: E731
        return jax.tree_util.tree_map_with_path(choose, params, moved)

    def with_network(self, **fields: Any) -> "Player":
        """The same player with some of its network's fields set: what its system knows, such as the number of classes.

        Raises:
            UserError: The network has no such field.
        """
        known = {field.name for field in dataclasses.fields(self.network)}
        for name in fields:
            if name not in known:
                raise UserError(
                    f"{type(self.network).__name__} has no field {name!r}, by which this game would tell it "
                    f"{name}={fields[name]!r}: take a network that has it"
                )
        return dataclasses.replace(self, network=self.network.clone(**fields))


Players = Mapping[str, Any]  # of Player, or of such mappings


@dataclasses.dataclass(frozen=True)
class Cast:
    """Which copies of players take the roles of a step; a role is called like a player, `nets.encoder_a(x)`.

    What the others own, they keep to the bit, and a step costs the same however many there are.

    Attributes:
        roles: For each role, the player whose copies it is played by.
        choose: key -> for each role the index of a copy, int32 (). Two roles of one player get different ones.
    """

    roles: Mapping[str, str]
    choose: Callable[[jax.Array], Mapping[str, jax.Array]]


def flatten(tree: Mapping[str, Any]) -> dict[str, Any]:
    """{"generator": {"level_8": x}} as {"generator/level_8": x}."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}/{below}": leaf for below, leaf in flatten(value).items()}
        else:
            flat[name] = value
    return flat


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flatten`."""
    tree: dict[str, Any] = {}
    for name, leaf in flat.items():
        *above, last = name.split("/")
        node = tree
        for part in above:
            node = node.setdefault(part, {})
        node[last] = leaf
    return tree


def undisturbed(players: Mapping[str, PlayerState], memory: Memory, key: jax.Array, **counts: int | jax.Array) -> State:
    """A state in which no number has broken, and whose players are of this game alone.

    Args:
        players: By their flat names.
        memory: The game's memory.
        key: A typed PRNG key.
        **counts: `step`, `images`, `stage`, `stage_step` and `stage_images`; 0 where they are left out.
    """
    names = ("step", "images", "stage", "stage_step", "stage_images")
    return State(
        **{name: jnp.int32(counts.get(name, 0)) for name in names},
        players=nest(players),
        memory=memory,
        key=key,
        nonfinite={name: jnp.int32(-1) for name in players},
        rollbacks=jnp.int32(0),
        rate=jnp.float32(1),
        transferred={name: jnp.bool_(False) for name in players},
    )

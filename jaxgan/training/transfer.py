"""Beginning with the weights of another run: transfer to other data, other rates, and other sizes where the network allows.

Parameters are taken by path and shape, and so are their averages; what the game learned beside them (optimisers, views,
memory, clock) begins anew.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgan.core import Player, PlayerState, State
from jaxgan.core.constraints import by_path, path_string
from jaxgan.core.players import flatten, nest
from jaxgan.errors import ConfigError, nearest
from jaxgan.registry import foreign_names
from jaxgan.remote import is_remote
from jaxgan.training.mirror import readable
from jaxgan.training.plan import Plan
from jaxgan.training.run_folder import RunFolder
from jaxgan.training.trained import Trained, load

_NAMED = 3  # arrays that are not taken, in one line


@dataclasses.dataclass(frozen=True)
class Beginning:
    """The weights that a run begins with.

    Attributes:
        there: The other run, at one of its checkpoints.
        players: Whose weights are taken, by flat names.
        line: What is taken and what is not, for people.
    """

    there: Trained
    players: tuple[str, ...]
    line: str

    @classmethod
    def of(cls, plan: Plan, source: Mapping[str, Any]) -> "Beginning":
        """Reads the other run, and compares it with a plan; to be called inside `jax.set_mesh`.

        Args:
            plan: Of the run that begins.
            source: See `read_source`.

        Raises:
            ConfigError: There is no such run, checkpoint or player; or nothing of it fits.
        """
        run, asked = source["run"], source["players"]
        path = readable(run)
        stored, *_ = RunFolder(path).read()
        if strange := sorted(set(foreign_names(stored)) - set(foreign_names(plan.config))):
            raise ConfigError(
                f"--init_from={run} names code of its own, {', '.join(strange)}, which this config does not name: "
                "name it there too if you know whose it is"
            )
        there = load(path, trust=True)  # nothing is imported that this run's own config does not import
        old, new = flatten(there.state.players), flatten(plan.abstract_state().players)
        for name in asked:
            if not any(_called(player, name) for player in new):
                raise ConfigError(f"--init_from: this game has no player {name!r}: {nearest(name, new)}")
            if not any(_called(player, name) for player in old):
                raise ConfigError(f"--init_from: {run} has no player {name!r}: {nearest(name, old)}")
        chosen = tuple(name for name in new if not asked or any(_called(name, one) for one in asked))
        line, taken = _compared(chosen, old, new)
        if not taken:
            raise ConfigError(f"--init_from={run}: nothing of it fits this game: {line}; choose another run")
        return cls(there, chosen, f"begins with the weights of {run} at step {there.step}: {line}")

    def state(self, plan: Plan, first: State) -> State:
        """A first state with the weights taken.

        Args:
            plan: Of the run that begins.
            first: Its state without them.
        """
        old, players, transferred = flatten(self.there.state.players), flatten(first.players), dict(first.transferred)
        for name in self.players:
            if name in old:
                same = _constraints(plan.config, name) == _constraints(self.there.plan.config, name)
                given = old[name] if same else _as_used(self.there.plan.game.players[name], old[name])
                # Of a network that was taken in part the average has still to leave what was drawn.
                whole = _fitting(players[name].params, given.params) == by_path(players[name].params).keys()
                transferred[name] = jnp.bool_(whole)
                players[name] = _begun(plan.game.players[name], players[name], given, same)
        # Buffers of their own: the step is given the state to write over.
        copy = jax.jit(lambda tree: jax.tree.map(jnp.copy, tree), out_shardings=plan.shardings)
        return copy(first.replace(players=nest(players), transferred=transferred))


def read_source(text: str) -> dict[str, Any]:
    """What `--init_from=RUN[:players]` says: {"run": its absolute path or URL, "players": names, () for all}.

    The run need not be there: one that has begun goes on without it.

    Raises:
        ConfigError: It names no run.
    """
    run, colon, names = text.rpartition(":")
    if not colon or Path(text).is_dir() or (is_remote(text) and names.startswith("//")):
        run, names = text, ""
    players = {name.strip() for name in names.split(",")} - {""}
    if not run or (bool(colon) and run != text and not players):
        raise ConfigError(f"--init_from={text} names no run and players: write RUN, or RUN:generator,discriminator")
    return {"run": run if is_remote(run) else str(Path(run).resolve()), "players": sorted(players)}


def _called(player: str, name: str) -> bool:
    """Whether a player, by its flat name, is the one of that name, or in the group of that name."""
    return player == name or player.startswith(f"{name}/")


def _compared(
    names: tuple[str, ...], old: Mapping[str, PlayerState], new: Mapping[str, PlayerState]
) -> tuple[str, int]:
    """What of the players is taken, in words, and how many arrays that is."""
    told, left, taken = [], [], 0
    for name in names:
        there, here = (by_path(players[name].params) if name in players else {} for players in (old, new))
        fits = _fitting(here, there)
        told.append(f"{name} {len(fits)} of {len(here)} arrays")
        taken += len(fits)
        for path in sorted(here.keys() - fits):
            known = f"{there[path].shape} there" if path in there else "not there"
            left.append(f"{name}/{path}, {here[path].shape} here and {known}")
    if not left:
        return ", ".join(told), taken
    more = f"; and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    return f"{', '.join(told)} (not taken: {'; '.join(left[:_NAMED])}{more})", taken


def _constraints(config: ConfigDict, name: str) -> Any:
    """What a config says of the constraints of a player; None where it does not know it by this name."""
    at: Any = config.players
    for part in name.split("/"):
        at = at.get(part) if isinstance(at, ConfigDict) else None
    return None if at is None else at.constraints


def _as_used(player: Player, state: PlayerState) -> PlayerState:
    """The weights as the network computes with them: its constraint may store them at another scale."""

    def used(params: Any, constraint: Any) -> Any:
        return player.constraint.apply(params, constraint)[0]

    apply = jax.jit(jax.vmap(used) if player.copies else used)
    average = None if state.average is None else apply(state.average, state.constraint)
    return state.replace(params=apply(state.params, state.constraint), average=average)


def _begun(player: Player, own: PlayerState, given: PlayerState, same: bool) -> PlayerState:
    """A player that begins with given weights.

    Args:
        player: The player.
        own: Its first state.
        given: Whose weights are taken: as the optimiser moves them, if `same`, else as a network computes with them.
        same: Whether both have the same constraints.
    """
    store = lambda params: params  # noqa: E731
    if not same:
        first = lambda params: player.constraint.init(params, jax.random.key(0))[0]  # noqa: E731
        store = jax.jit(jax.vmap(first) if player.copies else first)
    params = _merged(own.params, given.params, store)
    average = own.average
    if average is not None:
        # Averages begin as copies of the parameters.
        average = _merged(params, given.params if given.average is None else given.average, store)
    constraint = own.constraint
    if same:
        # What a constraint knows of a weight, such as its singular vectors, comes with the weight, or not at all.
        taken = tuple(f"/{weight}" for weight in _fitting(own.params, given.params))
        known = {path: leaf for path, leaf in by_path(given.constraint).items() if f"/{path}".endswith(taken)}
        constraint = _merged(own.constraint, known)
    return own.replace(params=params, average=average, constraint=constraint)


def _merged(own: Any, given: Any, store: Any = lambda tree: tree) -> Any:
    """The leaves of a tree, and in the place of those that another one has in the same shape, what `store` makes of these."""
    there, fits = by_path(given), _fitting(own, given)
    put = jax.tree_util.tree_map_with_path(
        lambda path, leaf: there[path_string(path)] if path_string(path) in fits else leaf, own
    )
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf, new: new if path_string(path) in fits else leaf, own, store(put)
    )


def _fitting(own: Any, given: Any) -> set[str]:
    """The paths of a tree's leaves that another one has in the same shape and dtype."""
    there = by_path(given)
    return {
        path
        for path, leaf in by_path(own).items()
        if path in there and (there[path].shape, there[path].dtype) == (leaf.shape, leaf.dtype)
    }

"""A trained game in one `.safetensors` file: what its abilities need, with the config and the description of the data.

The tensors are named by their places in the state, `players/PLAYER/params/...` (averaged, where the player has an average),
`players/PLAYER/constraint/...`, `memory/...`, and `statistics/PLAYER/...` where batch norm's statistics are fixed. The rest is
JSON in the file's metadata. Optimisers, the weights before averaging and pools of earlier fakes are not in it: nothing can be
trained on from it.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxgan
from jaxgan.core import State
from jaxgan.core.arrays import from_json, minibatch, to_json
from jaxgan.core.image_pool import ImagePool
from jaxgan.core.nets import BATCH_STATISTICS
from jaxgan.core.players import flatten, undisturbed
from jaxgan.core.state import PlayerState
from jaxgan.errors import ConfigError, UserError
from jaxgan.files import atomically
from jaxgan.foreign import MAX_JSON, check_regular, parse_json
from jaxgan.mesh import replicated
from jaxgan.registry import as_config, foreign_names, plain
from jaxgan.training.plan import Plan
from jaxgan.training.run_folder import checked_data

SUFFIX = ".safetensors"
_FORMAT = "jaxgan 1"
_COUNTS = ("step", "images", "stage", "stage_step", "stage_images")


def write(
    path: Path,
    plan: Plan,
    state: State,
    statistics: Mapping[str, Any] | None = None,
    abilities: Sequence[str] | None = None,
) -> None:
    """Writes a game's weights.

    Args:
        path: The file.
        plan: What the game is.
        state: Its state; it may hold a part of the players.
        statistics: Of batch norm, by player, in place of those that are estimated; None: they are estimated.
        abilities: Names of those that the players in `state` can do; None: all.

    Raises:
        UserError: The library safetensors is not installed.
    """
    save_file = _library().numpy.save_file
    players = flatten(state.players)
    tensors: dict[str, Any] = {}
    for name, player in players.items():
        params = player.params if player.average is None else player.average
        tensors |= _leaves(params, f"players/{name}/params")
        tensors |= _leaves(player.constraint, f"players/{name}/constraint")
    tensors |= _leaves(_without_pools(state.memory), "memory")
    for name, tree in (statistics or {}).items():
        tensors |= _leaves(tree, f"statistics/{name}")
    told = {
        "config": plain(plan.config),
        "data": {"arrays": to_json(plan.arrays), "domains": list(plan.domains)},
        "counts": {name: int(getattr(state, name)) for name in _COUNTS},
        "players": sorted(players),
        "averaged": sorted(name for name, player in players.items() if player.average is not None),
        "abilities": sorted(plan.game.abilities if abilities is None else abilities),
        "statistics": sorted(statistics or {}),
    }
    metadata = {"format": _FORMAT, "jaxgan": jaxgan.__version__} | {
        name: json.dumps(value) for name, value in told.items()
    }
    arrays = {name: np.ascontiguousarray(leaf).reshape(np.shape(leaf)) for name, leaf in tensors.items()}
    with atomically(path) as temporary:
        save_file(arrays, temporary, metadata)


def read(path: Path, trust: bool = False) -> tuple[Plan, State, dict[str, Any] | None]:
    """Reads a game's weights; to be called inside `jax.set_mesh(data_mesh())`.

    Args:
        path: A file of `write`. Nothing in it is run.
        trust: Whether code of one's own that its config names may be imported.

    Returns:
        The plan, the state, without optimisers, and the fixed statistics of batch norm, None where they are estimated.

    Raises:
        ConfigError: It is none, is damaged, or its config does not fit.
        UserError: The library safetensors is not installed.
    """
    metadata, tensors = opened(path)
    if metadata.get("format") != _FORMAT:
        raise ConfigError(
            f"{path} holds weights without the config of a game, so that nothing says what they are: take a file that "
            "`python -m jaxgan export` or `convert` wrote"
        )
    told = _told(path, metadata)
    config = as_config(told["config"])
    if not trust and (names := foreign_names(config)):
        raise ConfigError(
            f"{path} names code of its own, {', '.join(names)}, which would be imported and run: add --trust if you know "
            "whose it is"
        )
    data = checked_data(told["data"], path)
    plan = Plan.of(config, from_json(data["arrays"]), data["domains"])
    return _filled(path, plan, told, tensors)


def is_one(path: str | Path) -> bool:
    """Whether a path is meant as a file of weights, be it there or not, and not as a run's folder."""
    return Path(path).is_file() or (Path(path).suffix == SUFFIX and not Path(path).is_dir())


def _library() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise UserError(f"{SUFFIX} files need the library safetensors: pip install 'jaxgan[export]'") from error
    return safetensors


def opened(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """The metadata and the tensors of any `.safetensors` file.

    Raises:
        ConfigError: It is none, or is damaged.
        UserError: The library safetensors is not installed.
    """
    library = _library()
    try:
        check_regular(path)
        with library.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            return metadata, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise ConfigError(f"{path} is not there: give the folder of a run, or a {SUFFIX} file") from None
    except Exception as error:  # a file can be wrong in every way there is
        reason = " ".join(str(error).split())[:80]
        raise ConfigError(f"{path} cannot be read ({reason}): it is damaged, or no {SUFFIX} file") from error


def _told(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """The metadata as plain values, of the types that they must have."""
    lists = ("players", "averaged", "abilities", "statistics")
    kinds: dict[str, type] = {"config": dict, "data": dict, "counts": dict, **dict.fromkeys(lists, list)}
    told: dict[str, Any] = {}
    for name, kind in kinds.items():
        text = metadata.get(name, "")
        told[name] = parse_json(text, f"{path}: {name}") if len(text) <= MAX_JSON else None
        good = isinstance(told[name], kind)
        if good and kind is list:
            good = all(isinstance(item, str) for item in told[name])
        if good and name == "counts":
            good = set(told[name]) == set(_COUNTS) and all(
                type(count) is int and 0 <= count < 2**31 for count in told[name].values()
            )
        if not good:
            raise ConfigError(f"{path} has no {name} of a game in it: it is damaged, or something else")
    return told


def _filled(
    path: Path, plan: Plan, told: Mapping[str, Any], tensors: dict[str, np.ndarray]
) -> tuple[Plan, State, dict[str, Any] | None]:
    """The state of the file, whose every tensor has its place and its shape in the config's."""
    abstract, left = plan.abstract_state(), dict(tensors)
    known = flatten(abstract.players)
    for kind, names, all_names in (
        ("player", told["players"], known),
        ("ability", told["abilities"], plan.game.abilities),
        ("player", told["averaged"] + told["statistics"], told["players"]),
    ):
        if unknown := next((name for name in names if name not in all_names), ""):
            raise ConfigError(f"{path} names the {kind} {unknown!a}, which its config does not have: it is damaged")
    if told["counts"]["stage"] >= len(plan.game.stages):
        raise ConfigError(f"{path} is of a stage that its config does not have: it is damaged")

    pooled = _leaves(abstract.memory, "memory").keys() - _leaves(_without_pools(abstract.memory), "memory").keys()

    def fill(template: Any, place: str) -> Any:
        leaves = []
        for name, leaf in _leaves(template, place).items():
            there = np.zeros(leaf.shape, leaf.dtype) if name in pooled else left.pop(name, None)
            if there is None or (there.shape, there.dtype) != (leaf.shape, leaf.dtype):
                found = "nothing" if there is None else f"{there.dtype} of shape {there.shape}"
                raise ConfigError(
                    f"{path} does not fit its config: {name} is {found}, not {leaf.dtype} of shape {leaf.shape}"
                )
            leaves.append(jax.device_put(there, replicated(plan.mesh)))
        return jax.tree.unflatten(jax.tree.structure(template), leaves)

    players: dict[str, Any] = {}
    for name in told["players"]:
        params = fill(known[name].params, f"players/{name}/params")
        constraint = fill(known[name].constraint, f"players/{name}/constraint")
        average = params if name in told["averaged"] else None
        players[name] = PlayerState(params, constraint, (), average)
    memory = fill(abstract.memory, "memory")
    shapes = {name: _statistics_shapes(plan, name, known[name].params) for name in told["statistics"]}
    statistics = {name: fill(tree, f"statistics/{name}") for name, tree in shapes.items()}
    if left:
        raise ConfigError(f"{path} holds {next(iter(left))!a}, which its config has no place for: it is damaged")
    counts = {name: told["counts"][name] for name in _COUNTS}
    state = undisturbed(players, memory, jax.random.key(plan.config.seed), **counts)
    abilities = {name: plan.game.abilities[name] for name in plan.game.abilities if name in told["abilities"]}
    game = dataclasses.replace(plan.game, abilities=abilities)
    return dataclasses.replace(plan, game=game), state, statistics or None


def _statistics_shapes(plan: Plan, name: str, params: Any) -> Any:
    """The shapes of what batch norm notes of a batch in a player's network."""
    network, inputs = plan.game.players[name].network, plan.game.inputs[name]

    def noted(params: Any, example: Any) -> Any:
        _, sown = network.apply({"params": params}, *inputs(example), mutable=[BATCH_STATISTICS])
        return sown.get(BATCH_STATISTICS, {})

    return jax.eval_shape(noted, params, dict(minibatch(plan.arrays, 2)))


def _without_pools(memory: Any) -> Any:
    """A game's memory but for its pools of earlier fakes, which only training looks at."""
    is_pool = lambda node: isinstance(node, ImagePool)  # noqa: E731
    return jax.tree.map(lambda node: None if is_pool(node) else node, memory, is_leaf=is_pool)


def _leaves(tree: Any, place: str) -> dict[str, Any]:
    """The leaves of a tree by their places, "players/generator/params/project/kernel"."""
    paths = jax.tree_util.tree_leaves_with_path(tree)
    return {
        "/".join(filter(None, (place, jax.tree_util.keystr(path, simple=True, separator="/")))): leaf
        for path, leaf in paths
    }

"""One ability of a trained game as a plain function of arrays, with its weights and batch norm's statistics in it."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core import Ability, Game, State
from jaxgan.core.abilities import GRAPH, IMAGES, LABEL, LATENTS, NUMBER, PER_ENTRY, TEXT
from jaxgan.core.arrays import ArraySpec
from jaxgan.core.snapshot import Snapshot
from jaxgan.errors import UserError, nearest

# What is exported where nothing is said, the first that the game can do.
_USUAL = ("generate", "translate", "upscale", "sample")
SEED = "seed"


@dataclasses.dataclass(frozen=True)
class Input:
    """An argument of an exported function.

    Attributes:
        name: Its name.
        shape: Behind the batch's axis; None for one number that the whole batch shares.
        dtype: Of its numbers.
        about: What it is, with its range, for people.
        classes: Of a label, by number: what they are called.
    """

    name: str
    shape: tuple[int, ...] | None
    dtype: str
    about: str
    classes: tuple[str, ...] = ()

    def abstract(self, batch: Any) -> jax.ShapeDtypeStruct:
        """Its shape and dtype, for so many entries, a number or a symbol."""
        return jax.ShapeDtypeStruct(() if self.shape is None else (batch, *self.shape), self.dtype)


@dataclasses.dataclass(frozen=True)
class Exported:
    """A function of arrays, ready to be written.

    Attributes:
        ability: What it is of the game.
        function: (*inputs) -> an array with an entry for each of the batch; pure, and not bound to devices.
        inputs: What it takes, in order.
        output: What it gives: "images", "latents", "class_logits" or "scores".
        fixed: Arguments of the ability that are settled, by name.
        number: How many it makes where no input says so (of "sample"); None: as many as the inputs have.
        per_batch: Whether it normalises its inputs by the statistics of their batch.
    """

    ability: str
    function: Callable[..., jax.Array]
    inputs: tuple[Input, ...]
    output: str
    fixed: Mapping[str, Any]
    number: int | None
    per_batch: bool

    def example(self, batch: int) -> list[np.ndarray]:
        """Inputs of zeros."""
        return [np.zeros(each.abstract(batch).shape, each.dtype) for each in self.inputs]


def usual_ability(abilities: Mapping[str, Ability]) -> str:
    """The ability that is exported where nothing is said.

    Raises:
        UserError: The game has none of them.
    """
    found = next((name for name in _USUAL if name in abilities), "")
    if not found:
        raise UserError(f"this game has none of {', '.join(_USUAL)}: say --ability={'|'.join(abilities)}")
    return found


def exported_function(
    snapshot: Snapshot,
    state: State,
    ability: str,
    fixed: Mapping[str, Any] | None = None,
    batch_size: int = 16,
    plain: bool = False,
) -> Exported:
    """An ability as a function; to be called inside `jax.set_mesh(data_mesh())`, its result outside of it.

    Args:
        snapshot: The trained game.
        state: Its state.
        ability: Its name.
        fixed: Domains, choices and strengths by name, which are settled for good.
        batch_size: How many it makes, where the ability takes a number.
        plain: Whether networks compute in float32 and draw nothing, whatever they do in the game: noise is then always the
            same, and dropout is off.

    Raises:
        UserError: The game cannot do it, or it is no function of arrays.
    """
    game = snapshot.game
    if ability not in game.abilities:
        raise UserError(f"the game cannot {ability}: {nearest(ability, game.abilities)}")
    declared, settled = game.ability(ability), dict(fixed or {})
    if declared.search is not None:
        raise UserError(f"{ability} is found step by step, which is no single function: choose another --ability")
    if declared.ways:
        settled["source"], settled["target"] = declared.way(settled.get("source"), settled.get("target"))
    inputs = tuple(
        Input(name, *_array(snapshot, ability, name))
        for name, argument in declared.takes.items()
        if argument.kind in PER_ENTRY
    )
    counted = next(iter(declared.kinds(NUMBER)), "")
    if counted:
        settled[counted] = batch_size
    declared.checked(ability, settled | {each.name: each.abstract(batch_size) for each in inputs if each.shape != ()})
    statistics, per_batch = _statistics(snapshot, state, ability, inputs, settled, batch_size)
    if plain:
        game = _in_float32(game)
    # Of no device: what is written must not remember on how many it was made.
    state = jax.tree.map(np.asarray, state.replace(key=jax.random.key_data(state.key)))
    statistics = jax.tree.map(np.asarray, statistics)
    stage, names = int(state.stage), [each.name for each in inputs]

    def call(seed: Any, *arrays: jax.Array) -> jax.Array:
        # As the commands draw: the first images of a seed are those of `python -m jaxgan ABILITY --seed`.
        key = jax.random.fold_in(jax.random.key(seed), 0)
        whole = jax.tree.map(jnp.asarray, state).replace(key=jax.random.key(0))
        given = dict(zip(names, arrays, strict=True)) | settled
        own = jax.random.fold_in(key, 1) if declared.draws and not plain else None
        nets = game.nets(whole, stage=stage, statistics=statistics, key=own)
        made = declared.function(nets, key, **given)
        return _at_full_size(made, snapshot.arrays) if declared.gives == "images" and not declared.tiling else made

    if _drawn(call, [each.abstract(batch_size) for each in inputs]):
        seed = Input(SEED, None, "uint32", "of all that is drawn, 0 to 4294967295: the same seed gives the same result")
        inputs = (*inputs, seed)
        function = lambda *arrays: call(arrays[-1], *arrays[:-1])  # noqa: E731
    else:
        function = lambda *arrays: call(0, *arrays)  # noqa: E731
    number = batch_size if counted else None
    told = {name: value for name, value in settled.items() if name != counted and value is not None}
    return Exported(ability, function, inputs, declared.gives, told, number, per_batch)


def _array(snapshot: Snapshot, ability: str, name: str) -> tuple[Any, ...]:
    """Shape, dtype, description and classes of an argument with an entry for each image."""
    argument, arrays = snapshot.game.ability(ability).takes[name], snapshot.arrays
    about = argument.help.removeprefix("an .npz of ")
    if argument.kind == LABEL:
        classes = snapshot.classes(ability)
        count = argument.classes or len(classes)
        return (), "int32", f"{about}, 0 to {count - 1}", classes
    if argument.kind == IMAGES:
        own = arrays.get(argument.array) or next(spec for spec in arrays.values() if spec.kind != "label")
        return own.shape, "float32", f"{about}, in [-1, 1]: pixels / 127.5 - 1"
    if argument.kind == LATENTS and argument.array:
        return arrays[argument.array].shape[-1:], "float32", about
    if argument.kind == LATENTS and "latents" in snapshot.game.abilities and not argument.space:
        size = snapshot.use("latents", jax.random.key(0), number=1).shape[1]
        return (size,), "float32", f"{about}, as the game draws them (`python -m jaxgan latents`)"
    if argument.kind == TEXT:
        return arrays[argument.array].shape[-1:], "int32", f"{about}, as jaxgan.core.text.encode makes it"
    what = "a scene graph" if argument.kind == GRAPH else f"{name}, of no certain size,"
    raise UserError(f"{ability} takes {what} and is not exported: choose another --ability, or --format=safetensors")


def _statistics(
    snapshot: Snapshot,
    state: State,
    ability: str,
    inputs: tuple[Input, ...],
    settled: dict[str, Any],
    batch_size: int,
) -> tuple[dict[str, Any], bool]:
    """Batch norm's statistics for the ability, and whether some players have none that hold for all inputs."""
    declared = snapshot.game.ability(ability)
    # Estimated over the same batches as for the commands.
    over = settled | dict.fromkeys(declared.kinds(NUMBER), snapshot.compiled.batch_size)
    given = {each.name: np.zeros((1, *(each.shape or ())), each.dtype) for each in inputs}
    noted = jax.eval_shape(
        lambda state, arrays: snapshot.game.statistics(state, jax.random.key(0), ability, **arrays, **settled),
        state,
        {each.name: each.abstract(batch_size) for each in inputs},
    )
    if snapshot.given is not None or snapshot.from_draws(ability):
        found = snapshot.statistics(ability, given, over)
    else:  # of the inputs, which nobody knows yet; but what makes images of codes goes by those that "generate" makes
        known = snapshot.statistics_of_samples() if "generate" in snapshot.game.abilities and noted else {}
        found = {name: values for name, values in known.items() if name in noted}
    return found, bool(noted.keys() - found.keys())


def _in_float32(game: Game) -> Game:
    """The game whose networks compute so, of whatever type."""
    players = {
        name: player.with_network(dtype=jnp.float32) if hasattr(player.network, "dtype") else player
        for name, player in game.players.items()
    }
    return dataclasses.replace(game, players=players)


def _drawn(call: Callable[..., jax.Array], shapes: list[jax.ShapeDtypeStruct]) -> bool:
    """Whether what a function makes depends on its first argument, a seed."""
    jaxpr = jax.make_jaxpr(call)(jax.ShapeDtypeStruct((), "uint32"), *shapes).jaxpr
    needed = {variable for variable in jaxpr.outvars if not hasattr(variable, "val")}
    for equation in reversed(jaxpr.eqns):
        if needed.intersection(equation.outvars):
            needed.update(variable for variable in equation.invars if not hasattr(variable, "val"))
    return jaxpr.invars[0] in needed


def _at_full_size(images: jax.Array, arrays: Mapping[str, ArraySpec]) -> jax.Array:
    """As `Snapshot` does: a stage whose images are smaller than the data has them enlarged, pixel by pixel."""
    if images.ndim == 4 and "image" in arrays:
        for axis in (1, 2):
            images = jnp.repeat(images, max(1, arrays["image"].shape[axis - 1] // images.shape[axis]), axis)
    return images

"""What a run is given from Python, read as its game takes it."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.commands.options import Names
from jaxgan.core import scene_graph, text
from jaxgan.core.abilities import (
    DOMAIN,
    GRAPH,
    IMAGES,
    LABEL,
    LATENTS,
    NUMBER,
    PER_ENTRY,
    STRENGTH,
    TEXT,
    Ability,
    Argument,
)
from jaxgan.core.arrays import ArraySpec, domain_arrays
from jaxgan.errors import UserError
from jaxgan.pictures import from_uint8
from jaxgan.training.trained import Trained
from jaxgan.validate import SEED

# What a network makes of [-1, 1] may lie a little outside; levels from 0 to 255 lie far from it.
_FURTHEST = 2.0


def read(trained: Trained, ability: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an ability as its game takes them.

    Args:
        trained: The run.
        ability: Its name.
        given: By name: what `jaxgan.runs.Run` says of each kind.

    Raises:
        UserError: One cannot be read, or does not fit the run's data.
    """
    declared, plan = trained.plan.game.ability(ability), trained.plan
    names = Names(trained.snapshot.classes(ability), domain_arrays(len(plan.domains)), plan.domains, "")
    found = dict(given)
    for name, value in given.items():
        argument, where = declared.takes[name], f"{ability}: {name}"
        if argument.kind == DOMAIN:
            if not isinstance(value, str):
                raise UserError(f"{where}={value!r} is no name of a domain: give one, and ask once for each")
            found[name] = names.domain(name, value, argument.choices)
        elif argument.kind == STRENGTH and np.ndim(value):
            raise UserError(f"{where}={value} is several numbers: give one, and ask once for each")
        elif argument.kind == LABEL:
            labels = [names.label(str(each)) for each in _each(value)]
            found[name] = _for_all(np.array(labels, np.int32), value, declared, name, given)
        elif argument.kind in (TEXT, GRAPH) and not _is_numbers(value):
            texts = _each(value)
            if not texts or not all(isinstance(each, str) for each in texts):
                raise UserError(f"{where}={value!r}, but it must be a text, or one for each image")
            one = np.stack([_encoder(argument, plan.arrays)(each, f"{name}={each!r}") for each in texts])
            found[name] = _for_all(one, value, declared, name, given)
        elif argument.kind == LATENTS:
            found[name] = _latents(trained, argument, where, value)
    if declared.ways:
        way = declared.way(found.get("source"), found.get("target"), names.called)
        found |= {name: end for name, end in zip(("source", "target"), way, strict=True) if end is not None}
    for name in declared.kinds(IMAGES):  # when the domain that they are of is known
        if name in given:
            specs = _specs(declared.takes[name], plan.arrays, found.get("source"))
            found[name] = _images(specs, f"{ability}: {name}", given[name], declared.tiling is not None)
    return found


def _each(value: Any) -> list[Any]:
    """The entries of what may be one for all."""
    return [value] if isinstance(value, str) or not np.iterable(value) else list(value)


def _is_numbers(value: Any) -> bool:
    """Whether it is what a game takes for text, with an entry for each image."""
    return hasattr(value, "dtype") and np.ndim(value) == 2 and np.asarray(value).dtype.kind in "iuf"


def _for_all(entries: np.ndarray, value: Any, declared: Ability, name: str, given: Mapping[str, Any]) -> np.ndarray:
    """The entries of `value`; where it is one, so many of it as there are images."""
    if not isinstance(value, str) and np.iterable(value):
        return entries
    for other, argument in declared.takes.items():
        if other == name or other not in given:
            continue
        if argument.kind == NUMBER:
            return entries.repeat(_count(given[other]), 0)
        if argument.kind in PER_ENTRY and not isinstance(given[other], str) and np.iterable(given[other]):
            return entries.repeat(max(1, len(given[other])), 0)
    return entries


def _count(number: Any) -> int:
    """How many are asked for; 1 where that is no count, which the ability refuses."""
    try:
        return max(1, operator.index(number))
    except TypeError:
        return 1


def _encoder(argument: Argument, arrays: Mapping[str, ArraySpec]) -> Callable[[str, str], np.ndarray]:
    if argument.kind == GRAPH:
        return scene_graph.parse
    length = arrays[argument.array].shape[-1]
    return lambda each, where: text.encode(each, length, where)


def _latents(trained: Trained, argument: Argument, where: str, value: Any) -> np.ndarray:
    latents, size = np.asarray(value), None
    game = trained.plan.game
    if argument.array:
        size = trained.plan.arrays[argument.array].shape[-1]
    elif "latents" in game.abilities and not argument.space:
        draw = lambda state, key: game.use("latents", state, key, number=1)  # noqa: E731
        size = jax.eval_shape(draw, trained.state, jax.random.key(0)).shape[1]
    if latents.dtype.kind not in "iuf" or latents.ndim != 2 or size not in (None, latents.shape[1]):
        raise UserError(f"{where} are {_described(latents)}, but must be numbers (N, {size or 'D'})")
    if not np.isfinite(latents).all():
        raise UserError(f"{where} have components that are not finite: draw them anew")
    return latents.astype(np.float32)


def read_seed(value: Any, ability: str) -> int:
    """The seed that is given, where it is one: JAX takes larger numbers by their last 32 bits.

    Raises:
        UserError: It is no integer, or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not SEED.holds(int(value)):
        raise UserError(f"{ability}: seed={value!r}, but it must be an integer of {SEED.words}")
    return int(value)


def _specs(argument: Argument, arrays: Mapping[str, ArraySpec], source: str | None) -> list[ArraySpec]:
    """What images may be like: those of the argument's array, those of the domain, or any of the data."""
    array = argument.array or source or ""
    return (
        [arrays[array]] if array in arrays else [each for each in arrays.values() if each.kind in ("image", "vector")]
    )


def _images(specs: Sequence[ArraySpec], where: str, value: Any, any_size: bool) -> np.ndarray:
    try:
        pixels = np.asarray(value)
    except ValueError as error:
        raise UserError(f"{where} are of several shapes: ask for those of one shape at a time") from error
    shapes = {("H", "W", spec.shape[-1]) if any_size and len(spec.shape) == 3 else spec.shape for spec in specs}
    alike = any(
        pixels.ndim == len(shape) + 1
        and all(isinstance(own, str) or own == side for own, side in zip(shape, pixels.shape[1:], strict=True))
        for shape in shapes
    )
    if not alike or not pixels.size:
        asked = " or ".join(f"(N, {', '.join(map(str, shape))})" for shape in sorted(shapes, key=str))
        cure = "resize them, or change their channels" if pixels.size else "give at least one, of a pixel and more"
        raise UserError(f"{where} are {_described(pixels)}, but must be {asked}: {cure}")
    if pixels.dtype == np.uint8:
        return from_uint8(pixels)
    if not jnp.issubdtype(pixels.dtype, jnp.floating):
        raise UserError(f"{where} are {_described(pixels)}, but must be uint8, or floats in [-1, 1]")
    largest = float(np.abs(pixels.astype(np.float32)).max())
    if not np.isfinite(largest):
        raise UserError(f"{where} hold a number that is not finite: make them again")
    if all(spec.kind == "image" for spec in specs) and largest > _FURTHEST:
        raise UserError(f"{where} reach {largest:g}, but must be uint8, or floats in [-1, 1]: divide them first")
    return pixels


def _described(array: np.ndarray) -> str:
    return f"of the shape {array.shape} and dtype {array.dtype}"

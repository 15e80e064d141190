"""Whether batch norm knows too few of the images that an ability is given, whose statistics it then goes by."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core.abilities import IMAGES, PER_ENTRY
from jaxgan.core.snapshot import Snapshot
from jaxgan.core.state import State


def warning(snapshot: Snapshot, state: State, ability: str, arguments: Mapping[str, Any], number: int) -> str:
    """What to say where images are normalised by fewer than a minibatch of training had; "" where they are not.

    Args:
        snapshot: The trained game.
        state: Its state.
        ability: Its name.
        arguments: What it is given, of some of the images.
        number: How many images there are in all.

    Returns:
        A line.
    """
    declared, together = snapshot.game.ability(ability), snapshot.compiled.minibatch
    if not declared.kinds(IMAGES) or declared.search is not None:
        return ""
    whole = snapshot.of_the_data(declared, arguments)
    if (number if whole else 1) >= together or not _normalised(snapshot, state, ability, arguments):
        return ""
    what = f"the images that are given, {number} here" if whole else "each image that has not the size of the data"
    return f"{ability}: batch norm goes by {what}, but by {together} at a time in training: the fewer, the less like it"


def _normalised(snapshot: Snapshot, state: State, ability: str, arguments: Mapping[str, Any]) -> set[str]:
    """The players whose batch norm has no statistics but those of the images; found without computing anything."""
    game, stage = snapshot.game, int(state.stage)
    given = {name: value for name, value in arguments.items() if value is not None}
    static = {name: value for name, value in given.items() if name in game.static(ability)}
    which, noted = (ability, stage, *sorted(static.items())), snapshot.compiled.noted
    if which not in noted:
        takes, abstract = game.ability(ability).takes, dict[str, Any]()
        for name in given.keys() - static.keys():
            value = jnp.asarray(given[name])
            shape = value.shape[1:] if takes[name].kind in PER_ENTRY else None
            if takes[name].kind == IMAGES:  # as the networks take them, of whatever size these are
                shape = snapshot.image_spec(ability, name, given.get("source")).shape
            abstract[name] = jax.ShapeDtypeStruct(() if shape is None else (1, *shape), value.dtype)
        run = lambda state, given: game.statistics(  # noqa: E731
            state, jax.random.key(0), ability, stage=stage, **given, **static
        )
        noted[which] = frozenset(jax.eval_shape(run, state, abstract))
    if not noted[which] or snapshot.given is not None:
        return set(noted[which] - (snapshot.given or {}).keys())
    known = snapshot.statistics_of_samples() if "generate" in game.abilities else {}
    return set(noted[which] - known.keys())

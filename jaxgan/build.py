"""From a config and what the data look like to a game."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from jaxgan.core import Arrays, Game, Player, View, chain_views, constraints
from jaxgan.core.arrays import domain_arrays, minibatch, num_classes
from jaxgan.core.schedules import Run
from jaxgan.errors import ConfigError, UserError
from jaxgan.registry import make, make_all, resolve


def build_game(config: ConfigDict, arrays: Arrays, domains: Sequence[str] = ()) -> Game:
    """Makes the game that a config describes, its networks completed by the shapes of the data.

    Args:
        config: See `jaxgan.config.default`; fields that it leaves out have their defaults.
        arrays: Of the data's minibatches.
        domains: What the data's domains are called.

    Raises:
        ConfigError: The config names something unknown, or does not fit the data.
    """
    config = resolve(config)
    classes = num_classes(arrays)
    images = [spec.shape for spec in arrays.values() if spec.kind == "image"]
    small = arrays.get("low_resolution")
    given: dict[str, Any] = {
        "dtype": config.dtype,
        "run": Run(config.steps, config.images, config.batch_size),
        "num_classes": classes or None,
        "resolution": images[0][0] if images else None,
        "domains": tuple(domains) or None,
        "scale_factor": arrays["image"].shape[0] // small.shape[0] if small else None,
        "attributes": arrays["attributes"].names if "attributes" in arrays else None,
    }
    fields = dict(config.game.items()) | _players(config.players, "config.players", given)
    stated = fields.get("num_classes") or 0
    if stated and not classes:
        raise ConfigError(
            f"config.game.num_classes={stated}, but the data have no labels: choose data that have, or leave it out"
        )
    if 0 < stated < classes:
        raise ConfigError(
            f"config.game.num_classes={stated}, but the data have {classes} classes: set it to {classes}, or leave it out"
        )
    game = make({"name": config.system, **fields}, "system", "config.game", **given)
    try:
        game = game.complete(minibatch(arrays, 1))
    except UserError as error:
        raise ConfigError(
            f"config.system={config.system!r} on config.data.name={config.data.name!r}: {error}"
        ) from error
    _check_domains(config, game, domains)
    if "labelled_image" in arrays and not game.few_labels:
        raise ConfigError(
            f"config.data.labelled={config.data.labelled} leaves most images without labels, which config.system="
            f"{config.system!r} would not notice: set it to 0, or take s2gan, s3gan, triple_gan or improved_gan"
        )
    return dataclasses.replace(game, accumulate=config.accumulate, rematerialise=config.remat == "blocks")


def _check_domains(config: ConfigDict, game: Game, domains: Sequence[str]) -> None:
    """Refuses data with domains that the game would never look at.

    Raises:
        ConfigError: There are some.
    """
    arrays = domain_arrays(len(domains))
    taken = [argument.choices for each in game.abilities.values() for argument in each.takes.values()]
    asked = {array for choices in taken for array in choices if array in arrays}
    if asked and (unused := [name for array, name in zip(arrays, domains, strict=True) if array not in asked]):
        raise ConfigError(
            f"config.system={config.system!r} plays on {len(asked)} domains, but the data have {', '.join(domains)}, and would "
            f"not use {', '.join(unused)}: choose {len(asked)} by data.domains, or a system for more"
        )


def _players(specs: Mapping[str, Any], where: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The players, nested as the config nests them."""
    return {
        name: _player(spec, f"{where}.{name}", given) if "network" in spec else _players(spec, f"{where}.{name}", given)
        for name, spec in specs.items()
    }


def _player(spec: Mapping[str, Any], where: str, given: Mapping[str, Any]) -> Player:
    made = make_all(spec["constraints"], "constraint", f"{where}.constraints", **given)
    optional: dict[str, Any] = {
        kind: None if spec[kind] is None else make(spec[kind], kind, f"{where}.{kind}", **given)
        for kind in ("average", "schedule")
    }
    return Player(
        network=make(spec["network"], "network", f"{where}.network", **given),
        optimizer=make(spec["optimizer"], "optimizer", f"{where}.optimizer", **given),
        constraint=made[0] if len(made) == 1 else constraints.chain(*made),
        view=_view(make_all(spec["views"], "view", f"{where}.views", **given)),
        frozen=spec["frozen"],
        **optional,
    )


def _view(views: Sequence[View]) -> View | None:
    if not views:
        return None
    return views[0] if len(views) == 1 else chain_views(views)

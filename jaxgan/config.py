"""From a config to a game: configs name things ("DCGANGenerator", "adam") and their fields; this file finds and makes them.

A config is an `ml_collections.ConfigDict` of plain values. What a config leaves open and the data decide (image size,
channels, number of classes) is filled in wherever a network or a system has a field of that name.
"""

import dataclasses
import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import optax
from ml_collections import ConfigDict

from jaxgan import gans, networks
from jaxgan.core import Game, Player, averaging, constraints, schedules

OPTIMIZERS: dict[str, Callable[..., optax.GradientTransformation]] = {
    "adam": optax.adam,
    "rmsprop": optax.rmsprop,
    "sgd": optax.sgd,
}
CONSTRAINTS: dict[str, Callable[..., constraints.Constraint]] = {
    "none": constraints.unconstrained,
    "spectral_norm": constraints.spectral_norm,
    "clip": constraints.clip,
    "equalized": constraints.equalized,
}
AVERAGES: dict[str, Callable[..., averaging.Averaging | None]] = {
    "none": lambda: None,
    "exponential": averaging.exponential,
    "half_life": averaging.half_life,
}
SCHEDULES: dict[str, Callable[..., schedules.Schedule | None]] = {
    "none": lambda: None,
    "linear_decay": schedules.linear_decay,
    "cosine_decay": schedules.cosine_decay,
}
NETWORKS: dict[str, Callable[..., Any]] = {name: getattr(networks, name) for name in networks.__all__}
SYSTEMS: dict[str, Callable[..., Game]] = {name: getattr(gans, name) for name in gans.__all__}


class ConfigError(ValueError):
    """A config that cannot be used: one line that says what is wrong, where, and the cure."""


def named(name: str, **fields: Any) -> ConfigDict:
    """Something to be made: its name in one of this file's tables, and the arguments to make it with."""
    return ConfigDict({"name": name, **fields})


def player(
    network: ConfigDict,
    optimizer: ConfigDict,
    constraint: ConfigDict | None = None,
    average: ConfigDict | None = None,
    schedule: ConfigDict | None = None,
) -> ConfigDict:
    """A player's part of a config; each argument is `named(...)`, and None is `named("none")`."""
    return ConfigDict(
        {
            "network": network,
            "optimizer": optimizer,
            "constraint": constraint or named("none"),
            "average": average or named("none"),
            "schedule": schedule or named("none"),
        }
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error line about an unknown name: the nearest known one, or all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(known)}"


def make(spec: Mapping[str, Any], table: Mapping[str, Callable[..., Any]], where: str, **defaults: Any) -> Any:
    """Makes what `spec` names.

    Args:
        spec: {"name": ..., **fields}.
        table: What the name may be, and the class or function that makes it.
        where: The spec's place in the config, for errors.
        **defaults: Values for those of its parameters that `spec` does not give; others are ignored.

    Raises:
        ConfigError: An unknown name or field, or a missing one.
    """
    fields = {key: _plain(value) for key, value in spec.items() if key != "name"}
    if spec["name"] not in table:
        raise ConfigError(f"{where}.name={spec['name']!r} is unknown: {nearest(spec['name'], table)}")
    return call(table[spec["name"]], fields, f"{where} ({spec['name']})", **defaults)


def call(maker: Callable[..., Any], fields: Mapping[str, Any], where: str, **defaults: Any) -> Any:
    """`maker(**fields)`, its other parameters filled from `defaults` where it has them; errors as in `make`."""
    if dataclasses.is_dataclass(maker):
        known = {field.name: field.default for field in dataclasses.fields(maker) if field.name not in ("parent", "name")}
        required = {name for name, default in known.items() if default is dataclasses.MISSING}
        required -= {f.name for f in dataclasses.fields(maker) if f.default_factory is not dataclasses.MISSING}
    else:
        parameters = inspect.signature(maker).parameters
        known = {name: parameter.default for name, parameter in parameters.items()}
        required = {name for name, default in known.items() if default is inspect.Parameter.empty}
    for name in fields:
        if name not in known:
            raise ConfigError(f"{where} has no field {name!r}: {nearest(name, known)}")
    arguments = {name: value for name, value in defaults.items() if name in known} | dict(fields)
    if missing := sorted(required - set(arguments)):
        raise ConfigError(f"{where} needs {', '.join(missing)}: add it to the config")
    try:
        return maker(**arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from error


def _plain(value: Any) -> Any:
    """A config's value as plain Python: nested dicts, and tuples for lists."""
    if isinstance(value, ConfigDict):
        return {key: _plain(item) for key, item in value.items()}
    return tuple(_plain(item) for item in value) if isinstance(value, list | tuple) else value


def default() -> ConfigDict:
    """The fields that every config has; a config file changes them and adds its players."""
    return ConfigDict(
        {
            "system": "",  # a name in jaxgan.gans
            "game": {},  # arguments of that system beside its players
            "players": {},  # by name, each made by `player`
            "data": {},  # see docs/data.md
            "seed": 0,
            "batch_size": 64,  # images in a minibatch, over all devices
            "steps": 1000,  # the run ends after this many steps ...
            "images": 0,  # ... or this many real images, whichever comes first (0: no such end)
            "dtype": "float32",  # what networks compute in; parameters, losses and statistics stay float32
            "accumulate": 1,  # parts of a minibatch whose gradients are averaged
            "statistics_batches": 16,  # batches that batch norm's sampling statistics are estimated over (0: each batch's own)
            "log_every": 50,
            "sample_every": 250,
            "evaluate_every": 500,
            "evaluate_samples": 1000,
            "metrics": (),  # names in jaxgan.training.evaluation; the best checkpoint is kept by the first
            "checkpoint_every": 500,
        }
    )


def build_game(config: ConfigDict, image_size: tuple[int, int], channels: int, num_classes: int = 0) -> Game:
    """Makes the game that a config describes.

    Args:
        config: See `default`.
        image_size: (height, width) of the data in pixels.
        channels: Channels of the data.
        num_classes: Classes of the data; 0: no labels.

    Raises:
        ConfigError: The config names something unknown, or lacks something.
    """
    square = image_size[0] == image_size[1]
    given = {
        "image_size": image_size[0] if square else image_size,
        "output_shape": (*image_size, channels),
        "max_resolution": image_size[0],
        "resolution": image_size[0],
        "channels": channels,
        "dtype": config.dtype,
        **({"num_classes": num_classes} if num_classes else {}),
        **({"latent_size": config.game.latent_size} if "latent_size" in config.game else {}),
    }
    players = {
        name: Player(
            network=make(spec.network, NETWORKS, f"config.players.{name}.network", **given),
            optimizer=make(spec.optimizer, OPTIMIZERS, f"config.players.{name}.optimizer"),
            constraint=make(spec.constraint, CONSTRAINTS, f"config.players.{name}.constraint"),
            average=make(spec.average, AVERAGES, f"config.players.{name}.average"),
            schedule=make(spec.schedule, SCHEDULES, f"config.players.{name}.schedule"),
        )
        for name, spec in config.players.items()
    }
    if config.system not in SYSTEMS:
        raise ConfigError(f"config.system={config.system!r} is unknown: {nearest(config.system, SYSTEMS)}")
    given = {key: value for key, value in given.items() if key in ("resolution", "num_classes")}
    game = call(SYSTEMS[config.system], players | _plain(config.game), f"config.game ({config.system})", **given)
    return dataclasses.replace(game, accumulate=config.accumulate)

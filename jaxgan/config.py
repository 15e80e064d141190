"""From a config to a game: configs name things ("DCGANGenerator", "adam") and their fields; this file finds and makes them.

A config is an `ml_collections.ConfigDict` of plain values. A name is one of this file's tables, or "module:attribute" for
a network or a system of your own. What a config leaves open and the data decide (image size,
channels, number of classes) is filled in wherever a network or a system has a field of that name.
"""

import dataclasses
import difflib
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import flax.linen as nn
import optax
from ml_collections import ConfigDict, config_dict

from jaxgan import augment, gans, networks
from jaxgan.core import Game, Player, View, averaging, constraints, regularizers, schedules
from jaxgan.data import DataConfig


def adam_rising_b2(
    learning_rate: float, b1: float, b2: float, final_b2: float, updates: int, eps: float = 1e-8
) -> optax.GradientTransformation:
    """Adam whose second decay goes from `b2` to `final_b2` along half a cosine of `updates` updates (R3GAN)."""
    gap = optax.cosine_decay_schedule(b2 - final_b2, updates)
    decay = lambda count: final_b2 + gap(count)  # noqa: E731
    return optax.inject_hyperparams(optax.adam)(learning_rate=learning_rate, b1=b1, b2=decay, eps=eps)


OPTIMIZERS: dict[str, Callable[..., optax.GradientTransformation]] = {
    "adam": optax.adam,
    "adam_rising_b2": adam_rising_b2,
    "rmsprop": optax.rmsprop,
    "sgd": optax.sgd,
}
CONSTRAINTS: dict[str, Callable[..., constraints.Constraint]] = {
    "none": constraints.unconstrained,
    "chain": lambda parts: constraints.chain(*parts),
    "spectral_norm": constraints.spectral_norm,
    "clip": constraints.clip,
    "max_norm": constraints.max_norm,
    "equalized": constraints.equalized,
    "singular_value_clamp": constraints.singular_value_clamp,
    "orthogonal": regularizers.orthogonal,
    "spectral_regularization": regularizers.spectral_regularization,
    "singular_value_regularization": regularizers.singular_value_regularization,
    "historical_averaging": regularizers.historical_averaging,
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
    "cosine_ramp": schedules.cosine_ramp,
    "exponential_decay": schedules.exponential_decay,
}
NETWORKS: dict[str, Callable[..., Any]] = {
    name: maker for name, maker in vars(networks).items() if isinstance(maker, type) and issubclass(maker, nn.Module)
}
VIEWS: dict[str, Callable[..., View | None]] = {"none": lambda: None, **augment.VIEWS}
SYSTEMS: dict[str, Callable[..., Game]] = gans.SYSTEMS

# Fields that hold something to be made, wherever they stand: {"name": ..., **fields} ...
_SPECS: dict[str, Mapping[str, Callable[..., Any]]] = {
    "schedule": SCHEDULES,
    "top_k": SCHEDULES,
    "probability": SCHEDULES,
}
# ... or several things by name: {"r1": {"weight": 10.0}, "drift": {}}.
_PARTS: dict[str, Mapping[str, Callable[..., Any]]] = {"terms": gans.terms.TERMS}


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
    view: ConfigDict | None = None,
) -> ConfigDict:
    """A player's part of a config; each argument is `named(...)`, and None is `named("none")`.

    Several constraints or views are `named("chain", parts={"spectral_norm": {}, "orthogonal": {"weight": 1e-4}})`; they
    apply in the order of their names.
    """
    return ConfigDict(
        {
            "network": network,
            "optimizer": optimizer,
            "constraint": constraint or named("none"),
            "average": average or named("none"),
            "schedule": schedule or named("none"),
            "view": view or named("none"),
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
    if "parts" in fields:
        fields["parts"] = _make_parts(fields["parts"], table, f"{where}.parts")
    return call(find(spec.get("name", ""), table, f"{where}.name"), fields, f"{where} ({spec['name']})", **defaults)


def find(name: str, table: Mapping[str, Callable[..., Any]], where: str) -> Callable[..., Any]:
    """The class or function of that name: one of `table`, or "module:attribute" for one of your own.

    Raises:
        ConfigError: There is none.
    """
    if name in table:
        return table[name]
    module, colon, attribute = name.partition(":")
    if not colon:
        raise ConfigError(f"{where}={name!r} is unknown: {nearest(name, table)}")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{where}={name!r} cannot be imported: {error}") from error


def call(maker: Callable[..., Any], fields: Mapping[str, Any], where: str, **defaults: Any) -> Any:
    """`maker(**fields)`, its other parameters filled from `defaults` where it has them; errors as in `make`."""
    parameters = inspect.signature(maker).parameters
    # A Flax module's own two fields are not hyper-parameters.
    known = {name: parameter.default for name, parameter in parameters.items() if name not in ("parent", "name")}
    required = {name for name, default in known.items() if default is inspect.Parameter.empty}
    for name in fields:
        if name not in known:
            raise ConfigError(f"{where} has no field {name!r}: {nearest(name, known)}")
    arguments = {name: value for name, value in defaults.items() if name in known} | dict(fields)
    if missing := sorted(required - set(arguments)):
        raise ConfigError(f"{where} needs {', '.join(missing)}: add it to the config")
    for name, value in arguments.items():
        if name in _PARTS and isinstance(value, Mapping):
            arguments[name] = _make_parts(value, _PARTS[name], f"{where}.{name}")
        elif name in _SPECS and isinstance(value, Mapping):
            arguments[name] = make(value, _SPECS[name], f"{where}.{name}")
    try:
        return maker(**arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from error


def _make_parts(
    parts: Mapping[str, Mapping[str, Any]], table: Mapping[str, Callable[..., Any]], where: str
) -> tuple[Any, ...]:
    """What {name: fields, ...} names, in the order of the names."""
    return tuple(make({"name": name, **parts[name]}, table, f"{where}.{name}") for name in sorted(parts))


def _plain(value: Any) -> Any:
    """A config's value as plain Python: nested dicts, and tuples for lists."""
    if isinstance(value, ConfigDict):
        return {key: _plain(item) for key, item in value.items()}
    return tuple(_plain(item) for item in value) if isinstance(value, list | tuple) else value


def default() -> ConfigDict:
    """The fields that every config has; a config file changes them and adds its players."""
    data = dataclasses.asdict(DataConfig())
    # A field that is None by default must know its type, or the command line could not set it.
    data = {name: config_dict.placeholder(int) if value is None else value for name, value in data.items()}
    return ConfigDict(
        {
            "system": "",  # a name in jaxgan.gans
            "game": {},  # arguments of that system beside its players
            "players": {},  # by name, each made by `player`
            "data": data,  # see docs/data.md
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
            "metrics": (),  # names in jaxgan.evaluation.monitored; the best checkpoint is kept by the first
            "checkpoint_every": 500,
        }
    )


def completed(stored: Mapping[str, Any]) -> ConfigDict:
    """A config that was stored when there were fewer fields: those that it lacks have their defaults."""
    config = default().to_dict()
    missing = player(ConfigDict(), ConfigDict()).to_dict()
    return ConfigDict(
        config
        | dict(stored)
        | {
            "data": config["data"] | dict(stored.get("data", {})),
            "players": {name: missing | dict(fields) for name, fields in stored.get("players", {}).items()},
        }
    )


def variant(name: str, variants: Mapping[str, Callable[[ConfigDict], None]]) -> ConfigDict:
    """The config that `configs/x.py:name` asks for: the default one, changed by the variant's function.

    Args:
        name: What follows the colon; "" is the embedded default.
        variants: By name, functions that change a config in place.

    Raises:
        ConfigError: No such variant.
    """
    if name not in variants:
        raise ConfigError(f"this config has no variant {name!r}: {nearest(name, [v for v in variants if v])}")
    config = default()
    variants[name](config)
    return config


def build_game(config: ConfigDict, image_shape: tuple[int, ...], num_classes: int | None = None) -> Game:
    """Makes the game that a config describes.

    Args:
        config: See `default`.
        image_shape: Of one record of the data: (height, width, channels), or (length,) for vectors.
        num_classes: Classes of the data; None: no labels.

    Raises:
        ConfigError: The config names something unknown, or lacks something.
    """
    system = find(config.system, SYSTEMS, "config.system")
    takes = inspect.signature(system).parameters
    given: dict[str, Any] = {"output_shape": image_shape, "dtype": config.dtype}
    if len(image_shape) == 3:
        height, width, channels = image_shape
        given |= {"image_size": height if height == width else (height, width), "channels": channels}
        given |= {"max_resolution": height, "resolution": height}
    # Networks are conditional where the game is: always, or when its field of that name says so.
    if num_classes and "num_classes" in takes and ("conditional" not in takes or config.game.get("conditional")):
        given["num_classes"] = num_classes
    players = {
        name: Player(
            network=make(spec.network, NETWORKS, f"config.players.{name}.network", **given),
            optimizer=make(spec.optimizer, OPTIMIZERS, f"config.players.{name}.optimizer"),
            constraint=make(spec.constraint, CONSTRAINTS, f"config.players.{name}.constraint"),
            average=make(spec.average, AVERAGES, f"config.players.{name}.average"),
            schedule=make(spec.schedule, SCHEDULES, f"config.players.{name}.schedule"),
            view=make(spec.view, VIEWS, f"config.players.{name}.view"),
        )
        for name, spec in config.players.items()
    }
    arguments = {key: value for key, value in given.items() if key in takes and key not in config.players}
    game = call(system, players | _plain(config.game), f"config.game ({config.system})", **arguments)
    return dataclasses.replace(game, accumulate=config.accumulate)

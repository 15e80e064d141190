"""Finds and makes what configs name: {"name": "adam", "learning_rate": 2e-4} becomes the optimiser.

A name is one of its kind's table, or "module:attribute" for something of your own. A part's fields may hold parts
themselves, a schedule in a term: which fields do is in `PARTS` and `LISTS`. The tables are in `jaxgan.tables`.
"""

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any, get_args

from ml_collections import ConfigDict

from jaxgan import config as config_words
from jaxgan.errors import ConfigError, UserError, nearest
from jaxgan.own import imported, is_own
from jaxgan.tables import Maker, is_made, table
from jaxgan.validate import check, is_plain, like

# Fields that hold one part, by the part's kind ...
PARTS = {
    "network": "network",
    "optimizer": "optimizer",
    "average": "average",
    "schedule": "schedule",
    "objective": "objective",
    "content": "content",
    "share": "schedule",
    "probability": "schedule",
}
# ... those of them that may also hold a plain value ...
OR_VALUES = ("probability", "share")
# ... and fields that hold a tuple of parts.
LISTS = {"constraints": "constraint", "views": "view", "terms": "term"}

# What a run, its data or its config give to parts that leave it out; in a resolved config such a field is None.
GIVEN = ("dtype", "num_classes", "resolution", "domains", "attributes", "scale_factor")


def find(name: Any, kind: str, where: str) -> Maker:
    """The class or function of that name: one of its kind's table, or "module:attribute" for one of your own.

    Args:
        name: The name.
        kind: See `jaxgan.tables.table`.
        where: The name's place, "config.system", for errors.

    Raises:
        ConfigError: There is none.
    """
    if is_own(name):
        return imported(name, kind, where)
    known = table(kind)
    if isinstance(name, str) and name in known:
        return known[name]
    raise ConfigError(f"{where}={name!r} is unknown: {nearest(name, known)}")


def parameters(maker: Maker) -> dict[str, inspect.Parameter]:
    """What a maker can be given, by name; a Flax module's own two fields are not hyper-parameters.

    Raises:
        ConfigError: It does not say, as some that are written in C.
    """
    try:
        signature = inspect.signature(maker, eval_str=True)
    except NameError:  # an annotation in quotes that only a type checker can read
        signature = inspect.signature(maker)
    except ValueError as error:
        raise ConfigError(f"{maker!r} does not say what it takes: name a function or class of Python") from error
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {
        name: parameter
        for name, parameter in signature.parameters.items()
        if name not in ("parent", "name") and parameter.kind not in variadic
    }


def make(spec: Any, kind: str, where: str, /, **given: Any) -> Any:
    """Makes what `spec` names, and the parts in its fields.

    Args:
        spec: {"name": ..., **fields}; a name alone has no fields.
        kind: See `jaxgan.tables.table`.
        where: The spec's place in the config, "config.players.generator.network", for errors.
        **given: Values for those of its parameters that `spec` leaves out or has as None; others are ignored. They reach
            the parts in its fields too: `run` (a `core.schedules.Run`), `dtype` and what the data say.

    Raises:
        ConfigError: An unknown name or field, a missing field, a wrong value, or something of another kind.
    """
    name, fields = split(spec, where)
    maker = find(name, kind, f"{where}.name" if kind != "system" else "config.system")
    made = _call(maker, str(name), fields, where, given)
    if not is_made(made, kind):
        raise ConfigError(f"{where} ({name}) makes a {type(made).__name__}, which is no {kind}: name another one")
    return made


def make_all(specs: Any, kind: str, where: str, /, **given: Any) -> tuple[Any, ...]:
    """Makes what each of a tuple of specs names, in order; arguments and errors as in `make`."""
    return tuple(make(spec, kind, f"{where}.{label}", **given) for label, spec in elements(specs, where))


def call(maker: Maker, fields: Mapping[str, Any], where: str, /, **given: Any) -> Any:
    """`maker(**fields)`, after making the parts in its fields; arguments and errors as in `make`."""
    return _call(maker, getattr(maker, "__name__", "it"), fields, where, given)


def _call(maker: Maker, name: str, fields: Mapping[str, Any], where: str, given: Mapping[str, Any]) -> Any:
    known = parameters(maker)
    label = f"{where} ({name})"
    refuse_unknown(fields, known, label)
    arguments = {}
    for field, parameter in known.items():
        value = fields.get(field)
        if value is None and given.get(field) is not None:
            arguments[field] = given[field]
        elif field in fields and not (value is None and field in GIVEN):
            value = _made(field, plain(value), f"{where}.{field}", given)
            arguments[field] = check(value, parameter.annotation, f"{where}.{field}")
    required = {field for field, parameter in known.items() if parameter.default is inspect.Parameter.empty}
    if missing := sorted(required - set(arguments)):
        raise ConfigError(f"{label} needs {', '.join(missing)}: add it to the config")
    try:
        return maker(**arguments)
    except UserError as error:
        raise ConfigError(f"{label}: {error}") from error


def _made(field: str, value: Any, where: str, given: Mapping[str, Any]) -> Any:
    """The value of a field, with the parts that it names made; what is made already stays."""
    if field in LISTS and isinstance(value, tuple):
        specs = [each for each in value if isinstance(each, Mapping | str)]
        return make_all(value, LISTS[field], where, **given) if specs else value
    if is_spec(field, value):
        return make(value, PARTS[field], where, **given)
    return value


def is_spec(field: str, value: Any) -> bool:
    """Whether the value of a field names one part; a name alone does too, where a word has no other meaning."""
    return field in PARTS and (isinstance(value, Mapping) or (isinstance(value, str) and field not in OR_VALUES))


def split(spec: Any, where: str) -> tuple[Any, dict[str, Any]]:
    """A spec's name and its fields.

    Raises:
        ConfigError: It is no spec.
    """
    if isinstance(spec, str):
        return spec, {}
    if not isinstance(spec, Mapping | ConfigDict):
        raise ConfigError(f"{where}={spec!r} names nothing: write named('...')")
    fields = dict(spec.items())
    return fields.pop("name", ""), fields


def elements(specs: Any, where: str) -> list[tuple[str, Any]]:
    """Each of a tuple of specs, under what a path calls it: its name, or its position if that name stood before.

    Raises:
        ConfigError: It is no tuple.
    """
    if not isinstance(specs, tuple | list):
        raise ConfigError(f"{where}={plain(specs)!r} is one thing: write a tuple, (named('...'),)")
    names = [split(spec, f"{where}.{index}")[0] for index, spec in enumerate(specs)]
    return [
        (name if str(name).isidentifier() and name not in names[:index] else str(index), specs[index])
        for index, name in enumerate(names)
    ]


def refuse_unknown(fields: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    """Raises a ConfigError for the first field that is not known, with the nearest one that is."""
    for field in fields:
        if field not in known:
            raise ConfigError(f"{where} has no field {field!r}: {nearest(field, known)}")


def plain(value: Any) -> Any:
    """A config's value as plain Python, ready for JSON: nested dicts, and tuples for lists."""
    if isinstance(value, ConfigDict | Mapping):
        return {key: plain(item) for key, item in value.items()}
    return tuple(plain(item) for item in value) if isinstance(value, list | tuple) else value


def foreign_names(config: Any) -> list[str]:
    """All names "module:attribute" in a config of unknown origin: making it would import and run these.

    Args:
        config: A config, resolved or not, or what JSON holds of one.

    Returns:
        The names, sorted, wherever they stand: more than what is imported today, never less. A data set "tfds:NAME" is none.
    """
    found: set[str] = set()

    def look(value: Any, *path: str) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                look(item, *path, str(key))
        elif isinstance(value, tuple):
            for item in value:
                look(item, *path)
        elif is_own(value) and not (path == ("data", "name") and value.startswith("tfds:")):
            found.add(value)

    look(plain(config))
    return sorted(found)


def resolve(config: Any) -> ConfigDict:
    """The config with every field that its parts know, their defaults filled in; resolving it again changes nothing.

    Fields without a default are left out, and so are those whose default is no plain value (a function). What the run or
    the data give to a part (`GIVEN`) is None where the config leaves it open.

    Args:
        config: A config, or the plain values of one, such as a run has stored.

    Raises:
        ConfigError: An unknown name or field, or a value of the wrong type or out of range.
    """
    base, fields = plain(config_words.default()), plain(config)
    refuse_unknown(fields, base, "config")
    whole = base | fields
    for name, value in base.items():
        if name == "data":
            whole[name] = _resolved_data(whole[name])
        elif name not in ("players", "game"):
            whole[name] = check(whole[name], like(value), f"config.{name}")
    whole["players"] = _resolved_players(whole["players"], "config.players")
    known = settings(whole["system"], whole["players"])
    whole["game"] = _resolved_fields(whole["game"], known, "config.game", f" ({whole['system']})")
    return as_config(whole)


def settings(system: Any, players: Mapping[str, Any]) -> dict[str, inspect.Parameter]:
    """What `config.game` can hold: the parameters of a system beside its players, by name.

    Args:
        system: Its name.
        players: The players of the config.

    Raises:
        ConfigError: There is no such system, or it has no such player.
    """
    from jaxgan.core import Player

    def is_player(annotation: Any) -> bool:
        return annotation is Player or any(map(is_player, get_args(annotation)))

    known = parameters(find(system, "system", "config.system"))
    roles = {name: one for name, one in known.items() if is_player(one.annotation)}
    refuse_unknown(players, roles or known, f"config.players ({system})")
    return {name: one for name, one in known.items() if name not in players and name not in roles}


def data_fields() -> tuple[dataclasses.Field[Any], ...]:
    """The fields of `data` in a config."""
    from jaxgan.data import DataConfig

    return dataclasses.fields(DataConfig)


def fields_kept(old: str, new: str) -> frozenset[str]:
    """Those of them that mean the same of other data; see `jaxgan.data.factory.fields_kept`."""
    from jaxgan.data import factory

    return factory.fields_kept(old, new)


def _resolved_data(fields: Mapping[str, Any]) -> dict[str, Any]:
    known = {field.name: field for field in data_fields()}
    refuse_unknown(fields, known, "config.data")
    values = {name: fields.get(name, field.default) for name, field in known.items()}
    return {name: check(value, known[name].type, f"config.data.{name}") for name, value in values.items()}


def _resolved_players(players: Mapping[str, Any], where: str) -> dict[str, Any]:
    known = parameters(config_words.player)
    resolved = {}
    for name, fields in players.items():
        place = f"{where}.{name}"
        if not isinstance(fields, Mapping) or not fields:
            raise ConfigError(f"{place}={fields!r} is no player: make one by jaxgan.config.player")
        if not set(fields) & set(known):
            resolved[name] = _resolved_players(fields, place)
            continue
        for part in ("network", "optimizer"):
            if fields.get(part) is None:
                raise ConfigError(f"{place} needs {part}: add it to the config")
        resolved[name] = _resolved_fields(fields, known, place)
    return resolved


def _resolved_fields(
    fields: Mapping[str, Any], known: Mapping[str, inspect.Parameter], where: str, label: str = ""
) -> dict[str, Any]:
    """The fields of a part or a player, with defaults."""
    refuse_unknown(fields, known, where + label)
    resolved: dict[str, Any] = {}
    for field, parameter in known.items():
        place = f"{where}.{field}"
        value = fields[field] if field in fields else plain(parameter.default)
        if field in GIVEN and (field not in fields or value is None):
            resolved[field] = None
        elif field == "run" or value is inspect.Parameter.empty:
            continue
        elif field in LISTS:
            parts = elements(() if value is None else value, place)
            resolved[field] = tuple(_resolved_part(spec, LISTS[field], f"{place}.{part}") for part, spec in parts)
        elif is_spec(field, value):
            resolved[field] = _resolved_part(value, PARTS[field], place)
        elif field in fields:
            resolved[field] = check(value, parameter.annotation, place)
        elif is_plain(value):
            resolved[field] = value
    return resolved


def _resolved_part(spec: Any, kind: str, where: str) -> dict[str, Any]:
    name, fields = split(spec, where)
    known = parameters(find(name, kind, f"{where}.name"))
    return {"name": name, **_resolved_fields(fields, known, where, f" ({name})")}


def as_config(value: Any) -> Any:
    """The inverse of `plain`; mappings inside tuples become ConfigDicts too."""
    if isinstance(value, Mapping):
        return ConfigDict({key: as_config(item) for key, item in value.items()})
    return tuple(as_config(item) for item in value) if isinstance(value, tuple) else value

"""Fields of a config set from outside, as the command line does: `players.generator.network.width=32`.

A path names fields from the top of the config: every field that the system and its parts know, whether the config writes it or
not. An element of a tuple is called by its part's name (the first of that name) or by its position, `game.terms.r1.weight=1`; a
part that the tuple lacks is put at its end. A part is replaced as a whole by its name, `players.generator.schedule=
linear_decay`, a tuple of parts by theirs, `game.terms=r1,lecam`; `=none` takes either away.

Other data, `data.name=folder`, take with them what the config says of its own: see `_forget_old_data`.
"""

import ast
import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Optional

from ml_collections import ConfigDict

from jaxgan.config import DEFAULT, WISHED
from jaxgan.errors import ConfigError, nearest
from jaxgan.own import is_own
from jaxgan.registry import (
    GIVEN,
    LISTS,
    OR_VALUES,
    PARTS,
    data_fields,
    elements,
    fields_kept,
    find,
    parameters,
    plain,
    refuse_unknown,
    resolve,
    settings,
)
from jaxgan.tables import table
from jaxgan.validate import Misfit, check, describe, fit, like

_WORDS = {"true": True, "false": False, "none": None}


def apply(config: Any, assignments: Iterable[tuple[str, Any]]) -> ConfigDict:
    """The resolved config after some assignments.

    The system and the names of parts are set first, so that the fields of the new ones can be set, in whatever order the
    assignments come; of two to the same field the last one counts.

    Args:
        config: See `jaxgan.config.default`.
        assignments: Paths, "players.generator.network.width", and values: text as it stands on a command line, or the value.

    Raises:
        ConfigError: An unknown field, or a value that it does not take.
    """
    tree = _editable(plain(config))
    rest = []
    for field, value in assignments:
        if field == "system":
            tree["system"] = value
        else:
            rest.append((field.split("."), value))
    tree = _editable(plain(resolve(tree)))
    for path, value in rest:
        if path == ["data", "name"] and value != tree["data"]["name"]:
            _forget_old_data(tree, value)
    names = [(path, value) for path, value in rest if _names_parts(path, value)]
    # A tuple of parts before the parts within its elements.
    for path, value in sorted(names, key=lambda pair: len(pair[0])):
        tree = _with_part(tree, path)
        _replace(tree, path, value)
        tree = _editable(plain(resolve(tree)))
    for path, value in rest:
        if not _names_parts(path, value):
            tree = _with_part(tree, path)
            _set(tree, path, value)
    return resolve(tree)


def lines(config: Any) -> list[str]:
    """The assignments that make this config of one with the same players: "players.generator.network.width=64", ...

    Args:
        config: A config.
    """
    tree = plain(resolve(config))
    return list(_lines(_editable(tree), tree, ()))


def read(text: str, annotation: Any, where: str) -> Any:
    """The value that a text stands for: the first reading of it that the field's annotation admits.

    Args:
        text: "3", "1e-4", "true", "none", "32,24", a Python literal, or a word.
        annotation: See `jaxgan.validate.fit`.
        where: The field's place, for errors.

    Raises:
        ConfigError: The annotation admits none.
    """
    for reading in _readings(text):
        try:
            return fit(reading, annotation)
        except Misfit:
            continue
    raise ConfigError(f"{where}={text!r}, but it must be {describe(annotation)}")


def _readings(text: str) -> Iterator[Any]:
    word = text.strip().lower()
    if word in _WORDS:
        yield _WORDS[word]
    yield _literal(text)
    yield text
    if word in ("none", ""):
        yield ()
    yield tuple(_literal(part.strip()) for part in text.split(","))
    yield tuple(part.strip() for part in text.split(","))


def _literal(text: str) -> Any:
    """A Python literal, or the text itself where it is none."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _editable(value: Any) -> Any:
    """Plain values with lists for tuples, whose elements can be replaced."""
    if isinstance(value, Mapping):
        return {key: _editable(item) for key, item in value.items()}
    return [_editable(item) for item in value] if isinstance(value, tuple) else value


# ---- parts by name


def _holds_parts(path: list[str]) -> bool:
    """Whether fields of that place are parts: beside `players` and `game`, "name" and "schedule" are words like others."""
    return len(path) > (1 if path[0] == "game" else 2) and path[0] in ("game", "players")


def _names_parts(path: list[str], value: Any) -> bool:
    """Whether an assignment names the part, or the parts, that stand at the end of its path."""
    if not _holds_parts(path):
        return False
    *holder, last = path
    if last == "name":
        return holder[-1] in PARTS or any(name in LISTS for name in holder[-2:-1])
    if holder[-1] in LISTS:  # a term may be called like a field
        return False
    if last in OR_VALUES and isinstance(value, str):
        return value in table(PARTS[last]) or ":" in value
    return last in LISTS or (last in PARTS and (last not in OR_VALUES or isinstance(value, Mapping | ConfigDict)))


def _replace(tree: dict[str, Any], path: list[str], value: Any) -> None:
    """Puts a part that is named, with no field set, or a tuple of such, in the place of another."""
    if path[-1] == "name":
        path, value = path[:-1], None if _is_none(value) else _named(value)
    elif path[-1] in LISTS:
        value = [_named(each) for each in _specs(value)]
    elif isinstance(value, str):
        value = None if _is_none(value) else _named(value)
    holder = _walk(tree, path[:-1], path)
    where = ".".join(["config", *path[:-1]])
    if isinstance(holder, list):
        index = _index(holder, path[-1], where, path[-2])
        holder[index : index + 1] = [] if value is None else [_editable(plain(value))]
    else:
        part = _part_at(tree, path[:-1])
        known = {**holder, **(part or {})}
        refuse_unknown({path[-1]: value}, known, where)
        holder[path[-1]] = _editable(plain(value))


def _with_part(tree: dict[str, Any], path: list[str]) -> dict[str, Any]:
    """The tree with the part in whose fields a path leads, at the end of its tuple where that lacks it.

    `game.terms.r1.weight` adds r1; a part of an unknown name is left to whoever follows the path.
    """
    place = next((depth for depth, name in enumerate(path[:-2], 1) if name in LISTS), None)
    if place is None or not _holds_parts(path[: place + 1]):
        return tree
    parts, name = _walk(tree, path[:place], path), path[place]
    if not isinstance(parts, list) or _place_of(parts, name) is not None:
        return tree
    if name not in table(LISTS[path[place - 1]]) and not is_own(name):
        return tree
    parts.append({"name": name})
    return _editable(plain(resolve(tree)))


def _forget_old_data(tree: dict[str, Any], name: str) -> None:
    """Takes away what the config says of its own data, for others are to take their place.

    That is what the new data do not read, such as the domain of the digits; the size, the names and the channels that the old
    ones had; and the number of classes, the domains and the like of the system, which the new data say. The config's metrics
    remain as far as the new data can be measured by them, beside the usual ones of the new data.
    """
    data = tree["data"]
    kept = fields_kept(data["name"], name)
    for field in data_fields():
        if field.name != "name" and field.name not in kept:
            data[field.name] = field.default
    for given in set(GIVEN) - {"dtype"}:
        if given in tree["game"]:
            tree["game"][given] = None
    if tree["metrics"]:
        wished = [each.removesuffix(WISHED) + WISHED for each in tree["metrics"] if each != DEFAULT]
        tree["metrics"] = [*wished, DEFAULT]


def _is_none(value: Any) -> bool:
    return isinstance(value, str) and value.lower() == "none"


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _specs(value: Any) -> Any:
    if isinstance(value, str):
        return [] if _is_none(value) else [name.strip() for name in value.split(",") if name.strip()]
    return () if value is None else value


# ---- fields by path


def _walk(tree: Any, path: list[str], whole: list[str]) -> Any:
    """The mapping or the list at the end of a path."""
    at = tree
    for depth, name in enumerate(path):
        where = ".".join(["config", *path[:depth]])
        if isinstance(at, list):
            at = at[_index(at, name, where, path[depth - 1])]
        else:
            _refuse_unknown(name, at, where)
            at = at[name]
        if not isinstance(at, dict | list):
            place = ".".join(["config", *path[: depth + 1]])
            cure = f": name one first, --{place}=NAME" if at is None and name in PARTS else ""
            raise ConfigError(f"{place} is {at!r} and has no field {whole[depth + 1]!r}{cure}")
    return at


def _refuse_unknown(name: str, known: Mapping[str, Any], where: str) -> None:
    """`refuse_unknown` of one name; of one that is a part of a tuple, such as a view, it says where these stand."""
    for field, kind in LISTS.items() if name not in known else ():
        if name in table(kind):
            place = where if field in known else "config.game" if field == "terms" else "config.players.PLAYER"
            raise ConfigError(f"{where} has no field {name!r}, which is a {kind}: set --{place}.{field}.{name}.FIELD")
    refuse_unknown({name: None}, known, where)


def _place_of(items: list[Any], name: str) -> int | None:
    """The position of an element that a path calls by its part's name or by its position; None where there is none."""
    if name.isdecimal() and int(name) < len(items):
        return int(name)
    names = [item.get("name") if isinstance(item, dict) else item for item in items]
    return names.index(name) if name in names else None


def _index(items: list[Any], name: str, where: str, field: str) -> int:
    """`_place_of`, or an error that offers what there is, and what could be put there."""
    found = _place_of(items, name)
    if found is None:
        names = [str(item.get("name") if isinstance(item, dict) else item) for item in items]
        known = dict.fromkeys([*names, *(table(LISTS[field]) if field in LISTS else ())])
        raise ConfigError(f"{where} has no element {name!r}: {nearest(name, known) if known else 'it is empty'}")
    return found


def _part_at(tree: Any, path: list[str]) -> dict[str, inspect.Parameter] | None:
    """What the part at the end of a path can be given; None where there is no part."""
    if path == ["game"]:
        return settings(tree["system"], tree["players"])
    if not _holds_parts(path):
        return None
    kind = LISTS.get(path[-2]) or PARTS.get(path[-1])
    at = _walk(tree, path, [*path, ""])
    if kind is None or not isinstance(at, dict):
        return None
    return parameters(find(at.get("name"), kind, ".".join(["config", *path, "name"])))


def _annotation(tree: Any, path: list[str]) -> Any:
    """The type of the field at the end of a path.

    Raises:
        ConfigError: There is no such field, or it holds fields of its own.
    """
    holder, last, where = _walk(tree, path[:-1], path), path[-1], ".".join(["config", *path[:-1]])
    if path[:-1] == ["data"]:
        known: Mapping[str, Any] = {field.name: field.type for field in data_fields()}
        refuse_unknown({last: None}, known, where)
        return known[last]
    part = _part_at(tree, path[:-1]) if path[:-1] else None
    if part is not None:
        _refuse_unknown(last, {name: None for name in part if name != "run"}, where)
        annotation = part[last].annotation
        return Optional[annotation] if last in GIVEN else annotation  # noqa: UP045 - an annotation may be no type
    if isinstance(holder, list):
        _index(holder, last, where, path[-2])
        raise ConfigError(f"{where}.{last} is a part: set one of its fields, or {where}.{last}.name")
    refuse_unknown({last: None}, holder, where)
    if isinstance(holder[last], dict):
        fields = ", ".join(sorted(holder[last])) or "none"
        raise ConfigError(f"{where}.{last} has fields of its own: set one of them ({fields})")
    return like(plain(holder[last]))


def _set(tree: dict[str, Any], path: list[str], value: Any) -> None:
    annotation, where = _annotation(tree, path), ".".join(["config", *path])
    value = read(value, annotation, where) if isinstance(value, str) else plain(value)
    _walk(tree, path[:-1], path)[path[-1]] = check(value, annotation, where)


# ---- a config as assignments


def _lines(tree: dict[str, Any], at: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    in_part = bool(path) and _part_at(tree, list(path)) is not None
    for name, value in at.items():
        place = (*path, name)
        whole = ".".join(place)
        parts = _holds_parts(list(place))
        if parts and name in LISTS:
            yield f"{whole}={','.join(each['name'] for each in value)}"
            for label, part in elements(value, whole):
                yield from _lines(tree, _without_name(part), (*place, label))
        elif parts and name in PARTS and isinstance(value, Mapping):
            yield f"{whole}={value['name']}"
            yield from _lines(tree, _without_name(value), place)
        elif isinstance(value, Mapping) and not in_part:
            yield from _lines(tree, value, place)
        else:
            yield f"{whole}={_text(value, tree, list(place))}"


def _without_name(part: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in part.items() if field != "name"}


def _text(value: Any, tree: dict[str, Any], path: list[str]) -> str:
    """What `read` reads as this value: as it would be typed, or else as a Python literal."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    typed = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    if path[0] == "system" or read(typed, _annotation(tree, path), ".".join(path)) == value:
        return typed
    return repr(value)

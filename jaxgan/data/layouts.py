"""How a folder or zip of images is laid out: its splits, its classes, which are the same for every split, and two domains."""

import json
import os
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxgan.data.attributes import read_table
from jaxgan.data.containers import Container, Tars, open_container
from jaxgan.data.errors import DataError
from jaxgan.data.files import SPLITS, FilePictures, unwrap
from jaxgan.data.listing import say_once
from jaxgan.data.specs import numbered
from jaxgan.foreign import shown

_LABELS = "dataset.json"
_MOST_CLASSES = 65_536  # a larger number is no class


def folder_pictures(path: str, split: str, table: str = "") -> FilePictures:
    """The images of a folder or zip, in the order of their names.

    A folder that holds nothing but folders named train, test, val, valid, validation, training or testing (in any case) is
    split: `split` picks one. Folders that wrap all the rest are passed through. Then, if every image lies in one of at least
    two subfolders, these are the classes, numbered in the order of their names, or of the numbers where all names are numbers;
    else there are no labels. All splits together say which classes there are, so that a class has one number in each, also
    where one of them lacks it.

    A `dataset.json` with "labels", as StyleGAN's tools write it beside the images, says the labels instead: a list of pairs of
    a path below it and a number, or null for none. Subfolders then mean nothing. It may name the classes, "classes": ["cat",
    "dog"]. In tars as WebDataset writes them, the label of `key.png` is in `key.cls`: a number, or the name of a class; and
    where all tars of a folder are called by a split and a number, `train-0000.tar`, `val-0000.tar`, they are these splits.

    Args:
        path: The folder, zip or tar.
        split: Which split.
        table: A CSV that says the labels instead, with a header and a row for each picture: its name, or its path below the
            folder, and the name of its class; "" for none.

    Raises:
        DataError: Nothing there, no such split, or labels that are none.
    """
    container = open_container(path)
    names, root = unwrap(container.names, "")
    parts = _shards(container) or _splits(names, root, container.where(root))
    split = split.lower()
    if parts and split not in parts:
        known = " or ".join(repr(name) for name in sorted(parts))
        raise DataError(f"{container.where(root)} has no images in {split}/; data.split can be {known}")
    if not parts and split != "train":
        raise DataError(
            f"{container.where(root)} is not split; make the folder {split}/ beside train/, or leave data.split"
        )
    chosen, called = (split, split) if parts else ("", "")
    parts = parts or {"": (names, root)}
    told = _in_table(table, container) if table else container.classes() if isinstance(container, Tars) else None
    if told is not None:
        return _called_classes(container, _joined(*parts[chosen]), told, called)
    if isinstance(container, Tars) and container.sharded:  # what looks like a folder is a tar
        return FilePictures(container, _joined(*parts[chosen]), split=called)
    stated = {name: _stated(container, unwrap(*part)[1]) for name, part in parts.items()}
    if any(labels is not None for labels in stated.values()):
        full = _joined(*parts[chosen])
        if stated[chosen] is None:
            other = next(name for name, labels in stated.items() if labels is not None)
            raise DataError(
                f"{container.where(root)} has a {_LABELS} for {other}, but none for {split}; add one to both, or to neither"
            )
        if not (here := stated[chosen]):
            return FilePictures(container, full, split=called)
        if missing := [name for name in full if name not in here]:
            raise DataError(
                f"{_LABELS} of {container.where(root)} has no label for {len(missing)} of {len(full)} images, such as "
                f"{missing[0]}; add them, or set its labels to null"
            )
        highest = 1 + max(max(labels.values()) for labels in stated.values() if labels)
        classes = _named(container, unwrap(*parts[chosen])[1], highest)
        return FilePictures(container, full, np.array([here[name] for name in full], np.int32), classes, called)
    classes = _classes(unwrap(*part)[0] for part in parts.values())
    names, root = unwrap(*parts[chosen], keep=classes)
    tops = _tops(names)
    if not tops or not all("/" in name for name in names) or not tops <= set(classes):
        if classes or len(tops) > 1:
            folders = set(classes) or tops
            stray = [name for name in names if "/" not in name or name.split("/")[0] not in folders]
            say_once(
                f"{container.where(root)} is read without labels: {len(stray)} of its {len(names)} images lie in none of the "
                f"folders {', '.join(sorted(folders)[:10])}, such as {stray[0]}"
            )
        elif len({top for part in parts.values() for top in _tops(part[0])}) > 1:
            say_once(
                f"{container.where(root)} is read without labels: each of its splits has one subfolder, of another name"
            )
        return FilePictures(container, _joined(names, root), split=called)
    number = {name: label for label, name in enumerate(classes)}
    labels = np.array([number[name.split("/")[0]] for name in names], np.int32)
    return FilePictures(container, _joined(names, root), labels, classes, called)


def _called_classes(container: Container, names: Sequence[str], told: Mapping[str, str], split: str) -> FilePictures:
    """The pictures whose class is told by its name, or its number; all that is told says which classes there are."""
    classes = ordered(set(told.values()))
    if all(map(_is_number, classes)) and classes:  # class 7 is 7, whether or not there is a 6
        if int(classes[-1]) >= _MOST_CLASSES:
            raise DataError(f"{container.path} has the class {classes[-1]}; number them from 0 to {_MOST_CLASSES - 1}")
        classes, told = numbered(int(classes[-1]) + 1), {name: str(int(label)) for name, label in told.items()}
    number = {name: label for label, name in enumerate(classes)}
    return FilePictures(container, names, np.array([number[told[name]] for name in names], np.int32), classes, split)


def _in_table(path: str, container: Container) -> dict[str, str]:
    """The class of each picture, from a CSV."""
    header, rows = read_table(path, container.names, container.path, "data.labels_file")
    if len(header) != 2:
        raise DataError(
            f"{path} has {len(header)} columns, but labels need two, a picture's name and its class; repair it"
        )
    for (line, row), name in zip(rows, container.names, strict=True):
        if not row[1] or not shown(row[1]):
            raise DataError(f"{path}, line {line}: {row[1]!a} is no name of a class for {name}; write one")
    return {name: row[1] for name, (_, row) in zip(container.names, rows, strict=True)}


def _named(container: Container, root: str, count: int) -> tuple[str, ...]:
    """What a `dataset.json` calls its classes, or their numbers."""
    told, file = _told(container, root)
    names, where = told.get("classes"), container.where(file)
    if names is None:
        return numbered(count)
    if not isinstance(names, list) or not all(isinstance(name, str) and name and shown(name) for name in names):
        raise DataError(f'{where}: its "classes" are {str(names)[:60]!a}; give a list of names, or leave them out')
    if len(set(names)) < len(names) or len(names) < count:
        raise DataError(
            f'{where}: its "classes" are {len(set(names))} names for {count} classes; give each a name of its own'
        )
    return tuple(names)


def two_folder_pictures(path: str, split: str, aligned: bool) -> tuple[FilePictures, FilePictures]:
    """The images of two domains: `split`/A and `split`/B, or `split`A and `split`B, below a folder or in a zip.

    Aligned pairs are those of the same name without the extension. Where all images of A lie in one of several subfolders,
    these are its classes, as in `folder_pictures`.

    Raises:
        DataError: A missing domain, or an image without its counterpart.
    """
    container = open_container(path)
    names, root = unwrap(container.names, "")
    layouts = [(f"{split}/{domain}/", f"{split}{domain}/") for domain in "AB"]
    for prefix_a, prefix_b in zip(*layouts, strict=True):
        a, b = ([name for name in names if name.startswith(prefix)] for prefix in (prefix_a, prefix_b))
        if a and b:
            break
    else:
        raise DataError(
            f"{container.where(root)} has no images in both {split}/A and {split}/B, nor in {split}A and {split}B; "
            "make these folders, or set data.split"
        )
    if aligned:
        stems_a, stems_b = _by_stem(a, prefix_a), _by_stem(b, prefix_b)
        for mine, others, other in ((stems_a, stems_b, prefix_b), (stems_b, stems_a, prefix_a)):
            if lonely := sorted(mine.keys() - others.keys()):
                file = container.where(posixpath.join(root, mine[lonely[0]]))
                raise DataError(
                    f"{file} has no counterpart in {other}; add it, or, for a game that needs no pairs, set data.aligned=False"
                )
        a, b = ([stems[stem] for stem in sorted(stems)] for stems in (stems_a, stems_b))
    full_a, full_b = ([posixpath.join(root, name) for name in part] for part in (a, b))
    between = prefix_a.removeprefix(split)
    splits = {each: f"{each}{between}" for each in sorted(SPLITS | {split})}
    below = {each: [name.removeprefix(at) for name in names if name.startswith(at)] for each, at in splits.items()}
    classes = _classes(below.values())
    own = [name.removeprefix(prefix_a).split("/")[0] for name in a]
    labels = np.array([classes.index(top) for top in own], np.int32) if classes and set(own) <= set(classes) else None
    known = () if labels is None else classes
    return FilePictures(container, full_a, labels, known), FilePictures(container, full_b)


def splits_of(path: str) -> tuple[str, ...]:
    """The splits of a folder, zip or tar, train before the others; () where it has none.

    Raises:
        DataError: As `folder_pictures`.
    """
    container = open_container(path)
    names, root = unwrap(container.names, "")
    found = _shards(container) or _splits(names, root, container.where(root))
    return tuple(sorted(found, key=lambda name: (name != "train", name)))


def _joined(names: Sequence[str], root: str) -> list[str]:
    return [posixpath.join(root, name) for name in names]


def _tops(names: Iterable[str]) -> set[str]:
    """The subfolders that hold images."""
    return {name.split("/")[0] for name in names if "/" in name}


def _splits(names: Sequence[str], root: str, where: str) -> dict[str, tuple[list[str], str]]:
    """The names below each split's folder, and that folder, by the split's name in lower case; {} if there are none."""
    tops = _tops(names)
    folders = sorted(top for top in tops if top.lower() in SPLITS)
    stray = [name for name in names if "/" not in name]
    if not folders or (len(folders) == 1 and (stray or tops != set(folders))):
        return {}  # a class may be called train
    if others := sorted(tops - set(folders)):
        raise DataError(
            f"{where} has {others[0]}/ beside its splits {', '.join(folders)}; move it away, or set data.path to one of them"
        )
    if len({folder.lower() for folder in folders}) < len(folders):
        raise DataError(f"{where} has one split twice, {', '.join(folders)}; rename one of them")
    if stray:
        say_once(f"{where}: left out images beside its splits {', '.join(folders)}: {len(stray)} ({stray[0]} ...)")
    parts = {}
    for folder in folders:
        inside = [name.removeprefix(f"{folder}/") for name in names if name.startswith(f"{folder}/")]
        parts[folder.lower()] = (inside, posixpath.join(root, folder))
    return parts


def _shards(container: Container) -> dict[str, tuple[list[str], str]]:
    """As `_splits`, of tars that are called by several splits and numbers, `train-0000.tar`; {} of all others."""
    if not isinstance(container, Tars) or not container.sharded:
        return {}
    parts: dict[str, tuple[list[str], str]] = {}
    for name in container.names:
        found = re.fullmatch("(.+)-[0-9]+", name.split("/")[0].lower())
        if found is None or found[1] not in SPLITS:
            return {}
        parts.setdefault(found[1], ([], ""))[0].append(name)
    return parts if len(parts) > 1 else {}


def _classes(parts: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The classes of all splits, in their order."""
    found: set[str] = set()
    for names in parts:
        tops = _tops(names)
        if len(tops) > 1 and all("/" in name for name in names):
            found |= tops
    return ordered(found)


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Names of classes in their order: that of numbers, 1 2 10, where all are numbers; else that of words."""
    names = set(names)
    numbers = all(map(_is_number, names))
    return tuple(sorted(names, key=lambda name: (int(name) if numbers else 0, name)))


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()


def _stated(container: Container, root: str) -> Mapping[str, int] | None:
    """The labels that a `dataset.json` in `root`, or in a folder around it, gives to images, by their paths.

    Returns:
        {} for an unlabelled set, None where there is no such file.
    """
    told, file = _told(container, root)
    return _by_path(told["labels"], posixpath.dirname(file), container.where(file)) if file else None


def _told(container: Container, root: str) -> tuple[dict[str, Any], str]:
    """What the `dataset.json` in `root`, or in a folder around it, says, and its path; "" where there is none with labels."""
    places, at = [""], ""
    for part in filter(None, root.split("/")):
        places.append(at := posixpath.join(at, part))
    for place in places:
        if (file := container.find(place, _LABELS)) is None:
            continue
        where = container.where(file)
        try:
            told = json.loads(container.read(file))
        except DataError:
            raise
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where} is no JSON ({str(error)[:80]!a}); repair it, or move it away") from error
        if not isinstance(told, dict) or "labels" not in told:
            say_once(f'{where} says no "labels", as StyleGAN\'s tools write them, and is not used')
            continue
        return told, file
    return {}, ""


def _by_path(entries: object, place: str, where: str) -> Mapping[str, int]:
    if entries is None:
        return {}
    labels: dict[str, int] = {}
    for entry in entries if isinstance(entries, list) else [entries]:
        if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str)):
            raise DataError(
                f'{where} holds {str(entry)[:60]!a}; its labels must be pairs, ["00000/img.png", 3], or null'
            )
        name, label = posixpath.join(place, entry[0].replace("\\", "/")), entry[1]
        if not (isinstance(label, int) and not isinstance(label, bool) and 0 <= label < _MOST_CLASSES):
            raise DataError(
                f"{where} gives {entry[0][:80]!a} the label {str(label)[:60]!a}; "
                f"labels must be class numbers from 0 to {_MOST_CLASSES - 1}"
            )
        if labels.setdefault(name, label) != label:
            raise DataError(
                f"{where} gives {entry[0][:80]!a} the labels {labels[name]} and {label}; remove one of them"
            )
    return labels


def _by_stem(names: Sequence[str], prefix: str) -> dict[str, str]:
    stems: dict[str, str] = {}
    for name in names:
        stem = os.path.splitext(name.removeprefix(prefix))[0]
        if stem in stems:
            raise DataError(f"{stems[stem]} and {name} have one name, so pairs are ambiguous; remove one of them")
        stems[stem] = name
    return stems

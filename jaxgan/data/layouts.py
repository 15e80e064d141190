"""How a folder or zip of images is laid out: its splits, and its classes, which are the same for every split."""

import json
import posixpath
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from jaxgan.data.errors import DataError
from jaxgan.data.files import SPLITS, Container, FilePictures, open_container, unwrap
from jaxgan.data.listing import say_once
from jaxgan.data.specs import numbered

_LABELS = "dataset.json"
_MOST_CLASSES = 65_536  # a larger number is no class


def folder_pictures(path: str, split: str) -> FilePictures:
    """The images of a folder or zip, in the order of their names.

    A folder that holds nothing but folders named train, test, val, valid, validation, training or testing (in any case) is
    split: `split` picks one. Folders that wrap all the rest are passed through. Then, if every image lies in one of at least
    two subfolders, these are the classes, numbered in the order of their names, or of the numbers where all names are numbers;
    else there are no labels. All splits together say which classes there are, so that a class has one number in each, also
    where one of them lacks it.

    A `dataset.json` with "labels", as StyleGAN's tools write it beside the images, says the labels instead: a list of pairs of
    a path below it and a number, or null for none. Subfolders then mean nothing.

    Raises:
        DataError: Nothing there, no such split, or labels that are none.
    """
    container = open_container(path)
    names, root = unwrap(container.names, "")
    parts = _splits(names, root, container.where(root))
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
        classes = numbered(1 + max(max(labels.values()) for labels in stated.values() if labels))
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


def _classes(parts: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The classes of all splits, in their order: that of numbers, 1 2 10, where all names are numbers; else that of words."""
    found: set[str] = set()
    for names in parts:
        tops = _tops(names)
        if len(tops) > 1 and all("/" in name for name in names):
            found |= tops
    numbers = all(name.isascii() and name.isdigit() for name in found)
    return tuple(sorted(found, key=lambda name: (int(name) if numbers else 0, name)))


def _stated(container: Container, root: str) -> Mapping[str, int] | None:
    """The labels that a `dataset.json` in `root`, or in a folder around it, gives to images, by their paths.

    Returns:
        {} for an unlabelled set, None where there is no such file.
    """
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
        return _by_path(told["labels"], place, where)
    return None


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

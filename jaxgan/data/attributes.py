"""Attributes of pictures from a text file: CelebA's list_attr_celeba.txt, or a CSV with a header."""

import csv
import os
import posixpath
from collections.abc import Iterator, Sequence

import numpy as np

from jaxgan.data.errors import DataError, nearest
from jaxgan.data.images import Attributes
from jaxgan.foreign import MIB, open_regular, shown

_LARGEST = 256 * MIB  # CelebA's list of 202,599 pictures is 26
_VALUES = {"1": 1.0, "+1": 1.0, "0": 0.0, "-1": 0.0}


def read_attributes(path: str, wanted: Sequence[str], pictures: Sequence[str], where: str) -> Attributes:
    """The attributes of pictures.

    A CSV has a header, whose first column is that of the pictures' names, and a row for each picture. CelebA's list has the
    number of pictures in a line of its own, the attributes in the next, and then the rows; spaces separate. 1 is for what a
    picture has, 0 or -1 for what it has not. A name is that of a file, or its path below the folder of the pictures.

    Args:
        path: The file.
        wanted: Names of the attributes to use, in this order; () for all, in the file's.
        pictures: Paths of the pictures below their folder.
        where: What their folder is called in messages.

    Raises:
        DataError: The file cannot be read or is none of these, an attribute is not in it, a picture has no row, or a value is
            none of -1, 0 and 1.
    """
    header, lines = read_table(path, pictures, where, "data.attributes_file")
    known = {name: column for column, name in enumerate(header[1:], 1)}
    if doubled := next((name for name in header[1:] if header.count(name) > 1), None):
        raise DataError(f"{path} has the attribute {doubled!r} twice; rename one")
    for name in wanted:
        if name not in known:
            raise DataError(f"data.attributes names {name!r}, which is not in {path}{nearest(name, known)}")
    names = tuple(wanted) or tuple(known)
    values = np.empty((len(pictures), len(names)), np.float32)
    for index, (line, row) in enumerate(lines):
        for place, name in enumerate(names):
            text = row[known[name]]
            if text not in _VALUES:
                raise DataError(f"{path}, line {line}: {name} is {text[:40]!a}; an attribute must be 1, 0 or -1")
            values[index, place] = _VALUES[text]
    return Attributes(names, values)


def read_table(
    path: str, pictures: Sequence[str], where: str, field: str
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header of a CSV, or of CelebA's list, and the row of each picture with the number of its line.

    Args:
        path: The file.
        pictures: Paths of the pictures below their folder.
        where: What their folder is called in messages.
        field: Which field names the file, for messages.

    Raises:
        DataError: The file cannot be read or is none of these, a picture has no row, a name has two that differ, or two
            pictures have one.
    """
    rows = _rows(path, field)
    header = next(rows)[1]
    found: dict[str, tuple[int, list[str]]] = {}
    for line, row in rows:
        if len(row) != len(header):
            raise DataError(f"{path}, line {line} has {len(row)} columns, but the header has {len(header)}; repair it")
        before = found.setdefault(row[0].replace("\\", "/"), (line, row))
        if before[1][1:] != row[1:]:
            raise DataError(
                f"{path}, line {line}: {row[0]!a} stands in line {before[0]} with other values; remove one of them"
            )
    names = [picture if picture in found else posixpath.basename(picture) for picture in pictures]
    lines, told = [found.get(name) for name in names], dict[str, str]()
    for picture, name in zip(pictures, names, strict=True):
        if name in found and told.setdefault(name, picture) != picture:
            raise DataError(
                f"{path}, line {found[name][0]}: {name!a} could be {told[name]} and {picture} of {where}; give each a row with "
                "its path below that folder"
            )
    if missing := [picture for picture, row in zip(pictures, lines, strict=True) if row is None]:
        raise DataError(
            f"{path} has no row for {len(missing)} of {len(pictures)} pictures of {where}, such as {missing[0]}; add it, or "
            "move the picture away"
        )
    return header, [row for row in lines if row is not None]


def _rows(path: str, field: str) -> Iterator[tuple[int, list[str]]]:
    """The header, beginning with the name of the first column, and the rows, each with the number of its line."""
    path = os.path.expanduser(path)
    if not os.path.exists(path):
        raise DataError(f"{path} does not exist; set {field} to a CSV")
    try:
        with open_regular(path) as file:
            content = file.read(_LARGEST + 1)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text ({error}); set {field} to a CSV") from error
    if len(content) > _LARGEST:
        raise DataError(f"{path} is larger than {_LARGEST // MIB} MiB; set {field} to a CSV")
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    spaced = len(lines) > 1 and lines[0][1].strip().isdecimal()  # CelebA's, which counts its pictures first
    if len(lines) < 2 + spaced:
        raise DataError(f"{path} has no row of a picture; give it a header and a row for each picture")
    lines = lines[spaced:]
    for number, (line, content_of_line) in enumerate(lines):
        row = content_of_line.split() if spaced else [cell.strip() for cell in next(csv.reader([content_of_line]))]
        if not number:
            row = ["", *row] if spaced else row
            if not all(map(shown, row)):
                raise DataError(f"{path} has names with characters that cannot be shown in its header; change them")
            if len(row) < 2:
                raise DataError(f"{path} has one column alone in its header; separate columns by commas")
        yield line, row

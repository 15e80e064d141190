"""What the commands write: grids and folders of images, NumPy files, tables."""

import csv
import math
import os
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan import pictures
from jaxgan.errors import UserError
from jaxgan.files import atomically, check_place
from jaxgan.foreign import printable

_WIDEST = 4096  # pixels of a grid's row that has a column for each class
_GRID = 2**28  # pixels' values in one grid, which is held in memory


def check_new(output: Path | None) -> None:
    """Raises a UserError for an `--output` that is there already, or cannot be made."""
    if output is not None and os.path.lexists(output):
        raise UserError(f"--output={output} exists already: remove it, or choose another name")
    if output is not None:
        check_place(output)


def check_format(format: str, number: int, shape: tuple[int, ...]) -> None:
    """Checks that so many images, (H, W, C), or vectors, (D,), can be written so; called before they are drawn.

    Raises:
        UserError: A folder is asked for vectors, or a grid that would not fit into memory.
    """
    if format == "folder" and len(shape) == 1:
        raise UserError("--format=folder is for images, but these samples are vectors: take png or npz")
    most = max(1, _GRID // math.prod(shape))
    if format == "png" and len(shape) > 1 and number > most:
        raise UserError(f"--num={number}: one grid holds at most {most} of these images: take --format=npz or folder")


def write_images(
    parts: Iterator[np.ndarray],
    number: int,
    label: np.ndarray | None,
    format: str,
    output: Path,
    seeds: Sequence[int] | None = None,
) -> None:
    """Writes images that are drawn a few at a time; only a grid holds all of them.

    Args:
        parts: Float32 (B, H, W, C) in [-1, 1], or vectors (B, D).
        number: How many there are in all.
        label: Their classes, int (N,), or None.
        format: "png": one grid (vectors: one plot); "npz": "image", uint8 (vectors: float32), and "label"; "folder": a
            PNG for each image.
        output: The file, or the folder.
        seeds: That of each, where each has its own: names of files then tell it, and an .npz has them as "seed".
    """
    if format == "npz":
        pixels = (part if part.ndim == 2 else pictures.to_uint8(part) for part in parts)
        others = {"label": label, "seed": None if seeds is None else np.array(seeds)}
        write_npz_of_parts("image", pixels, number, others, output)
    elif format == "png":
        images = np.concatenate(list(parts))
        if images.ndim == 2:
            image = pictures.density(None, images)
        else:
            columns = _class_columns(label, images.shape[1:])
            columns = columns or min(number, pictures.columns_for(images.shape[1:], max(8, round(number**0.5))))
            image = pictures.grid(images, columns)
        with atomically(output) as temporary:
            image.save(temporary, "PNG")
    else:
        numbers = range(number) if seeds is None else seeds
        digits = len(str(max(numbers)))
        for index, pixels in enumerate(one for part in parts for one in pictures.to_uint8(part)):
            name = ("" if seeds is None else "seed") + f"{numbers[index]:0{digits}d}"
            name += "" if label is None else f"_class{label[index]}"
            write_png(pixels, output / f"{name}.png")


def _class_columns(label: np.ndarray | None, shape: tuple[int, ...]) -> int:
    """The columns of a grid in which each class has its own, where classes take turns and there is room; else 0."""
    classes = 0 if label is None else len(np.unique(label))
    if label is None or not 1 < classes < len(label) or not (label[:-classes] == label[classes:]).all():
        return 0
    if len(np.unique(label[:classes])) < classes:
        return 0
    return classes if classes * max(shape[:2]) <= _WIDEST else 0


def write_png(pixels: np.ndarray, output: Path) -> None:
    """Writes uint8 (H, W, C) as one picture."""
    with atomically(output) as temporary:
        pictures.to_image(pixels).save(temporary, "PNG")


def write_npz(arrays: dict[str, Any], output: Path) -> None:
    """Writes arrays as one NumPy file; those that are None are left out."""
    present = {name: array for name, array in arrays.items() if array is not None}
    with atomically(output) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **present)


def write_npz_of_parts(
    name: str, parts: Iterator[np.ndarray], number: int, others: dict[str, Any], output: Path
) -> None:
    """`write_npz` of an array that comes in parts, and others that are whole.

    Args:
        name: Of the array.
        parts: Its entries, (B, ...), in order.
        number: How many they are in all.
        others: More arrays by name; those that are None are left out.
        output: The file.
    """
    whole = {key: array for key, array in others.items() if array is not None}
    with atomically(output) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
            for index, part in enumerate(parts):
                if not index:
                    header = np.lib.format.header_data_from_array_1_0(np.ascontiguousarray(part))
                    np.lib.format.write_array_header_1_0(member, header | {"shape": (number, *part.shape[1:])})
                member.write(np.ascontiguousarray(part).tobytes())
        for key, array in whole.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)


def table(gives: str, names: Sequence[str], result: np.ndarray, classes: Sequence[str]) -> list[tuple[str, ...]]:
    """Rows of a CSV: the class of each image and how likely it is, or its score.

    Args:
        gives: "class_logits" or "scores".
        names: Of the images.
        result: (N, K) or (N,), float32.
        classes: What the classes are called.
    """
    if gives == "scores":
        return [("name", "score"), *((name, f"{score:.6g}") for name, score in zip(names, result, strict=True))]
    logits = result.astype(np.float64)
    likely = np.exp(logits - logits.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    best = logits.argmax(axis=1)
    rows = [
        (name, classes[index] if index < len(classes) else str(index), f"{row[index]:.4f}")
        for name, index, row in zip(names, best, likely, strict=True)
    ]
    return [("name", "class", "probability"), *rows]


def write_table(rows: Sequence[tuple[str, ...]], output: Path | None) -> None:
    """Writes rows as a CSV file, or to the terminal."""
    if output is None:
        csv.writer(sys.stdout, lineterminator="\n").writerows([printable(cell) for cell in row] for row in rows)
        return
    # Names of files keep their bytes, also those that are no UTF-8.
    with (
        atomically(output) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        csv.writer(file, lineterminator="\n").writerows(rows)

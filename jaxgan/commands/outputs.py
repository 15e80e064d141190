"""What the commands write: grids and folders of images, NumPy files, tables."""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan import pictures
from jaxgan.errors import UserError
from jaxgan.files import atomically


def write_images(images: np.ndarray, label: np.ndarray | None, format: str, output: Path) -> None:
    """Writes images that were drawn.

    Args:
        images: Float32 (N, H, W, C) in [-1, 1], or vectors (N, D).
        label: Their classes, int (N,), or None.
        format: "png": one grid (vectors: one plot); "npz": "image", uint8 (vectors: float32), and "label"; "folder": a
            PNG for each image.
        output: The file, or the folder.

    Raises:
        UserError: A folder is asked for vectors.
    """
    vectors = images.ndim == 2
    if format == "npz":
        write_npz({"image": images if vectors else pictures.to_uint8(images), "label": label}, output)
    elif format == "png":
        if vectors:
            image = pictures.density(None, images)
        else:
            columns = min(len(images), pictures.columns_for(images.shape[1:], max(8, round(len(images) ** 0.5))))
            image = pictures.grid(images, columns)
        with atomically(output) as temporary:
            image.save(temporary, "PNG")
    else:
        if vectors:
            raise UserError("--format=folder is for images, but these samples are vectors: take png or npz")
        digits = len(str(len(images) - 1))
        for index, pixels in enumerate(pictures.to_uint8(images)):
            name = f"{index:0{digits}d}" + ("" if label is None else f"_class{label[index]}")
            write_png(pixels, output / f"{name}.png")


def write_png(pixels: np.ndarray, output: Path) -> None:
    """Writes uint8 (H, W, C) as one picture."""
    with atomically(output) as temporary:
        pictures.to_image(pixels).save(temporary, "PNG")


def write_npz(arrays: dict[str, Any], output: Path) -> None:
    """Writes arrays as one NumPy file; those that are None are left out."""
    present = {name: array for name, array in arrays.items() if array is not None}
    with atomically(output) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **present)


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
        csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
        return
    with atomically(output) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)

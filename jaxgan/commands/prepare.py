"""Makes images ready for training, once: python -m jaxgan prepare --input=photos --output=data.zip --size=64

The zip has StyleGAN's layout, 00000/img00000000.png ... and dataset.json with the labels, so that NVIDIA's tools read it too,
as --config.data.name=zip --config.data.path=data.zip does. The same images always give the same bytes. Beside it lie the
statistics of the training images, for `evaluate --reference=`, where the weights of the feature network are.
"""

import argparse
import concurrent.futures
import io
import itertools
import json
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from PIL import Image
from tqdm import tqdm

from jaxgan.commands.options import command_parser
from jaxgan.data import DataError, make_source
from jaxgan.data.images import ImageSource
from jaxgan.data.layouts import splits_of
from jaxgan.data.sources import cores
from jaxgan.errors import UserError
from jaxgan.evaluation.cached_statistics import summarize_source
from jaxgan.features.extractors import EXTRACTORS, make_extractor
from jaxgan.features.foreign_files import WeightsError
from jaxgan.files import atomically, check_place, write_npz
from jaxgan.mesh import data_mesh
from jaxgan.overrides import read
from jaxgan.training import command_line

_CHUNK = 256  # images that are made at a time
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every member: a zip knows no earlier time


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command.

    Args:
        arguments: The command's arguments; None: those of the process.

    Raises:
        UserError: The input cannot be read, or the output not be written.
    """
    parser = command_parser("prepare", __doc__)
    add = parser.add_argument
    add("--input", required=True, help="a folder, zip or tar of images, an .npz or .h5 of arrays, or tfds:NAME")
    add("--output", required=True, type=Path, help="the zip to make, which must not be there yet")
    add("--size", required=True, help="of the images: 64, or 64,48 for height and width")
    add(
        "--crop",
        action="store_true",
        help="keep the shape of what is seen, and cut off the excess; else it is squeezed",
    )
    add("--grey", action="store_true", help="one channel; else one where all pictures are grey, and three")
    add(
        "--split", default="", help="which splits, with commas between them (default: all of a folder, train of others)"
    )
    add(
        "--labels_file",
        default="",
        help="a CSV of each picture's name and its class, instead of a folder for each class",
    )
    add("--data_dir", default="", help="where tfds sets lie (default: ~/tensorflow_datasets)")
    add("--features", choices=EXTRACTORS, default="inception", help="whose statistics are made (default: inception)")
    asked = parser.parse_args(sys.argv[1:] if arguments is None else list(arguments))
    if asked.output.suffix.lower() != ".zip":
        raise UserError(f"--output={asked.output} must end in .zip")
    if asked.output.exists():
        raise UserError(f"--output={asked.output} is there already: choose another name, or remove it")
    check_place(asked.output)
    sources = _sources(asked)
    with atomically(asked.output) as temporary:
        written, left_out = write_zip(temporary, sources)
    print(f"{asked.output}: {written:,} images" + (f", {left_out:,} left out that cannot be read" if left_out else ""))
    _write_statistics(asked)


def _sources(asked: argparse.Namespace) -> dict[str, ImageSource]:
    """The images of each split, under the folder that they are put in, "" where there is one alone."""
    fields: dict[str, Any] = {
        "image_size": read(asked.size, int | tuple[int, int], "--size"),
        "resize": "cover" if asked.crop else "stretch",
        "channels": 1 if asked.grey else None,
        "max_unreadable": 1.0,
    }
    ending = Path(asked.input).suffix.lower()
    if asked.input.startswith("tfds:"):
        fields |= {"name": asked.input, "path": asked.data_dir}
    else:
        fields |= {"name": {".npz": "npz", ".h5": "hdf5", ".hdf5": "hdf5"}.get(ending, "folder"), "path": asked.input}
    if asked.labels_file:
        fields["labels_file"] = asked.labels_file
    splits = [name.strip() for name in asked.split.split(",") if name.strip()]
    if not splits:
        splits = list(splits_of(asked.input)) if fields["name"] == "folder" else []
    splits = splits or ["train"]
    made: dict[str, ImageSource] = {}
    for split in splits:
        source = make_source(fields, split=split)
        assert isinstance(source, ImageSource)
        fields["channels"] = source.arrays["image"].shape[2]  # of all splits as of the first
        made[split if len(splits) > 1 else ""] = source
    return made


def write_zip(path: Path, sources: dict[str, ImageSource]) -> tuple[int, int]:
    """Writes images and their labels.

    Args:
        path: The zip.
        sources: The images of each split, under the name of its folder; one may have "".

    Returns:
        How many are written, and how many cannot be read.
    """
    labels: list[tuple[str, int]] = []
    written = left_out = 0
    total = sum(map(len, sources.values()))
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive,
        tqdm(total=total, unit=" images", disable=None, leave=False, dynamic_ncols=True) as bar,
    ):
        for folder, source in sources.items():
            number = itertools.count()
            for made in _encoded(source):
                bar.update()
                if made is None:
                    left_out += 1
                    continue
                index = next(number)
                name = "/".join(filter(None, (folder, f"{index // 1000:05d}", f"img{index:08d}.png")))
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), made[0])
                written += 1
                if made[1] is not None:
                    labels.append((name, made[1]))
        if not written:
            raise DataError("none of the images can be read")
        first = next(iter(sources.values()))
        told: dict[str, Any] = {"labels": labels or None}
        if labels:
            told["classes"] = first.pictures.class_names
        archive.writestr(zipfile.ZipInfo("dataset.json", _EPOCH), json.dumps(told))
    return written, left_out


def _encoded(source: ImageSource) -> Iterator[tuple[bytes, int | None] | None]:
    """Each image as a PNG, and its label; None for one that cannot be read."""

    def one(index: int) -> tuple[bytes, int | None] | None:
        record = source.read(index, None)
        if record is None:
            return None
        pixels, file = record["image"], io.BytesIO()
        Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG", compress_level=6)
        return file.getvalue(), int(record["label"]) if "label" in record else None

    with concurrent.futures.ThreadPoolExecutor(cores()) as pool:
        for start in range(0, len(source), _CHUNK):
            yield from pool.map(one, range(start, min(start + _CHUNK, len(source))))


def _write_statistics(asked: argparse.Namespace) -> None:
    """Mean and covariance of the features of the training images, in `data.inception.npz` beside `data.zip`."""
    command_line.use_compilation_cache()
    try:
        extractor = make_extractor(asked.features)
    except WeightsError as error:
        print(f"no statistics beside it: {error}")
        return
    with jax.set_mesh(data_mesh()):
        source = make_source("zip", path=str(asked.output))
        with tqdm(total=len(source), desc="statistics", unit=" images", disable=None, leave=False) as bar:
            summary = summarize_source(extractor, source, progress=bar.update)
    path = asked.output.with_suffix(f".{asked.features}.npz")
    write_npz(path, {"mu": summary.mean, "sigma": summary.covariance, "count": np.int64(len(source))})
    print(f"{path}: their statistics, for python -m jaxgan evaluate --reference={path} --features={asked.features}")

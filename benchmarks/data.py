"""Measures the data pipeline alone, in images per second: python -m benchmarks.data

About four minutes. It compares the embedded digits, which lie on the device, with a folder of 128x128 JPEGs that it makes
in a temporary folder and decodes on the CPU, by threads and by processes. Every line is the best of three rounds, and the
rounds go through all settings in turn, so that a busy machine is fair to each.
"""

import contextlib
import functools
import pathlib
import tempfile
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from PIL import Image

from jaxgan.data import Loader, make_source, prepare
from jaxgan.data.sources import cores

JPEGS, SIZE, BATCH = 4096, 128, 64
ROUNDS, SECONDS = 3, 3.0


def images_per_second(loader: Loader) -> float:
    """Minibatches on the device and ready for a step, once the pipeline runs."""
    step = jax.jit(lambda batch, resident: jax.tree.map(lambda x: x.ravel()[0], prepare(batch, resident)))
    with contextlib.closing(loader.batches(BATCH)) as batches:
        for _ in range(2 * cores()):  # what was read ahead before the clock started must not count
            jax.block_until_ready(step(next(batches), loader.resident))
        images, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < SECONDS:
            jax.block_until_ready(step(next(batches), loader.resident))
            images += BATCH
    return images / spent


def write_jpegs(folder: pathlib.Path, number: int = JPEGS) -> float:
    """Writes smooth random pictures with a little grain; returns their mean size in kilobytes."""
    generator = np.random.default_rng(0)
    for index in range(number):
        coarse = Image.fromarray(generator.integers(0, 256, (12, 12, 3), np.uint8))
        smooth = np.asarray(coarse.resize((SIZE, SIZE), Image.Resampling.BICUBIC), np.float32)
        grain = generator.normal(0, 6, (SIZE, SIZE, 3))
        picture = Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8))
        picture.save(folder / f"{index:05}.jpg", quality=90)
    return sum(file.stat().st_size for file in folder.iterdir()) / number / 1000


def loaders(folder: str) -> dict[str, Callable[[], Loader]]:
    """What is compared, by the text of its line."""
    table: dict[str, Callable[[], Loader]] = {}
    embedded: dict[str, dict[str, Any]] = {
        "digits 16x16": {},
        "digits 32x32, flipped": {"image_size": 32, "flip": True},
    }
    for text, fields in embedded.items():
        source = make_source("digits", **fields)
        table[f"{text}, kept on the device"] = functools.partial(Loader, source)
        table[f"{text}, read each time"] = functools.partial(Loader, source, resident_bytes=0)
    jpegs: dict[str, dict[str, Any]] = {
        "JPEGs 128x128": {"image_size": SIZE},
        "JPEGs to 72x72, cropped to 64x64": {"load_size": 72, "image_size": 64, "crop": "random", "flip": True},
    }
    ways = {f"{threads} threads": (threads, 0) for threads in sorted({1, 2, cores(), 2 * cores()})}
    ways |= {f"{workers} processes": (1, workers) for workers in sorted({1, 2, cores()})}
    for text, fields in jpegs.items():
        source = make_source("folder", path=folder, **fields)
        for way, (threads, workers) in ways.items():
            options: dict[str, Any] = {"resident_bytes": 0, "threads": threads, "workers": workers}
            table[f"{text}, {way}"] = functools.partial(Loader, source, **options)
    return table


def main() -> None:
    """Prints one line per setting."""
    with tempfile.TemporaryDirectory() as folder:
        kilobytes = write_jpegs(pathlib.Path(folder))
        print(
            f"{cores()} cores, {jax.devices()[0].device_kind}, jax {jax.__version__}, minibatches of {BATCH} on the device"
        )
        print(f"{JPEGS} JPEGs of {SIZE}x{SIZE}, {kilobytes:.1f} kB each; best of {ROUNDS} rounds of {SECONDS:.0f} s")
        table = loaders(folder)
        best = dict.fromkeys(table, 0.0)
        for _ in range(ROUNDS):
            for text, make in table.items():
                best[text] = max(best[text], images_per_second(make()))
        for text, rate in best.items():
            print(f"{text:50} {rate:10,.0f} images per second")


if __name__ == "__main__":
    main()

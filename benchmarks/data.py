"""Measures the data pipeline alone, in images per second: python -m benchmarks.data

About two minutes. It compares the embedded digits, which lie on the device, with a folder of 128x128 JPEGs that it makes in
a temporary folder and decodes on the CPU, by threads and by processes.
"""

import pathlib
import tempfile
import time

import jax
import numpy as np
from PIL import Image

from jaxgan.data import Loader, make_source, prepare
from jaxgan.data.sources import cores

JPEGS, SIZE, BATCH = 4096, 128, 64
SECONDS = 5.0


def images_per_second(loader: Loader, batch_size: int = BATCH, seconds: float = SECONDS) -> float:
    """Minibatches on the device and ready for a step, once the pipeline runs."""
    step = jax.jit(lambda batch, resident: jax.tree.map(lambda x: x.ravel()[0], prepare(batch, resident)))
    batches = loader.batches(batch_size)
    for _ in range(4):
        jax.block_until_ready(step(next(batches), loader.resident))
    images, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        jax.block_until_ready(step(next(batches), loader.resident))
        images += batch_size
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


def main() -> None:
    """Prints one line per setting."""
    print(f"{cores()} cores, {jax.devices()[0].device_kind}, jax {jax.__version__}, minibatches of {BATCH}")
    print("images per second, minibatches on the device:")
    for name, fields in (("digits 16x16", {}), ("digits 32x32, flipped", {"image_size": 32, "flip": True})):
        loader = Loader(make_source("digits", **fields))
        print(f"  {name:44} {images_per_second(loader):10,.0f}   kept on the device", flush=True)
        loader = Loader(make_source("digits", **fields), resident_bytes=0)
        print(f"  {name:44} {images_per_second(loader):10,.0f}   read each time", flush=True)
    with tempfile.TemporaryDirectory() as name:
        kilobytes = write_jpegs(pathlib.Path(name))
        print(f"  {JPEGS} JPEGs of {SIZE}x{SIZE}, {kilobytes:.1f} kB each")
        settings = [(threads, 0) for threads in sorted({1, 2, cores(), 2 * cores()})]
        settings += [(1, workers) for workers in sorted({1, 2, cores()})]
        for fields in ({"image_size": SIZE}, {"image_size": 64}, {"image_size": 64, "crop": "random", "flip": True}):
            for threads, workers in settings:
                source = make_source("folder", path=name, **fields)
                loader = Loader(source, resident_bytes=0, threads=threads, workers=workers)
                shape = f"to {fields['image_size']}" + (", random crop and flip" if "crop" in fields else "")
                way = f"{threads} threads" if not workers else f"{workers} processes of {threads} thread"
                print(f"    {shape:42} {images_per_second(loader):10,.0f}   {way}", flush=True)


if __name__ == "__main__":
    main()

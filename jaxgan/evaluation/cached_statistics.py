"""Real images: their statistics, kept in the user's cache under a hash of all that they depend on, or read from a file.

Cached statistics lie in `$XDG_CACHE_HOME/jaxgan/statistics`, by default `~/.cache/jaxgan/statistics`.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL

import jaxgan
from jaxgan import cache
from jaxgan.core.arrays import to_json
from jaxgan.data import Source, evenly
from jaxgan.errors import UserError
from jaxgan.evaluation.feature_statistics import ImageBatch, Summary, summarize
from jaxgan.evaluation.held_out import in_bytes
from jaxgan.features.extractors import Extractor
from jaxgan.files import write_npz
from jaxgan.foreign import read_npz

_CHUNK = 256  # images that are decoded at a time


def records_of(source: Source, chosen: Sequence[int] | np.ndarray) -> Iterator[ImageBatch]:
    """Those records of a source, without augmentation: {"image": uint8, "label": int32}."""
    for start in range(0, len(chosen), _CHUNK):
        stack = source.stack(chosen[start : start + _CHUNK])
        yield {"image": in_bytes(stack["image"])} | ({"label": stack["label"]} if "label" in stack else {})


def summarize_source(
    extractor: Extractor,
    source: Source,
    number: int | None = None,
    *,
    keep: bool = False,
    batch_size: int = 0,
    progress: Callable[[int], Any] = lambda count: None,
) -> Summary:
    """Statistics of `number` images of a source (None: all), from the cache if they are there.

    Args:
        extractor: The feature network.
        source: The real images; never flipped, cropped at the centre.
        number: How many, from everywhere in it.
        keep: Also keep the features, which are cached too.
        batch_size: As in `jaxgan.evaluation.feature_statistics.summarize`.
        progress: As there.

    Raises:
        UserError: Fewer images than `number`.
    """
    number = len(source) if number is None else number
    if not 0 < number <= len(source):
        raise UserError(f"too few images: {number} of {source.name} are asked for, which has {len(source)}")
    path = cache_path(extractor, source, number)
    if (cached := _read_cache(path)) is not None and (cached.features is not None or not keep):
        return cached
    images = records_of(source, evenly(number, len(source)))
    summary = summarize(extractor, images, number, keep=keep, batch_size=batch_size, progress=progress)
    arrays: dict[str, Any] = {"mu": summary.mean, "sigma": summary.covariance, "count": number}
    arrays |= {} if summary.features is None else {"features": summary.features}
    arrays |= {} if summary.labels is None else {"labels": summary.labels}
    if cache_path(extractor, source, number) == path:  # otherwise the images changed while they were read
        with cache.optional("statistics of the real images"):
            write_npz(path, arrays)
    return summary


def cache_path(extractor: Extractor, source: Source, number: int) -> Path:
    """Where the statistics lie: a name that changes with the images, their number, the network, its weights and resize.

    And with the versions of what computes them, this library and Pillow.
    """
    parts = [
        jaxgan.__version__,
        fingerprint(source, number),
        f"{number} of {len(source)}",
        extractor.name,
        extractor.resize,
        extractor.weights,
    ]
    return cache.folder("statistics") / f"{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}.npz"


def fingerprint(source: Source, number: int) -> str:
    """A hash that changes when those `number` images of a source do that are measured, or their labels.

    Of files it reads what the file system notes of each of them, and how they are prepared; of all other data every record.
    """
    said = [source.name, to_json(source.arrays), PIL.__version__]
    if stamp := source.stamp():
        return hashlib.sha256(json.dumps([*said, stamp]).encode()).hexdigest()
    digest = hashlib.sha256(json.dumps(said).encode())
    chosen = evenly(number, len(source))
    for start in range(0, number, _CHUNK):
        for name, array in sorted(source.stack(chosen[start : start + _CHUNK]).items()):
            digest.update(f"{name} {array.dtype} {array.shape} ".encode() + array.tobytes())
    return digest.hexdigest()


def load_statistics(path: str | Path) -> Summary:
    """Reads statistics of real images: `mu`, `sigma` and perhaps `count`, as TTUR, pytorch-fid and clean-fid write them.

    Raises:
        UserError: The file is damaged, or holds something else.
    """
    arrays = read_npz(path, lambda name: name in ("mu", "sigma", "count", "features", "labels"))
    mean, covariance = arrays.get("mu"), arrays.get("sigma")
    if mean is None or covariance is None or mean.ndim != 1 or covariance.shape != (len(mean), len(mean)):
        raise UserError(f"{path}: no statistics; expected arrays mu (D,) and sigma (D, D)")
    real = all(np.isrealobj(each) and np.issubdtype(each.dtype, np.number) for each in (mean, covariance))
    if not real or not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise UserError(f"{path}: mu and sigma are not all finite real numbers")
    scale = np.abs(covariance).max(initial=0.0)
    if np.abs(covariance - covariance.T).max(initial=0.0) > 1e-5 * scale:
        raise UserError(f"{path}: sigma is not symmetric, and so no covariance")
    counted = arrays.get("count")
    if counted is not None and (counted.ndim or not np.issubdtype(counted.dtype, np.integer) or counted < 1):
        raise UserError(f"{path}: count is {str(counted)[:40]!a}, but must be a whole number from 1 on")
    count = None if counted is None else int(counted)
    return Summary(
        count, mean.astype(np.float64), covariance.astype(np.float64), arrays.get("features"), arrays.get("labels")
    )


def _read_cache(path: Path) -> Summary | None:
    """None where there is no file, or one that is damaged or may not be read: it is made again."""
    try:
        return load_statistics(path) if path.exists() else None
    except (OSError, ValueError):
        return None

"""One pass over images: features from all devices, their moments streamed in float64, and what else was asked for.

Every image counts once, whatever the batch size: the last batch is filled up for the compiled network, and what was filled in
is dropped again.
"""

import collections
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from jaxgan.errors import UserError
from jaxgan.features.extractors import Extractor
from jaxgan.mesh import batched, data_mesh, replicated
from jaxgan.metrics.frechet import Moments
from jaxgan.metrics.inception_score import ScoreSums

# {"image": uint8 (B, H, W, C)} and, where there are classes, {"label": int (B,)}; B may vary.
ImageBatch = dict[str, np.ndarray]

# Images in one call of the network, on each device; on a CPU, larger activations leave its caches.
_BATCH_SIZE, _BATCH_SIZE_CPU = 64, 8
_IN_FLIGHT = 2  # batches
_ROWS = 1024  # feature vectors that are gathered before their moments are taken, which costs D^2 every time


@dataclasses.dataclass(frozen=True)
class Summary:
    """What is known of a set of images.

    Attributes:
        count: How many images; None for statistics from a file that does not say.
        mean: (D,) float64.
        covariance: (D, D) float64, unbiased; NaN for fewer than two images.
        features: (N, D) float32, or None if they were not kept.
        labels: (N,) int32, or None.
        score: Mean and deviation of the Inception Score, or None.
    """

    count: int | None
    mean: np.ndarray
    covariance: np.ndarray
    features: np.ndarray | None = None
    labels: np.ndarray | None = None
    score: tuple[float, float] | None = None


def summarize(
    extractor: Extractor,
    records: Iterable[ImageBatch],
    number: int,
    *,
    keep: bool = False,
    score: bool = False,
    batch_size: int = 0,
    mesh: Mesh | None = None,
    progress: Callable[[int], Any] = lambda count: None,
) -> Summary:
    """Summarises the first `number` images.

    Args:
        extractor: The feature network.
        records: The images, a few at a time; see `ImageBatch`.
        number: How many.
        keep: Also keep the features, N x D float32 on the host: kernel distances and neighbours need them. Without it,
            memory does not grow with `number`.
        score: Also take the Inception Score, from a network that has logits.
        batch_size: Images in one call of the network, over all devices; 0: 64 on each, 8 on a CPU. Rounded up to a multiple
            of the devices.
        mesh: The devices; None: all.
        progress: Called with the number of images that were just done.

    Raises:
        TypeError: Images that are not uint8.
        UserError: Fewer images than `number`, images that differ in shape, or a score from a network without logits.
    """
    moments: Moments | None = None
    waiting: list[np.ndarray] = []
    kept: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    sums = ScoreSums(number) if score else None
    seen = 0
    for outputs in extract(extractor, _first(records, number), batch_size, mesh):
        features = outputs["features"]
        seen += len(features)
        waiting.append(features)
        if sum(map(len, waiting)) >= _ROWS or seen == number:
            chunk = Moments.of(np.concatenate(waiting))
            moments, waiting = (chunk if moments is None else moments.merge(chunk)), []
        if keep:
            kept.append(features)
        if "label" in outputs:
            labels.append(outputs["label"])
        if sums is not None:
            if "logits" not in outputs:
                raise UserError(f"{extractor.name} has no logits for an Inception Score; take inception or digits")
            sums.add(outputs["logits"])
        progress(len(features))
    if seen < number or moments is None:
        raise UserError(f"too few images: {number} are asked for and there are {seen}; ask for fewer")
    return Summary(
        number,
        moments.mean,
        moments.scatter / (number - 1) if number > 1 else np.full_like(moments.scatter, np.nan),
        np.concatenate(kept) if keep else None,
        np.concatenate(labels).astype(np.int32) if labels else None,
        sums.result() if sums is not None else None,
    )


def extract(
    extractor: Extractor, records: Iterable[ImageBatch], batch_size: int = 0, mesh: Mesh | None = None
) -> Iterator[ImageBatch]:
    """Runs the network on records; see `summarize`.

    Yields:
        "features", "logits" where the network has them, and "label" where the records have it, for as many images as a call
        of the network takes, in order; the last ones may be fewer.
    """
    mesh = mesh or data_mesh()
    default = _BATCH_SIZE_CPU if mesh.devices.flat[0].platform == "cpu" else _BATCH_SIZE
    size = -(-(batch_size or default * mesh.size) // mesh.size) * mesh.size
    run = _compiled(extractor.apply, mesh)
    params = jax.device_put(extractor.params, replicated(mesh))

    def compute(images: np.ndarray) -> Any:
        filled = np.concatenate([images, np.repeat(images[-1:], size - len(images), axis=0)])
        return run(params, jax.make_array_from_callback(filled.shape, batched(mesh), filled.__getitem__))

    def fetch(outputs: Any, chunk: ImageBatch) -> ImageBatch:
        fetched = {name: np.asarray(array)[: len(chunk["image"])] for name, array in outputs.items()}
        return fetched | {name: array for name, array in chunk.items() if name != "image"}

    # Several batches at a time keep the device busy while the host takes a result, and a CPU's cores while a batch is in an
    # operation that XLA gives one core.
    with ThreadPoolExecutor(_IN_FLIGHT) as pool:
        started: collections.deque[Future[ImageBatch]] = collections.deque()
        for chunk in _rechunked(records, size):
            if mesh.size == 1:
                started.append(pool.submit(lambda chunk: fetch(compute(chunk["image"]), chunk), chunk))
            else:  # the programs of several devices must start in one order everywhere, beside those that make the images
                started.append(pool.submit(fetch, compute(chunk["image"]), chunk))
            if len(started) > _IN_FLIGHT:
                yield started.popleft().result()
        for each in started:
            yield each.result()


@functools.lru_cache(maxsize=8)
def _compiled(apply: Callable[..., Any], mesh: Mesh) -> Callable[..., Any]:
    return jax.jit(apply, out_shardings=replicated(mesh))


def _first(records: Iterable[ImageBatch], number: int) -> Iterator[ImageBatch]:
    """The records up to the first `number` images."""
    left = number
    for part in records:
        yield {name: array[:left] for name, array in part.items()}
        left -= len(part["image"])
        if left <= 0:
            return


def _rechunked(records: Iterable[ImageBatch], size: int) -> Iterator[ImageBatch]:
    """The same records, `size` at a time; the last ones may be fewer."""
    held: list[ImageBatch] = []
    count = 0
    for part in records:
        image = part["image"]
        if image.dtype != np.uint8 or image.ndim != 4:
            raise TypeError(f"features: images are {image.dtype}{list(image.shape)}; give uint8 (N, H, W, C)")
        if held and image.shape[1:] != held[0]["image"].shape[1:]:
            raise UserError(
                f"features: images of {held[0]['image'].shape[1:]} and of {image.shape[1:]}; make them one size"
            )
        held.append(part)
        count += len(image)
        while count >= size:
            joined = {name: np.concatenate([each[name] for each in held]) for name in held[0]}
            yield {name: array[:size] for name, array in joined.items()}
            held, count = [{name: array[size:] for name, array in joined.items()}], count - size
    if count:
        yield {name: np.concatenate([each[name] for each in held]) for name in held[0]}


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Generated images (N, H, W, C) in [-1, 1] as the bytes of a saved picture: floor(127.5 x + 128), clipped to 0..255.

    Real images x / 127.5 - 1 come back as they were; nothing is scaled by what a batch happens to hold.

    Raises:
        UserError: An image that is not finite.
    """
    finite = np.isfinite(images).all(axis=tuple(range(1, images.ndim)))
    if not finite.all():
        raise UserError(
            f"{np.count_nonzero(~finite)} of {len(images)} generated images are not finite: "
            "the generator has diverged; take an earlier checkpoint"
        )
    return np.clip(np.floor(np.float32(127.5) * images + np.float32(128.0)), 0, 255).astype(np.uint8)

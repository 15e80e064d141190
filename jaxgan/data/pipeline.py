"""From a source to minibatches on the devices: shuffled, sharded, read ahead, and resumable at any record.

What position t of the stream holds is a pure function of the source, the seed and t (see `jaxgan.data.order`); a
minibatch is positions start .. start + batch_size - 1, across the ends of epochs. So the position in the data is one
number, the records consumed so far, and neither the number of processes nor the way of reading changes a minibatch.
"""

import atexit
import collections
import itertools
import math
import sys
import zlib
from collections.abc import Generator, Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from jax.sharding import Mesh

from jaxgan.core.arrays import minibatch
from jaxgan.data import order
from jaxgan.data.errors import DataError
from jaxgan.data.sources import Record, Source, cores, stacked
from jaxgan.mesh import DATA, batched, replicated

RawBatch = dict[str, Any]  # what `prepare` turns into a minibatch for a game
Resident = tuple[dict[str, jax.Array], ...]

_AHEAD = 2  # minibatches on their way to the device while the step works on another


def prepare(batch: RawBatch, resident: Resident = ()) -> dict[str, jax.Array]:
    """Turns what `Loader.batches` yields into a minibatch for a game. Pure: call it inside the jitted step.

    Args:
        batch: One minibatch of `Loader.batches`.
        resident: `Loader.resident` of the same loader. It must be an argument of the jitted function: captured, it
            would be compiled in as a constant.

    Returns:
        Images as float32 in [-1, 1]: x / 127.5 - 1, and U(0, 1/128) more where the source is to be dequantised; labels
        (int32) and vectors (float32) as they are.
    """
    records = take(resident, batch) if resident else {key: x for key, x in batch.items() if key != "noise"}
    for key, x in records.items():
        if x.dtype == jnp.uint8:
            image = x.astype(jnp.float32) / 127.5 - 1.0
            records[key] = image + _dequantization(batch["noise"], key, x.shape[1:]) if "noise" in batch else image
    return records


def as_seen(records: RawBatch) -> dict[str, np.ndarray]:
    """Stacked records as a game sees them, on the host: images in [-1, 1], whether they are kept as bytes or so."""
    return {name: np.asarray(array) for name, array in prepare(records).items()}


def _dequantization(words: jax.Array, name: str, shape: tuple[int, ...]) -> jax.Array:
    """U(0, 1/128) for each image, from the two words (B, 2) of its position's key; grey levels lie 1/127.5 apart.

    As in the authors' code of WGAN-GP (Gulrajani et al. 2017, arXiv:1704.00028); the paper does not tell of it.
    """

    def draw(key: jax.Array) -> jax.Array:
        key = jax.random.fold_in(key, zlib.crc32(name.encode()))
        return jax.random.uniform(key, (math.prod(shape),), maxval=1 / 128)

    keys = jax.random.wrap_key_data(words, impl="threefry2x32")
    return jax.vmap(draw)(keys).reshape(-1, *shape)


def take(resident: Resident, batch: RawBatch) -> dict[str, jax.Array]:
    """Gathers the records that a minibatch of indices names, on the device, and flips those that it says.

    Args:
        resident: For each part of the source, its arrays, each with a leading axis of its N records.
        batch: The records' "index", (B, parts) int32 in [0, N), and, where images are flipped, "flip", (B, parts) bool.

    Returns:
        The minibatch that reading the records one by one would give: uint8 images, int32 labels, float32 vectors.
    """
    records: dict[str, jax.Array] = {}
    for part, arrays in enumerate(resident):
        for key, array in arrays.items():
            chosen = array[batch["index"][:, part]]
            if "flip" in batch and chosen.ndim == 4:
                chosen = jnp.where(batch["flip"][:, part, None, None, None], chosen[:, :, ::-1], chosen)
            records[key] = chosen
    return records


def check_batch_size(source: Source, batch_size: int, mesh: Mesh | None = None) -> None:
    """Checks that a source has a minibatch of that size, over all processes, and that a mesh divides it.

    Raises:
        DataError: It is not so.
    """
    if batch_size < 1:
        raise DataError(f"batch_size={batch_size}; it must be at least 1")
    for part in source.parts:
        if batch_size > len(part) and not part.repeated:
            raise DataError(f"batch_size={batch_size} exceeds the {len(part)} records of {part.name}; lower it")
    if mesh is not None and batch_size % (shards := mesh.shape[DATA]):
        raise DataError(
            f"batch_size={batch_size} is not divisible by the {shards} devices of the mesh's axis {DATA!r}; "
            f"take {max(1, batch_size // shards) * shards}"
        )


class Loader:
    """Minibatches of a source, endlessly, from any record on.

    A small set whose records do not change (no random crop) is read once and kept on every device as uint8; a minibatch
    then is its indices, and `prepare` gathers it on the device. Any other set is decoded on the CPU as it is needed.
    Either way the minibatches are the same:

        loader = Loader(source, seed=0, mesh=mesh)
        for batch in loader.batches(batch_size=64, start=int(state.images)):
            state, metrics = step(state, batch, loader.resident)  # step begins with prepare(batch, resident)

    Attributes:
        source: Where the records come from.
        resident: The arrays on the device; () when records are read as needed; what `prepare` wants.
    """

    def __init__(
        self,
        source: Source,
        *,
        seed: int = 0,
        mesh: Mesh | None = None,
        resident_bytes: int = 256 * 2**20,
        threads: int | None = None,
        workers: int = 0,
    ) -> None:
        """Makes a loader.

        Args:
            source: Of `make_source`, or any `Source`.
            seed: Of the order and of the augmentation, 0 <= seed < 2^64.
            mesh: Minibatches are global arrays, cut along its axis "data"; it may span processes. None: arrays on the
                default device.
            resident_bytes: The largest set, in bytes, that is kept on the device.
            threads: Threads that decode, one minibatch each, in each process; None: one per core, at most 8 (more would
                only wait for Python's lock, and each holds a minibatch).
            workers: Processes that decode, for images whose decoding holds Python's lock; 0: only the threads of this
                one. The main module then needs `if __name__ == "__main__":`.

        Raises:
            DataError: The records cannot be stacked or are not what `source.arrays` says, or the mesh has no axis "data".
        """
        source.check_batchable()
        if mesh is not None and DATA not in mesh.axis_names:
            raise DataError(f"the mesh has the axes {mesh.axis_names}; one of them must be {DATA!r}")
        self.source, self._seed, self._mesh, self._workers = source, seed, mesh, workers
        self._threads = min(cores(), 8) if threads is None else threads
        _check_record(source, source[0])
        self.resident: Resident = ()
        if all(part.fixed for part in source.parts) and _size(source) <= resident_bytes:
            self.resident = tuple(
                {key: self._on_every_device(array) for key, array in part.stack().items()} for part in source.parts
            )

    def batches(self, batch_size: int, start: int = 0, seed: int | None = None) -> Generator[RawBatch, None, None]:
        """Yields the minibatches of positions start .. start + batch_size - 1, and so on without end.

        Closing the generator stops what reads ahead.

        Args:
            batch_size: Records in a minibatch, over all processes.
            start: Records consumed before: the position to go on from.
            seed: Another one than the loader's; None: the loader's.

        Yields:
            What `prepare` takes: dicts of arrays whose first axis is the batch, on the device, cut along the mesh.

        Raises:
            DataError: A batch that the mesh does not divide, or that is larger than the data set; or, while iterating,
                too many unreadable images.
        """
        check_batch_size(self.source, batch_size, self._mesh)
        rows = self._local_rows(batch_size)
        return _ahead(
            (self._on_devices(batch, batch_size) for batch in self.local_batches(batch_size, start, rows, seed)), _AHEAD
        )

    def local_batches(
        self, batch_size: int, start: int = 0, rows: np.ndarray | None = None, seed: int | None = None
    ) -> Iterator[RawBatch]:
        """The same minibatches as NumPy arrays.

        Args:
            batch_size: Records in a minibatch, over all processes.
            start: As in `batches`.
            rows: Which entries of each minibatch to read; None: all.
            seed: As in `batches`.
        """
        rows = np.arange(batch_size) if rows is None else rows
        minibatches = _Minibatches(self.source, self._seed if seed is None else seed, start, batch_size, rows)
        if self.resident:
            flips = any(part.flip for part in self.source.parts)
            return (minibatches.indices(number, flips) for number in itertools.count())
        return _read_ahead(minibatches, self._threads, self._workers)

    def example(self, batch_size: int = 1) -> dict[str, jax.ShapeDtypeStruct]:
        """Shapes and dtypes of a prepared minibatch: what `game.init` takes."""
        return minibatch(self.source.arrays, batch_size)

    def _local_rows(self, batch_size: int) -> np.ndarray:
        """Those entries of a global batch that this process's devices hold, ascending."""
        if self._mesh is None:
            return np.arange(batch_size)
        slices = batched(self._mesh).addressable_devices_indices_map((batch_size,))
        return np.unique(np.concatenate([np.arange(batch_size)[index] for index in slices.values()]))

    def _on_devices(self, batch: RawBatch, batch_size: int) -> RawBatch:
        if self._mesh is None:
            return jax.device_put(batch)
        sharding = batched(self._mesh)
        return {
            key: jax.make_array_from_process_local_data(sharding, array, (batch_size, *array.shape[1:]))
            for key, array in batch.items()
        }

    def _on_every_device(self, array: np.ndarray) -> jax.Array:
        if self._mesh is None:
            return jax.device_put(array)
        return jax.make_array_from_process_local_data(replicated(self._mesh), array, array.shape)


class _Minibatches:
    """Minibatch by number, as NumPy arrays; pure and picklable, so any thread or process may read any of them."""

    def __init__(self, source: Source, seed: int, start: int, batch_size: int, rows: np.ndarray) -> None:
        self._source, self._seed, self._start, self._batch_size, self._rows = source, seed, start, batch_size, rows

    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, number: int) -> RawBatch:
        """The records themselves."""
        positions = self._positions(number)
        batch: RawBatch = {}
        for which, part in enumerate(self._source.parts):
            indices = order.record_indices(positions, len(part), self._seed, which)
            draws = order.augmentation_draws(positions, self._seed, which)
            batch |= stacked([part.record(int(index), draw) for index, draw in zip(indices, draws, strict=True)])
        return batch | self._noise(positions)

    def indices(self, number: int, flips: bool) -> RawBatch:
        """The records' indices, and whether they are flipped."""
        positions, parts = self._positions(number), self._source.parts
        indices = [order.record_indices(positions, len(part), self._seed, which) for which, part in enumerate(parts)]
        batch: RawBatch = {"index": np.stack(indices, axis=1).astype(np.int32)}
        if flips:
            draws = [order.augmentation_draws(positions, self._seed, which)[:, 0] for which in range(len(parts))]
            batch["flip"] = np.stack(draws, axis=1) < 0.5
        return batch | self._noise(positions)

    def _noise(self, positions: np.ndarray) -> RawBatch:
        return {"noise": order.noise_keys(positions, self._seed)} if self._source.dequantize else {}

    def _positions(self, number: int) -> np.ndarray:
        return self._start + number * self._batch_size + self._rows


def _read_ahead(minibatches: _Minibatches, threads: int, workers: int) -> Iterator[RawBatch]:
    """Reads whole minibatches in parallel and in order, one per thread."""
    import grain  # takes a second, which a set on the device does not need

    reading = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=threads + 1)
    dataset = grain.MapDataset.source(minibatches).to_iter_dataset(reading)
    if workers:
        if not flags.FLAGS.is_parsed():  # grain reads its flags here, also where no absl app has parsed them
            flags.FLAGS.mark_as_parsed()
        # Minibatches come through pipes: grain's shared memory is left behind when a worker is stopped halfway.
        options = grain.experimental.DatasetOptions(min_shm_size=sys.maxsize)
        dataset = grain.experimental.WithOptionsIterDataset(dataset, options)
        dataset = dataset.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers))
    running = [iter(dataset)]

    def stop() -> None:
        while running:
            running.pop().close()

    # grain's threads and processes complain if they are still there when the interpreter ends.
    atexit.register(stop)
    try:
        while True:
            yield next(running[0])
    finally:
        atexit.unregister(stop)
        stop()


def _ahead(items: Iterable[RawBatch], number: int) -> Generator[RawBatch, None, None]:
    """Yields items, each after `number` more of them were asked for: transfers overlap the step."""
    iterator = iter(items)
    waiting = collections.deque(itertools.islice(iterator, number))
    for item in iterator:
        waiting.append(item)
        yield waiting.popleft()


def _check_record(source: Source, record: Record) -> None:
    """Raises a DataError when a record is not, after `prepare`, what the source's `arrays` say."""
    said = {key: (spec.dtype, spec.shape) for key, spec in source.arrays.items()}
    held = {key: np.asarray(value) for key, value in record.items()}
    found = {key: ("float32" if x.dtype == np.uint8 else str(x.dtype), x.shape) for key, x in held.items()}
    if said != found:
        raise DataError(f"records of {source.name} prepare to {found}, but its arrays say {said}; make them agree")


def _size(source: Source) -> int:
    """Bytes that all records take."""
    return sum(len(part) * sum(np.asarray(value).nbytes for value in part[0].values()) for part in source.parts)

"""Which record stands at which position of the endless stream, and the random numbers that augment it.

Both are pure functions of (seed, position), computed with integers alone: they need no generator state, are the same on
every machine and NumPy version, and so a run resumes exactly from the number of records that it has consumed.
"""

import functools
import threading

import numpy as np

# What a hash is for; keeps the order, the augmentation and the noise of one seed independent.
_ORDER, _AUGMENT, _NOISE = 1, 2, 3
DRAWS = 4  # uniform numbers per record: flip, crop top, crop left, crop size

_lock = threading.Lock()


def _hash(*words: int | np.ndarray) -> np.ndarray:
    """Hashes broadcastable integer words to uint64 (at least 1-D): SplitMix64's finaliser, once per word.

    Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, figures 13 and 14.
    """
    state = np.zeros(1, np.uint64)
    for word in words:
        # Arrays of integers wrap around silently, which is the arithmetic wanted: modulo 2^64.
        state = state + np.atleast_1d(np.asarray(word, np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = state ^ (state >> np.uint64(31))
    return state


@functools.lru_cache(maxsize=8)
def _cached_permutation(length: int, seed: int, part: int, epoch: int) -> np.ndarray:
    # Sorting by random 64-bit keys is a uniform permutation (equal keys are out of reach, and stable if met).
    keys = _hash(_ORDER, seed, part, epoch, np.arange(length))
    order = np.argsort(keys, kind="stable").astype(np.int32 if length < 2**31 else np.int64)
    order.setflags(write=False)
    return order


def permutation(length: int, seed: int, part: int, epoch: int) -> np.ndarray:
    """The order in which one epoch visits `length` records: (length,) int, each of 0..length-1 once (read-only).

    Args:
        length: Records, at least 1.
        seed: Seed of the run, 0 <= seed < 2^64.
        part: Which of several independently shuffled sources (domain A, domain B), from 0 on.
        epoch: Counted from 0.
    """
    with _lock:  # the first of the reader threads to reach an epoch sorts, the others wait for its result
        return _cached_permutation(length, seed, part, epoch)


def record_indices(positions: np.ndarray, length: int, seed: int, part: int = 0) -> np.ndarray:
    """Which record each position of the stream holds.

    Args:
        positions: How many records came before, epochs included: (N,) int64.
        length: Records in an epoch.
        seed: Seed of the run.
        part: As in `permutation`.

    Returns:
        (N,) int64 in [0, length).
    """
    epochs, offsets = np.divmod(positions, length)
    indices = np.empty(len(positions), np.int64)
    for epoch in np.unique(epochs):
        here = epochs == epoch
        indices[here] = permutation(length, seed, part, int(epoch))[offsets[here]]
    return indices


def augmentation_draws(positions: np.ndarray, seed: int, part: int = 0) -> np.ndarray:
    """Uniform numbers that decide each position's flip and crop.

    Args:
        positions: Positions of the stream, (N,) int64.
        seed: Seed of the run.
        part: As in `permutation`.

    Returns:
        (N, 4) float64 in [0, 1): flip where the first is below 1/2; the next two place the crop (top, left), the last sizes it.
    """
    bits = _hash(_AUGMENT, seed, part, positions[:, None], np.arange(DRAWS)[None, :])
    return (bits >> np.uint64(11)) * 2.0**-53


def noise_keys(positions: np.ndarray, seed: int) -> np.ndarray:
    """The words of each position's PRNG key, from which the noise on its images is drawn on the device.

    Args:
        positions: Positions of the stream, (N,) int64.
        seed: Seed of the run.

    Returns:
        (N, 2) uint32.
    """
    bits = _hash(_NOISE, seed, positions)
    return np.stack([bits >> np.uint64(32), bits & np.uint64(0xFFFFFFFF)], axis=1).astype(np.uint32)

"""What samples and classifications are measured by while a game trains; the table is in `jaxgan.evaluation.monitored`.

Each metric is a function that measures, (snapshot, source, config, key) -> values by name, and one that says why a game or its
data cannot be measured so, (compiled, source, config) -> words, or "".
"""

import functools

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import metrics
from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.data import Source, make_source, other_split, prepare
from jaxgan.data.toy import ToyDensity
from jaxgan.errors import UserError
from jaxgan.evaluation.held_out import spread_records

_STRENGTHS, _SWEPT = 9, 100  # of a code, and samples along which it rises
_READABLE_SIZES = (8, 16, 32)  # of the digits, by the classifier that ships with the library


def digit_fd(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """The Frechet distance to real digits, that of held-out ones, and how many of the ten digits there are."""
    images = snapshot.sample(key, config.evaluate_samples)
    return {
        "digit_fd": metrics.digit_fd(images),
        "digit_fd_floor": metrics.digit_fd_floor(),
        "digits_present": float(len(metrics.classes_present(images))),
    }


def class_accuracy(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """How often a sample is read as the digit that was asked for."""
    label = np.arange(config.evaluate_samples) % 10
    images = snapshot.sample(key, len(label), label)
    return {"class_accuracy": metrics.class_accuracy(images, label)}


def label_accuracy(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """How often the game's own classifier is right about held-out images."""
    test = other_split(config.data, "test", source.arrays)
    if "label" not in test.arrays:
        raise UserError(f"label_accuracy needs labels, but split 'test' of {test.name} has none; leave the metric out")
    held_out = spread_records(test)
    logits = snapshot.use("classify", key, images=held_out["image"])
    return {"label_accuracy": float((logits.argmax(axis=-1) == held_out["label"]).mean())}


def purity(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """How often a held-out image is of the class that its cluster has most of among the training images."""
    return {"purity": clustered(snapshot, source, config, key)[0]}


def clustered(
    snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array
) -> tuple[float, np.ndarray, np.ndarray]:
    """The value of `purity`, the class that each cluster has most of (K,), and the clusters of the training images (N,)."""

    def assigned(split: Source) -> tuple[np.ndarray, np.ndarray]:
        records = spread_records(split)
        return snapshot.use("cluster", key, images=records["image"]), records["label"]

    logits, label = assigned(source)
    cluster = logits.argmax(axis=-1)
    counts = np.zeros((logits.shape[-1], source.num_classes), int)
    np.add.at(counts, (cluster, label), 1)
    most = counts.argmax(axis=-1)
    logits, label = assigned(other_split(config.data, "test", source.arrays))
    return float((most[logits.argmax(axis=-1)] == label).mean()), most, cluster


def sweeps(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """What the continuous codes do to samples as they rise from -1 to 1, by the property that each code moves furthest.

    Returns:
        Of the code that moves one furthest, "code_move", by how much, in deviations of that property among samples of one
        category; and "code_monotony", the mean over samples of its rank correlation with the code, positive where it agrees
        with the direction of the whole.
    """
    takes = snapshot.game.ability("edit").takes
    categories = takes["label"].classes if "label" in takes else 1

    def labels(number: int) -> np.ndarray | None:
        return np.arange(number, dtype=np.int32) % categories if "label" in takes else None

    drawn = snapshot.sample(key, config.evaluate_samples, labels(config.evaluate_samples))
    groups = np.arange(len(drawn)) % categories
    spread = {
        name: np.mean([values[groups == group].std() for group in range(categories)])
        for name, values in metrics.stroke_properties(drawn).items()
    }
    strengths, best = np.linspace(-1, 1, _STRENGTHS), {"code_move": 0.0, "code_monotony": 0.0}
    for code in takes["code"].choices:
        images = [
            snapshot.use("edit", key, number=_SWEPT, code=code, strength=strength, label=labels(_SWEPT))
            for strength in strengths
        ]
        measured = [metrics.stroke_properties(each) for each in images]
        for name, deviation in spread.items():
            values = np.array([each[name] for each in measured])
            move = (values[-1] - values[0]).mean() / max(deviation, 1e-9)
            if abs(move) > best["code_move"]:
                ranks = values.argsort(axis=0).argsort(axis=0)
                monotony = np.mean([np.corrcoef(strengths, column)[0, 1] for column in ranks.T])
                best = {"code_move": float(abs(move)), "code_monotony": float(np.sign(move) * monotony)}
    return best


def modes(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """Modes of a toy density that samples reach, and how evenly."""
    assert isinstance(source, ToyDensity)
    samples = snapshot.sample(key, config.evaluate_samples)
    coverage = metrics.mode_coverage(samples, source.centres, source.standard_deviation)
    return {
        "modes": float(coverage.modes),
        "high_quality": coverage.high_quality,
        "reverse_kl": coverage.reverse_kl,
        "modes_effective": coverage.effective_modes,
    }


def stacked_modes(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """How many of the thousand numbers that three stacked digits spell there are, and how evenly."""
    counts = metrics.stacked_digit_counts(snapshot.sample(key, config.evaluate_samples))
    real = _real_stacked_counts(source.arrays["image"].shape[0], config.evaluate_samples)
    return {
        "modes": float(np.count_nonzero(counts)),
        "modes_floor": float(np.count_nonzero(real)),
        "modes_effective": metrics.effective_modes(counts),
        "reverse_kl": metrics.kl_from_uniform(counts),
        "reverse_kl_floor": metrics.kl_from_uniform(real),
    }


@functools.lru_cache(maxsize=1)
def _real_stacked_counts(image_size: int, number: int) -> np.ndarray:
    """What the classifier reads as many held-out real images as: even of these it misreads some."""
    source = make_source("stacked_digits", split="test", image_size=image_size)
    images = prepare(source.stack(np.arange(min(number, len(source)))))["image"]
    return metrics.stacked_digit_counts(images)


def density1d(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """How far samples are from a density on the line."""
    assert isinstance(source, ToyDensity)
    samples = snapshot.sample(key, config.evaluate_samples)[:, 0].astype(np.float64)
    held_out = make_source(config.data, split="test").stack()["image"]
    # As many real numbers as samples, ten times if there are enough: one draw alone may be far from the average one.
    real = source.stack()["image"]
    draws = [real[start : start + len(samples)] for start in range(0, len(real), len(samples))][:10]
    return {
        "wasserstein": metrics.wasserstein_1d(samples, held_out),
        "wasserstein_floor": float(np.mean([metrics.wasserstein_1d(draw, held_out) for draw in draws])),
        # In percent of the density's own mean and standard deviation.
        "mean_error": 100.0 * abs(float(samples.mean() / source.mean[0]) - 1.0),
        "deviation_error": 100.0 * abs(float(samples.std() / source.spread[0]) - 1.0),
    }


# ---- why something cannot be measured so


def readable_size(shape: tuple[int, ...]) -> bool:
    """Whether digits of this shape (H, W, C) are read by the classifier that ships with the library."""
    return shape[:2] in [(size, size) for size in _READABLE_SIZES]


def unreadable_size(shape: tuple[int, ...]) -> str:
    """The obstacle of a shape that is not."""
    return "" if readable_size(shape) else "digits are read at data.image_size 8, 16 or 32"


def needs_samples(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must sample."""
    return "" if "sample" in compiled.game.abilities else "the game does not sample"


def needs_digits(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """And the data must be digits that the classifier reads."""
    return needs_samples(compiled, source, config) or unread_digits(source, config)


def unread_digits(source: Source, config: ConfigDict) -> str:
    """The obstacle of data that are no digits that the classifier reads."""
    # The data say so themselves, whatever they are called.
    if "digit_fd" in source.metrics:
        return ""
    if config.data.name == "digits" and not config.data.domain:
        return unreadable_size(source.arrays["image"].shape)
    return "the data are not the digits (data.name='digits', without data.domain)"


def needs_labelled_digits(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """And the game must take labels."""
    if obstacle := needs_samples(compiled, source, config):
        return obstacle
    label = compiled.game.ability("sample").takes.get("label")
    if label is None:
        return "the game takes no labels"
    if "cluster" in compiled.game.abilities:
        return "the game's classes are its own, and no digits"
    if label.classes not in (0, 10):
        return f"the game's {label.classes} classes are not the ten digits"
    return needs_digits(compiled, source, config)


def needs_classes(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must classify, and the data must have labels."""
    if "classify" not in compiled.game.abilities:
        return "the game does not classify"
    return "" if source.num_classes else "the data have no labels"


def needs_clusters(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must find clusters, and the data must have labels."""
    if "cluster" not in compiled.game.abilities:
        return "the game finds no clusters"
    return "" if source.num_classes else "the data have no labels"


def needs_codes(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must have continuous codes, and make images."""
    if "edit" not in compiled.game.abilities:
        return "the game has no continuous codes"
    return "" if source.arrays["image"].kind == "image" else "the data are not images"


def needs_modes(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The data must be a density whose modes are known."""
    if obstacle := needs_samples(compiled, source, config):
        return obstacle
    return "" if isinstance(source, ToyDensity) else "the data have no known modes (data.name='ring8' or 'grid25' have)"


def needs_stacked_digits(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The data must be stacked digits that the classifier reads."""
    if obstacle := needs_samples(compiled, source, config):
        return obstacle
    if "stacked_modes" in source.metrics:
        return ""
    if config.data.name == "stacked_digits":
        return unreadable_size(source.arrays["image"].shape)
    return "the data are not stacked digits (data.name='stacked_digits')"


def needs_numbers(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The data must be a density on the line."""
    if obstacle := needs_samples(compiled, source, config):
        return obstacle
    one_dimensional = isinstance(source, ToyDensity) and len(source.mean) == 1
    return "" if one_dimensional else "the data are not numbers (data.name='gaussian1d' or 'mixture1d' are)"

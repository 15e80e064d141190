"""How good a game is: the metrics that a config can name, each with what it needs to be measured.

A metric is measured on samples of the averaged players. Its first value, which has the metric's name or is `Metric.score`,
tells the best checkpoint; the others stand beside it in metrics.jsonl.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import metrics
from jaxgan.config import ConfigError, nearest
from jaxgan.core.snapshot import Sampler, Snapshot
from jaxgan.data import Source, make_source, prepare
from jaxgan.data.toy import ToyDensity
from jaxgan.evaluation import measure as measures
from jaxgan.evaluation.feature_metrics import FEATURE_METRICS
from jaxgan.evaluation.protocol import Result
from jaxgan.evaluation.subjects import data_reference, game_subject
from jaxgan.features.extractors import EXTRACTORS
from jaxgan.features.foreign_files import WeightsError

# How digits of another domain are read by the classifier of plain digits, where they can be.
_WAY_BACK: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "inverted": lambda images: -images,
    "thresholded": lambda images: images,
    "low_resolution": lambda images: images,
}
_NOISE = 0.1  # deviation of the noise that probes translations, of images in [-1, 1]

Values = Mapping[str, float | Result]


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric that a config can name.

    Attributes:
        measure: (snapshot, source, config, key) -> values by name, with their protocol where they have one; deterministic.
        score: The name of the value that tells the best checkpoint.
        lower_is_better: Whether lower scores are better.
        obstacle: (sampler, source, config) -> why this game or its data cannot be measured so, or "".
        floor: Name of the value among the measured ones that says what the score of real data would be, or "".
    """

    measure: Callable[[Snapshot, Source, ConfigDict, jax.Array], Values]
    score: str
    lower_is_better: bool
    obstacle: Callable[[Sampler, Source, ConfigDict], str]
    floor: str = ""


def _digit_fd(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    images = snapshot.sample(key, config.evaluate_samples)
    return {
        "digit_fd": metrics.digit_fd(images),
        "digit_fd_floor": metrics.digit_fd_floor(),
        "digits_present": float(len(metrics.classes_present(images))),
    }


def _class_accuracy(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    label = np.arange(config.evaluate_samples) % 10
    images = snapshot.sample(key, len(label), label)
    return {"class_accuracy": metrics.class_accuracy(images, label)}


def _modes(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    assert isinstance(source, ToyDensity)
    samples = snapshot.sample(key, config.evaluate_samples)
    coverage = metrics.mode_coverage(samples, source.centres, source.standard_deviation)
    return {
        "modes": float(coverage.modes),
        "high_quality": coverage.high_quality,
        "reverse_kl": coverage.reverse_kl,
        "modes_effective": coverage.effective_modes,
    }


def _stacked_modes(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    assert source.image_shape is not None
    counts = metrics.stacked_digit_counts(snapshot.sample(key, config.evaluate_samples))
    real = _real_stacked_counts(source.image_shape[0], config.evaluate_samples)
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


def _density1d(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
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


def _label_accuracy(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    held_out = prepare(make_source(config.data, split="test", labelled=0, flip=False).stack())
    logits = snapshot.classify(key, np.asarray(held_out["image"]))
    return {"label_accuracy": float((logits.argmax(axis=-1) == np.asarray(held_out["label"])).mean())}


def _translation(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    held_out = prepare(make_source(config.data, split="test").stack())
    a, b = (np.asarray(held_out[name]) for name in ("a", "b"))
    label, read_b = np.asarray(held_out["label"]), _WAY_BACK[config.data.domain or "inverted"]
    to_b, to_a = snapshot.translate(key, a, "ab"), snapshot.translate(key, b, "ba")
    agreement_ab, agreement_ba = (metrics.class_accuracy(_ink(images), label) for images in (read_b(to_b), to_a))
    cycle_aba = float(np.abs(snapshot.translate(key, to_b, "ba") - a).mean())
    cycle_bab = float(np.abs(snapshot.translate(key, to_a, "ab") - b).mean())
    # Chu et al. 2017 (arXiv:1712.02950): what a translation hides in faint patterns for the way back, noise destroys.
    noise = _NOISE * np.asarray(jax.random.normal(key, (to_b.size,))).reshape(to_b.shape)
    cycle_aba_noisy = float(np.abs(snapshot.translate(key, to_b + noise, "ba") - a).mean())
    return {
        "agreement": (agreement_ab + agreement_ba) / 2,
        "agreement_ab": agreement_ab,
        "agreement_ba": agreement_ba,
        "cycle_l1": (cycle_aba + cycle_bab) / 2,
        "cycle_l1_aba": cycle_aba,
        "cycle_l1_aba_noisy": cycle_aba_noisy,
        "counterpart_mse_ab": float(np.square(to_b - b).mean()),
        "counterpart_mse_ba": float(np.square(to_a - a).mean()),
    }


def _ink(images: np.ndarray) -> np.ndarray:
    """Tinted digits as grey ones: the brightest channel of each pixel."""
    return images.max(axis=-1, keepdims=True)


def _unreadable_size(sampler: Sampler) -> str:
    readable = sampler.image_shape[:2] in [(size, size) for size in (8, 16, 32)]
    return "" if readable else "digits are read at data.image_size 8, 16 or 32"


def _needs_digits(sampler: Sampler, source: Source, config: ConfigDict) -> str:
    if "sample" not in sampler.game.abilities:
        return "the game does not sample"
    if config.data.name != "digits" or config.data.domain:
        return "the data are not the digits (data.name='digits', without data.domain)"
    return _unreadable_size(sampler)


def _needs_labelled_digits(sampler: Sampler, source: Source, config: ConfigDict) -> str:
    unconditional = "" if "label" in sampler.options("sample") else "the game takes no labels"
    return unconditional or _needs_digits(sampler, source, config)


def _needs_classes(sampler: Sampler, source: Source, config: ConfigDict) -> str:
    if "classify" not in sampler.game.abilities:
        return "the game does not classify"
    return "" if source.num_classes else "the data have no labels"


def _needs_modes(sampler: Sampler, source: Source, config: ConfigDict) -> str:
    return "" if isinstance(source, ToyDensity) else "the data have no known modes (data.name='ring8' or 'grid25' have)"


def _needs_stacked_digits(sampler: Sampler, source: Source, config: ConfigDict) -> str:
    if "sample" not in sampler.game.abilities:
        return "the game does not sample"
    if config.data.name != "stacked_digits":
        return "the data are not stacked digits (data.name='stacked_digits')"
    return _unreadable_size(sampler)


def _needs_numbers(sampler: Sampler, source: Source, config: ConfigDict) -> str:
    if "sample" not in sampler.game.abilities:
        return "the game does not sample"
    one_dimensional = isinstance(source, ToyDensity) and len(source.mean) == 1
    return "" if one_dimensional else "the data are not numbers (data.name='gaussian1d' or 'mixture1d' are)"


def _needs_two_domains(sampler: Sampler, source: Source, config: ConfigDict) -> str:
    if "translate" not in sampler.game.abilities:
        return "the game does not translate"
    if config.data.name != "digits_translation" or (config.data.domain or "inverted") not in _WAY_BACK:
        return (
            f"the data are not digits with the second domain {' or '.join(_WAY_BACK)} (data.name='digits_translation')"
        )
    return ""


def _of_features(name: str, features: str) -> Metric:
    """A metric of `jaxgan.evaluate` while a game trains: config.evaluate_samples images against all training data."""

    def measure(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> Values:
        # Those of one network are measured together, by the first of them: it sees the images once.
        names = [other.partition("/")[0] for other in dict.fromkeys(config.metrics) if other.endswith(f"/{features}")]
        if name != names[0]:
            return {}
        number = config.evaluate_samples
        subject = game_subject(snapshot, config.data, source.num_classes, number, config.seed)
        needed = subject.classes or any(FEATURE_METRICS[each].reference for each in names)
        settings = measures.Settings(features, subset_size=min(1000, number, len(source)))
        reference = data_reference(config.data, source) if needed else None
        return {
            f"{result.metric}/{features}": result for result in measures.measure(subject, reference, names, settings)
        }

    def obstacle(sampler: Sampler, source: Source, config: ConfigDict) -> str:
        if "sample" not in sampler.game.abilities:
            return "the game does not sample"
        if len(sampler.image_shape) != 3:
            return "the data are not images"
        if features == "digits" and (problem := _unreadable_size(sampler)):
            return problem
        try:
            measures.load_extractor(features)
        except WeightsError as error:
            return str(error)
        return ""

    score = f"{'precision' if name == 'prdc' else name}/{features}"
    return Metric(measure, score, FEATURE_METRICS[name].lower_is_better, obstacle)


METRICS: dict[str, Metric] = {
    "digit_fd": Metric(_digit_fd, "digit_fd", True, _needs_digits, floor="digit_fd_floor"),
    "class_accuracy": Metric(_class_accuracy, "class_accuracy", False, _needs_labelled_digits),
    "label_accuracy": Metric(_label_accuracy, "label_accuracy", False, _needs_classes),
    "modes": Metric(_modes, "modes", False, _needs_modes),
    "stacked_modes": Metric(_stacked_modes, "modes", False, _needs_stacked_digits, floor="modes_floor"),
    "density1d": Metric(_density1d, "wasserstein", True, _needs_numbers, floor="wasserstein_floor"),
    "translation": Metric(_translation, "agreement", False, _needs_two_domains),
    # "fid/inception", "kid/digits" ...
    **{
        f"{name}/{features}": _of_features(name, features)
        for name in ("fid", "kid", "is", "prdc")
        for features in EXTRACTORS
        if name != "is" or features in ("inception", "digits")
    },
}


def choose(config: ConfigDict, sampler: Sampler, source: Source) -> dict[str, Metric]:
    """The metrics that a config names, by name and in its order.

    Raises:
        ConfigError: One is unknown, or cannot be measured on this game and data.
    """
    chosen = {}
    for name in config.metrics:
        if name not in METRICS:
            raise ConfigError(f"config.metrics names {name!r}, which is unknown: {nearest(name, METRICS)}")
        if obstacle := METRICS[name].obstacle(sampler, source, config):
            raise ConfigError(f"config.metrics names {name!r}, but {obstacle}: leave it out")
        chosen[name] = METRICS[name]
    return chosen


def lower_is_better(chosen: dict[str, Metric]) -> bool:
    """Whether the best checkpoint is the one with the lowest score, that of the first metric."""
    first = next(iter(chosen.values()), None)
    return first is None or first.lower_is_better

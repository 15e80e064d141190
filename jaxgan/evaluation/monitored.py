"""How good a game is: the metrics that a config can name, each with what it needs to be measured.

A metric is measured on what the averaged players make. Its first value, which has the metric's name or is `Metric.score`, tells
the best checkpoint; the others stand beside it in metrics.jsonl.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import jax
from ml_collections import ConfigDict

from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.data import Source
from jaxgan.errors import ConfigError, nearest
from jaxgan.evaluation import attribute_metrics as attributes
from jaxgan.evaluation import caption_metrics as captions
from jaxgan.evaluation import code_metrics as codes
from jaxgan.evaluation import common_codes
from jaxgan.evaluation import energy_metrics as energies
from jaxgan.evaluation import measure as measures
from jaxgan.evaluation import network_metrics as networks
from jaxgan.evaluation import sample_metrics as samples
from jaxgan.evaluation import scene_metrics as scenes
from jaxgan.evaluation import translation_metrics as translations
from jaxgan.evaluation import upscaling_metrics as upscaling
from jaxgan.evaluation.compared import data_reference, measured_game
from jaxgan.evaluation.feature_metrics import FEATURE_METRICS
from jaxgan.evaluation.protocol import Result
from jaxgan.features.extractors import EXTRACTORS
from jaxgan.features.foreign_files import WeightsError
from jaxgan.own import called, imported, is_own

DEFAULT = "default"  # stands in config.metrics for those that suit the data, as the source says

Values = Mapping[str, float | Result]


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric that a config can name.

    Attributes:
        measure: (snapshot, source, config, key) -> values by name, with their protocol where they have one; deterministic.
        score: The name of the value that tells the best checkpoint.
        lower_is_better: Whether lower scores are better.
        obstacle: (compiled, source, config) -> why this game or its data cannot be measured so, or "".
        floor: Name of the value among the measured ones that says what the score of real data would be, or "".
    """

    measure: Callable[[Snapshot, Source, ConfigDict, jax.Array], Values]
    score: str
    lower_is_better: bool
    obstacle: Callable[[CompiledGame, Source, ConfigDict], str] = lambda compiled, source, config: ""
    floor: str = ""


def _of_features(features: str, *names: str) -> Metric:
    """Metrics of `python -m jaxgan evaluate` while a game trains: config.evaluate_samples images against all training data.

    Args:
        features: The feature network.
        *names: The metrics, which are measured together: the network sees the images once. The first one's score counts.
    """

    def measure(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> Values:
        number = config.evaluate_samples
        measured = measured_game(snapshot, config.data, number, config.seed)
        needed = measured.classes or any(FEATURE_METRICS[name].reference for name in names)
        settings = measures.Settings(features, subset_size=min(1000, number, len(source)))
        reference = data_reference(config.data, source) if needed else None
        results = measures.measure(measured, reference, names, settings)
        return {f"{result.metric}/{features}": result for result in results}

    def obstacle(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
        if obstacle := samples.needs_samples(compiled, source, config):
            return obstacle
        if "image" not in source.arrays or source.arrays["image"].kind != "image":
            return "the data are not images"
        if features == "digits" and (problem := samples.unreadable_size(source.arrays["image"].shape)):
            return problem
        try:
            measures.load_extractor(features)
        except WeightsError as error:
            return str(error)
        return ""

    first = names[0]
    score = f"{'precision' if first == 'prdc' else first}/{features}"
    return Metric(measure, score, FEATURE_METRICS[first].lower_is_better, obstacle)


METRICS: dict[str, Metric] = {
    "digit_fd": Metric(samples.digit_fd, "digit_fd", True, samples.needs_digits, floor="digit_fd_floor"),
    "class_accuracy": Metric(samples.class_accuracy, "class_accuracy", False, samples.needs_labelled_digits),
    "caption_accuracy": Metric(captions.caption_accuracy, "caption_accuracy", False, captions.needs_text),
    "label_accuracy": Metric(samples.label_accuracy, "label_accuracy", False, samples.needs_classes),
    "purity": Metric(samples.purity, "purity", False, samples.needs_clusters),
    "sweeps": Metric(samples.sweeps, "code_monotony", False, samples.needs_codes),
    "modes": Metric(samples.modes, "modes", False, samples.needs_modes),
    "stacked_modes": Metric(samples.stacked_modes, "modes", False, samples.needs_stacked_digits, floor="modes_floor"),
    "density1d": Metric(samples.density1d, "wasserstein", True, samples.needs_numbers, floor="wasserstein_floor"),
    "attention": Metric(networks.attention, "attention_reach", False, networks.needs_latents),
    "singular_values": Metric(networks.singular_values, "largest_singular_value", True, networks.needs_weights),
    "translation": Metric(translations.translation, "agreement", False, translations.needs_readable_digits),
    "domain_pairs": Metric(translations.domain_pairs, "pair_agreement", False, translations.needs_domain_samples),
    "common_codes": Metric(common_codes.common_codes, "code_agreement", False, common_codes.needs_common_codes),
    "paired_translation": Metric(translations.paired_translation, "l1", True, translations.needs_pairs),
    "attribute_translation": Metric(
        attributes.attribute_translation, "attribute_accuracy", False, attributes.needs_digits_with_attributes
    ),
    "super_resolution": Metric(upscaling.super_resolution, "psnr", False, upscaling.needs_enlargement),
    "scene_graphs": Metric(scenes.scene_graphs, "relations", False, scenes.needs_scenes),
    "detail": Metric(upscaling.super_resolution, "detail", True, upscaling.needs_enlargement),
    "reconstruction": Metric(codes.reconstruction, "reconstruction_mse", True, codes.needs_codes),
    "swapped_styles": Metric(translations.swapped_styles, "domain_accuracy", False, translations.needs_styles),
    "chain_energy": Metric(energies.chain_energy, "energy_fall", False, energies.needs_chains),
    # "fid/inception", "kid/digits" ...
    **{
        f"{name}/{features}": _of_features(features, name)
        for name in ("fid", "kid", "is", "prdc")
        for features in EXTRACTORS
        if name != "is" or features in ("inception", "digits")
    },
}


def find(name: str) -> Metric:
    """The metric of that name: one of `METRICS`, or what "module:attribute" makes, a function of yours without arguments.

    Raises:
        ConfigError: There is none.
    """
    if name in METRICS:
        return METRICS[name]
    if not is_own(name):
        raise ConfigError(f"config.metrics names {name!r}, which is unknown: {nearest(name, METRICS)}")
    metric = called(imported(name, "metric", "config.metrics"), name, "config.metrics")
    if not isinstance(metric, Metric):
        raise ConfigError(
            f"config.metrics: {name!r} made a {type(metric).__name__}: return a jaxgan.evaluation.monitored.Metric"
        )
    return metric


def choose(config: ConfigDict, compiled: CompiledGame, source: Source) -> dict[str, Metric]:
    """The metrics that a config names, by name and in its order.

    "default" stands for those that suit the data, `source.metrics`, as far as the game can be measured by them; `left_out` are
    the others.

    Args:
        config: The config.
        compiled: The game.
        source: Its training data.

    Raises:
        ConfigError: One is unknown, or cannot be measured on this game and data.
    """
    chosen: dict[str, Metric] = {}
    obstacles = left_out(config, compiled, source)
    for name in config.metrics or ():
        if name == DEFAULT:
            chosen |= {one: find(one) for one in source.metrics if one not in obstacles}
            continue
        metric = find(name)
        if obstacle := metric.obstacle(compiled, source, config):
            raise ConfigError(f"config.metrics names {name!r}, but {obstacle}: leave it out")
        chosen[name] = metric
    return _together(chosen)


def left_out(config: ConfigDict, compiled: CompiledGame, source: Source) -> dict[str, str]:
    """Those that "default" stands for, but by which this game cannot be measured: what stands in the way of each."""
    names = source.metrics if DEFAULT in (config.metrics or ()) else ()
    obstacles = {name: find(name).obstacle(compiled, source, config) for name in names}
    return {name: obstacle for name, obstacle in obstacles.items() if obstacle}


def told_by(chosen: Iterable[Metric]) -> tuple[str, bool]:
    """The score that the best checkpoint is told by, that of the first metric ("" without any), and whether lower is better."""
    first = next(iter(chosen), None)
    return ("", True) if first is None else (first.score, first.lower_is_better)


def _together(chosen: Mapping[str, Metric]) -> dict[str, Metric]:
    """The metrics of one feature network as one that measures all of them, in the place of the first."""
    groups: dict[str, list[str]] = {}
    for name in chosen:
        metric, _, features = name.partition("/")
        groups.setdefault(features if name in METRICS and metric in FEATURE_METRICS else name, []).append(name)
    together = {}
    for features, names in groups.items():
        if len(names) == 1:
            together[names[0]] = chosen[names[0]]
        else:
            together |= _split(features, [name.partition("/")[0] for name in names], chosen)
    return {name: together[name] for name in chosen}


def _split(features: str, names: Sequence[str], chosen: Mapping[str, Metric]) -> dict[str, Metric]:
    """The metrics of one network by name, the first of which measures for all."""
    first, *others = (f"{name}/{features}" for name in names)
    silent = {name: dataclasses.replace(chosen[name], measure=_nothing) for name in others}
    return {first: _of_features(features, *names), **silent}


def _nothing(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> Values:
    """What a metric measures that another one has measured for."""
    return {}

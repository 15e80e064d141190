"""How good a game is: the metrics that a config can name, each with what it needs to be measured.

A metric is measured on what the averaged players make. Its first value, which has the metric's name or is `Metric.score`, tells
the best checkpoint; the others stand beside it in metrics.jsonl.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import jax
from ml_collections import ConfigDict

from jaxgan.config import DEFAULT, WISHED
from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.data import DataError, Source, other_split
from jaxgan.errors import ConfigError
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
from jaxgan.evaluation.asked_names import check_known, check_possible
from jaxgan.evaluation.asked_pictures import Draw, asked_pictures
from jaxgan.evaluation.compared import data_reference, measured_game
from jaxgan.evaluation.feature_metrics import FEATURE_METRICS
from jaxgan.evaluation.protocol import Result
from jaxgan.features.extractors import EXTRACTORS
from jaxgan.features.foreign_files import WeightsError
from jaxgan.metrics.sliced_wasserstein import PATCH
from jaxgan.own import called, imported, is_own

# What "default" stands for where nothing that the data name can be measured: the first of these that can.
_ELSE = ("fid/inception", "swd", "translated_swd")

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
        held_out: Whether it looks at the split "test" of the data, which must be there.
    """

    measure: Callable[[Snapshot, Source, ConfigDict, jax.Array], Values]
    score: str
    lower_is_better: bool
    obstacle: Callable[[CompiledGame, Source, ConfigDict], str] = lambda compiled, source, config: ""
    floor: str = ""
    held_out: bool = False

    def stands_in_its_way(self, compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
        """What does, or "": its obstacle, or that no images are held out."""
        if obstacle := self.obstacle(compiled, source, config):
            return obstacle
        try:
            if self.held_out:
                other_split(config.data, "test", source.arrays)
        except DataError as error:
            return f"there are no held-out images: {error}"
        return ""


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
        if obstacle := needs_images(source):
            return obstacle
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


def needs_images(source: Source) -> str:
    """The obstacle of data that are no images."""
    image = source.arrays.get("image")
    return "" if image is not None and image.kind == "image" else "the data are not images"


def _sliced_wasserstein() -> Metric:
    """The sliced Wasserstein distance of patches, which needs no weights."""

    def measure(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> Values:
        measured = measured_game(
            snapshot, config.data, min(config.evaluate_samples, translations.COMPARED), config.seed
        )
        return {
            result.metric: result
            for result in measures.measure(measured, data_reference(config.data, source), ("swd",))
        }

    def obstacle(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
        if obstacle := samples.needs_samples(compiled, source, config) or needs_images(source):
            return obstacle
        height, width = source.arrays["image"].shape[:2]
        return "" if min(height, width) >= PATCH else f"images of {height}x{width} are smaller than its patches"

    return Metric(measure, "swd", True, obstacle)


METRICS: dict[str, Metric] = {
    "digit_fd": Metric(samples.digit_fd, "digit_fd", True, samples.needs_digits, floor="digit_fd_floor"),
    "class_accuracy": Metric(samples.class_accuracy, "class_accuracy", False, samples.needs_labelled_digits),
    "caption_accuracy": Metric(captions.caption_accuracy, "caption_accuracy", False, captions.needs_text),
    "label_accuracy": Metric(samples.label_accuracy, "label_accuracy", False, samples.needs_classes, held_out=True),
    "purity": Metric(samples.purity, "purity", False, samples.needs_clusters, held_out=True),
    "sweeps": Metric(samples.sweeps, "code_monotony", False, samples.needs_codes),
    "modes": Metric(samples.modes, "modes", False, samples.needs_modes),
    "stacked_modes": Metric(samples.stacked_modes, "modes", False, samples.needs_stacked_digits, floor="modes_floor"),
    "density1d": Metric(samples.density1d, "wasserstein", True, samples.needs_numbers, floor="wasserstein_floor"),
    "attention": Metric(networks.attention, "attention_reach", False, networks.needs_latents),
    "singular_values": Metric(networks.singular_values, "largest_singular_value", True, networks.needs_weights),
    "translation": Metric(translations.translation, "agreement", False, translations.needs_readable_digits),
    "translated_swd": Metric(translations.translated_swd, "translated_swd", True, translations.needs_targets_of_images),
    "cycle": Metric(translations.cycle, "cycle_l1", True, translations.needs_a_way_back, held_out=True),
    "domain_pairs": Metric(translations.domain_pairs, "pair_agreement", False, translations.needs_domain_samples),
    "common_codes": Metric(common_codes.common_codes, "code_agreement", False, common_codes.needs_common_codes),
    "paired_translation": Metric(translations.paired_translation, "l1", True, translations.needs_pairs, held_out=True),
    "attribute_translation": Metric(
        attributes.attribute_translation, "attribute_accuracy", False, attributes.needs_digits_with_attributes
    ),
    "judged_attributes": Metric(
        attributes.judged_attributes,
        "judged_attributes",
        False,
        attributes.needs_a_judge,
        floor="judge_accuracy",
        held_out=True,
    ),
    "super_resolution": Metric(upscaling.super_resolution, "psnr", False, upscaling.needs_enlargement),
    "scene_graphs": Metric(scenes.scene_graphs, "relations", False, scenes.needs_scenes),
    "detail": Metric(upscaling.super_resolution, "detail", True, upscaling.needs_enlargement),
    "reconstruction": Metric(codes.reconstruction, "reconstruction_mse", True, codes.needs_codes, held_out=True),
    "swapped_styles": Metric(translations.swapped_styles, "domain_accuracy", False, translations.needs_styles),
    "chain_energy": Metric(energies.chain_energy, "energy_fall", False, energies.needs_chains, held_out=True),
    "swd": _sliced_wasserstein(),
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
    if not is_own(name):
        check_known("metrics", name, METRICS)
        return METRICS[name]
    metric = called(imported(name, "metric", "config.metrics"), name, "config.metrics")
    if not isinstance(metric, Metric):
        raise ConfigError(
            f"config.metrics: {name!r} made a {type(metric).__name__}: return a jaxgan.evaluation.monitored.Metric"
        )
    return metric


class Choice(NamedTuple):
    """What a game is measured by.

    Attributes:
        metrics: By name, in the config's order.
        left_out: Those that were wished, or that suit the data, but that cannot be measured: what stands in the way of each.
        instead: The one that takes their place, where it is none that the config or the data name; "" for none.
        pictures: What draws the pictures that the config asks for, by name.
    """

    metrics: dict[str, Metric]
    left_out: dict[str, str]
    instead: str = ""
    pictures: Mapping[str, Draw] = MappingProxyType({})

    def told(self) -> str:
        """What is measured by other metrics than were named, in a line; "" where nothing is.

        Of what stands in the way it has the first words: asking for that metric alone tells all, and the cure.
        """
        if not self.left_out:
            return ""
        parts = "; ".join(f"not by {name}: {obstacle.split(': ')[0]}" for name, obstacle in self.left_out.items())
        return f"measured by {', '.join(self.metrics) or 'nothing'}, {parts}"


def choose(config: ConfigDict, compiled: CompiledGame, source: Source) -> Choice:
    """The metrics that a config names, and the pictures that it asks for.

    "default" stands for those that suit the data, `source.metrics`, as far as the game can be measured by them, or else for
    a distance of images that fits; a name with a "?" behind it is measured where that is possible.

    Args:
        config: The config.
        compiled: The game.
        source: Its training data.

    Raises:
        ConfigError: One is unknown, or cannot be measured on this game and data.
    """
    chosen: dict[str, Metric] = {}
    left_out: dict[str, str] = {}
    instead = ""

    def consider(name: str) -> None:
        metric = find(name)
        if obstacle := metric.stands_in_its_way(compiled, source, config):
            left_out[name] = obstacle
        else:
            chosen[name] = metric

    for name in config.metrics or ():
        if name == DEFAULT:
            for one in source.metrics:
                consider(one)
            continue
        consider(name.removesuffix(WISHED))
        check_possible("metrics", name, left_out.get(name, ""))
    if DEFAULT in (config.metrics or ()) and not chosen:
        for name in _ELSE:
            if not chosen and name not in left_out and not find(name).stands_in_its_way(compiled, source, config):
                chosen[name], instead = find(name), name
        if not chosen:
            left_out[DEFAULT] = "no metric suits these data and this game"
    return Choice(_together(chosen), left_out, instead, asked_pictures(config, compiled, source))


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

"""Measures images by the metrics that were asked for: `python -m jaxgan evaluate` without its command line."""

import contextlib
import dataclasses
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from jaxgan import pictures
from jaxgan.data import Source, as_seen, evenly, other_split
from jaxgan.data.files import FilePictures, unwrap
from jaxgan.data.images import ImageSource
from jaxgan.errors import UserError, nearest
from jaxgan.evaluation.cached_statistics import records_of, summarize_source
from jaxgan.evaluation.compared import Measured, Reference, numbered_as
from jaxgan.evaluation.fakes import squared_speeds
from jaxgan.evaluation.feature_metrics import FEATURE_METRICS, Value
from jaxgan.evaluation.feature_statistics import Summary, summarize
from jaxgan.evaluation.held_out import in_bytes, spread_records
from jaxgan.evaluation.protocol import Result
from jaxgan.features.extractors import Extractor, make_extractor, make_perceptual
from jaxgan.files import atomically
from jaxgan.metrics import image_quality
from jaxgan.metrics.classification import STEPS, classification_accuracy
from jaxgan.metrics.neighbours import nearest_of
from jaxgan.metrics.path_length import path_length
from jaxgan.metrics.sliced_wasserstein import sliced_wasserstein

_IMAGES = 16_384  # at most so many are held for MS-SSIM and the sliced Wasserstein distance
_SHOWN = 16  # samples beside their nearest training images


@dataclasses.dataclass(frozen=True)
class Settings:
    """What may be chosen beside the metrics.

    Attributes:
        features: The feature network.
        resize: For it; "": its default.
        batch_size: Images in one call of it; 0: 64 on each device, 8 on a CPU. It changes no number.
        k: Neighbours, of precision, recall, density and coverage; 0: 3 and 5.
        subset_size: Of the kernel distance; 0: 1,000.
        border: Pixels that PSNR and SSIM leave out at each side.
        picture: Where to draw samples beside their nearest training images, or None.
    """

    features: str = "inception"
    resize: str = ""
    batch_size: int = 0
    k: int = 0
    subset_size: int = 0
    border: int = 0
    picture: Path | None = None


def measure(
    measured: Measured, reference: Reference | None, names: Sequence[str], settings: Settings = Settings()
) -> list[Result]:
    """Measures, with a bar for each pass over images; to be called inside `jax.set_mesh(data_mesh())`.

    Args:
        measured: What is measured.
        reference: What it is compared with; None for metrics that compare with nothing.
        names: In `MEASURES`.
        settings: The rest.

    Raises:
        UserError: A metric is unknown, or cannot be measured so; WeightsError: weights are missing.
    """
    for name in names:
        if name not in MEASURES:
            raise UserError(f"there is no metric {name!r}: {nearest(name, MEASURES)}")
    results = []
    chosen = [name for name in names if name in FEATURE_METRICS]
    if chosen:
        results += _of_features(measured, reference, chosen, settings)
    for name in names:
        if name in _OTHERS:
            results += _OTHERS[name](measured, reference, settings)
    return results


@functools.lru_cache(maxsize=2)
def load_extractor(features: str, resize: str = "") -> Extractor:
    """`make_extractor`, which keeps the last two: a game that is measured while it trains compiles them once."""
    return make_extractor(features, resize)


def _of_features(
    measured: Measured, reference: Reference | None, names: Sequence[str], settings: Settings
) -> list[Result]:
    metrics = {name: FEATURE_METRICS[name] for name in names}
    keep = any(metric.features for metric in metrics.values())
    for name, metric in metrics.items():
        if metric.reference:
            reference = _needs(reference, name)
        if metric.labels and not measured.classes and measured.snapshot is not None:
            raise UserError(f"{name} needs a game that takes labels")
    extractor = load_extractor(settings.features, settings.resize)
    real = _real(extractor, reference, keep, settings) if reference is not None else None
    if real is not None and reference is not None and real.labels is not None:
        named = reference.class_names or measured.class_names
        one_sided = measured.data is None and bool(reference.class_names) != bool(measured.class_names)
        if one_sided and named != tuple(str(index) for index in range(len(named))):
            raise UserError(
                f"one side has labels that are numbers alone, the other classes that are called {', '.join(named[:10])}: "
                "give both in folders, or both in .npz"
            )
        # None where the reference has other classes.
        found = numbered_as(real.labels, reference.class_names, measured.class_names, measured.classes)
        real = dataclasses.replace(real, labels=found)
    asked = real.labels if real is not None and measured.classes else None
    number = measured.protocol.fakes
    with _bar(number, "images") as progress:
        fakes = summarize(
            extractor,
            measured.batches(number, asked),
            number,
            keep=keep,
            score=any(metric.score for metric in metrics.values()),
            batch_size=settings.batch_size,
            progress=progress,
        )
    network = {"features": extractor.name, "resize": extractor.resize, "weights": extractor.weights}
    drawn = {"labels": _drawn(measured, asked)}
    results = []
    for name, metric in metrics.items():
        if metric.labels and (fakes.labels is None or real is None or real.labels is None):
            raise UserError(f"{name} needs images and a reference with the same classes: a subfolder for each")
        if metric.features and real is not None and real.features is None:
            raise UserError(f"{name} needs images as a reference: statistics hold mean and covariance alone")
        values = metric.measure(fakes, real, {"k": settings.k, "subset_size": settings.subset_size})
        results += _results(measured, reference if metric.reference else None, values, **network, **drawn)
    if "copied" in metrics and settings.picture is not None and reference is not None and reference.source is not None:
        _draw_nearest(settings.picture, measured, reference.source, fakes, real, asked)
    return results


def _real(extractor: Extractor, reference: Reference, keep: bool, settings: Settings) -> Summary:
    if reference.summary is not None:
        return reference.summary
    assert reference.source is not None
    with _bar(reference.number or 0, "reference") as progress:
        return summarize_source(
            extractor,
            reference.source,
            reference.number,
            keep=keep,
            batch_size=settings.batch_size,
            progress=progress,
        )


def _draw_nearest(path: Path, measured: Measured, source: Any, fakes: Summary, real: Any, asked: Any) -> None:
    """Samples in the odd rows, and under each its nearest training image: by features, and in a second picture by pixels."""
    shown = min(_SHOWN, measured.protocol.fakes)
    made = pictures.from_uint8(measured.images(shown, asked)["image"])
    nearest = nearest_of(real.features, fakes.features[:shown])  # type: ignore[index]
    by_features = source.stack(evenly(len(real.features), len(source))[nearest])["image"]
    found = {path: as_seen({"image": by_features})["image"]}
    if by_features.shape == made.shape:
        training = spread_records(source)["image"]
        index = nearest_of(training.reshape(len(training), -1), made.reshape(shown, -1))
        found[path.with_stem(f"{path.stem}_pixels")] = training[index]
    columns = min(shown, pictures.columns_for(measured.image_shape))
    starts = range(0, shown // columns * columns, columns)
    for place, images in found.items():
        rows = [part[start : start + columns] for start in starts for part in (made, images)]
        with atomically(place) as temporary:
            pictures.grid(np.concatenate(rows), columns).save(temporary, "PNG")


def _ms_ssim(measured: Measured, reference: Reference | None, settings: Settings) -> list[Result]:
    number = min(_IMAGES, measured.protocol.fakes)
    measured = _fewer(measured, number)
    # Pairs are of neighbours, and files stand in the order of their names, alike ones beside each other.
    order = np.random.default_rng(0).permutation(number)
    records = {name: array[order] for name, array in measured.images(number).items()}
    value = image_quality.diversity(records["image"], records.get("label"))
    settings_text = f"{number // 2} pairs" + (" within classes" if "label" in records else "")
    return _results(measured, None, [Value("ms_ssim", value, settings=settings_text)], labels=_drawn(measured, None))


def _swd(measured: Measured, reference: Reference | None, settings: Settings) -> list[Result]:
    source, reference = _images_of(reference, "swd")
    number = min(_IMAGES, measured.protocol.fakes, reference.number or 0)
    measured = _fewer(measured, number)
    reference = dataclasses.replace(reference, number=number, whole=number == len(source))
    records = source.stack(evenly(number, len(source)))
    asked = None
    if measured.classes and "label" in records:
        asked = numbered_as(records["label"], reference.class_names, measured.class_names, measured.classes)
    distances = sliced_wasserstein(in_bytes(records["image"]), measured.images(number, asked)["image"])
    values = [Value(f"swd_{side}px", distance) for side, distance in distances.items()]
    values = [Value("swd", float(np.mean(list(distances.values())))), *values]
    return _results(measured, reference, values, labels=_drawn(measured, asked))


def _paired(measured: Measured, reference: Reference | None, settings: Settings, name: str) -> list[Result]:
    source, reference = _images_of(reference, name)
    if measured.source is None:
        raise UserError(f"{name} compares pairs of images: give --images instead of --workdir")
    number, total = measured.protocol.fakes, len(measured.source)
    if (number, total) != (reference.number, len(source)):
        raise UserError(
            f"{name} compares pairs, not {number} of {total} images with {reference.number} of {len(source)}: give two folders "
            "of as many, and --reference_num as --num"
        )
    _check_pairs(measured.source, source, name)
    chosen = evenly(number, total)
    function = {"psnr": image_quality.psnr, "ssim": image_quality.ssim}[name]
    pairs = zip(records_of(measured.source, chosen), records_of(source, chosen), strict=True)
    found = np.concatenate([function(mine["image"], real["image"], settings.border) for mine, real in pairs])
    for side in (measured.source, source):
        # The next picture has taken the place of what cannot be read, on this side alone.
        if isinstance(side, ImageSource) and (lacking := [index for index in chosen if index in side.skipped]):
            raise UserError(
                f"{name} compares pairs, but {side.pictures.where(lacking[0])} cannot be read "
                f"({side.skipped[lacking[0]]}): repair it, or remove it and its counterpart"
            )
    value = Value(name, float(found.mean(dtype=np.float64)), settings="Y channel", variant=f"border{settings.border}")
    return _results(measured, reference, [value])


def _check_pairs(mine: Source, real: Source, name: str) -> None:
    """Refuses two folders whose pictures have other names, whatever their endings: pairs are told by the order of names."""
    sides = [side.pictures for side in (mine, real) if isinstance(side, ImageSource)]
    files = [pictures for pictures in sides if isinstance(pictures, FilePictures)]
    if len(files) < 2:
        return  # arrays have no names
    stems = ([os.path.splitext(each)[0] for each in unwrap(pictures.names, "")[0]] for pictures in files)
    for index, (one, other) in enumerate(zip(*stems, strict=True)):
        if one != other:
            raise UserError(
                f"{name} compares pairs of one name, but {files[0].where(index)} would be compared with "
                f"{files[1].where(index)}: give both folders the same names"
            )


def _path_length(measured: Measured, reference: Reference | None, settings: Settings, space: str) -> list[Result]:
    if measured.snapshot is None:
        raise UserError("a path length needs a game: give --workdir instead of --images")
    perceptual = make_perceptual("digits" if settings.features == "digits" else "lpips")
    protocol = measured.protocol
    with _bar(protocol.fakes, "paths") as progress:
        speeds = squared_speeds(
            measured.snapshot,
            perceptual,
            jax.random.key(protocol.seed),
            protocol.fakes,
            space,
            protocol.truncation,
            progress,
        )
    name = {"z": "ppl", "w": "ppl_w"}[space]
    text = {"z": "Z, whole paths", "w": "W, ends of paths"}[space] + ", epsilon 1e-4, percentiles 1 to 99"
    network = {"features": perceptual.name, "weights": perceptual.weights}
    return _results(
        measured, None, [Value(name, path_length(speeds), settings=text)], **network, labels=_drawn(measured, None)
    )


def _overfitting(measured: Measured, reference: Reference | None, settings: Settings) -> list[Result]:
    """Whether the discriminator knows its training images by heart (Brock et al. 2018, arXiv:1809.11096, section 4.2)."""
    if measured.snapshot is None or "judge" not in measured.snapshot.game.abilities:
        raise UserError(
            "overfitting needs a game whose discriminator can judge: one of noise to images, with --workdir"
        )
    number = min(_IMAGES, measured.protocol.fakes)
    logits = []
    for split in ("train", "test"):
        source = other_split(measured.data, split, measured.snapshot.arrays)
        records = as_seen(source.stack(evenly(number, len(source))))
        given = {"images": records["image"]}
        if measured.snapshot.takes("judge", "label"):
            given["label"] = records["label"]
        logits.append(measured.snapshot.use("judge", jax.random.key(0), **given).astype(np.float64))
    accuracy = [float((part > 0).mean()) for part in logits]
    counts = f"{len(logits[0])} training and {len(logits[1])} held-out images"
    values = [
        Value("d_accuracy_held_out", accuracy[1], settings=counts),
        Value("d_accuracy_train", accuracy[0], settings=counts),
        Value("d_gap", float(logits[0].mean() - logits[1].mean()), settings=counts),
    ]
    return _results(measured, None, values)


def _classification(measured: Measured, reference: Reference | None, settings: Settings) -> list[Result]:
    if not measured.classes or measured.snapshot is None:
        raise UserError("cas needs a game that takes labels")
    splits = {}
    for split in ("train", "test"):
        source = other_split(measured.data, split, measured.snapshot.arrays)
        if "label" not in source.arrays:
            raise UserError(f"cas needs labels, but split {split!r} of {source.name} has none: leave it out")
        records = source.stack()
        splits[split] = {"image": in_bytes(records["image"]), "label": records["label"]}
    fakes, test = measured.images(measured.protocol.fakes), splits["test"]
    accuracies = [
        classification_accuracy(part["image"], part["label"], test["image"], test["label"], measured.classes)
        for part in (fakes, splits["train"])
    ]
    text = f"{STEPS} steps of a small network, {len(test['label'])} held-out images"
    values = [Value("cas", accuracies[0], settings=text), Value("cas_real", accuracies[1], settings=text)]
    return _results(measured, None, values, labels=_drawn(measured, None))


_OTHERS: dict[str, Callable[[Measured, Reference | None, Settings], list[Result]]] = {
    "ppl": functools.partial(_path_length, space="z"),
    "ppl_w": functools.partial(_path_length, space="w"),
    "ms_ssim": _ms_ssim,
    "swd": _swd,
    "psnr": functools.partial(_paired, name="psnr"),
    "ssim": functools.partial(_paired, name="ssim"),
    "overfitting": _overfitting,
    "cas": _classification,
}
MEASURES = (*FEATURE_METRICS, *_OTHERS)
# Metrics that compare with no reference.
ALONE = {"is", "ppl", "ppl_w", "ms_ssim", "overfitting", "cas"}


def _needs(reference: Reference | None, name: str) -> Reference:
    if reference is None:
        raise UserError(f"{name} compares with real images: give --reference")
    return reference


def _images_of(reference: Reference | None, name: str) -> tuple[Any, Reference]:
    reference = _needs(reference, name)
    if reference.source is None:
        raise UserError(f"{name} needs images as a reference, not statistics of them")
    return reference.source, reference


def _fewer(measured: Measured, number: int) -> Measured:
    return dataclasses.replace(measured, protocol=dataclasses.replace(measured.protocol, fakes=number))


def _drawn(measured: Measured, asked: np.ndarray | None) -> str:
    if not measured.classes:
        return ""
    return "uniform" if asked is None else "reference"


def _results(measured: Measured, reference: Reference | None, values: Sequence[Value], **protocol: Any) -> list[Result]:
    if reference is not None:
        protocol |= {
            "reference": reference.name,
            "split": reference.split,
            "references": reference.number,
            "whole": reference.whole,
            "prepared": reference.prepared,
        }
    results = []
    for value in values:
        own = dataclasses.replace(measured.protocol, settings=value.settings, variant=value.variant, **protocol)
        results.append(Result(value.name, value.value, own, value.deviation, measured.model))
    return results


@contextlib.contextmanager
def _bar(total: int, what: str) -> Iterator[Callable[[int], Any]]:
    """A bar on stderr; nothing where there is no terminal."""
    with tqdm(total=total, desc=what, unit=" images", disable=None, leave=False, dynamic_ncols=True) as bar:
        yield bar.update

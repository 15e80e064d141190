"""The metrics of features by name, and which summaries of generated and real images they need."""

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxgan.errors import UserError
from jaxgan.evaluation.feature_statistics import Summary
from jaxgan.metrics.frechet import Moments, frechet_distance
from jaxgan.metrics.kernel import kernel_distance
from jaxgan.metrics.neighbours import density_coverage, nearest_training, precision_recall


@dataclasses.dataclass(frozen=True)
class Value:
    """One number of a metric, its deviation, and the metric's settings and variant, for the protocol."""

    name: str
    value: float
    deviation: float | None = None
    settings: str = ""
    variant: str = ""


@dataclasses.dataclass(frozen=True)
class FeatureMetric:
    """A metric of features.

    Attributes:
        measure: (fakes, reference, options) -> values, the first of which has the metric's name or stands for it.
        features: Whether both sides must keep their features.
        labels: Whether both sides must have labels.
        score: Whether the fakes need an Inception Score.
        reference: Whether there must be a reference.
        lower_is_better: Of the first value.
    """

    measure: Callable[[Summary, Any, dict[str, Any]], list[Value]]
    features: bool = False
    labels: bool = False
    score: bool = False
    reference: bool = True
    lower_is_better: bool = True


def fid(fakes: Summary, reference: Summary) -> float:
    """The Frechet distance of two summaries.

    Warns where there are no more images than features.

    Raises:
        UserError: Fewer than two images, or features of two networks.
    """
    if len(fakes.mean) != len(reference.mean):
        raise UserError(
            f"the reference has {len(reference.mean)} features and the images have {len(fakes.mean)}; "
            "take both from one network"
        )
    for what, summary in (("generated", fakes), ("reference", reference)):
        if summary.count is None:
            continue
        if summary.count < 2:
            raise UserError(f"a Frechet distance needs 2 images and there is {summary.count} {what} one; give more")
        if summary.count <= len(summary.mean):
            warnings.warn(
                f"{summary.count} {what} images for {len(summary.mean)} features: their covariance is singular, and "
                "the Frechet distance far too large to be compared; give more images",
                stacklevel=2,
            )
    return frechet_distance(fakes.mean, fakes.covariance, reference.mean, reference.covariance)


def _fid(fakes: Summary, reference: Summary, options: dict[str, Any]) -> list[Value]:
    return [Value("fid", fid(fakes, reference))]


def _kid(fakes: Summary, reference: Summary, options: dict[str, Any]) -> list[Value]:
    size = options.get("subset_size") or 1000
    value, deviation = kernel_distance(_kept(fakes), _kept(reference), subset_size=size)
    return [Value("kid", value, deviation, f"100 subsets of {size}", "" if size == 1000 else f"subset{size}")]


def _inception_score(fakes: Summary, reference: None, options: dict[str, Any]) -> list[Value]:
    assert fakes.score is not None
    return [Value("is", *fakes.score, settings="10 splits, shuffled")]


def _prdc(fakes: Summary, reference: Summary, options: dict[str, Any]) -> list[Value]:
    near, far = options.get("k") or 3, options.get("k") or 5
    real, generated = _kept(reference), _kept(fakes)
    precision, recall = precision_recall(real, generated, near)
    density, coverage = density_coverage(real, generated, far)
    return [
        Value("precision", precision, variant=f"k{near}"),
        Value("recall", recall, variant=f"k{near}"),
        Value("density", density, variant=f"k{far}"),
        Value("coverage", coverage, variant=f"k{far}"),
    ]


def _copied(fakes: Summary, reference: Summary, options: dict[str, Any]) -> list[Value]:
    return [Value("copied", nearest_training(_kept(reference), _kept(fakes)).copied)]


def _intra_class_fid(fakes: Summary, reference: Summary, options: dict[str, Any]) -> list[Value]:
    assert fakes.labels is not None and reference.labels is not None
    distances = []
    # A class has few images: one warning stands for all.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for label in np.unique(reference.labels):
            summaries = []
            for what, side in (("generated", fakes), ("reference", reference)):
                rows = _kept(side)[side.labels == label]
                if len(rows) < 2:
                    raise UserError(f"intra-class FID: {len(rows)} {what} images of class {label}; give 2 at least")
                moments = Moments.of(rows)
                summaries.append(Summary(len(rows), moments.mean, moments.scatter / (len(rows) - 1)))
            distances.append(fid(*summaries))
    if caught:
        warnings.warn(f"a class has fewer images than features: {caught[0].message}", stacklevel=2)
    return [Value("ifid", float(np.mean(distances)), float(np.std(distances)), f"{len(distances)} classes")]


def _kept(summary: Summary) -> np.ndarray:
    assert summary.features is not None
    return summary.features


FEATURE_METRICS: dict[str, FeatureMetric] = {
    "fid": FeatureMetric(_fid),
    "kid": FeatureMetric(_kid, features=True),
    "is": FeatureMetric(_inception_score, score=True, reference=False, lower_is_better=False),
    "prdc": FeatureMetric(_prdc, features=True, lower_is_better=False),
    "ifid": FeatureMetric(_intra_class_fid, features=True, labels=True),
    "copied": FeatureMetric(_copied, features=True),
}

"""The table of feature metrics: what it measures on summaries, and when it warns."""

import warnings

import numpy as np
import pytest

from jaxgan.evaluation.feature_metrics import FEATURE_METRICS, fid
from jaxgan.evaluation.feature_statistics import Summary


def summary(features, labels=None):
    covariance = np.cov(features, rowvar=False) if len(features) > 1 else np.full((features.shape[1],) * 2, np.nan)
    return Summary(len(features), features.mean(axis=0), covariance, features, labels)


@pytest.fixture(scope="module")
def gaussians():
    draw = np.random.default_rng(0)
    return draw.normal(size=(3000, 3)), 2.0 * draw.normal(size=(3000, 3)) + 1.0


def test_fid_of_two_gaussians(gaussians):
    # |m|^2 + sum (1 - 2)^2 = 3 + 3
    first, second = map(summary, gaussians)
    assert fid(first, second) == pytest.approx(6.0, rel=0.1)
    assert fid(first, first) == pytest.approx(0.0, abs=1e-6)


def test_as_many_images_as_features_warn(gaussians):
    real, fakes = (features[:100] for features in gaussians)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fid(summary(fakes[:4]), summary(real))
        fid(summary(fakes), Summary(None, *(getattr(summary(real), name) for name in ("mean", "covariance"))))
    with pytest.warns(UserWarning, match="3 generated images for 3 features"):
        fid(summary(fakes[:3]), summary(real))
    with pytest.warns(UserWarning, match="2 reference images for 3 features"):
        fid(summary(fakes), summary(real[:2]))
    with pytest.raises(ValueError, match="needs 2 images and there is 1 generated one"):
        fid(summary(fakes[:1]), summary(real))
    with pytest.raises(ValueError, match="the reference has 2 features and the images have 3"):
        fid(summary(fakes), summary(real[:, :2]))


def test_within_classes_exchanged_labels_are_seen():
    draw = np.random.default_rng(0)
    labels = np.repeat([0, 1], 500)
    features = draw.normal(size=(1000, 2)) + np.array([[0.0, 0.0], [10.0, 0.0]])[labels]
    reference, fakes = summary(features, labels), summary(features, 1 - labels)
    assert fid(reference, fakes) == pytest.approx(0.0, abs=1e-6)
    right, wrong = (FEATURE_METRICS["ifid"].measure(each, reference, {})[0] for each in (reference, fakes))
    assert right.value == pytest.approx(0.0, abs=1e-6) and wrong.value == pytest.approx(100.0, rel=0.05)
    with pytest.raises(ValueError, match="0 generated images of class 1"):
        FEATURE_METRICS["ifid"].measure(summary(features[:500], labels[:500]), reference, {})


def test_variants_are_named(gaussians):
    real, fakes = (summary(features[:200]) for features in gaussians)
    kid = FEATURE_METRICS["kid"].measure(fakes, real, {"subset_size": 100})
    assert [(value.name, value.variant) for value in kid] == [("kid", "subset100")] and kid[0].value > 0
    prdc = FEATURE_METRICS["prdc"].measure(fakes, real, {})
    assert [(value.name, value.variant) for value in prdc] == [
        ("precision", "k3"),
        ("recall", "k3"),
        ("density", "k5"),
        ("coverage", "k5"),
    ]
    assert {value.variant for value in FEATURE_METRICS["prdc"].measure(fakes, real, {"k": 4})} == {"k4"}
    assert FEATURE_METRICS["copied"].measure(real, real, {})[0].value == 1.0

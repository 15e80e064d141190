"""FID, KID and Inception Score of two sets of images beside torch-fidelity's, on random weights that both share."""

import warnings

import numpy as np
import pytest

from benchmarks.evaluation import random_weights, torch_fidelity_network, without_torchvision
from jaxgan.evaluation.feature_metrics import FEATURE_METRICS
from jaxgan.evaluation.feature_statistics import summarize
from jaxgan.features.extractors import make_extractor
from jaxgan.metrics.inception_score import inception_score

NUMBER, SUBSET = 40, 20


@pytest.fixture
def fidelity():
    """Its metrics, by name."""
    pytest.importorskip("torch")
    with without_torchvision():
        return {name: pytest.importorskip(f"torch_fidelity.metric_{name}") for name in ("fid", "isc", "kid")}


def images(seed, low):
    """Blocks of colour, larger and fainter in one set than in the other."""
    draw = np.random.default_rng(seed)
    return draw.integers(low, 256 - low, (NUMBER, 8, 8, 3)).astype(np.uint8).repeat(4, axis=1).repeat(4, axis=2)


def test_two_sets_of_images(fidelity):
    params, state = random_weights()
    network = torch_fidelity_network(state, ["2048", "logits_unbiased"])
    extractor = make_extractor("inception", params=params)
    sets = [images(0, 0), images(1, 60)]
    theirs = [network(each, 8) for each in sets]
    ours = [summarize(extractor, [{"image": each}], NUMBER, keep=True, score=True, batch_size=8) for each in sets]
    measured = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 40 images for 2,048 features: it is so for both
        for name in ("fid", "kid", "is"):
            measured[name] = FEATURE_METRICS[name].measure(*ours, {"subset_size": SUBSET})[0]
    statistics = [fidelity["fid"].fid_features_to_statistics(each[0]) for each in theirs]
    fid = fidelity["fid"].fid_statistics_to_metric(*statistics, verbose=False)
    kid = fidelity["kid"].kid_features_to_metric(
        theirs[0][0], theirs[1][0], kid_subset_size=SUBSET, kid_subsets=100, verbose=False
    )
    score = fidelity["isc"].isc_features_to_metric(theirs[0][1])
    pairs = [
        (measured["fid"].value, fid["frechet_inception_distance"]),
        (measured["kid"].value, kid["kernel_inception_distance_mean"]),
        (measured["kid"].deviation, kid["kernel_inception_distance_std"]),
        (measured["is"].value, score["inception_score_mean"]),
        (measured["is"].deviation, score["inception_score_std"]),
    ]
    for mine, their in pairs:
        print(f"{mine:.8g} {their:.8g} {mine / their - 1:.1e}")
    for mine, their in pairs:
        assert mine == pytest.approx(their, rel=1e-3)
    assert measured["kid"].value > 0
    # Random networks find all images alike; predictions that differ:
    import torch

    logits = np.random.default_rng(3).normal(0, 3, (47, 1008)).astype(np.float32)
    score = fidelity["isc"].isc_features_to_metric(torch.tensor(logits))
    assert inception_score(logits) == pytest.approx(tuple(score.values()), rel=1e-9)
    assert score["inception_score_mean"] > 2

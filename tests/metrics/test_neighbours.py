"""Neighbours against brute force, on sets whose answer is plain."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from jaxgan.metrics import neighbours
from jaxgan.metrics.neighbours import density_coverage, nearest_training, precision_recall


def brute_force(real, fake, k, k_density):
    within = lambda x: np.sort(cdist(x, x), axis=1)  # noqa: E731
    across = cdist(real, fake)
    real_radii, fake_radii = within(real)[:, k], within(fake)[:, k]
    precision = (across <= real_radii[:, None]).any(axis=0).mean()
    recall = (across <= fake_radii[None]).any(axis=1).mean()
    radii = within(real)[:, k_density]
    inside = across < radii[:, None]
    return precision, recall, inside.sum() / (k_density * len(fake)), inside.any(axis=1).mean()


@pytest.mark.parametrize("block", [2**25, 200])
def test_brute_force(monkeypatch, block):
    """The small block cuts rows into many calls, the last of them filled up."""
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    draw = np.random.default_rng(0)
    real, fake = draw.normal(100.0, 1.0, (37, 6)), draw.normal(100.5, 0.7, (53, 6))
    expected = brute_force(real, fake, 3, 5)
    assert min(expected[:2]) > 0.1 and max(expected[:2]) < 1
    found = (*precision_recall(real, fake), *density_coverage(real, fake))
    assert found == pytest.approx(expected, abs=1e-12)


def test_sets_far_apart_share_nothing():
    draw = np.random.default_rng(0)
    real, fake = draw.normal(size=(20, 3)), draw.normal(50.0, 1.0, (20, 3))
    assert precision_recall(real, fake) == (0, 0) and density_coverage(real, fake) == (0, 0)


def test_one_mode_of_two_is_precise_and_recalls_half():
    draw = np.random.default_rng(0)
    mode = draw.normal(size=(200, 2))
    real = np.concatenate([mode, draw.normal(size=(200, 2)) + 20])
    fake = 0.3 * draw.normal(size=(300, 2))
    precision, recall = precision_recall(real, fake)
    assert precision > 0.95 and recall < 0.5
    assert density_coverage(real, fake)[1] < 0.5
    # Of samples half of which lie nowhere, half count.
    half = np.concatenate([fake, fake + 200.0])
    assert precision_recall(real, half)[0] == pytest.approx(precision / 2)
    assert density_coverage(real, half)[0] == pytest.approx(density_coverage(real, fake)[0] / 2)


def test_density_and_coverage_of_like_samples_are_near_one():
    # Naeem et al., section 3.3: of equal distributions E density = 1 and E coverage is about 1 - 2^-k.
    draw = np.random.default_rng(0)
    density, coverage = density_coverage(draw.normal(size=(1000, 8)), draw.normal(size=(1000, 8)), k=5)
    assert density == pytest.approx(1.0, abs=0.1) and coverage == pytest.approx(1 - 2.0**-5, abs=0.02)


def test_copies_are_told_from_new_data():
    draw = np.random.default_rng(0)
    training, new = draw.normal(size=(400, 5)), draw.normal(size=(400, 5))
    picked = draw.integers(0, 400, 100)
    copies = nearest_training(training, training[picked] + 1e-3)
    np.testing.assert_array_equal(copies.training, picked)
    np.testing.assert_allclose(copies.distance, 1e-3 * np.sqrt(5), rtol=1e-3)
    assert copies.copied == 1.0
    fresh = nearest_training(training, new)
    squares = cdist(new, training)
    np.testing.assert_array_equal(fresh.training, squares.argmin(axis=1))
    np.testing.assert_allclose(fresh.distance, squares.min(axis=1), rtol=1e-4)
    assert 0.3 < fresh.copied < 0.6
    assert nearest_training(training, new[:1]).training.shape == (1,)


def test_too_few_and_other_networks_are_refused():
    with pytest.raises(ValueError, match="3 real and 9 generated images for k=3; give more than k"):
        precision_recall(np.zeros((3, 2)), np.zeros((9, 2)))
    with pytest.raises(ValueError, match="take both from one network"):
        density_coverage(np.zeros((9, 2)), np.zeros((9, 3)))
    with pytest.raises(ValueError, match="k >= 1"):
        precision_recall(np.zeros((9, 2)), np.zeros((9, 2)), k=0)

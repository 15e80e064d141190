"""The Inception Score at its extremes, and streamed."""

import numpy as np
import pytest
import scipy.special

from jaxgan.metrics.inception_score import ScoreSums, inception_score


def test_no_information_scores_one():
    logits = np.tile(np.random.default_rng(0).normal(size=(1, 7)), (50, 1))
    assert inception_score(logits) == pytest.approx((1.0, 0.0), abs=1e-12)


def test_a_perfect_classifier_of_k_classes_scores_k():
    logits = 1000.0 * np.eye(8)[np.arange(80) % 8]
    assert inception_score(logits, splits=1) == pytest.approx((8.0, 0.0), rel=1e-12)


def test_two_classes_in_unequal_shares():
    # p(y) = (3/4, 1/4) and certain predictions: exp(H(p)).
    logits = 1000.0 * np.eye(2)[[0, 0, 0, 1]]
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert inception_score(logits, splits=1)[0] == pytest.approx(np.exp(entropy), rel=1e-12)


@pytest.mark.parametrize("number", [40, 47])
def test_splits_are_a_partition_whatever_the_chunks(number):
    logits = np.random.default_rng(0).normal(0, 3, (number, 5))
    shuffled = logits[np.random.RandomState(2020).permutation(number)]
    scores = []
    for split in range(10):
        p = scipy.special.softmax(shuffled[split * number // 10 : (split + 1) * number // 10], axis=1)
        scores.append(np.exp(scipy.special.rel_entr(p, p.mean(axis=0, keepdims=True)).sum(axis=1).mean()))
    sums = ScoreSums(number)
    for part in np.array_split(logits, [1, 2, 30]):
        sums.add(part)
    assert sums.result() == pytest.approx((np.mean(scores), np.std(scores)), rel=1e-9)


def test_images_in_the_order_of_their_classes_are_spread_over_the_splits():
    logits = 1000.0 * np.eye(10)[np.repeat(np.arange(10), 200)]
    assert inception_score(logits)[0] > 9.5


def test_missing_images_are_noticed():
    with pytest.raises(ValueError, match="9 images for 10 splits"):
        ScoreSums(9)
    sums = ScoreSums(20)
    sums.add(np.zeros((19, 3)))
    with pytest.raises(ValueError, match="19 of 20 images came"):
        sums.result()

"""The classification accuracy score learns from labels that are right, and from nothing else."""

import numpy as np
import pytest

from jaxgan.metrics.classification import classification_accuracy


def test_right_labels_score_above_shuffled_ones():
    draw = np.random.default_rng(0)
    # Two classes: a bright left or a bright right half.
    labels = draw.integers(0, 2, 300)
    images = draw.integers(0, 120, (300, 8, 8, 1))
    images[labels == 0, :, :4] += 100
    images[labels == 1, :, 4:] += 100
    images = images.astype(np.uint8)
    train, test = (images[:200], labels[:200]), (images[200:], labels[200:])
    assert classification_accuracy(*train, *test, classes=2, steps=60) > 0.9
    assert classification_accuracy(train[0], 1 - train[1], *test, classes=2, steps=60) < 0.1
    with pytest.raises(ValueError, match="give two alike"):
        classification_accuracy(images[:, :4], labels, *test, classes=2)

"""Two domains of small images, and what is computed of them by hand."""

import numpy as np
import pytest

from tests.gans.one_parameter import IMAGES

A, B = IMAGES, IMAGES[::-1] * 0.5 + 0.1
BATCH = {"a": A, "b": B}
SHAPE = (4, 4, 1)
DOMAINS = ("a", "b")


def softplus(x):
    return np.log1p(np.exp(np.asarray(x, np.float64)))


def means(x):
    return np.asarray(x, np.float64).mean(axis=(1, 2, 3))


def l1(x, y):
    return np.abs(np.asarray(x, np.float64) - np.asarray(y, np.float64)).mean()


def l2(x, y):
    return np.square(np.asarray(x, np.float64) - np.asarray(y, np.float64)).mean()


def fill(value):
    return np.asarray(value, np.float64).reshape(-1, 1, 1, 1) * np.ones(SHAPE)


def value(metrics, name):
    return pytest.approx(float(metrics[name]), rel=1e-4)

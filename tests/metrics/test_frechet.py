"""The Frechet distance against closed forms, and streamed moments against NumPy's."""

import warnings

import numpy as np
import pytest

from jaxgan.metrics import Moments, frechet_distance


def test_univariate_gaussians():
    # (m1 - m2)^2 + (s1 - s2)^2 with means 1, 4 and deviations 2, 7.
    assert frechet_distance([1.0], [[4.0]], [4.0], [[49.0]]) == pytest.approx(9.0 + 25.0, rel=1e-12)


def test_commuting_covariances():
    # Both are diagonal in the basis (1, 1), (1, -1), with deviations (3, 1) and (5, 2): (5 - 3)^2 + (2 - 1)^2 = 5.
    first = np.array([[5.0, 4.0], [4.0, 5.0]])  # variances 9 and 1
    second = np.array([[14.5, 10.5], [10.5, 14.5]])  # variances 25 and 4
    assert frechet_distance([0, 0], first, [1, -2], second) == pytest.approx(5.0 + 5.0, rel=1e-12)


def test_covariances_that_do_not_commute():
    # For 2x2 matrices tr(sqrt(M)) = sqrt(tr M + 2 sqrt(det M)); M = C1 C2 is [[2, 1], [4, 4]]: trace 6, determinant 4.
    first, second = np.diag([1.0, 4.0]), np.array([[2.0, 1.0], [1.0, 1.0]])
    assert not np.allclose(first @ second, second @ first)
    expected = 5.0 + 3.0 - 2.0 * np.sqrt(6.0 + 2.0 * np.sqrt(4.0))
    assert frechet_distance([0, 0], first, [0, 0], second) == pytest.approx(expected, rel=1e-12)
    assert frechet_distance([0, 0], second, [0, 0], first) == pytest.approx(expected, rel=1e-12)


def test_point_masses_leave_the_distance_of_the_means():
    assert frechet_distance([0, 0], np.zeros((2, 2)), [3, 4], np.zeros((2, 2))) == pytest.approx(25.0)


def test_singular_covariances_of_few_samples():
    # Rank-one covariances s s' and t t': tr sqrt(s s' t t') = |s't|.
    s, t = np.arange(1.0, 61.0), np.cos(np.arange(60.0))
    expected = s @ s + t @ t - 2.0 * abs(s @ t)
    zeros = np.zeros(60)
    assert frechet_distance(zeros, np.outer(s, s), zeros, np.outer(t, t)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 0], np.eye(2), [0, 0, 0], np.eye(3)), "dimension 2 and 3"),
        (([0, 0], np.eye(3), [0, 0], np.eye(2)), r"mean1 of shape \(2,\) with cov1 of shape \(3, 3\)"),
        (([0, np.nan], np.eye(2), [0, 0], np.eye(2)), "not finite"),
        (([0, 0], np.eye(2), [0, 0], [[1, 0.5], [0, 1]]), "cov2 is not symmetric"),
        (([0, 0], np.eye(2), [0, 0], [[1, 2], [2, 1]]), "cov2 has the negative eigenvalue -1"),
        (([0, 0], [[1, 2], [2, 1]], [0, 0], np.eye(2)), "cov1 has the negative eigenvalue -1"),
    ],
)
def test_what_is_no_gaussian_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(*arguments)


@pytest.mark.parametrize("cuts", [[1], [50], [3, 3, 70], list(range(10, 100, 10))])
def test_streamed_moments_equal_those_of_all_rows(cuts):
    # A mean far from zero, where a sum of squares in float32 would lose the variance.
    features = np.random.default_rng(0).normal(1000.0, 1.0, (100, 5)) * np.array([1.0, 2.0, 3.0, 4.0, 0.0])[None, :]
    moments = Moments.of(np.zeros((0, 5)))
    for chunk in np.split(features, cuts):
        moments = moments.merge(Moments.of(chunk))
    assert moments.count == 100
    np.testing.assert_allclose(moments.mean, features.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.covariance, np.cov(features, rowvar=False, ddof=1), rtol=1e-9, atol=1e-9)


def test_moments_of_float32_features_are_accumulated_in_float64():
    features = np.float32(np.random.default_rng(1).normal(100.0, 1e-2, (5000, 3)))
    moments = Moments.of(features)
    np.testing.assert_allclose(moments.covariance, np.cov(features.astype(np.float64), rowvar=False), rtol=1e-8)


def test_merge_changes_neither_side_and_either_order_agrees():
    first, second = Moments.of(np.array([[0.0], [2.0]])), Moments.of(np.array([[7.0]]))
    one, other = first.merge(second), second.merge(first)
    # 0, 2 and 7: mean 3, deviations -3, -1, 4, variance 26 / 2.
    for merged in (one, other):
        assert merged.mean == pytest.approx([3.0]) and merged.scatter == pytest.approx(np.array([[26.0]]))
    assert one.covariance == pytest.approx(np.array([[13.0]]))
    assert first.mean == [1.0] and second.count == 1


def test_no_more_vectors_than_dimensions_warns():
    features = np.random.default_rng(0).normal(size=(5, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.linalg.matrix_rank(Moments.of(features).covariance) == 4
    with pytest.warns(UserWarning, match="4 vectors of dimension 4 is singular"):
        assert np.linalg.matrix_rank(Moments.of(features[:4]).covariance) == 3


def test_too_few_vectors_and_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="at least 2 feature vectors and 1 came"):
        _ = Moments.of(np.ones((1, 3))).covariance
    with pytest.raises(ValueError, match=r"expected \(N, D\)"):
        Moments.of(np.ones(3))
    with pytest.raises(ValueError, match="dimensions 3 and 2"):
        Moments.of(np.ones((2, 3))).merge(Moments.of(np.ones((2, 2))))

"""K-means by minibatches, against scikit-learn's."""

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.datasets import load_digits

from jaxgan.parts import clusters

POINTS = load_digits().data.astype(np.float32)


def test_minibatches_move_centres_as_scikit_learn_moves_them():
    ours, counts = jnp.asarray(POINTS[:6]), jnp.zeros(6)
    theirs = MiniBatchKMeans(6, init=POINTS[:6], n_init=1, reassignment_ratio=0.0)
    for start in range(0, 300, 50):
        batch = POINTS[start : start + 50]
        ours, counts = jax.jit(clusters.moved_centres)(ours, counts, batch)
        theirs.partial_fit(batch)
    np.testing.assert_allclose(ours, theirs.cluster_centers_, rtol=1e-4, atol=1e-4)
    assert counts.sum() == 300
    np.testing.assert_array_equal(clusters.nearest(POINTS, ours), theirs.predict(POINTS))


def test_a_centre_that_is_nearest_to_nothing_stays():
    centres, counts = clusters.moved_centres(jnp.array([[0.0], [99.0]]), jnp.zeros(2), jnp.array([[1.0], [3.0]]))
    np.testing.assert_array_equal(centres, [[2.0], [99.0]])
    np.testing.assert_array_equal(counts, [2, 0])


def test_first_centres_are_features_and_none_twice_while_there_are_others():
    features = jnp.repeat(jnp.arange(5.0), 20)[:, None]
    for seed in range(5):
        centres = clusters.first_centres(jax.random.key(seed), features, 5)
        np.testing.assert_array_equal(np.sort(centres[:, 0]), np.arange(5))
    assert np.isfinite(clusters.first_centres(jax.random.key(0), jnp.ones((4, 2)), 3)).all()


def test_the_first_of_two_is_drawn_evenly_and_the_second_by_the_squared_distance():
    features = jnp.array([[0.0], [1.0], [3.0]])
    draw = jax.vmap(lambda key: clusters.first_centres(key, features, 2)[:, 0])
    first, second = np.asarray(draw(jax.random.split(jax.random.key(0), 6000))).T
    np.testing.assert_allclose([(first == value).mean() for value in (0, 1, 3)], 1 / 3, atol=0.02)
    np.testing.assert_allclose((second[first == 0] == 3).mean(), 9 / 10, atol=0.02)
    np.testing.assert_allclose((second[first == 1] == 3).mean(), 4 / 5, atol=0.03)


def test_they_find_clusters_about_as_tight_as_those_of_whole_k_means():
    centres, counts = clusters.first_centres(jax.random.key(1), jnp.asarray(POINTS[:500]), 10), jnp.zeros(10)
    rng = np.random.default_rng(0)
    for _ in range(60):
        centres, counts = jax.jit(clusters.moved_centres)(centres, counts, rng.choice(POINTS, 200))
    inertia = float(clusters.squared_distances(jnp.asarray(POINTS), centres).min(-1).sum())
    whole = KMeans(10, n_init=3, random_state=0).fit(POINTS).inertia_
    first = float(clusters.squared_distances(jnp.asarray(POINTS), jnp.asarray(POINTS[:10])).min(-1).sum())
    assert whole * 0.99 < inertia < 1.05 * whole < first

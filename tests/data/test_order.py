"""The order of records and the numbers that augment them."""

import numpy as np
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from jaxgan.data import order


def test_hash_of_one_word_is_splitmix64() -> None:
    # The first output of the published generator for two seeds.
    assert order._hash(1234567)[0] == 6457827717110365317
    assert order._hash(0)[0] == 16294208416658607535


@given(length=st.integers(1, 300), seed=st.integers(0, 2**64 - 1), part=st.integers(0, 3), epoch=st.integers(0, 2**40))
def test_every_record_once_per_epoch(length: int, seed: int, part: int, epoch: int) -> None:
    assert sorted(order.permutation(length, seed, part, epoch)) == list(range(length))


def test_seed_epoch_and_part_each_change_the_order() -> None:
    orders = [
        tuple(order.permutation(50, seed, part, epoch)) for seed in range(3) for part in range(2) for epoch in range(3)
    ]
    assert len(set(orders)) == len(orders)  # in particular, seed 0 in epoch 1 is not seed 1 in epoch 0


def test_every_place_is_equally_likely() -> None:
    places = np.array([np.flatnonzero(order.permutation(6, 3, 0, epoch) == 2)[0] for epoch in range(3000)])
    assert scipy.stats.chisquare(np.bincount(places, minlength=6)).pvalue > 1e-3


@given(start=st.integers(0, 10**6), count=st.integers(1, 60), length=st.integers(1, 40))
def test_a_position_depends_on_nothing_else(start: int, count: int, length: int) -> None:
    together = order.record_indices(start + np.arange(count), length, seed=7)
    alone = [order.record_indices(np.array([start + n]), length, seed=7)[0] for n in range(count)]
    np.testing.assert_array_equal(together, alone)


def test_record_indices_follow_the_epochs() -> None:
    got = order.record_indices(np.arange(3, 12), 5, seed=1)
    expected = np.concatenate([order.permutation(5, 1, 0, epoch) for epoch in range(3)])[3:12]
    np.testing.assert_array_equal(got, expected)


def test_draws_are_uniform_and_independent() -> None:
    draws = order.augmentation_draws(np.arange(20000), seed=5)
    assert draws.shape == (20000, 4) and draws.min() >= 0 and draws.max() < 1
    for column in draws.T:
        assert scipy.stats.kstest(column, "uniform").pvalue > 1e-3
    # Neighbours in position, in column and in seed share nothing: correlations of 20,000 numbers are about 0.007.
    others = [draws[1:, 0], draws[:-1, 1], order.augmentation_draws(np.arange(19999), seed=6)[:, 0]]
    assert all(abs(np.corrcoef(draws[:-1, 0], other)[0, 1]) < 0.03 for other in others)


def test_draws_of_a_position_depend_on_nothing_else() -> None:
    np.testing.assert_array_equal(
        order.augmentation_draws(np.array([12, 99]), seed=5), order.augmentation_draws(np.arange(100), seed=5)[[12, 99]]
    )

"""The detector of droplets on maps that were made with and without one."""

import numpy as np

from benchmarks.droplets import peaks


def test_a_spike_stands_out_by_its_own_size():
    maps = np.ones((2, 64, 64, 4))
    np.testing.assert_allclose(peaks(maps), 1.0)
    maps[1, 10, 20] = -100.0  # of whatever sign
    # 64 x 64 pixels, all of length 2 but one of 200
    expected = 200 / ((64 * 64 - 1) * 2 + 200) * 64 * 64
    np.testing.assert_allclose(peaks(maps), [1.0, expected])
    assert expected > 90


def test_noise_alone_has_no_spike():
    maps = np.random.default_rng(0).standard_normal((8, 64, 64, 16))
    assert peaks(maps).max() < 2.5

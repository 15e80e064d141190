"""Features in one pass: every image once, whatever the batches and the devices."""

import jax
import numpy as np
import pytest

from jaxgan.data import make_source
from jaxgan.evaluation.cached_statistics import records_of
from jaxgan.evaluation.feature_statistics import summarize, to_uint8
from jaxgan.features.digits import digit_features
from jaxgan.features.extractors import make_extractor, make_perceptual
from jaxgan.mesh import data_mesh


@pytest.fixture(scope="module")
def source():
    return make_source("digits", split="test")


@pytest.fixture(scope="module")
def extractor():
    return make_extractor("digits")


def records(image, sizes):
    for part in np.split(image, np.cumsum(sizes)):
        if len(part):
            yield {"image": part}


def test_moments_are_those_of_all_features_at_once(source, extractor):
    stack = source.stack()
    features = digit_features(stack["image"].astype(np.float32) / 127.5 - 1.0).astype(np.float64)
    found = summarize(extractor, records_of(source, np.arange(359)), 359, keep=True, score=True)
    np.testing.assert_allclose(found.features, features, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.mean, features.mean(axis=0), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.covariance, np.cov(features, rowvar=False), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found.labels, stack["label"])
    assert found.count == 359 and 8.5 < found.score[0] <= 10.0


def test_no_batch_size_and_no_cut_changes_a_number(source, extractor):
    image = source.stack()["image"]
    whole = summarize(extractor, records(image, []), 359, score=True)
    for batch_size, sizes in [(8, [1, 2, 3]), (56, [200]), (400, [358])]:
        other = summarize(extractor, records(image, sizes), 359, score=True, batch_size=batch_size)
        np.testing.assert_allclose(other.mean, whole.mean, rtol=1e-6, atol=1e-6 * np.abs(whole.mean).max())
        scale = np.abs(whole.covariance).max()
        np.testing.assert_allclose(other.covariance, whole.covariance, rtol=0, atol=1e-6 * scale)
        assert other.score == pytest.approx(whole.score, rel=1e-6)


def test_many_chunks_of_moments_merge(extractor):
    """More rows than moments are taken of at a time."""
    image = np.random.default_rng(0).integers(0, 256, (2500, 8, 8, 1)).astype(np.uint8)
    found = summarize(extractor, records(image, [64] * 39), 2500, keep=True, batch_size=512)
    features = found.features.astype(np.float64)
    np.testing.assert_allclose(found.mean, features.mean(axis=0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.covariance, np.cov(features, rowvar=False), rtol=1e-7, atol=1e-9)


def test_eight_devices_and_one_agree(source, extractor):
    assert jax.device_count() == 8
    summaries = [
        summarize(extractor, records_of(source, np.arange(100)), 100, batch_size=24, mesh=data_mesh(devices), keep=True)
        for devices in (jax.devices(), jax.devices()[:1])
    ]
    np.testing.assert_allclose(summaries[0].features, summaries[1].features, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(summaries[0].covariance, summaries[1].covariance, rtol=1e-5, atol=1e-5)


def test_exactly_the_first_images_count(source, extractor):
    image = source.stack()["image"]
    ten = summarize(extractor, records(image[:10], []), 10, keep=True)
    found = summarize(extractor, records(image, [7, 7]), 10, keep=True)
    assert len(found.features) == 10
    np.testing.assert_allclose(found.features, ten.features, atol=1e-5)


def test_grey_is_colour_of_three_equal_channels(source, extractor):
    image = source.stack(range(8))["image"]
    grey, colour = (
        summarize(extractor, records(part, []), 8, keep=True).features for part in (image, image.repeat(3, axis=3))
    )
    np.testing.assert_allclose(grey, colour, atol=1e-4)


def test_what_cannot_be_measured_is_refused(source, extractor):
    image = source.stack(range(20))["image"]
    with pytest.raises(ValueError, match="too few images: 30 are asked for and there are 20"):
        summarize(extractor, records(image, []), 30)
    with pytest.raises(TypeError, match="images are float32"):
        summarize(extractor, records(image / np.float32(255), []), 20)
    with pytest.raises(ValueError, match=r"images of \(16, 16, 1\) and of \(8, 8, 1\)"):
        summarize(extractor, iter([{"image": image}, {"image": image[:, :8, :8]}]), 40)
    with pytest.raises(ValueError, match="H = W = 8, 16 or 32"):
        summarize(extractor, records(image[:, :9], []), 20)
    with pytest.raises(ValueError, match="'nothing' are unknown: choose one of inception"):
        make_extractor("nothing")
    with pytest.raises(ValueError, match="inception features have no resize 'bicubic'; choose tf1, torch, clean"):
        make_extractor("inception", "bicubic")
    with pytest.raises(ValueError, match="leave it out"):
        make_extractor("digits", "tf1")


def test_bytes_of_real_images_come_back_and_the_rest_is_rounded():
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    np.testing.assert_array_equal(to_uint8(every.astype(np.float32) / np.float32(127.5) - np.float32(1)), every)
    # floor(127.5 x + 128): half a grey level below 1 is still 255, and what lies outside is clipped.
    values = np.array([-7.0, -1.0, 0.0, 0.0039, 0.999, 1.0, 7.0], np.float32).reshape(1, 1, 7, 1)
    np.testing.assert_array_equal(to_uint8(values).ravel(), [0, 0, 128, 128, 255, 255, 255])
    values[0, 0, 3] = np.nan
    with pytest.raises(ValueError, match="1 of 1 generated images are not finite"):
        to_uint8(values)


def test_weights_change_the_checksum(extractor):
    changed = jax.tree.map(lambda leaf: leaf + 1, extractor.params)
    assert make_extractor("digits", params=changed).weights != extractor.weights
    assert len(extractor.weights) == 64 and make_extractor("digits").weights == extractor.weights


def test_the_perceptual_distance_of_digits_is_squared_and_sees_less_than_a_grey_level():
    perceptual = make_perceptual("digits")
    a = np.random.default_rng(0).uniform(-0.9, 0.9, (4, 16, 16, 1)).astype(np.float32)
    step = np.random.default_rng(1).normal(size=a.shape).astype(np.float32)
    distances = [np.asarray(perceptual.distance(perceptual.params, a, a + size * step)) for size in (1e-3, 2e-3)]
    assert (distances[0] > 0).all()
    np.testing.assert_allclose(distances[1], 4 * distances[0], rtol=0.1)

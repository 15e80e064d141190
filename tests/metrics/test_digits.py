"""The shipped digit classifier, read against scikit-learn's digits, Pillow and closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from jaxgan.features import digits
from jaxgan.features.digits import digit_features, digit_probabilities
from jaxgan.metrics import class_accuracy, classes_present, digit_fd, digit_fd_floor


def pictures(size: int, rows: np.ndarray) -> np.ndarray:
    """scikit-learn's digits, resized by Pillow: (N, size, size, 1) float32 in [-1, 1]."""
    native = np.round(load_digits().images[rows] * 255 / 16).astype(np.uint8)
    resized = [np.asarray(Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC)) for digit in native]
    return np.stack(resized)[..., None].astype(np.float32) / 127.5 - 1.0


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return load_digits().target


@pytest.fixture(scope="module")
def held(labels) -> np.ndarray:
    """The rows held out: the third, eighth, thirteenth ... digit of every class."""
    return np.sort(np.concatenate([np.flatnonzero(labels == digit)[2::5] for digit in range(10)]))


@pytest.fixture(scope="module")
def real(held) -> np.ndarray:
    return pictures(16, held)


@pytest.fixture(scope="module")
def train(held) -> np.ndarray:
    return pictures(16, np.delete(np.arange(1797), held))


@pytest.mark.parametrize("size", [8, 16, 32])
def test_held_out_digits_are_read_at_every_size(size, held, labels):
    assert class_accuracy(pictures(size, held), labels[held]) >= 0.99


def test_the_split_is_the_data_sources(held):
    from jaxgan.data.digits import DigitPictures

    source = DigitPictures("test")
    theirs = np.stack([np.asarray(source.open(index)[0]) for index in range(len(source))])
    np.testing.assert_allclose(theirs / 127.5 - 1.0, pictures(8, held)[..., 0], atol=1e-6)


def test_digits_of_other_domains_are_read(real, held, labels):
    inverted = -real
    thresholded = np.where(real > 0, 1.0, -1.0)
    assert class_accuracy(-inverted, labels[held]) >= 0.99
    assert class_accuracy(thresholded, labels[held]) >= 0.98
    assert class_accuracy(inverted, labels[held]) < 0.15


def test_the_reference_is_the_training_digits(train):
    # Total variance 100 by construction, up to the rounding of weights to 16 bits.
    assert np.cov(digit_features(train), rowvar=False).trace() == pytest.approx(100.0, abs=0.1)
    assert digit_fd(train) == pytest.approx(0.0, abs=1e-3)
    assert digit_fd(train, train) == pytest.approx(0.0, abs=1e-4)


def test_the_floor_is_the_held_out_digits_and_low(real):
    assert digit_fd(real) == pytest.approx(digit_fd_floor(), rel=1e-3, abs=1e-3)
    assert 0.0 < digit_fd_floor() < 2.0


@pytest.mark.filterwarnings("ignore:the covariance of")
def test_one_picture_repeated_scores_by_the_closed_form(real, train):
    # A point mass: squared distance to the mean, and the whole variance of the reference.
    features = digit_features(train).astype(np.float64)
    offset = digit_features(real[:1])[0] - features.mean(axis=0)
    expected = offset @ offset + np.cov(features, rowvar=False).trace()
    assert digit_fd(np.repeat(real[:1], 3, axis=0)) == pytest.approx(expected, rel=1e-4)


def test_the_distance_orders_what_the_eye_orders(real, held, labels):
    generator = np.random.default_rng(0)
    noise = generator.normal(size=real.shape)
    noisy = [digit_fd(real + level * noise) for level in (0.0, 0.2, 0.4, 0.8)]
    assert noisy == sorted(noisy) and noisy[1] > 2.0 * noisy[0]
    assert digit_fd(real[labels[held] != 0]) > 4.0 * digit_fd_floor()  # a class is missing
    padded = np.pad(real, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="edge")
    blurred = sum(padded[:, i : i + 16, j : j + 16] for i in range(3) for j in range(3)) / 9.0
    assert digit_fd(blurred) > 4.0 * digit_fd_floor()
    assert digit_fd(generator.uniform(-1.0, 1.0, real.shape)) > 50.0
    assert digit_fd(0.1 * noise) > 100.0  # what an untrained generator draws


def test_features_do_not_depend_on_the_number_of_images(train, monkeypatch):
    together = digit_features(train[:600])
    assert together.shape == (600, 64) and together.dtype == np.float32
    traced, prepare = [], digits.prepare
    monkeypatch.setattr(digits, "prepare", lambda images: traced.append(images.shape) or prepare(images))
    digits._network.clear_cache()
    for count in (1, 255, 256, 257):
        np.testing.assert_allclose(digit_features(train[:count]), together[:count], rtol=1e-5, atol=1e-5)
    assert len(traced) == 1  # one compilation for all of them
    np.testing.assert_allclose(digit_features(train[599:600]), together[599:], rtol=1e-5, atol=1e-5)
    assert digit_features(train[:0]).shape == (0, 64) and digit_probabilities(train[:0]).shape == (0, 10)


def test_probabilities_sum_to_one_and_name_the_digit(real, held, labels):
    probabilities = digit_probabilities(jnp.asarray(real[:50], jnp.bfloat16))
    assert probabilities.shape == (50, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
    assert (probabilities.argmax(axis=1) == labels[held][:50]).all()


def test_real_images_pass_the_eight_bits_unchanged_and_others_round_to_them():
    every_byte = (np.arange(256, dtype=np.float32) / 127.5 - 1.0).reshape(1, 16, 16, 1)
    np.testing.assert_allclose(digits.prepare(jnp.asarray(every_byte)), every_byte, atol=1e-6)
    nudged = every_byte + 0.3 / 127.5
    np.testing.assert_allclose(digits.prepare(jnp.asarray(nudged)), every_byte, atol=1e-6)
    assert np.asarray(digits.prepare(jnp.full((1, 16, 16, 1), 5.0))).max() == 1.0
    assert np.asarray(digits.prepare(jnp.full((1, 16, 16, 1), -5.0))).min() == -1.0


def test_sizes_and_colours_are_brought_to_grey_16x16(held):
    # Pillow rounds to whole levels between its two passes.
    np.testing.assert_allclose(digits.prepare(pictures(8, held)), pictures(16, held), atol=2.5 / 127.5)
    large = pictures(32, held[:3])
    blocks = (large[:, ::2, ::2] + large[:, 1::2, ::2] + large[:, ::2, 1::2] + large[:, 1::2, 1::2]) / 4.0
    np.testing.assert_allclose(digits.prepare(jnp.asarray(large)), blocks, atol=1e-6)
    # Red 51, green 102, blue 255: mean 136.
    colour = np.float32([51, 102, 255]).reshape(1, 1, 1, 3) / 127.5 - 1.0
    grey = digits.prepare(jnp.asarray(np.broadcast_to(colour, (2, 16, 16, 3))))
    np.testing.assert_allclose(grey, np.full((2, 16, 16, 1), 136 / 127.5 - 1.0), atol=1e-6)


def test_class_accuracy_counts(real, held, labels):
    answers = digit_probabilities(real).argmax(axis=1)
    wrong = answers.copy()
    wrong[:90] = (wrong[:90] + 1) % 10
    assert class_accuracy(real, answers) == 1.0
    assert class_accuracy(real, wrong) == pytest.approx(1.0 - 90 / 359)


def test_classes_present_need_one_percent(train, labels, held):
    train_labels = np.delete(labels, held)
    threes, sevens = train[train_labels == 3], train[train_labels == 7]
    assert classes_present(train) == list(range(10))
    assert classes_present(np.concatenate([threes[:99], sevens[:1]])) == [3, 7]
    assert classes_present(np.concatenate([threes[:100], sevens[:1]])) == [3]


def test_few_images_warn(real):
    with pytest.warns(UserWarning, match="64 vectors of dimension 64"):
        digit_fd(real[:64])


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((2, 16, 16, 1), np.uint8), TypeError, "images are uint8; scale them"),
        (np.zeros((2, 28, 28, 1), np.float32), ValueError, r"\(2, 28, 28, 1\); expected .* H = W = 8, 16 or 32"),
        (np.zeros((2, 16, 32, 1), np.float32), ValueError, "expected"),
        (np.zeros((2, 16, 16, 2), np.float32), ValueError, "C = 1 or 3"),
        (np.zeros((16, 16, 1), np.float32), ValueError, "expected"),
    ],
)
def test_images_of_the_wrong_kind_are_refused(images, error, message):
    with pytest.raises(error, match=message):
        digit_features(images)


def test_the_image_that_is_not_finite_is_named(train):
    images = train[:400].copy()
    images[300, 5, 5, 0] = np.nan
    with pytest.raises(ValueError, match="image 300 is not finite"):
        digit_fd(images)


def test_labels_that_do_not_fit_are_refused(real):
    for labels in (np.zeros(3, np.int32), np.zeros((359, 10), np.int32)):
        with pytest.raises(ValueError, match="one digit for each image"):
            class_accuracy(real, labels)


def test_the_weights_are_small():
    assert digits.DIGITS_FILE.stat().st_size < 500_000

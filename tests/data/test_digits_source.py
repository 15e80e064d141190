"""The digits against scikit-learn's own arrays."""

import matplotlib.colors
import numpy as np
import pytest
import scipy.ndimage
from sklearn.datasets import load_digits

from jaxgan.core.arrays import ArraySpec
from jaxgan.data import DataError, Source, make_source


def native(split: str, **fields: object) -> tuple[np.ndarray, np.ndarray]:
    records = make_source("digits", split=split, image_size=8, **fields).stack()
    return records["image"][..., 0], records["label"]


def test_all_of_scikit_learns_digits_once() -> None:
    data = load_digits()
    images, labels = (np.concatenate(both) for both in zip(native("train"), native("test"), strict=True))
    assert len(images) == 1797
    expected = np.round(data.images * 255 / 16).astype(np.uint8)
    got = sorted((int(label), image.tobytes()) for label, image in zip(labels, images, strict=True))
    assert got == sorted((int(label), image.tobytes()) for label, image in zip(data.target, expected, strict=True))
    np.testing.assert_array_equal(np.bincount(labels), np.bincount(data.target))


def test_a_fifth_of_each_class_is_held_out() -> None:
    counts = np.bincount(load_digits().target)
    _, labels = native("test")
    assert len(labels) == 359
    np.testing.assert_array_equal(np.bincount(labels), np.round(counts / 5))


def test_default_size_and_type() -> None:
    source = make_source("digits")
    assert source.image_shape == (16, 16, 1) and source.num_classes == 10
    record = source[0]
    assert record["image"].dtype == np.uint8 and record["image"].shape == (16, 16, 1)
    assert make_source("digits", image_size=(32, 24), channels=3)[0]["image"].shape == (32, 24, 3)


def test_domains() -> None:
    plain, labels = native("test")
    inverted, same_labels = native("test", domain="inverted")
    np.testing.assert_array_equal(inverted.astype(int) + plain, 255)
    np.testing.assert_array_equal(labels, same_labels)
    dilated = np.stack([scipy.ndimage.grey_dilation(image, (3, 3), mode="constant") for image in plain])
    np.testing.assert_array_equal(native("test", domain="thickened")[0], dilated)
    np.testing.assert_array_equal(native("test", domain="edges")[0], dilated - plain)
    thresholded = native("test", domain="thresholded")[0]
    assert set(np.unique(thresholded)) == {0, 255} and ((thresholded == 255) == (plain > 127.5)).all()
    low = native("test", domain="low_resolution")[0]
    means = scipy.ndimage.uniform_filter(plain.astype(float), (0, 2, 2))[:, 1::2, 1::2]
    np.testing.assert_allclose(low, means.repeat(2, axis=1).repeat(2, axis=2), atol=0.5)


def test_thickening_grows_with_the_size() -> None:
    plain, thick = (make_source("digits", image_size=32, domain=name)[0]["image"][..., 0] for name in ("", "thickened"))
    np.testing.assert_array_equal(thick, scipy.ndimage.grey_dilation(plain, (5, 5), mode="constant"))


def test_coloured_digits() -> None:
    image = make_source("digits", domain="coloured", image_size=8)[0]["image"]
    plain = make_source("digits", image_size=8)[0]["image"][..., 0]
    assert image.shape == (8, 8, 3)
    np.testing.assert_array_equal(image[plain == 0], np.broadcast_to([0, 0, 96], ((plain == 0).sum(), 3)))
    np.testing.assert_array_equal(image[plain == 255], np.broadcast_to([255, 160, 0], ((plain == 255).sum(), 3)))
    with pytest.raises(DataError, match=r"'coloured' needs data.channels=3, not 1"):
        make_source("digits", domain="coloured", channels=1)[0]


def test_tinted_digits() -> None:
    plain, _ = native("test")
    records = make_source("digits", split="test", image_size=8, tinted=True).stack()["image"]
    # The brightest channel is the grey digit, the darkest is black, and one digit has one hue.
    np.testing.assert_array_equal(records.max(axis=3), plain)
    assert (records.min(axis=3) == 0).all()
    inked = plain >= 128
    hues = [matplotlib.colors.rgb_to_hsv(image[ink] / 255)[:, 0] for image, ink in zip(records, inked, strict=True)]
    turns = [np.abs((hue - hue[0] + 0.5) % 1 - 0.5).max() for hue in hues]
    assert max(turns) < 1e-2  # rounding to bytes
    # The hues are spread over the whole circle, alike for every set of digits.
    counts = np.histogram([hue[0] for hue in hues], 6, (0, 1))[0]
    assert counts.min() >= 45 and counts.max() <= 75  # 60 each


def test_a_tint_survives_a_domain() -> None:
    fields = {"split": "test", "image_size": 16}
    for domain in ("thresholded", "low_resolution", "thickened"):
        grey = make_source("digits", domain=domain, **fields).stack()["image"][..., 0].astype(int)
        pair = make_source("digits_translation", domain=domain, tinted=True, **fields).stack()
        # Read by their brightest channel, tinted digits are the grey ones.
        assert np.abs(pair["b"].max(axis=3) - grey).max() <= 1
        # A digit's own tint: the other channels are that share of it, up to where the resizing overshot and was clipped.
        tint = pair["a"].max(axis=(1, 2)) / pair["a"].max(axis=(1, 2, 3))[:, None]
        assert np.abs(pair["b"] - grey[..., None] * tint[:, None, None]).max() <= 32


def images(source: Source, key: str) -> set[bytes]:
    return {record[key].tobytes() for record in source}


def test_unaligned_domains_share_no_digit() -> None:
    source = make_source("digits_translation", image_size=8)
    a, b = source.parts
    assert len(a) + len(b) == 1438 and abs(len(a) - len(b)) <= 10
    digits_a = images(a, "a")
    digits_b = {(255 - record["b"]).tobytes() for record in b}
    assert not digits_a & digits_b
    # Labels are those of domain A.
    plain = {record["image"].tobytes(): record["label"] for record in make_source("digits", image_size=8)}
    assert all(plain[record["a"].tobytes()] == record["label"] for record in a) and set(b[0]) == {"b"}
    # They are the training digits, and none of the test digits.
    assert digits_a | digits_b == {image.tobytes() for image in native("train")[0]}


def test_the_test_split_has_true_counterparts() -> None:
    source = make_source("digits_translation", split="test", domain="edges")
    assert len(source) == 359 and len(source.parts) == 1 and source.num_classes == 10
    plain, edges = (make_source("digits", split="test", domain=domain) for domain in ("", "edges"))
    for record, a, b in zip(source, plain, edges, strict=True):
        np.testing.assert_array_equal(record["a"], a["image"])
        np.testing.assert_array_equal(record["b"], b["image"])
        assert record["label"] == a["label"]


def shapes(source: Source) -> dict[str, tuple[int, ...]]:
    for record in (source[0], source.record(0, np.full(3, 0.3))):
        assert {key: np.shape(value) for key, value in record.items()} == {k: s.shape for k, s in source.arrays.items()}
    return {key: spec.shape for key, spec in source.arrays.items() if spec.kind == "image"}


@pytest.mark.parametrize("split", ["train", "test"])
def test_coloured_digits_stand_beside_grey_ones(split: str) -> None:
    source = make_source("digits_translation", split=split, domain="coloured", image_size=8)
    assert shapes(source) == {"a": (8, 8, 1), "b": (8, 8, 3)} and source.domains == ("digits", "coloured")
    pair = make_source("digits_translation", split="test", domain="coloured", image_size=8)[3]
    coloured = make_source("digits", split="test", domain="coloured", image_size=8)[3]["image"]
    np.testing.assert_array_equal(pair["b"], coloured)
    np.testing.assert_array_equal(pair["a"], make_source("digits", split="test", image_size=8)[3]["image"])
    assert shapes(make_source("digits_translation", domain="coloured", channels=3)) == {
        "a": (16, 16, 3),
        "b": (16, 16, 3),
    }
    with pytest.raises(DataError, match=r"^data.domain='coloured' needs data.channels_b=3, not 1$"):
        make_source("digits_translation", domain="coloured", channels_b=1)


def test_a_domain_of_its_own_size_and_channels() -> None:
    fields = {"split": "test", "image_size": 16, "image_size_b": (8, 12), "channels_b": 3}
    source = make_source("digits_translation", **fields)
    assert shapes(source) == {"a": (16, 16, 1), "b": (8, 12, 3)}
    expected = make_source("digits", split="test", domain="inverted", image_size=(8, 12), channels=3)
    np.testing.assert_array_equal(source[7]["b"], expected[7]["image"])


def test_low_resolution_may_be_a_smaller_image() -> None:
    fields = {"domain": "low_resolution", "image_size": 16, "image_size_b": 8}
    source = make_source("digits_translation", split="test", **fields)
    assert shapes(source) == {"a": (16, 16, 1), "b": (8, 8, 1)}
    records = source.stack()
    means = scipy.ndimage.uniform_filter(records["a"][..., 0].astype(float), (0, 2, 2))[:, 1::2, 1::2]
    np.testing.assert_allclose(records["b"][..., 0], means, atol=0.5 + 1e-9)
    # Cut out of what the first domain shows, so that random crops are alike too.
    crops = {"load_size": 20, "crop": "random", "flip": True, "aligned": True}
    cropped = make_source("digits_translation", **fields, **crops)
    for draw in np.random.default_rng(0).random((10, 3)):
        record = cropped.record(5, draw)
        means = record["a"].reshape(8, 2, 8, 2).mean(axis=(1, 3))
        np.testing.assert_allclose(record["b"][..., 0], means, atol=0.5)
    message = (
        "needs a data.image_size that is a multiple of data.image_size_b, not 16x16 of 5x5$"  # 16 is no multiple of 5
    )
    with pytest.raises(DataError, match=message):
        make_source("digits_translation", domain="low_resolution", image_size_b=5)


def test_names_of_classes_and_domains() -> None:
    digits = make_source("digits")
    assert digits.arrays == {
        "image": ArraySpec((16, 16, 1), "float32", "image"),
        "label": ArraySpec((), "int32", "label", tuple("0123456789")),
    }
    assert digits.domains == ()
    unaligned, aligned = (make_source("digits_translation", aligned=aligned) for aligned in (False, True))
    assert unaligned.domains == aligned.domains == ("digits", "inverted")
    assert set(unaligned.arrays) == set(aligned.arrays) == {"a", "b", "label"}
    assert aligned.arrays["label"].names == tuple("0123456789")


def test_the_half_that_is_completed_is_domain_a() -> None:
    source = make_source("digits_translation", domain="left_half", aligned=True, channels_b=3)
    records, plain = source.stack(range(5)), make_source("digits").stack(range(5))
    assert source.domains == ("left_half", "digits")
    np.testing.assert_array_equal(records["b"], np.repeat(plain["image"], 3, axis=3))
    np.testing.assert_array_equal(records["a"][:, :, :8], plain["image"][:, :, :8])
    assert (records["a"][:, :, 8:] == 0).all()
    np.testing.assert_array_equal(records["label"], plain["label"])


def test_small_changes() -> None:
    plain = make_source("digits", image_size=16, split="test").stack()["image"]
    barred, faint = (
        make_source("digits_translation", image_size=16, split="test", domain=name).stack()["b"]
        for name in ("bar", "dim")
    )
    assert (barred[:, :, :2] == 255).all()  # an eighth of the width
    np.testing.assert_array_equal(barred[:, :, 2:], plain[:, :, 2:])
    assert np.abs(faint - 0.4 * plain).max() <= 0.5 and faint.max() == 102


def test_metrics_that_suit() -> None:
    for fields, metrics in (
        ({}, ("digit_fd", "class_accuracy")),
        ({"image_size": (8, 8)}, ("digit_fd", "class_accuracy")),
        ({"image_size": 20}, ()),
        ({"domain": "edges"}, ()),
        ({"labelled": 10}, ("label_accuracy", "digit_fd", "class_accuracy")),
        ({"name": "digits_translation"}, ("translation",)),
        ({"name": "digits_translation", "domain": "thickened"}, ("translation",)),
        ({"name": "digits_translation", "domain": "low_resolution", "image_size_b": 8}, ("translation",)),
        ({"name": "digits_translation", "domain": "low_resolution", "image_size_b": 4}, ()),
        ({"name": "stacked_digits"}, ("stacked_modes",)),
        ({"name": "ring8"}, ("modes",)),
        ({"name": "mixture1d"}, ("density1d",)),
    ):
        assert make_source({"name": "digits", **fields}).metrics == metrics, fields


def test_aligned_training_digits() -> None:
    source = make_source("digits_translation", aligned=True)
    assert len(source) == 1438 and len(source.parts) == 1
    np.testing.assert_array_equal(source[5]["b"], 255 - source[5]["a"])


def test_errors() -> None:
    with pytest.raises(DataError, match=r"data.domain='invertd' is unknown; did you mean 'inverted'"):
        make_source("digits", domain="invertd")
    with pytest.raises(DataError, match=r"data.split='val' is unknown to the digits; choose 'train' or 'test'"):
        make_source("digits", split="val")
    for field, value in (("channels", 1), ("domain", "coloured")):
        with pytest.raises(DataError, match=f"data.tinted=True means nothing with data.{field}={value!r}; leave one"):
            make_source("digits", tinted=True, **{field: value})
    with pytest.raises(DataError, match=r"data.tinted=True means nothing with data.channels_b=1; leave one"):
        make_source("digits_translation", tinted=True, channels_b=1)
    with pytest.raises(DataError, match=r"needs an image_size divisible by 4, not 18x18"):
        make_source("digits", domain="low_resolution", image_size=18)[0]

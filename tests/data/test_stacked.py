"""Stacked digits: three digits that are digits, in every combination, as often as chance has it."""

import numpy as np
import pytest
import scipy.stats

from jaxgan.data import DataError, make_source


def digits_of(split: str) -> dict[bytes, int]:
    """The label of each digit's picture."""
    return {record["image"].tobytes(): int(record["label"]) for record in make_source("digits", split=split)}


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_channel_is_a_digit_and_the_label_spells_them(split: str) -> None:
    known, source = digits_of(split), make_source("stacked_digits", split=split)
    assert source.image_shape == (16, 16, 3) and source.num_classes == 1000
    assert source.arrays["label"].names[::333] == ("000", "333", "666", "999")
    for index in range(0, len(source), 97):
        record = source[index]
        assert record["image"].dtype == np.uint8 and record["label"].dtype == np.int32
        read = [known[record["image"][..., channel].tobytes()] for channel in range(3)]
        assert record["label"] == int("".join(map(str, read)))


def test_the_splits_share_no_digit_and_use_all_of_theirs() -> None:
    for split in ("train", "test"):
        images = make_source("stacked_digits", split=split).stack()["image"]
        for channel in range(3):
            assert {image.tobytes() for image in images[..., channel]} == set(digits_of(split))


def test_the_thousand_modes_have_the_shares_of_their_digits() -> None:
    labels = make_source("stacked_digits").stack()["label"]
    classes = np.bincount(make_source("digits").stack()["label"]) / 1438
    expected = len(labels) * np.einsum("a,b,c->abc", classes, classes, classes).ravel()
    counts = np.bincount(labels, minlength=1000)
    assert len(labels) == 25_600 and counts.min() > 0
    # Drawn well, this is a draw from a chi-square: neither far away nor suspiciously near.
    assert 0.001 < scipy.stats.chisquare(counts, expected).pvalue < 0.999


def test_other_sizes_are_the_same_digits_and_the_order_never_changes() -> None:
    small, large = make_source("stacked_digits"), make_source("stacked_digits", image_size=32)
    np.testing.assert_array_equal(small.stack()["label"], large.stack()["label"])
    plain = make_source("digits", image_size=32)
    known = {record["image"].tobytes() for record in plain}
    assert large[5]["image"].shape == (32, 32, 3) and large[5]["image"][..., 2].tobytes() in known
    np.testing.assert_array_equal(small.stack()["image"], make_source("stacked_digits").stack()["image"])


def test_fields_that_mean_nothing_here() -> None:
    with pytest.raises(DataError, match=r"data.channels=3 means nothing to 'stacked_digits'; leave it out"):
        make_source("stacked_digits", channels=3)
    with pytest.raises(DataError, match=r"data.split='val' is unknown to the digits"):
        make_source("stacked_digits", split="val")

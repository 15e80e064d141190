"""Digits with captions: what a sentence says is what the picture shows."""

import numpy as np
import pytest

from jaxgan.core.text import decode
from jaxgan.data import DataError, Loader, make_source, prepare
from jaxgan.data.captions import (
    GROUNDS,
    INKS,
    SIZES,
    THICKNESSES,
    TILTS,
    WORDS,
    Looks,
    draw,
    sentences,
    slant,
    stroke,
    told,
)
from jaxgan.data.digits import DigitPictures
from jaxgan.evaluation.caption_metrics import accuracy, read


def test_records_hold_a_picture_its_digit_and_four_captions():
    source = make_source("captions", image_size=32)
    kinds = {name: (spec.kind, spec.shape, spec.dtype) for name, spec in source.arrays.items()}
    assert kinds == {
        "image": ("image", (32, 32, 3), "float32"),
        "label": ("label", (), "int32"),
        "caption": ("text", (4, 80), "int32"),
    }
    assert len(source) == 4 * 1438 and len(make_source("captions", split="test")) == 4 * 359
    record = source[41]
    assert record["image"].dtype == np.uint8 and record["caption"].dtype == np.int32
    assert all(WORDS[record["label"]] in decode(caption) for caption in record["caption"])
    for name, array in record.items():
        np.testing.assert_array_equal(array, source[41][name])


def test_minibatches_bring_captions_as_they_are():
    source = make_source("captions", split="test", image_size=8)
    loader = Loader(source, seed=1)
    batches = loader.batches(4)
    batch = prepare(next(batches), loader.resident)
    batches.close()
    assert batch["caption"].dtype == np.int32 and batch["caption"].shape == (4, 4, 80)
    for index in range(4):
        assert WORDS[int(batch["label"][index])] in decode(np.asarray(batch["caption"][index, 0]))


def test_a_sentence_tells_the_digit_and_its_colours_and_leaves_out_a_third_of_the_rest():
    looks = Looks("one", "orange", "blue", "thick", "small", "leaning left")
    random = np.random.default_rng(0)
    made = [sentence for _ in range(300) for sentence in sentences(looks, random)]
    parts = [told(sentence) for sentence in made]
    assert all(part.items() <= looks._asdict().items() for part in parts)
    assert all({"digit", "ink", "ground"} <= part.keys() for part in parts)
    for name in ("thickness", "size", "tilt"):
        assert abs(np.mean([name in part for part in parts]) - 2 / 3) < 0.05
    assert {
        "a small thick orange one on blue, leaning left",
        "blue ground with an orange one leaning left",
        "the digit one, thick, orange, on a blue ground",
        "on blue: a thick one in orange, small, leaning left",
    } <= set(made)
    assert max(map(len, made)) <= 80


def test_shapes_are_measured():
    bar = np.zeros((20, 20))
    bar[2:18, 8:12] = 1  # 16 high, 4 thick: twice the area over the outline is 2 * 64 / 40
    assert slant(bar) == pytest.approx(0, abs=1e-9)
    assert stroke(bar) == pytest.approx(128 / 40 / 16)
    leaning = np.zeros((20, 20))
    for row in range(2, 18):
        leaning[row, row : row + 2] = 1  # a pixel to the right for each pixel down
    assert slant(leaning) == pytest.approx(1, abs=0.02)
    assert stroke(np.zeros((4, 4))) == 0


def test_every_digit_is_drawn_as_it_is_told_however_it_was_written():
    digits = DigitPictures("test")
    for index in range(0, len(digits), 40):
        pixels = np.asarray(digits.open(index)[0])
        for tilt, lean in TILTS.items():
            looks = Looks("", "white", "black", "thick", "large", tilt)
            ink = draw(pixels, looks, (32, 32))[..., 0] / 255
            rows = np.flatnonzero((ink > 0.5).any(axis=1))
            assert abs(slant(ink) - lean) < 0.1
            assert abs((rows[-1] + 1 - rows[0]) / 32 - SIZES["large"]) < 0.08


@pytest.mark.parametrize(("size", "digits"), [(16, 0.92), (32, 0.95)])
def test_all_that_a_caption_tells_can_be_read_from_its_picture(size, digits):
    source = make_source("captions", split="test", image_size=size)
    records = source.stack(np.arange(0, len(source), 5))
    seen = accuracy(records["image"] / 127.5 - 1, records["caption"][:, 0])
    assert seen["digit_accuracy"] >= digits and seen["thickness_accuracy"] >= 0.95
    for name in ("ink", "ground", "size", "tilt"):
        assert seen[f"{name}_accuracy"] >= 0.99, name
    # and of pictures that tell of something else, no more than chance says
    other = accuracy(np.roll(records["image"], 1, axis=0) / 127.5 - 1, records["caption"][:, 0])
    chances = {"digit": 0.1, "ink": 1 / len(INKS), "ground": 1 / len(GROUNDS), "thickness": 1 / len(THICKNESSES)}
    for name, chance in (chances | {"size": 1 / len(SIZES), "tilt": 1 / len(TILTS)}).items():
        assert abs(other[f"{name}_accuracy"] - chance) < 0.13, name


def test_pictures_without_any_ink_are_read_too():
    images = np.full((2, 16, 16, 3), -1.0)
    images[1] = 1.0
    seen = read(images)
    assert seen["ground"][0] == "black" and all(words.shape == (2,) for words in seen.values())


def test_what_is_wrong_is_said_in_a_line():
    with pytest.raises(DataError, match=r"data\.split='val' is unknown to the digits"):
        make_source("captions", split="val")
    with pytest.raises(DataError, match=r"data\.channels=1 means nothing to 'captions'"):
        make_source("captions", channels=1)
    with pytest.raises(DataError, match=r"data\.text='files' means nothing to 'digits'"):
        make_source("digits", text="files")

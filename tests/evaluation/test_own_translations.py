"""Metrics of translations of one's own images: perfect games get perfect values, broken ones do not."""

import numpy as np
import pytest
import scipy.stats
from PIL import Image

from jaxgan.data import make_source
from jaxgan.errors import UserError
from jaxgan.evaluation.monitored import METRICS
from jaxgan.metrics.classification import attribute_judge
from jaxgan.parts import translate_ability
from tests.evaluation.snapshots import KEY, OneWay, Translator, chosen, config_of, game, measure


def folders(path, aligned=False, splits=("train", "test"), number=5, flat=False):
    """Two folders of grey pictures of 16x16, and the config of a run on them."""
    draw = np.random.default_rng(0)
    for split in splits:
        for domain in "AB":
            (path / split / domain).mkdir(parents=True)
            for index in range(number):
                pixels = draw.integers(60, 180, (16, 16), np.uint8)
                pixels = np.full_like(pixels, pixels[0, 0]) if flat else pixels
                Image.fromarray(pixels).save(path / split / domain / f"{index}.png")
    return config_of(name="two_folders", path=str(path), aligned=aligned)


@pytest.mark.parametrize(
    ("aligned", "splits", "one_way", "measured"),
    [
        (False, ("train", "test"), False, ["translated_swd", "cycle"]),
        (False, ("train", "test"), True, ["translated_swd"]),
        (False, ("train",), False, ["translated_swd"]),
        (True, ("train", "test"), False, ["paired_translation", "translated_swd", "cycle"]),
        (True, ("train", "test"), True, ["paired_translation", "translated_swd"]),
    ],
)
def test_what_translations_of_ones_own_images_are_measured_by(tmp_path, aligned, splits, one_way, measured):
    config = folders(tmp_path, aligned, splits)
    choice = chosen(config, make_source(config.data), translate=translate_ability(None, ("a", "b"), one_way=one_way))
    assert list(choice.metrics) == measured and not choice.instead
    if "cycle" not in measured:
        assert choice.left_out["cycle"].startswith("the game has no way back" if one_way else "there are no held-out")


def test_what_is_lost_there_and_back_in_closed_form(tmp_path):
    config = folders(tmp_path)
    # There: x / 2; back: 2 y + 0.1.
    values = measure("cycle", Translator(lambda x: x / 2, lambda y: 2 * y + 0.1), config)
    assert values["cycle_l1_aba"] == pytest.approx(0.1, rel=1e-5)
    assert values["cycle_l1_bab"] == pytest.approx(0.05, rel=1e-5)
    assert values["cycle_l1"] == pytest.approx(0.075, rel=1e-5)
    # |0.1 + 0.2 n|, a folded normal density.
    mean = scipy.stats.foldnorm(c=0.5, scale=0.2).mean()
    assert values["cycle_l1_aba_noisy"] == pytest.approx(mean, rel=0.05)


def test_pairs_of_ones_own_are_measured_in_decibels(tmp_path):
    config = folders(tmp_path, aligned=True, flat=True, number=3)
    true = make_source(config.data, split="test").stack()["b"].astype(np.float64)
    # Ten grey levels too bright everywhere: 20 log10(255 / 10), and of flat images SSIM compares the means alone.
    moved = np.float32((true + 10) / 127.5 - 1)
    values = measure("paired_translation", OneWay("a", "b", lambda x: moved), config)
    assert values["l1"] == pytest.approx(10 / 127.5, rel=1e-4)
    assert values["psnr"] == pytest.approx(20 * np.log10(25.5), rel=1e-6)
    a, b, c = true[:, 0, 0, 0], true[:, 0, 0, 0] + 10, (0.01 * 255) ** 2
    assert values["ssim"] == pytest.approx(((2 * a * b + c) / (a**2 + b**2 + c)).mean(), rel=1e-5)
    # Flat images have no edges to be sharp, and three pairs are too few to train a classifier on.
    assert values.keys() == {"l1", "psnr", "ssim"}
    equal = measure("paired_translation", OneWay("a", "b", lambda x: np.float32(true / 127.5 - 1)), config)
    assert equal["psnr"] == 100 and equal["ssim"] == pytest.approx(1)


# ---- attributes of one's own


@pytest.fixture(scope="module")
def lamps(tmp_path_factory):
    """Pictures of two lamps, left and right, each on or off: their folder's config, and what switches them."""
    path, draw = tmp_path_factory.mktemp("lamps"), np.random.default_rng(0)
    rows = ["name,left,right"]
    for split, number in (("train", 200), ("test", 60)):
        (path / split).mkdir()
        for index in range(number):
            on = draw.integers(0, 2, 2)
            pixels = draw.integers(40, 100, (12, 12))
            pixels[:, :6] += 100 * on[0]
            pixels[:, 6:] += 100 * on[1]
            Image.fromarray(pixels.astype(np.uint8)).save(path / split / f"{split}{index}.png")
            rows.append(f"{split}{index}.png,{on[0]},{on[1]}")
    (path / "attributes.csv").write_text("\n".join(rows))

    def switched(images, target):
        made, half = images.copy(), slice(0, 6) if target.endswith("left") else slice(6, 12)
        level = 100 / 127.5
        is_on = images[:, :, half].mean(axis=(1, 2, 3)) > 120 / 127.5 - 1
        wanted = not target.startswith("no_")
        made[is_on != wanted, :, half] += level if wanted else -level
        return made

    return config_of(name="folder", path=str(path), attributes_file=str(path / "attributes.csv")), switched


class Switching(Translator):
    """A snapshot that switches lamps by a function of images and the target."""

    def __init__(self, function):
        self.function = function
        self.game = game(translate=translate_ability(None, (), attributes=("left", "right")))

    def use(self, ability, key, images, target):
        return self.function(images, target)


def test_a_judge_sees_whether_attributes_are_changed_and_the_others_kept(lamps):
    config, switched = lamps
    source = make_source(config.data)
    choice = chosen(config, source, translate=Switching(None).game.ability("translate"))
    assert list(choice.metrics) == ["judged_attributes", "translated_swd"]

    def judged(function):
        return METRICS["judged_attributes"].measure(Switching(function), source, config, KEY)

    perfect = judged(switched)
    assert perfect["judge_accuracy"] >= 0.95 and perfect["judged_worst"] >= 0.95
    assert perfect["kept_l1"] == 0 and perfect["cycle_l1"] < 1e-6
    same = judged(lambda images, target: images)
    assert same["judged_attributes"] <= 0.05 and same["cycle_l1"] == same["kept_l1"] == 0
    # One that switches the other lamp on too: right only for images whose other lamp is on already.
    other = {"left": "right", "right": "left"}
    both = judged(lambda images, target: switched(switched(images, target), other[target.removeprefix("no_")]))
    has = make_source(config.data, split="test").stack()["attributes"]
    assert both["judged_left"] == pytest.approx(has[:, 1].mean(), abs=0.05)
    assert both["judged_right"] == pytest.approx(has[:, 0].mean(), abs=0.05)
    # One that makes everything brighter moves what was to be kept by as much.
    assert judged(lambda images, target: images + 0.25)["kept_l1"] == pytest.approx(0.25, rel=1e-5)


def test_changed_attributes_look_like_images_that_have_them(lamps):
    config, switched = lamps
    source = make_source(config.data)

    def distances(function):
        return METRICS["translated_swd"].measure(Switching(function), source, config, KEY)

    perfect, same = distances(switched), distances(lambda images, target: images)
    names = {f"translated_swd_{word}" for word in ("left", "no_left", "right", "no_right")}
    assert perfect.keys() == names | {"translated_swd"}
    assert all(perfect[name] < 0.5 * same[name] for name in names)
    assert perfect["translated_swd"] == pytest.approx(np.mean([perfect[name] for name in names]))


def test_a_judge_of_large_images_looks_at_means_over_blocks():
    draw = np.random.default_rng(0)
    has = draw.integers(0, 2, (40, 1))
    # A checkerboard of pixels, which the means do not show, and a brightness, which they do.
    pixels = np.indices((70, 70)).sum(axis=0) % 2 * 40 + 60
    images = (pixels[None, :, :, None] + 60 * has[:, :, None, None]).astype(np.uint8)
    judge = attribute_judge(images, has, steps=30)
    assert (judge(images) == has).all()
    assert (judge(images[:, ::-1]) == has).all()
    with pytest.raises(UserError, match="give as many"):
        attribute_judge(images, has[1:])

"""Metrics of translations: perfect ones get perfect values, broken ones do not."""

import importlib
import types

import numpy as np
import pytest

from jaxgan import overrides
from jaxgan.core.arrays import ArraySpec
from jaxgan.data import ArraySource, evenly, make_source
from jaxgan.evaluation.monitored import METRICS
from jaxgan.metrics.sliced_wasserstein import sliced_wasserstein
from jaxgan.parts import translate_ability
from tests.evaluation.snapshots import (
    KEY,
    OneWay,
    Translator,
    config_of,
    game,
    measure,
    translation_config,
)


def test_a_perfect_translation_agrees_and_meets_its_counterparts():
    config = translation_config()
    perfect = measure("translation", Translator(lambda x: -x), config)
    assert perfect["agreement"] >= 0.98
    assert perfect["cycle_l1"] == pytest.approx(0.0, abs=1e-6)
    assert perfect["counterpart_mse_ab"] == pytest.approx(0.0, abs=1e-4)
    lazy = measure("translation", Translator(lambda x: x), config)
    assert lazy["agreement"] < 0.4 and lazy["cycle_l1"] == 0
    assert lazy["counterpart_mse_ab"] > 1 and lazy["counterpart_mse_ba"] > 1


class Coupled:
    """A snapshot that draws the same images for the same key, of either domain by a function."""

    def __init__(self, images, **domains):
        self.images, self.domains = images, domains

    def use(self, ability, key, number, domain):
        assert ability == "sample" and number <= len(self.images)
        return self.domains[domain](self.images[:number])


def test_pairs_of_domains_are_of_one_digit(digits):
    _, images, label = digits
    config = translation_config()
    same = measure("domain_pairs", Coupled(images, a=lambda x: x, b=lambda x: -x), config)
    assert same == {"pair_agreement": 1.0, "digits_present": 10.0}
    order = np.argsort(label)
    turned = measure("domain_pairs", Coupled(images[order], a=lambda x: x, b=lambda x: -np.roll(x, 40, axis=0)), config)
    assert turned["pair_agreement"] < 0.1  # always the next digit
    ones = images[label == 1][:1]
    alike = measure("domain_pairs", Coupled(images, a=lambda x: x, b=lambda x: -np.repeat(ones, len(x), 0)), config)
    assert alike["digits_present"] == 1 and alike["pair_agreement"] < 0.2


class Encoder(Translator):
    """A translator between digits and inverted digits that also encodes them."""

    def __init__(self, encode, ab=lambda x: -x):
        super().__init__(ab)
        self.encode = encode

    def use(self, ability, key, images, source, target=None):
        return super().use(ability, key, images, source, target) if target else self.encode(images, source)


def test_codes_of_two_domains_are_common_where_they_mean_the_same():
    config = translation_config()
    flat = lambda x: x.reshape(len(x), -1)  # noqa: E731
    # Inverted digits turned back: nearest neighbours among digits, which are of one class as a rule.
    shared = measure("common_codes", Encoder(lambda x, source: flat(x if source == "a" else -x)), config)
    assert shared["code_agreement"] > 0.93 and shared["code_kept"] == 1 and shared["code_loop"] < 1e-6
    apart = measure("common_codes", Encoder(lambda x, source: flat(x)), config)
    assert apart["code_agreement"] < 0.3 and apart["code_kept"] < 0.1 and apart["code_loop"] > 2
    # What forgets the digit keeps no code of its own.
    flattened = Encoder(lambda x, source: flat(x if source == "a" else -x), lambda x: np.zeros_like(x))
    assert measure("common_codes", flattened, config)["code_kept"] < 0.7


TRANSLATING = [
    (name, label)
    for name in ("cyclegan", "discogan", "dualgan", "unit", "xgan", "direct_translation", "domain_adversarial")
    for label, check in importlib.import_module(f"configs.{name}").CHECKS.items()
    if not check.control
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "label"), TRANSLATING)
def test_no_check_is_met_by_an_identity_or_a_constant(name, label):
    module = importlib.import_module(f"configs.{name}")
    check = module.CHECKS[label]
    config = overrides.apply(module.get_config(check.variant), list(check.changes.items()))
    held_out = make_source(config.data, split="test").stack()
    ways = [("a", "b")] if name == "direct_translation" else [("a", "b"), ("b", "a")]

    def holds(functions):
        snapshot = Translator(*functions) if len(functions) == 2 else OneWay("a", "b", *functions)
        values = {"code_agreement": 1.0, "code_loop": 0.0}  # its codes may be as good as they like
        for metric in config.metrics:
            if metric != "common_codes":
                values |= measure("translation" if metric == "default" else metric, snapshot, config)
        return check.holds(values)

    assert not holds([lambda x: x] * len(ways))
    targets = [held_out[target] / np.float32(127.5) - 1 for _, target in ways]
    always = lambda image: lambda x: np.repeat(image[None], len(x), axis=0)  # noqa: E731
    for filling in ([images.mean(axis=0) for images in targets], [images[0] for images in targets]):
        assert not holds([always(image) for image in filling])


def test_noise_destroys_what_a_translation_hides():
    config = translation_config()
    # Nothing is hidden: what comes back is the image and the noise, whose E|n| is deviation * sqrt(2 / pi).
    honest = measure("translation", Translator(lambda x: -x), config)
    assert honest["cycle_l1_aba_noisy"] == pytest.approx(0.1 * np.sqrt(2 / np.pi), rel=0.01)

    def cells(x):
        means = x.reshape(-1, 4, 4, 4, 4, 1).mean(axis=(2, 4), keepdims=True)
        return np.broadcast_to(means, (len(x), 4, 4, 4, 4, 1)).reshape(x.shape)

    # All of the image is there, a hundred times fainter than it can be seen.
    config.data.domain = "low_resolution"
    hiding = Translator(lambda x: cells(x) + 0.01 * (x - cells(x)), lambda y: cells(y) + 100 * (y - cells(y)))
    values = measure("translation", hiding, config)
    assert values["counterpart_mse_ab"] < 1e-4 and values["cycle_l1_aba"] < 1e-4
    assert values["agreement_ab"] > 0.8
    assert values["cycle_l1_aba_noisy"] > 5


def test_exchanged_colours_agree_and_miss_their_counterparts():
    config = translation_config(domain="thresholded", tinted=True)
    threshold = make_source(config.data, split="test").sources[1].domain

    def thresholded(x):
        return np.stack([threshold(image) for image in np.round(127.5 * (x + 1)).astype(np.uint8)]) / 127.5 - 1

    kept = measure("translation", Translator(thresholded, lambda y: y), config)
    assert kept["agreement_ab"] > 0.98 and kept["agreement_ba"] > 0.98 and kept["counterpart_mse_ab"] < 1e-4
    turned = measure("translation", Translator(lambda x: thresholded(x)[..., [1, 2, 0]], lambda y: y), config)
    assert turned["agreement_ab"] == kept["agreement_ab"] and turned["counterpart_mse_ab"] > 0.3


# ---- many domains, and attributes


class Among(Translator):
    """A snapshot that translates among many domains by one function of images, source and target."""

    def __init__(self, names, function):
        self.function = function
        self.game = game(translate=translate_ability(None, names))

    def use(self, ability, key, images, source, target):
        return self.function(images, source, target)


def test_translators_among_many_domains_that_ignore_their_task_fail():
    config = translation_config(domains=("digits", "inverted", "edges", "dim"))
    held_out = make_source(config.data, split="test").stack()
    truth = {name: held_out[name] / np.float32(127.5) - 1 for name in "abcd"}
    perfect = measure("translation", Among("abcd", lambda x, source, target: truth[target]), config)
    assert perfect["agreement_worst"] >= 0.98 and perfect["domain_accuracy_worst"] >= 0.99
    assert perfect["cycle_l1"] == 0 and all(perfect[f"counterpart_mse_{way}"] == 0 for way in ("ab", "dc", "ca"))
    assert len([name for name in perfect if name.startswith("domain_") and len(name) == 9]) == 12
    # The network that does nothing loses nothing on the way back, and is of the wrong domain.
    same = measure("translation", Among("abcd", lambda x, source, target: x), config)
    assert same["cycle_l1"] == 0 and same["domain_accuracy"] <= 0.01 and same["agreement_worst"] < 0.1
    # The one that always shows one digit of the target is of the right domain, and of the wrong digit.
    one = lambda x, source, target: np.repeat(truth[target][:1], len(x), axis=0)  # noqa: E731
    constant = measure("translation", Among("abcd", one), config)
    assert constant["domain_accuracy_worst"] == 1 and constant["agreement"] < 0.15
    # One way that is wrong is seen in the worst.
    other = lambda x, source, target: truth[target][::-1] if (source, target) == ("b", "d") else truth[target]  # noqa: E731
    values = measure("translation", Among("abcd", other), config)
    assert values["agreement_worst"] == values["agreement_bd"] < 0.2 < 0.9 < values["agreement"]


class Changing(Translator):
    """A snapshot that changes attributes by a function of images and the target."""

    def __init__(self, function):
        self.function = function
        self.game = game(translate=translate_ability(None, (), attributes=("bar", "dim")))

    def use(self, ability, key, images, target):
        return self.function(images, target)


def test_changes_of_attributes():
    config = config_of(name="digits", image_size=16, attributes=("bar", "dim"))
    draws = {}
    plain = make_source(config.data, split="test", attributes=()).stack()["image"]
    has = make_source(config.data, split="test").stack()["attributes"].astype(bool)
    images = make_source(config.data, split="test").stack()["image"] / np.float32(127.5) - 1

    def with_(digits, bar, dim):
        made = digits.copy()
        made[bar, :, :2] = 255
        made[dim] = np.round(made[dim] * 0.4)
        return made / np.float32(127.5) - 1

    for target, column, on in (("bar", 0, 1), ("no_bar", 0, 0), ("dim", 1, 1), ("no_dim", 1, 0)):
        wanted = has.copy()
        wanted[:, column] = on
        draws[target] = with_(plain, *wanted.T)

    def at(x):
        return np.square(x[:, None] - images[None]).reshape(len(x), len(images), -1).sum(2).argmin(1)

    perfect = measure("attribute_translation", Changing(lambda x, target: draws[target][at(x)]), config)
    assert perfect["attribute_accuracy_worst"] >= 0.99 and perfect["agreement_worst"] >= 0.97
    same = measure("attribute_translation", Changing(lambda x, target: x), config)
    assert same["attribute_accuracy"] <= 0.01 and same["agreement_worst"] >= 0.97
    # One that changes what it was not asked for too is no better.
    both = measure("attribute_translation", Changing(lambda x, target: with_(plain, *~has.T)[at(x)]), config)
    assert both["attribute_accuracy"] <= 0.01
    digit = measure("attribute_translation", Changing(lambda x, target: draws[target][at(x)][::-1]), config)
    assert digit["agreement"] < 0.3


# ---- a single way, and pairs of different shapes


def test_a_single_way_is_measured_as_the_game_declares_it():
    """Low resolution, half as large, to plain digits: the counterpart itself, and each pixel as a block of four."""
    config = translation_config(domain="low_resolution", image_size_b=8, aligned=True)
    held_out = make_source(config.data, split="test").stack()
    truth = held_out["a"] / np.float32(127.5) - 1
    blocks = lambda x: x.repeat(2, axis=1).repeat(2, axis=2)  # noqa: E731
    perfect = measure("translation", OneWay("b", "a", lambda x: truth), config)
    assert perfect["agreement"] == perfect["agreement_ba"] >= 0.98
    assert perfect["l1"] == perfect["counterpart_mse_ba"] == 0
    assert "cycle_l1" not in perfect and "agreement_ab" not in perfect
    coarse = measure("translation", OneWay("b", "a", blocks), config)
    difference = blocks(held_out["b"] / np.float32(127.5) - 1) - truth
    assert coarse["l1"] == pytest.approx(np.abs(difference).mean(), rel=1e-4)
    assert coarse["counterpart_mse_ba"] == pytest.approx(np.square(difference).mean(), rel=1e-4)


def test_paired_translations_against_truths_made_by_hand():
    config = translation_config(domain="edges", aligned=True)
    held_out = make_source(config.data, split="test").stack()
    truth = held_out["a"] / np.float32(127.5) - 1
    perfect = measure("paired_translation", OneWay("b", "a", lambda x: truth), config)
    assert perfect["l1"] == 0 and perfect["agreement"] >= 0.98 and perfect["sharpness"] == 1
    assert perfect["c2st"] == 0.5  # of two equal images exactly one is told right
    train = make_source(config.data, split="train").stack()
    of_class = {one: np.flatnonzero(train["label"] == one) for one in range(10)}
    ranks = [np.count_nonzero(held_out["label"][:index] == one) for index, one in enumerate(held_out["label"])]
    rows = [of_class[int(one)][rank] for one, rank in zip(held_out["label"], ranks, strict=True)]
    others = train["a"][rows] / np.float32(127.5) - 1
    same = measure("paired_translation", OneWay("b", "a", lambda x: others), config)
    # Real digits of the right classes, but not the ones: they are read, look true, and are far from their counterparts.
    assert same["l1"] > 0.2 and same["agreement"] > 0.97 and same["c2st"] < 0.62
    noisy = truth + np.random.default_rng(0).uniform(-0.5, 0.5, truth.shape).astype(np.float32)
    seen = measure("paired_translation", OneWay("b", "a", lambda x: noisy), config)
    assert seen["l1"] == pytest.approx(0.25, rel=0.02) and seen["c2st"] > 0.95
    assert seen == measure("paired_translation", OneWay("b", "a", lambda x: noisy), config)
    # The edges are read as the nearest training digit's are; of a digit itself these are another's.
    edges = held_out["b"] / np.float32(127.5) - 1
    assert measure("paired_translation", OneWay("a", "b", lambda x: edges), config)["agreement"] >= 0.98
    assert measure("paired_translation", OneWay("a", "b", lambda x: x), config)["agreement"] < 0.2
    # Of half the contrast, differences between neighbours have a quarter of the energy.
    faint = measure("paired_translation", OneWay("b", "a", lambda x: 0.5 * truth), config)
    assert faint["sharpness"] == pytest.approx(0.25, rel=1e-5)


@pytest.mark.parametrize(
    ("metric", "data", "ways", "obstacle"),
    [
        ("translation", {"domain": "edges"}, ("a", "b"), ""),
        ("translation", {"domain": "edges"}, ("b", "a", "one way"), ""),
        ("translation", {"domain": "inverted"}, ("a", "b"), ""),
        ("translation", {"domain": "low_resolution", "image_size_b": 4}, ("a", "b"), "digits are read at"),
        ("translation", {"domain": "low_resolution", "image_size_b": 4}, ("b", "a", "one way"), ""),
        ("paired_translation", {"domain": "edges"}, ("a", "b"), ""),
        ("paired_translation", {"domain": "edges"}, ("image", "b"), "the data have no array 'image'"),
    ],
)
def test_which_translations_can_be_measured(metric, data, ways, obstacle):
    config = translation_config(**data)
    source = make_source(config.data)
    ability = translate_ability(None, ways[:2], one_way=len(ways) > 2)
    compiled = types.SimpleNamespace(game=game(translate=ability), arrays=source.arrays)
    found = METRICS[metric].obstacle(compiled, source, config)
    assert found.startswith(obstacle) and bool(found) == bool(obstacle)
    assert METRICS[metric].obstacle(types.SimpleNamespace(game=game()), source, config) == "the game does not translate"
    other = config_of(name="digits", image_size=16)
    assert METRICS[metric].obstacle(compiled, make_source(other.data), other).startswith("the data have no domains")


def test_the_distance_of_translations_from_their_target():
    config = translation_config(aligned=True)
    source = make_source(config.data)
    config.evaluate_samples = 100
    records = source.stack(evenly(100, len(source)))

    def there(images):
        return -images  # the domains are inverted

    found = METRICS["translated_swd"].measure(Translator(there), source, config, KEY)
    expected = np.mean(list(sliced_wasserstein(records["b"], 255 - records["a"]).values()))
    assert found["translated_swd_ab"] == pytest.approx(expected, rel=1e-3)
    assert found["translated_swd"] == pytest.approx((found["translated_swd_ab"] + found["translated_swd_ba"]) / 2)
    broken = METRICS["translated_swd"].measure(Translator(np.zeros_like), source, config, KEY)
    assert broken["translated_swd"] > 5 * found["translated_swd"]


def test_images_that_are_floats_are_translated_as_they_are():
    config = translation_config(aligned=True)
    records = make_source(config.data).stack(range(60))
    found = []
    for scaled in (lambda x: x, lambda x: x / np.float32(127.5) - 1):
        source = ArraySource("own", {name: scaled(records[name]) for name in "ab"}, domains=("dark", "light"))
        found.append(METRICS["translated_swd"].measure(Translator(lambda x: -0.5 * x), source, config, KEY))
    assert found[0] == pytest.approx(found[1]) and found[0]["translated_swd"] > 0


def test_images_with_and_without_an_attribute_are_from_everywhere():
    """The places of images are their grey levels: half of the files have the attribute, those at even places."""
    config = config_of()
    image = np.arange(200, dtype=np.uint8)[:, None, None, None] * np.ones((16, 16, 1), np.uint8)
    has = (np.arange(200) % 2 == 0)[:, None].astype(np.float32)
    spec = ArraySpec((1,), "float32", "attributes", ("bar",))
    source = ArraySource("own", {"image": image, "attributes": has}, {"attributes": spec})
    config.evaluate_samples, seen = 40, {}

    def changed(images, target):
        seen[target] = np.round(127.5 * (images[:, 0, 0, 0] + 1)).astype(int)
        return images

    METRICS["translated_swd"].measure(Changing(changed), source, config, KEY)
    for target, places in seen.items():
        assert len(places) == 40 and set(places % 2) == {int(target == "bar")}
        np.testing.assert_allclose(places, np.linspace(0, 199, 40), atol=4)

"""What changes of attributes are measured by while a game trains.

Of digits the attributes are changes of pixels, so that what should come out is known. Of other images a judge is trained, on
the real training images; the game's own discriminator would be no judge, for the generator has been trained to please it.
"""

import functools
import itertools
from collections.abc import Callable

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.data import Source, make_source, other_split
from jaxgan.data.digits import domain_transform
from jaxgan.evaluation.held_out import spread_records
from jaxgan.evaluation.translation_metrics import nearest, needs_attributes
from jaxgan.metrics.classification import attribute_judge
from jaxgan.pictures import from_uint8, to_uint8

_MOST = 4  # attributes of digits, whose sets are 16


def attribute_translation(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """Whether held-out digits get what they have not, and lose what they have, and stay the digits that they are.

    A result is read as the nearest of all training digits with any set of the attributes. For each attribute: "attribute_NAME"
    is the share that is read with this one changed and the others as they were, "agreement_NAME" the share that is read as the
    digit it was. "attribute_accuracy" and "agreement" are the means, and beside them stand the worst.
    """
    names = source.arrays["attributes"].names
    sets = [np.array(each) for each in itertools.product((0, 1), repeat=len(names))]
    train, label = _digits(config, "train")
    known = np.concatenate([_with(train, names, np.tile(each, (len(train), 1))) for each in sets])
    plain, digit = _digits(config, "test")
    has = make_source(config.data, split="test", flip=False).stack()["attributes"].astype(int)
    images = _with(plain, names, has)
    accuracies, agreements, values = list[float](), list[float](), dict[str, float]()
    for which, name in enumerate(names):
        wanted = _turned(has, which)
        found = nearest(_asked(snapshot, key, images, name, wanted[:, which]), known)
        read = np.stack(sets)[found // len(train)]
        accuracies.append(float((read == wanted).all(axis=1).mean()))
        agreements.append(float((label[found % len(train)] == digit).mean()))
        values |= {f"attribute_{name}": accuracies[-1], f"agreement_{name}": agreements[-1]}
    summary = {"attribute_accuracy": float(np.mean(accuracies)), "attribute_accuracy_worst": min(accuracies)}
    summary |= {"agreement": float(np.mean(agreements)), "agreement_worst": min(agreements)}
    return {**summary, **values}


def judged_attributes(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """Whether held-out images of any kind get what they have not, and lose what they have, as a judge sees it.

    The judge is a small classifier of its own, trained on the real training images and their attributes. For each attribute:
    "judged_NAME" is the share of held-out images that it reads, after a change of this one, as having all attributes that were
    asked for: this one changed, and the others as they are known to be. "judged_attributes" is the mean, "judged_worst" the
    worst, "judge_accuracy" the share of the images themselves whose attributes it reads right, all of them: what a perfect game
    would have. "cycle_l1" is the mean difference after a change and back, "kept_l1" that after being asked for what is there.
    """
    names, judge = source.arrays["attributes"].names, _judge(source)
    held_out = spread_records(other_split(config.data, "test", source.arrays), config.evaluate_samples)
    images, has = held_out["image"], held_out["attributes"].astype(int)
    values, back, kept = dict[str, float](), list[float](), list[float]()
    for which, name in enumerate(names):
        wanted = _turned(has, which)
        made = _asked(snapshot, key, images, name, wanted[:, which])
        values[f"judged_{name}"] = float((judge(to_uint8(made)) == wanted).all(axis=1).mean())
        for start, distances in ((made, back), (images, kept)):
            distances.append(float(np.abs(_asked(snapshot, key, start, name, has[:, which]) - images).mean()))
    summary = {"judged_attributes": float(np.mean([*values.values()])), "judged_worst": min(values.values())}
    summary["judge_accuracy"] = float((judge(to_uint8(images)) == has).all(axis=1).mean())
    return {**summary, "cycle_l1": float(np.mean(back)), "kept_l1": float(np.mean(kept)), **values}


@functools.lru_cache(maxsize=1)  # the same for a whole run, which has one source
def _judge(source: Source) -> Callable[[np.ndarray], np.ndarray]:
    """The judge of the attributes of a source: uint8 images (N, H, W, C) -> bool (N, K)."""
    real = spread_records(source)
    return attribute_judge(to_uint8(real["image"]), real["attributes"])


def _turned(has: np.ndarray, which: int) -> np.ndarray:
    """Attributes (N, K) with one of them changed."""
    turned = has.copy()
    turned[:, which] = 1 - has[:, which]
    return turned


def _asked(snapshot: Snapshot, key: jax.Array, images: np.ndarray, name: str, wanted: np.ndarray) -> np.ndarray:
    """The images, each asked to have the attribute, or not to, as `wanted` (N,) says."""
    made = np.empty_like(images)
    for on, word in ((1, name), (0, f"no_{name}")):
        chosen = wanted == on
        if chosen.any():
            made[chosen] = snapshot.use("translate", key, images=images[chosen], target=word)
    return made


def needs_a_judge(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must change the attributes that the data have."""
    return needs_attributes(compiled, source)


def needs_digits_with_attributes(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """And the data must be digits, with few attributes."""
    if config.data.name != "digits" or "attributes" not in source.arrays:
        return "the data are not digits with attributes (data.name='digits', data.attributes=('bar', 'dim'))"
    if obstacle := needs_attributes(compiled, source):
        return obstacle
    return "" if len(source.arrays["attributes"].names) <= _MOST else f"at most {_MOST} attributes are read"


def _digits(config: ConfigDict, split: str) -> tuple[np.ndarray, np.ndarray]:
    """A split's digits as they are, uint8 (N, H, W, C), and their labels (N,)."""
    records = make_source(config.data, split=split, attributes=(), flip=False).stack()
    return records["image"], records["label"]


def _with(digits: np.ndarray, names: tuple[str, ...], has: np.ndarray) -> np.ndarray:
    """The digits with attributes (N, K), float32 in [-1, 1]."""
    changed = digits.copy()
    for name, column in zip(names, has.T, strict=True):
        give = domain_transform(name)
        for index in np.flatnonzero(column):
            changed[index] = give(changed[index])
    return from_uint8(changed)

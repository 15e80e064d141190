"""What changes of attributes are measured by while a game trains: on digits whose attributes are changes of pixels."""

import itertools

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.data import Source, make_source
from jaxgan.data.digits import domain_transform
from jaxgan.evaluation.translation_metrics import nearest
from jaxgan.pictures import from_uint8

_MOST = 4  # attributes, whose sets are 16


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
        wanted = has.copy()
        wanted[:, which] = 1 - has[:, which]
        made = np.empty_like(images)
        for on, word in ((0, name), (1, f"no_{name}")):
            chosen = has[:, which] == on
            made[chosen] = snapshot.use("translate", key, images=images[chosen], target=word)
        found = nearest(made, known)
        read = np.stack(sets)[found // len(train)]
        accuracies.append(float((read == wanted).all(axis=1).mean()))
        agreements.append(float((label[found % len(train)] == digit).mean()))
        values |= {f"attribute_{name}": accuracies[-1], f"agreement_{name}": agreements[-1]}
    summary = {"attribute_accuracy": float(np.mean(accuracies)), "attribute_accuracy_worst": min(accuracies)}
    summary |= {"agreement": float(np.mean(agreements)), "agreement_worst": min(agreements)}
    return {**summary, **values}


def needs_digits_with_attributes(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must change attributes, and the data must be digits that have some."""
    if "translate" not in compiled.game.abilities:
        return "the game does not translate"
    if config.data.name != "digits" or "attributes" not in source.arrays:
        return "the data are not digits with attributes (data.name='digits', data.attributes=('bar', 'dim'))"
    names = source.arrays["attributes"].names
    if not set(names) <= set(compiled.game.ability("translate").takes["target"].choices):
        return "the game changes no attributes"
    return "" if len(names) <= _MOST else f"at most {_MOST} attributes are read"


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

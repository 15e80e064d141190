"""What translations are measured by while a game trains: against the true counterparts of held-out images.

Sources and targets are what the game's ability "translate" declares, so that a game with one way is measured on that one.
"""

from collections.abc import Callable

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import metrics
from jaxgan.core.abilities import Ability
from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.data import Source, make_source, prepare
from jaxgan.evaluation.sample_metrics import readable_size
from jaxgan.metrics.two_sample import told_apart

PLAIN = "digits"  # what the domain of plain digits is called
# How digits of another domain are read by the classifier of plain digits, where they can be.
_WAY_BACK: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    PLAIN: lambda images: images,
    "inverted": lambda images: -images,
    "thresholded": lambda images: images,
    "low_resolution": lambda images: images,
}
_NOISE = 0.1  # deviation of the noise that probes translations, of images in [-1, 1]


def translation(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """Whether translated digits are still read as the same digits, and what they differ by from their counterparts.

    For each way, as "ab": "agreement_ab" is the share that is still read as the digit it was, "counterpart_mse_ab" the mean
    square of the difference. A game with both ways has what is lost on the way there and back, "cycle_l1"; one with a single
    way the mean difference from the counterparts, "l1".
    """
    held_out, (a, b) = _held_out(config), snapshot.game.ability("translate").ways[0]
    label = held_out["label"]

    def carry(images: np.ndarray, source: str, target: str) -> np.ndarray:
        return snapshot.use("translate", key, images=images, source=source, target=target)

    values: dict[str, float] = {}
    made = {}
    for way in snapshot.game.ability("translate").ways:
        made[way] = images = carry(held_out[way[0]], *way)
        values[f"agreement_{''.join(way)}"] = _agreement(images, label, source, way[1])
        values[f"counterpart_mse_{''.join(way)}"] = float(np.square(images - held_out[way[1]]).mean())
    agreement = float(np.mean([value for name, value in values.items() if name.startswith("agreement_")]))
    if len(made) == 1:
        return {"agreement": agreement, **values, "l1": float(np.abs(made[a, b] - held_out[b]).mean())}
    back, forth = carry(made[a, b], b, a), carry(made[b, a], a, b)
    aba, bab = (float(np.abs(one - held_out[name]).mean()) for one, name in ((back, a), (forth, b)))
    # Chu et al. 2017 (arXiv:1712.02950): what a translation hides in faint patterns for the way back, noise destroys.
    noise = _NOISE * np.asarray(jax.random.normal(key, (made[a, b].size,))).reshape(made[a, b].shape)
    noisy = float(np.abs(carry(made[a, b] + noise, b, a) - held_out[a]).mean())
    cycles = {"cycle_l1": (aba + bab) / 2, f"cycle_l1_{a}{b}{a}": aba, f"cycle_l1_{a}{b}{a}_noisy": noisy}
    return {"agreement": agreement, **values, **cycles}


def paired_translation(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """How near translated images are to their true counterparts, on the game's usual way, and how real they look.

    "l1" is the mean difference |y - G(x)|; "agreement" the share that is read as the digit it was, where the target
    is readable; "sharpness" the energy of G(x)'s differences between neighbouring pixels as a share of y's; "c2st" how often a
    classifier tells G(x) from y, 0.5 for a perfect game.
    """
    held_out = _held_out(config)
    origin, target = snapshot.game.ability("translate").ways[0]
    made = snapshot.use("translate", key, images=held_out[origin], source=origin, target=target)
    values = {"l1": float(np.abs(made - held_out[target]).mean())}
    if "label" in held_out and not _unreadable(source, target):
        values["agreement"] = _agreement(made, held_out["label"], source, target)
    values["sharpness"] = roughness(made) / roughness(held_out[target])
    return values | {"c2st": told_apart(made, held_out[target])}


def roughness(images: np.ndarray) -> float:
    """Mean square of the differences between neighbouring pixels."""
    return float(np.square(np.diff(images, axis=1)).mean() + np.square(np.diff(images, axis=2)).mean())


def needs_readable_digits(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must translate, and only to domains whose digits are read."""
    if obstacle := _needs_ways(compiled, source):
        return obstacle
    for _, target in compiled.game.ability("translate").ways:
        if obstacle := _unreadable(source, target):
            return obstacle
    return ""


def needs_pairs(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must translate, and the true counterparts of held-out images must be known."""
    if obstacle := _needs_ways(compiled, source):
        return obstacle
    paired = PLAIN in source.domains or config.data.aligned
    return "" if paired else "the data have no pairs (data.aligned=True has, and the held-out digits are some)"


def _needs_ways(compiled: CompiledGame, source: Source) -> str:
    if "translate" not in compiled.game.abilities:
        return "the game does not translate"
    if not source.domains:
        return "the data have no domains (data.name='digits_translation' has)"
    ability: Ability = compiled.game.ability("translate")
    missing = sorted({name for way in ability.ways for name in way} - source.arrays.keys())
    return f"the data have no array {missing[0]!r}" if missing else ""


def _unreadable(source: Source, array: str) -> str:
    """Why the digits of a domain, given by the name of its array, are not read; "" if they are."""
    called = dict(zip(("a", "b"), source.domains, strict=False)).get(array, array)
    if PLAIN not in source.domains or called not in _WAY_BACK:
        others = [name for name in _WAY_BACK if name != PLAIN]
        return f"the data are not digits with the second domain {' or '.join(others)} (data.name='digits_translation')"
    return "" if readable_size(source.arrays[array].shape) else "digits are read at data.image_size 8, 16 or 32"


def _agreement(images: np.ndarray, label: np.ndarray, source: Source, array: str) -> float:
    called = dict(zip(("a", "b"), source.domains, strict=True))[array]
    ink = _WAY_BACK[called](images).max(axis=-1, keepdims=True)  # tinted digits as grey ones: the brightest channel
    return metrics.class_accuracy(ink, label)


def _held_out(config: ConfigDict) -> dict[str, np.ndarray]:
    """All held-out pairs: images in [-1, 1], and labels."""
    records = prepare(make_source(config.data, split="test", flip=False).stack())
    return {name: np.asarray(array) for name, array in records.items()}

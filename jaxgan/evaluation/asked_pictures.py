"""Pictures that a config asks for beside those of every run, by the field `pictures`; they are drawn with the samples.

"classes": a row for each class, also of those that the picture of the samples has no room for. "nearest": samples, and under
each the training image whose pixels are nearest; "nearest/digits", "nearest/inception" ...: in the features of that network.
"""

from collections.abc import Callable

import jax
import numpy as np
from ml_collections import ConfigDict
from PIL import Image

from jaxgan import pictures
from jaxgan.core.abilities import NUMBER
from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.data import Source
from jaxgan.evaluation import sample_metrics as samples
from jaxgan.evaluation.asked_names import check_known, check_possible
from jaxgan.evaluation.feature_statistics import extract
from jaxgan.evaluation.held_out import spread_records
from jaxgan.evaluation.measure import load_extractor
from jaxgan.features.extractors import EXTRACTORS
from jaxgan.features.foreign_files import WeightsError
from jaxgan.metrics.neighbours import nearest_of

Draw = Callable[[Snapshot, jax.Array], Image.Image]

_ROWS = 100  # classes, at most
_PAIRS = 2  # rows of samples, each with one of training images
PICTURES = ("classes", "nearest", *(f"nearest/{features}" for features in EXTRACTORS))


def asked_pictures(config: ConfigDict, compiled: CompiledGame, source: Source) -> dict[str, Draw]:
    """What draws the pictures that a config asks for, by their names.

    Args:
        config: The config.
        compiled: The game.
        source: Its training data.

    Raises:
        ConfigError: One is unknown, or cannot be drawn of this game and data.
    """
    found: dict[str, Draw] = {}
    for name in config.pictures or ():
        check_known("pictures", name, PICTURES)
        check_possible("pictures", name, _obstacle(name, config, compiled, source))
        found[name] = classes if name == "classes" else Nearest(source, name.partition("/")[2])
    return found


def _obstacle(name: str, config: ConfigDict, compiled: CompiledGame, source: Source) -> str:
    """What stands in the way of a picture, or ""."""
    if obstacle := samples.needs_samples(compiled, source, config):
        return obstacle
    image, takes = source.arrays.get("image"), compiled.game.ability("sample").takes
    if image is None or image.kind != "image":
        return "the data are not images"
    if needed := [each for each, argument in takes.items() if argument.required and argument.kind != NUMBER]:
        return f"samples of this game need {', '.join(needed)}"
    if name == "classes":
        return "" if "label" in takes else "the game takes no labels"
    features = name.partition("/")[2]
    if features == "digits":
        return samples.unreadable_size(image.shape)
    try:
        if features:
            load_extractor(features)
    except WeightsError as error:
        return str(error)
    return ""


def classes(snapshot: Snapshot, key: jax.Array) -> Image.Image:
    """A row of samples for each class, of very many for some of them, evenly chosen; the same key draws the same noise."""
    names, columns = snapshot.classes("sample"), pictures.columns_for(snapshot.arrays["image"].shape)
    shown = np.linspace(0, len(names) - 1, min(len(names), _ROWS)).astype(np.int32)
    images = snapshot.sample(key, len(shown) * columns, np.repeat(shown, columns))
    return pictures.grid(images, columns, [names[index] for index in shown])


class Nearest:
    """Draws samples, and under each its nearest training image.

    Args:
        source: The training data; of many large images some, from everywhere in them, are looked at.
        features: The network in whose features they are compared; "" for their pixels.
    """

    def __init__(self, source: Source, features: str = "") -> None:
        self._source, self._features = source, features
        self._real: tuple[np.ndarray, np.ndarray] | None = None

    def __call__(self, snapshot: Snapshot, key: jax.Array) -> Image.Image:
        """The picture; the same key draws the same noise."""
        if self._real is None:
            images = spread_records(self._source)["image"]
            self._real = images, self._seen(images)
        images, seen = self._real
        columns = pictures.columns_for(snapshot.arrays["image"].shape)
        fake = snapshot.sample(key, columns * _PAIRS)
        found = images[nearest_of(seen, self._seen(fake))]
        parts = [part[start : start + columns] for start in range(0, len(fake), columns) for part in (fake, found)]
        return pictures.grid(np.concatenate(pictures.alike(parts)), columns, ("sample", "nearest") * _PAIRS)

    def _seen(self, images: np.ndarray) -> np.ndarray:
        """What is compared, float32 (N, D)."""
        if not self._features:
            return images.reshape(len(images), -1)
        outputs = extract(load_extractor(self._features), iter([{"image": pictures.to_uint8(images)}]))
        return np.concatenate([each["features"] for each in outputs])

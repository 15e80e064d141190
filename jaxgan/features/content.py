"""What configs name to compare the contents of two images by: maps of VGG19, where its weights were converted."""

import functools
import logging
from collections.abc import Callable
from typing import Any

import jax

from jaxgan.features import vgg, weights

Content = Callable[[jax.Array], jax.Array]

_log = logging.getLogger("jaxgan.features")


def vgg22() -> Content | None:
    """Images (B, H, W, 1 or 3) in [-1, 1] -> VGG19's map phi_{2,2}; None where its weights were not converted."""
    return _vgg19(2)


def vgg54() -> Content | None:
    """Images (B, H, W, 1 or 3) in [-1, 1] -> VGG19's map phi_{5,4}; None where its weights were not converted."""
    return _vgg19(5)


def _vgg19(row: int) -> Content | None:
    if not weights.cache_path("vgg19").exists():
        known = weights.KNOWN["vgg19"]
        _log.warning(
            "VGG19's weights are not there: contents are compared in a network that the game trains (download %s from %s and "
            "run python -m jaxgan weights %s to have them)",
            known.file,
            known.url,
            known.file,
        )
        return None
    return lambda images: vgg.content_map(
        _params(), images, row
    )  # read when a loss asks, not when a command builds the game


@functools.cache
def _params() -> Any:
    return weights.load("vgg19")


CONTENTS: dict[str, Callable[[], Content | None]] = {"vgg22": vgg22, "vgg54": vgg54}

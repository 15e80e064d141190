"""Stacked digits: three digits as the three channels of an image, so that it has a thousand modes that are known."""

import numpy as np

from jaxgan.data.order import augmentation_draws
from jaxgan.data.sources import ArraySource, Source
from jaxgan.data.specs import label_spec

LENGTH = 25_600  # images, some 26 of each mode


def stacked_digits(digits: Source, name: str, metrics: tuple[str, ...] = ()) -> ArraySource:
    """25,600 triples of random digits, drawn with replacement; "label" is the number 0 to 999 that they spell.

    What stacked MNIST is to MNIST (Metz et al. 2017, Unrolled GANs; Srivastava et al. 2017, VEEGAN). Which digits an
    image has is a function of its index alone.

    Args:
        digits: Grey digits of one size, with labels 0 to 9.
        name: What the source is called in messages.
        metrics: As in `Source`.

    Returns:
        Records of "image", uint8 (H, W, 3), and "label", int32: 100 a + 10 b + c of the channels' digits a, b and c.
        The classes are called "000" to "999".
    """
    records = digits.stack()
    chosen = (augmentation_draws(np.arange(LENGTH), seed=0)[:, :3] * len(digits)).astype(np.int64)
    image = np.stack([records["image"][index, :, :, 0] for index in chosen.T], axis=-1)
    label = records["label"][chosen] @ np.array([100, 10, 1], np.int32)
    spelt = label_spec(f"{number:03}" for number in range(1000))
    return ArraySource(name, {"image": image, "label": label}, {"label": spelt}, metrics=metrics)

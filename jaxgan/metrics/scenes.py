"""What is seen in images from scene graphs: whether what was asked for is there, and where it should be."""

import jax.numpy as jnp
import numpy as np

from jaxgan.core.scene_graph import KINDS, RELATIONS, split
from jaxgan.features.digits import digit_probabilities
from jaxgan.layers.boxes import crop
from jaxgan.metrics.digits import digit_fd

_DIGITS = len(KINDS) - 1  # the frame is the last kind
_DIGIT_SIDE, _FRAME_SIDE = 8, 14  # pixels to which they are cut out: those that they have in the data


def accuracy(images: np.ndarray, graph: np.ndarray, boxes: np.ndarray) -> dict[str, float]:
    """How much of what graphs ask for is seen in images.

    A digit is seen where the digit classifier reads it in its box, a frame where its box has ink along its sides and none
    beside them. A relation holds where both of its objects are seen and their boxes lie so: the middle of one left of (above)
    that of the other, or the one box inside the other.

    Args:
        images: float (B, H, W, 1) in [-1, 1].
        graph: float32 (B, SIZE).
        boxes: float (B, N, 4), left, top, right and bottom of each object as shares of the canvas.

    Returns:
        "relations" and "objects", the shares of those asked for that are there; "scenes", the share of scenes in which all of
        both is; and "object_fd", the Frechet distance of the digits cut out from real digits, in the classifier's features.
    """
    kinds, edges = (np.asarray(part) for part in split(graph))
    asked, kind = kinds.sum(axis=-1) > 0, kinds.argmax(axis=-1)
    pieces = _cut(images, boxes, _DIGIT_SIDE)
    probabilities = digit_probabilities(pieces).reshape(*kind.shape, _DIGITS)
    seen = asked & np.where(kind == _DIGITS, _framed(images, boxes), probabilities.argmax(axis=-1) == kind)
    holds = _holds(boxes) & (seen[:, :, None] & seen[:, None])[..., None]
    told, digits = edges > 0, (asked & (kind < _DIGITS)).ravel()
    whole = (seen | ~asked).all(axis=1) & (holds | ~told).all(axis=(1, 2, 3))
    shares = {"relations": holds[told].mean(), "objects": seen[asked].mean(), "scenes": whole.mean()}
    return {name: float(share) for name, share in shares.items()} | {"object_fd": digit_fd(pieces[digits])}


def _cut(images: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """What is in the boxes, (B N, side, side, 1)."""
    return np.asarray(crop(jnp.asarray(images), jnp.asarray(boxes), (side, side))).reshape(-1, side, side, 1)


def _framed(images: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Whether there is a frame in each box, (B, N): of its sides at least half have half of the ink, and of the ring of pixels
    within at most a fifth."""
    cut = _cut(images, boxes, _FRAME_SIDE)[..., 0].reshape(*boxes.shape[:2], _FRAME_SIDE, _FRAME_SIDE)
    ring = np.minimum(*np.indices(cut.shape[2:]))
    ring = np.minimum(ring, ring[::-1, ::-1])  # 0 along the sides, 1 beside them
    ink = cut > -0.3
    return (ink[..., ring == 0].mean(axis=-1) >= 0.5) & (ink[..., ring == 1].mean(axis=-1) <= 0.2)


def _holds(boxes: np.ndarray) -> np.ndarray:
    """Which relations hold of which boxes (B, N, 4): bool (B, N, N, relations)."""
    x, y = (boxes[..., :2] + boxes[..., 2:]).transpose(2, 0, 1)
    first, last = boxes[:, :, None], boxes[:, None]
    inside = (first[..., :2] > last[..., :2]).all(axis=-1) & (first[..., 2:] < last[..., 2:]).all(axis=-1)
    true = {"left of": x[:, :, None] < x[:, None], "above": y[:, :, None] < y[:, None], "inside": inside}
    return np.stack([true[name] for name in RELATIONS], axis=-1)

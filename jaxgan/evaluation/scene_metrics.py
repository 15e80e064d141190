"""What images from scene graphs are measured by: whether what was asked for is there, and where it should be."""

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxgan.core.scene_graph import KINDS, RELATIONS, SLOTS, split
from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.data import Source, make_source
from jaxgan.features import digits
from jaxgan.layers.boxes import crop

_DIGITS = len(KINDS) - 1  # the frame is the last kind


def scene_graphs(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """Held-out graphs, drawn, and read again: digits by the digit classifier at the boxes where the game puts them.

    "objects" is the share of digits that are read as what they should be, "relations" the share of told relations that hold of
    the boxes' middles (or, for "inside", of the boxes), and "scenes" the share of scenes in which all of both is right.
    """
    records = make_source(config.data, split="test").stack()
    graph, size = records["graph"], snapshot.compiled.batch_size
    objects, edges = (np.asarray(part) for part in split(graph))
    place = snapshot.nets_call(lambda nets, graph, noise: nets.graph_network(graph, noise)[0])
    nothing = np.zeros((size, SLOTS, int(config.game.latent_size)), np.float32)
    found = [
        np.asarray(place(np.resize(graph[start : start + size], (size, graph.shape[1])), nothing))
        for start in range(0, len(graph), size)
    ]
    boxes = np.concatenate(found)[: len(graph)]
    images = snapshot.use("sample", key, number=len(graph), graph=graph)
    right, held = _read(images, boxes, objects), _held(boxes, edges)
    is_digit, told = objects[..., :_DIGITS].sum(-1) > 0, edges.sum(-1) > 0
    whole = (right | ~is_digit).all(axis=1) & (held | ~told).all(axis=(1, 2))
    return {
        "scenes": float(whole.mean()),
        "objects": float(right[is_digit].mean()),
        "relations": float(held[told].mean()),
    }


def _read(images: np.ndarray, boxes: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """Whether the classifier reads in each box (B, N) the digit that should be there."""
    side = digits.to_16x16(jnp.zeros((1, 8, 8, 1))).shape[1] // 2
    pieces = crop(jnp.asarray(images), jnp.asarray(boxes), (side, side)).reshape(-1, side, side, 1)
    logits = digits.DigitClassifier().apply({"params": digits.digit_params()}, digits.to_16x16(pieces))[1]
    return np.asarray(logits.argmax(-1)).reshape(boxes.shape[:2]) == objects[..., :_DIGITS].argmax(-1)


def _held(boxes: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Whether each told relation (B, N, N) holds of boxes (B, N, 4)."""
    x, y = (boxes[..., 0] + boxes[..., 2]) / 2, (boxes[..., 1] + boxes[..., 3]) / 2
    first, last = boxes[:, :, None], boxes[:, None]
    inside = (first[..., :2] > last[..., :2]).all(-1) & (first[..., 2:] < last[..., 2:]).all(-1)
    true = {"left of": x[:, :, None] < x[:, None], "above": y[:, :, None] < y[:, None], "inside": inside}
    return (np.stack([true[name] for name in RELATIONS], axis=-1) & (edges > 0)).any(-1)


def needs_scenes(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must draw graphs, and the data be scenes."""
    if not {"graph", "boxes"} <= source.arrays.keys():
        return "the data are no scenes (data.name='scenes' are)"
    takes = compiled.game.abilities["sample"].takes if "sample" in compiled.game.abilities else {}
    return "" if "graph" in takes else "the game takes no scene graph"

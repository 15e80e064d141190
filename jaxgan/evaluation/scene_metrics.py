"""What a game makes of scene graphs, measured."""

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan.core.scene_graph import SLOTS
from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.data import Source, evenly, other_split
from jaxgan.metrics.scenes import accuracy


def scene_graphs(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """Held-out graphs, drawn, and read at the boxes where the game puts the objects; see `jaxgan.metrics.scenes.accuracy`."""
    test = other_split(config.data, "test", source.arrays)
    chosen = evenly(config.evaluate_samples, len(test))
    graph, size = test.stack(chosen)["graph"], snapshot.compiled.batch_size
    noise = np.zeros((size, SLOTS, config.game.latent_size), np.float32)
    place = snapshot.nets_call(lambda nets, graph, noise: nets.graph_network(graph, noise)[0])
    parts = [
        place(np.resize(graph[at : at + size], (size, graph.shape[1])), noise) for at in range(0, len(graph), size)
    ]
    boxes = np.concatenate([np.asarray(part) for part in parts])[: len(graph)]
    return accuracy(snapshot.use("sample", key, number=len(graph), scene=graph), graph, boxes)


def needs_scenes(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must draw graphs, and the data be scenes."""
    if not {"graph", "boxes", "masks"} <= source.arrays.keys():
        return "the data are no scenes (data.name='scenes' are)"
    takes = compiled.game.abilities["sample"].takes if "sample" in compiled.game.abilities else {}
    return "" if "scene" in takes else "the game takes no scene graph"

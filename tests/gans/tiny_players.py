"""Networks that fit into every system, and any system with them: for tests over all systems."""

import inspect
import math
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan import gans
from jaxgan.core import Game, Player, View
from jaxgan.core.scene_graph import encode
from jaxgan.core.text import SYMBOLS
from jaxgan.layers import Verdict

CLASSES, SIDE, BATCH = 3, 8, 4
SCENES = (((1, 2, 10), [(0, 0, 1), (1, 2, 2)]), ((None, 4, 5), [(1, 1, 2)]))  # what `encode` takes


class Writer(nn.Module):
    """Whatever it is called with -> samples of `output_shape`, or smaller ones of side `resolution`; it drops a tenth.

    By halves: `map` to w (B, 6), `synthesize` from it, or from such a style for each slot.
    """

    output_shape: tuple[int, ...] | None = None
    embedded_classes: int = 0
    condition_size: int = 0
    style_width: int = 6
    scale_factor: int = 0

    def setup(self):
        self.first, self.last, self.drop = nn.Dense(self.style_width), nn.Dense(self.output_shape[-1]), nn.Dropout(0.1)

    def __call__(self, x, *others, resolution=None, alpha=None, moments=False, levels=False):
        if not (moments or levels):
            return self.synthesize(self.map(x), resolution, alpha)
        w = self.map(x) + others[0].mean(axis=1, keepdims=True)  # of what it is told
        image = self.synthesize(w)
        w = w[:, : self.condition_size]
        return ((image[:, ::2, ::2], image) if levels else image), w, w / 2

    def map(self, x, *others):
        return self.first(x.mean(tuple(range(1, x.ndim - 1))))

    def synthesize(self, w, resolution=None, alpha=None):
        *sides, channels = self.output_shape
        sides = sides if resolution is None else [resolution] * len(sides)
        w = w.mean(1) if w.ndim == 3 else w
        w = self.drop(nn.tanh(w), deterministic=not self.has_rng("dropout"))
        patch = jnp.linspace(0.5, 1, math.prod(sides)).reshape(1, *sides, 1)
        return jnp.tanh(self.last(w)).reshape(-1, *[1] * len(sides), channels) * patch


class Reader(nn.Module):
    """Whatever it is called with -> scores (B,), with features and class logits where they are asked for."""

    projected_classes: int = 0
    embedded_classes: int = 0
    class_logits: int = 0

    @nn.compact
    def __call__(self, x, *others, features=False, resolution=None, alpha=None):
        codes = [code for code in others if getattr(code, "ndim", 0) == 2]  # BiGAN's
        x = nn.Dense(5)(jnp.concatenate([jnp.square(x + 0.3).mean(tuple(range(1, x.ndim - 1))), *codes], axis=1))
        score = nn.Dense(1)(jnp.tanh(x))[:, 0]
        if not (features or self.class_logits):
            return score
        return Verdict(score, x, nn.Dense(self.class_logits)(x) if self.class_logits else None)


class Embedder(nn.Module):
    """Images, or captions -> (B, 6), or as many numbers as its game says."""

    outputs: int = 0

    @nn.compact
    def __call__(self, x):
        return nn.Dense(self.outputs or 6)(x.reshape(len(x), -1) / 10)


class Head(nn.Module):
    """Features (B, F) -> class logits, or other outputs."""

    class_logits: int = 0
    outputs: int = 0

    @nn.compact
    def __call__(self, x):
        return nn.Dense(self.class_logits or self.outputs)(x)


class Arranger(nn.Module):
    """Graphs (B, D), noise (B, N, Z) -> boxes (B, N, 4), logits of masks (B, N, 4, 4), vectors (B, N, 6)."""

    @nn.compact
    def __call__(self, graph, noise):
        x = jnp.tanh(nn.Dense(3 * 6)(graph)).reshape(len(graph), 3, 6) + noise.mean(-1, keepdims=True)
        corner = nn.sigmoid(nn.Dense(2)(x)) / 2
        return jnp.concatenate([corner, corner + 0.5], axis=-1), nn.Dense(16)(x).reshape(-1, 3, 4, 4), x


class Encoder(nn.Module):
    """Images -> as many numbers as its game says, or codes of their halves, (B, H / 2, W / 2, 2)."""

    outputs: int = 0

    @nn.compact
    def __call__(self, x, *others):
        if self.outputs:
            return jnp.tanh(nn.Dense(self.outputs)(jnp.square(x + 0.3).mean(2).reshape(len(x), -1)))
        return jnp.tanh(nn.Dense(2)(x[:, ::2, ::2]))


def arrays(number: int = BATCH, seed: int = 0) -> dict[str, np.ndarray]:
    """A minibatch with every array that a system might want."""
    rng = np.random.default_rng(seed)
    images = {name: rng.uniform(-1, 1, (number, SIDE, SIDE, 1)) for name in ("image", "labelled_image", "a", "b")}
    images["low_resolution"] = images["image"][:, ::2, ::2]
    labels = {"label": rng.integers(0, CLASSES, number).astype(np.int32)}
    told = {"caption": rng.integers(1, SYMBOLS, (number, 2, 12)).astype(np.int32)}
    told["graph"] = np.stack([encode(*SCENES[index % len(SCENES)]) for index in range(number)])
    told["boxes"] = np.tile(np.float32([0, 0, 0.5, 0.5, 0.5, 0.25, 1, 0.75, 0.25, 0.5, 0.75, 1]), (number, 1))
    images["masks"] = rng.choice([-1.0, 1.0], (number, 4, 4, 3))
    images["c"] = rng.uniform(-1, 1, (number, SIDE, SIDE, 1))
    return {name: image.astype(np.float32) for name, image in images.items()} | labels | told


def make(system: str, view: Callable[[], View] | None = None, rate: float = 0.05, **fields) -> Game:
    """A system called as from Python, with what it cannot do without; the rest are its defaults.

    Args:
        system: Its name.
        view: Makes the view of every discriminator.
        rate: Learning rate.
        **fields: Further settings; those that the system does not have are left out.
    """
    maker = getattr(gans, system)
    parameters = inspect.signature(maker).parameters
    settings = {
        "num_classes": CLASSES,
        "num_domains": CLASSES,
        "conditional": True,
        "latent_size": 5,
        "resolution": SIDE,
        "margin": 1.0,
        "pretraining_steps": 1,
        "clustering_steps": 1,
        "clusters": CLASSES,
        "categories": CLASSES,
        "scale_factor": 2,
        "condition_size": 3,
        "reduction": 2,
        "text_steps": 1,
        "first_stage_steps": 1,
        "domains": ("A", "B", "C"),
        "content_size": 4,
        "style_size": 1,
        "chain_steps": 2,
        "sample_steps": 3,
        "kept_chains": 6,
        "object_size": 4,
    } | fields

    def player(name):
        made = {"discriminator": Reader, "classifier": Reader, "_head": Head, "_encoder": Embedder, "encoder": Encoder}
        made["graph_network"] = Arranger
        network = next((kind() for word, kind in made.items() if word in name), Writer())
        return Player(network, optax.sgd(rate), view=view() if view and "discriminator" in name else None)

    players = {}
    for name, parameter in parameters.items():
        if parameter.annotation in (Player, Player | None):
            players[name] = player(name)
        elif parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:  # several players by level
            players[name] = {level: player(name) for level in ("level_0", "level_1")}
    return maker(**players, **{name: value for name, value in settings.items() if name in parameters})

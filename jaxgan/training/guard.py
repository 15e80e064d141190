"""The collapse guard: cheap statistics of a game at each evaluation, and the name of the state that they show.

Samples are compared with reals as images of at most 8x8 pixels, which every data set has; what they look like is the metrics'
business, and not the guard's, which knows only how they are spread, and what the discriminator finds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core import State
from jaxgan.core.constraints import as_matrix, by_path, is_weight
from jaxgan.core.players import flatten
from jaxgan.core.snapshot import Snapshot
from jaxgan.data import Source, prepare
from jaxgan.metrics.neighbours import density_coverage
from jaxgan.training.plan import Plan

_NUMBER = 500  # of samples, and of reals
_SIDE = 8  # of images that are compared: the noise of single pixels would hide what they show
_ITERATIONS = 8  # of the power method, which need not be exact to see growth

HEALTHY, DROPPING, COLLAPSED, D_WON, G_WON = "healthy", "mode dropping", "collapsed", "D won", "G won"
LOST = (COLLAPSED, D_WON, G_WON)  # the states that a run seldom comes out of
SIZE = "guard/largest_singular_value"


class Guard:
    """What a run is watched by.

    Args:
        plan: The run's plan.
        source: Its training data.
    """

    def __init__(self, plan: Plan, source: Source) -> None:
        self._sizes = plan.compiled.jit(_largest_singular_value)
        self._samples = "sample" in plan.game.abilities and "image" in plan.arrays
        self._real: np.ndarray | None = None
        self._source = source

    def measure(
        self, state: State, snapshot: Snapshot, key: jax.Array, lines: Sequence[Mapping[str, Any]]
    ) -> dict[str, float]:
        """The statistics, by name, each behind "guard/".

        Args:
            state: The game.
            snapshot: The same.
            key: Of the samples.
            lines: The run's records until now.

        Returns:
            "largest_singular_value" of all weights, and "growth", how many times what it was first that is;
            "gradient", the last gradient norm of the player whose norm is least beside the greatest that it ever had, as a
            share of that; and of a game that samples
            "spread": the mean distance between samples, over that between reals; 1 is as it should be, 0 is one image;
            "duplicates": the share of samples that have another one nearer than a quarter of what is usual among reals;
            "coverage": the share of reals with a sample nearer than their fifth neighbour (Naeem et al. 2020,
            arXiv:2002.09797); as many other reals would cover almost all;
            and of a game whose discriminator can be asked "d_accuracy": how often it finds a real more real than a sample, in
            [0, 1]; 1/2 is chance.
        """
        values = {"largest_singular_value": float(self._sizes(flatten(state.players)))}
        first = next((line[SIZE] for line in lines if line.get(SIZE)), None)
        values["growth"] = values["largest_singular_value"] / first if first else 1.0
        norms: dict[str, list[float]] = {}
        for line in lines:
            for name, value in line.items():
                if name.endswith("/gradient_norm") and value is not None:
                    norms.setdefault(name, []).append(value)
        if norms:
            values["gradient"] = min(each[-1] / max(*each, 1e-30) for each in norms.values())
        if self._samples:
            values |= self._measure_samples(snapshot, key)
        return {f"guard/{name}": value for name, value in values.items()}

    def _measure_samples(self, snapshot: Snapshot, key: jax.Array) -> dict[str, float]:
        if self._real is None:
            chosen = np.random.default_rng(0).permutation(len(self._source))[:_NUMBER]
            records = prepare(self._source.stack(np.sort(chosen)))
            self._real, self._label = np.asarray(records["image"]), np.asarray(records.get("label", ()))
        labelled = len(self._label) == len(self._real) and snapshot.takes("sample", "label")
        labelled &= len(snapshot.classes("sample")) == self._source.num_classes
        labelled &= not snapshot.game.ability("sample").own_classes
        label = self._label if labelled else None
        fake = snapshot.sample(key, len(self._real), label)
        values = spreads(small(self._real), small(fake))
        told = snapshot.takes("judge", "label")
        declared = snapshot.game.abilities.get("judge")
        alone = declared is not None and set(declared.takes) <= {"images", "label"}  # no text beside them
        if alone and not (told and label is None):
            real_score, fake_score = (
                snapshot.use("judge", key, images=images, **({"label": label} if told else {}))
                for images in (self._real, fake)
            )
            values["d_accuracy"] = accuracy(real_score, fake_score)
        return values


def state_of(values: Mapping[str, Any]) -> str:
    """The name of the state that the statistics of `Guard.measure` show."""
    value = lambda name, missing: missing if values.get(f"guard/{name}") is None else values[f"guard/{name}"]  # noqa: E731
    # What a game that does not sample makes is not known: it is told by its weights and gradients alone.
    coverage, found = value("coverage", 0.0), value("d_accuracy", 0.5)
    if value("spread", 1.0) < 0.1 or value("duplicates", 0.0) > 0.5:
        return COLLAPSED
    if coverage < 0.25 and value("growth", 1.0) > 1e3:
        return COLLAPSED
    if coverage < 0.25 and value("gradient", 1.0) < 1e-6:
        return D_WON
    if "guard/coverage" not in values:
        return HEALTHY
    if coverage < 0.1 and found > 0.99:
        return D_WON
    if coverage < 0.1 and found < 0.6 and "guard/d_accuracy" in values:
        return G_WON
    return DROPPING if coverage < 0.25 or value("spread", 1.0) < 0.5 else HEALTHY


def described(values: Mapping[str, Any]) -> str:
    """The statistics in words."""
    named = {name.removeprefix("guard/"): value for name, value in values.items() if name.startswith("guard/")}
    return ", ".join(f"{name} {value:.3g}" for name, value in named.items() if value is not None)


def spreads(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """ "spread", "duplicates" and "coverage" of vectors, as many of each; see `Guard.measure`."""
    usual, drawn = (_distances(vectors) for vectors in (real, fake))
    near = np.sort(drawn, axis=1)[:, 1] < np.median(np.sort(usual, axis=1)[:, 1]) / 4
    spread = float(drawn.mean() / max(usual.mean(), 1e-12))
    return {"spread": spread, "duplicates": float(near.mean()), "coverage": density_coverage(real, fake)[1]}


def accuracy(real: np.ndarray, fake: np.ndarray) -> float:
    """How often one of the scores of reals is above one of those of fakes, ties by halves: float in [0, 1]."""
    above = (real[:, None] > fake[None, :]).mean() + 0.5 * (real[:, None] == fake[None, :]).mean()
    return float(above)


def small(images: np.ndarray) -> np.ndarray:
    """Images (N, H, W, C) as vectors of the means of at most 8x8 patches; vectors (N, D) as they are."""
    for axis in (1, 2) if images.ndim == 4 else ():
        edges = np.linspace(0, images.shape[axis], min(_SIDE, images.shape[axis]) + 1).astype(int)
        shape = [1] * images.ndim
        shape[axis] = -1
        images = np.add.reduceat(images, edges[:-1], axis) / np.diff(edges).reshape(shape)
    return images.reshape(len(images), -1).astype(np.float32)


def _distances(vectors: np.ndarray) -> np.ndarray:
    vectors = vectors.astype(np.float64) - vectors.mean(axis=0)
    squares = (vectors**2).sum(axis=1)
    return np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * vectors @ vectors.T, 0.0))


def _largest_singular_value(players: Mapping[str, object]) -> jax.Array:
    """The largest of all weights, a little less where the power method is not done."""
    leaves = [by_path(player.params) for player in players.values()]  # type: ignore[attr-defined]
    matrices = [as_matrix(leaf) for params in leaves for path, leaf in params.items() if is_weight(path)]
    if not matrices:
        return jnp.float32(0)

    def iterate(_: jax.Array, vectors: list[jax.Array]) -> list[jax.Array]:
        turned = [matrix.T @ (matrix @ vector) for matrix, vector in zip(matrices, vectors, strict=True)]
        return [vector / jnp.maximum(jnp.linalg.norm(vector), 1e-30) for vector in turned]

    first = [jnp.full(matrix.shape[1], matrix.shape[1] ** -0.5, matrix.dtype) for matrix in matrices]
    # A loop of the program, not of Python: written out, the iterations take as long to compile as a step of training.
    vectors = jax.lax.fori_loop(0, _ITERATIONS, iterate, first)
    found = [jnp.linalg.norm(matrix @ vector) for matrix, vector in zip(matrices, vectors, strict=True)]
    return jnp.stack(found).max()

"""LSGAN's scores are linear: a fake beyond the data is pulled back, where the cross-entropy lets it be."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
from matplotlib.figure import Figure

from benchmarks.gallery.divergences import Gaussian
from benchmarks.gallery.lesson import Lesson, finish, panels
from jaxgan.losses import Objective, make_objective

DATA, FAKES = Gaussian(2.0, 0.3), Gaussian(-1.0, 0.3)
OBJECTIVES = {"least squares": "least_squares", "cross-entropy": "non_saturating"}
COLOURS = ("C0", "C3")
DECAY = 1e-2  # of the line's coefficients: the two kinds can be told apart, and the cross-entropy would never stop
SAMPLES = 4000


def score(line: jax.Array, x: jax.Array) -> jax.Array:
    """An affine discriminator, (2,), at each x."""
    return line[0] + line[1] * x


def best_line(objective: Objective) -> np.ndarray:
    """The affine discriminator with the least loss on the data and the fakes, (2,)."""
    noise = np.random.default_rng(0).standard_normal(SAMPLES).astype(np.float32)
    real, fake = (jnp.asarray(each.mean + each.deviation * noise) for each in (DATA, FAKES))

    @jax.jit
    @jax.value_and_grad
    def cost(line: jax.Array) -> jax.Array:
        return objective.discriminator(score(line, real), score(line, fake)) + DECAY * jnp.square(line).sum()

    return scipy.optimize.minimize(cost, np.zeros(2, np.float32), jac=True).x.astype(np.float32)


def pull(objective: Objective, line: np.ndarray, x: np.ndarray) -> np.ndarray:
    """- dL_G / dx of a fake at each x."""
    loss = lambda x: objective.generator(score(line, x)[None])  # noqa: E731
    return -np.asarray(jax.vmap(jax.grad(loss))(jnp.asarray(x, jnp.float32)))


def draw() -> tuple[Figure, str]:
    """The lesson's picture and its paragraph."""
    x = np.linspace(-3.0, 8.0, 441)
    figure, (left, middle, right) = panels(3)
    scores = np.linspace(-6, 6, 200)
    rest = {}
    for (label, name), colour in zip(OBJECTIVES.items(), COLOURS, strict=True):
        objective = make_objective(name)
        line = best_line(objective)
        slope = functools.partial(pull, objective, np.array([0.0, 1.0], np.float32))
        left.plot(scores, slope(scores), colour, label=label)
        pulls = pull(objective, line, x)
        middle.plot(x, score(line, x), colour, label=label)
        right.plot(x, pulls, colour, label=label)
        rest[label] = line, pulls
    finish(left, "What the loss passes on", "score C(g) of a fake", "- dL_G / d C(g)", "upper right")
    for axes in (middle, right):
        for each, colour in ((DATA, "0.8"), (FAKES, "#f4c7c3")):
            axes.axvspan(each.mean - 2 * each.deviation, each.mean + 2 * each.deviation, color=colour, zorder=0)
        axes.axhline(0, color="0.5", linewidth=0.6)
    finish(middle, "The best straight discriminator", "x (grey: data, pink: fakes)", "C(x)", "upper left")
    right.set_ylim(-3, 2.5)
    finish(right, "The pull on a fake at x", "x", "- dL_G / dx", "lower left")
    (line, _), (_, pulls) = rest["least squares"], rest["cross-entropy"]
    stands = (1 - line[0]) / line[1]
    far = pulls[np.searchsorted(x, 5.0)] / pulls[np.searchsorted(x, -1.0)]
    text = (
        f"One straight line of scores for data N({DATA.mean:g}, {DATA.deviation}^2) and fakes N({FAKES.mean:g}, "
        f"{FAKES.deviation}^2), the best by either loss. By least squares, whose scores no sigmoid squashes, the line passes "
        f"through 1 at x = {stands:.2f}: a fake there feels nothing, on its left it is pulled right, and on its right back, "
        "the more, the farther it went. By the cross-entropy a fake is good enough wherever D calls it real: at x = 5, three "
        f"beyond the data, the pull still points away from them, with {far:.0e} of its strength at x = -1."
    )
    return figure, text


LESSON = Lesson(
    "Least squares: linear scores pull from both sides",
    "[Mao et al. 2016](https://arxiv.org/abs/1611.04076), section 3.2 and figure 1",
    draw,
)

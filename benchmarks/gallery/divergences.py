"""Forward against reverse KL: the Gaussian that covers two modes, and the one that seeks one of them."""

import math
from typing import NamedTuple

import jax
import numpy as np
import scipy.optimize
from matplotlib.figure import Figure

from benchmarks.gallery.lesson import Lesson, finish, first_states, from_config, panels, play
from configs import fgan as config
from jaxgan.core import State
from jaxgan.data import make_source
from jaxgan.data.toy import ToyDensity

TITLES = {"kl": "KL(data || model)", "reverse_kl": "KL(model || data)"}
COLOURS = {"kl": "C0", "reverse_kl": "C3"}
EVERY, SEEDS = 100, 3


class Gaussian(NamedTuple):
    """A normal density on the line."""

    mean: float
    deviation: float

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """At each x."""
        scale = math.log(self.deviation * math.sqrt(2 * math.pi))
        return -0.5 * np.square((x - self.mean) / self.deviation) - scale


def log_mixture(x: np.ndarray, centres: np.ndarray, deviation: float) -> np.ndarray:
    """The log-density of a mixture of equal Gaussians at each x."""
    parts = [Gaussian(centre, deviation).log_density(x) for centre in centres]
    return np.logaddexp.reduce(parts, axis=0) - math.log(len(parts))


def divergence(name: str, centres: np.ndarray, deviation: float, model: Gaussian) -> float:
    """ "kl" or "reverse_kl" between a mixture and a Gaussian, by quadrature."""
    reach = 10 * max(deviation, model.deviation)
    ends = min(centres.min(), model.mean) - reach, max(centres.max(), model.mean) + reach
    x, width = np.linspace(*ends, 20_001, retstep=True)
    log_p, log_q = log_mixture(x, centres, deviation), model.log_density(x)
    if name == "kl":
        return float(np.sum(np.exp(log_p) * (log_p - log_q)) * width)
    return float(np.sum(np.exp(log_q) * (log_q - log_p)) * width)


def best_gaussian(name: str, centres: np.ndarray, deviation: float) -> Gaussian:
    """The Gaussian at the smallest divergence from the mixture: the best of descents from every mode and the middle."""

    def cost(parameters: np.ndarray) -> float:
        return divergence(name, centres, deviation, Gaussian(parameters[0], math.exp(parameters[1])))

    options = {"xatol": 1e-6, "fatol": 1e-10}
    starts = [(mean, math.log(deviation)) for mean in (*centres, centres.mean())]
    ends = [scipy.optimize.minimize(cost, start, method="Nelder-Mead", options=options) for start in starts]
    # Of equals, such as the modes by the reverse KL, the first.
    mean, log_deviation = min(ends, key=lambda end: round(end.fun, 6)).x
    return Gaussian(float(mean), math.exp(log_deviation))


def learned(variant: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What f-GAN's affine generator becomes in a run of configs/fgan.py, by seed.

    Returns:
        The steps (M,), and its mean and its deviation after them, (SEEDS, M).
    """
    plain = config.get_config(variant)
    game, data = from_config(plain)

    def watch(state: State) -> dict[str, jax.Array]:
        average = state.players["generator"].average
        assert average is not None
        return average["output"]

    run = play(game, plain.steps, watch, every=EVERY, batch_size=plain.batch_size)
    seen = jax.jit(jax.vmap(run, in_axes=(0, None)))(first_states(game, data, SEEDS), data)[1]
    # x = kernel z + bias with z ~ N(0, 1)
    return np.arange(EVERY, plain.steps + 1, EVERY), seen["bias"][..., 0], np.abs(seen["kernel"][..., 0, 0])


def draw() -> tuple[Figure, str]:
    """The lesson's picture and its paragraph."""
    source = make_source(config.get_config("kl").data)
    assert isinstance(source, ToyDensity)
    centres, deviation = source.centres[:, 0], source.standard_deviation
    x = np.linspace(centres.min() - 10 * deviation, centres.max() + 10 * deviation, 400)
    figure, (left, middle, right) = panels(3)
    left.fill_between(x, np.exp(log_mixture(x, centres, deviation)), color="0.8", label="data")
    said = []
    for name, colour in COLOURS.items():
        best = best_gaussian(name, centres, deviation)
        steps, means, deviations = learned(name)
        ends = [Gaussian(*end) for end in zip(means[:, -1], deviations[:, -1], strict=True)]
        left.plot(
            x, np.exp(best.log_density(x)), f"{colour}--", linewidth=1.2, zorder=3, label=f"nearest by {TITLES[name]}"
        )
        for seed, end in enumerate(ends):
            left.plot(
                x,
                np.exp(end.log_density(x)),
                colour,
                linewidth=3,
                alpha=0.3,
                label=None if seed else f"f-GAN, {SEEDS} seeds",
            )
        for axes, values, target in ((middle, means, best.mean), (right, deviations, best.deviation)):
            axes.plot(steps, values.T, colour, linewidth=1)
            axes.axhline(target, color=colour, linestyle="--", linewidth=1)
        reached = ", ".join(f"N({end.mean:.2f}, {end.deviation:.2f}^2)" for end in ends)
        cost = divergence(name, centres, deviation, best)
        costs = ", ".join(f"{divergence(name, centres, deviation, end):.3f}" for end in ends)
        said.append(
            f"By {TITLES[name]} the nearest Gaussian is N({best.mean:.2f}, {best.deviation:.2f}^2), at {cost:.3f} "
            f"nats; f-GAN reached {reached} ({costs} nats)."
        )
    left.set_ylim(0, 2 * left.get_ylim()[1])  # room for the legend
    finish(left, "Densities", "x", "density", "upper left")
    finish(middle, "The model's mean", "steps", "", None)
    finish(right, "The model's deviation", "steps", "", None)
    modes = " and ".join(f"{centre:g}" for centre in centres)
    text = (
        f"The data have two modes, at {modes}, of deviation {deviation:g}; the generator is affine, so that its "
        f"density is normal, and starts near 0; it plays {steps[-1]} steps. " + " ".join(said)
    )
    return figure, text


LESSON = Lesson(
    "Covering and seeking: forward and reverse KL",
    "[Nowozin, Cseke and Tomioka 2016](https://arxiv.org/abs/1606.00709), section 2.5",
    draw,
)

"""R1 against quality: too little leaves the discriminator steep, too much makes it too flat to say anything."""

from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure

from benchmarks.gallery.lesson import Lesson, finish, first_states, from_config, panels, play
from configs import gan as config
from jaxgan import metrics
from jaxgan.config import named
from jaxgan.core import State
from jaxgan.losses.penalties import gradient_norms

WEIGHTS = (0.0, 0.01, 0.1, 1.0, 10.0, 100.0)
HIDDEN, RATE, BATCH = (256, 256), 5e-4, 64
STEPS, EVERY, SEEDS, SAMPLES = 1000, 250, 3, 1000


class Runs(NamedTuple):
    """What games with one weight became.

    Attributes:
        digit_fd: After every EVERY steps, (SEEDS, STEPS / EVERY).
        slopes: Mean norm of the discriminator's gradient on the digits, in the end, (SEEDS,).
    """

    digit_fd: np.ndarray
    slopes: np.ndarray


def train(weight: float, steps: int = STEPS, seeds: int = SEEDS) -> Runs:
    """Plays the game of configs/gan.py with small plain networks on 16x16 digits, and R1 of that weight; 0: without it."""
    plain = config.get_config("")
    plain.game.terms = (named("r1", weight=weight),) if weight else ()
    plain.players.generator.network = named("MLPGenerator", hidden=HIDDEN)
    plain.players.discriminator.network = named("MLPDiscriminator", hidden=HIDDEN)
    for player in plain.players.values():
        player.optimizer.learning_rate = RATE
    game, data = from_config(plain)

    def watch(state: State) -> tuple[jax.Array, jax.Array]:
        slopes = gradient_norms(game.nets(state).discriminator, data[:SAMPLES])
        return game.sample(state, jax.random.key(1), SAMPLES), slopes.mean()

    run = play(game, steps, watch, every=EVERY, batch_size=BATCH)
    samples, slopes = jax.jit(jax.vmap(run, in_axes=(0, None)))(first_states(game, data, seeds), data)[1]
    distances = [[metrics.digit_fd(np.asarray(moment)) for moment in one] for one in samples]
    return Runs(np.array(distances), np.asarray(slopes[:, -1]))


def draw() -> tuple[Figure, str]:
    """The lesson's picture and its paragraph."""
    runs = {weight: train(weight) for weight in WEIGHTS}
    places = np.arange(len(WEIGHTS))
    figure, (left, middle, right) = panels(3)
    ends = np.array([each.digit_fd[:, -1] for each in runs.values()])
    left.plot(places, np.median(ends, axis=1), "C0", label="median")
    left.plot(places, ends, "C0o", markersize=4)
    left.set_yscale("log")
    for place, (weight, each) in zip(places, runs.items(), strict=True):
        steps, colour = EVERY * (1 + np.arange(each.digit_fd.shape[1])), f"C{place}"
        middle.plot(steps, np.median(each.digit_fd, axis=0), colour, label=f"{weight:g}")
    middle.set_yscale("log")
    slopes = np.array([each.slopes for each in runs.values()])
    right.plot(places, np.median(slopes, axis=1), "C3", label="median")
    right.plot(places, slopes, "C3o", markersize=4)
    right.set_yscale("log")
    for axes in (left, right):
        axes.set_xticks(places, labels=[f"{weight:g}" for weight in WEIGHTS])
    finish(left, f"After {STEPS} steps, {SEEDS} seeds", "weight of R1 (gamma)", "digit-FD", "upper left")
    finish(middle, "On the way, by weight", "steps", "digit-FD, median", "upper right")
    finish(right, "The discriminator on digits", "weight of R1 (gamma)", "mean |grad C|", "lower left")
    table = "\n".join(
        f"| {weight:g} | {', '.join(f'{value:.1f}' for value in each.digit_fd[:, -1])} | {np.median(each.slopes):.2g} |"
        for weight, each in runs.items()
    )
    best = WEIGHTS[int(np.median(ends, axis=1).argmin())]
    text = (
        f"The same small game of 16x16 digits, {STEPS} steps of {BATCH}, with R1 of six weights and {SEEDS} seeds. The best is "
        f"{best:g} here. With less the discriminator is steep on the data, where the game has its equilibrium and a flat one "
        "belongs; with more it is too flat to tell the generator anything in time. The optimum moves with the number of "
        "pixels, the data and the networks, so that it is to be tried anew.\n\n"
        "| weight | digit-FD, by seed | mean gradient on the digits |\n|---|---|---|\n" + table
    )
    return figure, text


LESSON = Lesson(
    "R1 against quality",
    "[Mescheder et al. 2018](https://arxiv.org/abs/1801.04406), section 4.1",
    draw,
)

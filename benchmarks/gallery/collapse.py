"""Collapse detected: a GAN that drops half of the modes, the one that does not, and the numbers that tell them apart."""

import jax
import numpy as np
from matplotlib.figure import Figure
from ml_collections import ConfigDict

from benchmarks.gallery.lesson import Lesson, finish, first_states, from_config, panels, play
from configs import gan as config
from jaxgan.config import named
from jaxgan.core import State
from jaxgan.data import toy
from jaxgan.metrics import ModeCoverage, mode_coverage

GAMES: dict[str, tuple[ConfigDict, ...]] = {
    "no penalty": (),
    "R1 and R2": (named("r1", weight=0.1), named("r2", weight=0.1)),
}
LATENT, HIDDEN, BATCH = 64, (64, 64), 128
STEPS, EVERY, SEEDS, SAMPLES = 2400, 80, 3, 2500
MOMENTS = (240, 800, 2400)


def samples_over_time(terms: tuple[ConfigDict, ...]) -> np.ndarray:
    """What a game on the ring of configs/gan.py makes of the same noise, (SEEDS, STEPS / EVERY, SAMPLES, 2).

    Tanh networks, the generator's on a latent of many components, which drops modes where two components do not; rates fall
    from half-way on.
    """
    plain = config.get_config("ring8")
    plain.game = {"latent_size": LATENT, "terms": terms}
    plain.steps = STEPS
    for player in plain.players.values():
        player.network.hidden, player.network.activation = HIDDEN, "tanh"
    # The present generator, not an average of what it was.
    plain.players.generator.average = None
    game, data = from_config(plain)

    def watch(state: State) -> jax.Array:
        return game.sample(state, jax.random.key(1), SAMPLES)

    run = play(game, STEPS, watch, every=EVERY, batch_size=BATCH)
    return np.asarray(jax.jit(jax.vmap(run, in_axes=(0, None)))(first_states(game, data, SEEDS), data)[1])


def draw() -> tuple[Figure, str]:
    """The lesson's picture and its paragraph."""
    source = toy.ring8("train", config.get_config("ring8").data.scale)
    figure, rows = panels(4, 2, height=4.8)
    steps = np.arange(EVERY, STEPS + 1, EVERY)
    said = []
    for (*scatters, curves), (title, terms) in zip(rows, GAMES.items(), strict=True):
        samples = samples_over_time(terms)
        for axes, moment in zip(scatters, MOMENTS, strict=True):
            axes.scatter(*source.centres.T, s=90, facecolors="none", edgecolors="0.5")
            axes.scatter(*samples[0, moment // EVERY - 1].T, s=2, color="C3", linewidths=0)
            axes.set_xlim(-2.2, 2.2)
            axes.set_ylim(-2.2, 2.2)
            axes.set_aspect("equal")
            finish(axes, f"step {moment}", "", "", None)
        scatters[0].set_ylabel(title, fontsize=11, fontweight="bold")
        coverage = [
            [mode_coverage(points, source.centres, source.standard_deviation) for points in run] for run in samples
        ]
        for index, run in enumerate(coverage):
            labels = (None, None) if index else ("covered", "effective")
            curves.plot(steps, [moment.modes for moment in run], "C0", linewidth=1, label=labels[0])
            curves.plot(steps, [moment.effective_modes for moment in run], "C3", linewidth=1, label=labels[1])
        curves.set_ylim(0, 8.4)
        finish(curves, f"modes of 8, {SEEDS} seeds", "steps", "", "lower right")
        said.append(f"- {title}: " + _sentence([run[-1] for run in coverage]))
    text = (
        f"The same non-saturating game on eight Gaussians, with the same tanh networks and a latent of {LATENT} "
        f"components, without and with zero-centred gradient penalties on reals and fakes. {SAMPLES} samples after "
        f"{STEPS} steps, from "
        f"{SEEDS} seeds:\n\n" + "\n".join(said) + "\n\nThe share of samples within three deviations of a mode does not "
        "show it; the number of modes covered does, and the effective number (of equal modes with the same entropy) "
        "says how evenly. `modes` and `modes_effective` are among the metrics of every run on a toy density."
    )
    return figure, text


def _sentence(ends: list[ModeCoverage]) -> str:
    covered = ", ".join(str(end.modes) for end in ends)
    effective = ", ".join(f"{end.effective_modes:.1f}" for end in ends)
    quality = ", ".join(f"{end.high_quality:.2f}" for end in ends)
    return f"modes covered {covered}; effective {effective}; of high quality {quality}."


LESSON = Lesson(
    "Collapse, and what reports it",
    "[Metz et al. 2016](https://arxiv.org/abs/1611.02163), whose toy it is; the measures of [Srivastava et al. "
    "2017](https://arxiv.org/abs/1705.07761) and [Lin et al. 2017](https://arxiv.org/abs/1712.04086); the penalties of "
    "[Mescheder et al. 2018](https://arxiv.org/abs/1801.04406)",
    draw,
)

"""The saturating gradient: what a generator learns from a discriminator that has already won."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from benchmarks.gallery.lesson import Lesson, finish, first_states, from_config, panels, play
from configs import gan as config
from jaxgan.config import named
from jaxgan.core import Due, State
from jaxgan.losses import OBJECTIVES

COLOURS = {"minimax": "C3", "non_saturating": "C0"}
HIDDEN = (128, 128)  # of the discriminator
STEPS, EVERY, SEEDS, BATCH = 1000, 20, 3, 100


def logit_gradient(objective: str, logits: np.ndarray) -> np.ndarray:
    """d L_G / d C(g) at each of the logits, by automatic differentiation."""
    loss = OBJECTIVES[objective]().generator
    return np.asarray(jax.vmap(jax.grad(loss))(jnp.asarray(logits, jnp.float32)))


def gradients_under_training(variant: str, steps: int = STEPS, seeds: int = SEEDS) -> dict[str, np.ndarray]:
    """A discriminator learns, in a game of configs/gan.py, against a generator that never moves.

    Args:
        variant: Of the config.
        steps: Discriminator turns.
        seeds: Networks.

    Returns:
        For each objective, the norm of the generator's gradient, and under "d_fake" the mean of D(g), all (seeds,
        1 + steps / EVERY). The objectives share the discriminator's loss, and so the discriminator.
    """
    games = {}
    for objective in COLOURS:
        plain = config.get_config(variant)
        plain.players.discriminator.network = named("MLPDiscriminator", hidden=HIDDEN)
        plain.game.objective = objective
        games[objective], data = from_config(plain)

    def watch(state: State) -> dict[str, jax.Array]:
        # The engine reports a turn's gradient; the state after this turn is thrown away.
        turn = lambda game: game.step(state, {"image": data[:256]}, Due(0, ("generator",)))[1]  # noqa: E731
        seen = {objective: turn(game) for objective, game in games.items()}
        norms = {objective: metrics["generator/gradient_norm"] for objective, metrics in seen.items()}
        return norms | {"d_fake": seen["minimax"]["generator/d_fake"]}

    first = first_states(games["minimax"], data, seeds)
    run = play(games["minimax"], steps, watch, turns=("discriminator",), every=EVERY, batch_size=BATCH)
    before = jax.jit(jax.vmap(watch))(first)
    after = jax.jit(jax.vmap(run, in_axes=(0, None)))(first, data)[1]
    return {name: np.concatenate([before[name][:, None], after[name]], axis=1) for name in before}


def draw() -> tuple[Figure, str]:
    """The lesson's picture and its paragraph."""
    figure, (left, *others) = panels(3)
    logits = np.linspace(-8, 8, 200)
    for objective, colour in COLOURS.items():
        gradient = np.abs(logit_gradient(objective, logits))
        left.plot(logits, gradient, color=colour, label=objective.replace("_", "-"))
    finish(left, "What the loss passes on", "logit C(g) of a fake", "|d L_G / d C(g)|")
    fell, d_fake = {}, {}
    titles = {"": "Digits: supports apart", "ring8": "Ring of Gaussians: supports overlap"}
    for axes, (variant, title) in zip(others, titles.items(), strict=True):
        seen = gradients_under_training(variant)
        for objective, colour in COLOURS.items():
            curves = axes.plot(
                EVERY * np.arange(seen[objective].shape[1]), seen[objective].T, color=colour, linewidth=1
            )
            curves[0].set_label(objective.replace("_", "-"))
            fell[variant, objective] = np.median(seen[objective][:, -1] / seen[objective][:, 0])
        d_fake[variant] = np.median(seen["d_fake"][:, -1])
        axes.set_yscale("log")
        finish(axes, title, "discriminator steps", "norm of the generator's gradient")
    text = (
        f"The generator is untrained and stays so; only the discriminator learns, {STEPS} steps, from {SEEDS} seeds. "
        f"On digits (16x16), where no fake looks like any real, mean D(g) falls to {d_fake['']:.1e} and the minimax "
        f"generator's gradient to {fell['', 'minimax']:.1e} of what it was before, while the non-saturating one's "
        f"becomes {fell['', 'non_saturating']:.1f} times as large. The discriminator is the same in both. It takes "
        "supports that are apart, the premise of the theorem: on the ring of eight Gaussians the untrained fakes lie "
        f"across the data, D(g) stops at {d_fake['ring8']:.1e}, and the factors are {fell['ring8', 'minimax']:.2g} "
        f"and {fell['ring8', 'non_saturating']:.2g}."
    )
    return figure, text


LESSON = Lesson(
    "The saturating gradient",
    "[Goodfellow et al. 2014](https://arxiv.org/abs/1406.2661), section 3; "
    "[Arjovsky and Bottou 2017](https://arxiv.org/abs/1701.04862), section 2 and figures 2 and 3",
    draw,
)

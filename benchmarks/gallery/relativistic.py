"""The relativistic discriminator: what becomes of the reals while the generator gets better and nobody else moves."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from benchmarks.gallery.lesson import Lesson, finish, from_config, panels, play
from configs import gan as config
from jaxgan.config import named
from jaxgan.core import State
from jaxgan.losses import Objective, make_objective

OBJECTIVES: dict[str, str | Mapping[str, Any]] = {
    "standard": "non_saturating",
    "relativistic": {"name": "relativistic", "form": "pairing", "loss": "standard"},
}
DISCRIMINATOR_TURNS, GENERATOR_TURNS, EVERY = 200, 150, 3


def probabilities(name: str, real: jax.Array, fake: jax.Array) -> dict[str, jax.Array]:
    """The means over pairs of what an objective takes for the probability that a real, and a fake, is real."""
    if name == "standard":
        return {"real": jax.nn.sigmoid(real).mean(), "fake": jax.nn.sigmoid(fake).mean()}
    # D(x, g) = sigmoid(C(x) - C(g)): x is more realistic than g (Jolicoeur-Martineau 2018, section 4.1).
    return {"real": jax.nn.sigmoid(real - fake).mean(), "fake": jax.nn.sigmoid(fake - real).mean()}


def share_of_reals(objective: Objective, real: jax.Array, fake: jax.Array) -> jax.Array:
    """Of the pull that L_D has on all logits, sum |d L_D / d C|, the share that is on reals; float32 () in [0, 1]."""
    of_reals, of_fakes = (jnp.abs(pull).sum() for pull in jax.grad(objective.discriminator, argnums=(0, 1))(real, fake))
    return of_reals / (of_reals + of_fakes)


def generator_turns() -> dict[str, dict[str, np.ndarray]]:
    """The generator alone plays on, from one state, by either objective.

    The state is that of a game on digits after the discriminator has learned against the untrained generator.

    Returns:
        For each objective, before the first turn and after every EVERY: `probabilities`, the mean logit of "C(real)" and of
        "C(fake)", and the "share" of reals.
    """
    games = {}
    for name, objective in OBJECTIVES.items():
        plain = config.get_config("")
        plain.players.discriminator.network = named("MLPDiscriminator")
        plain.game.objective = objective
        games[name], data = from_config(plain)
    learn = play(
        games["standard"], DISCRIMINATOR_TURNS, lambda state: (), turns=("discriminator",), every=DISCRIMINATOR_TURNS
    )
    state, _ = jax.jit(learn)(games["standard"].init(jax.random.key(0), {"image": data}), data)
    seen = {}
    for name, game in games.items():

        def watch(state: State, name: str = name) -> dict[str, jax.Array]:
            nets = games[name].nets(state, average=False)
            real, fake = data[:1000], games[name].sample(state, jax.random.key(1), 1000, average=False)
            logits = nets.discriminator(real), nets.discriminator(fake)
            means = {"C(real)": logits[0].mean(), "C(fake)": logits[1].mean()}
            share = share_of_reals(make_objective(OBJECTIVES[name]), *logits)
            return probabilities(name, *logits) | means | {"share": share}

        run = play(game, GENERATOR_TURNS, watch, turns=("generator",), every=EVERY)
        before, after = jax.jit(watch)(state), jax.jit(run)(state, data)[1]
        seen[name] = {key: np.append(before[key], after[key]) for key in before}
    return seen


def draw() -> tuple[Figure, str]:
    """The lesson's picture and its paragraph."""
    seen = generator_turns()
    turns = EVERY * np.arange(GENERATOR_TURNS // EVERY + 1)
    figure, (left, middle, right) = panels(3)
    labels = {
        "standard": ("D(x) = sigmoid(C(x)), reals", "D(g) = sigmoid(C(g)), fakes"),
        "relativistic": ("sigmoid(C(x) - C(g)), reals", "sigmoid(C(g) - C(x)), fakes"),
    }
    for axes, (name, (real, fake)) in zip((left, middle), labels.items(), strict=True):
        axes.plot(turns, seen[name]["real"], "k", label=real)
        axes.plot(turns, seen[name]["fake"], "C3", label=fake)
        axes.axhline(0.5, color="0.5", linestyle=":", linewidth=1)
        axes.set_ylim(-0.05, 1.05)
        finish(axes, f"{name.capitalize()} GAN", "generator turns", "mean probability of being real", "center right")
    for name, colour in (("standard", "C0"), ("relativistic", "C1")):
        right.plot(turns, seen[name]["share"], colour, label=name)
    right.set_ylim(-0.02, 0.6)
    finish(
        right, "What the discriminator would hear", "generator turns", "share of reals in |d L_D / d C|", "center right"
    )
    standard, pairs = seen["standard"], seen["relativistic"]
    text = (
        f"A discriminator of digits learns {DISCRIMINATOR_TURNS} steps against the untrained generator; then, from "
        "this one state, only the generator plays, once by the standard (non-saturating) loss and once by the "
        "relativistic one in pairs. As the discriminator stands still, so does its C(real), "
        f"{standard['C(real)'][0]:.2f} before and {pairs['C(real)'][-1]:.2f} after in both games: what the paper "
        f"says is of probabilities. In the standard game D(real) is {standard['real'][0]:.4f} before and "
        f"{standard['real'][-1]:.4f} after, while D(fake) goes from {standard['fake'][0]:.4f} to "
        f"{standard['fake'][-1]:.4f}, so that both would be real. In the relativistic game the two sum to 1 by "
        f"construction, and D(real) falls from {pairs['real'][0]:.4f} to {pairs['real'][-1]:.4f}. What this changes "
        f"is the gradient: of all that L_D asks of the logits, reals have a share of {standard['share'][0]:.2f} at "
        f"first and {standard['share'][-1]:.0e} at last in the standard game, where the discriminator would learn "
        f"from fakes alone, and {pairs['share'][0]:.2f} and {pairs['share'][-1]:.2f} in the relativistic one."
    )
    return figure, text


LESSON = Lesson(
    "Reals become less real as fakes become more so",
    "[Jolicoeur-Martineau 2018](https://arxiv.org/abs/1807.00734), section 3 and figure 1",
    draw,
)

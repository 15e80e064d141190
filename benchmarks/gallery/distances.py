"""Jensen-Shannon stuck at log 2 while the Wasserstein distance falls: two narrow Gaussians at a distance."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

from benchmarks.gallery.lesson import Lesson, finish, panels, play
from jaxgan import gans
from jaxgan.core import Player, State, schedules
from jaxgan.networks import MLPDiscriminator, MLPGenerator
from jaxgan.parts import terms

DEVIATION, WEIGHT = 0.25, 10.0
THETAS = np.linspace(0.0, 3.0, 13)
STEPS, HELD_OUT = 1500, 20_000


class Distances(NamedTuple):
    """Between N(0, DEVIATION^2) and N(theta, DEVIATION^2)."""

    jensen_shannon: float
    kl: float
    total_variation: float
    wasserstein: float


def exact(theta: float) -> Distances:
    """All but the last by quadrature; W1 of two densities that are shifted copies is the shift."""
    x, width = np.linspace(-8 * DEVIATION, theta + 8 * DEVIATION, 20_001, retstep=True)
    log_p, log_q = (
        -0.5 * ((x - mean) / DEVIATION) ** 2 - math.log(DEVIATION * math.sqrt(2 * math.pi)) for mean in (0.0, theta)
    )
    p, q = np.exp(log_p), np.exp(log_q)
    log_middle = np.logaddexp(log_p, log_q) - math.log(2)
    # JS = 1/2 KL(p || m) + 1/2 KL(q || m), m = (p + q) / 2
    shannon = 0.5 * np.sum(p * (log_p - log_middle) + q * (log_q - log_middle)) * width
    return Distances(shannon, np.sum(p * (log_p - log_q)) * width, 0.5 * np.sum(np.abs(p - q)) * width, abs(theta))


def estimates(objective: str, penalty: bool, thetas: np.ndarray, steps: int = STEPS) -> dict[str, np.ndarray]:
    """What discriminators that are trained to the end measure, on samples that they have not seen.

    Args:
        objective: Name of the objective.
        penalty: Whether the discriminator has the gradient penalty, one-sided.
        thetas: (T,); a generator z -> DEVIATION z + theta stands still at each.
        steps: Discriminator turns.

    Returns:
        (T,) each: the discriminator's "loss" with the penalty, its mean scores "d_real" and "d_fake" and the "pull", how
        far one step of gradient descent of rate 1 moves theta towards the data.
    """
    game = gans.gan(
        Player(MLPGenerator((1,), hidden=(), output="linear"), optax.sgd(1.0)),
        Player(MLPDiscriminator((64, 64)), optax.adam(1e-3, b1=0.5, b2=0.9), schedule=schedules.linear_decay(steps)),
        latent_size=1,
        objective=objective,
        # One-sided: on a line the two-sided penalty cannot turn a slope of -1 round, and some critics stay folded.
        terms=(terms.gradient_penalty(WEIGHT, one_sided=True),) if penalty else (),
    )
    noise = np.random.default_rng(0).standard_normal((100_000 + HELD_OUT, 1)).astype(np.float32)
    data, unseen = jnp.asarray(DEVIATION * noise[:-HELD_OUT]), jnp.asarray(DEVIATION * noise[-HELD_OUT:])
    first = game.init(jax.random.key(0), {"image": data})

    def at(state: State, theta: jax.Array) -> State:
        """The state with a generator z -> DEVIATION z + theta."""
        params = {"output": {"kernel": jnp.full((1, 1), DEVIATION), "bias": theta[None]}}
        generator = state.players["generator"].replace(params=params)
        return state.replace(players=state.players | {"generator": generator})

    def measure(theta: jax.Array) -> dict[str, jax.Array]:
        run = play(game, steps, lambda state: (), turns=("discriminator",), every=steps)
        # The schedule has come to rest, so that only the generator moves in this last step.
        moved, metrics = game.step(run(at(first, theta), data)[0], {"image": unseen})
        pull = theta - moved.players["generator"].params["output"]["bias"][0]
        return {name: metrics[f"discriminator/{name}"] for name in ("loss", "d_real", "d_fake")} | {"pull": pull}

    measured = jax.jit(jax.vmap(measure))(jnp.asarray(thetas, jnp.float32))
    return {name: np.asarray(values) for name, values in measured.items()}


def draw() -> tuple[Figure, str]:
    """The lesson's picture and its paragraph."""
    fine = np.linspace(0.0, THETAS[-1], 121)
    lines = Distances(*np.transpose([exact(theta) for theta in fine]))
    judge = estimates("minimax", False, THETAS)
    critic = estimates("wasserstein", True, THETAS)
    # At its best, L_D = 2 log 2 - 2 JS (Goodfellow et al. 2014, theorem 1).
    shannon = math.log(2) - judge["loss"] / 2
    gap = critic["d_real"] - critic["d_fake"]

    figure, (left, middle, right) = panels(3)
    left.plot(fine, lines.wasserstein, "C0", label="Wasserstein-1")
    left.plot(fine, lines.jensen_shannon, "C3", label="Jensen-Shannon")
    left.plot(fine, lines.total_variation, "C2", label="total variation")
    left.plot(fine, lines.kl, "C1", label="KL")
    left.axhline(math.log(2), color="0.5", linestyle=":", linewidth=1)
    left.text(fine[-1], math.log(2) - 0.03, "log 2", ha="right", va="top", fontsize=8, color="0.4")
    left.set_ylim(0, 3.5)
    finish(left, "Exact", "distance theta", "between data and fakes")
    middle.plot(fine, lines.wasserstein, "C0", linewidth=1, alpha=0.6)
    middle.plot(fine, lines.jensen_shannon, "C3", linewidth=1, alpha=0.6)
    middle.plot(THETAS, gap, "C0o", markersize=4, label="critic: E C(x) - E C(g)")
    middle.plot(THETAS, shannon, "C3o", markersize=4, label="discriminator: log 2 - L_D / 2")
    biased = fine * (1 + fine / (2 * WEIGHT))
    middle.plot(fine, biased, "C0--", linewidth=1, alpha=0.6, label="theta (1 + theta / (2 lambda))")
    middle.set_ylim(left.get_ylim())
    finish(middle, "As trained networks measure them", "distance theta", "estimate (lines: exact)")
    # At theta = 0 there is nothing to pull, and a critic of any slope is as good as another.
    right.plot(THETAS[1:], critic["pull"][1:], "C0o-", markersize=4, linewidth=1, label="critic")
    right.plot(THETAS[1:], judge["pull"][1:], "C3o-", markersize=4, linewidth=1, label="discriminator, minimax")
    finish(right, "The pull towards the data", "distance theta", "dL_G / d theta")
    error = np.abs(shannon - [exact(theta).jensen_shannon for theta in THETAS]).max()
    far = THETAS >= 2.0
    pulls, excess = critic["pull"][far], (gap[far] / THETAS[far] - 1).max()
    text = (
        f"Data N(0, {DEVIATION}^2) and fakes N(theta, {DEVIATION}^2), with theta from {THETAS[0]:g} to "
        f"{THETAS[-1]:g}; a network of its own learns {STEPS} steps at each theta and is measured on {HELD_OUT:,} "
        f"unseen samples. The discriminator's (2 log 2 - L_D) / 2 is within {error:.3f} of the Jensen-Shannon "
        f"divergence everywhere. From theta = 2 on that is {exact(2.0).jensen_shannon:.4f}, log 2 to four digits, "
        f"and the pull on a minimax generator at most {np.abs(judge['pull'][far]).max():.1e}. The critic's gap goes "
        f"on growing and its pull is {pulls.min():.2f} to {pulls.max():.2f} there. The gap exceeds the exact "
        f"distance by up to {100 * excess:.0f} %: a one-sided penalty of weight lambda = {WEIGHT:g} makes the best "
        f"slope 1 + theta / {2 * WEIGHT:g} and not 1."
    )
    return figure, text


LESSON = Lesson(
    "Jensen-Shannon stands still while Wasserstein falls",
    "[Arjovsky, Chintala and Bottou 2017](https://arxiv.org/abs/1701.07875), example 1 and figure 1, with the "
    "penalty of [Gulrajani et al. 2017](https://arxiv.org/abs/1704.00028); the identity is theorem 1 of "
    "[Goodfellow et al. 2014](https://arxiv.org/abs/1406.2661)",
    draw,
)

"""What the non-saturating generator descends: KL(fakes || data) - 2 JS, as trained discriminators pass it on."""

import math

import numpy as np
from matplotlib.figure import Figure

from benchmarks.gallery.distances import DEVIATION, HELD_OUT, STEPS, estimates, exact
from benchmarks.gallery.lesson import Lesson, finish, panels

THETAS = np.linspace(0.0, 0.7, 8)
_STEP = 1e-4


def descended(theta: float) -> tuple[float, float]:
    """What the non-saturating and the minimax generator descend at the best discriminator: KL - 2 JS, and 2 JS - 2 log 2.

    KL is that of the fakes from the data, which equals the other one as the two deviations are equal.
    """
    between = exact(theta)
    return between.kl - 2 * between.jensen_shannon, 2 * between.jensen_shannon - 2 * math.log(2)


def slopes(theta: float) -> tuple[float, float]:
    """The slopes of both by theta, by finite differences; both functions are even."""
    ends = [descended(abs(theta + sign * _STEP)) for sign in (1, -1)]
    first, second = ((above - below) / (2 * _STEP) for above, below in zip(*ends, strict=True))
    return first, second


def draw() -> tuple[Figure, str]:
    """The lesson's picture and its paragraph."""
    fine = np.linspace(0.0, THETAS[-1], 141)
    between, exact_slopes = [exact(theta) for theta in fine], np.array([slopes(theta) for theta in fine])
    kl, shannon = np.array([each.kl for each in between]), np.array([each.jensen_shannon for each in between])
    pulls = [estimates(objective, False, THETAS)["pull"] for objective in ("non_saturating", "minimax")]
    figure, (left, *others) = panels(3)
    left.plot(fine, kl, "C1", label="KL(fakes || data)")
    left.plot(fine, 2 * shannon, "C3", label="2 JS")
    left.plot(fine, kl - 2 * shannon, "C0", label="KL - 2 JS")
    finish(left, "What is descended", "distance theta", "between data and fakes")
    names = (("Non-saturating", "d (KL - 2 JS) / d theta", "C0"), ("Minimax", "d (2 JS) / d theta", "C3"))
    for index, (axes, pull, (title, label, colour)) in enumerate(zip(others, pulls, names, strict=True)):
        axes.plot(fine, exact_slopes[:, index], colour, label=label)
        axes.plot(THETAS, pull, f"{colour}o", markersize=4, label="as trained networks pass it on")
        finish(axes, title, "distance theta", "dL_G / d theta, the pull" if index == 0 else "")
    others[0].plot(fine, np.gradient(kl, fine), "C1--", linewidth=1, label="d KL / d theta")
    others[0].legend(fontsize=8)
    near = (THETAS > 0) & (THETAS <= 0.5)
    errors = [
        np.abs(pull[near] / [slopes(theta)[index] for theta in THETAS[near]] - 1).max()
        for index, pull in enumerate(pulls)
    ]
    last = [slopes(THETAS[-1])[0], pulls[0][-1]]
    text = (
        f"The densities of the lesson above: data N(0, {DEVIATION}^2) and fakes N(theta, {DEVIATION}^2); at each theta a "
        f"network of its own learns {STEPS} steps, and then the generator's gradient is taken on {HELD_OUT:,} unseen "
        "samples. Against the best discriminator the non-saturating loss has the gradient of KL(fakes || data) - 2 JS: "
        "not of a divergence, for its second part pushes the fakes away from the data, and not one that fades with the "
        "distance, as 2 JS of the minimax loss does. Up to theta = 0.5 networks pass both on within "
        f"{100 * errors[0]:.1f} % and {100 * errors[1]:.1f} %; farther apart their logits fall short of log p / q, and at "
        f"theta = {THETAS[-1]:g} the "
        f"non-saturating pull is {last[1]:.1f} and not {last[0]:.1f}."
    )
    return figure, text


LESSON = Lesson(
    "What the non-saturating generator descends",
    "[Arjovsky and Bottou 2017](https://arxiv.org/abs/1701.04862), theorem 2.5; "
    "[Goodfellow et al. 2014](https://arxiv.org/abs/1406.2661), theorem 1",
    draw,
)

"""A transport plan, and the critic that knows its price: steep by 1 along the lines on which something is carried."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
import scipy.spatial
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from benchmarks.gallery.lesson import Lesson, finish, panels
from benchmarks.gallery.lipschitz import ring_and_lump, trained_critic
from jaxgan.losses.penalties import gradient_norms

HEAPS = np.array([0.25, 0.2, 0.05, 0.0, 0.0, 0.05, 0.2, 0.25])
HOLES = np.array([0.0, 0.1, 0.1, 0.3, 0.3, 0.1, 0.1, 0.0])
POINTS = 800  # of either kind, matched one to one


class Plan(NamedTuple):
    """How much goes from where to where.

    Attributes:
        amounts: (N, M), with the two distributions as its sums along the rows and along the columns.
        cost: What it costs.
    """

    amounts: np.ndarray
    cost: float


def cheapest_plan(source: np.ndarray, target: np.ndarray, costs: np.ndarray) -> Plan:
    """The transport plan of least cost, by linear programming.

    Args:
        source: Shares (N,).
        target: Shares (M,).
        costs: Of carrying 1 from each to each, (N, M).
    """
    rows, columns = len(source), len(target)
    sums = np.vstack([np.kron(np.eye(rows), np.ones(columns)), np.kron(np.ones(rows), np.eye(columns))])
    found = scipy.optimize.linprog(costs.ravel(), A_eq=sums, b_eq=np.concatenate([source, target]))
    return Plan(found.x.reshape(costs.shape), float(found.fun))


def draw() -> tuple[Figure, str]:
    """The lesson's picture and its paragraph."""
    places = np.arange(len(HEAPS))
    costs = np.abs(places[:, None] - places[None]).astype(float)
    best, anyhow = cheapest_plan(HEAPS, HOLES, costs), np.outer(HEAPS, HOLES)
    figure, (left, middle, right) = panels(3, height=3.4)
    left.bar(places - 0.2, HEAPS, 0.4, color="0.4", label="heaps")
    left.bar(places + 0.2, HOLES, 0.4, color="C0", label="holes")
    finish(left, "What is there and what is wanted", "place", "share")
    middle.imshow(best.amounts, cmap="Blues", origin="lower")
    for (row, column), amount in np.ndenumerate(best.amounts):
        if amount > 1e-9:
            colour = "w" if amount > 0.15 else "k"
            middle.text(column, row, f"{amount:.2f}".lstrip("0"), color=colour, ha="center", va="center", fontsize=7)
    finish(middle, f"The cheapest plan: {best.cost:.2f}", "to", "from", None)
    middle.grid(False)

    state, game, data = trained_critic("gradient penalty")
    real, fake = ring_and_lump(game, state, data, POINTS)
    distances = scipy.spatial.distance.cdist(fake, real)
    pairs = scipy.optimize.linear_sum_assignment(distances)
    carried = distances[pairs]
    start, end = fake[pairs[0]], real[pairs[1]]
    critic = game.nets(state).discriminator
    between = jnp.asarray((start + end) / 2)
    gradients = np.asarray(jax.grad(lambda x: critic(x).sum())(between))
    along = (gradients * (end - start)).sum(axis=1) / np.linalg.norm(gradients, axis=1) / carried
    norms = np.asarray(gradient_norms(critic, between))
    gap = float(critic(jnp.asarray(real)).mean() - critic(jnp.asarray(fake)).mean())
    reach = np.linspace(-2.0, 2.0, 80, dtype=np.float32)
    field = np.asarray(critic(np.stack(np.meshgrid(reach, reach), axis=-1).reshape(-1, 2))).reshape(80, 80)
    right.contourf(reach, reach, field, 12, cmap="Greys", alpha=0.6)
    right.add_collection(LineCollection(list(np.stack([start, end], axis=1)[:250]), colors="C0", linewidths=0.6))
    right.scatter(*fake[:250].T, s=2, color="C3", zorder=3)
    right.scatter(*real[:250].T, s=2, color="k", zorder=3)
    right.set_xlim(-2, 2)
    right.set_ylim(-2, 2)
    finish(right, "Fakes (red) to data, and a critic", "", "", None)
    text = (
        "A plan says how much goes from where to where; its rows sum to the heaps and its columns to the holes. The cheapest "
        f"one costs {best.cost:.2f}, by linear programming, which on a line is the area between the distribution functions, "
        f"{np.abs(np.cumsum(HEAPS - HOLES)).sum():.2f}; to spread every heap over all holes costs {(anyhow * costs).sum():.2f}."
        f" On the right {POINTS} fakes of a lump are matched to as many points of the ring at the least cost, "
        f"{carried.mean():.3f} each. A critic with a gradient penalty, which knows nothing of the plan, measures the gap "
        f"{gap:.3f}. In the middle of the lines its gradient has the median norm {np.median(norms):.2f} and points along them, "
        f"with a median cosine of {np.median(along):.3f} (at the 10th percentile {np.percentile(along, 10):.2f})."
    )
    return figure, text


LESSON = Lesson(
    "A transport plan, and the critic that knows its price",
    "[Arjovsky, Chintala and Bottou 2017](https://arxiv.org/abs/1701.07875), section 2; [Gulrajani et al. "
    "2017](https://arxiv.org/abs/1704.00028), proposition 1",
    draw,
)

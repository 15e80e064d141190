"""Three ways to keep a critic Lipschitz, and what each does to its gradients, weights and singular values."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
import scipy.spatial
from matplotlib.figure import Figure

from benchmarks.gallery.lesson import Lesson, finish, from_config, panels, play
from configs import gan as config
from jaxgan import losses
from jaxgan.config import named
from jaxgan.core import Game, State, constraints

LIMIT, WEIGHT = 0.1, 10.0
DEVIATION = 0.3  # of the fakes
HIDDEN, STEPS, SAMPLES = (64, 64, 64), 2000, 1500
WAYS = {
    "weight clipping": {"constraints": (named("clip", limit=LIMIT),)},
    "gradient penalty": {"terms": (named("gradient_penalty", weight=WEIGHT),)},
    "spectral norm": {"constraints": (named("spectral_norm"),)},
}


class Critic(NamedTuple):
    """What a trained critic looks like.

    Attributes:
        field: Its scores on a grid.
        gradients: Norms of its gradient at "data", "fakes" and "between", (SAMPLES,).
        weights: By layer, as the network uses them.
        gap: E C(x) - E C(g).
    """

    field: np.ndarray
    gradients: dict[str, np.ndarray]
    weights: dict[str, np.ndarray]
    gap: float


def trained_critic(way: str, steps: int = STEPS) -> tuple[State, Game, jax.Array]:
    """A WGAN's critic, restrained in that way, has learned to tell the ring of configs/gan.py from a round lump in its middle.

    Args:
        way: A key of WAYS.
        steps: Critic turns.

    Returns:
        The game's state, the game and its data (N, 2).
    """
    plain = config.get_config("ring8")
    plain.game = {"latent_size": 2, "objective": "wasserstein", "terms": WAYS[way].get("terms", ())}
    plain.players.generator.network.hidden = ()
    plain.players.generator.average = None
    plain.players.discriminator.network.hidden = HIDDEN
    plain.players.discriminator.constraints = WAYS[way].get("constraints", ())
    game, data = from_config(plain)
    run = play(game, steps, lambda state: (), turns=("discriminator",), every=steps, batch_size=plain.batch_size)
    first = game.init(jax.random.key(0), {"image": data})
    # z -> DEVIATION z, and it does not move
    lump = {"output": {"kernel": DEVIATION * jnp.eye(2), "bias": jnp.zeros(2)}}
    players = first.players | {"generator": first.players["generator"].replace(params=lump)}
    return jax.jit(run)(first.replace(players=players), data)[0], game, data


def ring_and_lump(game: Game, state: State, data: jax.Array, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of the data and fakes, (number, 2) each."""
    return np.asarray(data[:number]), np.asarray(game.sample(state, jax.random.key(1), number))


def look(way: str, grid: np.ndarray) -> tuple[Critic, np.ndarray, np.ndarray]:
    """A trained critic, and the data and the fakes (SAMPLES, 2) that it is looked at with; the same for every way.

    Args:
        way: A key of WAYS.
        grid: Where its field is wanted, (H, W, 2).
    """
    state, game, data = trained_critic(way)
    critic = game.nets(state).discriminator
    real, fake = ring_and_lump(game, state, data, SAMPLES)
    places = {
        "data": real,
        "fakes": fake,
        "between": losses.interpolate(jax.random.key(2), jnp.asarray(real), jnp.asarray(fake)),
    }
    own = state.players["discriminator"]
    used, _ = game.players["discriminator"].constraint.apply(own.params, own.constraint)
    seen = Critic(
        field=np.asarray(critic(grid.reshape(-1, 2))).reshape(grid.shape[:2]),
        gradients={name: np.asarray(losses.penalties.gradient_norms(critic, at)) for name, at in places.items()},
        weights={path.split("/")[0]: np.asarray(leaf) for path, leaf in constraints.weights(used).items()},
        gap=float(critic(real).mean() - critic(fake).mean()),
    )
    return seen, real, fake


def wasserstein(real: np.ndarray, fake: np.ndarray) -> float:
    """The exact Wasserstein-1 distance between two equally large sets of points (N, D): the cheapest matching."""
    costs = scipy.spatial.distance.cdist(real, fake)
    return float(costs[scipy.optimize.linear_sum_assignment(costs)].mean())


def draw() -> tuple[Figure, str]:
    """The lesson's picture and its paragraph."""
    reach = np.linspace(-2.0, 2.0, 80, dtype=np.float32)
    grid = np.stack(np.meshgrid(reach, reach), axis=-1)
    figure, rows = panels(4, 3, height=7.0)
    said = []
    for axes, way in zip(rows, WAYS, strict=True):
        critic, real, fake = look(way, grid)
        spectra = {name: np.linalg.svd(weight, compute_uv=False) for name, weight in critic.weights.items()}
        _draw_row(axes, way, reach, critic, real, fake, spectra)
        low, middle, high = np.percentile(critic.gradients["between"], [5, 50, 95])
        # Of the two square layers.
        ranks = [int(np.sum(spectrum > 0.01 * spectrum[0])) for spectrum in list(spectra.values())[1:3]]
        # Of the whole network: LeakyReLU stretches nothing.
        bound = np.prod([spectrum[0] for spectrum in spectra.values()])
        steepest = max(values.max() for values in critic.gradients.values())
        everything = np.abs(np.concatenate([weight.ravel() for weight in critic.weights.values()]))
        said.append(
            f"- {way}: gradient {low:.2f} to {high:.2f} (median {middle:.2f}), gap {critic.gap:.2f}; largest "
            f"singular value of any layer {max(spectrum[0] for spectrum in spectra.values()):.2f}, their product {bound:.4g}, "
            f"which no gradient exceeds, and the longest gradient seen {steepest:.2f}; of the 64 of each "
            f"square layer, {ranks[0]} and {ranks[1]} above 1 % of the largest; "
            f"{100 * np.mean(everything > 0.99 * everything.max()):.0f} % of the weights within 1 % of the largest, "
            f"{everything.max():.2g}."
        )
    text = (
        f"Three critics with the same objective, networks and minibatches, {STEPS} turns each, tell the ring of "
        f"eight Gaussians from a lump N(0, {DEVIATION}^2) that stands still. The exact Wasserstein-1 distance of the "
        f"{SAMPLES} points of either kind is {wasserstein(real, fake):.3f}, and a critic that measured it would have "
        "a gradient of norm 1 between them. The "
        "gradient there, from the 5th to the 95th percentile, and the gap E C(x) - E C(g):\n\n" + "\n".join(said)
    )
    return figure, text


def _draw_row(
    axes: np.ndarray,
    way: str,
    reach: np.ndarray,
    critic: Critic,
    real: np.ndarray,
    fake: np.ndarray,
    spectra: dict[str, np.ndarray],
) -> None:
    field, norms, histogram, spectrum = axes
    field.contourf(reach, reach, critic.field, 12, cmap="Blues")
    field.scatter(*fake[:300].T, s=2, color="C3")
    field.scatter(*real[:300].T, s=2, color="k")
    field.set_xlim(reach[0], reach[-1])
    field.set_ylim(reach[0], reach[-1])
    finish(field, "scores; data black, fakes red", "", "", None)
    field.set_ylabel(way, fontsize=11, fontweight="bold")
    bins = np.geomspace(0.02, 20, 76)
    for name, values in critic.gradients.items():
        norms.hist(np.clip(values, bins[0], bins[-1]), bins.tolist(), histtype="step", label=name)
    norms.axvline(1.0, color="0.5", linestyle=":", linewidth=1)
    norms.set_xscale("log")
    norms.set_yscale("log")
    norms.set_ylim(0.8, 3e5)  # room for the legend
    finish(norms, "|grad C|", "", "points", "upper left")
    histogram.hist(np.concatenate([weight.ravel() for weight in critic.weights.values()]), 61, color="C2")
    histogram.set_yscale("log")
    histogram.set_ylim(0.5, 1e4)
    finish(histogram, "weights of all layers", "", "number", None)
    for index, (name, values) in enumerate(spectra.items()):
        label = name.replace("_", " ")
        spectrum.plot(1 + np.arange(len(values)), values, f"C{index}.-", markersize=3, linewidth=1, label=label)
    spectrum.set_xscale("log")
    spectrum.set_yscale("log")
    spectrum.set_ylim(1e-3, 30)
    finish(spectrum, "singular values by rank", "", "", "lower left")


LESSON = Lesson(
    "Clipped weights, penalised gradients, divided spectra",
    "[Arjovsky, Chintala and Bottou 2017](https://arxiv.org/abs/1701.07875); [Gulrajani et al. "
    "2017](https://arxiv.org/abs/1704.00028), section 3 and figure 1; [Miyato et al. 2018](https://arxiv.org/abs/1802.05957)",
    draw,
)

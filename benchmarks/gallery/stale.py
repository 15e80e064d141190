"""A discriminator is stale after a generator step: where fakes go that keep following an old one."""

from typing import NamedTuple

import jax
import numpy as np
import optax
from matplotlib.figure import Figure

from benchmarks.gallery.divergences import Gaussian
from benchmarks.gallery.lesson import Lesson, finish, panels, play
from jaxgan import gans
from jaxgan.core import Player, State
from jaxgan.networks import MLPDiscriminator, MLPGenerator

DATA, FIRST = Gaussian(0.0, 0.5), Gaussian(2.0, 0.5)
LEARN, TURNS, RATE = 1500, 300, 0.01  # discriminator turns before; generator turns after, and their rate
MOMENTS = (0, 5, 15, TURNS)  # of the fakes that are shown
ANSWERS = {"stale": 0, "1 discriminator turn each": 1, "5 discriminator turns each": 5}
COLOURS = ("C3", "C1", "C0")


class Course(NamedTuple):
    """What becomes of the fakes.

    Attributes:
        fakes: Their densities before the first turn and after each.
        logits: What the last discriminator says at the places asked for.
    """

    fakes: list[Gaussian]
    logits: np.ndarray


def shannon(model: Gaussian) -> float:
    """Jensen-Shannon divergence of a Gaussian from the data, by quadrature."""
    # Finely about both, for one may be a needle in the other.
    x = np.unique([each.mean + each.deviation * np.linspace(-10, 10, 10_001) for each in (DATA, model)])
    log_p, log_q = DATA.log_density(x), model.log_density(x)
    log_middle = np.logaddexp(log_p, log_q) - np.log(2)
    parts = np.exp(log_p) * (log_p - log_middle) + np.exp(log_q) * (log_q - log_middle)
    return float(0.5 * np.trapezoid(parts, x))


def courses(places: np.ndarray) -> dict[str, Course]:
    """The generator's course from one state, by how many turns of the discriminator answer each of its own.

    Args:
        places: Where logits are wanted, (N,).

    Returns:
        By the names of ANSWERS.
    """
    players = (
        Player(MLPGenerator((1,), hidden=(), output="linear"), optax.sgd(RATE)),
        Player(MLPDiscriminator((64, 64)), optax.adam(1e-3, b1=0.5, b2=0.9)),
    )
    noise = np.random.default_rng(0).standard_normal((100_000, 1)).astype(np.float32)
    data = jax.numpy.asarray(DATA.mean + DATA.deviation * noise)
    game = gans.gan(*players, latent_size=1)
    first = game.init(jax.random.key(0), {"image": data})
    affine = {"kernel": np.full((1, 1), FIRST.deviation, np.float32), "bias": np.full(1, FIRST.mean, np.float32)}
    generator = first.players["generator"].replace(params={"output": jax.tree.map(jax.numpy.asarray, affine)})
    first = first.replace(players=first.players | {"generator": generator})
    learn = play(game, LEARN, lambda state: (), turns=("discriminator",), every=LEARN)
    learned, _ = jax.jit(learn)(first, data)

    def watch(state: State) -> dict[str, jax.Array]:
        return state.players["generator"].params["output"]

    found = {}
    for name, answers in ANSWERS.items():
        answered = gans.gan(*players, latent_size=1, discriminator_steps=max(answers, 1))
        run = play(answered, TURNS, watch, turns=() if answers else ("generator",))
        last, seen = jax.jit(run)(learned, data)
        means, deviations = np.asarray(seen["bias"])[:, 0], np.abs(np.asarray(seen["kernel"]))[:, 0, 0]
        fakes = [FIRST, *(Gaussian(float(m), float(d)) for m, d in zip(means, deviations, strict=True))]
        judge = answered.nets(last).discriminator
        found[name] = Course(fakes, np.asarray(judge(jax.numpy.asarray(places[:, None], np.float32))))
    return found


def draw() -> tuple[Figure, str]:
    """The lesson's picture and its paragraph."""
    places = np.linspace(-2.5, 4.0, 4001)
    found = courses(places)
    figure, (left, middle, right) = panels(3)
    stale = found["stale"]
    left.fill_between(places, np.exp(DATA.log_density(places)), color="0.8", label="data")
    left.plot(places, 1 / (1 + np.exp(-stale.logits)), "k--", linewidth=1, label="D(x), which stands still")
    for moment, alpha in zip(MOMENTS, np.linspace(0.3, 1, len(MOMENTS)), strict=True):
        density = np.exp(stale.fakes[moment].log_density(places))
        left.plot(places, density, "C3", alpha=alpha, linewidth=1.2, label=f"fakes after {moment} turns")
    left.set_ylim(0, 5)  # the last ones are needles
    finish(left, "Against a stale discriminator", "x", "density", "upper right")
    turns = np.arange(TURNS + 1)
    said = {}
    for colour, (name, course) in zip(COLOURS, found.items(), strict=True):
        values = np.array([shannon(fake) for fake in course.fakes])
        middle.plot(turns, values, colour, label=name)
        right.plot(turns, [fake.mean for fake in course.fakes], colour, label=name)
        said[name] = values
    right.axhline(DATA.mean, color="0.5", linestyle=":", linewidth=1)
    finish(middle, "Jensen-Shannon, exact", "generator turns", "between data and fakes", None)
    finish(right, "The fakes' mean", "generator turns", "", "upper right")
    old, last = said["stale"], stale.fakes[-1]
    best = int(old.argmin())
    text = (
        f"Data N({DATA.mean:g}, {DATA.deviation}^2); a discriminator learns {LEARN} turns against fakes "
        f"N({FIRST.mean:g}, {FIRST.deviation}^2). Then the generator, which is affine, plays {TURNS} turns from this state. "
        f"Against the discriminator as it stands, the Jensen-Shannon divergence falls from {old[0]:.3f} to {old[best]:.3f} "
        f"in {best} turns and is {old[-1]:.3f} in the end: D was the best judge of the fakes that it had seen, and says of "
        "no others how many there should be, so that each goes where D is sure, and they end on top of each other, at "
        f"N({last.mean:.2f}, {last.deviation:.3f}^2). Answered by five discriminator turns for each of its own, the same "
        f"generator ends at {said['5 discriminator turns each'][-1]:.0e}, and by one at "
        f"{said['1 discriminator turn each'][-1]:.2f}, after a needle on the way: there the discriminator is late too."
    )
    return figure, text


LESSON = Lesson(
    "A discriminator is stale after a generator step",
    "[Goodfellow et al. 2014](https://arxiv.org/abs/1406.2661), section 4 and figure 1",
    draw,
)

"""What may stand beside an adversarial objective: penalties, consistency, matching; each is a `Term` that `gans.gan` adds up.

The mathematics is in `jaxgan.losses`; a term says what of a minibatch it is computed on, how much it counts and how often.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan import augment, losses
from jaxgan.core import Memory, Nets
from jaxgan.core.schedules import Schedule
from jaxgan.mesh import batch_mean

DISCRIMINATOR, GENERATOR = "discriminator", "generator"


class Hand(NamedTuple):
    """One minibatch, as a turn's loss and its terms see it. Labels, if there are any, are filled in.

    Attributes:
        nets: The players.
        score: images -> logits.
        features: images -> the discriminator's features (B, F).
        generate: latents -> images.
        real: float32 (B, ...).
        latent: float32 (B, latent_size).
        fake: `generate(latent)`.
        real_logits: `score(real)`.
        fake_logits: `score(fake)`.
        memory: What the game remembers, by name.
    """

    nets: Nets
    score: Callable[[jax.Array], jax.Array]
    features: Callable[[jax.Array], jax.Array]
    generate: Callable[[jax.Array], jax.Array]
    real: jax.Array
    latent: jax.Array
    fake: jax.Array
    real_logits: jax.Array
    fake_logits: jax.Array
    memory: Memory


@dataclasses.dataclass(frozen=True)
class Term:
    """A scalar that a turn's loss has beside the objective.

    Attributes:
        name: Under which it is logged; two of a game differ.
        value: (hand, key) -> float32 (), before the weight.
        weight: Factor.
        schedule: Factor on the weight, by the game's clock.
        turn: Whose loss it joins: "discriminator" or "generator".
        every: 1 adds it to that turn; k > 1 plays it every k steps as a turn of its own, k times as strong (lazy
            regularisation, Karras et al. 2019, arXiv:1912.04958, appendix B).
        start: The first value of what it remembers; None for a term without memory.
        remember: (hand) -> the new value, after each discriminator turn.
    """

    name: str
    value: Callable[[Hand, jax.Array], jax.Array]
    weight: float
    schedule: Schedule | None = None
    turn: str = DISCRIMINATOR
    every: int = 1
    start: Any = None
    remember: Callable[[Hand], Any] | None = None

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"term {self.name!r}: every={self.every}, but it must be at least 1")

    def weighted(self, hand: Hand, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        """What it adds to the loss, and its value without weight, for the log."""
        value = self.value(hand, key)
        factor = 1.0 if self.schedule is None else self.schedule(hand.nets.clock)
        return self.weight * factor * value, value


# ---- penalties on the discriminator's gradient, and on its scores


def gradient_penalty(
    weight: float = 10.0, one_sided: bool = False, schedule: Schedule | None = None, every: int = 1
) -> Term:
    """WGAN-GP: E[(|| grad C || - 1)^2] between reals and fakes (Gulrajani et al. 2017, arXiv:1704.00028, Eq. 3)."""

    def value(hand: Hand, key: jax.Array) -> jax.Array:
        points = losses.interpolate(key, hand.real, hand.fake)
        return losses.gradient_penalty(hand.score, points, one_sided=one_sided)

    return Term("gradient_penalty", value, weight, schedule, every=every)


def dragan(
    weight: float = 10.0, perturbation: str = "author", schedule: Schedule | None = None, every: int = 1
) -> Term:
    """DRAGAN: the same penalty around the data (Kodali et al. 2017, arXiv:1705.07215); see `losses.dragan_points`."""

    def value(hand: Hand, key: jax.Array) -> jax.Array:
        return losses.gradient_penalty(hand.score, losses.dragan_points(key, hand.real, perturbation))

    return Term("dragan", value, weight, schedule, every=every)


def r1(weight: float = 10.0, schedule: Schedule | None = None, every: int = 1) -> Term:
    """R1: 1/2 E[|| grad C(x) ||^2] on reals; the weight is gamma (Mescheder et al. 2018, arXiv:1801.04406, Eq. 9)."""
    value = lambda hand, key: 0.5 * losses.zero_centered_penalty(hand.score, hand.real)  # noqa: E731
    return Term("r1", value, weight, schedule, every=every)


def r2(weight: float = 10.0, schedule: Schedule | None = None, every: int = 1) -> Term:
    """R2: 1/2 E[|| grad C(g) ||^2] on fakes; the weight is gamma (Mescheder et al. 2018, arXiv:1801.04406, Eq. 10)."""
    value = lambda hand, key: 0.5 * losses.zero_centered_penalty(hand.score, hand.fake)  # noqa: E731
    return Term("r2", value, weight, schedule, every=every)


def zero_centered(weight: float = 10.0, schedule: Schedule | None = None, every: int = 1) -> Term:
    """E[|| grad C ||^2] between reals and fakes (Thanh-Tung, Tran and Venkatesh 2019, arXiv:1902.03984)."""

    def value(hand: Hand, key: jax.Array) -> jax.Array:
        return losses.zero_centered_penalty(hand.score, losses.interpolate(key, hand.real, hand.fake))

    return Term("zero_centered", value, weight, schedule, every=every)


def drift(weight: float = 1e-3) -> Term:
    """E[C(x)^2] on reals, which keeps a critic's scores near zero (ProGAN, Karras et al. 2017, arXiv:1710.10196, A.1)."""
    return Term("drift", lambda hand, key: losses.drift(hand.real_logits), weight)


def lecam(weight: float = 0.3, decay: float = 0.99) -> Term:
    """LeCam: scores of reals stay near the moving average of fakes' scores, and the other way round.

    Tseng et al. 2021, "Regularizing GANs under Limited Data" (arXiv:2104.03310), Eq. 2:
    E[relu(C(x) - a_F)^2] + E[relu(a_R - C(g))^2], with a_R and a_F exponential moving averages of the mean scores.
    """

    def value(hand: Hand, key: jax.Array) -> jax.Array:
        anchor = hand.memory["lecam"]
        above = jax.nn.relu(hand.real_logits - anchor["fake"])
        below = jax.nn.relu(anchor["real"] - hand.fake_logits)
        return jnp.square(above).mean() + jnp.square(below).mean()

    def remember(hand: Hand) -> dict[str, jax.Array]:
        now = {"real": hand.real_logits, "fake": hand.fake_logits}
        means = {name: batch_mean(jax.lax.stop_gradient(logits).ravel(), 0) for name, logits in now.items()}
        return jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, hand.memory["lecam"], means)

    start = {"real": jnp.float32(0.0), "fake": jnp.float32(0.0)}
    return Term("lecam", value, weight, start=start, remember=remember)


# ---- consistency under augmentation


def consistency(weight: float = 10.0, fakes: float = 0.0, flip: bool = True, every: int = 1) -> Term:
    """CR, and with `fakes=1` bCR: the score of an image is that of its flipped and shifted copy.

    CR: Zhang et al. 2019 (arXiv:1910.12027), Eq. 3: E[(C(x) - C(T(x)))^2]. bCR: Zhao et al. 2020 (arXiv:2002.04724),
    section 3.1, asks it of fakes too, with the same weight of 10.

    Args:
        weight: Of the whole.
        fakes: Weight of the fakes' part relative to that of the reals.
        flip: As in `augment.flip_and_shift`.
        every: As in `Term`.
    """

    def value(hand: Hand, key: jax.Array) -> jax.Array:
        real_key, fake_key = jax.random.split(key)
        moved = hand.score(augment.flip_and_shift(real_key, hand.real, flip))
        cost = jnp.square(hand.real_logits - moved).mean()
        if fakes:
            moved = hand.score(augment.flip_and_shift(fake_key, hand.fake, flip))
            cost += fakes * jnp.square(hand.fake_logits - moved).mean()
        return cost

    return Term("consistency", value, weight, every=every)


def latent_consistency(weight: float = 5.0, deviation: float = 0.03) -> Term:
    """zCR, the discriminator's half: fakes of neighbouring latents score alike (Zhao et al. 2020, section 3.2).

    E[(C(G(z)) - C(G(z + d)))^2], d ~ N(0, deviation^2).
    """

    def value(hand: Hand, key: jax.Array) -> jax.Array:
        moved = hand.generate(losses.neighbours(key, hand.latent, deviation))
        return jnp.square(hand.fake_logits - hand.score(moved)).mean()

    return Term("latent_consistency", value, weight)


def latent_diversity(weight: float = 0.5, deviation: float = 0.03) -> Term:
    """zCR, the generator's half: neighbouring latents make different images: -E[(G(z) - G(z + d))^2]."""

    def value(hand: Hand, key: jax.Array) -> jax.Array:
        return -losses.l2(hand.fake, hand.generate(losses.neighbours(key, hand.latent, deviation)))

    return Term("latent_diversity", value, weight, turn=GENERATOR)


# ---- the generator's own


def feature_matching(weight: float = 1.0, norm: str = "l2") -> Term:
    """The fakes' mean features are the reals' (Salimans et al. 2016, arXiv:1606.03498, section 3.1)."""

    def value(hand: Hand, key: jax.Array) -> jax.Array:
        return losses.feature_matching(hand.features(hand.real), hand.features(hand.fake), norm)

    return Term("feature_matching", value, weight, turn=GENERATOR)


def pulling_away(weight: float = 0.1) -> Term:
    """The fakes' features point different ways (EBGAN, Zhao et al. 2016, arXiv:1609.03126, section 2.4)."""
    return Term("pulling_away", lambda hand, key: losses.pulling_away(hand.features(hand.fake)), weight, turn=GENERATOR)


TERMS: dict[str, Callable[..., Term]] = {
    maker.__name__: maker
    for maker in (
        consistency,
        dragan,
        drift,
        feature_matching,
        gradient_penalty,
        latent_consistency,
        latent_diversity,
        lecam,
        pulling_away,
        r1,
        r2,
        zero_centered,
    )
}

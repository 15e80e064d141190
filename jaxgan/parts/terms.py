"""What may stand beside an adversarial objective: penalties, consistency, matching; each is a `Term`.

The mathematics is in `jaxgan.losses`; a term says what of a pair it is computed on, how much it counts and how often.
"""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan import augment, losses
from jaxgan.core.schedules import Schedule
from jaxgan.errors import UserError
from jaxgan.mesh import batch_mean, shard_batch
from jaxgan.parts.pairs import Pair

DISCRIMINATOR, GENERATOR = "discriminator", "generator"


@dataclasses.dataclass(frozen=True)
class Term:
    """A scalar that a side's loss has beside the objective.

    Attributes:
        name: Under which it is logged; a second one of a name is logged as "r1_2".
        value: (pair, key) -> float32 (), before the weight; of a term with memory, that and the new value of what it remembers.
        weight: Factor.
        schedule: Factor on the weight, by the game's clock.
        side: Whose loss it joins: "discriminator" or "generator".
        every: 1 adds it to that side's turn; k > 1 plays it every k steps as a turn of its own, as many times as strong as
            that side has turns in these (lazy regularisation, Karras et al. 2019, arXiv:1912.04958, appendix B).
        cross_entropy: Whether it means something beside a discriminator's cross-entropy alone.
        select: (pair, logits (B,)) -> the fakes' logits as the generator is to learn from them; None for all terms but top-k.
        start: The first value of what it remembers of each pair, which `value` finds as `pair.remembered`; None for a term
            without memory.
    """

    name: str
    value: Callable[[Pair, jax.Array], Any]
    weight: float
    schedule: Schedule | None = None
    side: str = DISCRIMINATOR
    every: int = 1
    start: Any = None
    cross_entropy: bool = False
    select: Callable[[Pair, jax.Array], jax.Array] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.weight < math.inf:
            raise UserError(f"term {self.name!r}: weight={self.weight}, but it must be finite and at least 0")
        if self.every < 1:
            raise UserError(f"term {self.name!r}: every={self.every}, but it must be at least 1")
        if self.side not in (DISCRIMINATOR, GENERATOR):
            raise UserError(
                f"term {self.name!r}: side={self.side!r}, but it must be {DISCRIMINATOR!r} or {GENERATOR!r}"
            )


# ---- penalties on the discriminator's gradient, and on its scores


def gradient_penalty(
    weight: float = 10.0,
    one_sided: bool = False,
    squared: bool = True,
    region: str = "between",
    schedule: Schedule | None = None,
    every: int = 1,
) -> Term:
    """WGAN-GP: E[(|| grad C || - 1)^2] between reals and fakes (Gulrajani et al. 2017, arXiv:1704.00028, Eq. 3).

    Args:
        weight: lambda.
        one_sided: Only gradients longer than 1 cost.
        squared: False: E | || grad C || - 1 |; with `one_sided` the hinge E[max(0, || grad C || - 1)] of Jolicoeur-Martineau
            and Mitliagkas 2019 (arXiv:1910.06922).
        region: Where: "between", "around", "reals" or "fakes", see `losses.penalty_points`.
        schedule: As in `Term`.
        every: As in `Term`.
    """

    def value(pair: Pair, key: jax.Array) -> jax.Array:
        points = losses.penalty_points(key, pair.real, pair.fake, region)
        score = pair.score_fakes if region == "fakes" else pair.score
        return losses.gradient_penalty(score, points, one_sided=one_sided, squared=squared)

    return Term("gradient_penalty", value, weight, schedule, every=every)


def dragan(
    weight: float = 10.0, perturbation: str = "author", schedule: Schedule | None = None, every: int = 1
) -> Term:
    """DRAGAN: the same penalty around the data (Kodali et al. 2017, arXiv:1705.07215); see `losses.dragan_points`."""

    def value(pair: Pair, key: jax.Array) -> jax.Array:
        return losses.gradient_penalty(pair.score, losses.dragan_points(key, pair.real, perturbation))

    return Term("dragan", value, weight, schedule, every=every)


def r1(weight: float = 10.0, schedule: Schedule | None = None, every: int = 1) -> Term:
    """R1: 1/2 E[|| grad C(x) ||^2] on reals; the weight is gamma (Mescheder et al. 2018, arXiv:1801.04406, Eq. 9).

    Images are seen as for their scores: with an augmentation, by the same draws, as in the programs of StyleGAN2 and R3GAN.
    """
    value = lambda pair, key: 0.5 * losses.zero_centered_penalty(pair.again, pair.real)  # noqa: E731
    return Term("r1", value, weight, schedule, every=every)


def r2(weight: float = 10.0, schedule: Schedule | None = None, every: int = 1) -> Term:
    """R2: the same on fakes, 1/2 E[|| grad C(g) ||^2] (Mescheder et al. 2018, arXiv:1801.04406, Eq. 10)."""

    def value(pair: Pair, key: jax.Array) -> jax.Array:
        return 0.5 * losses.zero_centered_penalty(lambda images: pair.again(images, fakes=True), pair.fake)

    return Term("r2", value, weight, schedule, every=every)


def zero_centered(weight: float = 10.0, schedule: Schedule | None = None, every: int = 1) -> Term:
    """E[|| grad C ||^2] between reals and fakes (Thanh-Tung, Tran and Venkatesh 2019, arXiv:1902.03984)."""

    def value(pair: Pair, key: jax.Array) -> jax.Array:
        return losses.zero_centered_penalty(pair.score, losses.interpolate(key, pair.real, pair.fake))

    return Term("zero_centered", value, weight, schedule, every=every)


def drift(weight: float = 1e-3) -> Term:
    """E[C(x)^2] on reals, which keeps a critic's scores near zero (ProGAN, Karras et al. 2017, arXiv:1710.10196, A.1)."""
    return Term("drift", lambda pair, key: losses.drift(pair.real_logits), weight)


def lecam(weight: float = 0.3, decay: float = 0.99, start: int = 0) -> Term:
    """LeCam: scores of reals stay near the moving average of fakes' scores, and the other way round.

    Tseng et al. 2021, "Regularizing GANs under Limited Data" (arXiv:2104.03310), section 3, in the form of the authors' two
    programs: E[relu(C(x) - a_F)^2] + E[relu(a_R - C(g))^2], with a_R and a_F exponential moving averages of the mean scores.
    The paper prints the squares without relu: they differ where a real scores below a_F, or a fake above a_R. As in the
    programs, the averages take in a minibatch's means before its scores are compared with them.

    Args:
        weight: Of the whole.
        decay: Of the averages.
        start: Steps of the game before it counts; until then the averages are the minibatch's own means. The authors' program
            for BigGAN on CIFAR-10 has 1,000, that for StyleGAN2 none.

    Raises:
        UserError: The start is negative.
    """
    if start < 0:
        raise UserError(f"lecam: start={start}, but it must be at least 0")

    def value(pair: Pair, key: jax.Array) -> tuple[jax.Array, dict[str, jax.Array]]:
        now = {"real": pair.decide(pair.real_logits), "fake": pair.decide(pair.fake_logits)}
        means = {name: batch_mean(jax.lax.stop_gradient(logits).ravel(), 0) for name, logits in now.items()}
        number = pair.nets.clock.step + 1
        kept = jnp.where(number < max(start, 2), 0.0, decay)  # the first means have nothing before them
        anchor = jax.tree.map(lambda old, new: kept * old + (1 - kept) * new, pair.remembered, means)
        above = jax.nn.relu(now["real"] - anchor["fake"])
        below = jax.nn.relu(anchor["real"] - now["fake"])
        cost = jnp.square(above).mean() + jnp.square(below).mean()
        return jnp.where(number > start, cost, 0.0), anchor

    return Term("lecam", value, weight, start={"real": jnp.float32(0.0), "fake": jnp.float32(0.0)})


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

    def value(pair: Pair, key: jax.Array) -> jax.Array:
        real_key, fake_key = jax.random.split(key)
        moved = pair.score(augment.flip_and_shift(real_key, pair.real, flip))
        cost = jnp.square(pair.real_logits - moved).mean()
        if fakes:
            moved = pair.score_fakes(augment.flip_and_shift(fake_key, pair.fake, flip))
            cost += fakes * jnp.square(pair.fake_logits - moved).mean()
        return cost

    return Term("consistency", value, weight, every=every)


def latent_consistency(weight: float = 5.0, deviation: float = 0.03) -> Term:
    """zCR, the discriminator's half: fakes of neighbouring latents score alike (Zhao et al. 2020, section 3.2).

    E[(C(G(z)) - C(G(z + d)))^2], d ~ N(0, deviation^2).
    """

    def value(pair: Pair, key: jax.Array) -> jax.Array:
        moved = pair.from_latents(losses.neighbours(key, pair.needed_latent, deviation))
        return jnp.square(pair.fake_logits - pair.score_fakes(moved)).mean()

    return Term("latent_consistency", value, weight)


def latent_diversity(weight: float = 0.5, deviation: float = 0.03) -> Term:
    """zCR, the generator's half: neighbouring latents make different images: -E[(G(z) - G(z + d))^2]."""

    def value(pair: Pair, key: jax.Array) -> jax.Array:
        return -losses.l2(pair.fake, pair.from_latents(losses.neighbours(key, pair.needed_latent, deviation)))

    return Term("latent_diversity", value, weight, side=GENERATOR)


# ---- the generator's own


def feature_matching(weight: float = 1.0, norm: str = "l2") -> Term:
    """The fakes' mean features are the reals' (Salimans et al. 2016, arXiv:1606.03498, section 3.1)."""

    def value(pair: Pair, key: jax.Array) -> jax.Array:
        return losses.feature_matching(pair.features(pair.real), pair.features(pair.fake, fakes=True), norm)

    return Term("feature_matching", value, weight, side=GENERATOR)


def pulling_away(weight: float = 0.1) -> Term:
    """The fakes' features point different ways (EBGAN, Zhao et al. 2016, arXiv:1609.03126, section 2.4)."""
    return Term(
        "pulling_away",
        lambda pair, key: losses.pulling_away(pair.features(pair.fake, fakes=True)),
        weight,
        side=GENERATOR,
    )


def total_variation(weight: float = 0.05, power: float = 1.0) -> Term:
    """Smooth fakes: their total variation (DTN, Taigman et al. 2016, arXiv:1611.02200, Eq. 7); see `losses.total_variation`."""
    return Term("total_variation", lambda pair, key: losses.total_variation(pair.fake, power), weight, side=GENERATOR)


def top_k(share: Schedule | float) -> Term:
    """The generator learns from the best-scored fakes of a minibatch alone (Sinha et al. 2020, arXiv:2002.06224, section 2).

    Args:
        share: Of the fakes, in (0, 1], or a schedule of it by the game's clock: from 1 down to 0.5 or 0.75 in the paper.

    Raises:
        UserError: The share is out of range.
    """
    if not callable(share) and not 0 < share <= 1:
        raise UserError(f"top_k: share={share}, but it must be above 0 and at most 1")

    def now(pair: Pair, key: jax.Array | None = None) -> jax.Array:
        return jnp.asarray(share(pair.nets.clock) if callable(share) else share, jnp.float32)

    def select(pair: Pair, logits: jax.Array) -> jax.Array:
        return losses.only_best(logits, now(pair), pair.decide(logits))

    # It adds nothing to the loss; its value, the share, is for the log.
    return Term("top_k", now, 0.0, side=GENERATOR, select=select)


def label_smoothing(real_target: float = 0.9, fake_target: float = 0.0) -> Term:
    """The discriminator of a cross-entropy is asked for less than certainty (Salimans et al. 2016, arXiv:1606.03498, 3.4).

    -alpha log D - (1 - alpha) log(1 - D) is -log D + (1 - alpha) C, since log D - log(1 - D) = C; likewise for fakes. At its
    best D* = (alpha p + beta q) / (p + q).

    Args:
        real_target: alpha, in (0, 1].
        fake_target: beta, in [0, 1); the paper advises against any but 0.

    Raises:
        UserError: A target is out of range.
    """
    if not 0 < real_target <= 1 or not 0 <= fake_target < 1:
        raise UserError(
            f"label smoothing: real_target={real_target} must lie in (0, 1], fake_target={fake_target} in [0, 1)"
        )

    def value(pair: Pair, key: jax.Array) -> jax.Array:
        return (1 - real_target) * pair.real_logits.mean() - fake_target * pair.fake_logits.mean()

    return Term("label_smoothing", value, 1.0, cross_entropy=True)


def path_length(weight: float = 2.0, decay: float = 0.01, every: int = 1, shrink: int = 1) -> Term:
    """Equal steps of the latent move the image equally far: E[(|| J' y || - a)^2], J the generator's Jacobian.

    StyleGAN2 (Karras et al. 2019, arXiv:1912.04958), section 3.2, on the styles w where the generator has them, and else on the
    latents z; y is a normal image divided by the root of its number of pixels, and a the moving average of the lengths. A style
    for each slot has a gradient of its own, and the length is the root of the mean over the slots of its square, as in the
    authors' program. The paper plays it every 8 steps, its program every 4, both on half the minibatch.

    Args:
        weight: gamma_pl.
        decay: Share of each new mean in a.
        every: As in `Term`.
        shrink: It is computed on this fraction of the minibatch: 2 for half of it.
    """
    if shrink < 1:
        raise UserError(f"path_length: shrink={shrink}, but it must be at least 1")

    def value(pair: Pair, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        if pair.synthesize is None:
            inner, make = pair.needed_latent, pair.from_latents
        else:
            inner, make = pair.styles, functools.partial(pair.synthesize, pair.nets)
        if shrink > 1:
            # Every so manieth one, so that each device of a mesh keeps as many.
            inner = inner[::shrink]
        shape = (-(-len(pair.fake) // shrink), *pair.fake.shape[1:])
        noise = shard_batch(jax.random.normal(key, (math.prod(shape),)).reshape(shape))
        noise = noise / math.sqrt(math.prod(shape[1:-1]))  # (B, H, W, C); a vector counts as one pixel
        # J' y = grad of <G(w), y>
        steps = jax.grad(lambda inner: (make(inner) * noise).sum())(inner)
        lengths = jnp.sqrt(jnp.square(steps).sum(axis=-1).reshape(shape[0], -1).mean(axis=1) + 1e-12)
        mean = batch_mean(jax.lax.stop_gradient(lengths), 0)
        average = pair.remembered + decay * (mean - pair.remembered)
        return jnp.square(lengths - average).mean(), average

    return Term("path_length", value, weight, side=GENERATOR, every=every, start=jnp.float32(0.0))


TERMS: dict[str, Callable[..., Term]] = {
    maker.__name__: maker
    for maker in (
        consistency,
        dragan,
        drift,
        feature_matching,
        gradient_penalty,
        label_smoothing,
        latent_consistency,
        latent_diversity,
        lecam,
        path_length,
        pulling_away,
        r1,
        r2,
        top_k,
        total_variation,
        zero_centered,
    )
}

"""Adversarial objectives: pairs of losses on the discriminator's logits, both minimised.

Logits are of any shape (one for each image, or a map of them for a patch discriminator) and any dtype; losses are their
means, in float32. C(x) is a logit, D(x) = sigmoid(C(x)), and softplus(-c) = -log D, softplus(c) = -log(1 - D), which never
overflow. p is the data's density, q the generator's, E_p and E_q the means over real and fake images.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import relu, sigmoid, softplus

from jaxgan.errors import UserError


class Objective(NamedTuple):
    """A pair of losses to minimise.

    Attributes:
        discriminator: (real logits, fake logits) -> scalar.
        generator: (fake logits, real logits=None) -> scalar; only relativistic losses need the reals.
        read: logits -> what the discriminator says with them in the objective's own terms, for the log: a probability for
            the cross-entropies, the score itself for critics.
        decide: logits -> the same shape, above 0 where the discriminator takes an image for real (ADA counts the signs).
        cross_entropy: Whether the discriminator's loss is -E_p[log D] - E_q[log(1 - D)], whose targets can be smoothed.
        relative: Whether a constant added to all logits changes no loss, so that where `decide` is 0 says nothing: what decides
            is on which side of the middle of reals and fakes an image is.
    """

    discriminator: Callable[[jax.Array, jax.Array], jax.Array]
    generator: Callable[..., jax.Array]
    read: Callable[[jax.Array], jax.Array] = lambda logits: logits
    decide: Callable[[jax.Array], jax.Array] = lambda logits: logits
    cross_entropy: bool = False
    relative: bool = False


def as_float32(x: jax.Array) -> jax.Array:
    """The same numbers in float32; float64 stays what it is."""
    x = jnp.asarray(x)
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def objective_in_float32(
    discriminator: Callable[..., jax.Array],
    generator: Callable[..., jax.Array],
    read: Callable[[jax.Array], jax.Array] = lambda logits: logits,
    decide: Callable[[jax.Array], jax.Array] = lambda logits: logits,
) -> Objective:
    """An `Objective` that turns its logits to float32 before it computes."""

    def in_float32(function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
        @functools.wraps(function)
        def compute(*args: jax.Array | None, **kwargs: jax.Array | None) -> jax.Array:
            args, kwargs = jax.tree.map(as_float32, (args, kwargs))
            return function(*args, **kwargs)

        return compute

    return Objective(in_float32(discriminator), in_float32(generator), in_float32(read), in_float32(decide))


def _cross_entropy(real_target: float) -> Callable[[jax.Array, jax.Array], jax.Array]:
    if not 0 < real_target <= 1:
        raise UserError(f"cross-entropy: the real target is {real_target}, but it must be above 0 and at most 1")

    def loss(real: jax.Array, fake: jax.Array) -> jax.Array:
        # -E_p[alpha log D + (1 - alpha) log(1 - D)] - E_q[log(1 - D)]
        return (real_target * softplus(-real) + (1 - real_target) * softplus(real)).mean() + softplus(fake).mean()

    return loss


def minimax_objective(real_target: float = 1.0) -> Objective:
    """The first GAN's game: both sides play for the same value.

    L_D = -E_p[log D] - E_q[log(1 - D)], L_G = E_q[log(1 - D)]: Goodfellow et al. 2014 (arXiv:1406.2661), Eq. 1. At its best,
    D* = p / (p + q), so C* = log p/q, and L_D = 2 log 2 - 2 JS(p, q). L_G's gradient vanishes while D rejects every fake.

    Args:
        real_target: alpha, what D should say of reals, in (0, 1]; below 1 it is the one-sided label smoothing of Salimans
            et al. 2016 (arXiv:1606.03498), section 3.4: L_D = -E_p[alpha log D + (1 - alpha) log(1 - D)] - E_q[log(1 - D)],
            whose best is D* = alpha p / (p + q). The fakes' target stays 0: smoothing it to beta would give
            (alpha p + beta q) / (p + q), and fakes where there is no data would be no longer wrong.

    Raises:
        UserError: `real_target` outside (0, 1].
    """
    objective = objective_in_float32(
        _cross_entropy(real_target), lambda fake, real=None: -softplus(fake).mean(), sigmoid
    )
    return objective._replace(cross_entropy=True)


def non_saturating_objective(real_target: float = 1.0) -> Objective:
    """The same discriminator, and a generator that makes its fakes likely real.

    L_G = -E_q[log D]: Goodfellow et al. 2014 (arXiv:1406.2661), section 3. The same fixed point, D* = 1/2, and strong
    gradients where the minimax generator has none.

    Args:
        real_target: As in `minimax_objective`.

    Raises:
        UserError: `real_target` outside (0, 1].
    """
    objective = objective_in_float32(
        _cross_entropy(real_target), lambda fake, real=None: softplus(-fake).mean(), sigmoid
    )
    return objective._replace(cross_entropy=True)


def least_squares_objective(
    fake_target: float = 0.0, real_target: float = 1.0, generator_target: float = 1.0
) -> Objective:
    """LSGAN: regression to targets a for fakes and b for reals; the generator's is c. There is no sigmoid.

    L_D = 1/2 E_p[(C - b)^2] + 1/2 E_q[(C - a)^2], L_G = 1/2 E_q[(C - c)^2]: Mao et al. 2016 (arXiv:1611.04076), Eq. 2. At its
    best, C* = (b p + a q) / (p + q) and L_D = (b - a)^2 / 8 (2 - X), where X is Pearson's chi^2(p + q || 2 q), and
    (b - a)^2 / 4 in equilibrium. With b - c = 1 and b - a = 2 the generator too minimises X (section 3.2), up to a term that
    does not depend on it.

    Args:
        fake_target: a.
        real_target: b.
        generator_target: c. The published codings are a, b, c = 0, 1, 1 (Eq. 9, the default) and -1, 1, 0 (Eq. 8).

    Raises:
        UserError: a = b, which asks nothing of the discriminator.
    """
    if fake_target == real_target:
        raise UserError(f"least squares: reals and fakes have the same target, {real_target}: choose two")
    return objective_in_float32(
        lambda real, fake: 0.5 * jnp.square(real - real_target).mean() + 0.5 * jnp.square(fake - fake_target).mean(),
        lambda fake, real=None: 0.5 * jnp.square(fake - generator_target).mean(),
        # Real is what lies on b's side of the middle between a and b.
        decide=lambda logits: (logits - 0.5 * (fake_target + real_target)) * (1 if real_target > fake_target else -1),
    )


def wasserstein_objective() -> Objective:
    """WGAN: a critic's scores, high for reals.

    L_D = E_q[C] - E_p[C], L_G = -E_q[C]: Arjovsky et al. 2017 (arXiv:1701.07875), Eq. 2-3. At the best 1-Lipschitz critic, L_D
    is minus the Wasserstein-1 distance of p and q; that C is (near) 1-Lipschitz is for a constraint or a penalty to see to.
    """
    critic = objective_in_float32(lambda real, fake: fake.mean() - real.mean(), lambda fake, real=None: -fake.mean())
    return critic._replace(relative=True)


def hinge_objective() -> Objective:
    """The hinge: scores past the margin 1 on their own side cost nothing.

    L_D = E_p[max(0, 1 - C)] + E_q[max(0, 1 + C)], L_G = -E_q[C]: Lim and Ye 2017 (arXiv:1705.02894); Miyato et al. 2018
    (arXiv:1802.05957), Eq. 16-17. At its best, C* = sign(p - q) and L_D = 2 - 2 TV(p, q), TV = 1/2 sum |p - q| being the total
    variation.
    """
    return objective_in_float32(
        lambda real, fake: relu(1 - real).mean() + relu(1 + fake).mean(), lambda fake, real=None: -fake.mean()
    )


minimax = minimax_objective()
non_saturating = non_saturating_objective()
least_squares = least_squares_objective()
wasserstein = wasserstein_objective()
hinge = hinge_objective()

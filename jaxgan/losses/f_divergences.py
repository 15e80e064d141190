"""f-divergences between the data and the fakes, as a discriminator estimates them.

"f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization", Nowozin et al. 2016 (arXiv:1606.00709).
D_f(P || Q) = E_q[f(p / q)] is the largest E_p[T] - E_q[f*(T)] over all T, with f* the convex conjugate of f. The network's
output v may be any number; T = g_f(v) maps it onto the domain of f*.

Two choices that the paper leaves open or that published programs differ in:

* Every g_f here rises, as the paper's text has it: a larger v is "more real" for all ten. The authors' notebook has -exp(v)
  and 1 - exp(v) for reverse KL, Neyman and Hellinger, whose v means the opposite.
* Where exp(v) would grow past e^20, v is first replaced by `slowed(v)`, so that the exponential goes on along its tangent
  and no logit overflows. That only changes g_f, which still rises and still reaches the whole domain: the bound, its
  optimum and every ratio p / q that it can express stay exactly what they are.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import softplus

from jaxgan.errors import UserError
from jaxgan.losses.adversarial import Objective, objective_in_float32

Function = Callable[[jax.Array], jax.Array]

_LINEAR_BEYOND = 20.0


class Divergence(NamedTuple):
    """One row of the paper's tables; functions are elementwise on float arrays.

    Attributes:
        f: On u > 0.
        conjugate: f*(t) = sup_u (u t - f(u)), as the paper prints it: on `domain`, and in rounding only as good as that.
        domain: (lowest, highest) t; a finite end does not belong to it, except for total variation.
        activation: g_f(v), rising, from all numbers onto the domain.
        fused: f*(g_f(v)) in a form that neither overflows nor cancels.
        threshold: f'(1), what T = g_f(v) is where p = q: T above it says real, below it fake.
    """

    f: Function
    conjugate: Function
    domain: tuple[float, float]
    activation: Function
    fused: Function
    threshold: float


def slowed(v: jax.Array) -> jax.Array:
    """v up to 20, 20 + log(1 + v - 20) beyond: exp(slowed(v)) is exp(v), continued by its tangent at 20."""
    return jnp.minimum(v, _LINEAR_BEYOND) + jnp.log1p(jnp.maximum(v - _LINEAR_BEYOND, 0.0))


def _slowed_below(v: jax.Array) -> jax.Array:
    return -slowed(-v)


def _slowed_both(v: jax.Array) -> jax.Array:
    return slowed(_slowed_below(v))


@jax.custom_jvp
def _log_lambert(t: jax.Array) -> jax.Array:
    """log W(e^(1 - t)), W being Lambert's function: the x with x + e^x = 1 - t, by Newton's method."""
    target = 1 - t
    # Both starts lie right of the root of a rising convex function, from where Newton's steps descend to it.
    x = jnp.where(target > 1, jnp.log(jnp.maximum(target, 1.0)), target)
    for _ in range(6):
        x -= (x + jnp.exp(x) - target) / (1 + jnp.exp(x))
    return x


@_log_lambert.defjvp
def _log_lambert_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    x = _log_lambert(*primals)
    # x + e^x = 1 - t, so dx/dt = -1 / (1 + e^x)
    return x, -tangents[0] / (1 + jnp.exp(x))


def _jeffrey_conjugate(t: jax.Array) -> jax.Array:
    # w = W(e^(1 - t)): f* = w + 1/w + t - 2, which is 1/w - log w - 1 because w + log w = 1 - t. Its slope is u* = 1/w.
    x = _log_lambert(t)
    return jnp.exp(-x) - x - 1


def jensen_shannon_weighted(weight: float = 0.5) -> Divergence:
    """The weighted Jensen-Shannon divergence pi KL(p || m) + (1 - pi) KL(q || m), m = pi p + (1 - pi) q.

    Args:
        weight: pi in (0, 1); 1/2 gives the Jensen-Shannon divergence proper, of which the row "js" is twice.

    Raises:
        UserError: `weight` outside (0, 1).
    """
    if not 0 < weight < 1:
        raise UserError(f"weighted Jensen-Shannon divergence: the weight is {weight}, but it must lie between 0 and 1")
    pi, highest = weight, -weight * math.log(weight)

    def f(u: jax.Array) -> jax.Array:
        mixture = 1 - pi + pi * u
        return pi * u * jnp.log(u) - mixture * jnp.log(mixture)

    def conjugate(t: jax.Array) -> jax.Array:
        return (1 - pi) * jnp.log((1 - pi) / (1 - pi * jnp.exp(t / pi)))

    def fused(v: jax.Array) -> jax.Array:
        # pi e^(t / pi) = sigmoid(v)^(1 / pi) = e^-a with a = softplus(-v) / pi, and -log(1 - e^-a) = softplus(-log(e^a - 1)).
        # Past v = 80, where a nears float32's smallest number, -log(1 - e^-a) = v + log pi to the last bit.
        bounded = jnp.minimum(v, 80.0)
        a = softplus(-bounded) / pi
        log_complement = -softplus(-(a + jnp.log(-jnp.expm1(-a)))) - (v - bounded)
        return (1 - pi) * (math.log(1 - pi) - log_complement)

    return Divergence(f, conjugate, (-math.inf, highest), lambda v: highest - softplus(-v), fused, 0.0)


DIVERGENCES: dict[str, Divergence] = {
    # 1/2 sum |p - q|
    "total_variation": Divergence(
        f=lambda u: 0.5 * jnp.abs(u - 1),
        conjugate=lambda t: t,
        domain=(-0.5, 0.5),
        activation=lambda v: 0.5 * jnp.tanh(v),
        fused=lambda v: 0.5 * jnp.tanh(v),
        threshold=0.0,  # the middle of f's slopes at 1
    ),
    # sum p log p/q
    "kl": Divergence(
        f=lambda u: u * jnp.log(u),
        conjugate=lambda t: jnp.exp(t - 1),
        domain=(-math.inf, math.inf),
        activation=slowed,
        fused=lambda v: jnp.exp(slowed(v) - 1),
        threshold=1.0,
    ),
    # sum q log q/p
    "reverse_kl": Divergence(
        f=lambda u: -jnp.log(u),
        conjugate=lambda t: -1 - jnp.log(-t),
        domain=(-math.inf, 0.0),
        activation=lambda v: -jnp.exp(-_slowed_below(v)),
        fused=lambda v: _slowed_below(v) - 1,
        threshold=-1.0,
    ),
    # sum (p - q)^2 / q; the conjugate is that of f on all numbers, not only u > 0, as the paper's
    "pearson": Divergence(
        f=lambda u: jnp.square(u - 1),
        conjugate=lambda t: jnp.square(t) / 4 + t,
        domain=(-math.inf, math.inf),
        activation=lambda v: v,
        fused=lambda v: jnp.square(v) / 4 + v,
        threshold=0.0,
    ),
    # sum (p - q)^2 / p
    "neyman": Divergence(
        f=lambda u: jnp.square(1 - u) / u,
        conjugate=lambda t: 2 - 2 * jnp.sqrt(1 - t),
        domain=(-math.inf, 1.0),
        activation=lambda v: 1 - jnp.exp(-_slowed_below(v)),
        fused=lambda v: 2 - 2 * jnp.exp(-_slowed_below(v) / 2),
        threshold=0.0,
    ),
    # sum (sqrt p - sqrt q)^2
    "squared_hellinger": Divergence(
        f=lambda u: jnp.square(jnp.sqrt(u) - 1),
        conjugate=lambda t: t / (1 - t),
        domain=(-math.inf, 1.0),
        activation=lambda v: 1 - jnp.exp(-_slowed_both(v)),
        fused=lambda v: jnp.exp(_slowed_both(v)) - 1,
        threshold=0.0,
    ),
    # sum (p - q) log p/q
    "jeffrey": Divergence(
        f=lambda u: (u - 1) * jnp.log(u),
        conjugate=_jeffrey_conjugate,
        domain=(-math.inf, math.inf),
        activation=slowed,
        fused=lambda v: _jeffrey_conjugate(slowed(v)),
        threshold=0.0,
    ),
    # KL(p || m) + KL(q || m), m = (p + q) / 2: twice the Jensen-Shannon divergence
    "js": Divergence(
        f=lambda u: u * jnp.log(u) - (u + 1) * jnp.log((1 + u) / 2),
        conjugate=lambda t: -jnp.log(2 - jnp.exp(t)),
        domain=(-math.inf, math.log(2)),
        activation=lambda v: math.log(2) - softplus(-v),
        fused=lambda v: softplus(v) - math.log(2),
        threshold=0.0,
    ),
    "js_weighted": jensen_shannon_weighted(),
    # "js" - 2 log 2, so f(1) is not 0: the minimax game, with v the logit and T = log D
    "gan": Divergence(
        f=lambda u: u * jnp.log(u) - (u + 1) * jnp.log(u + 1),
        conjugate=lambda t: -jnp.log(1 - jnp.exp(t)),
        domain=(-math.inf, 0.0),
        activation=lambda v: -softplus(-v),
        fused=softplus,
        threshold=-math.log(2),
    ),
}


def make_divergence(name: str, weight: float | None = None) -> Divergence:
    """The row of that name.

    Args:
        name: A key of `DIVERGENCES`.
        weight: For "js_weighted" only, see `jensen_shannon_weighted`; None is 1/2.

    Raises:
        UserError: An unknown name, or a weight for another row or outside (0, 1).
    """
    if name not in DIVERGENCES:
        raise UserError(f"the f-divergence {name!r} is unknown: choose one of {', '.join(DIVERGENCES)}")
    if weight is None:
        return DIVERGENCES[name]
    if name != "js_weighted":
        raise UserError(f"the f-divergence {name!r} takes no weight: leave it out, or choose 'js_weighted'")
    return jensen_shannon_weighted(weight)


def f_divergence(divergence: str, generator: str = "practical", weight: float | None = None) -> Objective:
    """f-GAN: the discriminator estimates an f-divergence, the generator lowers it.

    L_D = -E_p[g_f(v)] + E_q[f*(g_f(v))] (Eq. 6, negated). At its best, T* = g_f(v*) = f'(p / q) and L_D = -D_f(P || Q);
    at p = q, T* = f'(1) and L_D = -f(1), which is 0 (2 log 2 for "gan"). `read` gives T, and `decide`
    by how much it passes f'(1), the divergence's `threshold`.

    Args:
        divergence: A key of `DIVERGENCES`.
        generator: "theoretical", L_G = -E_q[f*(g_f(v))], minimises the bound itself; "practical", L_G = -E_q[g_f(v)], has the
            same fixed point and stronger gradients where fakes are rejected (section 3.2). For "gan" the two are the
            minimax and the non-saturating game.
        weight: pi of "js_weighted".

    Raises:
        UserError: An unknown divergence or generator, or as in `make_divergence`.
    """
    row = make_divergence(divergence, weight)
    generators: dict[str, Function] = {"practical": row.activation, "theoretical": row.fused}
    if generator not in generators:
        raise UserError(f"f_divergence: the generator {generator!r} is unknown: choose one of {', '.join(generators)}")
    gain = generators[generator]
    return objective_in_float32(
        lambda real, fake: row.fused(fake).mean() - row.activation(real).mean(),
        lambda fake, real=None: -gain(fake).mean(),
        row.activation,
        # At its best T = f'(p / q), which rises with p / q: f'(1) is the paper's threshold between real and generated.
        lambda v: row.activation(v) - row.threshold,
    )

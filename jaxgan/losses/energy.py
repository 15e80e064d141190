"""Energy-based GANs: the discriminator gives each image an energy, low for reals; an auto-encoder's error is one."""

import jax
import jax.numpy as jnp
from jax.nn import relu

from jaxgan.errors import UserError
from jaxgan.losses.adversarial import Objective, as_float32, objective_in_float32


def energy(margin: float) -> Objective:
    """EBGAN: fakes are pushed up to the margin, and no further.

    L_D = E_p[D] + E_q[max(0, m - D)], L_G = E_q[D]: Zhao, Mathieu and LeCun 2016 (arXiv:1609.03126), Eq. 1-2. The logits are
    the energies D >= 0, one for each image (|| Dec(Enc(x)) - x ||), and the hinge is each image's own. At its best, D* = 0
    where p > q and m where p < q, and L_D = m (1 - TV(p, q)), TV = 1/2 sum |p - q|; in equilibrium it is m (theorem 1).

    Args:
        margin: m, in the units of the energy: the paper's 10 (MNIST) to 80 belong to the norm of the error over the whole
            image; with its mean over pixels they would never be reached.

    Raises:
        UserError: `margin` is not positive.
    """
    if margin <= 0:
        raise UserError(f"energy: the margin is {margin}, but it must be positive")
    return objective_in_float32(
        lambda real, fake: real.mean() + relu(margin - fake).mean(),
        lambda fake, real=None: fake.mean(),
        decide=lambda energies: 0.5 * margin - energies,
    )


def pulling_away(features: jax.Array) -> jax.Array:
    """The pulling-away term: the mean squared cosine between the features of two images of a batch, float32 () in [0, 1].

    f_PT = 1 / (N (N - 1)) sum_i sum_(j != i) (S_i . S_j / (|S_i| |S_j|))^2: EBGAN (arXiv:1609.03126), section 2.4. It is a term
    of the generator's loss, on the encoder's output for fakes, with weight 0.1 there. Within `pmap`, pairs are of one device.

    Args:
        features: (N, ...), any dtype; a feature vector of zeros has cosine and gradient 0.

    Raises:
        UserError: N < 2.
    """
    number = len(features)
    if number < 2:
        raise UserError(f"pulling-away term: {number} images make no pair: give a batch of at least 2")
    vectors = as_float32(features).reshape(number, -1)
    squares = jnp.square(vectors).sum(axis=1, keepdims=True)
    directions = vectors * jax.lax.rsqrt(jnp.where(squares > 0, squares, 1.0))
    cosines = directions @ directions.T
    return jnp.sum(jnp.square(cosines * (1.0 - jnp.eye(number)))) / (number * (number - 1))

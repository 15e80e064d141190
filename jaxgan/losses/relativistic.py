"""Relativistic objectives: how much more real than the fakes the reals look, not how real."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.nn import relu, softplus

from jaxgan.errors import UserError
from jaxgan.losses.adversarial import Objective, objective_in_float32
from jaxgan.mesh import batch_mean

# h(d), the cost of a lead d of reals over fakes: -log sigmoid(d); (d - 1)^2; max(0, 1 - d).
LOSSES: dict[str, Callable[[jax.Array], jax.Array]] = {
    "standard": lambda lead: softplus(-lead),
    "least_squares": lambda lead: jnp.square(lead - 1),
    "hinge": lambda lead: relu(1 - lead),
}


def _mean(logits: jax.Array) -> jax.Array:
    return batch_mean(logits.ravel(), 0)


def _pairing(cost: Callable[[jax.Array], jax.Array], real: jax.Array, fake: jax.Array) -> jax.Array:
    if real.shape != fake.shape:
        raise UserError(f"relativistic pairs: {real.shape} real logits meet {fake.shape} fakes: give equal numbers")
    # E[h(C(x_i) - C(g_i))]
    return cost(real - fake).mean()


def _average(cost: Callable[[jax.Array], jax.Array], real: jax.Array, fake: jax.Array) -> jax.Array:
    # E[h(C(x) - E C(g))] + E[h(E C(x) - C(g))]
    return cost(real - _mean(fake)).mean() + cost(_mean(real) - fake).mean()


def _centred(cost: Callable[[jax.Array], jax.Array], real: jax.Array, fake: jax.Array) -> jax.Array:
    # m = (E C(x) + E C(g)) / 2: E[h(C(x) - m)] + E[h(m - C(g))]
    middle = (_mean(real) + _mean(fake)) / 2
    return cost(real - middle).mean() + cost(middle - fake).mean()


FORMS = {"pairing": _pairing, "average": _average, "centred": _centred}


def relativistic(form: str = "pairing", loss: str = "standard") -> Objective:
    """The relativistic GANs: a real image is compared with fakes, a fake with reals.

    L_D is the form's equation (above the code that computes it) and L_G the same with the roles of x and g exchanged, so that
    the generator's loss needs the real logits. It takes the lead's cost h from `loss`. Where all logits agree, which is where a
    generator that has learned p leaves it, both losses are h(0) in pairs and 2 h(0) otherwise: log 2 and 2 log 2 for the
    standard loss. Adding a constant to every logit changes nothing.

    "The relativistic discriminator", Jolicoeur-Martineau 2018 (arXiv:1807.00734): "pairing" is its RSGAN and "average" its
    RaSGAN, RaLSGAN and RaHingeGAN. "On Relativistic f-Divergences" (2019, arXiv:1901.02474) has the other pairings (RpGAN) and
    "centred" (RcGAN). The scale is the first paper's: forms of two terms are their sum. (The author's first code halves
    that; her second keeps the sum and doubles the pairings.) Means are differentiated like everything else.

    Args:
        form: "pairing" (x_i with g_i, by index), "average" or "centred". Means are over all logits of the
            global batch.
        loss: "standard", h(d) = -log sigmoid(d); "least_squares", (d - 1)^2; "hinge", max(0, 1 - d), the generator's too.

    Raises:
        UserError: An unknown form or loss; later, when the generator's loss is not given the real logits, or when pairs
            are to be made of unequal numbers.
    """
    if form not in FORMS:
        raise UserError(f"relativistic: the form {form!r} is unknown: choose one of {', '.join(FORMS)}")
    if loss not in LOSSES:
        raise UserError(f"relativistic: the loss {loss!r} is unknown: choose one of {', '.join(LOSSES)}")
    compare, cost = FORMS[form], LOSSES[loss]

    def generator(fake: jax.Array, real: jax.Array | None = None) -> jax.Array:
        if real is None:
            raise UserError("relativistic: the generator's loss needs the real logits too: give them as `real`")
        return compare(cost, fake, real)

    return objective_in_float32(lambda real, fake: compare(cost, real, fake), generator)._replace(relative=True)

"""Relativistic losses against loops over images, as the papers print them."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from jaxgan.losses import relativistic
from jaxgan.mesh import DATA, batch_axis, data_mesh

FORMS = ("pairing", "average", "centred")
LOSSES = ("standard", "least_squares", "hinge")
# No lead lies at the hinge, where there is no gradient to compare with.
REAL = np.array([0.73, -1.21, 2.44, 0.17, -0.32, 1.95])
FAKE = np.array([-0.46, 0.91, -2.08, 0.39, 1.13, -0.85])


def minus_log_sigmoid(x):
    return math.log(1 + math.exp(-x))


# The cost of each real image, and of each fake, in the discriminator's loss and in the generator's, by its lead x over what
# it is compared with: written out, since published programs have had signs wrong here.
PRINTED = {
    # -log D~(x_r), -log(1 - D~(x_f)); -log D~(x_f), -log(1 - D~(x_r))
    "standard": (
        minus_log_sigmoid,
        lambda x: -math.log(1 - 1 / (1 + math.exp(-x))),
        lambda x: -math.log(1 - 1 / (1 + math.exp(-x))),
        minus_log_sigmoid,
    ),
    "least_squares": (lambda x: (x - 1) ** 2, lambda x: (x + 1) ** 2, lambda x: (x + 1) ** 2, lambda x: (x - 1) ** 2),
    "hinge": (lambda x: max(0, 1 - x), lambda x: max(0, 1 + x), lambda x: max(0, 1 + x), lambda x: max(0, 1 - x)),
}


def printed(form, loss, real, fake):
    """(L_D, L_G) of the papers, image by image."""
    real_d, fake_d, real_g, fake_g = PRINTED[loss]
    if form == "pairing":
        pairs = list(zip(real, fake, strict=True))
        return sum(real_d(r - f) for r, f in pairs) / len(pairs), sum(fake_g(f - r) for r, f in pairs) / len(pairs)
    mean_real, mean_fake = sum(real) / len(real), sum(fake) / len(fake)
    if form == "centred":
        mean_real = mean_fake = (mean_real + mean_fake) / 2
    return tuple(
        sum(of_real(r - mean_fake) for r in real) / len(real) + sum(of_fake(f - mean_real) for f in fake) / len(fake)
        for of_real, of_fake in ((real_d, fake_d), (real_g, fake_g))
    )


@pytest.mark.parametrize(("form", "loss"), [*itertools.product(FORMS, LOSSES)])
def test_losses_and_their_gradients_are_the_papers(form, loss):
    objective = relativistic(form, loss)
    with jax.enable_x64(True):
        real, fake = jnp.asarray(REAL).reshape(2, 3), jnp.asarray(FAKE).reshape(2, 3)
        for index, function in enumerate((objective.discriminator, lambda r, f: objective.generator(f, r))):
            assert float(function(real, fake)) == pytest.approx(printed(form, loss, REAL, FAKE)[index], rel=1e-12)
            # means move with every logit: they are not held constant
            gradients = jax.grad(function, argnums=(0, 1))(real, fake)
            for which, position in itertools.product((0, 1), range(6)):
                ends = []
                for step in (1e-6, -1e-6):
                    moved = [REAL.copy(), FAKE.copy()]
                    moved[which][position] += step
                    ends.append(printed(form, loss, *moved)[index])
                numeric = (ends[0] - ends[1]) / 2e-6
                assert gradients[which].ravel()[position] == pytest.approx(numeric, abs=1e-8)


@pytest.mark.parametrize(("form", "loss"), [*itertools.product(FORMS, LOSSES)])
def test_only_differences_count_and_equal_logits_cost_what_a_tie_does(form, loss):
    objective = relativistic(form, loss)
    real, fake = jnp.asarray(REAL, jnp.float32), jnp.asarray(FAKE, jnp.float32)
    for function in (objective.discriminator, objective.generator):
        np.testing.assert_allclose(function(real + 3, fake + 3), function(real, fake), rtol=1e-5)
        tie = {"standard": math.log(2), "least_squares": 1.0, "hinge": 1.0}[loss]
        assert float(function(real * 0 + 5, fake * 0 + 5)) == pytest.approx(tie if form == "pairing" else 2 * tie)


@pytest.mark.parametrize("form", ["average", "centred"])
def test_means_are_of_the_global_batch(form):
    objective = relativistic(form)
    real, fake = jnp.asarray(REAL, jnp.float32), jnp.asarray(FAKE, jnp.float32)
    whole, gradients = jax.value_and_grad(objective.discriminator, argnums=(0, 1))(real, fake)

    def share(real, fake):
        with batch_axis(DATA):
            value, gradients = jax.value_and_grad(objective.discriminator, argnums=(0, 1))(real, fake)
        # each device's logits enter both devices' losses, and the loss is the mean of the two
        return jax.lax.pmean(value, DATA), jax.tree.map(lambda x: x / 2, gradients)

    cut, everywhere = PartitionSpec(DATA), PartitionSpec()
    mapped = jax.shard_map(
        share, mesh=data_mesh(jax.devices()[:2]), in_specs=cut, out_specs=(everywhere, cut), check_vma=False
    )
    value, parts = jax.jit(mapped)(real, fake)
    np.testing.assert_allclose(value, whole, rtol=1e-6)
    for part, gradient in zip(parts, gradients, strict=True):
        np.testing.assert_allclose(part, gradient, rtol=1e-5, atol=1e-7)


def test_what_cannot_be_compared_is_said():
    with pytest.raises(ValueError, match="needs the real logits"):
        relativistic().generator(jnp.zeros(3))
    with pytest.raises(ValueError, match="equal numbers"):
        relativistic("pairing").discriminator(jnp.zeros(3), jnp.zeros(2))
    # means need no partners
    assert np.isfinite(relativistic("average").discriminator(jnp.zeros(3), jnp.zeros(2)))

"""Losses for a discriminator that is to see whether an image fits its condition: a label, a text.

"Generative Adversarial Text to Image Synthesis", Reed et al. 2016 (arXiv:1605.05396), section 4.2: beside real images with
their own conditions and fakes with theirs it is shown real images with conditions of others, which it must refuse. Logits are
of any shape and dtype, one for each image as a rule; losses are sums of their means, in float32.
"""

import jax
from jax.nn import softplus

from jaxgan.losses.adversarial import as_float32, non_saturating


def joint(matched: jax.Array, mismatched: jax.Array | None, fake: jax.Array, weight: float = 0.5) -> jax.Array:
    """The discriminator's loss, for one score s(x, c) of an image and its condition together; float32 ().

    L_D = -E[log D(x, c)] - w (E[log(1 - D(x, c'))] + E[log(1 - D(G(z, c), c))]), D = sigmoid(s): Reed et al. 2016, Algorithm 1,
    with w = 1/2, so that what is to be refused weighs as much as what is to be accepted. StackGAN (Zhang et al. 2016,
    arXiv:1612.03242) has the same in its program. At its best, D* = p / (p + w (p' + q)), of the densities of the three kinds.

    Args:
        matched: Scores of real images beside their own conditions.
        mismatched: Scores of real images beside conditions that are not theirs; None: none are shown, and fakes weigh 1, which
            is the loss of the first conditional GAN (Mirza and Osindero 2014, arXiv:1411.1784).
        fake: Scores of fakes beside the conditions that they were made from.
        weight: w; 1 leaves the three means as they are.
    """
    if mismatched is None:
        return non_saturating.discriminator(matched, fake)
    matched, mismatched, fake = (as_float32(logits) for logits in (matched, mismatched, fake))
    return softplus(-matched).mean() + weight * (softplus(mismatched).mean() + softplus(fake).mean())


def separate(
    real: jax.Array,
    fake: jax.Array,
    matched: jax.Array,
    mismatched: jax.Array | None,
    fake_match: jax.Array,
    weight: float = 0.5,
) -> jax.Array:
    """The discriminator's loss, for two scores: r(x), how real an image is, and m(x, c), how well it fits; float32 ().

    L_D = -E[log sigmoid r(x)] - E[log(1 - sigmoid r(G(z, c)))] + `joint` of m: StackGAN++ (Zhang et al. 2017,
    arXiv:1710.10916), section 3.2. A real image beside another's condition is real all the same, and is refused by m alone;
    where it is another image than those of `real`, as in the authors' program, its r may be added to the loss as one more real.

    Args:
        real: r of real images.
        fake: r of fakes.
        matched: m of real images beside their own conditions.
        mismatched: m of real images beside conditions that are not theirs; None as in `joint`.
        fake_match: m of fakes beside the conditions that they were made from.
        weight: As in `joint`; 1 in the authors' program.
    """
    return non_saturating.discriminator(real, fake) + joint(matched, mismatched, fake_match, weight)


def separate_generator(fake: jax.Array, fake_match: jax.Array) -> jax.Array:
    """The generator's loss against two scores: -E[log sigmoid r] - E[log sigmoid m], float32 (); of one, `non_saturating`'s.

    Args:
        fake: r of fakes.
        fake_match: m of fakes beside the conditions that they were made from.
    """
    return non_saturating.generator(fake) + non_saturating.generator(fake_match)

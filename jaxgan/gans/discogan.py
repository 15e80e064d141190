"""DiscoGAN: "Learning to Discover Cross-Domain Relations with Generative Adversarial Networks", Kim et al. 2017.

arXiv:1703.05192. CycleGAN's sister: what comes back is compared by squares, and translations in the discriminators' features.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Memory, Nets, Player, Turn
from jaxgan.losses import feature_matching, l2, non_saturating
from jaxgan.parts import Adversaries, Term
from jaxgan.parts.two_domains import TRANSLATORS, total, translated, translator_game


def discogan(
    generator_ab: Player,
    generator_ba: Player,
    discriminator_a: Player,
    discriminator_b: Player,
    *,
    reconstruction: float = 0.5,
    first_reconstruction: float = 0.01,
    curriculum_steps: int = 3333,
    features: float = 0.9,
    generator_steps: int = 2,
    terms: Sequence[Term] = (),
) -> Game:
    """Unpaired translation between domains A and B; the numbers are those of the authors' program.

    The paper's text has the sum of the adversarial loss and the reconstruction's alone: `features=0, reconstruction=0.5`.

    Args:
        generator_ab: Network A (B, H, W, C) -> B (B, H, W, C).
        generator_ba: Network B -> A.
        discriminator_a: Network images -> logits, is this from A? With `features=True` a Verdict with features (B, F).
        discriminator_b: The same for B.
        reconstruction: r, the share of the reconstruction in the generators' loss, in [0, 1].
        first_reconstruction: r in the first `curriculum_steps` steps.
        curriculum_steps: The program's first 10,000 iterations, of which a step here has three.
        features: The share, of what is adversarial, of the distance between the discriminators' mean features, in [0, 1].
        generator_steps: Turns of the generators for each of the discriminators', each on a minibatch of its own.
        terms: What the losses have beside these, for each domain; see `jaxgan.parts.terms`.
    """
    # Eq. 7: -E[log D_B(b)] - E[log(1 - D_B(G_AB(a)))] and the same for A; the program halves both.
    adversaries = Adversaries(non_saturating, terms, weight=0.5)

    def generators_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        fakes = translated(nets, batch)
        pairs = adversaries.pairs(nets, batch, memory, fakes)
        adversarial, cost, metrics, memory = adversaries.generators_loss(pairs, memory, key)
        # Program: || E f(b) - E f(G_AB(a)) ||^2 over the maps of D_B, and the same for A
        matched = total(feature_matching(one.features(one.real), one.features(one.fake, fakes=True)) for one in pairs)
        # Eq. 3: d(G_BA(G_AB(a)), a) + d(G_AB(G_BA(b)), b), d the mean square of images in [0, 1]: a quarter of ours
        back = l2(nets.generator_ba(fakes["b"]), batch["a"]) + l2(nets.generator_ab(fakes["a"]), batch["b"])
        share = jnp.where(nets.clock.step < curriculum_steps, first_reconstruction, reconstruction)
        loss = (1 - share) * ((1 - features) * adversarial + features * matched) + share * back / 4 + cost
        return loss, Aux(metrics | {"features": matched, "reconstruction": back / 4}, memory)

    return translator_game(
        {
            "generator_ab": generator_ab,
            "generator_ba": generator_ba,
            "discriminator_a": discriminator_a,
            "discriminator_b": discriminator_b,
        },
        (
            adversaries.turn(translated),
            Turn("generators", generators_loss, TRANSLATORS, repeats=generator_steps, fresh=True),
            *adversaries.lazy_turns(translated, TRANSLATORS),
        ),
        lambda batch: adversaries.extra.first_memory(),
    )

"""DualGAN: "DualGAN: Unsupervised Dual Learning for Image-to-Image Translation", Yi et al. 2017 (arXiv:1704.02510).

CycleGAN's sister: Wasserstein critics, and a mean absolute difference of what comes back.
"""

from collections.abc import Sequence

import jax

from jaxgan.core import Aux, Batch, Game, Memory, Nets, Player, Turn
from jaxgan.losses import l1, wasserstein
from jaxgan.parts import Adversaries, Term
from jaxgan.parts.two_domains import TRANSLATORS, translated, translator_game


def dualgan(
    generator_ab: Player,
    generator_ba: Player,
    discriminator_a: Player,
    discriminator_b: Player,
    *,
    reconstruction: float = 500.0,
    discriminator_steps: int = 3,
    terms: Sequence[Term] = (),
) -> Game:
    """Unpaired translation between domains A and B.

    The critics' weights must be clipped, or `terms` have the authors' later choice, "gradient_penalty". There is no latent: the
    generators' dropout is their noise, at test as in training (section 3.2).

    Args:
        generator_ab: Network A (B, H, W, C) -> B (B, H, W, C), as a rule with dropout.
        generator_ba: Network B -> A.
        discriminator_a: Critic: images -> scores, high for A.
        discriminator_b: The same for B.
        reconstruction: lambda_U and lambda_V, weight of what is lost on the way there and back: 100 to 1,000 (section 3.4).
        discriminator_steps: Turns of the critics for each of the generators', n_critic: 2 to 4 (section 3.4).
        terms: What the losses have beside these, for each domain; see `jaxgan.parts.terms`.
    """
    # Eq. 1 and 2: E[D(fake)] - E[D(real)] for each domain
    adversaries = Adversaries(wasserstein, terms)

    def generators_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        fakes = translated(nets, batch)
        pairs = adversaries.pairs(nets, batch, memory, fakes)
        adversarial, cost, metrics, memory = adversaries.generators_loss(pairs, memory, key)
        # Eq. 3: lambda_U || u - G_B(G_A(u)) ||_1 + lambda_V || v - G_A(G_B(v)) ||_1 - D_A(G_B(v)) - D_B(G_A(u))
        back = l1(nets.generator_ba(fakes["b"]), batch["a"]) + l1(nets.generator_ab(fakes["a"]), batch["b"])
        return adversarial + reconstruction * back + cost, Aux(metrics | {"reconstruction": back}, memory)

    return translator_game(
        {
            "generator_ab": generator_ab,
            "generator_ba": generator_ba,
            "discriminator_a": discriminator_a,
            "discriminator_b": discriminator_b,
        },
        (
            adversaries.turn(translated, repeats=discriminator_steps, randomness="dropout"),
            Turn("generators", generators_loss, TRANSLATORS, randomness="dropout"),
            *adversaries.lazy_turns(translated, TRANSLATORS),
        ),
        lambda batch: adversaries.extra.first_memory(),
        draws=True,
    )

"""CoGAN: "Coupled Generative Adversarial Networks", Liu and Tuzel 2016 (arXiv:1606.07536).

Two GANs of two domains, whose layers of meaning are one: one latent makes one thing in both domains, and no pair is ever seen.
"""

from collections.abc import Sequence

import jax

from jaxgan.core import Ability, Argument, Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.core.abilities import DOMAIN
from jaxgan.losses import Objective, make_objective
from jaxgan.parts import DISCRIMINATOR, GENERATOR, Adversaries, Term, merged
from jaxgan.parts.abilities import NUMBER_ARGUMENT
from jaxgan.parts.two_domains import DOMAINS


def cogan(
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 100,
    objective: Objective | str = "non_saturating",
    terms: Sequence[Term] = (),
) -> Game:
    """Pairs of images of two domains, from unpaired images of both.

    Args:
        generator: Network z (B, latent_size), "a" or "b" -> images (B, H, W, C). Which of its layers are one for both domains,
            its `tied` says: those of the first maps.
        discriminator: Network images, "a" or "b" -> logits (B,), of which the last layers are one.
        latent_size: Components of z ~ N(0, I).
        objective: The paper's is the first GAN's; any of `jaxgan.losses.OBJECTIVES`.
        terms: What the losses have beside it, for each domain; see `jaxgan.parts.terms`.
    """
    latent = Latent(latent_size)
    adversaries = Adversaries(make_objective(objective), terms, player=DISCRIMINATOR)

    def fakes(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> dict[str, jax.Array]:
        z = latent(key, len(batch["a"]))  # one for both
        return {domain: nets.generator(z, domain) for domain in DOMAINS}

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        # Eq. 3: V = E log f_1(x_1) + E log(1 - f_1(g_1(z))) + E log f_2(x_2) + E log(1 - f_2(g_2(z))), with shared weights
        pairs = adversaries.pairs(nets, batch, memory, fakes(nets, batch, memory, key))
        loss, cost, metrics, memory = adversaries.generators_loss(pairs, memory, key)
        return loss + cost, Aux(metrics, memory)

    def sample(nets: Nets, key: jax.Array, number: int, domain: str = DOMAINS[0]) -> jax.Array:
        return nets.generator(latent(key, number), domain)

    takes = {
        "number": NUMBER_ARGUMENT,
        "domain": Argument(DOMAIN, "of which domain; the same seed makes the same things in each", DOMAINS),
    }
    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator},
        inputs={GENERATOR: lambda batch: (latent.example(),), DISCRIMINATOR: lambda batch: (batch["a"],)},
        outputs={GENERATOR: lambda batch: batch["a"]},
        stages=(
            Stage(
                (adversaries.turn(fakes), Turn(GENERATOR, generator_loss), *adversaries.lazy_turns(fakes, (GENERATOR,)))
            ),
        ),
        memory=lambda key, batch: merged(adversaries.extra.first_memory()),
        abilities={"sample": Ability(sample, takes, gives="images", drawn="pairs", help="draws samples")},
    )

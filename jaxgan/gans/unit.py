"""UNIT: "Unsupervised Image-to-Image Translation Networks", Liu, Breuel and Kautz 2017 (arXiv:1703.00848).

One latent space for two domains: the encoders' last layers are one, and so are the decoders' first.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Memory, Nets, Player, Stage, Turn
from jaxgan.losses import l1, non_saturating
from jaxgan.parts import Adversaries, Term, merged
from jaxgan.parts.domain_codes import code_like, encode_ability, with_noise
from jaxgan.parts.domains import any_size, domain_images, translate_ability
from jaxgan.parts.two_domains import DOMAINS, other, total


def unit(
    encoder: Player,
    decoder: Player,
    discriminator_a: Player,
    discriminator_b: Player,
    *,
    reconstruction: float = 100.0,
    cycle: float = 100.0,
    kl: float = 0.1,
    adversarial: float = 10.0,
    crossed: bool = True,
    terms: Sequence[Term] = (),
) -> Game:
    """Unpaired translation between domains A and B; the weights are lambda_0 to lambda_4 of section 4.

    Args:
        encoder: Network images (B, H, W, C), "a" or "b" -> codes (B, ...). Which of its layers are one for both domains, its
            `tied` says: those next to the code.
        decoder: Network codes (B, ...), "a" or "b" -> images (B, H, W, C), of which the first layers are one.
        discriminator_a: Network images -> logits, is this from A?
        discriminator_b: The same for B.
        reconstruction: Weight of what is lost on the way to the code and back, lambda_2.
        cycle: Weight of what is lost on the way through the other domain, lambda_4.
        kl: Weight of the codes' divergence from N(0, I), lambda_1 and lambda_3.
        adversarial: Weight of the discriminators' judgement, lambda_0.
        crossed: False has reconstructions judged in the place of translations, and no cycle: two VAE-GANs, whose decoders are
            exchanged when they are used.
        terms: What the losses have beside these, for each domain; see `jaxgan.parts.terms`.
    """
    adversaries = Adversaries(non_saturating, terms)
    moving = ("encoder", "decoder")

    def encoded(nets: Nets, batch: Batch, key: jax.Array) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
        """The mean codes of both domains, and draws around them."""
        means = {domain: nets.encoder(batch[domain], domain) for domain in DOMAINS}
        keys = dict(zip(DOMAINS, jax.random.split(key), strict=True))
        return means, {domain: with_noise(keys[domain], means[domain]) for domain in DOMAINS}

    def fakes(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> dict[str, jax.Array]:
        _, codes = encoded(nets, batch, key)
        return {domain: nets.decoder(codes[other(domain) if crossed else domain], domain) for domain in DOMAINS}

    def autoencoders_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        made, (means, codes) = fakes(nets, batch, memory, key), encoded(nets, batch, key)
        pairs = adversaries.pairs(nets, batch, memory, made)
        taken, cost, metrics, memory = adversaries.generators_loss(pairs, memory, key)
        # Eq. 3: lambda_1 KL(q(z | x) || N(0, I)) - lambda_2 E log p(x | z): unit variances leave mean squares of the means
        divergence = total(jnp.square(means[domain]).mean() for domain in DOMAINS)
        lost = total(l1(nets.decoder(codes[domain], domain), batch[domain]) for domain in DOMAINS)
        loss = adversarial * taken + reconstruction * lost + cost
        if crossed:
            # Eq. 5: the same of the codes of translations, which are to be decoded to what was translated
            again, drawn = encoded(nets, made, jax.random.fold_in(key, 1))
            divergence += total(jnp.square(again[domain]).mean() for domain in DOMAINS)
            back = total(l1(nets.decoder(drawn[other(domain)], domain), batch[domain]) for domain in DOMAINS)
            loss += cycle * back
            metrics["cycle"] = back
        return loss + kl * divergence, Aux(metrics | {"reconstruction": lost, "kl": divergence}, memory)

    def translate(nets: Nets, images: jax.Array, source: str, target: str) -> jax.Array:
        return nets.decoder(nets.encoder(images, source), target)

    return Game(
        players={
            "encoder": encoder,
            "decoder": decoder,
            "discriminator_a": discriminator_a,
            "discriminator_b": discriminator_b,
        },
        inputs={
            "encoder": lambda batch: (domain_images(batch, 2)[0],),
            "decoder": lambda batch: (code_like(encoder, batch["a"]),),
            "discriminator_a": lambda batch: (batch["a"],),
            "discriminator_b": lambda batch: (batch["b"],),
        },
        outputs={"decoder": lambda batch: batch["a"]},
        stages=(
            Stage(
                (
                    adversaries.turn(fakes, randomness="codes"),
                    Turn("autoencoders", autoencoders_loss, moving, randomness="codes"),
                    *adversaries.lazy_turns(fakes, moving),
                )
            ),
        ),
        memory=lambda key, batch: merged(adversaries.extra.first_memory()),
        abilities={
            "translate": translate_ability(translate, DOMAINS, tiling=any_size(encoder)),
            "encode": encode_ability(lambda nets, images, source: nets.encoder(images, source), DOMAINS),
        },
    )

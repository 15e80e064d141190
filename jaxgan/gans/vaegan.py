"""VAE-GAN: "Autoencoding beyond pixels using a learned similarity metric", Larsen et al. 2015 (arXiv:1512.09300)."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.losses import Objective, make_objective, normal_cost, normal_kl
from jaxgan.parts import (
    DISCRIMINATOR,
    ENCODER,
    GENERATOR,
    Draws,
    NormalCode,
    Pair,
    Term,
    Terms,
    code_abilities,
    judge_ability,
    make_pair,
    merged,
    read,
    sample_abilities,
    scores_of,
)
from jaxgan.parts.self_supervision import features_of


class Decoded(NamedTuple):
    """What a step of a VAE-GAN decodes.

    Attributes:
        code: q(z | x) of the reals.
        reconstructed: Images (B, ...) of codes drawn from it.
        generated: As many of latents from the prior.
    """

    code: NormalCode
    reconstructed: jax.Array
    generated: jax.Array


# (nets, batch, memory, key, what is decoded) -> what a player minimises beside the likeness of reconstructions
Adversarial = Callable[[Nets, Batch, Memory, jax.Array, Decoded], tuple[jax.Array, Aux]]


def vaegan(
    encoder: Player,
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 128,
    feature_weight: float = 1e-6,
    adversarial: float = 1.0,
    objective: Objective | str = "minimax",
    terms: Sequence[Term] = (),
) -> Game:
    """A VAE whose decoder is a GAN's generator, and whose reconstructions must be near in the discriminator's features.

    Args:
        encoder: Network x (B, ...) -> (B, 2 latent_size).
        generator: The decoder, a network z (B, latent_size) -> images (B, ...).
        discriminator: Network images -> logits (B,), and with `features=True` a Verdict with features, Dis_l.
        latent_size: Components of z.
        feature_weight: gamma, what the reconstruction weighs beside the GAN's loss for the decoder. The authors' program takes
            1e-6 for CelebA, where features are 16,384; it must fit their number and scale.
        adversarial: Weight of the GAN's losses; 0 leaves a VAE that compares features of a network that has learned nothing.
        objective: The paper's minimax game, "non_saturating", or any of `jaxgan.losses.OBJECTIVES`.
        terms: What the losses have beside these, the mean over either kind of fakes; see `jaxgan.parts.terms`.
    """
    objective, latent = make_objective(objective), Latent(latent_size)
    extra = Terms(
        terms,
        ("reconstructed", "generated"),
        decide=objective.decide,
        cross_entropy=objective.cross_entropy,
        objective_weight=adversarial,
        mean=True,
    )

    def pairs(nets: Nets, batch: Batch, memory: Memory, decoded: Decoded) -> tuple[Pair, Pair]:
        one, other = (
            make_pair(nets, DISCRIMINATOR, batch["image"], getattr(decoded, kind), batch, memory, name=kind)
            for kind in ("reconstructed", "generated")
        )
        return one, other

    # L_GAN = log Dis(x) + log(1 - Dis(Dec(z))) + log(1 - Dis(Dec(Enc(x)))). For the discriminator both kinds of fakes weigh as
    # much as the reals, as in the program; for the decoder each counts whole (Algorithm 1, and there too).

    def discriminates(
        nets: Nets, batch: Batch, memory: Memory, key: jax.Array, decoded: Decoded
    ) -> tuple[jax.Array, Aux]:
        both = pairs(nets, batch, memory, decoded)
        loss = jnp.stack([objective.discriminator(pair.real_logits, pair.fake_logits) for pair in both]).mean()
        cost, metrics, memory = extra.add(DISCRIMINATOR, both, memory, key)
        metrics |= read(objective, both[1])
        return adversarial * loss + cost, Aux(metrics, memory, scores_of(both[:1], objective))

    def deceives(nets: Nets, batch: Batch, memory: Memory, key: jax.Array, decoded: Decoded) -> tuple[jax.Array, Aux]:
        both = pairs(nets, batch, memory, decoded)
        loss = jnp.stack([objective.generator(extra.fake_logits(pair), pair.real_logits) for pair in both]).sum()
        cost, metrics, memory = extra.add(GENERATOR, both, memory, key)
        return adversarial * loss + cost, Aux(metrics | {"adversarial": loss}, memory)

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[Pair, Pair]:
        return pairs(nets, batch, memory, decode(nets, batch, latent, key))

    return vaegan_game(
        encoder,
        generator,
        discriminator,
        latent,
        feature_weight,
        discriminates,
        deceives,
        turns=extra.lazy_turns(drawn),
        memory=merged(extra.first_memory()),
        judge=judge_ability(decide=objective.decide).function,
    )


def decode(nets: Nets, batch: Batch, latent: Latent, key: jax.Array) -> Decoded:
    """Draws codes of the reals and from the prior, and has both decoded."""
    code_key, prior_key = jax.random.split(key)
    code = NormalCode.of(nets.encoder(batch["image"]))
    drawn, free = code.draw(code_key), latent(prior_key, len(batch["image"]))
    return Decoded(code, nets.generator(drawn), nets.generator(free))


def vaegan_game(
    encoder: Player,
    generator: Player,
    discriminator: Player,
    latent: Latent,
    feature_weight: float,
    discriminates: Adversarial,
    deceives: Adversarial,
    turns: Sequence[Turn] = (),
    memory: Memory = None,
    judge: Callable[..., jax.Array] | None = None,
    encodes: Adversarial | None = None,
) -> Game:
    """The game of those whose discriminator's features say how near a reconstruction is; Algorithm 1.

    Args:
        encoder: Moves on L_prior + L_like alone, unless `encodes` says more.
        generator: Moves on gamma L_like and on what `deceives` says.
        discriminator: Moves on what `discriminates` says alone: L_like would have it forget how images differ.
        latent: The prior.
        feature_weight: gamma.
        discriminates: The discriminator's loss.
        deceives: The decoder's, without L_like.
        turns: More of them, at the end of a step.
        memory: What the game remembers at first.
        judge: (nets, key, images) -> how real they look, (B,); None: the discriminator's own score.
        encodes: The encoder's, without L_prior and L_like; None for none.
    """
    draws = Draws(latent)

    def likeness(nets: Nets, batch: Batch, decoded: Decoded) -> jax.Array:
        # Eq. 7 and 8: L_like = - E_q[log N(Dis_l(x); Dis_l(Dec(z)), I)]
        return normal_cost(features_of(nets, batch["image"]), features_of(nets, decoded.reconstructed)).mean()

    def encoder_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        decoded = decode(nets, batch, latent, key)
        divergence, like = normal_kl(*decoded.code).mean(), likeness(nets, batch, decoded)
        more, aux = encodes(nets, batch, memory, key, decoded) if encodes else (jnp.zeros(()), Aux({}))
        return divergence + like + more, Aux({"kl": divergence, "feature_cost": like, **(aux.metrics or {})})

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        decoded = decode(nets, batch, latent, key)
        loss, aux = deceives(nets, batch, memory, key, decoded)
        return feature_weight * likeness(nets, batch, decoded) + loss, aux

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        return discriminates(nets, batch, memory, key, decode(nets, batch, latent, key))

    # All gradients are taken at the same parameters, on the same codes: the compiler runs each network once for all.
    return Game(
        players={
            ENCODER: encoder.with_network(outputs=2 * latent.size),
            GENERATOR: generator,
            DISCRIMINATOR: discriminator,
        },
        inputs={
            ENCODER: lambda batch: (batch["image"],),
            GENERATOR: draws.generator_inputs,
            DISCRIMINATOR: lambda batch: (batch["image"],),
        },
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=(
            Stage(
                (
                    Turn(ENCODER, encoder_loss, randomness="codes"),
                    Turn(GENERATOR, generator_loss, together=True, randomness="codes"),
                    Turn(DISCRIMINATOR, discriminator_loss, together=True, randomness="codes"),
                    *turns,
                )
            ),
        ),
        memory=lambda key, batch: dict(memory or {}),
        abilities=sample_abilities(draws)
        | code_abilities(
            lambda nets, images: NormalCode.of(nets.encoder(images)),
            lambda nets, codes: nets.generator(codes),
            densities=True,
        )
        | {"judge": judge_ability() if judge is None else dataclasses.replace(judge_ability(), function=judge)},
    )

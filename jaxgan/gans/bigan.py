"""BiGAN: "Adversarial Feature Learning", Donahue et al. 2016 (arXiv:1605.09782), and ALI, "Adversarially Learned Inference",
Dumoulin et al. 2016 (arXiv:1606.00704): the same game, whose encoder draws."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.losses import non_saturating
from jaxgan.parts import (
    DISCRIMINATOR,
    ENCODER,
    GENERATOR,
    Draws,
    NormalCode,
    Pair,
    Term,
    Terms,
    as_verdict,
    code_abilities,
    merged,
    read,
    sample_abilities,
    scores_of,
)


def bigan(
    encoder: Player,
    generator: Player,
    discriminator: Player,
    *,
    latent_size: int = 50,
    latent: str = "uniform",
    stochastic: bool = False,
    joint: bool = True,
    terms: Sequence[Term] = (),
) -> Game:
    """Encoder and generator never see each other: both must make pairs (x, z) that the discriminator cannot tell apart.

    Nothing asks for G(E(x)) = x, and yet it is so at the optimum (theorem 2).

    Args:
        encoder: Network x (B, ...) -> codes (B, latent_size), which must be able to lie where latents do; 2 latent_size outputs
            where it draws.
        generator: Network z (B, latent_size) -> images (B, ...).
        discriminator: Network images, codes -> logits (B,), is the pair an image with its code, or a latent with its image?
        latent_size: Components of z.
        latent: Their distribution; see `jaxgan.core.Latent`.
        stochastic: The encoder gives a normal density, from which codes are drawn (ALI).
        joint: False shows the discriminator images beside zeros, a control: nothing then teaches the encoder.
        terms: What the losses have beside these; see `jaxgan.parts.terms`.
    """
    draws = Draws(Latent(latent_size, latent))
    extra = Terms(terms, cross_entropy=True)

    def encode(nets: Nets, images: jax.Array) -> jax.Array | NormalCode:
        outputs = nets.encoder(images)
        return NormalCode.of(outputs) if stochastic else outputs

    def judge(codes: jax.Array) -> Callable[..., Any]:
        told = codes if joint else jnp.zeros_like(codes)
        return lambda nets, images, **options: nets.discriminator(images, told, **options)

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[Pair]:
        code_key, prior_key = jax.random.split(key)
        real, code = batch["image"], encode(nets, batch["image"])
        code = code.draw(code_key) if isinstance(code, NormalCode) else code
        z = draws.latent(prior_key, len(real))
        fake, of_real, of_fake = nets.generator(z), judge(code), judge(z)
        verdicts = as_verdict(of_real(nets, real)), as_verdict(of_fake(nets, fake))
        # Its latent is not told to terms: they would judge neighbours of z beside z itself.
        return (Pair(nets, DISCRIMINATOR, of_real, of_fake, real, fake, *verdicts, batch, memory),)

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        (pair,) = drawn(nets, batch, memory, key)
        # Eq. 3: - E[log D(x, E(x))] - E[log(1 - D(G(z), z))]
        loss = non_saturating.discriminator(pair.real_logits, pair.fake_logits)
        cost, metrics, memory = extra.add(DISCRIMINATOR, (pair,), memory, key)
        return loss + cost, Aux(metrics | read(non_saturating, pair), memory, scores_of((pair,)))

    def deceiving_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        (pair,) = drawn(nets, batch, memory, key)
        # Section 3.4: with the labels exchanged, - E[log(1 - D(x, E(x)))] - E[log D(G(z), z)]
        loss = non_saturating.discriminator(extra.fake_logits(pair), pair.real_logits)
        cost, metrics, memory = extra.add(GENERATOR, (pair,), memory, key)
        return loss + cost, Aux(metrics, memory)

    both = (ENCODER, GENERATOR)
    outputs = (1 + stochastic) * latent_size
    # Both sides move at once, on the same pairs.
    turns = (
        Turn(DISCRIMINATOR, discriminator_loss, randomness="pairs"),
        Turn("encoder_and_generator", deceiving_loss, both, randomness="pairs", together=True),
        *extra.lazy_turns(drawn, {DISCRIMINATOR: (DISCRIMINATOR,), GENERATOR: both}),
    )
    return Game(
        players={
            ENCODER: encoder.with_network(outputs=outputs),
            GENERATOR: generator,
            DISCRIMINATOR: discriminator,
        },
        inputs={
            ENCODER: lambda batch: (batch["image"],),
            GENERATOR: draws.generator_inputs,
            DISCRIMINATOR: lambda batch: (batch["image"], jnp.zeros((len(batch["image"]), latent_size))),
        },
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=(Stage(turns),),
        memory=lambda key, batch: merged(extra.first_memory()),
        abilities=sample_abilities(draws)
        | code_abilities(encode, lambda nets, codes: nets.generator(codes), densities=stochastic),
    )

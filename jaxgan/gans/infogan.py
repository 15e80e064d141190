"""InfoGAN: "Interpretable Representation Learning by Information Maximizing GANs", Chen et al. 2016 (arXiv:1606.03657)."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Ability, Argument, Aux, Batch, Game, Memory, Nets, Player, Stage, Turn
from jaxgan.core.abilities import CHOICE, IMAGES, STRENGTH
from jaxgan.losses import information, non_saturating
from jaxgan.parts import (
    DISCRIMINATOR,
    GENERATOR,
    Draws,
    Pair,
    Term,
    Terms,
    judge_ability,
    merged,
    read,
    sample_abilities,
    sample_ability,
    scores_of,
)
from jaxgan.parts.abilities import NUMBER_ARGUMENT, label_argument, with_own_classes
from jaxgan.parts.coded_latents import CodedLatent
from jaxgan.parts.self_supervision import features_of, head_inputs

CODE_HEAD = "code_head"


def infogan(
    generator: Player,
    discriminator: Player,
    code_head: Player,
    *,
    latent_size: int = 62,
    latent: str = "uniform",
    categorical: int = 1,
    categories: int = 10,
    continuous: int = 2,
    categorical_weight: float = 1.0,
    continuous_weight: float = 1.0,
    learned_deviation: bool = True,
    terms: Sequence[Term] = (),
) -> Game:
    """A GAN whose generator keeps what a head on the discriminator's features can read of the codes that it was given.

    Samples can be asked for a category of the first categorical code, as other games' for a class: `label`.

    Args:
        generator: Network latents (B, noise and codes) -> images (B, ...).
        discriminator: Network images -> scores (B,), and with `features=True` a Verdict with features (B, F).
        code_head: Q: network features (B, F) -> (B, outputs): class logits of the categorical codes, then the means of the
            continuous ones, then their log deviations.
        latent_size: Components of the noise.
        latent: Its distribution; see `jaxgan.core.Latent`.
        categorical: How many categorical codes there are; see `jaxgan.parts.coded_latents.CodedLatent`.
        categories: Of each of them.
        continuous: How many continuous codes there are.
        categorical_weight: lambda of the categorical codes' information. 0, as for the others, leaves a plain GAN whose codes
            are noise, a control.
        continuous_weight: lambda of the continuous codes' information.
        learned_deviation: Whether Q says how sure it is of a continuous code, as in the paper; False: its deviation is 1, as in
            the authors' program for MNIST.
        terms: What the losses have beside these; see `jaxgan.parts.terms`.
    """
    codes = CodedLatent(latent_size, latent, categorical, categories, continuous)
    draws, extra = Draws(codes), Terms(terms, cross_entropy=True)
    outputs = categorical * categories + continuous * (2 if learned_deviation else 1)

    def info(nets: Nets, pair: Pair) -> tuple[jax.Array, dict[str, jax.Array]]:
        """- lambda L_I of the fakes, and metrics."""
        said = nets[CODE_HEAD](pair.features(pair.fake, fakes=True))
        loss, start = jnp.zeros(()), categorical * categories
        metrics: dict[str, jax.Array] = {}
        # L_I = E[log Q(c | x)] + H(c), x = G(z, c)
        if categorical:
            logits, category = codes.logits(said), codes.category(pair.needed_latent)
            bound = information.categorical_bound(logits, category)
            loss -= categorical_weight * bound
            right = (logits.argmax(-1) == category).mean()
            metrics |= {"categorical_information": bound, "code_accuracy": right}
        if continuous:
            mean, log_deviation = said[:, start : start + continuous], said[:, start + continuous :]
            code = codes.code(pair.needed_latent)
            bound = information.gaussian_bound(code, mean, log_deviation if learned_deviation else None)
            loss -= continuous_weight * bound
            metrics |= {"continuous_information": bound, "code_error": jnp.square(mean - code).mean()}
        return loss, metrics

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = draws.pair(nets, batch, memory, key)
        # Eq. 6: min_{G,Q} max_D V(D, G) - lambda L_I(G, Q); Q shares D's layers and moves with it
        adversarial = non_saturating.discriminator(pair.real_logits, pair.fake_logits)
        kept, metrics = info(nets, pair)
        cost, more, memory = extra.add(DISCRIMINATOR, [pair], memory, key)
        return adversarial + kept + cost, Aux(metrics | more | read(non_saturating, pair), memory, scores_of([pair]))

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = draws.pair(nets, batch, memory, key)
        kept, metrics = info(nets, pair)
        cost, more, memory = extra.add(GENERATOR, [pair], memory, key)
        return non_saturating.generator(extra.fake_logits(pair)) + kept + cost, Aux(metrics | more, memory)

    def asked_category(latents: jax.Array, label: jax.Array | None) -> jax.Array:
        return latents if label is None else codes.with_category(latents, label)

    def edit(
        nets: Nets,
        key: jax.Array,
        number: int,
        code: str,
        strength: jax.Array | None = None,  # batch norm's statistics are those of codes as they are drawn
        label: jax.Array | None = None,
    ) -> jax.Array:
        latents = asked_category(codes(key, number), label)
        return nets.generator(latents if strength is None else codes.with_code(latents, code, strength))

    def sample(
        nets: Nets, key: jax.Array, number: int, label: jax.Array | None = None, truncation: Any = None
    ) -> jax.Array:
        return nets.generator(asked_category(draws.latent(key, number, truncation), label))

    def cluster(nets: Nets, key: jax.Array, images: jax.Array) -> jax.Array:
        return codes.logits(nets[CODE_HEAD](features_of(nets, images)))[:, 0]

    abilities = sample_abilities(draws) | {
        "sample": sample_ability(sample, categories if categorical else 0),
        "judge": judge_ability(),
    }
    if continuous:
        takes = {
            "number": NUMBER_ARGUMENT,
            "code": Argument(CHOICE, "the code to set", codes.names, required=True),
            "strength": Argument(STRENGTH, "its value, from -1 to 1 in training", required=True, bounds=(-3.0, 3.0)),
            **label_argument(categories if categorical else 0),
        }
        help = "draws samples of which a continuous code is set"
        abilities["edit"] = Ability(edit, takes, gives="images", drawn="codes", help=help)
    if categorical:
        images = Argument(IMAGES, "images to read", required=True, array="image")
        help = "says which category of the first categorical code images are of"
        abilities["cluster"] = Ability(cluster, {"images": images}, gives="class_logits", help=help)
    turns = (
        Turn(DISCRIMINATOR, discriminator_loss, (DISCRIMINATOR, CODE_HEAD)),
        Turn(GENERATOR, generator_loss),
        *extra.lazy_turns(lambda *args: [draws.pair(*args)]),
    )
    return Game(
        players={
            GENERATOR: generator,
            DISCRIMINATOR: discriminator,
            CODE_HEAD: code_head.with_network(outputs=outputs),
        },
        inputs={
            GENERATOR: draws.generator_inputs,
            DISCRIMINATOR: draws.discriminator_inputs,
            CODE_HEAD: head_inputs(discriminator),
        },
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=(Stage(turns),),
        memory=lambda key, batch: merged(extra.first_memory()),
        abilities=with_own_classes(abilities, "category"),
    )

"""StackGAN++: "StackGAN++: Realistic Image Synthesis with Stacked Generative Adversarial Networks", Zhang et al. 2017.

arXiv:1710.10916. One generator, a tree, makes an image of each of several sizes, and each size has a discriminator.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.errors import UserError
from jaxgan.layers import average_pool
from jaxgan.losses import matching_aware, non_saturating
from jaxgan.losses.colour import colour_consistency
from jaxgan.losses.variational import normal_kl
from jaxgan.parts import DISCRIMINATOR, GENERATOR, Pair, Term, Terms, as_verdict, make_pair, merged, scores_of
from jaxgan.parts.captions import Captions, mismatched


def stackgan_v2(
    generator: Player,
    discriminator: Mapping[str, Player],
    text_encoder: Player | None = None,
    image_encoder: Player | None = None,
    *,
    latent_size: int = 100,
    condition_size: int = 128,
    text_steps: int = 1000,
    kl_weight: float = 2 / 128,
    conditional_weight: float = 1.0,
    unconditional_weight: float = 1.0,
    mismatched_weight: float = 0.5,
    colour_weight: float = 0.0,
    terms: Sequence[Term] = (),
) -> Game:
    """A tree of generators with a loss at each size: is the image real, does it fit the text, has it the smaller one's colours.

    Minibatches and what is drawn of them are as in `stackgan`. A discriminator is told the embedding, as there; in the authors'
    program it is the mean mu of the condition, which moves with the generator.

    Args:
        generator: Network z (B, latent_size), embeddings (B, D), noise (B, condition_size) -> images; with `levels=True` images
            of all sizes, the smallest first, and mean and log variance of the condition.
        discriminator: "level_0" for the smallest images, "level_1", ...: network images, embeddings -> a Verdict with the score
            of the image alone and its match with the text, (B,) each. A level's side is twice that of the one before.
        text_encoder: As in `stackgan`.
        image_encoder: As in `stackgan`.
        latent_size: Components of z ~ N(0, I).
        condition_size: Components of the condition c.
        text_steps: Steps in which the encoders are trained, before the game.
        kl_weight: As in `stackgan`.
        conditional_weight: Of the losses on the match; 0 leaves a game that does not look at the text, a control.
        unconditional_weight: Of the losses on the image alone (the paper has 1 for both).
        mismatched_weight: Of mismatched pairs and of fakes, beside matched reals; 1 in the authors' program, whose other image
            also counts as one more real for the image alone.
        colour_weight: alpha, of the colour consistency; in the authors' program 50 without text, and 0 with it.
        terms: What the losses have beside these, at each level; see `jaxgan.parts.terms`.

    Raises:
        UserError: The levels are not level_0, level_1, ...; or the generator makes another number of images.
    """
    levels = tuple(f"level_{index}" for index in range(len(discriminator)))
    if sorted(discriminator) != sorted(levels):
        raise UserError(
            f"stackgan_v2: the discriminators are {', '.join(discriminator)}, but must be level_0, level_1, ..."
        )
    generator = generator.with_network(condition_size=condition_size)
    captions = Captions(text_encoder, image_encoder, text_steps)
    latent, noise = Latent(latent_size), Latent(condition_size)
    extra = Terms(terms, levels, cross_entropy=True, objective_weight=unconditional_weight)

    def sizes(images: jax.Array) -> list[jax.Array]:
        """The images at the size of each level, the smallest first."""
        most = 2 ** (len(levels) - 1)
        if images.shape[1] % most or images.shape[2] % most:
            raise UserError(
                f"images of {images.shape[1]}x{images.shape[2]} cannot be halved {len(levels) - 1} times, once "
                "for each level but the last"
            )
        made = [images]
        for _ in levels[1:]:
            made.insert(0, average_pool(made[0]))
        return made

    def made(
        nets: Nets, key: jax.Array, embedding: jax.Array, truncation: Any = None
    ) -> tuple[Any, jax.Array, jax.Array]:
        """Images of all levels, and mean and log variance of the condition."""
        z_key, own = jax.random.split(key)
        z = latent(z_key, len(embedding), truncation)
        images, mean, log_variance = nets.generator(z, embedding, noise(own, len(embedding)), levels=True)
        if len(images) != len(levels):
            raise UserError(
                f"stackgan_v2: the generator makes images of {len(images)} sizes, but there are {len(levels)} discriminators"
            )
        return images, mean, log_variance

    def drawn(
        nets: Nets, batch: Batch, memory: Memory, key: jax.Array
    ) -> tuple[list[Pair], tuple[jax.Array, jax.Array], jax.Array]:
        told = captions.draw(batch, jax.random.fold_in(key, 0))
        embedding, pairs = captions.embed(nets, told), []
        fakes, *moments = made(nets, jax.random.fold_in(key, 1), embedding)
        for level, real, fake in zip(levels, sizes(batch["image"]), fakes, strict=True):
            judge, name = _beside(level, embedding), f"{DISCRIMINATOR}/{level}"
            pair = make_pair(nets, name, real, fake, batch, memory, discriminate=judge, name=level)
            # The same reals beside the captions of others, which the match alone is to refuse.
            wrong = as_verdict(_beside(level, mismatched(told, embedding))(nets, real))
            pairs.append(pair._replace(mismatched_verdict=wrong))
        return pairs, (moments[0], moments[1]), told

    def discriminators_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pairs, _, told = drawn(nets, batch, memory, key)
        total = jnp.zeros(())
        values: dict[str, jax.Array] = {}
        for pair in pairs:
            assert pair.mismatched_verdict is not None
            real, fake, wrong = pair.real_verdict.fit, pair.fake_verdict.fit, pair.mismatched_verdict.fit
            # Eq. 6: -log D(x) - log(1 - D(G)), and -log D(x, c) - log(1 - D(G, c)) with mismatched pairs beside the fakes
            unconditional = non_saturating.discriminator(pair.real_logits, pair.fake_logits)
            conditional = matching_aware.joint(real, wrong, fake, mismatched_weight)
            total += unconditional_weight * unconditional + conditional_weight * conditional
            values |= {f"unconditional_{pair.name}": unconditional, f"conditional_{pair.name}": conditional}
        cost, metrics, memory = extra.add(DISCRIMINATOR, pairs, memory, key)
        return total + cost, Aux(metrics | values, captions.remember(memory, told), scores_of(pairs))

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pairs, moments, _ = drawn(nets, batch, memory, key)
        # Eq. 7, a sum over the sizes: -log D(G) - log D(G, c) ...
        total = sum(
            unconditional_weight * non_saturating.generator(extra.fake_logits(pair))
            + conditional_weight * non_saturating.generator(pair.fake_verdict.fit)
            for pair in pairs
        )
        # ... with Eq. 8, each image's colours beside those of the next smaller one, and the divergence of c's density
        colour = sum(colour_consistency(fine.fake, coarse.fake) for coarse, fine in itertools.pairwise(pairs))
        divergence = normal_kl(*moments).mean()
        cost, metrics, memory = extra.add(GENERATOR, pairs, memory, key)
        loss = total + colour_weight * colour + kl_weight * divergence + cost
        return loss, Aux(metrics | {"colour": jnp.asarray(colour, jnp.float32), "kl": divergence}, memory)

    def sample(nets: Nets, key: jax.Array, number: int, embedding: jax.Array, level: str, truncation: Any) -> jax.Array:
        return made(nets, key, embedding, truncation)[0][levels.index(level)]

    def match(nets: Nets, images: jax.Array, embedding: jax.Array) -> jax.Array:
        return as_verdict(nets.discriminator[levels[-1]](images, embedding)).fit

    sides = {DISCRIMINATOR: tuple(f"{DISCRIMINATOR}/{level}" for level in levels), GENERATOR: (GENERATOR,)}
    turns = (
        Turn("discriminators", discriminators_loss, sides[DISCRIMINATOR]),
        Turn(GENERATOR, generator_loss),
        *extra.lazy_turns(lambda *args: drawn(*args)[0], sides),
    )
    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator, **captions.players},
        inputs={
            GENERATOR: lambda batch: (latent.example(), captions.example(batch), noise.example()),
            DISCRIMINATOR: {
                level: lambda batch, index=index: (sizes(batch["image"])[index][:1], captions.example(batch))
                for index, level in enumerate(levels)
            },
            **captions.inputs,
        },
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=(*captions.stages, Stage(turns)),
        memory=lambda key, batch: merged(captions.first_memory(batch), extra.first_memory()),
        abilities=captions.abilities(sample, match, levels),
    )


def _beside(level: str, embedding: jax.Array) -> Callable[..., Any]:
    return lambda nets, images, **options: nets.discriminator[level](images, embedding, **options)

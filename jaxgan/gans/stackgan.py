"""StackGAN: "StackGAN: Text to Photo-realistic Image Synthesis with Stacked Generative Adversarial Networks".

Zhang et al. 2016, arXiv:1612.03242. A first GAN draws a small picture of what a text says; a second one, when that is trained,
makes it large.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.errors import UserError
from jaxgan.layers import average_pool
from jaxgan.losses import matching_aware, non_saturating
from jaxgan.losses.variational import normal_kl
from jaxgan.parts import DISCRIMINATOR, GENERATOR, Pair, Term, Terms, as_verdict, make_pair, merged, scores_of
from jaxgan.parts.captions import Captions, mismatched

_LEVELS = ("level_0", "level_1")


@dataclasses.dataclass(frozen=True)
class _Level(Stage):
    """The stage in which the GAN of a level is trained; samples are that level's."""

    level: str = _LEVELS[-1]


def stackgan(
    generator: Mapping[str, Player],
    discriminator: Mapping[str, Player],
    text_encoder: Player | None = None,
    image_encoder: Player | None = None,
    *,
    latent_size: int = 100,
    condition_size: int = 128,
    reduction: int = 4,
    text_steps: int = 1000,
    first_stage_steps: int = 1000,
    kl_weight: float = 2 / 128,
    mismatched_weight: float = 0.5,
    terms: Sequence[Term] = (),
) -> Game:
    """Stage I and stage II, each with a discriminator and a conditioning augmentation of its own.

    Minibatches hold "image" and "caption"; or, without the two encoders, "image" and "embedding". A turn takes one caption of
    each image, and for mismatched pairs that of another image; the authors' program averages the embeddings of four.

    Args:
        generator: "level_0", stage I: network z (B, latent_size), embeddings (B, D), noise (B, condition_size) -> small images;
            "level_1", stage II: network small images, embeddings, noise -> images. With `moments=True` both also give mean and
            log variance of the condition, (B, condition_size) each.
        discriminator: "level_0" and "level_1": network images, embeddings -> scores (B,).
        text_encoder: Network captions (B, T) -> embeddings (B, D), trained before stage I; None where the data have embeddings.
        image_encoder: Network images -> (B, D), by which it is trained.
        latent_size: Components of z ~ N(0, I).
        condition_size: Components of the condition c.
        reduction: The side of the images over that of stage I's.
        text_steps: Steps in which the encoders are trained.
        first_stage_steps: Steps of stage I after them; stage II plays the rest.
        kl_weight: lambda, of the divergence of c's density from N(0, I), summed over its components. The paper has 1; the
            default is that of the authors' program, 2 times the mean over 128 components.
        mismatched_weight: Of mismatched pairs and of fakes, beside matched reals; 1/2 in the authors' program.
        terms: What the losses have beside these, at each level; see `jaxgan.parts.terms`.

    Raises:
        UserError: The levels are not these two; or the images cannot be reduced so.
    """
    for side, players in ((GENERATOR, generator), (DISCRIMINATOR, discriminator)):
        if sorted(players) != sorted(_LEVELS):
            raise UserError(f"stackgan: the {side}s are {', '.join(players)}, but they must be level_0 and level_1")
    generator = {name: player.with_network(condition_size=condition_size) for name, player in generator.items()}
    captions = Captions(text_encoder, image_encoder, text_steps)
    latent, noise = Latent(latent_size), Latent(condition_size)
    extra = Terms(terms, _LEVELS, cross_entropy=True)

    def small(images: jax.Array) -> jax.Array:
        if images.shape[1] % reduction or images.shape[2] % reduction:
            raise UserError(
                f"images of {images.shape[1]}x{images.shape[2]} cannot be reduced to 1/{reduction} of their sides"
            )
        return average_pool(images, reduction)

    def made(
        nets: Nets, key: jax.Array, embedding: jax.Array, level: str, truncation: Any = None
    ) -> tuple[jax.Array, jax.Array]:
        """Images of a level, (B, ...), and the divergence of its condition's density."""
        z_key, *keys = jax.random.split(key, 3)
        image, divergence = latent(z_key, len(embedding), truncation), None
        for name, own in zip(_LEVELS[: _LEVELS.index(level) + 1], keys, strict=False):
            # I_0 = G_0(z, c_0), and I = G_1(I_0, c_1); each level draws a condition c = mu(e) + sigma(e) eps of its own.
            image, *moments = nets.generator[name](image, embedding, noise(own, len(embedding)), moments=True)
            divergence = normal_kl(*moments).mean()
        assert divergence is not None
        return image, divergence

    def drawn(
        level: str, nets: Nets, batch: Batch, memory: Memory, key: jax.Array
    ) -> tuple[Pair, jax.Array, jax.Array]:
        told = captions.draw(batch, jax.random.fold_in(key, 0))
        embedding = captions.embed(nets, told)
        fake, divergence = made(nets, jax.random.fold_in(key, 1), embedding, level)
        real = small(batch["image"]) if level == _LEVELS[0] else batch["image"]

        def beside(embedding: jax.Array) -> Callable[..., Any]:
            return lambda nets, images, **options: nets.discriminator[level](images, embedding, **options)

        name = f"{DISCRIMINATOR}/{level}"
        pair = make_pair(nets, name, real, fake, batch, memory, discriminate=beside(embedding), name=level)
        wrong = as_verdict(beside(mismatched(told, embedding))(nets, real))
        return pair._replace(mismatched_verdict=wrong), divergence, told

    def discriminator_loss(level: str) -> Callable[..., tuple[jax.Array, Aux]]:
        def loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
            pair, _, told = drawn(level, nets, batch, memory, key)
            assert pair.mismatched_verdict is not None
            wrong = pair.mismatched_verdict.score
            # Eq. 3 and 5, with mismatched pairs as in section 3.5: -log D(x, e) - 1/2 [log(1 - D(x, e')) + log(1 - D(G, e))]
            value = matching_aware.joint(pair.real_logits, wrong, pair.fake_logits, mismatched_weight)
            cost, metrics, memory = extra.add(DISCRIMINATOR, [pair], memory, key)
            shares = {"d_real": pair.real_logits, "d_mismatched": wrong, "d_fake": pair.fake_logits}
            metrics |= {name: jax.nn.sigmoid(logits).mean() for name, logits in shares.items()}
            return value + cost, Aux(metrics, captions.remember(memory, told), scores_of([pair]))

        return loss

    def generator_loss(level: str) -> Callable[..., tuple[jax.Array, Aux]]:
        def loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
            pair, divergence, _ = drawn(level, nets, batch, memory, key)
            # Eq. 4 and 6, non-saturating: -log D(G, e) + lambda KL(N(mu(e), Sigma(e)) || N(0, I))
            value = non_saturating.generator(extra.fake_logits(pair)) + kl_weight * divergence
            cost, metrics, memory = extra.add(GENERATOR, [pair], memory, key)
            return value + cost, Aux(metrics | {"kl": divergence}, memory)

        return loss

    def stage(level: str, until: int | None) -> Stage:
        sides = {side: (f"{side}/{level}",) for side in (DISCRIMINATOR, GENERATOR)}
        turns = (
            Turn(DISCRIMINATOR, discriminator_loss(level), sides[DISCRIMINATOR]),
            Turn(GENERATOR, generator_loss(level), sides[GENERATOR]),
            *extra.lazy_turns(lambda *args: [drawn(level, *args)[0]], sides),
        )
        return _Level(turns, name=f"stage {'I' * (1 + _LEVELS.index(level))}", until_step=until, level=level)

    def sample(nets: Nets, key: jax.Array, number: int, embedding: jax.Array, level: str, truncation: Any) -> jax.Array:
        return made(nets, key, embedding, level, truncation)[0]

    def match(nets: Nets, images: jax.Array, embedding: jax.Array) -> jax.Array:
        level = getattr(nets.stage, "level", _LEVELS[-1])
        return as_verdict(nets.discriminator[level](small(images) if level == _LEVELS[0] else images, embedding)).fit

    real = {"level_0": lambda batch: small(batch["image"]), "level_1": lambda batch: batch["image"]}
    begun = text_steps if captions.players else 0
    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator, **captions.players},
        inputs={
            GENERATOR: {
                "level_0": lambda batch: (latent.example(), captions.example(batch), noise.example()),
                "level_1": lambda batch: (small(batch["image"][:1]), captions.example(batch), noise.example()),
            },
            DISCRIMINATOR: {level: functools.partial(_beside_example, own, captions) for level, own in real.items()},
            **captions.inputs,
        },
        outputs={GENERATOR: real},
        stages=(*captions.stages, stage("level_0", begun + first_stage_steps), stage("level_1", None)),
        memory=lambda key, batch: merged(captions.first_memory(batch), extra.first_memory()),
        abilities=captions.abilities(sample, match, _LEVELS),
    )


def _beside_example(
    real: Callable[[Batch], jax.Array], captions: Captions, batch: Batch
) -> tuple[jax.Array, jax.Array]:
    return real(batch)[:1], captions.example(batch)

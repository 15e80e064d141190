"""LAPGAN: "Deep Generative Image Models using a Laplacian Pyramid of Adversarial Networks", Denton et al. 2015.

arXiv:1506.05751. Images are made coarse to fine: each level adds the detail that its enlarged input lacks.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn, uniform_labels
from jaxgan.errors import UserError
from jaxgan.layers import laplacian
from jaxgan.losses import non_saturating
from jaxgan.mesh import shard_batch
from jaxgan.parts import (
    DISCRIMINATOR,
    GENERATOR,
    Pair,
    Term,
    Terms,
    known_classes,
    label_of,
    make_pair,
    merged,
    sample_ability,
    scores_of,
)


def lapgan(
    generator: Mapping[str, Player],
    discriminator: Mapping[str, Player],
    *,
    latent_size: int = 100,
    kernel: str = "box",
    conditional: bool = False,
    num_classes: int = 0,
    terms: Sequence[Term] = (),
) -> Game:
    """A GAN for the coarsest level of a Laplacian pyramid, and a conditional one for the residual of each level above it.

    The levels learn independently, each from real images of the next coarser level (section 3.2). The authors' program gives
    the fakes of a minibatch the coarse images of others; here, as in Algorithm 1, they are the reals' own.

    Args:
        generator: By level, the coarsest first: "level_0" maps z (B, latent_size) [, labels] to coarse images; each other maps
            (noise (B, H, W, 1), enlarged coarse image (B, H, W, C) [, labels]) to a residual (B, H, W, C).
        discriminator: By level: "level_0" maps coarse images [, labels] to logits (B,), each other (residuals, enlarged coarse
            images [, labels]), which the network adds up.
        latent_size: Components of the coarsest level's z ~ U(-1, 1).
        kernel: Of the pyramid; see `jaxgan.layers.laplacian`.
        conditional: Whether all networks are told the label.
        num_classes: Classes of the label; the data's own, in a config.
        terms: What the losses have beside these, at each level; see `jaxgan.parts.terms`.

    Raises:
        UserError: The levels of generators and discriminators differ.
    """
    levels = [f"level_{index}" for index in range(len(generator))]
    if sorted(generator) != sorted(levels) or sorted(discriminator) != sorted(levels):
        raise UserError(
            f"lapgan: generators are {', '.join(generator)} and discriminators {', '.join(discriminator)}, but both must be "
            "level_0 (the coarsest), level_1, ..."
        )
    classes = known_classes(num_classes) if conditional else 0
    if classes:
        generator, discriminator = (
            {name: player.with_network(embedded_classes=classes) for name, player in side.items()}
            for side in (generator, discriminator)
        )
    extra, latent = Terms(terms, levels, cross_entropy=True), Latent(latent_size, "uniform")

    def told(batch: Batch) -> tuple[jax.Array, ...]:
        return (label_of(batch, classes),) if classes else ()

    def pyramid(image: jax.Array) -> list[tuple[jax.Array, jax.Array | None]]:
        """For each level what it makes, and the enlarged coarse image that it is told: (I_K, None), (h_k, l_k), ..."""
        made: list[tuple[jax.Array, jax.Array | None]] = []
        for _ in levels[1:]:
            coarse = laplacian.down(image, kernel)
            # h_k = I_k - u(I_{k+1})
            enlarged = laplacian.up(coarse, kernel)
            made.append((image - enlarged, enlarged))
            image = coarse
        return [(image, None), *reversed(made)]

    def noise_for(enlarged: jax.Array | None, key: jax.Array, number: int) -> jax.Array:
        if enlarged is None:
            return latent(key, number)
        # A plane of U(-1, 1), drawn flat: a draw of many axes takes XLA:CPU seconds to compile.
        shape = (number, *enlarged.shape[1:3], 1)
        return shard_batch(jax.random.uniform(key, (math.prod(shape),), minval=-1.0).reshape(shape))

    def beside(enlarged: jax.Array | None) -> tuple[jax.Array, ...]:
        return () if enlarged is None else (enlarged,)

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> list[Pair]:
        pairs = []
        for index, (level, (real, enlarged)) in enumerate(zip(levels, pyramid(batch["image"]), strict=True)):
            noise, given = (
                noise_for(enlarged, jax.random.fold_in(key, index), len(real)),
                (*beside(enlarged), *told(batch)),
            )
            fake = nets.generator[level](noise, *given)
            judge = _judge(level, given)
            pairs.append(
                make_pair(nets, f"{DISCRIMINATOR}/{level}", real, fake, batch, memory, discriminate=judge, name=level)
            )
        return pairs

    def discriminators_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pairs = drawn(nets, batch, memory, key)
        # Eq. 2, a sum over levels: -E[log D_k(h_k, l_k)] - E[log(1 - D_k(G_k(z_k, l_k), l_k))]
        losses = {pair.name: non_saturating.discriminator(pair.real_logits, pair.fake_logits) for pair in pairs}
        cost, metrics, memory = extra.add(DISCRIMINATOR, pairs, memory, key)
        metrics |= {f"loss_{level}": loss for level, loss in losses.items()}
        return sum(losses.values(), cost), Aux(metrics, memory, scores_of(pairs))

    def generators_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pairs = drawn(nets, batch, memory, key)
        # -E[log D_k(G_k(z_k, l_k), l_k)]
        losses = {pair.name: non_saturating.generator(extra.fake_logits(pair)) for pair in pairs}
        cost, metrics, memory = extra.add(GENERATOR, pairs, memory, key)
        metrics |= {f"loss_{level}": loss for level, loss in losses.items()}
        return sum(losses.values(), cost), Aux(metrics, memory)

    def sample(
        nets: Nets, key: jax.Array, number: int, label: jax.Array | None = None, truncation: Any = None
    ) -> jax.Array:
        if classes and label is None:
            label = uniform_labels(jax.random.fold_in(key, len(levels)), number, classes)
        labels = (label,) if classes else ()
        image = nets.generator[levels[0]](latent(key, number, truncation), *labels)
        for index, level in enumerate(levels[1:], start=1):
            # I_k = u(I_{k+1}) + G_k(z_k, u(I_{k+1}))
            enlarged = laplacian.up(image, kernel)
            noise = noise_for(enlarged, jax.random.fold_in(key, index), number)
            image = enlarged + nets.generator[level](noise, enlarged, *labels)
        return image

    def made(index: int) -> Callable[[Batch], jax.Array]:
        return lambda batch: pyramid(batch["image"])[index][0]

    def generator_inputs(index: int) -> Callable[[Batch], tuple[Any, ...]]:
        def inputs(batch: Batch) -> tuple[Any, ...]:
            enlarged = pyramid(batch["image"])[index][1]
            noise = latent.example() if enlarged is None else jnp.zeros((1, *enlarged.shape[1:3], 1))
            return (noise, *(part[:1] for part in (*beside(enlarged), *told(batch))))

        return inputs

    def discriminator_inputs(index: int) -> Callable[[Batch], tuple[Any, ...]]:
        def inputs(batch: Batch) -> tuple[Any, ...]:
            real, enlarged = pyramid(batch["image"])[index]
            return (real, *beside(enlarged), *told(batch))

        return inputs

    sides = {side: tuple(f"{side}/{level}" for level in levels) for side in (GENERATOR, DISCRIMINATOR)}
    # The levels have nothing to do with each other, so that the sum of their losses moves each as its own would.
    turns = (
        Turn("discriminators", discriminators_loss, sides[DISCRIMINATOR]),
        Turn("generators", generators_loss, sides[GENERATOR]),
        *extra.lazy_turns(drawn, sides),
    )
    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator},
        inputs={
            GENERATOR: {level: generator_inputs(index) for index, level in enumerate(levels)},
            DISCRIMINATOR: {level: discriminator_inputs(index) for index, level in enumerate(levels)},
        },
        outputs={GENERATOR: {level: made(index) for index, level in enumerate(levels)}},
        stages=(Stage(turns),),
        memory=lambda key, batch: merged(extra.first_memory()),
        abilities={"sample": sample_ability(sample, num_classes=classes)},
    )


def _judge(level: str, given: tuple[jax.Array, ...]) -> Callable[..., Any]:
    return lambda nets, images, **options: nets.discriminator[level](images, *given, **options)

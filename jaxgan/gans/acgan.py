"""AC-GAN: "Conditional Image Synthesis with Auxiliary Classifier GANs", Odena, Olah and Shlens 2017 (arXiv:1610.09585)."""

from collections.abc import Sequence

import jax

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.losses import non_saturating
from jaxgan.losses.semi_supervised import cross_entropy
from jaxgan.parts import (
    DISCRIMINATOR,
    GENERATOR,
    Draws,
    Term,
    Terms,
    classify_ability,
    judge_ability,
    known_classes,
    merged,
    read,
    sample_abilities,
    scores_of,
)


def acgan(
    generator: Player,
    discriminator: Player,
    *,
    num_classes: int = 0,
    latent_size: int = 110,
    class_weight: float = 1.0,
    labels: str = "uniform",
    generator_fakes: int = 1,
    terms: Sequence[Term] = (),
) -> Game:
    """The generator is told the class; the discriminator is not: it tells the class of every image, real or generated.

    Args:
        generator: Network z (B, latent_size), labels (B,) -> images (B, ...).
        discriminator: Network images -> a Verdict with scores (B,) and class logits (B, num_classes), two heads on one trunk.
        num_classes: K; the data's own, in a config.
        latent_size: Components of z ~ N(0, I).
        class_weight: Of L_C beside L_S; 1 in the paper. A large one lowers the variety within a class.
        labels: Of fakes: "uniform", as in the paper, or "minibatch", as the reals'.
        generator_fakes: Fakes for each real in the generator's turn.
        terms: What the losses have beside these; see `jaxgan.parts.terms`.
    """
    generator = generator.with_network(embedded_classes=known_classes(num_classes))
    discriminator = discriminator.with_network(class_logits=num_classes)
    draws = Draws(Latent(latent_size), num_classes, labels, told=False, fakes=generator_fakes)
    extra = Terms(terms, cross_entropy=True)

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = draws.pair(nets, batch, memory, key)
        # Eq. 2: L_S = E[log P(S = real | x)] + E[log P(S = fake | G(z, c))]
        source = non_saturating.discriminator(pair.real_logits, pair.fake_logits)
        # Eq. 3: L_C = E[log P(C = c | x)] + E[log P(C = c | G(z, c))]; the discriminator maximises L_S + L_C
        real_classes = cross_entropy(pair.real_verdict.class_logits, batch["label"])
        fake_classes = cross_entropy(pair.fake_verdict.class_logits, pair.fake_label)
        cost, metrics, memory = extra.add(DISCRIMINATOR, [pair], memory, key)
        accuracy = (pair.real_verdict.class_logits.argmax(-1) == batch["label"]).mean()
        metrics |= read(non_saturating, pair) | {"label_accuracy": accuracy, "fake_classes": fake_classes}
        loss = source + class_weight * (real_classes + fake_classes) + cost
        return loss, Aux(metrics, memory, scores_of([pair]))

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = draws.pair(nets, batch, memory, key, draws.fakes)
        # ... and the generator L_C - L_S, with L_S in its non-saturating form
        source = non_saturating.generator(extra.fake_logits(pair))
        classes = cross_entropy(pair.fake_verdict.class_logits, pair.fake_label)
        cost, metrics, memory = extra.add(GENERATOR, [pair], memory, key)
        return source + class_weight * classes + cost, Aux(metrics | {"classes": classes}, memory)

    turns = (
        Turn(DISCRIMINATOR, discriminator_loss),
        Turn(GENERATOR, generator_loss),
        *extra.lazy_turns(lambda *args: [draws.pair(*args)]),
    )
    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator},
        inputs={GENERATOR: draws.generator_inputs, DISCRIMINATOR: draws.discriminator_inputs},
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=(Stage(turns),),
        memory=lambda key, batch: merged(draws.first_memory(key), extra.first_memory()),
        abilities=sample_abilities(draws) | {"judge": judge_ability(), "classify": classify_ability()},
    )

"""Direct translation: DTN, "Unsupervised Cross-Domain Image Generation", Taigman, Polyak and Wolf 2016 (arXiv:1611.02200).

One translator and one discriminator; what keeps the output related to the input is a network f that has learned the source
domain before: features of both must be near.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Game, Memory, Nets, Player, Stage, Turn
from jaxgan.errors import UserError
from jaxgan.losses import Objective, l2, make_objective
from jaxgan.losses.semi_supervised import cross_entropy, log_odds, taken_for
from jaxgan.parts import (
    DISCRIMINATOR,
    GENERATOR,
    Pair,
    Term,
    Terms,
    as_verdict,
    classify_ability,
    known_classes,
    label_of,
    make_pair,
    merged,
    read,
    scores_of,
)
from jaxgan.parts.domains import any_size, domain_images, translate_ability

CLASSIFIER = "classifier"
FROM_A, FROM_B, REAL = range(3)  # the kinds that DTN's discriminator tells


def direct_translation(
    generator: Player,
    discriminator: Player,
    classifier: Player,
    *,
    num_classes: int = 0,
    features: float = 15.0,
    identity: float = 0.0,
    through_features: bool = False,
    pretraining_steps: int = 1000,
    three_kinds: bool = False,
    objective: Objective | str = "non_saturating",
    terms: Sequence[Term] = (),
) -> Game:
    """Translation from domain A to domain B without pairs, one way.

    In the first stage f learns to tell the labels of A; in the second it is frozen, and the GAN is trained.

    Args:
        generator: Network A (B, H, W, C) -> B (B, H, W, C); with `through_features` f(x) (B, F) -> B.
        discriminator: Network images -> logits, is this from B?
        classifier: f, a network images -> a Verdict with class logits and, with `features=True`, with features (B, F). It reads
            images of B too, and must mean the same by them.
        num_classes: Of the labels of A.
        features: alpha, weight of the distance of the features of input and output; 0 leaves a plain adversarial translator.
        identity: beta, weight of the distance of G(y) to y for images y of B; 0: none, which domains of different shapes need.
        through_features: G = g f, the generator of DTN: all that passes are the features.
        pretraining_steps: Steps of the first stage.
        three_kinds: The paper's discriminator tells translations of A, those of B, and images of B, and gives class logits
            (B, 3): both translations are to be taken for images of B. False: a translation of A, or an image of B, as in a
            public program.
        objective: Any of `jaxgan.losses.OBJECTIVES`; of three kinds one with cross-entropies, which the generator's part is of.
        terms: What the losses have beside these; see `jaxgan.parts.terms`. "total_variation" is Eq. 7 of DTN, which has it for
            faces alone.

    Raises:
        UserError: Three kinds with an objective that is no cross-entropy.
    """
    classes, objective = known_classes(num_classes), make_objective(objective)
    if three_kinds and not objective.cross_entropy:
        raise UserError(
            "direct_translation: three kinds are told by cross-entropies; set objective='non_saturating', or three_kinds=False"
        )
    extra = Terms(terms, decide=objective.decide, cross_entropy=objective.cross_entropy)

    def seen(nets: Nets, images: jax.Array) -> jax.Array:
        return as_verdict(nets.classifier(images, features=True)).features

    def generate(nets: Nets, images: jax.Array) -> jax.Array:
        return nets.generator(seen(nets, images) if through_features else images)

    def kinds(nets: Nets, images: jax.Array) -> jax.Array:
        return as_verdict(nets.discriminator(images)).class_logits

    def realness(nets: Nets, images: jax.Array) -> jax.Array:
        # What deceives by it, softplus of its negative, is - log D_3(x).
        return log_odds(kinds(nets, images), REAL)

    judge = realness if three_kinds else None

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[Pair]:
        return (make_pair(nets, DISCRIMINATOR, batch["b"], generate(nets, batch["a"]), batch, memory, judge),)

    def classifier_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        logits, label = as_verdict(nets.classifier(batch["a"])).class_logits, label_of(batch, classes)
        return cross_entropy(logits, label), Aux({"label_accuracy": (logits.argmax(-1) == label).mean()})

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        (pair,) = drawn(nets, batch, memory, key)
        if three_kinds:
            # Eq. 3, L_D: - log D_1(G(x)) for x of A, - log D_2(G(x)) and - log D_3(x) for x of B
            shown = {FROM_A: pair.fake, FROM_B: generate(nets, batch["b"]), REAL: pair.real}
            loss = sum((taken_for(kinds(nets, x), kind) for kind, x in shown.items()), jnp.zeros(()))
        else:
            loss = objective.discriminator(pair.real_logits, pair.fake_logits)
        cost, metrics, memory = extra.add(DISCRIMINATOR, (pair,), memory, key)
        return loss + cost, Aux(metrics | read(objective, pair), memory, scores_of((pair,), objective))

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        (pair,) = drawn(nets, batch, memory, key)
        taken = objective.generator(extra.fake_logits(pair), pair.real_logits)
        # Eq. 5, L_CONST: the mean square of f(x) - f(G(x))
        moved = l2(seen(nets, batch["a"]), seen(nets, pair.fake))
        cost, metrics, memory = extra.add(GENERATOR, (pair,), memory, key)
        loss, metrics = taken + features * moved + cost, metrics | {"adversarial": taken, "features": moved}
        if three_kinds:
            # Eq. 4, L_GANG: - log D_3(G(x)) for x of A, above, and for x of B
            own = objective.generator(realness(nets, generate(nets, batch["b"])), pair.real_logits)
            loss, metrics = loss + own, metrics | {"adversarial_b": own}
        if identity:
            # Eq. 6, L_TID: the mean square of y - G(y)
            changed = l2(generate(nets, batch["b"]), batch["b"])
            loss, metrics = loss + identity * changed, metrics | {"identity": changed}
        return loss, Aux(metrics, memory)

    def translate(nets: Nets, images: jax.Array, source: str, target: str) -> jax.Array:
        return generate(nets, images)

    def generator_inputs(batch: Batch) -> tuple[jax.Array]:
        if not through_features:
            return (batch["a"],)
        return (jnp.zeros(classifier.shapes(batch["a"], features=True).features.shape),)

    classifier = classifier.with_network(class_logits=classes)
    if three_kinds:
        discriminator = discriminator.with_network(class_logits=3)
    pretraining = Stage((Turn(CLASSIFIER, classifier_loss),), "pretraining", until_step=pretraining_steps)
    translation = Stage(
        (Turn(DISCRIMINATOR, discriminator_loss), Turn(GENERATOR, generator_loss), *extra.lazy_turns(drawn))
    )
    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator, CLASSIFIER: classifier},
        inputs={
            GENERATOR: generator_inputs,
            DISCRIMINATOR: lambda batch: (batch["b"],),
            CLASSIFIER: lambda batch: (domain_images(batch, 2)[0],),
        },
        outputs={GENERATOR: lambda batch: batch["b"]},
        stages=(pretraining, translation) if pretraining_steps else (translation,),
        memory=lambda key, batch: merged(extra.first_memory()),
        abilities={
            "translate": translate_ability(
                translate, ("a", "b"), one_way=True, tiling=None if through_features else any_size(generator)
            ),
            "classify": classify_ability(CLASSIFIER),
        },
    )

"""Semi-supervised GAN: "Improved Techniques for Training GANs", Salimans et al. 2016 (arXiv:1606.03498), section 5.

The discriminator is a classifier of K classes that knows a further one, "generated", whose logit is pinned to 0.
"""

from collections.abc import Sequence
from typing import Any

import jax

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.layers import Verdict
from jaxgan.losses import feature_matching, semi_supervised
from jaxgan.parts import (
    DISCRIMINATOR,
    GENERATOR,
    Draws,
    Pair,
    Term,
    Terms,
    as_verdict,
    classify_ability,
    known_classes,
    make_pair,
    merged,
    sample_abilities,
    scores_of,
)


def improved_gan(
    generator: Player,
    discriminator: Player,
    *,
    num_classes: int = 0,
    latent_size: int = 100,
    latent: str = "uniform",
    unsupervised: float = 1.0,
    matching: str = "l2",
    fresh_reals: bool = False,
    terms: Sequence[Term] = (),
) -> Game:
    """A few labels, many images without, and a generator that matches features.

    Minibatches hold "image", without labels, and "labelled_image" with its "label", as many of each.

    Args:
        generator: Network z (B, latent_size) -> images (B, ...).
        discriminator: Network images -> a Verdict with class logits (B, num_classes), and with `features=True` features (B, F).
        num_classes: K, of the discriminator's logits; the data's own, in a config.
        latent_size: Components of z.
        latent: Its distribution; the authors' programs take U(0, 1), which differs from "uniform" by scale and offset only.
        unsupervised: Weight of the real-or-generated loss; 0 leaves a classifier trained on the labels alone, the baseline.
        matching: "l2", as in the paper (Eq. of section 3.1), or "l1", as in the authors' programs for CIFAR and SVHN.
        fresh_reals: The generator matches other reals than the discriminator has just seen, as in the authors' programs.
        terms: What the losses have beside these; see `jaxgan.parts.terms`.
    """
    discriminator = discriminator.with_network(class_logits=known_classes(num_classes))
    draws = Draws(Latent(latent_size, latent))
    extra = Terms(terms, ranks=False, cross_entropy=True, objective_weight=0.5 * unsupervised)

    def realness(nets: Nets, images: jax.Array, **options: bool) -> Verdict:
        # D(x) = Z / (Z + 1), Z = sum over k of exp(l_k): its logit is log Z
        verdict = as_verdict(nets.discriminator(images, **options))
        return verdict._replace(score=semi_supervised.realness(verdict.class_logits))

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> Pair:
        latent = draws.latent(key, len(batch["image"]))
        generate = lambda nets, latent: nets.generator(latent)  # noqa: E731
        fields: dict[str, Any] = {"discriminate": realness, "generate": generate, "latent": latent}
        return make_pair(nets, DISCRIMINATOR, batch["image"], generate(nets, latent), batch, memory, **fields)

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        labelled = as_verdict(nets.discriminator(batch["labelled_image"])).class_logits
        pair = drawn(nets, batch, memory, key)
        # L = L_supervised + L_unsupervised: -E[log p(y | x, y <= K)]  and  -E[log D(x)] - E[log(1 - D(G(z)))], halved in
        # the authors' programs
        supervised = semi_supervised.cross_entropy(labelled, batch["label"])
        real, fake = pair.real_logits, pair.fake_logits
        adversarial = 0.5 * (jax.nn.softplus(-real).mean() + jax.nn.softplus(fake).mean())
        cost, metrics, memory = extra.add(DISCRIMINATOR, [pair], memory, key)
        metrics |= {
            "supervised": supervised,
            "label_accuracy": (labelled.argmax(-1) == batch["label"]).mean(),
            "d_real": jax.nn.sigmoid(real).mean(),
            "d_fake": jax.nn.sigmoid(fake).mean(),
        }
        return supervised + unsupervised * adversarial + cost, Aux(metrics, memory, scores_of([pair]))

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = drawn(nets, batch, memory, key)
        # || E f(x) - E f(G(z)) ||^2
        loss = feature_matching(pair.features(pair.real), pair.features(pair.fake), matching)
        cost, metrics, memory = extra.add(GENERATOR, [pair], memory, key)
        return loss + cost, Aux(metrics, memory)

    turns = (
        Turn(DISCRIMINATOR, discriminator_loss),
        Turn(GENERATOR, generator_loss, fresh=fresh_reals),
        *extra.lazy_turns(lambda *args: [drawn(*args)]),
    )
    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator},
        # As many latents as images: networks may begin by what they make of them.
        inputs={
            GENERATOR: lambda batch: (draws.latent(jax.random.key(0), len(batch["image"])),),
            DISCRIMINATOR: lambda batch: (batch["image"],),
        },
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=(Stage(turns),),
        memory=lambda key, batch: merged(extra.first_memory()),
        few_labels=True,
        abilities=sample_abilities(draws) | {"classify": classify_ability()},
    )

"""CGAN: "Conditional Generative Adversarial Nets", Mirza and Osindero 2014 (arXiv:1411.1784).

With mismatched pairs as a third term: "Generative Adversarial Text to Image Synthesis", Reed et al. 2016 (arXiv:1605.05396).
"""

from collections.abc import Sequence

import jax

from jaxgan.core import Aux, Batch, Game, Latent, Memory, Nets, Player, Stage, Turn
from jaxgan.errors import UserError
from jaxgan.losses import matching_aware, non_saturating
from jaxgan.parts import (
    DISCRIMINATOR,
    GENERATOR,
    Draws,
    Term,
    Terms,
    judge_ability,
    known_classes,
    match_ability,
    merged,
    read,
    sample_abilities,
    scores_of,
)


def cgan(
    generator: Player,
    discriminator: Player,
    *,
    num_classes: int = 0,
    latent_size: int = 100,
    latent: str = "normal",
    labels: str = "uniform",
    mismatched: float = 0.0,
    told: bool = True,
    terms: Sequence[Term] = (),
) -> Game:
    """Both networks are told the class; the discriminator judges the image beside it, by one score or by two.

    Args:
        generator: Network z (B, latent_size), labels (B,) -> images (B, ...).
        discriminator: Network images, labels -> scores (B,) of both together; or a Verdict with two, of which `score` says how
            real an image is and `match` how well it fits its class.
        num_classes: K; the data's own, in a config.
        latent_size: Components of z.
        latent: Their distribution; see `jaxgan.core.Latent`.
        labels: Of fakes: "uniform", or "minibatch", as the reals'.
        mismatched: Weight of the third term, real images beside classes that are not theirs, and with it of the fakes: 0.5 in
            Reed et al. 2016. 0: there is no such term, and fakes weigh 1, as in the first paper.
        told: False: the discriminator is not told the class, so that nothing asks the generator to obey it, a control.
        terms: What the losses have beside these; see `jaxgan.parts.terms`.

    Raises:
        UserError: `mismatched` is below 0, or the discriminator is to see mismatched pairs without being told the class.
    """
    if mismatched < 0 or (mismatched and not told):
        raise UserError(
            f"mismatched={mismatched} with told={told}, but it must be at least 0, and 0 where told is False"
        )
    classes = known_classes(num_classes)
    generator = generator.with_network(embedded_classes=classes)
    discriminator = discriminator.with_network(embedded_classes=classes if told else 0)
    draws = Draws(Latent(latent_size, latent), classes, labels, told=told, mismatched=mismatched > 0)
    extra = Terms(terms, cross_entropy=True)

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = draws.pair(nets, batch, memory, key)
        real, fake = pair.real_verdict, pair.fake_verdict
        wrong = None if pair.mismatched_verdict is None else pair.mismatched_verdict.fit
        if real.match is None:
            # Mirza and Osindero, Eq. 2: E[log D(x|y)] + E[log(1 - D(G(z|y)|y))]
            # Reed et al., Algorithm 1: log s_r + (log(1 - s_w) + log(1 - s_f)) / 2
            loss = matching_aware.joint(real.fit, wrong, fake.fit, mismatched)
        else:
            loss = matching_aware.separate(real.score, fake.score, real.fit, wrong, fake.fit, mismatched)
        metrics = read(non_saturating, pair)
        if wrong is not None:
            metrics |= {"matched": jax.nn.sigmoid(real.fit).mean(), "mismatched": jax.nn.sigmoid(wrong).mean()}
        cost, more, memory = extra.add(DISCRIMINATOR, [pair], memory, key)
        return loss + cost, Aux(metrics | more, memory, scores_of([pair]))

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = draws.pair(nets, batch, memory, key)
        score, match = extra.fake_logits(pair), pair.fake_verdict.match
        # ... and the generator E[log(1 - D(G(z|y)|y))], in its non-saturating form
        loss = non_saturating.generator(score) if match is None else matching_aware.separate_generator(score, match)
        cost, metrics, memory = extra.add(GENERATOR, [pair], memory, key)
        return loss + cost, Aux(metrics, memory)

    turns = (
        Turn(DISCRIMINATOR, discriminator_loss),
        Turn(GENERATOR, generator_loss),
        *extra.lazy_turns(lambda *args: [draws.pair(*args)]),
    )
    seen = {"judge": judge_ability(num_classes=classes if told else 0)}
    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator},
        inputs={GENERATOR: draws.generator_inputs, DISCRIMINATOR: draws.discriminator_inputs},
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=(Stage(turns),),
        memory=lambda key, batch: merged(extra.first_memory()),
        abilities=sample_abilities(draws) | seen | ({"match": match_ability(num_classes=classes)} if told else {}),
    )

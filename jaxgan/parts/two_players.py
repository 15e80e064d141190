"""The game that most others vary: one generator against one discriminator, any objective, any terms beside it.

"Generative Adversarial Nets", Goodfellow et al. 2014 (arXiv:1406.2661), Algorithm 1.
"""

from collections.abc import Sequence

import jax

from jaxgan.core import Aux, Batch, Game, Memory, Nets, Player, Stage, Turn
from jaxgan.losses import Objective
from jaxgan.parts.abilities import attend_abilities, judge_ability, sample_abilities
from jaxgan.parts.draws import Draws
from jaxgan.parts.pairs import Pair, scores_of
from jaxgan.parts.terms import DISCRIMINATOR, GENERATOR, Term
from jaxgan.parts.weighted import Terms, merged


def two_player_game(
    generator: Player,
    discriminator: Player,
    draws: Draws,
    objective: Objective,
    terms: Sequence[Term] = (),
    *,
    discriminator_steps: int = 1,
    reuse_fakes: bool = False,
    fresh_reals: bool = False,
) -> Game:
    """One generator against one discriminator.

    Args:
        generator: Network z (B, D) [, labels (B,)] -> images (B, ...).
        discriminator: Network images [, labels] -> scores (B, ...).
        draws: What a turn draws.
        objective: The pair of losses.
        terms: What their losses have beside it.
        discriminator_steps: Discriminator turns for each generator turn (k in Algorithm 1), each on fresh reals and fakes.
        reuse_fakes: The generator answers for the fakes that the discriminator has just judged instead of for fresh ones,
            and is run once for both (DCGAN's programs).
        fresh_reals: The generator's turn, too, has a minibatch of its own, for objectives that look at reals there.
    """
    if draws.num_classes:
        generator = generator.with_network(embedded_classes=draws.num_classes)
    if draws.num_classes and draws.told:
        discriminator = discriminator.with_network(projected_classes=draws.num_classes)
    extra = Terms(terms, decide=objective.decide, cross_entropy=objective.cross_entropy)

    def discriminator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = draws.pair(nets, batch, memory, key)
        adversarial = objective.discriminator(pair.real_logits, pair.fake_logits)
        cost, metrics, memory = extra.add(DISCRIMINATOR, [pair], memory, key)
        return adversarial + cost, Aux(metrics | read(objective, pair), memory, scores_of([pair], objective))

    def generator_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        pair = draws.pair(nets, batch, memory, key, draws.fakes)
        # What an objective or a term does not look at (the reals' logits, as a rule) the compiler leaves out.
        adversarial = objective.generator(extra.fake_logits(pair), pair.real_logits)
        cost, metrics, memory = extra.add(GENERATOR, [pair], memory, key)
        return adversarial + cost, Aux(metrics | {"d_fake": objective.read(pair.fake_logits).mean()}, memory)

    randomness = "latent" if reuse_fakes else ""
    return Game(
        players={GENERATOR: generator, DISCRIMINATOR: discriminator},
        inputs={GENERATOR: draws.generator_inputs, DISCRIMINATOR: draws.discriminator_inputs},
        outputs={GENERATOR: lambda batch: batch["image"]},
        stages=(
            Stage(
                (
                    Turn(DISCRIMINATOR, discriminator_loss, repeats=discriminator_steps, randomness=randomness),
                    Turn(GENERATOR, generator_loss, randomness=randomness, fresh=fresh_reals),
                    *extra.lazy_turns(lambda *args: [draws.pair(*args)]),
                )
            ),
        ),
        memory=lambda key, batch: merged(draws.first_memory(key), extra.first_memory()),
        abilities=sample_abilities(draws)
        | attend_abilities(draws, generator)
        | {"judge": judge_ability(draws.num_classes if draws.told else 0, decide=objective.decide)},
    )


def read(objective: Objective, pair: Pair) -> dict[str, jax.Array]:
    """What the discriminator says of reals and of fakes in the objective's own terms, for the log."""
    return {
        "d_real": objective.read(pair.real_logits).mean(),
        "d_fake": objective.read(pair.fake_logits).mean(),
    }

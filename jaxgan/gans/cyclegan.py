"""CycleGAN: "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", Zhu et al. 2017.

arXiv:1703.10593. Two translators, two discriminators; a picture that goes to the other domain and back must come back.
"""

from collections.abc import Sequence

import jax

from jaxgan.core import Aux, Batch, Game, Memory, Nets, Player, Turn, image_pool
from jaxgan.losses import l1, least_squares
from jaxgan.parts import Adversaries, Term
from jaxgan.parts.two_domains import TRANSLATORS, translated, translator_game


def cyclegan(
    generator_ab: Player,
    generator_ba: Player,
    discriminator_b: Player,
    discriminator_a: Player | None = None,
    *,
    cycle: float = 10.0,
    identity: float = 5.0,
    pool_size: int = 50,
    terms: Sequence[Term] = (),
) -> Game:
    """Unpaired translation between domains A and B with the least-squares objective.

    The authors' two programs differ in the order of the updates; here the discriminators move first, on the very fakes
    that the generators then answer for, so that the compiler translates each image once.

    Args:
        generator_ab: Network A (B, H, W, C) -> B (B, H, W, C).
        generator_ba: Network B -> A.
        discriminator_b: Network images -> logits, is this from B?
        discriminator_a: The same for A. None leaves the cycle one way, from A to B and back: what `generator_ba` makes is
            judged by the images of A that have to come back alone.
        cycle: Weight of the cycle losses (lambda in Eq. 3).
        identity: Weight of the identity losses (section 5.2, "photo generation from paintings"); 0 switches them off, which
            domains of different shapes need.
        pool_size: Earlier fakes kept for each discriminator (section 4); 0 keeps none.
        terms: What the losses have beside these, for each domain; see `jaxgan.parts.terms`.
    """
    judges = {"discriminator_a": discriminator_a} if discriminator_a else {}
    judges["discriminator_b"] = discriminator_b
    judged = tuple(name[-1] for name in judges)
    # Eq. 1 in its least-squares form (section 4): 1/2 E[(D(x) - 1)^2] + 1/2 E[D(G(y))^2] for each domain
    adversaries = Adversaries(least_squares, terms, judged)

    def discriminators_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        fakes = translated(nets, batch)
        pools = {
            domain: image_pool.exchange(memory[domain], own, fakes[domain])
            for domain, own in zip(judged, jax.random.split(key, len(judged)), strict=True)
        }
        pairs = adversaries.pairs(nets, batch, memory, {domain: shown for domain, (shown, _) in pools.items()})
        loss, aux = adversaries.discriminators_loss(pairs, memory, key)
        return loss, aux._replace(memory={**aux.memory, **{domain: pool for domain, (_, pool) in pools.items()}})

    def generators_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        real_a, real_b, fakes = batch["a"], batch["b"], translated(nets, batch)
        # E[(D_B(G(a)) - 1)^2] + E[(D_A(F(b)) - 1)^2]: the objective's own factor of one half undone, as in section 4
        adversarial, cost, metrics, memory = adversaries.generators_loss(
            adversaries.pairs(nets, batch, memory, fakes), memory, key
        )
        # Eq. 2: E || F(G(a)) - a ||_1 + E || G(F(b)) - b ||_1
        cycles = l1(nets.generator_ba(fakes["b"]), real_a)
        if discriminator_a:
            cycles += l1(nets.generator_ab(fakes["a"]), real_b)
        loss = 2.0 * adversarial + cycle * cycles + cost
        metrics |= {"adversarial": 2.0 * adversarial, "cycle": cycles}
        if identity and real_a.shape == real_b.shape:
            # Section 5.2: E || G(b) - b ||_1 + E || F(a) - a ||_1, an image of its own domain is left as it is
            identities = l1(nets.generator_ab(real_b), real_b) + l1(nets.generator_ba(real_a), real_a)
            loss += identity * identities
            metrics["identity"] = identities
        return loss, Aux(metrics, memory)

    pools = lambda batch: {domain: image_pool.create(pool_size, batch[domain]) for domain in judged}  # noqa: E731
    return translator_game(
        {"generator_ab": generator_ab, "generator_ba": generator_ba, **judges},
        (
            Turn("discriminators", discriminators_loss, adversaries.players),
            Turn("generators", generators_loss, TRANSLATORS),
            *adversaries.lazy_turns(translated, TRANSLATORS),
        ),
        lambda batch: {**pools(batch), **adversaries.extra.first_memory()},
    )

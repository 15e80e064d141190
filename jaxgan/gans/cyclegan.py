"""CycleGAN: "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", Zhu et al. 2017.

arXiv:1703.10593. Two translators, two discriminators; a picture that goes to the other domain and back must come back.
"""

from collections.abc import Sequence

import jax

from jaxgan.core import Aux, Batch, Game, Memory, Nets, Player, Stage, Turn, image_pool
from jaxgan.losses import l1, least_squares
from jaxgan.parts import DISCRIMINATOR, GENERATOR, Pair, Term, Terms, make_pair, merged, scores_of
from jaxgan.parts.domains import any_size, translate_ability

_DOMAINS = ("a", "b")


def cyclegan(
    generator_ab: Player,
    generator_ba: Player,
    discriminator_a: Player,
    discriminator_b: Player,
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
        discriminator_a: Network images -> logits, is this from A?
        discriminator_b: The same for B.
        cycle: Weight of the cycle losses (lambda in Eq. 3).
        identity: Weight of the identity losses (section 5.2, "photo generation from paintings"); 0 switches them off, which
            domains of different shapes need.
        pool_size: Earlier fakes kept for each discriminator (section 4); 0 keeps none.
        terms: What the losses have beside these, for each domain; see `jaxgan.parts.terms`.
    """
    extra = Terms(terms, _DOMAINS, decide=least_squares.decide)
    generators, discriminators = ("generator_ab", "generator_ba"), ("discriminator_a", "discriminator_b")

    def pairs(nets: Nets, batch: Batch, memory: Memory, fake_a: jax.Array, fake_b: jax.Array) -> tuple[Pair, Pair]:
        a = make_pair(nets, "discriminator_a", batch["a"], fake_a, batch, memory, name="a")
        b = make_pair(nets, "discriminator_b", batch["b"], fake_b, batch, memory, name="b")
        return a, b

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[Pair, Pair]:
        return pairs(nets, batch, memory, nets.generator_ba(batch["b"]), nets.generator_ab(batch["a"]))

    def discriminators_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        key_a, key_b = jax.random.split(key)
        fake_a, pool_a = image_pool.exchange(memory["a"], key_a, nets.generator_ba(batch["b"]))
        fake_b, pool_b = image_pool.exchange(memory["b"], key_b, nets.generator_ab(batch["a"]))
        a, b = pairs(nets, batch, memory, fake_a, fake_b)
        # Eq. 1 in its least-squares form (section 4): 1/2 E[(D(x) - 1)^2] + 1/2 E[D(G(y))^2] for each domain
        loss_a = least_squares.discriminator(a.real_logits, a.fake_logits)
        loss_b = least_squares.discriminator(b.real_logits, b.fake_logits)
        cost, metrics, memory = extra.add(DISCRIMINATOR, (a, b), memory, key)
        metrics |= {"loss_a": loss_a, "loss_b": loss_b}
        return loss_a + loss_b + cost, Aux(
            metrics, {**memory, "a": pool_a, "b": pool_b}, scores_of((a, b), least_squares.decide)
        )

    def generators_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        real_a, real_b = batch["a"], batch["b"]
        a, b = drawn(nets, batch, memory, key)
        # E[(D_B(G(a)) - 1)^2] + E[(D_A(F(b)) - 1)^2]: the objective's own factor of one half undone, as in section 4
        adversarial = 2.0 * (
            least_squares.generator(extra.fake_logits(b)) + least_squares.generator(extra.fake_logits(a))
        )
        # Eq. 2: E || F(G(a)) - a ||_1 + E || G(F(b)) - b ||_1
        cycles = l1(nets.generator_ba(b.fake), real_a) + l1(nets.generator_ab(a.fake), real_b)
        cost, metrics, memory = extra.add(GENERATOR, (a, b), memory, key)
        loss = adversarial + cycle * cycles + cost
        metrics |= {"adversarial": adversarial, "cycle": cycles}
        if identity and real_a.shape == real_b.shape:
            # Section 5.2: E || G(b) - b ||_1 + E || F(a) - a ||_1, an image of its own domain is left as it is
            identities = l1(nets.generator_ab(real_b), real_b) + l1(nets.generator_ba(real_a), real_a)
            loss += identity * identities
            metrics["identity"] = identities
        return loss, Aux(metrics, memory)

    def translate(nets: Nets, images: jax.Array, source: str, target: str) -> jax.Array:
        return (nets.generator_ab if target == "b" else nets.generator_ba)(images)

    sides = {DISCRIMINATOR: discriminators, GENERATOR: generators}
    turns = (
        Turn("discriminators", discriminators_loss, discriminators),
        Turn("generators", generators_loss, generators),
        *extra.lazy_turns(drawn, sides),
    )
    pools = lambda batch: {name: image_pool.create(pool_size, batch[name]) for name in _DOMAINS}  # noqa: E731
    return Game(
        players={
            "generator_ab": generator_ab,
            "generator_ba": generator_ba,
            "discriminator_a": discriminator_a,
            "discriminator_b": discriminator_b,
        },
        inputs={
            "generator_ab": lambda batch: (batch["a"],),
            "generator_ba": lambda batch: (batch["b"],),
            "discriminator_a": lambda batch: (batch["a"],),
            "discriminator_b": lambda batch: (batch["b"],),
        },
        outputs={"generator_ab": lambda batch: batch["b"], "generator_ba": lambda batch: batch["a"]},
        stages=(Stage(turns),),
        memory=lambda key, batch: merged(pools(batch), extra.first_memory()),
        abilities={"translate": translate_ability(translate, _DOMAINS, tiling=any_size(generator_ab, generator_ba))},
    )

"""ComboGAN: "ComboGAN: Unrestrained Scalability for Image Domain Translation", Anoosheh et al. 2018 (arXiv:1712.06909).

An encoder, a decoder and a discriminator for each domain; each step plays CycleGAN between two of them.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Cast, Game, Memory, Nets, Player, Stage, Turn, image_pool
from jaxgan.core.arrays import domain_arrays
from jaxgan.errors import UserError
from jaxgan.losses import l1, least_squares
from jaxgan.parts import DISCRIMINATOR, GENERATOR, Pair, Term, Terms, make_pair, merged, scores_of
from jaxgan.parts.domains import any_size, domain_images, one_domain, translate_ability

# The two domains of a step, and who plays them.
_FIRST, _SECOND = "first", "second"
_ROLES = {
    f"{player}_{each}": player for player in ("encoder", "decoder", "discriminator") for each in (_FIRST, _SECOND)
}


def combogan(
    encoder: Player,
    decoder: Player,
    discriminator: Player,
    *,
    domains: tuple[str, ...] = (),
    cycle: float = 10.0,
    identity: float = 0.0,
    pool_size: int = 50,
    terms: Sequence[Term] = (),
) -> Game:
    """Translation among any number of domains, G_AB = decoder_B(encoder_A), with the least-squares objective.

    What networks there are grows with the number of domains, not of pairs of them; what a step costs does not grow. What
    belongs to domains that a step has not drawn, parameters, optimisers, averages and earlier fakes, stays as it is.

    The authors' code has a smooth L1 distance for the cycle where the paper, like CycleGAN's, has L1.

    Args:
        encoder: Network x (B, H, W, C) -> a code (B, h, w, F); each domain has a copy of its own.
        decoder: Network code -> x (B, H, W, C); likewise.
        discriminator: Network images -> logits, is this of the domain?; likewise.
        domains: What the domains are called whose images are the arrays "a", "b" ...; in a config, the data's own.
        cycle: Weight of the cycle losses.
        identity: Weight of the distance between images and themselves, encoded and decoded in their own domain; 0, as in the
            paper, switches it off.
        pool_size: Earlier fakes of each domain that its discriminator is shown; 0 keeps none.
        terms: What the losses have beside these, for both domains of a step; see `jaxgan.parts.terms`.

    Raises:
        UserError: There are not several domains.
    """
    number = len(domains)
    if number < 2:
        raise UserError("combogan needs several domains: give domains=('photo', 'painting', 'map'), or other data")
    extra = Terms(terms, (_FIRST, _SECOND), decide=least_squares.decide)

    def choose(key: jax.Array) -> dict[str, jax.Array]:
        two = dict(zip((_FIRST, _SECOND), jax.random.permutation(key, number)[:2], strict=True))
        return {role: two[role.rpartition("_")[2]] for role in _ROLES}

    def reals(nets: Nets, batch: Batch) -> tuple[jax.Array, jax.Array]:
        first, second = (one_domain(batch, number, nets.chosen[f"encoder_{each}"]) for each in (_FIRST, _SECOND))
        return first, second

    def carried(nets: Nets, images: jax.Array, source: str, target: str) -> jax.Array:
        return nets[f"decoder_{target}"](nets[f"encoder_{source}"](images))

    def pairs(nets: Nets, batch: Batch, memory: Memory, fakes: Sequence[jax.Array]) -> tuple[Pair, Pair]:
        first, second = (
            make_pair(nets, f"discriminator_{each}", real, fake, batch, memory, name=each)
            for each, real, fake in zip((_FIRST, _SECOND), reals(nets, batch), fakes, strict=True)
        )
        return first, second

    def drawn(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[Pair, Pair]:
        first, second = reals(nets, batch)
        return pairs(
            nets, batch, memory, (carried(nets, second, _SECOND, _FIRST), carried(nets, first, _FIRST, _SECOND))
        )

    def exchanged(nets: Nets, pools: Any, key: jax.Array, each: str, fake: jax.Array) -> tuple[jax.Array, Any]:
        at = nets.chosen[f"encoder_{each}"]
        shown, pool = image_pool.exchange(jax.tree.map(lambda leaf: leaf[at], pools), key, fake)
        return shown, jax.tree.map(lambda leaves, leaf: leaves.at[at].set(leaf), pools, pool)

    def total(losses: Iterable[jax.Array]) -> jax.Array:
        return sum(losses, start=jnp.zeros(()))

    def discriminators_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        newest, pools, fakes = drawn(nets, batch, memory, key), memory["pools"], []
        for own, pair in zip(jax.random.split(key), newest, strict=True):
            shown, pools = exchanged(nets, pools, own, pair.name, pair.fake)
            fakes.append(shown)
        first, second = pairs(nets, batch, memory, fakes)
        # CycleGAN's, for the two domains of the step: 1/2 E[(D(x) - 1)^2] + 1/2 E[D(G(y))^2]
        loss = total(least_squares.discriminator(pair.real_logits, pair.fake_logits) for pair in (first, second))
        cost, metrics, memory = extra.add(DISCRIMINATOR, (first, second), memory, key)
        memory = {**memory, "pools": pools}
        return loss + cost, Aux(metrics, memory, scores_of((first, second), least_squares))

    def generators_loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        first, second = drawn(nets, batch, memory, key)
        # E[(D_B(G_AB(a)) - 1)^2] + E[(D_A(G_BA(b)) - 1)^2]
        adversarial = 2.0 * total(least_squares.generator(extra.fake_logits(pair)) for pair in (first, second))
        # E || G_BA(G_AB(a)) - a ||_1 + E || G_AB(G_BA(b)) - b ||_1
        cycles = l1(carried(nets, second.fake, _SECOND, _FIRST), first.real)
        cycles += l1(carried(nets, first.fake, _FIRST, _SECOND), second.real)
        cost, metrics, memory = extra.add(GENERATOR, (first, second), memory, key)
        loss = adversarial + cycle * cycles + cost
        metrics |= {"adversarial": adversarial, "cycle": cycles}
        if identity:
            # E || G_AA(a) - a ||_1 + E || G_BB(b) - b ||_1
            kept = total(l1(carried(nets, pair.real, pair.name, pair.name), pair.real) for pair in (first, second))
            loss += identity * kept
            metrics["identity"] = kept
        return loss, Aux(metrics, memory)

    def translate(nets: Nets, images: jax.Array, source: str, target: str) -> jax.Array:
        arrays = domain_arrays(number)
        return nets.decoder[arrays.index(target)](nets.encoder[arrays.index(source)](images))

    def first_memory(key: jax.Array, batch: Batch) -> Memory:
        pool = image_pool.create(pool_size, batch["a"])
        return {"pools": jax.tree.map(lambda leaf: jnp.stack([leaf] * number), pool)}

    def codes(batch: Batch) -> tuple[jax.Array]:
        return (jnp.zeros(encoder.shapes(batch["a"]).shape),)

    discriminators, generators = (
        tuple(role for role, owner in _ROLES.items() if (owner == "discriminator") == judges)
        for judges in (True, False)
    )
    turns = (
        Turn("discriminators", discriminators_loss, discriminators),
        Turn("generators", generators_loss, generators),
        *extra.lazy_turns(drawn, {DISCRIMINATOR: discriminators, GENERATOR: generators}),
    )
    players = {"encoder": encoder, "decoder": decoder, "discriminator": discriminator}
    return Game(
        players={name: dataclasses.replace(player, copies=number) for name, player in players.items()},
        inputs={
            "encoder": lambda batch: (domain_images(batch, number)[0],),
            "decoder": codes,
            "discriminator": lambda batch: (batch["a"],),
        },
        outputs={"decoder": lambda batch: batch["a"]},
        stages=(Stage(turns),),
        memory=lambda key, batch: merged(first_memory(key, batch), extra.first_memory()),
        abilities={"translate": translate_ability(translate, domain_arrays(number), tiling=any_size(encoder))},
        cast=Cast(_ROLES, choose),
    )

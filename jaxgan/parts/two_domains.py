"""Translation between domains: the discriminators that each domain has, and games of two translators."""

import functools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax

from jaxgan.core import Aux, Batch, Game, Memory, Nets, Player, Stage, Turn
from jaxgan.losses import Objective
from jaxgan.parts.domains import any_size, translate_ability
from jaxgan.parts.pairs import Pair, make_pair, scores_of
from jaxgan.parts.terms import DISCRIMINATOR, GENERATOR, Term
from jaxgan.parts.weighted import Terms, merged

DOMAINS = ("a", "b")
TRANSLATORS = ("generator_ab", "generator_ba")

# (nets, batch, memory, key) -> for each domain the images that were carried into it
Fakes = Callable[[Nets, Batch, Memory, jax.Array], Mapping[str, jax.Array]]


def other(domain: str) -> str:
    """The one of the two that this is not."""
    return DOMAINS[domain == DOMAINS[0]]


def total(costs: Iterable[jax.Array]) -> jax.Array:
    """Their sum, as that of one cost for each domain."""
    return functools.reduce(operator.add, costs)


class Adversaries:
    """The discriminators of domains: each tells images of its domain from those that were carried into it.

    Args:
        objective: The pair of losses.
        terms: What the losses have beside it, for each domain; see `jaxgan.parts.terms`.
        domains: Those that are judged.
        player: The name of a domain's discriminator, "{}" for the domain; without one, a player that judges all domains and is
            told which: network images, domain -> logits.
        weight: Of the objective in the discriminators' loss.
    """

    def __init__(
        self,
        objective: Objective,
        terms: Sequence[Term] = (),
        domains: Sequence[str] = DOMAINS,
        player: str = "discriminator_{}",
        weight: float = 1.0,
    ) -> None:
        self.objective, self.domains, self._player, self._weight = objective, tuple(domains), player, weight
        self.extra = Terms(
            terms,
            self.domains,
            decide=objective.decide,
            cross_entropy=objective.cross_entropy,
            objective_weight=weight,
        )

    @property
    def players(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(dict.fromkeys(self._player.format(domain) for domain in self.domains))

    def pairs(self, nets: Nets, batch: Batch, memory: Memory, fakes: Mapping[str, jax.Array]) -> tuple[Pair, ...]:
        """The reals of each domain beside the fakes, by domain, that are to pass for them."""

        def judged(domain: str) -> Pair:
            player = self._player.format(domain)

            def discriminate(nets: Nets, images: jax.Array, **options: Any) -> Any:
                return nets[player](images, *(() if player != self._player else (domain,)), **options)

            real, fake = batch[domain], fakes[domain]
            return make_pair(nets, player, real, fake, batch, memory, discriminate=discriminate, name=domain)

        return tuple(judged(domain) for domain in self.domains)

    def discriminators_loss(self, pairs: Sequence[Pair], memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
        """The sum over domains of the objective's loss, by its weight, and what the terms add."""
        losses = {
            f"loss_{pair.name}": self.objective.discriminator(pair.real_logits, pair.fake_logits) for pair in pairs
        }
        cost, metrics, memory = self.extra.add(DISCRIMINATOR, pairs, memory, key)
        loss = self._weight * total(losses.values()) + cost
        return loss, Aux(metrics | losses, memory, scores_of(pairs, self.objective))

    def generators_loss(
        self, pairs: Sequence[Pair], memory: Memory, key: jax.Array
    ) -> tuple[jax.Array, jax.Array, dict[str, jax.Array], Memory]:
        """The sum over domains of the objective's loss; beside it what the terms add, metrics, and the new memory."""
        adversarial = total(self.objective.generator(self.extra.fake_logits(pair), pair.real_logits) for pair in pairs)
        cost, metrics, memory = self.extra.add(GENERATOR, pairs, memory, key)
        return adversarial, cost, metrics | {"adversarial": adversarial}, memory

    def turn(self, fakes: Fakes, **options: Any) -> Turn:
        """The turn "discriminators", in which they judge these fakes; `options` as in `Turn`."""

        def loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
            pairs = self.pairs(nets, batch, memory, fakes(nets, batch, memory, key))
            return self.discriminators_loss(pairs, memory, key)

        return Turn("discriminators", loss, self.players, **options)

    def lazy_turns(self, fakes: Fakes, generators: Sequence[str]) -> tuple[Turn, ...]:
        """A turn for each term that is played every few steps; `generators` move on those of their side."""
        sides = {DISCRIMINATOR: self.players, GENERATOR: tuple(generators)}
        return self.extra.lazy_turns(
            lambda nets, batch, memory, key: self.pairs(nets, batch, memory, fakes(nets, batch, memory, key)), sides
        )


def translated(nets: Nets, batch: Batch, memory: Memory = None, key: jax.Array | None = None) -> dict[str, jax.Array]:
    """The `Fakes` of two translators: every image in the other domain."""
    return {"a": nets.generator_ba(batch["b"]), "b": nets.generator_ab(batch["a"])}


def translator_game(
    players: Mapping[str, Player],
    turns: Sequence[Turn],
    memory: Callable[[Batch], Mapping[str, Any]] = lambda batch: {},
    draws: bool = False,
) -> Game:
    """The game of two translators, "generator_ab" and "generator_ba", and of discriminators of the two domains.

    Args:
        players: By name.
        turns: Of a step.
        memory: A minibatch -> what the game remembers at first.
        draws: Whether the translators draw, also when they are used (dropout).
    """

    def translate(nets: Nets, images: jax.Array, source: str, target: str) -> jax.Array:
        return nets[f"generator_{source}{target}"](images)

    # A translator reads the domain that its name begins with, a discriminator its own.
    reads = {name: name[-2 if name in TRANSLATORS else -1] for name in players}
    return Game(
        players=players,
        inputs={name: lambda batch, domain=domain: (batch[domain],) for name, domain in reads.items()},
        outputs={name: lambda batch, domain=name[-1]: batch[domain] for name in TRANSLATORS},
        stages=(Stage(tuple(turns)),),
        memory=lambda key, batch: merged(memory(batch)),
        abilities={
            "translate": translate_ability(
                translate, DOMAINS, draws=draws, tiling=any_size(*(players[name] for name in TRANSLATORS))
            )
        },
    )

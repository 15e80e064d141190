"""Terms at work: what they add to the losses of a game, whatever pairs it has."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import Aux, Batch, Memory, Nets, Turn
from jaxgan.errors import UserError
from jaxgan.parts.pairs import Pair
from jaxgan.parts.terms import Term

_MEMORY = "terms"  # the entry of a game's memory that belongs to them


class Terms:
    """The terms of one game, in the order they are written; each draws by its name, so that one more changes no other.

    Args:
        terms: See `jaxgan.parts.terms`.
        pairs: Names of the game's pairs; () for a game that has no reals and fakes.
        ranks: Whether the generator learns from the fakes' scores, so that it can learn from the best.
        decide: How the game's scores are read; see `jaxgan.losses.Objective`.
        cross_entropy: Whether the discriminator's loss is a cross-entropy.
        objective_weight: By what the game multiplies the objective's loss of the discriminator, and so the terms that change
            the targets of its cross-entropy.
        mean: Whether the game's losses are means over its pairs, and so what the terms add; else both are sums.

    Raises:
        UserError: There are terms, but no pairs; top-k without scores to rank by; or label smoothing without a cross-entropy.
    """

    def __init__(
        self,
        terms: Sequence[Term],
        pairs: Sequence[str] = ("",),
        ranks: bool = True,
        decide: Callable[[jax.Array], jax.Array] = lambda logits: logits,
        cross_entropy: bool = False,
        objective_weight: float = 1.0,
        mean: bool = False,
    ) -> None:
        if terms and not pairs:
            raise UserError(
                f"the term {terms[0].name!r} needs reals and fakes, which this game does not have: leave it out"
            )
        for term in terms:
            if term.select is not None and not ranks:
                raise UserError(
                    f"the term {term.name!r} ranks fakes by scores, which this game's generator does not learn from"
                )
            if term.cross_entropy and not cross_entropy:
                raise UserError(
                    f"the term {term.name!r} changes the targets of a cross-entropy, which this game's discriminator does not "
                    "learn by: leave it out"
                )
        self._pairs, self._decide = tuple(pairs), decide
        self._objective_weight, self._mean = objective_weight, mean
        self._terms: dict[str, Term] = {}
        for term in terms:
            name, number = term.name, 1
            while name in self._terms:
                name, number = f"{term.name}_{number + 1}", number + 1
            self._terms[name] = term

    def first_memory(self) -> dict[str, Any]:
        """The entry of the game's memory that they need."""
        start = {
            _label(name, pair): term.start
            for name, term in self._terms.items()
            for pair in self._pairs
            if term.start is not None
        }
        return {_MEMORY: start} if start else {}

    def add(
        self, side: str, pairs: Sequence[Pair], memory: Memory, key: jax.Array
    ) -> tuple[jax.Array, dict[str, jax.Array], Memory]:
        """What the terms of a side add to its loss.

        Args:
            side: "discriminator" or "generator".
            pairs: What its turn is played on.
            memory: The game's.
            key: PRNG key of the turn.

        Returns:
            Their sum, float32 (), over the pairs or of the means over them; each term's value without its weight, for the log;
            and the game's new memory.
        """
        due = [name for name, term in self._terms.items() if term.side == side and term.every == 1]
        return self._sum(due, pairs, memory, key)

    def fake_logits(self, pair: Pair) -> jax.Array:
        """The fakes' scores as the generator is to learn from them: all of them, or the best (`top_k`)."""
        logits, pair = pair.fake_logits, pair._replace(decide=self._decide)
        for term in self._terms.values():
            logits = logits if term.select is None else term.select(pair, logits)
        return logits

    def lazy_turns(
        self,
        pairs_of: Callable[[Nets, Batch, Memory, jax.Array], Sequence[Pair]],
        players: Mapping[str, tuple[str, ...]] | None = None,
    ) -> tuple[Turn, ...]:
        """A turn for each term that is played every few steps.

        Args:
            pairs_of: What a turn is played on: (nets, batch, memory, key) -> pairs.
            players: Who moves on a side's losses; by default the player of the side's name.
        """

        def turn(name: str, term: Term) -> Turn:
            def loss(nets: Nets, batch: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Aux]:
                value, _, memory = self._sum([name], pairs_of(nets, batch, memory, key), memory, key)
                return value, Aux(memory=memory)

            return Turn(name, loss, (players or {}).get(term.side, (term.side,)), every=term.every, lazy=True)

        return tuple(turn(name, term) for name, term in self._terms.items() if term.every > 1)

    def _sum(
        self, names: Sequence[str], pairs: Sequence[Pair], memory: Memory, key: jax.Array
    ) -> tuple[jax.Array, dict[str, jax.Array], Memory]:
        total, values, remembered = jnp.zeros(()), {}, dict((memory or {}).get(_MEMORY, {}))
        for name in names:
            term = self._terms[name]
            for pair in pairs:
                label = _label(name, pair.name)
                own = pair.aside(label)._replace(remembered=remembered.get(label), decide=self._decide)
                try:
                    value = term.value(own, jax.random.fold_in(key, zlib.crc32(label.encode())))
                except UserError as error:
                    raise UserError(f"the term {name!r}: {error}") from error
                if term.start is not None:
                    value, remembered[label] = value
                factor = 1.0 if term.schedule is None else term.schedule(pair.nets.clock)
                weight = term.weight * (self._objective_weight if term.cross_entropy else 1.0)
                total += weight * factor * value
                values[label] = value
        total = total / len(pairs) if self._mean else total
        return total, values, ({**memory, _MEMORY: remembered} if remembered else memory)


def _label(term: str, pair: str) -> str:
    return f"{term}_{pair}" if pair else term


def merged(*memories: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of several memories as one.

    Raises:
        ValueError: Two have an entry of the same name.
    """
    together: dict[str, Any] = {}
    for memory in memories:
        for name, value in memory.items():
            if name in together:
                raise ValueError(f"two parts of this game would remember something under {name!r}: rename one of them")
            together[name] = value
    return together

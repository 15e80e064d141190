"""What a loss sees of the players: networks that can be called, `nets.generator(z)`."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.core.state import Clock, Memory, Params

# What a player is shown of images: (key, images, clock, memory) -> images of the same shape; differentiable in the images.
View = Callable[[jax.Array, jax.Array, Clock, Memory], jax.Array]

# Collections by which normalisation layers are handed statistics, and give those of the batch they saw.
STATISTICS = "statistics"
BATCH_STATISTICS = "batch_statistics"


class Looks:
    """What is random in how a player looks at things within a turn, another draw at each call.

    Args:
        key: PRNG key of the turn and the player.
        view: The player's view, or None.
        clock: How far the game is.
        memory: The game's memory.
    """

    def __init__(self, key: jax.Array, view: View | None, clock: Clock, memory: Memory) -> None:
        self._key, self._view, self._clock, self._memory = key, view, clock, memory
        self._calls = itertools.count()

    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """What the network is shown of `x`, and a key for its own draws."""
        view_key, own_key = jax.random.split(jax.random.fold_in(self._key, next(self._calls)))
        return (x if self._view is None else self._view(view_key, x, self._clock, self._memory)), own_key


class Net:
    """One player's network at its present parameters: a plain function, `network.apply` with the parameters filled in.

    Attributes:
        params: The raw parameters, which regularisers read and gradients reach.
        constraint: The state of the player's constraint after this turn's `apply`.
    """

    def __init__(
        self,
        network: nn.Module,
        params: Params,
        constrained: Params,
        constraint: Any,
        statistics: Any = None,
        collect: bool = False,
        looks: Looks | None = None,
    ) -> None:
        self.params = params
        self.constraint = constraint
        self.collected: Any = None
        self._network = network
        self._variables = {"params": constrained} | ({STATISTICS: statistics} if statistics else {})
        self._collect = collect
        self._looks = looks

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the network; keyword arguments such as `rngs` and `method` go to `network.apply`.

        Within a turn, a player with a view is shown its first argument through it, and a network finds a "dropout" key;
        both are drawn anew at each call.
        """
        if self._looks is not None:
            shown, key = self._looks(args[0])
            args, kwargs = (shown, *args[1:]), {"rngs": {"dropout": key}} | kwargs
        if not self._collect:
            return self._network.apply(self._variables, *args, **kwargs)
        output, sown = self._network.apply(self._variables, *args, mutable=[BATCH_STATISTICS], **kwargs)
        self.collected = sown.get(BATCH_STATISTICS)
        return output


class Nets:
    """The players of a game as a loss sees them.

    Attributes:
        clock: How far the game is.
        stage: The `Stage` being played, or the game's subclass of it with its static settings.
        memory: The game's memory, for abilities; a loss takes its own as an argument.
    """

    def __init__(self, nets: Mapping[str, Net], clock: Clock, stage: Any, memory: Memory) -> None:
        self.clock = clock
        self.stage = stage
        self.memory = memory
        self._nets = nets

    def __getattr__(self, name: str) -> Net:
        try:
            return self.__dict__["_nets"][name]
        except KeyError:
            raise AttributeError(f"this game has no player {name!r}; its players are {', '.join(self._nets)}") from None

    def __iter__(self) -> Iterator[tuple[str, Net]]:
        return iter(self._nets.items())


def merge_statistics(batches: list[Any]) -> Any:
    """Statistics of several equally large batches, from the means and variances of each.

    The variance of a union is the mean of the variances plus the variance of the means.

    Args:
        batches: For each batch, a tree whose innermost dicts are {"mean": array, "var": array}.
    """

    def merge(*parts: dict[str, jax.Array]) -> dict[str, jax.Array]:
        means = jnp.stack([part["mean"] for part in parts])
        variances = jnp.stack([part["var"] for part in parts])
        return {"mean": means.mean(0), "var": variances.mean(0) + means.var(0)}

    return jax.tree.map(merge, *batches, is_leaf=lambda node: isinstance(node, dict) and "mean" in node)

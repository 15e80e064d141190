"""What a loss sees of the players: networks that can be called, `nets.generator(z)`."""

import copy
import inspect
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.errors import ScopeParamShapeError
from jax.extend.core import find_top_trace

from jaxgan.core.state import Clock, Memory, Params
from jaxgan.core.views import View
from jaxgan.errors import UserError

# Collections by which normalisation layers are handed statistics, and give those of the batch they saw.
STATISTICS = "statistics"
BATCH_STATISTICS = "batch_statistics"


class Randomness:
    """What is random in a player's calls within a turn: its view and its dropout, drawn anew at each call.

    Args:
        key: PRNG key of the turn and the player.
        view: The player's view, or None.
        clock: How far the game is.
        state: The view's state.
    """

    def __init__(self, key: jax.Array, view: View | None, clock: Clock, state: Any) -> None:
        self._key, self._view, self._clock, self._state = key, view, clock, state
        self._calls = 0
        self._function = _function_being_traced()

    def __call__(self, args: tuple[Any, ...]) -> tuple[tuple[Any, ...], jax.Array]:
        """The arguments as the network is shown them, and a key for its own draws.

        Raises:
            ValueError: The call stands inside a loop (`lax.scan`, `lax.fori_loop`), where each round would draw the same.
        """
        function = _function_being_traced()
        if function is not None and function is not self._function:
            raise ValueError(
                "a network is called inside lax.scan or another traced loop of a loss, where its dropout and views would be "
                "the same in every round: unroll the loop, or call it without them, nets.bare.generator(z)"
            )
        view_key, own_key = jax.random.split(jax.random.fold_in(self._key, self._calls))
        self._calls += 1
        if self._view is not None:
            args = tuple(
                self._view.show(view_key, x, self._clock, self._state, index) if index == 0 or _is_image(x) else x
                for index, x in enumerate(args)
            )
        return args, own_key

    def aside(self, name: str) -> "Randomness":
        """Draws of their own, by name: calls through them leave the others' as they are."""
        return Randomness(
            jax.random.fold_in(self._key, zlib.crc32(name.encode())), self._view, self._clock, self._state
        )

    def fork(self) -> "Randomness":
        """The draws that are still to come, to be drawn once more through it."""
        return copy.copy(self)


def _is_image(x: Any) -> bool:
    return isinstance(x, jax.Array) and x.ndim == 4


def _function_being_traced() -> Any:
    """What stands for the function that is being traced, such as a step under `jit` or the body of a loop; None for none."""
    # JAX's own `find_top_trace` looks at no argument: it is the trace that is going on.
    trace = find_top_trace(())
    # `grad` and `vmap` run a function as it is, within the trace around them.
    while trace is not None and type(trace).__name__ != "DynamicJaxprTrace":
        trace = getattr(trace, "parent_trace", None)
    return trace


class Weights:
    """A player's parameters as its network computes with them; its net and all copies of the net share one.

    Args:
        params: The raw parameters.
        state: The state of the player's constraint before the turn.
        apply: The constraint's `apply`.
        every_call: Whether it is applied anew at each call, not once here.
    """

    def __init__(
        self, params: Params, state: Any, apply: Callable[[Params, Any], tuple[Params, Any]], every_call: bool = False
    ) -> None:
        self.raw, self.state = params, state
        self._apply, self._every_call = apply, every_call
        if not every_call:
            self._constrained, self.state = apply(params, state)

    def __call__(self) -> Params:
        """The parameters for one call of the network."""
        if self._every_call:
            constrained, self.state = self._apply(self.raw, self.state)
            return constrained
        return self._constrained

    def settled(self) -> "Weights":
        """The same, constrained once and for all: for calls inside loops, out of which no state could come."""
        return Weights(self.raw, self.state, self._apply) if self._every_call else self

    def __getitem__(self, index: Any) -> "Weights":
        """Those of one of several copies."""
        one = lambda tree: jax.tree.map(lambda leaf: leaf[index], tree)  # noqa: E731
        constrained = one(self())
        return Weights(one(self.raw), one(self.state), lambda params, state: (constrained, state))


class Net:
    """One player's network at its present parameters: a plain function, `network.apply` with the parameters filled in.

    Attributes:
        collected: Batch statistics of the last call, if the net was asked to collect them.
    """

    def __init__(
        self,
        network: nn.Module,
        weights: Weights,
        statistics: Any = None,
        collect: bool = False,
        randomness: Randomness | None = None,
    ) -> None:
        self.collected: Any = None
        self._network, self._weights = network, weights
        self._statistics = statistics
        self._collect = collect
        self._randomness = randomness

    @property
    def params(self) -> Params:
        """The raw parameters, which regularisers read and gradients reach."""
        return self._weights.raw

    @property
    def constraint(self) -> Any:
        """The state of the player's constraint, as this turn has brought it so far."""
        return self._weights.state

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the network; keyword arguments such as `rngs` and `method` go to `network.apply`.

        Within a turn, a player with a view is shown its first argument and all other images through it, and a network finds a
        "dropout" key; both are drawn anew at each call.
        """
        if self._randomness is not None:
            args, key = self._randomness(args)
            kwargs = {"rngs": {"dropout": key}} | kwargs
        variables = {"params": self._weights()} | ({STATISTICS: self._statistics} if self._statistics else {})
        collected: dict[str, Any] = {"mutable": [BATCH_STATISTICS]} if self._collect else {}
        try:
            output = self._network.apply(variables, *args, **collected, **kwargs)
        except ScopeParamShapeError as error:
            shapes = ", ".join(str(arg.shape) for arg in args if hasattr(arg, "shape"))
            raise UserError(
                f"{type(self._network).__name__} has parameters for inputs of another shape than {shapes}: give it what it was "
                "initialised for, such as images of one size and number of channels"
            ) from error
        if not self._collect:
            return output
        output, sown = output
        self.collected = sown.get(BATCH_STATISTICS)
        return output

    def takes(self, keyword: str) -> bool:
        """Whether the network can be called with this keyword."""
        return keyword in inspect.signature(type(self._network).__call__).parameters

    def __getitem__(self, index: Any) -> "Net":
        """One of the copies of a player that has several (`Player.copies`)."""
        return Net(self._network, self._weights[index], self._statistics)

    def normalised_by(self, *args: Any) -> "Net":
        """The same net with batch norm's statistics of another batch, so that what it makes of an image is of that alone."""
        _, sown = self._network.apply({"params": self._weights()}, *args, mutable=[BATCH_STATISTICS])
        return Net(self._network, self._weights, sown.get(BATCH_STATISTICS), False, self._randomness)

    def aside(self, name: str) -> "Net":
        """The same net with draws of its own: calling it does not change what later calls of the others draw."""
        return self._with(self._weights, None if self._randomness is None else self._randomness.aside(name))

    def fork(self) -> "Net":
        """The same net, whose next calls draw what the next calls of this one draw."""
        return self._with(self._weights, None if self._randomness is None else self._randomness.fork())

    @property
    def bare(self) -> "Net":
        """The same net without views and dropout."""
        return self._with(self._weights.settled(), None)

    def _with(self, weights: Weights, randomness: Randomness | None) -> "Net":
        return Net(self._network, weights, self._statistics, self._collect, randomness)


class Nets:
    """The players of a game as a loss sees them; players that are nested are read so, `nets.generator["level_8"](z)`.

    Attributes:
        clock: How far the game is.
        stage: The `Stage` being played, or the game's subclass of it with its static settings.
        memory: The game's memory, for abilities; a loss takes its own as an argument.
        chosen: For each role, the index of the copy that plays it in this step (`Cast`); int32 ().
    """

    def __init__(
        self,
        nets: Mapping[str, Net],
        clock: Clock,
        stage: Any,
        memory: Memory,
        chosen: Mapping[str, jax.Array] | None = None,
    ) -> None:
        self.clock = clock
        self.stage = stage
        self.memory = memory
        self.chosen = dict(chosen or {})
        self._nets = dict(nets)

    def __getattr__(self, name: str) -> Any:
        nets = self.__dict__["_nets"]
        if name in nets:
            return nets[name]
        below = {flat.removeprefix(f"{name}/"): net for flat, net in nets.items() if flat.startswith(f"{name}/")}
        if below:
            return below
        raise AttributeError(f"this game has no player {name!r}; its players are {', '.join(nets)}")

    def __getitem__(self, name: str) -> Net:
        """A player by its name, "generator/level_8" for one that is nested."""
        return self._nets[name]

    def __iter__(self) -> Iterator[tuple[str, Net]]:
        return iter(self._nets.items())

    def aside(self, name: str) -> "Nets":
        """The same nets with draws of their own, by name: for terms, and for calls that are only logged."""
        nets = {player: net.aside(name) for player, net in self._nets.items()}
        return Nets(nets, self.clock, self.stage, self.memory, self.chosen)

    def fork(self) -> "Nets":
        """The same nets, whose next calls draw what the next calls of these draw: what is judged twice is seen the same."""
        nets = {player: net.fork() for player, net in self._nets.items()}
        return Nets(nets, self.clock, self.stage, self.memory, self.chosen)

    @property
    def bare(self) -> "Nets":
        """The same nets without views and dropout, as abilities have them."""
        nets = {player: net.bare for player, net in self._nets.items()}
        return Nets(nets, self.clock, self.stage, self.memory, self.chosen)


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

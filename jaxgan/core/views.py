"""What a player is shown of images while it trains: augmentations and noise, with a state of their own where they need one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax

from jaxgan.core.state import Clock


class View(NamedTuple):
    """What a player is shown instead of the bare images.

    Attributes:
        apply: (key, images, clock, state) -> images of the same shape; differentiable in the images. The images of one call of
            the player, such as D(x, y)'s two, are shown by the same key, and so are moved alike, but for what `further` says.
        init: () -> the view's first state.
        update: (state, scores) -> the new state, after each turn that says by which scores the player judged reals
            (`Aux.scores`); None for a view that learns nothing.
        metrics: state -> scalars to log, by name.
        further: (key, images, clock, state, index) -> images, for a call's images but the first, index 1 and on, by the key of
            the first: for noise, of which each has its own. None: they are shown as the first is.
    """

    apply: Callable[[jax.Array, jax.Array, Clock, Any], jax.Array]
    init: Callable[[], Any] = lambda: ()
    update: Callable[[Any, jax.Array], Any] | None = None
    metrics: Callable[[Any], Mapping[str, jax.Array]] = lambda state: {}
    further: Callable[[jax.Array, jax.Array, Clock, Any, int], jax.Array] | None = None

    def show(self, key: jax.Array, images: jax.Array, clock: Clock, state: Any, index: int = 0) -> jax.Array:
        """The images that a call is given as its argument of this index."""
        if index and self.further is not None:
            return self.further(key, images, clock, state, index)
        return self.apply(key, images, clock, state)


def chain_views(views: Sequence[View]) -> View:
    """Several views, the first one first."""

    def apply(key: jax.Array, images: jax.Array, clock: Clock, states: Any, index: int = 0) -> jax.Array:
        for place, (view, state) in enumerate(zip(views, states, strict=True)):
            images = view.show(jax.random.fold_in(key, place), images, clock, state, index)
        return images

    def update(states: Any, scores: jax.Array) -> Any:
        return tuple(
            state if view.update is None else view.update(state, scores)
            for view, state in zip(views, states, strict=True)
        )

    def metrics(states: Any) -> dict[str, jax.Array]:
        return {
            name: value
            for view, state in zip(views, states, strict=True)
            for name, value in view.metrics(state).items()
        }

    learns = any(view.update is not None for view in views)
    return View(apply, lambda: tuple(view.init() for view in views), update if learns else None, metrics, apply)

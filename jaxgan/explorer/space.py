"""The latents that a game makes images of, and the directions in which they change; what explores them stands on this."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import directions
from jaxgan.core import Ability, Nets
from jaxgan.core.abilities import LABEL, LATENTS
from jaxgan.core.snapshot import Snapshot
from jaxgan.errors import UserError
from jaxgan.metrics.path_length import lerp, slerp

NEEDED = ("sample", "latents", "generate")
TRUNCATIONS = (0.1, 0.3, 0.5, 0.7, 1.0, None)
_LATENTS = 2048  # that directions are measured on
_DERIVATIVES = 16  # of them at which a layer behind a normalisation is differentiated


def can(abilities: Mapping[str, Ability]) -> bool:
    """Whether a game with these abilities has latents to explore."""
    return all(name in abilities for name in NEEDED)


class Space:
    """The latents that images are made of: W where the game maps its latents to one and makes images of that, or else Z.

    Args:
        snapshot: A game with the abilities "sample", "latents" and "generate".
        key: The same key draws the same latents.

    Attributes:
        mapped: Whether it is W.
        maker: The ability that makes images of its points.
    """

    def __init__(self, snapshot: Snapshot, key: jax.Array) -> None:
        self._snapshot, self._key, abilities = snapshot, key, snapshot.game.abilities
        self.mapped = "map" in abilities and "synthesize" in abilities
        self.maker = "synthesize" if self.mapped else "generate"

    def draw(self, number: int, truncation: float | None = None) -> np.ndarray:
        """Latents z (number, D)."""
        return self._snapshot.use("latents", self._key, number=number, truncation=truncation)

    def carried(self, z: np.ndarray, label: np.ndarray | None) -> np.ndarray:
        """Latents z as points of the space."""
        return self._ask("map", z, label) if self.mapped else z

    def between(self, here: np.ndarray, there: np.ndarray, share: float) -> np.ndarray:
        """Points (N, D) on the ways between two sets of them: W has straight ones; in Z an arc keeps the length of latents."""
        way = lerp if self.mapped else slerp
        return np.asarray(way(jnp.asarray(here), jnp.asarray(there), jnp.full((len(here), 1), share, jnp.float32)))

    def images(self, points: np.ndarray, label: np.ndarray | None, **more: Any) -> np.ndarray:
        """Images of points (rows, columns, D): (rows, columns, H, W, C); `more` is for what makes them, such as truncation.

        Every column is asked for by itself, with the same key, so that what a network draws beside its latent, such as noise
        for each pixel, is one draw for each row.
        """
        columns = [self._ask(self.maker, points[:, column], label, **more) for column in range(points.shape[1])]
        return np.stack(columns, axis=1)

    def truncated(self, number: int, label: np.ndarray | None) -> np.ndarray:
        """The same latents by threshold, as the game itself truncates: images (thresholds, number, H, W, C).

        Raises:
            UserError: The game's latents cannot be truncated.
        """
        if self._snapshot.takes("generate", "truncation"):
            z = self.draw(number)
            return np.stack([self._ask("generate", z, label, truncation=psi) for psi in TRUNCATIONS])
        if not self._snapshot.takes("latents", "truncation"):
            raise UserError("this game's latents cannot be truncated")
        return np.stack([self._ask("generate", self.draw(number, limit), label) for limit in TRUNCATIONS])

    def directions(self, number: int, label: int | None) -> dict[str, np.ndarray]:
        """Directions (K, D) by name, each as long as the deviation of the space's points along it.

        Raises:
            UserError: No layer of the generator reads the latent.
        """
        labels = None if label is None else np.full(_LATENTS, label, np.int32)
        points = self.carried(self.draw(_LATENTS), labels)
        size = self._snapshot.compiled.batch_size
        found = self._compiled(directions.varying, label)(points[:size])
        layers = directions.layers(*(np.asarray(each) for each in found))
        read = self._compiled(lambda generate, z: directions.gram(generate, z[0], layers.first), label)
        grams = [np.asarray(read(point[None])) for point in points[:_DERIVATIVES]]
        given = points
        if not self.mapped:
            see = self._compiled(lambda generate, z: directions.activations(generate, z, layers.hidden), label)
            given = np.concatenate([np.asarray(see(points[at : at + size])) for at in range(0, _LATENTS, size)])
        units = {
            "closed_form": directions.closed_form(np.mean(grams, axis=0), number),
            "principal": directions.principal(given, points, number),
        }
        return {name: each * (points @ each.T).std(axis=0)[:, None] for name, each in units.items()}

    def _ask(self, ability: str, latents: np.ndarray, label: np.ndarray | None, **more: Any) -> np.ndarray:
        """What an ability of latents, and of labels if it takes them, gives."""
        declared = self._snapshot.game.ability(ability)
        given = dict.fromkeys(declared.kinds(LATENTS), latents) | dict.fromkeys(declared.kinds(LABEL), label)
        return self._snapshot.use(ability, self._key, **given, **more)

    def _compiled(self, function: Any, label: int | None) -> Any:
        """points -> function(generate, points), compiled; `generate` makes images of points, all of one class."""
        declared, key = self._snapshot.game.ability(self.maker), self._key

        def run(nets: Nets, points: jax.Array) -> Any:
            def generate(latents: jax.Array) -> jax.Array:
                labels = None if label is None else jnp.full(len(latents), label, jnp.int32)
                given = dict.fromkeys(declared.kinds(LATENTS), latents) | dict.fromkeys(declared.kinds(LABEL), labels)
                return declared.function(nets, key, **given)

            return function(generate, points)

        return self._snapshot.nets_call(run)

"""The game at one moment, asked for its abilities on the host: averaged players, sampling statistics, compiled calls."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from jaxgan.core.abilities import IMAGES, LABEL, LATENTS, NUMBER, PER_ENTRY, Ability, Search, pixel_distance
from jaxgan.core.arrays import Arrays, ArraySpec, evenly
from jaxgan.core.game import Game
from jaxgan.core.nets import merge_statistics
from jaxgan.core.players import flatten
from jaxgan.core.state import State
from jaxgan.mesh import replicated

# A network alone needs far less memory than a training step, so small minibatches need not be kept to.
_SMALLEST_BATCH = 16


class CompiledGame:
    """Compiles what a game can do, once for all moments of a run.

    Args:
        game: The game, with networks that know their shapes.
        mesh: Calls are cut among its devices, and every process gets the whole result.
        arrays: Of its data.
        batch_size: Images in a minibatch of its training.
        statistics_batches: How many batches batch norm's statistics for an ability are estimated over; 0: each batch has its
            own.
        perceive: Finds, when it is first needed, what an ability's `Search` tells images apart by: parameters, and a pure
            function of them and two arrays of images. None: by their pixels.
    """

    def __init__(
        self,
        game: Game,
        mesh: jax.sharding.Mesh,
        arrays: Arrays,
        batch_size: int,
        statistics_batches: int,
        perceive: Callable[[], tuple[Any, Callable[[Any, jax.Array, jax.Array], jax.Array]]] | None = None,
    ) -> None:
        self._perceive = perceive
        self.game, self.arrays, self.statistics_batches = game, arrays, statistics_batches
        self.devices = mesh.size
        # Images in a call: a number that the mesh divides.
        self.batch_size = -(-max(batch_size, _SMALLEST_BATCH) // mesh.size) * mesh.size
        self.jit = functools.partial(jax.jit, out_shardings=replicated(mesh))
        # Whether a batch is normalised in an ability, of a stage and on a way, where that is known already.
        self.normalising: dict[tuple[Any, ...], bool] = {}
        self.minibatch = batch_size
        self.noted: dict[tuple[Any, ...], frozenset[str]] = {}  # the players that normalise in it: `jaxgan.core.few`
        self._compiled: dict[tuple[str, str], Callable[..., Any]] = {}

    def call(self, what: str, ability: str) -> Callable[..., Any]:
        """`game.use` or `game.statistics` (`what`) of one ability, compiled."""
        if (what, ability) not in self._compiled:
            function, search = getattr(self.game, what), self.game.ability(ability).search
            if search is not None:
                self._compiled[what, ability] = self.search(ability, search)
                return self._compiled[what, ability]

            def run(state: State, key: jax.Array, stage: int, **options: Any) -> Any:
                return (
                    function(ability, state, key, stage=stage, **options)
                    if what == "use"
                    else function(state, key, ability, stage=stage, **options)
                )

            self._compiled[what, ability] = self.jit(run, static_argnames=("stage", *self.game.static(ability)))
        return self._compiled[what, ability]

    def search(self, ability: str, search: Search) -> Callable[..., Any]:
        """(state, key, stage, **arguments) -> what an ability that is found step by step gives."""
        params, distance = (None, lambda _, a, b: pixel_distance(a, b)) if self._perceive is None else self._perceive()
        finish, static = self.game.ability(ability).function, ("stage", *self.game.static(ability))

        def start(state: State, key: jax.Array, stage: int, **options: Any) -> Any:
            return search.start(self.game.nets(state, stage=stage), key, **options)

        def step(
            params: Any, state: State, key: jax.Array, found: Any, index: jax.Array, stage: int, **options: Any
        ) -> Any:
            apart = functools.partial(distance, params)
            return search.step(self.game.nets(state, stage=stage), key, found, index, apart, **options)

        def last(state: State, key: jax.Array, found: Any, stage: int, **options: Any) -> Any:
            return finish(self.game.nets(state, stage=stage), key, found, **options)

        begin, go_on, end = (jax.jit(function, static_argnames=static) for function in (start, step, last))

        def find(state: State, key: jax.Array, stage: int, statistics: Any = None, **options: Any) -> Any:
            found = begin(state, key, stage=stage, **options)
            for index in range(search.steps):
                found = go_on(params, state, key, found, np.int32(index), stage=stage, **options)
            return end(state, key, found, stage=stage, **options)

        return find

    def at(self, state: State, stage: int, statistics: dict[str, Any] | None = None) -> "Snapshot":
        """The game as it is now; `state` must not be donated while the snapshot is used.

        Args:
            state: The state.
            stage: Index of the stage whose settings apply.
            statistics: Of batch norm, by player, for all abilities; None: they are estimated.
        """
        return Snapshot(self, state, stage, statistics)


class Snapshot:
    """What the players can do at one moment. Arrays go in and come out on the host.

    Attributes:
        game: The game.
        compiled: Its compiled abilities.
        given: Batch norm's statistics, by player, for all abilities; None: they are estimated.
    """

    def __init__(
        self, compiled: CompiledGame, state: State, stage: int, statistics: dict[str, Any] | None = None
    ) -> None:
        self.game, self.compiled = compiled.game, compiled
        self.given = statistics
        self._state, self._stage = state, stage
        self._size = compiled.batch_size
        self._statistics: dict[tuple[Any, ...], dict[str, Any]] = {}

    @property
    def arrays(self) -> Arrays:
        """The arrays of the game's data."""
        return self.compiled.arrays

    @property
    def _own_statistics(self) -> bool:
        """Whether each batch is normalised by its own statistics, for want of others."""
        return self.given is None and not self.compiled.statistics_batches

    @property
    def averaged(self) -> bool:
        """Whether any player keeps a moving average of its weights."""
        return any(player.average is not None for player in flatten(self._state.players).values())

    def without_average(self) -> "Snapshot":
        """The weights themselves."""
        drop = lambda player: player.replace(average=None)  # noqa: E731
        players = jax.tree.map(drop, self._state.players, is_leaf=lambda node: hasattr(node, "average"))
        return self.compiled.at(self._state.replace(players=players), self._stage, self.given)

    def in_calls_of(self, number: int) -> "Snapshot":
        """The same game, asked for so many images in a call, or as many as there are devices: for few, that somebody waits for.

        Batch norm's statistics for what it draws are those of whole minibatches all the same; where each batch has its own,
        calls stay as large as they are.
        """
        other = self.compiled.at(self._state, self._stage, self.given)
        if not self._own_statistics:
            other._size = -(-number // self.compiled.devices) * self.compiled.devices
        other._statistics = self._statistics
        return other

    def use(self, ability: str, key: jax.Array, **arguments: Any) -> np.ndarray:
        """Asks for an ability; see `parts`. Where it takes images of any size, `Ability.tiling` says how.

        Returns:
            One entry for each image.
        """
        declared = self.game.ability(ability)
        if self.of_the_data(declared, arguments):
            return np.concatenate(list(self.parts(ability, key, **arguments)))
        assert declared.tiling is not None
        (images,) = declared.kinds(IMAGES)
        enlarge = lambda tiles: np.concatenate(list(self.parts(ability, key, **{**arguments, images: tiles})))  # noqa: E731
        return declared.tiling(enlarge, np.asarray(declared.checked(ability, arguments)[images]))

    def parts(self, ability: str, key: jax.Array, **arguments: Any) -> Iterator[np.ndarray]:
        """Asks for an ability, a minibatch at a time, so that memory does not grow with the number.

        Args:
            ability: Its name.
            key: The same key gives the same result; where only a number is given, fewer are the first ones of more.
            **arguments: What the ability takes: arrays with an entry for each image (images, labels, latents), or the
                number of them; domains by name; strengths.

        Returns:
            The entries, one for each image, some at a time.

        Raises:
            UserError: The game cannot do it, or an argument is unknown, missing, or not one of its choices.
        """
        declared, classes = self.game.ability(ability), len(self.classes(ability))
        given, takes = declared.checked(ability, arguments, classes), declared.takes
        if declared.ways:
            given["source"], given["target"] = declared.way(given.get("source"), given.get("target"))
        entries = {name: np.asarray(value) for name, value in given.items() if takes[name].kind in PER_ENTRY}
        rest = {name: value for name, value in given.items() if name not in entries}
        counted = next((name for name in rest if takes[name].kind == NUMBER), None)
        total = int(rest[counted]) if counted else len(next(iter(entries.values())))
        # Tiles are large, and what is made of them is larger.
        size = self._size if self.of_the_data(declared, given) else self.compiled.devices
        if counted:
            rest[counted] = self.compiled.batch_size
        statistics = self.statistics(ability, entries, rest)
        if counted:
            rest[counted] = size
        use = self.compiled.call("use", ability)
        # A latent beside copies of itself would be normalised to the same image as any other.
        alone = [name for name in entries if self._own_statistics and not takes[name].space]
        beside = self._drawn_latents(declared, alone, jax.random.key(0), size)

        def made() -> Iterator[np.ndarray]:
            for index, start in enumerate(range(0, total, size)):
                cut = {name: array[start : start + size] for name, array in entries.items()}
                part = {name: _filled(array, size, beside.get(name)) for name, array in cut.items()}
                own = jax.random.fold_in(key, index)
                result = use(self._state, own, stage=self._stage, statistics=statistics, **part, **rest)
                entry = np.asarray(result)[: total - start]
                enlarges = declared.gives == "images" and declared.tiling is None
                yield self._at_full_size(entry) if enlarges else entry

        return made()

    def sample(
        self, key: jax.Array, number: int, label: np.ndarray | None = None, truncation: float | None = None
    ) -> np.ndarray:
        """Draws images, float32 (number, H, W, C) in [-1, 1], or vectors (number, D).

        Args:
            key: The same key draws the same images, and fewer of them draws the first ones of more.
            number: How many.
            label: Classes, int (number,), for a game that takes labels; None: its own choice.
            truncation: As in `jaxgan.core.Latent`.
        """
        return self.use("sample", key, number=number, label=label, truncation=truncation)

    def takes(self, ability: str, argument: str) -> bool:
        """Whether the game has this ability, and it takes this argument."""
        return ability in self.game.abilities and argument in self.game.abilities[ability].takes

    def image_spec(self, ability: str, argument: str, source: str | None = None) -> ArraySpec:
        """What the images of an argument are like: those of the array that it names, or of the domain `source`."""
        array = self.game.ability(ability).takes[argument].array or source or ""
        specs = self.arrays
        return specs[array] if array in specs else next(spec for spec in specs.values() if spec.kind != "label")

    def classes(self, ability: str) -> tuple[str, ...]:
        """The names of the classes that an ability can be asked for; () if it takes no labels, or they have no names."""
        for argument in self.game.ability(ability).takes.values():
            if argument.kind == LABEL:
                return self.called(ability, argument.classes)
        return ()

    def called(self, ability: str, number: int = 0, domains: tuple[str, ...] = ()) -> tuple[str, ...]:
        """What the classes that an ability takes or tells are called.

        A game may find classes of its own, of which the data know nothing, be there as many of them or not; or it may tell
        domains apart.

        Args:
            ability: Its name.
            number: How many there are; 0: as many as the data have.
            domains: What people call the domains of the data.
        """
        declared = self.game.ability(ability)
        names = self.arrays["label"].names if "label" in self.arrays and not declared.own_classes else ()
        if declared.of_domains:
            names = domains
        return names if number in (0, len(names)) else tuple(map(str, range(number)))

    def statistics(
        self, ability: str, entries: Mapping[str, np.ndarray] | None = None, rest: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Batch norm's statistics for an ability, over `statistics_batches` calls of it.

        Where the ability draws what it makes they are estimated once, always from the same draws, so that values while training
        and those of a checkpoint later are the same; in the place of latents that it must be given are those of the ability
        "latents", and what it need not be given it draws itself. Where it is given images they are those of batches from
        everywhere in what is given, which may be sorted, but for players that "generate" asks, which have those of that: what
        is made of a code is the same whatever is given beside it.

        Args:
            ability: Its name.
            entries: The arrays that it is given.
            rest: Its other arguments.
        """
        if self.given is not None:
            return self.given
        static = {name: value for name, value in (rest or {}).items() if name in self.game.static(ability)}
        # Another way may go through another network.
        which = (ability, self._stage, *sorted(static.items()))
        if not self.compiled.statistics_batches or not self.compiled.normalising.get(which, True):
            return {}
        declared = self.game.ability(ability)
        if declared.search is not None or not self.of_the_data(declared, entries or {}):
            return {}  # the tiles of one image are no sample: each is normalised by itself, unless the game sees to it
        takes, entries = self.game.ability(ability).takes, dict(entries or {})
        images = any(takes[name].kind == IMAGES for name in entries)
        size = self._size if images else self.compiled.batch_size
        given, drawn = entries, self.from_draws(ability)
        if drawn and which in self._statistics:
            return self._statistics[which]
        if drawn:
            entries, rest = {}, static
        estimate, batches = self.compiled.call("statistics", ability), []
        keys = jax.random.split(jax.random.key(0), self.compiled.statistics_batches)
        most = min(map(len, entries.values()), default=0)
        number = max(1, min(len(keys), most // size)) if entries else len(keys)
        chosen = evenly(number * size, most)
        for index, key in enumerate(keys[:number]):
            # Batch i has every n-th of the chosen ones from the i-th on.
            part = {name: array[chosen[index::number]] for name, array in entries.items()}
            filled: dict[str, Any] = {name: _filled(array, size) for name, array in part.items()}
            if drawn:
                filled |= self._drawn_latents(declared, given, key, size)
            batches.append(estimate(self._state, key, stage=self._stage, **filled, **(rest or {})))
            self.compiled.normalising[which] = bool(batches[0])
            if not batches[0]:
                return {}
        merged = merge_statistics(batches)
        if drawn:
            self._statistics[which] = merged
        elif images and "generate" in self.game.abilities:
            merged |= {name: values for name, values in self.statistics_of_samples().items() if name in merged}
        return merged

    def statistics_of_samples(self) -> dict[str, Any]:
        """Those of "generate", or else of "sample": of the players that make what the game draws; {} where it draws nothing."""
        if self.given is not None:
            return self.given
        found = next((name for name in ("generate", "sample") if name in self.game.abilities), "")
        if not found:
            return {}
        declared = self.game.ability(found)
        number = dict.fromkeys(declared.kinds(NUMBER), self.compiled.batch_size)
        return self.statistics(found, dict.fromkeys(_needed_latents(declared), np.empty(0)), number)

    def from_draws(self, ability: str) -> bool:
        """Whether the statistics for an ability are of what the game draws itself, and not of what it is given."""
        declared = self.game.ability(ability)
        return not declared.kinds(IMAGES) and ("latents" in self.game.abilities or not _needed_latents(declared))

    def _drawn_latents(self, declared: Ability, given: Iterable[str], key: jax.Array, number: int) -> dict[str, Any]:
        """As the ability "latents" draws them, in the place of those that are given and needed."""
        names = [name for name in _needed_latents(declared) if name in given]
        if not names or "latents" not in self.game.abilities:
            return {}
        draw = self.compiled.call("use", "latents")
        return {name: draw(self._state, key, stage=self._stage, number=number) for name in names}

    def nets_call(self, function: Callable[..., Any], ability: str = "sample") -> Callable[..., Any]:
        """(arguments) -> function(nets, *arguments), compiled: the averaged players, with the statistics of an ability."""
        game, stage = self.game, self._stage
        statistics = self.statistics(ability, None, {"number": self.compiled.batch_size})
        run = self.compiled.jit(
            lambda state, statistics, *arguments: function(
                game.nets(state, stage=stage, statistics=statistics), *arguments
            )
        )
        return functools.partial(run, self._state, statistics)

    def of_the_data(self, declared: Ability, arguments: Mapping[str, Any]) -> bool:
        """Whether what an ability is given has the size of the data, so that it goes by minibatches."""
        if declared.tiling is None or declared.tiling.reach is not None:
            return declared.tiling is None
        (images,) = declared.kinds(IMAGES)
        sizes = [spec.shape[:2] for spec in self.arrays.values() if spec.kind == "image"]
        return images not in arguments or np.shape(arguments[images])[1:3] in sizes

    def _at_full_size(self, images: np.ndarray) -> np.ndarray:
        """A stage whose images are smaller than the data has them enlarged, pixel by pixel."""
        if images.ndim == 4 and "image" in self.arrays:
            for axis in (1, 2):
                images = images.repeat(max(1, self.arrays["image"].shape[axis - 1] // images.shape[axis]), axis)
        return images


def _needed_latents(declared: Ability) -> tuple[str, ...]:
    """The arguments of an ability that are latents and must be given."""
    return tuple(name for name in declared.kinds(LATENTS) if declared.takes[name].required)


def _filled(array: np.ndarray, size: int, beside: Any = None) -> np.ndarray:
    """The part of a batch filled up with its entries once more, or with others, so that one compilation serves all."""
    array = np.asarray(array, np.int32 if np.issubdtype(array.dtype, np.integer) else np.float32)
    if beside is not None:
        return np.concatenate([array, beside])[:size]
    # From the first on again and again: statistics of the whole are near those of the part.
    return array[np.arange(size) % len(array)] if len(array) < size else array

"""What a trained game can do: each ability is declared once, and every way of asking for it follows from the declaration."""

import dataclasses
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.tiling import Tiling
from jaxgan.errors import UserError, nearest

# What an argument of an ability is.
NUMBER = "number"  # how many to make: a static int
LABEL = "label"  # the class of each, int32 (B,)
IMAGES = "images"  # float32 (B, H, W, C) in [-1, 1]
LATENTS = "latents"  # float32 (B, D)
TEXT = "text"  # a caption for each, int32 (B, T): `jaxgan.core.text.encode` makes them
GRAPH = "graph"  # a scene graph for each, float32 (B, D): `jaxgan.core.scene_graph.parse` makes them of text
DOMAIN = "domain"  # the name of a domain: a static string
STRENGTH = "strength"  # a number above 0, or within the argument's bounds: a float
CHOICE = "choice"  # one of a few words: a static string

# Kinds with an entry for each image, which a long call is cut along.
PER_ENTRY = (LABEL, IMAGES, LATENTS, TEXT, GRAPH)
# Kinds that a compiled call is compiled for.
STATIC = (NUMBER, DOMAIN, CHOICE)


@dataclasses.dataclass(frozen=True)
class Argument:
    """One argument of an ability.

    Attributes:
        kind: One of the names above.
        help: For the command line.
        choices: Of a domain or a choice: the names there are.
        required: Whether it must be given.
        classes: Of a label: how many classes there are; 0 where only the data know.
        several: Of a domain: whether a command may be asked for several of them, each in a folder of its own.
        guessed: Of a domain: whether the game finds it by itself where it is not given.
        array: Of images, captions and embeddings: the array of a minibatch that they are like ("image", "a"), for pictures
            and checks; "" for any.
        bounds: Of a strength: the least and the largest; None for anything above 0.
        space: Of latents: "" for those of the ability "latents", or what else they are, of any number of components.
    """

    kind: str
    help: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    classes: int = 0
    several: bool = False
    guessed: bool = False
    array: str = ""
    bounds: tuple[float, float] | None = None
    space: str = ""

    def check_strength(self, what: str, value: Any) -> None:
        """Refuses a strength, a number or an array of them, that is out of range; `what` begins the message.

        Raises:
            UserError: It is.
        """
        values = np.asarray(value)
        if values.dtype.kind not in "fiu":
            raise UserError(f"{what}={value}, but it must be a number")
        if self.bounds is None:
            fine, asked = bool(((values > 0) & np.isfinite(values)).all()), "be above 0"
        else:
            fine = bool(((values >= self.bounds[0]) & (values <= self.bounds[1])).all())
            asked = f"lie in [{self.bounds[0]:g}, {self.bounds[1]:g}]"
        if not fine:
            raise UserError(f"{what}={value}, but it must {asked}")


class Search(NamedTuple):
    """How what an ability gives is found step by step. The host runs the loop, around pure functions that are compiled each
    for itself: on a CPU the gradient of a convolution inside a compiled loop takes tens of times as long.

    Attributes:
        start: (nets, key, **arguments) -> a pytree, to start from.
        step: (nets, key, found, index, distance, **arguments) -> the same, a step on. `index` is int32 (), and `distance` tells
            how far apart images (B, H, W, C) look, float32 (B,): as well as whoever asks can measure it.
        steps: How many.
    """

    start: Callable[..., Any]
    step: Callable[..., Any]
    steps: int


def pixel_distance(a: Any, b: Any) -> Any:
    """The mean squared difference of images (B, ...), (B,): what a `Search` goes by where nothing better is at hand."""
    return jnp.square(a - b).mean(axis=tuple(range(1, a.ndim)))


@dataclasses.dataclass(frozen=True)
class Ability:
    """Something that users can ask of a trained game.

    The Python call `game.use(name, ...)`, the compiled one on the host (`Snapshot.use`), the command `python -m jaxgan NAME`
    with its options and help, the picture while training, and what metrics may ask for all come from this.

    Attributes:
        function: (nets, key, **arguments) -> array; pure. `nets` are the averaged players without views and dropout.
        takes: Its arguments by name, in the function's order.
        gives: "images" (B, H, W, C) in [-1, 1] or vectors (B, D), "latents" (B, D), "class_logits" (B, K), or "scores" (B,).
        drawn: How a run's pictures show it: a name in `jaxgan.pictures.run_pictures.DRAWN` or `AT_THE_END`, or "" for not at
        all.
        help: What it does, a line for the command line.
        draws: Whether a network draws in it too: its "dropout" key is there, as pix2pix's noise needs it.
        search: For what is found step by step; `function` is then (nets, key, found, **arguments) -> array, the last step.
        tiling: For what takes images of any size: commands hand pictures over as they are, and on the host large ones are cut
            into tiles, or all are filled up to sides that the networks take. None: images have the size of the data.
        own_classes: Whether the classes that it takes or tells are the game's own, such as clusters: the names of the data's
            labels say nothing of them.
        of_domains: Whether the classes that it tells are the domains of the data, in their order.
    """

    function: Callable[..., Any]
    takes: Mapping[str, Argument]
    gives: str
    drawn: str = ""
    help: str = ""
    draws: bool = False
    search: Search | None = None
    tiling: Tiling | None = None
    own_classes: bool = False
    of_domains: bool = False

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        """The pairs (source, target) of domains that it can be asked for, its usual one first; () if it takes no domains.

        Where domains are sources and targets, targets that are no source, such as attributes, end no way.
        """
        if not {"source", "target"} <= self.takes.keys():
            return ()
        sources, targets = self.takes["source"].choices, self.takes["target"].choices
        if set(sources) & set(targets):
            targets = tuple(target for target in targets if target in sources)
        return tuple((source, target) for target in reversed(targets) for source in sources if source != target)

    def way(
        self, source: str | None = None, target: str | None = None, called: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[str | None, str]:
        """The first of its ways that has this source and this target; None: any.

        Args:
            source: The array of a domain.
            target: The same.
            called: What people call the domains, by their arrays, for errors.

        Returns:
            The source, None where the game is to find it by itself, and the target.

        Raises:
            UserError: There is none; or the images could be of several domains, and the game does not find out of which.
        """
        ends = {way[1] for way in self.ways}
        if target is not None and target not in ends and target in self.takes["target"].choices:
            return source, target
        fitting = [way for way in self.ways if source in (None, way[0]) and target in (None, way[1])]
        if fitting and source is None and self.takes["source"].guessed:
            return None, fitting[0][1]
        others = [way[0] for way in fitting if way[1] == fitting[0][1]]
        name = lambda array: repr(called.get(array, array))  # noqa: E731
        if len(others) > 1:
            raise UserError(f"say of which domain the images are, source={' or '.join(map(name, others))}")
        if fitting:
            return fitting[0]
        if source == target:
            raise UserError(f"source and target are both {name(source)}: choose another target, or another source")
        asked = ", ".join(f"{each}={name(value)}" for each, value in (("source", source), ("target", target)) if value)
        known = ", ".join(f"{name(source)} to {name(target)}" for source, target in self.ways) or "none"
        raise UserError(f"there is no way of {asked} between the domains of this game; its ways are: {known}")

    def kinds(self, *kinds: str) -> tuple[str, ...]:
        """The names of its arguments of these kinds."""
        return tuple(name for name, argument in self.takes.items() if argument.kind in kinds)

    def checked(self, name: str, arguments: Mapping[str, Any], classes: int = 0) -> dict[str, Any]:
        """The arguments that are given (not None), after a look at what can be known of them: values that are traced are not.

        Args:
            name: The ability's, for errors.
            arguments: By name.
            classes: Of the data's labels, where the declaration does not say; 0: not known.

        Raises:
            UserError: One is unknown, missing, out of range, or of another length than the others.
        """
        given = {each: value for each, value in arguments.items() if value is not None}
        for each in given:
            if each not in self.takes:
                taken = ", ".join(self.takes) or "nothing"
                raise UserError(f"{name} takes no {each} in this game; it takes: {taken}")
        if missing := [each for each, argument in self.takes.items() if argument.required and each not in given]:
            raise UserError(f"{name} needs {', '.join(missing)}")
        lengths = {}
        for each, value in given.items():
            argument, where = self.takes[each], f"{name}: {each}"
            if argument.kind in (DOMAIN, CHOICE) and value not in argument.choices:
                raise UserError(
                    f"{where}={value!r} is no {argument.kind} of this game: {nearest(value, argument.choices)}"
                )
            if argument.kind == NUMBER:
                lengths[each] = _number(value, where)
            elif argument.kind == LABEL:
                lengths[each] = len(checked_labels(value, argument.classes or classes, where))
            elif argument.kind in PER_ENTRY:
                if not np.ndim(value) or not len(value):
                    raise UserError(f"{where} is empty or no array: give an entry for each image")
                lengths[each] = len(value)
            elif argument.kind == STRENGTH and not isinstance(value, jax.core.Tracer):
                argument.check_strength(where, value)
        for each, length in lengths.items():
            first = next(iter(lengths))
            if length != lengths[first]:
                counted = "images to make" if self.takes[first].kind == NUMBER else f"entries of {first}"
                raise UserError(f"{name}: {each} has {length} entries, but there are {lengths[first]} {counted}")
        return given


def _number(value: Any, where: str) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise UserError(f"{where}={value!r}, but it must be an integer, known when a program is compiled") from None
    if number < 1:
        raise UserError(f"{where}={number}: ask for at least 1")
    return number


def checked_labels(labels: Any, num_classes: int, where: str) -> Any:
    """Class labels, after a look at their shape, their kind and, unless they are traced, their range.

    Args:
        labels: int (B,).
        num_classes: 0: any number of them.
        where: What they are, for errors.

    Raises:
        UserError: They are something else.
    """
    labels = labels if hasattr(labels, "dtype") else np.asarray(labels)
    if labels.ndim != 1 or not len(labels) or not jnp.issubdtype(labels.dtype, jnp.integer):
        raise UserError(f"{where} must be integers, the class of each image, as in jnp.full(16, 8)")
    if num_classes and not isinstance(labels, jax.core.Tracer | jax.ShapeDtypeStruct):
        asked = np.asarray(labels)
        wrong = asked[(asked < 0) | (asked >= num_classes)]
        if len(wrong):
            raise UserError(f"{where} {wrong[0]}: the classes are 0 to {num_classes - 1}")
    return labels

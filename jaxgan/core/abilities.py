"""What a trained game can do: each ability is declared once, and every way of asking for it follows from the declaration."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from jaxgan.errors import UserError

# What an argument of an ability is.
NUMBER = "number"  # how many to make: a static int
LABEL = "label"  # the class of each, int32 (B,)
IMAGES = "images"  # float32 (B, H, W, C) in [-1, 1]
LATENTS = "latents"  # float32 (B, D)
DOMAIN = "domain"  # the name of a domain: a static string
STRENGTH = "strength"  # a number above 0: a float
POSITION = "position"  # a place along an axis, from 0 to 1, the end not among them: a float

# Kinds with an entry for each image, which a long call is cut along.
PER_ENTRY = (LABEL, IMAGES, LATENTS)
# Kinds that a compiled call is compiled for.
STATIC = (NUMBER, DOMAIN)


@dataclasses.dataclass(frozen=True)
class Argument:
    """One argument of an ability.

    Attributes:
        kind: One of the names above.
        help: For the command line.
        choices: Of a domain: the names there are. Of a label: the classes, as the data call them.
        required: Whether it must be given.
        array: Of images: the array of a minibatch that they are like ("image", "a"), for pictures and checks; "" for any.
    """

    kind: str
    help: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    array: str = ""


@dataclasses.dataclass(frozen=True)
class Ability:
    """Something that users can ask of a trained game.

    The Python call `game.use(name, ...)`, the compiled one on the host (`Snapshot.use`), the command `python -m jaxgan NAME`
    with its options and help, the picture while training, and what metrics may ask for all come from this.

    Attributes:
        function: (nets, key, **arguments) -> array; pure. `nets` are the averaged players without views and dropout.
        takes: Its arguments by name.
        gives: "images" (B, H, W, C) in [-1, 1] or vectors (B, D), "latents" (B, D), "class_logits" (B, K), or "scores" (B,).
        drawn: How a run's pictures show it: a name in `jaxgan.pictures.run_pictures.DRAWN`, or "" for not at all.
        help: What it does, a line for the command line.
        draws: Whether a network draws in it too: its "dropout" key is there, as pix2pix's noise needs it.
    """

    function: Callable[..., Any]
    takes: Mapping[str, Argument]
    gives: str
    drawn: str = ""
    help: str = ""
    draws: bool = False

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        """The pairs (source, target) of domains that it can be asked for, its usual one first; () if it takes no domains."""
        if not {"source", "target"} <= self.takes.keys():
            return ()
        sources, targets = self.takes["source"].choices, self.takes["target"].choices
        return tuple((source, target) for target in reversed(targets) for source in sources if source != target)

    def way(self, source: str | None = None, target: str | None = None) -> tuple[str, str]:
        """The first of its ways that has this source and this target; None: any.

        Raises:
            UserError: There is none.
        """
        for way in self.ways:
            if source in (None, way[0]) and target in (None, way[1]):
                return way
        asked = ", ".join(f"{name}={value!r}" for name, value in (("source", source), ("target", target)) if value)
        known = ", ".join(f"{source!r} to {target!r}" for source, target in self.ways) or "none"
        raise UserError(f"there is no way of {asked} between the domains of this game; its ways are: {known}")

    def kinds(self, kind: str) -> tuple[str, ...]:
        """The names of its arguments of a kind."""
        return tuple(name for name, argument in self.takes.items() if argument.kind == kind)

"""Training, and what a trained run can do, from Python: `jaxgan.train` and `jaxgan.load`."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import overrides, training
from jaxgan.commands.options import Names
from jaxgan.core import Game, State
from jaxgan.core.abilities import DOMAIN, IMAGES, LABEL, STRENGTH, Ability
from jaxgan.core.arrays import ArraySpec, domain_arrays
from jaxgan.core.nets import Nets
from jaxgan.data import Source
from jaxgan.errors import UserError, nearest
from jaxgan.mesh import data_mesh
from jaxgan.pictures import from_uint8
from jaxgan.training import command_line
from jaxgan.training.trained import load as load_trained

_OUTERMOST = 2.0  # of floats that may still be images in [-1, 1]


class Run:
    """A trained run, as one of its checkpoints has it; `load` makes it.

    What its game can do is a method: `run.sample(16)`, `run.translate(images, target="winter")`, `run.encode(images)`. Their
    arguments are those of the commands (`python -m jaxgan sample --workdir=RUN --help`), in the order of the ability's
    declaration, and by name:

    - `number`: how many. What comes back is float32, images (N, H, W, C) in [-1, 1].
    - `label`: a class by its name or number, or one for each; None leaves it to the game.
    - `images`: uint8, or floats in [-1, 1], (N, H, W, C). Their sides are those of the data, but where networks take any.
    - domains, such as `target`: what the data call them, or "a", "b" ...
    - `seed`: of all that is drawn, 0 by default; the same seed gives the same result.

    Attributes:
        workdir: The run's folder.
        config: The run's config.
        step: The checkpoint's step.
        game: The game.
        state: Its state there.
        networks: The players as plain functions, averaged where they have averages: `run.networks.generator(z)`.
        classes: What the classes of the data are called, by number; () without labels.
        domains: What the domains of the data are called.
        abilities: What the game can do, by name.
    """

    def __init__(self, workdir: str | Path, step: int | None = None, trust: bool = False) -> None:
        with jax.set_mesh(data_mesh()):
            self._trained = load_trained(workdir, step, trust)
        plan, self.workdir = self._trained.plan, Path(workdir)
        self.config: ConfigDict = plan.config
        self.step: int = self._trained.step
        self.game: Game = plan.game
        self.state: State = self._trained.state
        self.classes: tuple[str, ...] = plan.arrays["label"].names if "label" in plan.arrays else ()
        self.domains: tuple[str, ...] = plan.domains

    @property
    def networks(self) -> Nets:
        return self.game.nets(self.state, stage=int(self.state.stage))

    @property
    def abilities(self) -> tuple[str, ...]:
        return tuple(sorted(self.game.abilities))

    def use(self, ability: str, *values: Any, seed: int = 0, **given: Any) -> np.ndarray:
        """Asks for an ability by its name.

        Args:
            ability: Its name.
            *values: Arguments in the order of its declaration.
            seed: Of all that is drawn.
            **given: Arguments by name.

        Raises:
            UserError: The game cannot do it, or an argument cannot be had.
        """
        if ability not in self.game.abilities:
            raise UserError(f"this game cannot {ability}: {nearest(ability, self.game.abilities)}")
        declared = self.game.ability(ability)
        if len(values) > len(declared.takes):
            raise UserError(f"{ability} takes {', '.join(declared.takes)}, but was given {len(values)} values")
        given = dict(zip(declared.takes, values, strict=False)) | given
        if unknown := next((name for name in given if name not in declared.takes), ""):
            raise UserError(f"{ability} takes no {unknown}: {nearest(unknown, [*declared.takes, 'seed'])}")
        named = {name: value for name, value in given.items() if value is not None}
        names = Names(self._trained.snapshot.classes(ability), domain_arrays(len(self.domains)), self.domains)
        arguments = {name: self._read(declared, names, name, value, named) for name, value in named.items()}
        if declared.ways:
            way = declared.way(arguments.get("source"), arguments.get("target"), names.called)
            arguments |= {name: end for name, end in zip(("source", "target"), way, strict=True) if end is not None}
        for name in declared.kinds(IMAGES):
            if name in arguments:
                spec = self._trained.snapshot.image_spec(ability, name, arguments.get("source"))
                arguments[name] = _images(f"{ability}: {name}", arguments[name], spec)
        with jax.set_mesh(data_mesh()):
            return self._trained.snapshot.use(ability, jax.random.key(seed), **arguments)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.game.abilities:
            raise AttributeError(f"this run has no {name!r}; its game can {', '.join(self.abilities)}")

        def asked(*values: Any, seed: int = 0, **given: Any) -> np.ndarray:
            return self.use(name, *values, seed=seed, **given)

        asked.__name__, asked.__doc__ = name, self.game.ability(name).help
        return asked

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.abilities]

    def __repr__(self) -> str:
        return f"<run of {self.config.system} at step {self.step}: it can {', '.join(self.abilities)}>"

    def _read(self, declared: Ability, names: Names, name: str, value: Any, given: dict[str, Any]) -> Any:
        """The value of an argument as the game takes it; images are read when their domain is known."""
        kind = declared.takes[name].kind
        if kind == LABEL:
            one = isinstance(value, str | int | np.integer)
            labels = np.array([names.label(str(each)) for each in ([value] if one else value)], np.int32)
            counted = next((given[other] for other in declared.takes if other != name and other in given), 1)
            number = counted if isinstance(counted, int) else len(counted)
            return np.repeat(labels, number) if one else labels
        if kind == DOMAIN:
            if not isinstance(value, str):
                raise UserError(f"{name}={value!r} is no name of a domain: give one, and ask once for each")
            return names.domain(name, value, declared.takes[name].choices)
        if kind == STRENGTH and np.ndim(value):
            raise UserError(f"{name}={value} is several numbers: give one, and ask once for each")
        return value


def _images(what: str, value: Any, spec: ArraySpec) -> np.ndarray:
    """Images as the game takes them, float32 (N, H, W, C) in [-1, 1], or vectors (N, D).

    Args:
        what: Begins the message.
        value: What was given.
        spec: What those of the data are like. Other sides are up to the networks.

    Raises:
        UserError: They are none, of another shape or kind of number, or out of range.
    """
    pixels = np.asarray(value)
    if pixels.ndim != 1 + len(spec.shape) or pixels.shape[-1] != spec.shape[-1]:
        shape = f"H, W, {spec.shape[-1]}" if spec.kind == "image" else spec.shape[-1]
        raise UserError(
            f"{what} have the shape {pixels.shape}, but this game takes (N, {shape}): reshape or convert them"
        )
    if spec.kind != "image":
        return pixels
    if pixels.dtype == np.uint8:
        return from_uint8(pixels)
    if pixels.dtype.kind != "f":
        raise UserError(f"{what} are of {pixels.dtype}: give uint8 from 0 to 255, or floats from -1 to 1")
    # A little more than the range is rounding, or what a linear output makes.
    if len(pixels) and not (np.abs(pixels) <= _OUTERMOST).all():  # what is no number is not within it either
        least, most = pixels.min(), pixels.max()
        raise UserError(f"{what} run from {least:g} to {most:g}: give uint8 from 0 to 255, or floats from -1 to 1")
    return pixels


def load(workdir: str | Path, step: int | None = None, trust: bool = False) -> Run:
    """A trained run, ready to be asked for what its game can do.

    Args:
        workdir: The run's folder.
        step: Which checkpoint; None: the best by the run's first metric, or the last one if none was scored.
        trust: Whether code of your own that its config names may be imported.

    Raises:
        ConfigError: The folder holds no run, or no such checkpoint.
    """
    return Run(workdir, step, trust)


def train(config: str | ConfigDict, workdir: str | Path = "", data: Source | None = None, init_from: str = "") -> Run:
    """Trains a game, with its progress on stderr, and returns the run; the same call again goes on where it stopped.

    Args:
        config: See `jaxgan.config.default`; or the name of a file, "configs/dcgan.py:paper".
        workdir: The run's folder; "" for runs/CONFIG-VARIANT of a named file.
        data: What to train on, of `jaxgan.data.arrays` or `items`, or any other source; None: what the config names. With it,
            what the config says of its own data is forgotten, as docs/data.md says.
        init_from: As in `jaxgan.training.train`.

    Raises:
        UserError: As `jaxgan.training.train`; or there is no name for the folder.
    """
    if isinstance(config, str):
        workdir = workdir or command_line.default_workdir(config)
        config = command_line.load_config(config)
    if not workdir:
        raise UserError("this config has no name to call its folder by: give workdir")
    training.train(overrides.apply(config, []), workdir, init_from, data)
    return load(workdir, trust=True)

"""Training, and what a trained run can do, from Python: `jaxgan.train` and `jaxgan.load`."""

import logging
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan import overrides, training
from jaxgan.core import Game, State, few
from jaxgan.core.nets import Nets
from jaxgan.data import Source
from jaxgan.errors import UserError, nearest
from jaxgan.given import read, read_seed
from jaxgan.mesh import data_mesh
from jaxgan.training import command_line
from jaxgan.training.mirror import Mirror, readable
from jaxgan.training.trained import load as load_trained

_log = logging.getLogger("jaxgan")


class Run:
    """A trained run, as one of its checkpoints has it; `load` makes it.

    What its game can do is a method: `run.sample(16)`, `run.translate(images, target="winter")`, `run.encode(images)`. Their
    arguments are those of the commands (`python -m jaxgan sample --workdir=RUN --help`), in the order of the ability's
    declaration, and by name:

    - `number`: how many. What comes back is float32, images (N, H, W, C) in [-1, 1].
    - `label`: a class by its name or number, or one for each; None leaves it to the game.
    - `text`, `scene`: a sentence, or one for each.
    - `images`: uint8, or floats in [-1, 1], (N, H, W, C), of the data's size; of any for `upscale` and its like.
    - `latents`: (N, D).
    - domains, such as `target`: what the data call them, or "a", "b" ...
    - `seed`: of all that is drawn, 0 by default; the same seed gives the same result.

    Attributes:
        workdir: The run's folder; of one on object storage, the copy of it.
        config: The run's config.
        step: The checkpoint's step.
        game: The game.
        state: Its state there.
        networks: The players as plain functions, averaged where they have averages: `run.networks.generator(z)`. The batch
            norms of those that make what `generate` (or `sample`) gives have the statistics of that, or those that a file of
            weights fixes, so that an image is the same whatever is beside it; others, such as a discriminator's, normalise each
            call by its own.
        classes: What the classes of the data are called, by number; () without labels.
        domains: What the domains of the data are called.
        abilities: What the game can do, by name.
    """

    def __init__(self, workdir: str | Path, step: int | None = None, trust: bool = False) -> None:
        self.workdir = readable(workdir)
        with jax.set_mesh(data_mesh()):
            self._trained = load_trained(self.workdir, step, trust)
        plan = self._trained.plan
        self.config: ConfigDict = plan.config
        self.step: int = self._trained.step
        self.game: Game = plan.game
        self.state: State = self._trained.state
        self.classes: tuple[str, ...] = plan.arrays["label"].names if "label" in plan.arrays else ()
        self.domains: tuple[str, ...] = plan.domains
        self._warned = set[str]()

    @property
    def networks(self) -> Nets:
        with jax.set_mesh(data_mesh()):
            statistics = self._trained.snapshot.statistics_of_samples()
        return self.game.nets(self.state, stage=int(self.state.stage), statistics=statistics)

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
        arguments = read(self._trained, ability, named)
        snapshot = self._trained.snapshot
        with jax.set_mesh(data_mesh()):
            result = snapshot.use(ability, jax.random.key(read_seed(seed, ability)), **arguments)
            line = few.warning(snapshot, self.state, ability, arguments, len(result))
        if line and ability not in self._warned:  # once: whoever asks image by image asks often
            self._warned.add(ability)
            _log.warning("%s", line)
        return result

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


def load(workdir: str | Path, step: int | None = None, trust: bool = False) -> Run:
    """A trained run, ready to be asked for what its game can do.

    Args:
        workdir: The run's folder, or a `.safetensors` file of `python -m jaxgan export` or `convert`; also on object storage,
            "gs://bucket/run".
        step: Which checkpoint; None: the best by the run's first metric, or the last one if none was scored.
        trust: Whether code of your own that its config names may be imported.

    Raises:
        ConfigError: The folder holds no run, or no such checkpoint; or the file is damaged, or none of these.
    """
    return Run(workdir, step, trust)


def train(config: str | ConfigDict, workdir: str | Path = "", data: Source | None = None, init_from: str = "") -> Run:
    """Trains a game, with its progress on stderr, and returns the run; the same call again goes on where it stopped.

    Args:
        config: See `jaxgan.config.default`; or the name of a file, "configs/dcgan.py:paper".
        workdir: The run's folder, also on object storage; "" for runs/CONFIG-VARIANT of a named file.
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
    mirror = Mirror.of(workdir)
    return load(workdir if mirror is None else mirror.path, trust=True)

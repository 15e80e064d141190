"""What is decided before the first step: the data, the game, when it ends; and its first state."""

import dataclasses
import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxgan import memory
from jaxgan.build import build_game
from jaxgan.core import Arrays, ArraySpec, Due, Game, State
from jaxgan.core.arrays import domain_arrays, minibatch
from jaxgan.core.players import flatten, nest
from jaxgan.core.snapshot import CompiledGame
from jaxgan.data import DataError, Source, check_batch_size, make_source, text
from jaxgan.data.errors import AbsentDataError
from jaxgan.data.pipeline import RawBatch, Resident, prepare
from jaxgan.data.specs import attributes_spec
from jaxgan.errors import ConfigError, UserError
from jaxgan.evaluation import monitored
from jaxgan.evaluation.perception import perception
from jaxgan.mesh import cut_along, data_mesh, replicated
from jaxgan.registry import resolve
from jaxgan.training.sizes import nearest_size

_CAPTIONS, _EMBEDDED = 10, 1024  # captions of a picture, and components of an embedding, of data that are not there


@dataclasses.dataclass(frozen=True)
class Plan:
    """A config, and what it becomes on these devices.

    Attributes:
        config: Every field of it; see `jaxgan.config.default`.
        mesh: All devices of all processes.
        arrays: Of a minibatch.
        domains: What the data's domains are called.
        game: The game.
        assumed: Whether the arrays are a guess, as the data are not there.
        measured: A line about metrics that take the place of others, "" where none does.
    """

    config: ConfigDict
    mesh: jax.sharding.Mesh
    arrays: Arrays
    domains: tuple[str, ...]
    game: Game
    assumed: bool = False
    measured: str = ""

    @classmethod
    def of(cls, config: ConfigDict, arrays: Arrays, domains: Sequence[str] = ()) -> "Plan":
        """The plan for data whose arrays are known.

        Raises:
            ConfigError: The config cannot be used.
        """
        config = resolve(config)
        try:
            game = build_game(config, arrays, domains)
        except ConfigError as error:
            raise _with_size(error, config, arrays, domains) from error
        last = game.stages[-1]
        if not (config.steps or config.images or last.until_step or last.until_images):
            raise ConfigError("config.steps=0 and config.images=0, so the run would never end: set one of them")
        least = min((each for each in _looks(config).values() if each), default=config.steps_per_call)
        if config.steps_per_call > least:
            shorter = ", ".join(f"config.{name}={each}" for name, each in _looks(config).items() if each == least)
            raise ConfigError(
                f"config.steps_per_call={config.steps_per_call}, but no call plays past {shorter}: lower it to a divisor of "
                f"{least}, or raise the other"
            )
        return cls(config, data_mesh(), arrays, tuple(domains), game)

    @classmethod
    def of_source(cls, config: ConfigDict, source: Source) -> "Plan":
        """The plan for data that are there.

        Raises:
            ConfigError: The config cannot be used, or the game learns from pairs and the data have none.
            DataError: A minibatch of a stage is larger than the data.
        """
        plan = cls.of(config, source.arrays, source.domains)
        for index, stage in enumerate(plan.game.stages):
            try:
                check_batch_size(source, plan.batch_size(index))
            except DataError as error:
                raise DataError(f"{f'stage {stage.name!r}: ' if stage.batch_size else ''}{error}") from error
        paired = set(plan.game.paired)
        if not any(paired <= part.arrays.keys() for part in source.parts):
            raise ConfigError(
                f"config.system={config.system!r} learns from pairs, but {' and '.join(sorted(paired))} of the data "
                f"{config.data.name!r} are shuffled apart: set config.data.aligned=True, or choose a system that needs no pairs"
            )
        return plan

    @functools.cached_property
    def compiled(self) -> CompiledGame:
        """What the game can do, compiled once."""
        config = self.config
        perceive = functools.partial(perception, self.arrays)
        return CompiledGame(self.game, self.mesh, self.arrays, config.batch_size, config.statistics_batches, perceive)

    def with_seed(self, seed: int) -> "Plan":
        """The plan of a run that differs by its seed alone; what is compiled serves both."""
        config = self.config.copy_and_resolve_references()
        config.seed = seed
        other = dataclasses.replace(self, config=config)
        vars(other)["compiled"] = self.compiled
        return other

    def batch_size(self, stage: int) -> int:
        """Images in a minibatch of a stage, over all devices."""
        return self.game.stages[stage].batch_size or self.config.batch_size

    def call(self, step: int, images: int) -> tuple[Due, ...]:
        """What the steps of the next call play: `config.steps_per_call` steps, which begin at a multiple of it, or one.

        One where more would begin elsewhere, or pass the end of a stage or of the run, or a step at which the run is looked
        at. Where it stands is all that it hangs on, so that a run that goes on makes the same calls.

        Args:
            step: Steps played.
            images: Real images consumed.
        """
        number, looks = self.config.steps_per_call, [each for each in _looks(self.config).values() if each]
        dues = [self.game.due(step, images)]
        if step % number:
            return tuple(dues)
        for later in range(step + 1, step + number):
            images += self.batch_size(dues[0].stage) * self.game.minibatches(dues[-1])
            due = self.game.due(later, images)
            if (
                due.stage != dues[0].stage
                or self.fraction_done(later, images) == 1
                or any(later % each == 0 for each in looks)
            ):
                return tuple(dues[:1])
            dues.append(due)
        return tuple(dues)

    @property
    def unplayed(self) -> str:
        """A line about the stages that the run ends before, "" where all are played."""
        step, images, stages = 0, 0, self.game.stages
        for index, stage in enumerate(stages[:-1]):
            a_step = self.batch_size(index) * self.game.minibatches(
                Due(index, tuple(turn.name for turn in stage.turns))
            )
            borders = [(stage.until_step, step, 1), (stage.until_images, images, a_step)]
            steps = min(max(0, math.ceil((end - now) / each)) for end, now, each in borders if end is not None)
            step, images = step + steps, images + steps * a_step
            if self.fraction_done(step, images) == 1:
                later = ", ".join(each.name for each in stages[index + 1 :])
                return f"the run ends with the stage {stage.name!r}: {later} are not played; make it longer, or that shorter"
        return ""

    def check_end(self, step: int, images: int, stage: int) -> None:
        """Checks that a run that goes on with another length has not passed its new end.

        Args:
            step: Of its checkpoint.
            images: Real images consumed until then.
            stage: The stage of the last step.

        Raises:
            ConfigError: It has: what it became is no run of that length, and nothing is left to train.
        """
        turns = tuple(turn.name for turn in self.game.stages[stage].turns)
        a_step = self.batch_size(stage) * self.game.minibatches(Due(stage, turns))
        for field, now, last in (("steps", step, 1), ("images", images, a_step)):
            end = self.config[field]
            if end and now - end >= last:  # the last step may consume more images than were left
                raise ConfigError(
                    f"the run has {now} {field} already, so it cannot end at config.{field}={end}: make it "
                    f"--config.{field}={now} or more, or choose another --workdir"
                )

    def fraction_done(self, step: int, images: int) -> float:
        """How much of the run is done, in [0, 1], by whichever of its ends comes first."""
        last = self.game.stages[-1]
        ends = [(step, self.config.steps), (images, self.config.images)]
        ends += [(step, last.until_step), (images, last.until_images)]
        return min(1.0, max(now / end for now, end in ends if end))

    def init(self, key: jax.Array, raw: RawBatch | None = None, resident: Resident = ()) -> State:
        """The state before the first step; pure.

        Args:
            key: PRNG key.
            raw: A minibatch of `Loader.batches`, for networks that begin by data; None: zeros stand for it.
            resident: See `prepare`.
        """
        few = minibatch(self.arrays, max(2, self.mesh.size))  # one entry would be no minibatch to such networks
        zeros = {name: jnp.zeros(spec.shape, spec.dtype) for name, spec in few.items()}
        return self.game.init(key, zeros if raw is None else prepare(raw, resident))

    def abstract_state(self) -> State:
        """Shapes, dtypes and shardings of the state, as `jax.ShapeDtypeStruct`."""
        try:
            abstract = jax.eval_shape(self.init, jax.random.key(0))
        except UserError as error:
            raise _with_size(error, self.config, self.arrays, self.domains) from error
        placed = lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)  # noqa: E731
        return jax.tree.map(placed, abstract, self._shardings_of(abstract))

    @functools.cached_property
    def shardings(self) -> State:
        """Where the leaves of the state lie."""
        return jax.tree.map(lambda leaf: leaf.sharding, self.abstract_state())

    def _shardings_of(self, state: State) -> State:
        """All of it on every device, but of the optimisers' states a part, if the config says so.

        That is the first stage of ZeRO (Rajbhandari et al. 2019, arXiv:1910.02054, section 5.1): gradients are summed, each
        device moves the part of the parameters that its part of the optimiser's state is of, and the parts are gathered.
        """
        shardings = jax.tree.map(lambda _: replicated(self.mesh), state)
        if not self.config.shard_optimizer:
            return shardings
        cut = lambda leaf: cut_along(self.mesh, leaf.shape)  # noqa: E731
        optimizers = {name: jax.tree.map(cut, own.optimizer) for name, own in flatten(state.players).items()}
        players = {name: own.replace(optimizer=optimizers[name]) for name, own in flatten(shardings.players).items()}
        return shardings.replace(players=nest(players))

    def least_bytes(self, state: State) -> int:
        """What a step takes on each device at the very least: the state, the gradient of a player, and the real images.

        Args:
            state: Of `abstract_state`.
        """
        gradient = max(memory.size(player.params) for player in flatten(state.players).values())
        images = []
        for index, stage in enumerate(self.game.stages):
            each = self.game.minibatches(Due(index, tuple(turn.name for turn in stage.turns)))
            images.append(each * memory.size(minibatch(self.arrays, self.batch_size(index))))
        return memory.size(state) + gradient + max(images) // self.mesh.size

    def first_state(self, raw: RawBatch | None = None, resident: Resident = ()) -> State:
        """The state before the first step, made where it will live; the arguments are those of `init`."""
        first = jax.jit(self.init, out_shardings=self.shardings)
        return first(jax.random.key(self.config.seed), raw, resident)


def _looks(config: ConfigDict) -> dict[str, int]:
    """The fields that say after how many steps a run is looked at, 0 for never."""
    return {name: config[name] for name in ("log_every", "sample_every", "evaluate_every", "checkpoint_every")}


def _with_size(error: UserError, config: ConfigDict, arrays: Arrays, domains: Sequence[str]) -> UserError:
    """The error of a game that cannot be made, with the nearest size of images at which it can."""
    size = nearest_size(config, arrays, domains)
    if size is None:
        return error
    told = f"{size[0]},{size[1]}" if size[0] != size[1] else str(size[0])
    return ConfigError(f"{error}; the nearest size that all networks take is --config.data.image_size={told}")


def plan_without_data(config: ConfigDict) -> Plan:
    """The plan as far as the config alone tells it; the data set may be missing.

    Raises:
        DataError: The data cannot be used; or they are not there, and the config does not say what they look like.
    """
    config = resolve(config)
    try:
        source = make_source(config.data)
        source.check_batchable()
        plan = Plan.of_source(config, source)
        # Refuses metrics that are unknown, or that do not fit.
        return dataclasses.replace(plan, measured=monitored.choose(config, plan.compiled, source).told())
    except AbsentDataError:
        if config.data.image_size is None:
            raise
    arrays, domains = _expected_arrays(config)
    return dataclasses.replace(Plan.of(config, arrays, domains), assumed=True)


def _expected_arrays(config: ConfigDict) -> tuple[dict[str, ArraySpec], tuple[str, ...]]:
    """The arrays and domains that absent data would have, as far as a config tells: of a set of labelled colour images."""
    data = config.data

    def image(size: int | Sequence[int], channels: int | None) -> ArraySpec:
        height, width = (size, size) if isinstance(size, int) else size
        return ArraySpec((height, width, channels or 3), "float32", "image")

    one = image(data.image_size, data.channels)
    attributed = {"image": one, "attributes": attributes_spec(data.attributes)} if data.attributes else {}
    if data.name == "two_folders":
        other = image(data.image_size_b or data.image_size, data.channels_b or data.channels)
        labels = {"label": _label(config.game.num_classes or 10)} if "num_classes" in config.game else {}
        return {"a": one, "b": other} | labels, ("A", "B")
    if data.scale_factor > 1:
        height, width, channels = one.shape
        small = image((height // data.scale_factor, width // data.scale_factor), channels)
        return {"image": one, "low_resolution": small}, ()
    if data.name == "many_folders":
        domains = data.domains or ("A", "B")
        return dict.fromkeys(domain_arrays(len(domains)), one) | attributed, domains
    if attributed:
        return attributed, ()
    label = _label(config.game.get("num_classes") or 10)
    if data.labelled:
        return {"image": one, "labelled_image": one, "label": label}, ()
    beside = {}
    if data.text == text.FILES:
        beside["caption"] = ArraySpec((_CAPTIONS, text.LENGTH), "int32", "text")
    elif data.text:
        beside["embedding"] = ArraySpec((_CAPTIONS, _EMBEDDED), "float32", "embedding")
    return {"image": one, "label": label, **beside}, ()


def _label(classes: int) -> ArraySpec:
    return ArraySpec((), "int32", "label", tuple(map(str, range(classes))))

"""A GAN is a game: this file is what a game is made of, and what it can do; `jaxgan.core.step` is what one step of it does."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import step as playing
from jaxgan.core.abilities import STATIC, Ability, pixel_distance
from jaxgan.core.checks import check_arrays, check_key, named
from jaxgan.core.nets import Net, Nets, Randomness, Weights
from jaxgan.core.players import Cast, Player, Players, flatten, undisturbed
from jaxgan.core.state import Clock, Memory, Params, PlayerState, State, clock_of
from jaxgan.core.turns import Batch, Due, Metrics, Stage
from jaxgan.errors import UserError


@dataclasses.dataclass(frozen=True)
class Game:
    """Players, stages and memory, and what the trained game can do.

    Attributes:
        players: By name; a system with many may nest them, {"generator": {"level_8": ...}}. In turns, inputs and metrics a
            nested player is called by its flat name, "generator/level_8".
        inputs: For each player, a function from a minibatch to the arguments that its network is initialised with.
        stages: In order; the last one may be without an end.
        outputs: For each player that makes samples, a function from a minibatch to the array that its samples are like; one
            that derives it, such as a smaller image, is welcome. `complete` tells the networks the shapes.
        memory: (key, minibatch) -> the memory's first value, a dict; None for a game without memory.
        abilities: What users can ask of the trained game: "sample", "translate", ...
        accumulate: A minibatch is cut in this many parts whose gradients are averaged: the gradient of the large batch at the
            memory of a small one, for losses that are means over images. What looks at a batch as a whole sees the parts:
            batch norm and the minibatch's standard deviation or discrimination, relativistic averages, feature matching,
            pulling-away, top-k, mean lengths of paths. Views adapt part by part, at the same pace by images (ADA).
        means: Entries of the memory that follow means over a minibatch, such as BEGAN's k, StyleGAN's mean of w and what terms
            remember: each part of an accumulated minibatch moves them from where they were, and they become the parts' mean,
            as the whole minibatch would move them. Other entries, such as pools of images, go from part to part.
        rematerialise: Whether blocks of networks (`jaxgan.layers.block`) keep none of their activations for the gradient, but
            compute them once more.
        cast: Which copies of players play a step; None where every player plays.
        few_labels: Whether it knows that most images have no label: a minibatch has "labelled_image" with its "label" beside
            "image". Of others, which would take these labels for those of "image", such data are refused.
        paired: Arrays of a minibatch that must be of one record each: where their domains are shuffled apart, data are refused.
    """

    players: Players
    inputs: Mapping[str, Any]
    stages: tuple[Stage, ...]
    outputs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    memory: Callable[[jax.Array, Batch], Memory] | None = None
    abilities: Mapping[str, Ability] = dataclasses.field(default_factory=dict)
    accumulate: int = 1
    means: tuple[str, ...] = ("terms",)
    rematerialise: bool = False
    cast: Cast | None = None
    few_labels: bool = False
    paired: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in ("players", "inputs", "outputs"):
            object.__setattr__(self, field, flatten(getattr(self, field)))
        if set(self.inputs) != set(self.players):
            raise ValueError(
                f"game: players are {sorted(self.players)}, but inputs are given for {sorted(self.inputs)}"
            )
        if unknown := sorted(set(self.outputs) - set(self.players)):
            raise ValueError(f"game: outputs are given for {unknown}, but the players are {sorted(self.players)}")
        if self.accumulate < 1:
            raise UserError(f"game: accumulate={self.accumulate}, but it must be at least 1")
        moving = {**self.players, **(self.cast.roles if self.cast else {})}
        for stage in self.stages:
            names = [turn.name for turn in stage.turns]
            if len(set(names)) < len(names):
                raise ValueError(f"game: two turns of stage {stage.name!r} share a name; its turns are {names}")
            for turn in stage.turns:
                for name in turn.players:
                    if name not in moving:
                        raise ValueError(
                            f"game: turn {turn.name!r} moves {name!r}, but the players are {sorted(self.players)}"
                        )

    # ---- the beginning

    def complete(self, example: Batch) -> "Game":
        """The game whose networks know the shapes of the samples they make: those of `outputs`, where none was given.

        Args:
            example: One minibatch; arrays or `jax.ShapeDtypeStruct`s.

        Raises:
            UserError: A network that makes samples has no field `output_shape`; or an array is missing.
        """
        players = dict(self.players)
        for name, output in self.outputs.items():
            network = players[name].network
            if getattr(network, "output_shape", None) is None:
                shape = jax.eval_shape(named(output), dict(example)).shape[1:]
                players[name] = players[name].with_network(output_shape=tuple(shape))
        for inputs in self.inputs.values():
            jax.eval_shape(named(inputs), dict(example))  # whether the arrays are there
        return dataclasses.replace(self, players=players)

    def init(self, key: jax.Array, example: Batch) -> State:
        """Draws the first state.

        Args:
            key: A typed PRNG key (`jax.random.key(seed)`); the state keeps a part of it.
            example: One minibatch, or one image of it; only shapes and dtypes matter, but for networks that begin by data
                (`data_init`).

        Returns:
            The state before the first step. Pure: it may be jitted, and mapped over keys for an ensemble.

        Raises:
            UserError: The game is not complete, a network makes samples of another shape than the data, or an array is
                missing.
        """
        check_arrays(example)
        check_key(key)
        untold = [name for name in self.outputs if getattr(self.players[name].network, "output_shape", ()) is None]
        if untold:
            raise UserError(f"{untold[0]} is not told the shape of its samples: call game = game.complete(batch) first")
        players = {}
        for index, (name, player) in enumerate(sorted(self.players.items())):
            own = jax.random.fold_in(key, index)
            one = lambda key, name=name, player=player: self._first(name, player, key, example)  # noqa: E731
            players[name] = jax.vmap(one)(jax.random.split(own, player.copies)) if player.copies else one(own)
        memory_key, game_key = jax.random.split(jax.random.fold_in(key, len(players)))
        memory = {} if self.memory is None else self.memory(memory_key, example)
        return undisturbed(players, memory, game_key)

    def _first(self, name: str, player: Player, key: jax.Array, example: Batch) -> PlayerState:
        init_key, constraint_key = jax.random.split(key)
        made, variables = player.network.init_with_output(init_key, *named(self.inputs[name])(example))
        if name in self.outputs:
            wanted = jax.eval_shape(named(self.outputs[name]), dict(example)).shape[1:]
            if made.shape[1:] != wanted:
                raise UserError(
                    f"{name} ({type(player.network).__name__}) makes samples of shape {made.shape[1:]}, but those of the data "
                    f"that they are to be like are {wanted}: choose a network that makes these, or one size for the data"
                )
        try:
            player.frozen_paths(variables["params"])
        except UserError as error:
            raise UserError(f"{name}: {error}") from error
        params, constraint = player.constraint.init(variables["params"], constraint_key)
        average = None if player.average is None else jax.tree.map(jnp.copy, params)
        view = () if player.view is None else player.view.init()
        return PlayerState(params, constraint, player.optimizer.init(params), average, view)

    # ---- whose turn it is (on the host: static values for the compiled step)

    def due(self, step: int, images: int) -> Due:
        """What the step after `step` steps and `images` real images plays; the last stage never ends by itself."""
        index = next((i for i, stage in enumerate(self.stages) if not stage.over(step, images)), len(self.stages) - 1)
        return Due(index, tuple(turn.name for turn in self.stages[index].turns if step % turn.every == turn.phase))

    def over(self, step: int, images: int) -> bool:
        """Whether the last stage has an end, and it is reached."""
        return self.stages[-1].over(step, images)

    def minibatches(self, due: Due) -> int:
        """How many minibatches of real data a step consumes: as many as its most repeated turn, and those of fresh turns."""
        return self.stages[due.stage].minibatches(due.turns)[""]

    # ---- one step

    def step(
        self,
        state: State,
        batch: Batch | tuple[Batch, ...],
        due: Due | None = None,
        axis_name: str | None = None,
        skip_nonfinite: bool = False,
    ) -> tuple[State, Metrics]:
        """Plays one step: every turn that is due, in order, each on its own minibatches.

        Pure: the same inputs give the same outputs, under `jit` (donate the state), `vmap`, `lax.fori_loop`, a mesh.

        Args:
            state: The game so far.
            batch: One minibatch (a dict whose arrays share their first axis), or a tuple of `minibatches(due)` of them.
                The i-th repeat of a turn takes the i-th; turns share minibatches, as discriminator and generator do.
            due: What is due, from `game.due(step, images)`; static. Default: every turn of the first stage, for games that play
                each of them at every step.
            axis_name: The batch's axis under `jax.pmap` or `jax.shard_map(..., check_vma=False)`; None under plain `jit`,
                on one device or on a mesh. `batch` then is this device's share, and so is what losses keep in memory
                unless they average it themselves (`jaxgan.mesh.batch_mean`).
            skip_nonfinite: Do not take a step in which a loss, a gradient or a parameter is not finite: the state stays as it
                was, to the bit, `step` and `images` included, but for the note of it in `nonfinite`. The step then keeps the
                old players beside the new ones.

        Returns:
            The new state, and float32 scalars named "turn/metric" (a repeated turn's are its last repeat's).
        """
        if due is None:
            turns = self.stages[0].turns
            # Played at every step, a lazy turn would count as often as it is rare.
            if rare := [turn for turn in turns if turn.every > 1]:
                raise UserError(
                    f"game.step: the turn {rare[0].name!r} is played every {rare[0].every} steps: say what is due, "
                    "game.step(state, batch, due=game.due(step, images)), a static argument"
                )
            due = Due(0, tuple(turn.name for turn in turns))
        minibatches = batch if isinstance(batch, tuple) else (batch,)
        if len(minibatches) != self.minibatches(due):
            raise UserError(
                f"game.step: what is due plays on {self.minibatches(due)} minibatches, but was given {len(minibatches)}: give "
                f"a tuple of {self.minibatches(due)}"
            )
        for minibatch in minibatches:
            check_arrays(minibatch)
        return playing.play_step(self, state, minibatches, due, axis_name, skip_nonfinite)

    # ---- what the trained game can do

    def make_nets(
        self,
        params: Mapping[str, Params],
        players: Mapping[str, PlayerState],
        stage: int,
        clock: Clock,
        memory: Memory,
        *,
        statistics: Mapping[str, Any] | None = None,
        collect: bool = False,
        key: jax.Array | None = None,
        views: bool = True,
        chosen: Mapping[str, jax.Array] | None = None,
    ) -> Nets:
        """The players, and the roles that `chosen` copies play, as the losses of a turn see them.

        Without `key` nothing in them is drawn: no views, no dropout.
        """
        nets = {}
        for index, name in enumerate(sorted(players)):
            player = self.players[self.cast.roles.get(name, name) if self.cast else name]
            own = players[name]
            apply = player.constraint.apply
            if player.copies and name in self.players:
                apply = jax.vmap(apply)
            every_call = player.constraint.every_call and key is not None and views
            weights = Weights(params[name], own.constraint, apply, every_call)
            randomness = None
            if key is not None:
                view = player.view if views else None
                randomness = Randomness(jax.random.fold_in(key, index), view, clock, own.view)
            handed = (statistics or {}).get(name)
            nets[name] = Net(player.network, weights, handed, collect, randomness)
        return Nets(nets, clock, self.stages[stage], memory, chosen)

    def nets(
        self,
        state: State,
        average: bool = True,
        stage: int = -1,
        statistics: Mapping[str, Any] | None = None,
        collect: bool = False,
        key: jax.Array | None = None,
    ) -> Nets:
        """The players' networks as plain functions: `game.nets(state).generator(z)`.

        Args:
            state: The game so far.
            average: Use the moving averages of those players that keep one.
            stage: Index of the stage whose settings apply (static); default: the last.
            statistics: From `statistics`, for batch norm; None: each batch is normalised by its own.
            collect: Note the statistics of the batches that pass (`net.collected`).
            key: For networks that draw; None: they do not.
        """
        players = flatten(state.players)
        params = {
            name: player.average if average and player.average is not None else player.params
            for name, player in players.items()
        }
        options: dict[str, Any] = {"statistics": statistics, "collect": collect, "key": key, "views": False}
        return self.make_nets(params, players, stage, clock_of(state), state.memory, **options)

    def use(
        self,
        ability: str,
        state: State,
        key: jax.Array,
        *args: Any,
        average: bool = True,
        stage: int = -1,
        statistics: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Asks the game for one of its `abilities`; `average`, `stage` and `statistics` as in `nets`. Pure.

        Raises:
            UserError: The game cannot do it, or an argument cannot be had (`Ability.checked`).
        """
        declared = self.ability(ability)
        if len(args) > len(declared.takes):
            raise UserError(
                f"{ability} takes {', '.join(declared.takes) or 'nothing'}, but was given {len(args)} values"
            )
        check_key(key)
        given = declared.checked(ability, dict(zip(declared.takes, args, strict=False)) | options)
        nets = self.nets(state, average, stage, statistics, key=jax.random.fold_in(key, 1) if declared.draws else None)
        if declared.search is None:
            return declared.function(nets, key, **given)
        found, search = declared.search.start(nets, key, **given), declared.search
        step = jax.jit(lambda found, index: search.step(nets, key, found, index, pixel_distance, **given))
        for index in range(search.steps):
            found = step(found, jnp.int32(index))
        return declared.function(nets, key, found, **given)

    def ability(self, name: str) -> Ability:
        """The declaration of an ability.

        Raises:
            UserError: The game does not have it.
        """
        if name not in self.abilities:
            raise UserError(f"this game cannot {name}; it can: {', '.join(sorted(self.abilities)) or 'nothing'}")
        return self.abilities[name]

    def static(self, ability: str) -> tuple[str, ...]:
        """The names of an ability's static arguments, for `jax.jit`."""
        return tuple(name for name, argument in self.ability(ability).takes.items() if argument.kind in STATIC)

    def sample(self, state: State, key: jax.Array, number: int, **options: Any) -> jax.Array:
        """Draws `number` images, float32 (number, H, W, C) in [-1, 1]; pure, `number` static.

        Options are `use`'s and the game's own, such as `label` (int32 (number,)) and `truncation` (float).
        """
        return self.use("sample", state, key, number, **options)

    def translate(self, state: State, key: jax.Array, images: jax.Array, **options: Any) -> jax.Array:
        """Carries images (B, H, W, C) into another domain, `target="b"`. Pure."""
        return self.use("translate", state, key, images, **options)

    def statistics(
        self,
        state: State,
        key: jax.Array,
        ability: str,
        *args: Any,
        average: bool = True,
        stage: int = -1,
        **options: Any,
    ) -> dict[str, Any]:
        """Batch-norm statistics of the batches that pass in one call of an ability: BigGAN's "standing statistics".

        Brock et al. 2018 (arXiv:1809.11096), appendix C. Merge those of several calls by `merge_statistics`.

        Args:
            state: The game so far.
            key: PRNG key.
            ability: Its name; the other arguments are those of `use`.
            *args: See `use`.
            average: As in `nets`.
            stage: As in `nets`.
            **options: See `use`.

        Returns:
            What `use(..., statistics=...)` takes; empty where no batch is normalised.
        """
        declared = self.ability(ability)
        nets = self.nets(
            state, average, stage, collect=True, key=jax.random.fold_in(key, 1) if declared.draws else None
        )
        declared.function(nets, key, *args, **options)
        return {name: net.collected for name, net in nets if net.collected}

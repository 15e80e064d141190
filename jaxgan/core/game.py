"""A GAN is a game: this file is what a game is made of, and what one step of it does."""

import dataclasses
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxgan.core import averaging
from jaxgan.core.nets import Looks, Net, Nets, merge_statistics
from jaxgan.core.state import Clock, Memory, Params, PlayerState, State
from jaxgan.core.turns import Batch, Metrics, Player, Round, Stage, Turn
from jaxgan.mesh import batch_axis

_NETS = zlib.crc32(b"nets")  # folded into a turn's key for what its networks draw: dropout, views


@dataclasses.dataclass(frozen=True)
class Game:
    """Players, stages and memory, and what the trained game can do.

    Attributes:
        players: By name.
        inputs: For each player, a function from a minibatch to the arguments that its network is initialised with.
        stages: In order; the last one may be without an end.
        memory: (key, minibatch) -> the memory's first value; None for a game without memory.
        abilities: What users can ask of the trained game: "sample", "translate", ... Each is a function
            (nets, key, ...) of the averaged players.
        accumulate: A minibatch is cut in this many parts whose gradients are averaged: the gradient of the large batch
            at the memory of a small one (except where batch norm sees smaller batches).
    """

    players: Mapping[str, Player]
    inputs: Mapping[str, Callable[[Batch], tuple[Any, ...]]]
    stages: tuple[Stage, ...]
    memory: Callable[[jax.Array, Batch], Memory] | None = None
    abilities: Mapping[str, Callable[..., Any]] = dataclasses.field(default_factory=dict)
    accumulate: int = 1

    def __post_init__(self) -> None:
        if set(self.inputs) != set(self.players):
            raise ValueError(
                f"game: players are {sorted(self.players)}, but inputs are given for {sorted(self.inputs)}"
            )
        for stage in self.stages:
            names = [turn.name for turn in stage.turns]
            if len(set(names)) < len(names):
                raise ValueError(f"game: two turns of stage {stage.name!r} share a name; its turns are {names}")
            for turn in stage.turns:
                for name in turn.players:
                    if name not in self.players:
                        raise ValueError(
                            f"game: turn {turn.name!r} moves {name!r}, but the players are {sorted(self.players)}"
                        )

    # ---- the beginning

    def init(self, key: jax.Array, example: Batch) -> State:
        """Draws the first state.

        Args:
            key: A typed PRNG key (`jax.random.key(seed)`); the state keeps a part of it.
            example: One minibatch, or one image of it; only shapes and dtypes matter.

        Returns:
            The state before the first step. Pure: it may be jitted, and mapped over keys for an ensemble.
        """
        players = {}
        for index, (name, player) in enumerate(sorted(self.players.items())):
            init_key, constraint_key = jax.random.split(jax.random.fold_in(key, index))
            variables = player.network.init(init_key, *self.inputs[name](example))
            params, constraint = player.constraint.init(variables["params"], constraint_key)
            average = None if player.average is None else jax.tree.map(jnp.copy, params)
            players[name] = PlayerState(params, constraint, player.optimizer.init(params), average)
        memory_key, game_key = jax.random.split(jax.random.fold_in(key, len(players)))
        return State(
            step=jnp.int32(0),
            images=jnp.int32(0),
            stage=jnp.int32(0),
            stage_step=jnp.int32(0),
            stage_images=jnp.int32(0),
            players=players,
            memory=() if self.memory is None else self.memory(memory_key, example),
            key=game_key,
            nonfinite={name: jnp.int32(-1) for name in players},
        )

    # ---- whose turn it is (on the host: static values for the compiled step)

    def round(self, step: int, images: int) -> Round:
        """What the step after `step` steps and `images` real images plays; the last stage never ends by itself."""
        index = next((i for i, stage in enumerate(self.stages) if not stage.over(step, images)), len(self.stages) - 1)
        return Round(index, tuple(turn.name for turn in self.stages[index].turns if step % turn.every == 0))

    def over(self, step: int, images: int) -> bool:
        """Whether the last stage has an end, and it is reached."""
        return self.stages[-1].over(step, images)

    def minibatches(self, round: Round) -> int:
        """How many minibatches of real data a step consumes: one, or as many as its most repeated turn."""
        return max((turn.repeats for turn in self._due(round)), default=1)

    def _due(self, round: Round) -> list[Turn]:
        return [turn for turn in self.stages[round.stage].turns if turn.name in round.turns]

    # ---- one step

    def step(
        self,
        state: State,
        batch: Batch | tuple[Batch, ...],
        round: Round | None = None,
        axis_name: str | None = None,
    ) -> tuple[State, Metrics]:
        """Plays one step: every turn that is due, in order, each on its own minibatches.

        Pure: the same inputs give the same outputs, under `jit` (donate the state), `vmap`, `lax.fori_loop`, a mesh.

        Args:
            state: The game so far.
            batch: One minibatch (a dict whose arrays share their first axis), or a tuple of `minibatches(round)` of them.
                The i-th repeat of a turn takes the i-th; turns share minibatches, as discriminator and generator do.
            round: What is due, from `game.round`; static. Default: every turn of the first stage.
            axis_name: The batch's axis under `jax.pmap` or `jax.shard_map(..., check_vma=False)`; None under plain `jit`,
                on one device or on a mesh. `batch` then is this device's share, and so is what losses keep in memory
                unless they average it themselves (`jaxgan.mesh.batch_mean`).

        Returns:
            The new state, and float32 scalars named "turn/metric" (a repeated turn's are its last repeat's).
        """
        round = round or Round(0, tuple(turn.name for turn in self.stages[0].turns))
        minibatches = batch if isinstance(batch, tuple) else (batch,)
        if len(minibatches) != self.minibatches(round):
            raise ValueError(
                f"game.step: this round plays on {self.minibatches(round)} minibatches, but was given {len(minibatches)}"
            )
        images = sum(len(jax.tree.leaves(minibatch)[0]) for minibatch in minibatches)
        if axis_name is not None:
            images *= jax.lax.axis_size(axis_name)

        state = self._enter(state, round.stage)
        clock = _clock(state, images)
        key = jax.random.fold_in(state.key, state.step)
        metrics: Metrics = {}
        with batch_axis(axis_name):
            for turn in self._due(round):
                turn_key = jax.random.fold_in(key, zlib.crc32(turn.randomness.encode()))
                for repeat in range(turn.repeats):
                    repeat_key = jax.random.fold_in(turn_key, repeat)
                    if axis_name is not None:
                        repeat_key = jax.random.fold_in(repeat_key, jax.lax.axis_index(axis_name))
                    state, played = self._play(
                        state, turn, round.stage, clock, minibatches[repeat], repeat_key, axis_name
                    )
                    metrics |= {f"{turn.name}/{name}": value for name, value in played.items()}

        moved = {name for turn in self._due(round) for name in turn.players}
        players = dict(state.players)
        for name in moved:
            rule = self.players[name].average
            if rule is not None:
                decay = rule(clock)
                average = jax.tree.map(
                    lambda old, new, decay=decay: averaging.update(old, new, decay),
                    players[name].average,
                    players[name].params,
                )
                players[name] = players[name].replace(average=average)
        state = state.replace(step=state.step + 1, images=state.images + images, players=players)
        return state, metrics

    def _enter(self, state: State, stage: int) -> State:
        """Notes that a stage begins, if the state comes from another one."""
        entering = state.stage != stage
        players = state.players
        if self.stages[stage].reset_optimizers:
            players = {}
            for name, player in state.players.items():
                fresh = self.players[name].optimizer.init(player.params)
                choose = lambda new, old: jnp.where(entering, new, old)  # noqa: E731
                players[name] = player.replace(optimizer=jax.tree.map(choose, fresh, player.optimizer))
        return state.replace(
            stage=jnp.int32(stage),
            stage_step=jnp.where(entering, state.step, state.stage_step),
            stage_images=jnp.where(entering, state.images, state.stage_images),
            players=players,
        )

    def _play(
        self,
        state: State,
        turn: Turn,
        stage: int,
        clock: Clock,
        batch: Batch,
        key: jax.Array,
        axis_name: str | None,
    ) -> tuple[State, Metrics]:
        """Plays one turn once: one gradient, one update of each player that moves."""
        params = {name: state.players[name].params for name in turn.players}

        def loss(params: dict[str, Params], part: Batch, memory: Memory, key: jax.Array) -> tuple[jax.Array, Any]:
            nets = self._nets(
                {name: params.get(name, p.params) for name, p in state.players.items()},
                state,
                stage,
                clock,
                key=jax.random.fold_in(key, _NETS),
            )
            value, aux = turn.loss(nets, part, memory, key)
            if value.shape != () or value.dtype != jnp.float32:
                raise TypeError(
                    f"turn {turn.name!r}: its loss is {value.dtype}{list(value.shape)}, but must be a float32 scalar"
                )
            weights = {} if turn.lazy else self._weight_penalties(nets, params, clock)
            memory = memory if aux.memory is None else aux.memory
            # What the power iterations found is a constant of the gradient.
            constraints = {name: jax.lax.stop_gradient(net.constraint) for name, net in nets if name in params}
            scaled = value * turn.every if turn.lazy else value
            metrics = dict(aux.metrics or {}) | {"loss": value} | weights
            return sum(weights.values(), scaled), (metrics, memory, constraints)

        gradients, (metrics, memory, constraints) = self._gradients(loss, params, batch, state.memory, key)
        if axis_name is not None:
            gradients, metrics = jax.lax.pmean((gradients, metrics), axis_name)

        players, nonfinite = dict(state.players), dict(state.nonfinite)
        for name in turn.players:
            player, own = self.players[name], players[name]
            norm = optax.tree.norm(gradients[name])
            label = "gradient_norm" if len(turn.players) == 1 else f"{name}/gradient_norm"
            metrics[label] = norm
            broken = ~jnp.isfinite(norm) | ~jnp.isfinite(metrics["loss"])
            nonfinite[name] = jnp.where((nonfinite[name] < 0) & broken, state.step, nonfinite[name])
            updates, optimizer = player.optimizer.update(gradients[name], own.optimizer, own.params)
            if player.schedule is not None:
                factor = player.schedule(clock)
                updates = jax.tree.map(lambda update, factor=factor: update * factor, updates)
            moved = player.constraint.project(optax.apply_updates(own.params, updates), constraints[name])
            players[name] = own.replace(params=moved, constraint=constraints[name], optimizer=optimizer)
        return state.replace(players=players, memory=memory, nonfinite=nonfinite), metrics

    def _weight_penalties(self, nets: Nets, moving: Mapping[str, Params], clock: Clock) -> Metrics:
        """What the constraints of the players that move ask for their raw weights, by the metric's name."""
        costs = {}
        for name, net in nets:
            penalty = self.players[name].constraint.penalty
            if name in moving and penalty is not None:
                label = "weight_penalty" if len(moving) == 1 else f"{name}/weight_penalty"
                costs[label] = penalty(net.params, jax.lax.stop_gradient(net.constraint), clock)
        return costs

    def _gradients(
        self, loss: Callable[..., Any], params: Any, batch: Batch, memory: Memory, key: jax.Array
    ) -> tuple[Any, Any]:
        """The gradient of the mean loss over the batch, in `accumulate` parts played one after the other."""
        gradient = jax.grad(loss, has_aux=True)
        if self.accumulate == 1:
            return gradient(params, batch, memory, key)
        parts = self.accumulate
        for name, leaf in batch.items():
            if len(leaf) % parts:
                raise ValueError(f"accumulate={parts} does not divide the {len(leaf)} entries of batch[{name!r}]")
        total, metrics_total = None, None
        for index in range(parts):
            # Every parts-th entry, so that each device of a mesh takes its part from its own share of the batch.
            part = {name: leaf.reshape(-1, parts, *leaf.shape[1:])[:, index] for name, leaf in batch.items()}
            if total is not None:
                # One part after the other, or the compiler might hold the activations of all of them at once.
                part, total = jax.lax.optimization_barrier((part, total))
            own, (metrics, memory, constraints) = gradient(params, part, memory, jax.random.fold_in(key, index))
            total = own if total is None else jax.tree.map(jnp.add, total, own)
            metrics_total = metrics if metrics_total is None else jax.tree.map(jnp.add, metrics_total, metrics)
        average = lambda tree: jax.tree.map(lambda leaf: leaf / parts, tree)  # noqa: E731
        return average(total), (average(metrics_total), memory, constraints)

    # ---- what the trained game can do

    def _nets(
        self,
        params: Mapping[str, Params],
        state: State,
        stage: int,
        clock: Clock,
        statistics: Mapping[str, Any] | None = None,
        collect: bool = False,
        key: jax.Array | None = None,
    ) -> Nets:
        """The players as the losses of a turn see them, or, without `key`, as abilities do: no views, no dropout."""
        nets = {}
        for index, (name, player) in enumerate(sorted(self.players.items())):
            constrained, constraint = player.constraint.apply(params[name], state.players[name].constraint)
            handed = (statistics or {}).get(name)
            looks = None
            if key is not None:
                looks = Looks(jax.random.fold_in(key, index), player.view, clock, state.memory)
            nets[name] = Net(player.network, params[name], constrained, constraint, handed, collect, looks)
        return Nets(nets, clock, self.stages[stage], state.memory)

    def nets(
        self,
        state: State,
        average: bool = True,
        stage: int = -1,
        statistics: Mapping[str, Any] | None = None,
        collect: bool = False,
    ) -> Nets:
        """The players' networks as plain functions: `game.nets(state).generator(z)`.

        Args:
            state: The game so far.
            average: Use the moving averages of those players that keep one.
            stage: Index of the stage whose settings apply (static); default: the last.
            statistics: From `statistics`, for batch norm; None: each batch is normalised by its own.
            collect: Note the statistics of the batches that pass (`net.collected`).
        """
        params = {
            name: player.average if average and player.average is not None else player.params
            for name, player in state.players.items()
        }
        return self._nets(params, state, stage, _clock(state), statistics, collect)

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
        """Asks the game for one of its `abilities`; `average`, `stage` and `statistics` as in `nets`. Pure."""
        if ability not in self.abilities:
            raise ValueError(f"this game cannot {ability}; it can: {', '.join(sorted(self.abilities)) or 'nothing'}")
        return self.abilities[ability](self.nets(state, average, stage, statistics), key, *args, **options)

    def sample(self, state: State, key: jax.Array, number: int, **options: Any) -> jax.Array:
        """Draws `number` images, float32 (number, H, W, C) in [-1, 1]; pure, `number` static.

        Options are `use`'s and the game's own, such as `label` (int32 (number,)) and `truncation` (float).
        """
        return self.use("sample", state, key, number, **options)

    def translate(self, state: State, key: jax.Array, images: jax.Array, **options: Any) -> jax.Array:
        """Carries images (B, H, W, C) into another domain; the game's own options say which. Pure."""
        return self.use("translate", state, key, images, **options)

    def statistics(
        self, state: State, key: jax.Array, number: int, batches: int = 1, average: bool = True, stage: int = -1
    ) -> dict[str, Any]:
        """Batch-norm statistics for sampling, estimated anew: BigGAN's "standing statistics".

        Brock et al. 2018 (arXiv:1809.11096), appendix C.

        Args:
            state: The game so far.
            key: PRNG key.
            number: Samples in a batch; static.
            batches: How many batches; static. Each is unrolled when this is jitted: for many, average over calls with
                `merge_statistics`.
            average: As in `nets`.
            stage: As in `nets`.

        Returns:
            What `sample(..., statistics=...)` takes; empty for a game whose networks normalise no batches.
        """
        collected = []
        for index in range(batches):
            nets = self.nets(state, average, stage, collect=True)
            self.abilities["sample"](nets, jax.random.fold_in(key, index), number)
            collected.append({name: net.collected for name, net in nets if net.collected})
        return merge_statistics(collected)


def _clock(state: State, step_images: int = 0) -> Clock:
    return Clock(
        step=state.step,
        images=state.images,
        stage_step=state.step - state.stage_step,
        stage_images=state.images - state.stage_images,
        step_images=step_images,
    )

"""One step of a game: every turn that is due, each with one gradient and one update of the players that move."""

import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxgan.core import averaging
from jaxgan.core.nets import Nets
from jaxgan.core.players import Player, flatten, nest
from jaxgan.core.state import Clock, Params, PlayerState, State, clock_of
from jaxgan.core.turns import Batch, Due, Metrics, Turn
from jaxgan.errors import UserError
from jaxgan.layers import rematerialised
from jaxgan.mesh import batch_axis

_NETS = zlib.crc32(b"nets")  # folded into a turn's key for what its networks draw: dropout, views
_CAST = zlib.crc32(b"cast")  # folded into a step's key for the choice of who plays

Game = Any  # jaxgan.core.game.Game, which imports this file


def play_step(
    game: Game, state: State, minibatches: tuple[Batch, ...], due: Due, axis_name: str | None, skip_nonfinite: bool
) -> tuple[State, Metrics]:
    """`Game.step`, with as many minibatches as it takes."""
    untouched = state
    images = sum(len(jax.tree.leaves(minibatch)[0]) for minibatch in minibatches)
    if axis_name is not None:
        images *= jax.lax.axis_size(axis_name)
    stage = game.stages[due.stage]
    turns = [turn for turn in stage.turns if turn.name in due.turns]
    first = stage.minibatches(due.turns)

    state = _enter(game, state, due.stage)
    clock = clock_of(state, images)
    key = jax.random.fold_in(state.key, state.step)
    # Within a step players have flat names, and the copies that play stand beside those they are copies of.
    table = _Table(game, due.stage, clock, state, axis_name)
    table.enter_roles(jax.random.fold_in(key, _CAST))
    metrics: Metrics = {}
    with batch_axis(axis_name), rematerialised(game.rematerialise) as blocks:
        before = table.players
        for turn in turns:
            if not turn.together:
                before = table.players
            turn_key = jax.random.fold_in(key, zlib.crc32(turn.randomness.encode()))
            for repeat in range(turn.repeats):
                repeat_key = jax.random.fold_in(turn_key, repeat)
                if axis_name is not None:
                    repeat_key = jax.random.fold_in(repeat_key, jax.lax.axis_index(axis_name))
                seen = before if turn.together else table.players
                played = table.play(turn, seen, minibatches[first[turn.name] + repeat], repeat_key)
                metrics |= {f"{turn.name}/{name}": value for name, value in played.items()}

    if due.stage == len(game.stages) - 1:  # those before it may train by something else than scores, or other players
        if game.rematerialise and not blocks:
            raise UserError(
                f"remat: no network of {', '.join(sorted(game.players))} has blocks: leave it out, --config.remat=none"
            )
        table.check_views(name for turn in turns if not turn.lazy for name in turn.players)
    for name in dict.fromkeys(name for turn in turns for name in turn.players):
        table.average(name)
    table.leave_roles()
    state = state.replace(
        step=state.step + 1,
        images=state.images + images,
        players=nest(table.players),
        memory=table.memory,
        nonfinite=table.nonfinite,
    )
    if skip_nonfinite:
        kept = jax.tree.map(lambda old, new: jnp.where(table.broken, old, new), untouched, state)
        state = kept.replace(nonfinite=table.nonfinite)
    return state, metrics


def _enter(game: Game, state: State, stage: int) -> State:
    """Notes that a stage begins, if the state comes from another one."""
    entering = state.stage != stage
    players = flatten(state.players)
    if game.stages[stage].reset_optimizers:
        for name, own in players.items():
            player = game.players[name]
            init = jax.vmap(player.optimizer.init) if player.copies else player.optimizer.init
            choose = lambda new, old: jnp.where(entering, new, old)  # noqa: E731
            players[name] = own.replace(optimizer=jax.tree.map(choose, init(own.params), own.optimizer))
    return state.replace(
        stage=jnp.int32(stage),
        stage_step=jnp.where(entering, state.step, state.stage_step),
        stage_images=jnp.where(entering, state.images, state.stage_images),
        players=nest(players),
    )


class _Table:
    """The players and the memory while a step goes on."""

    def __init__(
        self,
        game: Game,
        stage: int,
        clock: Clock,
        state: State,
        axis_name: str | None,
    ) -> None:
        self.game, self.stage, self.clock, self.axis_name = game, stage, clock, axis_name
        self.players: dict[str, PlayerState] = flatten(state.players)
        self.memory, self.nonfinite, self.rate = state.memory, dict(state.nonfinite), state.rate
        self.transferred = state.transferred
        self.broken = jnp.bool(False)  # whether something of this step is not finite
        self.chosen: dict[str, jax.Array] = {}
        self.told: set[str] = set()  # the players whose scores of reals a loss has told

    # ---- copies of a player, of which a step chooses some

    def _owner(self, name: str) -> str:
        return self.game.cast.roles.get(name, name) if self.game.cast else name

    def _player(self, name: str) -> Player:
        return self.game.players[self._owner(name)]

    def enter_roles(self, key: jax.Array) -> None:
        """Takes out of the stacked copies those that play."""
        if self.game.cast is None:
            return
        self.chosen = dict(self.game.cast.choose(key))
        for role, owner in self.game.cast.roles.items():
            at = self.chosen[role]
            self.players[role] = jax.tree.map(lambda leaf, at=at: leaf[at], self.players[owner])

    def leave_roles(self) -> None:
        """Puts them back; the other copies stay as they are, to the bit."""
        for role, at in self.chosen.items():
            owner, own = self._owner(role), self.players.pop(role)
            put = lambda stack, leaf, at=at: stack.at[at].set(leaf)  # noqa: E731
            self.players[owner] = jax.tree.map(put, self.players[owner], own)

    # ---- turns

    def play(self, turn: Turn, seen: Mapping[str, PlayerState], batch: Batch, key: jax.Array) -> Metrics:
        """Plays one turn once, with the players as they are in `seen`."""
        params = {name: seen[name].params for name in turn.players}

        def loss(params: dict[str, Params], part: Batch, remembered: Any, key: jax.Array) -> tuple[jax.Array, Any]:
            memory, views = remembered
            nets = self.game.make_nets(
                {name: params.get(name, own.params) for name, own in seen.items()},
                seen,
                self.stage,
                self.clock,
                memory,
                key=jax.random.fold_in(key, _NETS),
                chosen=self.chosen,
            )
            value, aux = turn.loss(nets, part, memory, key)
            if value.shape != () or value.dtype != jnp.float32:
                raise TypeError(
                    f"turn {turn.name!r}: its loss is {value.dtype}{list(value.shape)}, but must be a float32 scalar"
                )
            weights = {} if turn.lazy else self._weight_penalties(nets, params)
            memory = memory if aux.memory is None else aux.memory
            views = views | self._learned_views(views, aux.scores or {})
            self.told |= set(aux.scores or {})
            # What the power iterations found is a constant of the gradient.
            constraints = {
                name: jax.lax.stop_gradient(net.constraint)
                for name, net in nets
                if name in params or self._player(name).constraint.every_call
            }
            scaled = value * self.game.stages[self.stage].strength(turn)
            metrics = dict(aux.metrics or {}) | {"loss": value} | weights
            return sum(weights.values(), scaled), (metrics, (memory, views), constraints)

        # What views have learned is never older than the turn, unlike the players in `seen`.
        views = {name: own.view for name, own in self.players.items()}
        gradients, (metrics, (self.memory, views), constraints) = _gradients(
            loss, params, batch, (self.memory, views), key, self.game.accumulate, self.game.means
        )
        if self.axis_name is not None:
            gradients, metrics = jax.lax.pmean((gradients, metrics), self.axis_name)

        players = dict(self.players)
        for name, view in views.items():
            players[name] = players[name].replace(view=view)
        for name in constraints:
            players[name] = players[name].replace(constraint=constraints[name])
        for name in turn.players:
            player, own = self._player(name), players[name]
            if player.view is not None and not turn.lazy:
                metrics |= player.view.metrics(own.view)
            # What is frozen has no gradient, or the optimiser's moments and the norm would tell of it.
            gradient = player.held(jax.tree.map(jnp.zeros_like, gradients[name]), gradients[name])
            norm = optax.tree.norm(gradient)
            label = "gradient_norm" if len(turn.players) == 1 else f"{name}/gradient_norm"
            metrics[label] = norm
            updates, optimizer = player.optimizer.update(gradient, own.optimizer, own.params)
            factor = self.rate if player.schedule is None else self.rate * player.schedule(self.clock)
            updates = jax.tree.map(lambda update, factor=factor: update * factor, updates)
            moved = player.constraint.project(optax.apply_updates(own.params, updates), constraints[name])
            moved = player.held(own.params, moved)  # weight decay and projections have moved what is frozen, too
            finite = jnp.stack([jnp.isfinite(leaf).all() for leaf in (norm, metrics["loss"], *jax.tree.leaves(moved))])
            self._note(self._owner(name), ~finite.all())
            players[name] = own.replace(params=moved, optimizer=optimizer)
        self.players = players
        return metrics

    def _note(self, name: str, broken: jax.Array) -> None:
        """Notes of a player whether something is not finite."""
        known = self.nonfinite[name]
        self.nonfinite[name] = jnp.where((known < 0) & broken, self.clock.step, known)
        self.broken |= broken

    def _weight_penalties(self, nets: Nets, moving: Mapping[str, Params]) -> Metrics:
        """What the constraints of the players that move ask for their raw weights, by the metric's name."""
        costs = {}
        for name in moving:
            penalty, net = self._player(name).constraint.penalty, nets[name]
            if penalty is not None:
                label = "weight_penalty" if len(moving) == 1 else f"{name}/weight_penalty"
                costs[label] = penalty(net.params, jax.lax.stop_gradient(net.constraint), self.clock)
        return costs

    def _learned_views(self, views: Mapping[str, Any], scores: Mapping[str, jax.Array]) -> dict[str, Any]:
        """The new states of the views of players that told how they judge reals."""
        learned = {}
        for name, score in scores.items():
            view = self._player(name).view
            if view is not None and view.update is not None:
                learned[name] = view.update(views[name], jax.lax.stop_gradient(score))
        return learned

    def check_views(self, moved: Iterable[str]) -> None:
        """Raises a UserError for a player that has moved, and whose view was to learn from scores that no loss has told."""
        for name in moved:
            view = self._player(name).view
            if view is not None and view.update is not None and name not in self.told:
                raise UserError(
                    f"the view of {name} adapts to how it judges reals, but no loss of this game tells its scores: return "
                    f"Aux(..., scores={{{name!r}: real_logits}}) from the loss that moves it, or choose another view"
                )

    def average(self, name: str) -> None:
        """Moves the average of a player that has played."""
        rule = self._player(name).average
        if rule is not None:
            # An average that was taken over is no copy of an untrained network: its rule is where it will be in the end.
            last = jnp.int32(jnp.iinfo(jnp.int32).max)
            ended = jax.tree.map(lambda now: last, self.clock)
            decay = jnp.where(self.transferred[self._owner(name)], rule(ended), rule(self.clock))
            own = self.players[name]
            average = jax.tree.map(lambda old, new: averaging.update(old, new, decay), own.average, own.params)
            self.players[name] = own.replace(average=average)


def _gradients(
    loss: Callable[..., Any],
    params: Any,
    batch: Batch,
    remembered: tuple[Any, Any],
    key: jax.Array,
    parts: int,
    means: tuple[str, ...],
) -> tuple[Any, Any]:
    """The gradient of the mean loss over the batch, in `parts` parts played one after the other; `means` as in `Game`."""
    gradient = jax.grad(loss, has_aux=True)
    if parts == 1:
        return gradient(params, batch, remembered, key)
    for name, leaf in batch.items():
        if len(leaf) % parts:
            raise UserError(f"accumulate={parts} does not divide the {len(leaf)} entries of batch[{name!r}]")
    memory, views = remembered
    first = {name: memory[name] for name in means if isinstance(memory, Mapping) and name in memory}
    total = None
    for index in range(parts):
        # Every parts-th entry, so that each device of a mesh takes its part from its own share of the batch.
        part = {name: leaf.reshape(-1, parts, *leaf.shape[1:])[:, index] for name, leaf in batch.items()}
        if total is not None:
            # One part after the other, or the compiler might hold the activations of all of them at once.
            part, total = jax.lax.optimization_barrier((part, total))
        own_key = jax.random.fold_in(key, index)
        own, (metrics, (memory, views), constraints) = gradient(params, part, (memory, views), own_key)
        moved = {name: memory[name] for name in first}
        memory = {**memory, **first} if first else memory
        summed = (own, metrics, moved)
        total = summed if total is None else jax.tree.map(jnp.add, total, summed)
    own, metrics, moved = jax.tree.map(lambda leaf: leaf / parts, total)
    return own, (metrics, ({**memory, **moved} if first else memory, views), constraints)

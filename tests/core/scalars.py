"""Players of one parameter, on which every step of a game can be worked out by hand."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from jaxgan.core import Aux, Game, Player, Stage, Turn


class Scalar(nn.Module):
    """One parameter w; calling it gives w * x."""

    start: float = 1.0

    @nn.compact
    def __call__(self, x):
        return self.param("w", lambda key: jnp.float32(self.start)) * x


def sgd_player(start: float = 1.0, rate: float = 0.1, **fields) -> Player:
    return Player(Scalar(start), optax.sgd(rate), **fields)


def mean_loss(name):
    """loss = mean(w * x) over the minibatch: its gradient is mean(x)."""

    def loss(nets, batch, memory, key):
        return getattr(nets, name)(batch["image"]).mean(), Aux()

    return loss


def scalar_game(*turns: Turn, stages=None, players=("a", "b"), **fields) -> Game:
    made = {name: fields.pop(name, sgd_player()) for name in players}
    return Game(
        players=made,
        inputs={name: lambda batch: (batch["image"],) for name in players},
        stages=stages or (Stage(turns),),
        **fields,
    )


def minibatch(*values: float) -> dict[str, jax.Array]:
    return {"image": jnp.array(values, jnp.float32)}


def weight(state, name: str) -> float:
    return float(state.players[name].params["w"])

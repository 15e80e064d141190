"""What a programmer gives a game wrongly is one line: players, minibatches, keys, and an ability's arguments."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
import pytest

from jaxgan.core import Ability, Argument, Game, Latent, Player, Stage, Turn
from jaxgan.core.abilities import LABEL, NUMBER, STRENGTH
from jaxgan.errors import UserError
from tests.core.scalars import mean_loss, minibatch, scalar_game


def test_what_a_programmer_gives_wrongly_is_one_line():
    with pytest.raises(UserError, match=r"Player: optimizer=0.1, but it must be made, as in optimizer=optax.adam"):
        Player(nn.Dense(1), 0.1)
    with pytest.raises(UserError, match=r"Player: network=.*Dense.*, but it must be made"):
        Player(nn.Dense, optax.sgd(0.1))
    with pytest.raises(UserError, match="latent_size=-1, but a latent has at least 1 component"):
        Latent(-1)
    game = scalar_game(Turn("a", mean_loss("a")))
    with pytest.raises(
        UserError, match="this game needs the array 'image', but the minibatch has x: choose other data"
    ):
        game.init(jax.random.key(0), {"x": jnp.zeros((2, 1))})
    with pytest.raises(UserError, match="key=0, but it must be a key of random numbers"):
        game.init(0, minibatch(1.0))
    state = game.init(jax.random.key(0), minibatch(1.0))
    with pytest.raises(UserError, match="the array 'image' of a minibatch is empty"):
        game.step(state, minibatch())
    with pytest.raises(UserError, match=r"the array 'image' of a minibatch is uint8, but must be float32"):
        game.step(state, {"image": jnp.zeros((2, 1), jnp.uint8)})
    twice = scalar_game(Turn("a", mean_loss("a"), repeats=2))
    with pytest.raises(UserError, match="plays on 2 minibatches, but was given 1: give a tuple of 2"):
        twice.step(state, minibatch(1.0))


@pytest.mark.parametrize(
    ("number", "given", "message"),
    [
        (2.5, {}, "sample: number=2.5, but it must be an integer"),
        (0, {}, "sample: number=0: ask for at least 1"),
        (2, {"label": [0, 3]}, "sample: label 3: the classes are 0 to 2"),
        (2, {"label": jnp.array([-1, 0])}, "sample: label -1: the classes are 0 to 2"),
        (2, {"label": 1}, "sample: label must be integers, the class of each image"),
        (2, {"label": jnp.zeros((2, 3))}, "sample: label must be integers"),
        (2, {"label": [0.0, 1.0]}, "sample: label must be integers"),
        (3, {"label": [0, 1]}, "sample: label has 2 entries, but there are 3 images to make"),
        (2, {"truncation": -1}, "sample: truncation=-1, but it must be above 0"),
        (2, {"truncatoin": 1}, "sample takes no truncatoin in this game; it takes: number, label, truncation"),
    ],
)
def test_what_an_ability_cannot_make_of_its_arguments(number, given, message):
    takes = {"number": Argument(NUMBER, required=True), "label": Argument(LABEL, classes=3)}
    takes["truncation"] = Argument(STRENGTH)
    game = Game({}, {}, (Stage(()),), abilities={"sample": Ability(lambda nets, key, **given: given, takes, "images")})
    with pytest.raises(UserError) as caught:
        game.use("sample", None, jax.random.key(0), number, **given)
    assert message in str(caught.value)

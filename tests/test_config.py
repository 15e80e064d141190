"""The words that configs are written in."""

import json

import pytest

from jaxgan.config import Check, choose, default, named, player
from jaxgan.errors import ConfigError


def test_a_part_that_two_players_are_given_is_not_shared():
    adam = named("adam", learning_rate=1.0)
    one, other = (player(named("MLPGenerator"), adam, constraints=(adam,)) for _ in range(2))
    one.optimizer.learning_rate = one.constraints[0].learning_rate = 2.0
    assert other.optimizer.learning_rate == other.constraints[0].learning_rate == 1.0


def test_a_variant_is_chosen_by_name():
    variants = {"": lambda: 1, "paper": lambda: 2}
    assert choose("", variants) == 1 and choose("paper", variants) == 2
    with pytest.raises(ConfigError, match="this config has no variant 'papper': did you mean 'paper'"):
        choose("papper", variants)


def test_a_check_holds_where_every_bound_does():
    check = Check({"digit_fd": "<= 25", "modes": ">= 7.5e0"})
    assert check.limits == {"digit_fd": ("<=", 25.0), "modes": (">=", 7.5)}
    assert check.holds({"digit_fd": 25.0, "modes": 8, "other": 1})
    assert not check.holds({"digit_fd": 25.1, "modes": 8})
    assert not check.holds({"digit_fd": 3, "modes": 7})
    assert not check.holds({"digit_fd": float("nan"), "modes": 8})
    with pytest.raises(ConfigError, match="the bound modes '> 3' of a check is none"):
        Check({"modes": "> 3"}).holds({"modes": 4})


def test_the_defaults_are_plain_values():
    assert json.loads(json.dumps(default().to_dict()))["data"]["image_size"] is None

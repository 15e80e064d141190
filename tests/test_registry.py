"""What configs name is found, made and checked; what cannot be used says where and how to mend it."""

import json
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import registry
from jaxgan.config import named
from jaxgan.core import Clock, Player
from jaxgan.core.constraints import Constraint
from jaxgan.core.optimizers import adam_rising_b2
from jaxgan.core.schedules import Run
from jaxgan.errors import ConfigError, UserError, nearest
from jaxgan.losses import Objective
from jaxgan.tables import table
from tests import parts_of_ones_own as own


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setitem(sys.modules, "parts_of_ones_own", own)
    own.calls.clear()


def clock(step: int = 0, images: int = 0) -> Clock:
    return Clock(jnp.int32(step), jnp.int32(images), jnp.int32(step), jnp.int32(images), 64)


def build(config, **given: Any):
    """The last thing that was made, after all players and the game of a config."""
    config = registry.resolve(config)
    players = {}
    for name, spec in config.players.items():
        where = f"config.players.{name}"
        players[name] = Player(
            registry.make(spec.network, "network", f"{where}.network", **given),
            registry.make(spec.optimizer, "optimizer", f"{where}.optimizer", **given),
            average=spec.average and registry.make(spec.average, "average", f"{where}.average", **given),
            schedule=spec.schedule and registry.make(spec.schedule, "schedule", f"{where}.schedule", **given),
        )
        registry.make_all(spec.constraints, "constraint", f"{where}.constraints", **given)
    registry.make({"name": config.system, **config.game}, "system", "config.game", **players, **given)
    return own.calls[-1]


# ---- what is wrong is said


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"system": "cycle-gan"}, "config.system='cycle-gan' is unknown: did you mean 'cyclegan'?"),
        ({"system": "nowhere:gan"}, "config.system='nowhere:gan' cannot be imported: No module named 'nowhere'"),
        ({"system": "parts_of_ones_own:gan"}, "cannot be imported: module 'tests.parts_of_ones_own' has no attribute"),
        ({"system": "parts_of_ones_own:NUMBER"}, "is a int: name a class or a function that makes the system"),
        ({"system": ":gan"}, "config.system=':gan' is unknown: "),
        (
            {"system": "parts_of_ones_own:config"},
            "config.players (parts_of_ones_own:config) has no field 'discriminator'",
        ),
        ({"game__objective": "hinje"}, "config.game.objective.name='hinje' is unknown: did you mean 'hinge'?"),
        (
            {"game__objective": {"name": "hinge", "x": 1}},
            "config.game.objective (hinge) has no field 'x': there is none",
        ),
        ({"game__constraints": named("clip")}, "config.game.constraints={'name': 'clip'} is one thing: write a tuple"),
        ({"game__constraints": (named("clap"),)}, "config.game.constraints.clap.name='clap' is unknown: did you mean"),
        ({"game__constraints": (3,)}, "config.game.constraints.0=3 names nothing: write named('...')"),
        (
            {"game__constraints": (named("clip"),)},
            "config.game.constraints.clip (clip) needs limit: add it to the config",
        ),
        ({"game__probability": {"stop": 9}}, "config.game.probability.name='' is unknown: choose one of cosine_decay"),
        ({"game__n_critic": 5}, "config.game (parts_of_ones_own:system) has no field 'n_critic'"),
        ({"game__latent_size": 13}, "config.game (parts_of_ones_own:system): 13 brings bad luck"),
        ({"players__generator__network__name": "MLPGenrator"}, "network.name='MLPGenrator' is unknown: did you mean "),
        (
            {"players__generator__network": named("MLPGenerator", hiden=(8,))},
            "config.players.generator.network (MLPGenerator) has no field 'hiden': did you mean 'hidden'?",
        ),
        (
            {"players__generator__optimizer__name": "adma"},
            "config.players.generator.optimizer.name='adma' is unknown: did you mean 'adam'?",
        ),
        ({"players__generator__optimizer": named("sgd")}, "optimizer (sgd) needs learning_rate: add it to the config"),
        (
            {"players__generator__average": named("half_life", images=-1)},
            "config.players.generator.average (half_life): moving average: a half-life of -1",
        ),
        (
            {"players__generator__schedule": named("linear_decay")},
            "config.players.generator.schedule (linear_decay): schedule: 1.0 is a share of the run, whose length is not known",
        ),
        (
            {"players__generator__network": named("optax:sgd", learning_rate=1.0)},
            "which is no network: name another one",
        ),
        ({"players__generator__network": None}, "config.players.generator needs network: add it to the config"),
        (
            {"players__generator__optimiser": None},
            "config.players.generator has no field 'optimiser': did you mean 'optim",
        ),
        (
            {"players__critic": own.config().players.generator},
            "config.players (parts_of_ones_own:system) has no field 'critic'",
        ),
        ({"players__generator": 3}, "config.players.generator=3 is no player"),
        ({"batchsize": 3}, "config has no field 'batchsize': did you mean 'batch_size'?"),
        ({"data__nam": "x"}, "config.data has no field 'nam': did you mean 'name'?"),
    ],
)
def test_a_config_that_cannot_be_used_says_where_and_how_to_mend_it(fields, message):
    with pytest.raises(ConfigError) as error:
        build(own.changed(**fields))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_what_neither_config_nor_data_say_is_asked_for():
    config = own.changed(system="parts_of_ones_own:groups")
    config.players = {"players": dict(own.config().players.items())}
    resolved = registry.resolve(config)
    assert registry.plain(resolved.game) == {"num_classes": None}
    spec = {"name": resolved.system, "players": {}, **resolved.game}
    with pytest.raises(
        ConfigError, match=r"config\.game \(parts_of_ones_own:groups\) needs num_classes: add it to the"
    ):
        registry.make(spec, "system", "config.game")
    registry.make(spec, "system", "config.game", num_classes=7)
    assert own.calls[-1]["num_classes"] == 7


def test_a_bug_keeps_its_own_error():
    with pytest.raises(TypeError, match="a bug"):
        build(own.changed(game__latent_size=14))


def test_the_message_of_an_unknown_name():
    assert nearest("adma", ["sgd", "adam"]) == "did you mean 'adam'?"
    assert nearest("x", ["sgd", "adam"]) == "choose one of adam, sgd"
    assert nearest("x", []) == "there is none"


# ---- what is made


def test_parts_are_made_with_their_fields_in_their_order():
    clips = (named("clip", limit=0.5), named("spectral_norm"), named("clip", limit=0.25))
    schedule = named("cosine_decay", stop=10, final=0.5)
    call = build(own.changed(game__constraints=clips, game__probability=schedule, game__objective="wasserstein"))
    params = {"kernel": jnp.full((1, 1), 2.0)}
    first, norm, last = call["constraints"]
    assert [float(each.project(params, ())["kernel"][0, 0]) for each in (first, last)] == [0.5, 0.25]
    _, vectors = norm.init(params, jax.random.key(0))
    assert float(norm.apply(params, vectors)[0]["kernel"][0, 0]) == pytest.approx(1.0)  # 2 / sigma, sigma = 2
    assert float(call["probability"](clock(step=5))) == pytest.approx(0.75)
    assert isinstance(call["objective"], Objective)
    # E[C(g)] - E[C(x)], without a logarithm anywhere
    assert float(call["objective"].discriminator(jnp.float32([3.0]), jnp.float32([5.0]))) == 2.0
    assert call["latent_size"] == 100 and call["generator"].network == own.Network()


def test_an_optimizer_moves_as_its_fields_say():
    sgd = registry.make(named("sgd", learning_rate=0.5), "optimizer", "here")
    update, _ = sgd.update(jnp.float32(3.0), sgd.init(jnp.float32(0.0)))
    assert float(update) == -1.5
    assert isinstance(
        registry.make(named("optax:lion", learning_rate=0.1), "optimizer", "x"), optax.GradientTransformation
    )


def test_what_is_given_fills_what_is_left_open():
    spec = named("parts_of_ones_own:Network", dtype=None)
    assert registry.make(spec, "network", "here").dtype == jnp.float32
    assert registry.make(spec, "network", "here", dtype="bfloat16", run=3).dtype == "bfloat16"
    spec.dtype = "float16"
    assert registry.make(spec, "network", "here", dtype="bfloat16").dtype == "float16"
    assert build(own.changed(), num_classes=10)["num_classes"] == 10
    assert build(own.changed(game__num_classes=5), num_classes=10)["num_classes"] == 5
    assert build(own.changed())["resolution"] == 1024
    # The run reaches a schedule within a part within the game.
    timed = named("parts_of_ones_own:timed", weight=1.0, schedule=named("linear_decay", start=0.5))
    build(own.changed(game__constraints=(timed,)), run=Run(steps=200))
    seen = own.calls[-2]
    assert seen["run"] == Run(steps=200)
    assert [float(seen["schedule"](clock(step=step))) for step in (100, 150, 200)] == [1.0, 0.5, 0.0]


def test_what_is_made_already_is_taken_as_it_is():
    made = registry.call(own.timed, {"weight": 1.0, "schedule": len}, "here")
    assert isinstance(made, Constraint) and own.calls[-1]["schedule"] is len


@pytest.mark.parametrize("kind", ["optimizer", "constraint", "average", "schedule", "view", "term", "objective"])
def test_every_name_of_a_table_can_be_read(kind):
    makers = table(kind)
    assert makers and all(registry.parameters(maker) is not None for maker in makers.values())


def test_systems_networks_and_sources_are_found_by_name():
    assert {"gan", "wgan", "cyclegan"} <= set(table("system")) and {"digits", "folder"} <= set(table("source"))
    assert registry.find("MLPGenerator", "network", "x").__name__ == "MLPGenerator"
    assert registry.find("wgan", "system", "x").__name__ == "wgan"
    assert callable(registry.find("digits", "source", "x"))


def test_the_second_decay_of_adam_rises_along_a_cosine():
    fields = {"learning_rate": 0.1, "b1": 0.0, "b2": 0.9, "final_b2": 0.99}
    shared = {"updates": 0.5, "run": Run(images=20 * 8, batch_size=8)}
    for optimizer in (adam_rising_b2(**fields, updates=10), adam_rising_b2(**fields, **shared)):
        state = optimizer.init(jnp.zeros(()))
        second = 0.0
        for update in range(12):
            decay = 0.99 - 0.09 * 0.5 * (1 + np.cos(np.pi * min(update, 10) / 10))
            second = decay * second + (1 - decay) * 4.0
            _, state = optimizer.update(jnp.float32(2.0), state)
            found = [float(leaf) for leaf in jax.tree.leaves(state.inner_state[0].nu)]
            assert found == pytest.approx([second], rel=1e-5)
    with pytest.raises(UserError, match=r"adam_rising_b2: 1\.0 is a share of the run, whose length is not known"):
        adam_rising_b2(learning_rate=0.1)


# ---- the resolved config


def test_a_resolved_config_has_every_field():
    config = own.changed(game__constraints=(named("clip", limit=1), named("clip", limit=2)), steps=7)
    config.players.discriminator.average = named("half_life", images=100)
    resolved = registry.resolve(config)
    assert registry.plain(resolved.players.discriminator) == {
        "network": {
            "name": "parts_of_ones_own:Network",
            "width": 64,
            "rates": (0.5,),
            "size": None,
            "norm": "none",
            "label": None,
            "dtype": None,
        },
        "optimizer": {
            "name": "adam",
            "learning_rate": 1e-3,
            "b1": 0.9,
            "b2": 0.999,
            "eps": 1e-8,
            "eps_root": 0.0,
            "mu_dtype": None,
            "nesterov": False,
        },
        "constraints": (),
        "average": {"name": "half_life", "images": 100.0, "ramp_up": None, "ramp_images": None},
        "schedule": None,
        "views": (),
        "frozen": None,
    }
    assert registry.plain(resolved.game) == {
        "latent_size": 100,
        "objective": {"name": "hinge"},
        "constraints": ({"name": "clip", "limit": 1.0}, {"name": "clip", "limit": 2.0}),
        "top_k": None,
        "probability": "adaptive",
        "batch_sizes": None,
        "gains": None,
        "num_classes": None,
        "resolution": None,
    }
    assert resolved.steps == 7 and resolved.batch_size == 64 and resolved.data.name == "digits"
    assert resolved.game.constraints[1].limit == 2.0  # parts in tuples have attributes too
    assert (
        "average" in config.players.discriminator and "latent_size" not in config.game
    )  # the config itself is as it was


def test_resolving_again_changes_nothing_not_even_by_way_of_json():
    config = own.changed(game__constraints=(named("clip", limit=1),), game__gains={"rgb": 1})
    resolved = registry.resolve(config)
    assert registry.resolve(resolved) == resolved
    stored = json.loads(json.dumps(registry.plain(resolved)))
    assert registry.plain(registry.resolve(stored)) == registry.plain(resolved)
    del stored["log_every"], stored["data"]["flip"], stored["players"]["generator"]["views"]  # an older run's
    assert registry.resolve(stored) == resolved


def test_players_may_be_nested():
    config = own.changed(system="parts_of_ones_own:groups")
    config.players = {
        "players": {"level_8": own.config().players.generator, "level_16": own.config().players.generator}
    }
    resolved = registry.resolve(config)
    assert resolved.players.players.level_16.optimizer.b1 == 0.9
    assert "generator" not in resolved.game


# ---- names from elsewhere


@pytest.mark.parametrize(
    ("tree", "names"),
    [
        ({"system": "os:system"}, ["os:system"]),
        ({"system": "gan", "data": {"name": "tfds:cifar10"}}, []),
        ({"data": {"name": "mine:source"}}, ["mine:source"]),
        ({"players": {"a": {"b": {"network": {"name": "x:Y"}}}}}, ["x:Y"]),
        ({"players": {"a": {"network": "x:Y"}}}, ["x:Y"]),
        ({"players": {"a": {"network": {"name": "tfds:evil"}}}}, ["tfds:evil"]),
        (
            {"game": {"terms": [{"name": "r1", "schedule": {"name": "b:c"}}, "a:b"], "objective": "c:d"}},
            ["a:b", "b:c", "c:d"],
        ),
        ({"game": {"deep": [[{"name": "e:f"}]]}}, ["e:f"]),
        ({"data": {"path": "gs://bucket", "split": "train[:50%]"}}, []),
    ],
)
def test_names_that_would_be_imported_are_found_at_any_depth(tree, names):
    assert registry.foreign_names(tree) == names


def test_names_from_elsewhere_in_a_resolved_config():
    assert registry.foreign_names(registry.resolve(own.config())) == [
        "parts_of_ones_own:Network",
        "parts_of_ones_own:system",
    ]

"""Fields set by path: what is written is what the config holds, whatever its type and depth; what cannot be is said."""

import sys

import pytest

from jaxgan import registry
from jaxgan.config import named
from jaxgan.errors import ConfigError
from jaxgan.overrides import apply, lines, read
from tests import parts_of_ones_own as own


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setitem(sys.modules, "parts_of_ones_own", own)


def pairs(*texts):
    return [tuple(text.split("=", 1)) for text in texts]


def at(config, path):
    for name in path.split("."):
        config = config[int(name)] if isinstance(config, tuple) else config[name]
    return config


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("batch_size", "8", 8),
        ("dtype", "bfloat16", "bfloat16"),
        ("metrics", "a,b", ("a", "b")),
        ("metrics", "a", ("a",)),
        ("metrics", "", ()),
        ("metrics", "none", ()),
        ("data.image_size", "32", 32),
        ("data.image_size", "32,24", (32, 24)),
        ("data.image_size", "(32, 24)", (32, 24)),
        ("data.image_size", "none", None),
        ("data.flip", "true", True),
        ("data.flip", "False", False),
        ("data.path", "123", "123"),
        ("data.path", "a,b", "a,b"),
        ("data.path", "a=b", "a=b"),
        ("data.path", "", ""),
        ("data.path", "none", "none"),  # a path is never none: the word is one
        ("data.split", "train[:50%]", "train[:50%]"),
        ("data.name", "tfds:cifar10", "tfds:cifar10"),
        ("data.scale", "2", 2.0),
        ("players.generator.network.width", "32", 32),
        ("players.generator.network.rates", "0.25", (0.25,)),
        ("players.generator.network.rates", "0.25,1", (0.25, 1.0)),
        ("players.generator.network.norm", "none", "none"),
        ("players.generator.network.label", "none", None),
        ("players.generator.network.label", "'none'", "none"),
        ("players.generator.network.dtype", "float16", "float16"),
        ("players.generator.optimizer.learning_rate", "1e-4", 1e-4),
        ("players.generator.optimizer.nesterov", "true", True),
        ("game.num_classes", "10", 10),
        ("game.probability", "0.5", 0.5),
        ("game.probability", "adaptive", "adaptive"),
        ("game.batch_sizes", "{'256': 14}", {"256": 14}),
        ("game.gains.rgb", "3", 3.0),
    ],
)
def test_a_value_has_the_type_of_its_field(path, text, value):
    config = own.config()
    config.game.gains = {"rgb": 1.0}
    found = registry.plain(at(apply(config, [(path, text)]), path))
    assert found == value and type(found) is type(value)


def test_a_field_and_nothing_else_is_changed():
    before, after = lines(own.config()), lines(apply(own.config(), pairs("players.generator.network.width=32")))
    assert sorted(set(before) ^ set(after)) == [
        "players.generator.network.width=32",
        "players.generator.network.width=64",
    ]


def test_parts_are_replaced_by_name_and_then_their_fields_are_set():
    config = own.config()
    config.players.generator.schedule = named("cosine_decay", start=0.25)
    config.players.discriminator.average = named("half_life", images=9)
    config = apply(
        config,
        pairs(
            "players.generator.schedule.stop=0.75",  # of the new one, although it comes first
            "players.generator.schedule=linear_decay",
            "players.discriminator.average=none",
            "players.discriminator.constraints=clip,spectral_norm,clip",
            "players.discriminator.constraints.2.limit=0.5",
            "players.discriminator.constraints.clip.limit=0.25",
            "players.discriminator.views=diff_augment",
            "players.discriminator.views.diff_augment.policy=color,cutout",
            "players.generator.optimizer.name=sgd",
            "players.generator.optimizer.learning_rate=0.5",
            "game.objective=f_divergence",
            "game.objective.divergence=kl",
            "game.probability=cosine_ramp",
            "game.probability.final=0.5",
            "game.constraints=parts_of_ones_own:timed",
            "game.constraints.0.weight=2",
            "game.constraints.0.schedule=linear_decay",
            "game.constraints.0.schedule.final=0.125",
        ),
    )
    generator, discriminator = (registry.plain(config.players[name]) for name in ("generator", "discriminator"))
    line = {"name": "linear_decay", "start": 0.0, "stop": 0.75, "final": 0.0, "unit": "steps"}
    assert generator["schedule"] == line
    assert generator["optimizer"]["name"] == "sgd" and generator["optimizer"]["learning_rate"] == 0.5
    assert "b1" not in generator["optimizer"]
    assert discriminator["average"] is None
    first, norm, last = discriminator["constraints"]
    assert (first, last) == ({"name": "clip", "limit": 0.25}, {"name": "clip", "limit": 0.5})
    assert norm["name"] == "spectral_norm"
    assert discriminator["views"] == ({"name": "diff_augment", "policy": ("color", "cutout")},)
    game = registry.plain(config.game)
    assert game["objective"]["name"] == "f_divergence" and game["objective"]["divergence"] == "kl"
    assert game["probability"]["name"] == "cosine_ramp" and game["probability"]["final"] == 0.5
    (term,) = game["constraints"]
    assert term["weight"] == 2.0 and term["schedule"] == line | {"stop": 1.0, "final": 0.125}
    again = apply(config, pairs("players.discriminator.constraints=none", "players.discriminator.views="))
    assert again.players.discriminator.constraints == again.players.discriminator.views == ()
    again = apply(
        config, pairs("game.constraints.0.name=clip", "game.constraints.clip.limit=3", "game.probability=0.25")
    )
    assert registry.plain(again.game.constraints) == ({"name": "clip", "limit": 3.0},)
    assert again.game.probability == 0.25


def test_the_system_comes_first_and_the_last_of_two_counts():
    config = apply(own.config(), pairs("game.latent_size=7", "system=gan", "steps=1", "steps=2"))
    assert config.system == "gan" and config.game.latent_size == 7 and config.steps == 2
    assert "gains" not in config.game


def test_a_term_may_be_called_like_a_field():
    config = own.config()
    config.system = "gan"
    config = apply(
        config, pairs("game.terms=top_k,r1", "game.terms.top_k.share=linear_decay", "game.terms.r1.weight=3")
    )
    assert config.game.terms[0].share.name == "linear_decay" and config.game.terms[1].weight == 3.0
    assert apply(config, pairs("game.terms.top_k.share=0.5")).game.terms[0].share == 0.5
    config = apply(config, pairs("game.terms.top_k.share.final=0.5"))
    assert config.game.terms[0].share.final == 0.5


def test_values_that_are_no_text_are_taken_as_they_are():
    changes = {
        "players.discriminator.constraints": (named("clip", limit=0.5),),
        "players.generator.average": named("half_life", images=3),
        "game.probability": named("cosine_ramp"),
        "players.generator.schedule": None,
        "data.image_size": (8, 8),
        "batch_size": 3,
    }
    config = apply(own.config(), changes.items())
    assert config.players.discriminator.constraints[0].limit == 0.5
    assert config.players.generator.average.images == 3.0 and config.players.generator.schedule is None
    assert config.game.probability.stop == 1.0 and config.data.image_size == (8, 8) and config.batch_size == 3


def test_other_data_do_not_keep_what_was_said_of_the_old_ones():
    """A domain or a tint of the digits means nothing to a folder; pairs mean the same to both."""
    config = own.config()
    config.data.update({"name": "digits_translation", "domain": "edges", "tinted": True, "aligned": True, "flip": True})
    config.data.update({"image_size": 32, "channels": 3})
    config.metrics = ("translation", "default", "paired_translation")
    kept = apply(config, pairs("data.domain=thickened", "data.name=digits_translation"))
    assert (kept.data.domain, kept.data.tinted) == ("thickened", True)
    assert (kept.data.image_size, kept.metrics) == (32, config.metrics)
    moved = apply(config, pairs("data.path=photos", "data.name=two_folders"))
    assert (moved.data.domain, moved.data.tinted, moved.data.aligned, moved.data.flip) == ("", False, True, True)
    assert moved.data.path == "photos" and (moved.data.image_size, moved.data.channels) == (None, None)
    # Metrics that were named for the old data are measured where they can be.
    assert moved.metrics == ("translation?", "paired_translation?", "default")
    assert apply(config, pairs("metrics=fid/digits", "data.name=two_folders")).metrics == ("fid/digits",)
    sized = apply(moved, pairs("data.image_size=48", "data.channels=1"))
    # Whoever gave files a size gave it to the networks; channels are always the data's own.
    moved_again = apply(sized, pairs("data.name=many_folders"))
    assert (moved_again.data.image_size, moved_again.data.channels) == (48, None)
    assert moved_again.metrics == moved.metrics
    single = apply(config, pairs("data.name=tfds:mnist"))
    assert not single.data.aligned and single.data.flip
    # What a source of one's own reads cannot be known.
    assert apply(config, pairs("data.name=parts_of_ones_own:Source")).data.tinted


def test_players_in_groups_are_reached_by_their_path():
    config = own.config()
    config.system = "parts_of_ones_own:groups"
    config.players = {"players": {"level_8": own.config().players.generator}}
    path = "players.players.level_8"
    config = apply(
        config, pairs(f"{path}.schedule=cosine_decay", f"{path}.schedule.final=0.5", f"{path}.network.width=3")
    )
    player = config.players.players.level_8
    assert player.schedule.final == 0.5 and player.network.width == 3
    assert apply(config, pairs(*lines(config))) == config


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["batchsize=3"], "config has no field 'batchsize': did you mean 'batch_size'?"),
        (["data.nam=x"], "config.data has no field 'nam': did you mean 'name'?"),
        (["seed.x=3"], "config.seed is 0 and has no field 'x'"),
        (["batch_size=abc"], "config.batch_size='abc', but it must be an integer"),
        (["batch_size=1.5"], "config.batch_size='1.5', but it must be an integer"),
        (["batch_size=none"], "config.batch_size='none', but it must be an integer"),
        (["batch_size=0"], "config.batch_size=0, but it must be from 1 to 1,048,576"),
        (["data.flip=1"], "config.data.flip='1', but it must be true or false"),
        (["game=none"], "config.game has fields of its own: set one of them ("),
        (["game.name=foo"], "config.game has no field 'name'"),
        (["data=digits"], "config.data has fields of its own: set one of them (aligned, "),
        (["players.generator=x"], "config.players.generator has fields of its own: set one of them (average, "),
        (["players.generatr.network.width=3"], "config.players has no field 'generatr': did you mean 'generator'?"),
        (
            ["players.generator.networks.width=3"],
            "config.players.generator has no field 'networks': did you mean 'network'?",
        ),
        (
            ["players.generator.constraint=clip"],
            "config.players.generator has no field 'constraint': did you mean 'constraints'?",
        ),
        (
            ["players.generator.network.widht=3"],
            "config.players.generator.network has no field 'widht': did you mean 'width'?",
        ),
        (
            ["players.generator.network.width=(3"],
            "config.players.generator.network.width='(3', but it must be an integer",
        ),
        (["players.generator.network=none"], "config.players.generator needs network: add it to the config"),
        (["players.generator.schedule=linear"], "schedule.name='linear' is unknown: did you mean 'linear_decay'?"),
        (
            ["players.generator.schedule.stop=3"],
            "config.players.generator.schedule is None and has no field 'stop': name one first, "
            "--config.players.generator.schedule=NAME",
        ),
        (["game.constraints.clop.limit=3"], "config.game.constraints has no element 'clop': did you mean 'clip'?"),
        (["game.constraints.clip.limt=3"], "config.game.constraints.clip has no field 'limt': did you mean 'limit'?"),
        (["game.constraints.3.limit=3"], "config.game.constraints has no element '3'"),
        (
            ["game.ada.target=3"],
            "config.game has no field 'ada', which is a view: set --config.players.PLAYER.views.ada.FIELD",
        ),
        (
            ["players.generator.clip.limit=3"],
            "no field 'clip', which is a constraint: set --config.players.generator.constraints.clip.FIELD",
        ),
        (["players.generator.r1.weight=3"], "no field 'r1', which is a term: set --config.game.terms.r1.FIELD"),
        (["players.generator.network.name=none"], "config.players.generator needs network: add it to the config"),
        (["game.constraints=clip", "game.constraints.clap.limit=3"], "has no element 'clap': did you mean 'clip'?"),
        (["game.constraints=clip", "game.constraints.clip=x"], "config.game.constraints.clip is a part: set one of"),
        (["game.constraints=clip", "game.constraints.1.limit=3"], "config.game.constraints has no element '1'"),
        (["game.generator=x"], "config.game has no field 'generator': choose one of batch_sizes, "),
        (["game.constraints=parts_of_ones_own:timed", "game.constraints.0.run=3"], "constraints.0 has no field 'run'"),
        (["game.terms=r1"], "config.game has no field 'terms'"),
        (["system=cycle-gan"], "config.system='cycle-gan' is unknown: did you mean 'cyclegan'?"),
        (["=3"], "config has no field ''"),
        (["players..width=3"], "config.players has no field ''"),
    ],
)
def test_what_cannot_be_set_is_said(texts, message):
    with pytest.raises(ConfigError) as error:
        apply(own.config(), pairs(*texts))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_part_that_a_tuple_lacks_is_put_at_its_end():
    config = own.config()
    config.system = "gan"
    assert not config.players.discriminator.views
    config = apply(
        config,
        pairs(
            "game.terms.lecam.weight=0.5",
            "players.discriminator.views.ada.target=0.5",
            "game.terms.parts_of_ones_own:breaks.probability=0.25",
            "game.terms=r1",  # parts by their names come first, wherever they stand
            "game.terms.top_k.share=linear_decay",
            "game.terms.top_k.share.final=0.5",
            "game.terms.r1.weight=3",
            "players.generator.constraints.clip.limit=0.25",
        ),
    )
    numbers = [(term.name, term.get("weight", term.get("probability"))) for term in config.game.terms]
    assert numbers == [("r1", 3.0), ("top_k", None), ("lecam", 0.5), ("parts_of_ones_own:breaks", 0.25)]
    assert (config.game.terms[1].share.name, config.game.terms[1].share.final) == ("linear_decay", 0.5)
    (view,) = config.players.discriminator.views
    assert (view.name, view.target) == ("ada", 0.5) and "categories" in view
    assert [part.name for part in config.players.generator.constraints][-1] == "clip"
    assert apply(config, pairs(*lines(config))) == config


def test_a_part_called_none_is_taken_away():
    config = own.config()
    config.players.generator.schedule = named("linear_decay")
    config.players.discriminator.views = (named("diff_augment"), named("instance_noise"))
    views = "players.discriminator.views"
    config = apply(config, pairs("players.generator.schedule.name=none", f"{views}.instance_noise.name=none"))
    assert config.players.generator.schedule is None
    assert [view.name for view in config.players.discriminator.views] == ["diff_augment"]


def test_a_config_in_lines_makes_the_same_config():
    config = own.config()
    config.game.constraints = (
        named("clip", limit=1.0),
        named("parts_of_ones_own:timed", weight=2.0),
        named("clip", limit=3.0),
    )
    config.game.gains, config.game.probability = {"rgb": 1.0}, named("cosine_ramp", final=0.5)
    config.players.generator.network.update(rates=(0.5, 0.25), size=(3, 4), label="none", norm="none")
    config.players.generator.views = (named("augment_pipe", categories={"b": 1.0}),)
    config.data.image_size, config.data.flip, config.metrics = (16, 24), True, ()
    written = lines(config)
    assert {"game.constraints=clip,parts_of_ones_own:timed,clip", "game.constraints.2.limit=3.0"} <= set(written)
    assert {"data.image_size=16,24", "metrics=", "players.generator.network.label='none'"} <= set(written)
    assert "players.generator.network.norm=none" in written and len(written) == len(set(written))
    assert apply(own.config(), pairs(*written)) == registry.resolve(config)


def test_a_text_is_read_by_its_annotation():
    assert read("1e3", float, "x") == 1000.0
    assert read("1,2", str | tuple[int, int], "x") == (1, 2)
    assert read("a,b", str | tuple[str, ...], "x") == "a,b"
    with pytest.raises(ConfigError, match=r"^x='1,2,3', but it must be \(an integer, an integer\) or none$"):
        read("1,2,3", tuple[int, int] | None, "x")

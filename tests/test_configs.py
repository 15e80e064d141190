"""Every config: its variants build and trace; and a system is two files. Defaults train in `test_default_configs`."""

import ast
import importlib
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import pytest
from ml_collections import ConfigDict
from PIL import Image

from benchmarks import zoo
from jaxgan import gans, overrides
from jaxgan.core import Due
from jaxgan.core.arrays import minibatch
from jaxgan.core.constraints import equalized, path_string
from jaxgan.data import make_source
from jaxgan.errors import ConfigError, UserError
from jaxgan.registry import resolve
from jaxgan.training.plan import Plan, plan_without_data
from tests.marks import some_long

ROOT = pathlib.Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (ROOT / "configs").glob("*.py"))
MODULES = {name: importlib.import_module(f"configs.{name}") for name in NAMES}
ALL = [(name, variant) for name in NAMES for variant in MODULES[name].VARIANTS]
ON_DIGITS = [name for name in NAMES if MODULES[name].get_config().data.name == "digits"]


def test_every_system_has_a_config_of_its_name():
    assert tuple(NAMES) == gans.systems()
    assert {name: MODULES[name].get_config().system for name in NAMES} == {name: name for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_docstring_names_the_paper_and_a_command_for_each_variant(name):
    module = MODULES[name]
    paper = zoo.paper(module)
    assert abs(int(paper.year) - 2000 - int(paper.number[:2])) <= 1  # a conference's year and arXiv's may differ by one
    commands = re.findall(r"^python train\.py --config=configs/(\w+)\.py(?::(\w+))?", module.__doc__, re.MULTILINE)
    assert [stem for stem, _ in commands] == [name] * len(module.VARIANTS)
    assert sorted(variant for _, variant in commands) == sorted(module.VARIANTS)


@pytest.mark.parametrize("name", NAMES)
def test_a_config_imports_the_words_alone_and_no_other_config(name):
    imports = list(ast.walk(ast.parse((ROOT / "configs" / f"{name}.py").read_text())))
    modules = {node.module for node in imports if isinstance(node, ast.ImportFrom)}
    assert modules == {"ml_collections", "jaxgan.config"} and not any(isinstance(node, ast.Import) for node in imports)


def test_an_unknown_variant_is_named():
    with pytest.raises(ConfigError, match="this config has no variant 'papper': did you mean 'paper'"):
        MODULES["dcgan"].get_config("papper")


def test_two_players_of_a_config_share_no_part():
    for name in NAMES:
        for variant in MODULES[name].VARIANTS:
            parts = [id(part) for each in players(MODULES[name].get_config(variant)) for part in each.values() if part]
            assert len(set(parts)) == len(parts), (name, variant)


def players(config: ConfigDict) -> Iterator[ConfigDict]:
    """The players of a config, also of one that nests them."""
    groups = [config.players]
    while groups:
        for each in groups.pop().values():
            if "network" in each:
                yield each
            else:
                groups.append(each)


# What takes long to trace: the networks of another variant, mostly, or the largest.
_LONG = {each for each in ALL if each[1] not in ("", "paper")} | {
    (name, "paper")
    for name in ("r3gan", "progan", "stylegan", "stylegan2", "biggan_deep", "s2gan", "s3gan", "clustering_gan")
}


@pytest.mark.parametrize(("name", "variant"), sorted(_LONG))
def test_what_is_not_traced_builds(name, variant):
    plan = plan_without_data(MODULES[name].get_config(variant))
    assert plan.game.abilities and jax.tree.leaves(plan.abstract_state().players)


@pytest.mark.parametrize(("name", "variant"), some_long(ALL, lambda each: each in _LONG, lambda each: each[1] != ""))
def test_a_whole_step_of_every_variant_traces(name, variant):
    config = MODULES[name].get_config(variant)
    config.lock()
    plan = plan_without_data(config)
    game, state = plan.game, plan.abstract_state()
    batch = minibatch(plan.arrays, 64)  # tracing is all that happens
    for index, stage in enumerate(game.stages):
        due = Due(index, tuple(turn.name for turn in stage.turns))
        step = lambda state, batch, due=due: game.step(state, (batch,) * game.minibatches(due), due)  # noqa: E731
        new, metrics = jax.eval_shape(step, state, batch)
        assert jax.tree.structure(new) == jax.tree.structure(state)
        assert all(metric.shape == () and metric.dtype == jnp.float32 for metric in metrics.values())


@pytest.mark.parametrize(
    ("name", "generator", "discriminator"),
    [("biggan_like", 70_433_988, 87_982_370), ("biggan_deep", 50_244_484, 34_590_210)],
)
def test_the_published_biggan_has_the_published_size(name, generator, discriminator):
    plan = plan_without_data(MODULES[name].get_config("paper"))
    state = plan.abstract_state()
    sizes = {name: sum(leaf.size for leaf in jax.tree.leaves(one.params)) for name, one in state.players.items()}
    assert sizes == {"generator": generator, "discriminator": discriminator}
    # The generator is regularised first, as in the paper, then divided; the shared embedding is left as it is.
    _, spectral = state.players["generator"].constraint
    assert spectral and not any("shared_embedding" in path for path in spectral)
    assert any("head" in path for path in state.players["discriminator"].constraint)


@pytest.mark.parametrize("name", ["biggan_like", "biggan_deep"])
def test_the_ablation_of_biggan_by_flags(name):
    """Each flag of table 1 takes away what it says, and nothing else."""
    network, constraints = "players.generator.network", "players.generator.constraints"
    module = MODULES[name]

    def changed(field: str, value: object) -> tuple[ConfigDict, dict[str, tuple[int, ...]], bool]:
        config = overrides.apply(module.get_config(), [(field, value)])
        plan = plan_without_data(config)
        leaves = jax.tree_util.tree_leaves_with_path(plan.abstract_state().players["generator"].params)
        regularised = plan.game.players["generator"].constraint.penalty is not None
        return config, {path_string(path): leaf.shape for path, leaf in leaves}, regularised

    _, whole, regularised = changed("seed", 0)
    assert regularised and whole["shared_embedding/embedding"] == (10, 32)
    gains = [path for path in whole if path.endswith("gain/kernel")]

    _, shapes, regularised = changed(f"{network}.shared_size", 0)
    assert regularised and whole.keys() - shapes.keys() == {"shared_embedding/embedding"}
    assert all(whole[path][0] - shapes[path][0] == 32 - 10 for path in gains)  # a one-hot label for the embedding

    _, shapes, regularised = changed(f"{network}.hierarchical", "false")
    assert regularised and shapes.keys() == whole.keys() and {shapes[path][0] for path in gains} == {32}
    assert shapes["project/kernel"][0] == 24 + (32 if name == "biggan_deep" else 0)  # all of z is there

    _, shapes, regularised = changed(constraints, "spectral_norm")
    assert shapes == whole and not regularised

    _, shapes, regularised = changed(f"{network}.width", 8)
    assert regularised and shapes["norm/scale"] == (4 * 8,) != whole["norm/scale"]

    config, shapes, _ = changed("batch_size", 256)
    assert shapes == whole and config.batch_size == 256


def test_the_presets_of_stylegan2_have_the_published_numbers():
    """Adam's numbers for lazy turns (StyleGAN2, appendix B), and those of ADA's launch script."""
    module = MODULES["stylegan2"]
    paper, cifar, auto = (module.get_config(variant) for variant in ("paper", "cifar", "auto"))
    generator, discriminator = (paper.players[name].optimizer for name in ("generator", "discriminator"))
    assert (generator.learning_rate, generator.b2) == pytest.approx((0.0016, 0.99**0.8))
    assert (discriminator.learning_rate, discriminator.b2) == pytest.approx((0.002 * 16 / 17, 0.99 ** (16 / 17)))
    assert generator.b1 == discriminator.b1 == 0
    assert cifar.players.generator.optimizer.learning_rate == 0.0025  # no lazy turn of the generator
    view = cifar.players.discriminator.views[0]
    assert (view.name, view.categories, view.target, view.images) == ("ada", "bgc", 0.6, 500_000)
    assert (cifar.game.gamma, cifar.game.mixing, cifar.game.path_weight) == (0.01, 0.0, 0.0)
    assert auto.game.gamma is None and auto.players.generator.average.images == 10_000 * auto.batch_size / 32


@pytest.mark.parametrize("variant", ["conditional", "cifar"])
def test_the_label_of_stylegan2_is_learned_at_the_full_rate(variant):
    """In ADA's program the mapping's dense layers alone learn at a hundredth, in both players."""
    layers = {"class_embedding": {"embedding": jnp.ones((10, 4))}, "dense_0": {"kernel": jnp.ones((10, 4))}}
    for player in MODULES["stylegan2"].get_config(variant).players.values():
        (fields,) = (dict(each.items()) for each in player.constraints)
        assert fields.pop("name") == "equalized"
        constraint = equalized(**fields | {"rates": dict(fields["rates"])})
        stored = constraint.init({"mapping": layers}, jax.random.key(0))[0]["mapping"]
        embedding, kernel = stored["class_embedding"]["embedding"], stored["dense_0"]["kernel"]
        assert embedding == pytest.approx(math.sqrt(10)) and kernel == pytest.approx(100 * math.sqrt(10))


def test_the_rates_of_stackgan_are_halved_every_hundred_epochs_of_each_stage():
    """Of 8,855 birds in minibatches of 64, six hundred epochs a stage (section 4.2)."""
    from jaxgan.core import schedules
    from jaxgan.core.state import Clock

    config = MODULES["stackgan"].get_config("paper")
    assert config.steps == 2 * 600 * 138 == 2 * config.game.first_stage_steps
    for level in (0, 1):
        for players in (config.players.generator, config.players.discriminator):
            fields = dict(players[f"level_{level}"].schedule.items())
            factor = getattr(schedules, fields.pop("name"))(**fields)
            begun = level * 600 * 138
            for epoch, halvings in ((0, 0), (99, 0), (100, 1), (299, 2), (599, 5)):
                step = begun + epoch * 138
                clock = Clock(*(jnp.int32(number) for number in (step, 64 * step, epoch * 138, 64 * epoch * 138)))
                assert float(factor(clock)) == pytest.approx(0.5**halvings), (level, epoch)


def test_the_rates_of_stylegan_follow_its_levels():
    """1e-3, 1.5e-3 from 128 pixels, 2e-3 from 256, 3e-3 from 512 on."""
    from jaxgan.core.schedules import piecewise
    from jaxgan.core.state import Clock

    config = MODULES["stylegan"].get_config("paper")
    fields = dict(config.players.generator.schedule.items())
    assert fields.pop("name") == "piecewise"
    factor, stages = piecewise(**fields), plan_without_data(config).game.stages
    begins = {stage.resolution * 2: stage.until_images for stage in stages[:-1]}
    for side, expected in ((16, 1.0), (64, 1.0), (128, 1.5), (256, 2.0), (512, 3.0), (1024, 3.0)):
        for images, value in ((begins[side], expected), (begins[side] + 10, expected)):
            clock = Clock(*(jnp.int32(number) for number in (0, images, 0, 0)))
            assert float(factor(clock)) == value, side


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two folders of colour pictures, in a subfolder for each of ten classes."""
    folder = tmp_path_factory.mktemp("photos")
    for side in "AB":
        for index in range(20):
            path = folder / f"train{side}" / f"class_{index % 10}" / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 40), (12 * index, 100, 200)).save(path)
    return folder


@pytest.mark.parametrize(
    "name", some_long((*ON_DIGITS, "cyclegan", "pix2pix"), lambda name: name not in ("dcgan", "s2gan", "pix2pix"))
)
def test_the_embedded_default_builds_on_pictures_of_ones_own(name, photos):
    path, source = (photos / "trainA", "folder") if name in ON_DIGITS else (photos, "two_folders")
    fields = {"data.name": source, "data.path": str(path), "data.image_size": "32"}
    config = overrides.apply(
        MODULES[name].get_config(), [*fields.items(), ("data.labelled", "0"), ("data.labelled_draw", "0")]
    )
    config.batch_size = 10  # of 20 pictures
    if resolve(MODULES[name].get_config()).data.labelled:
        config.data.labelled = 10
    if name == "clustering_gan":
        config.game.update({"clusters": 4, "clustering_batch_size": 10})
    made = make_source(config.data)
    plan = Plan.of_source(config, made)
    jax.eval_shape(plan.game.step, plan.abstract_state(), tuple(minibatches(plan)))


def test_domains_of_two_sizes_play_by_the_config_alone():
    """Digits of 16x16 in colour, beside their means of 4x4: networks of one's own change the size."""
    config = overrides.apply(
        MODULES["cyclegan"].get_config("low_resolution"),
        [("data.image_size_b", 4), ("data.tinted", True)]
        + [(f"players.generator_{way}.network", "tests.parts_of_ones_own:Resized") for way in ("ab", "ba")]
        + [("players.discriminator_b.network", "MLPDiscriminator")],
    )
    plan = plan_without_data(config)
    jax.eval_shape(plan.game.step, plan.abstract_state(), tuple(minibatches(plan)))
    shapes = {name: player.network.output_shape for name, player in plan.game.players.items() if "generator" in name}
    assert shapes == {"generator_ab": (4, 4, 3), "generator_ba": (16, 16, 3)}
    config = overrides.apply(
        MODULES["cyclegan"].get_config(),
        [("data.domain", "low_resolution"), ("data.image_size", 32), ("data.image_size_b", 16)],
    )
    with pytest.raises(
        UserError, match=r"^generator_ab \(ResNetTranslator\) makes samples of shape \(32, 32, 1\), but .* \(16"
    ):
        plan_without_data(config).abstract_state()


def minibatches(plan: Plan) -> list[dict[str, jax.ShapeDtypeStruct]]:
    due = Due(0, tuple(turn.name for turn in plan.game.stages[0].turns))
    return [minibatch(plan.arrays, 8)] * plan.game.minibatches(due)


# ---- a system is two files

SYSTEM = '''"""Toy: a game that a test adds."""

from jaxgan.core import Game, Latent, Player
from jaxgan.losses import hinge
from jaxgan.parts import Draws, two_player_game


def toy(generator: Player, discriminator: Player, *, latent_size: int = 3) -> Game:
    """A toy."""
    return two_player_game(generator, discriminator, Draws(Latent(latent_size)), hinge)
'''

CONFIG = '''"""Toy: Nobody, Noone and None 2031 (arXiv:3101.00001), a game that a test adds.

python train.py --config=configs/toy.py  eight Gaussians
"""

from ml_collections import ConfigDict

from jaxgan.config import Check, choose, default, named, player


def get_config(variant: str = "") -> ConfigDict:
    return choose(variant, VARIANTS)


def ring8() -> ConfigDict:
    config = default()
    config.system = "toy"
    adam = named("adam", learning_rate=1e-3)
    config.players.generator = player(named("MLPGenerator", output="linear"), adam)
    config.players.discriminator = player(named("MLPDiscriminator"), adam)
    config.data.name = "ring8"
    return config


VARIANTS = {"": ring8}
CHECKS = {"": Check({"modes": ">= 8"}), "of two steps": Check({"modes": ">= 8"}, changes={"steps": 2}, control=True)}
'''

LOOK = """
import json
from benchmarks import zoo
from jaxgan import gans, tables

assert "toy" in gans.systems() and gans.toy.__name__ == "toy" and tables.table("system")["toy"] is gans.toy
assert list(zoo.ROWS)[-2:] == ["toy", "toy: of two steps"]
assert zoo.configured(zoo.ROWS["toy: of two steps"], 4).steps == 2
rows = json.loads((zoo.DOCS / "evidence.json").read_text())
result = {"modes": 8.0, "step": 5, "seconds": 2.0, "images": 10, "untrained/modes": 1.0, "machine": "a card"}
rows["toy"] = zoo.measured("toy", zoo.ROWS["toy"].check, [result])
zoo.write(rows)
"""


def test_a_system_is_two_files(tmp_path):
    """They are added to a copy of the tree, and are in every table."""
    for name in ("jaxgan", "configs", "benchmarks", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.png", "*.gif"))
    for name in ("train.py", "README.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "jaxgan" / "gans" / "toy.py").write_text(SYSTEM)
    (tmp_path / "configs" / "toy.py").write_text(CONFIG)

    def python(*arguments: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    python("-c", LOOK)
    link = "[Nobody et al. 2031](https://arxiv.org/abs/3101.00001)"
    assert f"| toy | {link} | modes >= 8 | 1 | 8 to 8 |" in (tmp_path / "README.md").read_text()
    assert "| toy | modes | >= 8 | 1 | 8 |" in (tmp_path / "docs" / "evidence.md").read_text()
    assert "toy" in json.loads((tmp_path / "docs" / "evidence.json").read_text())
    said = python("train.py", "--config=configs/toy.py", "--dry_run", "--config.game.latent_size=5")
    assert "toy" in said and "latent_size" in said and "5" in said

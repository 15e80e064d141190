"""Every run reaches what its config promises: each stage, each turn, each level, each schedule; and every parameter moves."""

import functools
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import Literal
from ml_collections import ConfigDict

from jaxgan import tables
from jaxgan.core import Due
from jaxgan.core.arrays import minibatch
from jaxgan.core.players import flatten
from jaxgan.core.schedules import Run
from jaxgan.core.state import Clock
from jaxgan.registry import make, resolve
from jaxgan.training.plan import Plan, plan_without_data
from tests.marks import some_long
from tests.test_configs import ALL, MODULES, players

STAGED = [("ebgan", ""), ("progan", ""), ("progan", "paper"), ("wgan", ""), ("wgan", "gaussian1d"), ("wgan", "paper")]
# The others: what is learned before the GAN begins, whose turns tests/gans/test_inferred_labels.py plays one by one; and
# growth, as in ProGAN.
FURTHER = [(name, variant) for name in ("clustering_gan", "s2gan", "s3gan") for variant in ("", "paper")]
FURTHER += [("stylegan", "grown"), ("stylegan", "paper"), *(("stylegan2", variant) for variant in "abcd")]
FURTHER += [*(("direct_translation", variant) for variant in ("", "dtn", "paper")), ("srgan", ""), ("srgan", "paper")]
FURTHER += [("stackgan", ""), ("stackgan", "paper"), ("stackgan_v2", ""), ("triple_gan", "paper")]
# Baselines: the whole run is what others begin with.
FIRST_STAGE_ALONE = [("srgan", "srresnet"), ("triple_gan", "supervised")]

# Wasserstein's difference of two means leaves the critic's offset open: nothing moves it.
UNDETERMINED = {("wgan", "gaussian1d"): {"['discriminator']['output']['bias']"}}


def configured(name: str, variant: str, **fields: Any) -> ConfigDict:
    config = resolve(MODULES[name].get_config(variant))
    config.update(fields)
    return config


@functools.cache
def planned(name: str, variant: str) -> Plan:
    return plan_without_data(configured(name, variant))


# ---- the run, by arithmetic on its plan


class Visit(NamedTuple):
    """A stage as the run sees it: the host's counters when it begins, its steps, and the images of each."""

    stage: int
    step: int
    images: int
    steps: int
    step_images: int


def visits(plan: Plan) -> list[Visit]:
    """The stages that the training loop plays, from its rules: `Game.due`, `Plan.batch_size`, `Plan.fraction_done`."""
    game, config, step, images, found = plan.game, plan.config, 0, 0, []
    while plan.fraction_done(step, images) < 1:
        index = game.due(step, images).stage
        stage = game.stages[index]
        period = math.lcm(*(turn.every for turn in stage.turns))
        taken = {game.minibatches(game.due(step + ahead, images)) for ahead in range(period)}
        assert len(taken) == 1  # or a stage would not be a number of equal steps
        step_images = plan.batch_size(index) * taken.pop()
        ends = [(stage.until_step, step, 1), (stage.until_images, images, step_images)]
        ends += [(config.steps, step, 1), (config.images, images, step_images)]
        steps = min(math.ceil((end - now) / rate) for end, now, rate in ends if end)
        # The last step is the stage's, and the next one is not, whatever ends it.
        assert game.due(step + steps - 1, images + (steps - 1) * step_images).stage == index
        found.append(Visit(index, step, images, steps, step_images))
        step, images = step + steps, images + steps * step_images
    return found


def clock(visit: Visit, played: int) -> Clock:
    """The clock before the step of a visit that comes after `played` of them."""
    numbers = (visit.step + played, visit.images + played * visit.step_images, played, played * visit.step_images)
    return Clock(*map(jnp.int32, numbers), step_images=visit.step_images)


@pytest.mark.parametrize(("name", "variant"), ALL)
def test_every_stage_and_turn_is_played_within_the_run(name, variant):
    plan = planned(name, variant)
    played = visits(plan)
    alone = (name, variant) in FIRST_STAGE_ALONE
    assert [visit.stage for visit in played] == list(range(1 if alone else len(plan.game.stages)))
    for visit in played:
        for turn in plan.game.stages[visit.stage].turns:
            assert -(-visit.step // turn.every) * turn.every < visit.step + visit.steps, turn.name
        # A level that fades in has done so when the next begins, and when the run ends.
        assert visit.steps * visit.step_images > getattr(plan.game.stages[visit.stage], "fade_images", 0)
    growth = ("fade_images", "stable_images") if plan.config.game.get("grow") is False else ()
    for field, value in plan.config.game.items():
        for unit in ("steps", "images"):
            if field.endswith(f"_{unit}") and isinstance(value, int) and field not in growth:
                length = sum(visit.steps * (1 if unit == "steps" else visit.step_images) for visit in played)
                assert value < length or alone, field


def test_the_staged_configs_are_all_of_them():
    assert [each for each in ALL if len(planned(*each).game.stages) > 1] == sorted(
        STAGED + FURTHER + FIRST_STAGE_ALONE, key=ALL.index
    )


def test_the_published_progan_grows_as_published():
    # lod_training_kimg = lod_transition_kimg = 800, total_kimg = 19000, minibatches of 16, 14 at 256, 6 at 512, 3 at 1024
    levels = visits(planned("progan", "paper"))
    for index, visit in enumerate(levels):
        begins = max(0, 800_000 + 1_600_000 * (index - 1))
        assert begins <= visit.images < begins + 16
    assert [visit.step_images for visit in levels] == [16, 16, 16, 16, 16, 16, 14, 6, 3]
    last = levels[-1]
    assert 19_000_000 <= last.images + last.steps * last.step_images < 19_000_003
    # 12 million images, the run's length in the second version, end with the level before.
    assert visits(plan_without_data(configured("progan", "paper", images=12_000_000)))[-1].stage == 7
    discriminator = planned("progan", "paper").game.players["discriminator"].network
    assert discriminator.group_size == 16


def schedules(tree: Any, where: str = "config") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schedule that a config names, wherever it stands."""
    if isinstance(tree, Mapping | ConfigDict):
        if tree.get("name") in tables.table("schedule"):
            yield where, tree
        for field, value in tree.items():
            yield from schedules(value, f"{where}.{field}")
    elif isinstance(tree, tuple):
        for index, value in enumerate(tree):
            yield from schedules(value, f"{where}[{index}]")


@pytest.mark.parametrize(("name", "variant"), ALL)
def test_schedules_and_averages_take_effect_within_the_run(name, variant):
    plan = planned(name, variant)
    config, played = plan.config, visits(plan)
    first, last = clock(played[0], 0), clock(played[-1], played[-1].steps - 1)
    run = Run(config.steps, config.images, config.batch_size)
    for where, spec in schedules(config):
        rule = make(spec, "schedule", where, run=run)
        assert abs(float(rule(last)) - float(rule(first))) > 0.1, where
    for player_name, player in plan.game.players.items():
        for visit in played:
            moves = any(player_name in turn.players for turn in plan.game.stages[visit.stage].turns)
            if moves and player.schedule is not None:
                assert float(player.schedule(clock(visit, visit.steps // 2))) > 0, (player_name, visit)
        # An average that starts late has started, and one step does not replace it.
        if player.average is not None:
            assert 0.5 < float(player.average(last)) < 1, player_name


# ---- what moves, by the step's own equations at full size


def reached(jaxpr: Any, sources: Iterable[int]) -> list[bool]:
    """Which outputs of a jaxpr depend on those of its inputs; a nested function's outputs on all that it is given."""
    tainted = {jaxpr.invars[index] for index in sources}
    depends = lambda atom: not isinstance(atom, Literal) and atom in tainted  # noqa: E731
    for equation in jaxpr.eqns:
        if any(map(depends, equation.invars)):
            tainted.update(equation.outvars)
    return list(map(depends, jaxpr.outvars))


def paths(tree: Any) -> list[str]:
    return [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_flatten_with_path(tree)[0]]


def params_of(state: Any) -> dict[str, Any]:
    return {name: player.params for name, player in flatten(state.players).items()}


def moved_in(plan: Plan, stage: int) -> set[str]:
    """The parameters whose new values depend on the minibatches: those that a step leaves alone do not."""
    game, state = plan.game, plan.abstract_state()
    due = Due(stage, tuple(turn.name for turn in game.stages[stage].turns))
    batches = (minibatch(plan.arrays, plan.batch_size(stage)),) * game.minibatches(due)
    step = lambda state, batches: params_of(game.step(state, batches, due)[0])  # noqa: E731
    traced = jax.make_jaxpr(step)(state, batches).jaxpr
    data = range(len(jax.tree.leaves(state)), len(traced.invars))
    return {path for path, found in zip(paths(params_of(state)), reached(traced, data), strict=True) if found}


def sampled_from(plan: Plan) -> set[str]:
    """The parameters that samples depend on, of the averages where there are some."""
    state = plan.abstract_state()
    traced = jax.make_jaxpr(lambda state: plan.game.sample(state, jax.random.key(0), 2))(state).jaxpr
    needed = set(traced.outvars)
    for equation in reversed(traced.eqns):
        if needed & set(equation.outvars):
            needed.update(atom for atom in equation.invars if not isinstance(atom, Literal))
    used = jax.tree.unflatten(jax.tree.structure(state), [variable in needed for variable in traced.invars])
    found = {
        name: player.params if player.average is None else player.average
        for name, player in flatten(used.players).items()
    }
    return {path for path, is_used in zip(paths(found), jax.tree.leaves(found), strict=True) if is_used}


@pytest.mark.parametrize(
    ("name", "variant"),
    # ProGAN's nine levels are those of its small variant.
    some_long(STAGED, lambda each: each == ("progan", "paper")),
)
def test_every_parameter_learns_from_data_and_samples_from_what_the_last_stage_taught(name, variant):
    plan = planned(name, variant)
    moved = {visit.stage: moved_in(plan, visit.stage) for visit in visits(plan)}
    parameters = set(paths(params_of(plan.abstract_state())))
    assert parameters - set().union(*moved.values()) == UNDETERMINED.get((name, variant), set())
    last = len(plan.game.stages) - 1
    used = sampled_from(plan)
    assert used and all("generator" in path for path in used)
    assert used <= moved[last]
    if name == "progan":
        # The last level's layers learn in it alone: a run that ends before it would sample from untrained ones.
        side = str(plan.game.stages[last].resolution)
        top = {path for path in used if f"'{side}'" in path or f"_{side}'" in path}
        assert top and not top & set().union(*(moved[stage] for stage in range(last)))


# ---- and by playing: thinner networks, with the stages as they are


def shrunken(name: str, variant: str) -> ConfigDict:
    config = configured(name, variant)
    for each in players(config):
        for field, value in each.network.items():
            if field in ("width", "base_width", "max_width", "widths", "hidden", "units"):
                each.network[field] = (4,) * len(value) if isinstance(value, tuple) else 4
        # A clipped parameter may rest at its bound.
        each.constraints = tuple(part for part in each.constraints if part["name"] != "clip")
    if name == "progan":
        config.data.image_size = 8  # the first level, and one that fades in
        config.game.batch_sizes = {"8": 3}
    return config


_ALIKE = {("progan", ""), ("wgan", "paper")}


@pytest.mark.parametrize(
    ("name", "variant"),
    # The long ones have the networks of another one.
    some_long(STAGED, lambda each: each in _ALIKE),
)
def test_every_parameter_moves(name, variant):
    plan = plan_without_data(shrunken(name, variant))
    game, generator = plan.game, np.random.default_rng(0)
    state = start = jax.jit(plan.init)(jax.random.key(0))
    for visit in visits(plan):
        now = clock(visit, visit.steps // 2)
        state = state.replace(step=now.step, images=now.images, stage=jnp.int32(visit.stage))
        state = state.replace(stage_step=jnp.int32(visit.step), stage_images=jnp.int32(visit.images))
        due = Due(visit.stage, tuple(turn.name for turn in game.stages[visit.stage].turns))
        specs = minibatch(plan.arrays, min(8, plan.batch_size(visit.stage)))
        batches = tuple(
            {key: jnp.asarray(generator.uniform(-1, 1, spec.shape).astype(spec.dtype)) for key, spec in specs.items()}
            for _ in range(game.minibatches(due))
        )
        state, _ = jax.jit(game.step, static_argnames="due")(state, batches, due=due)
    pairs = zip(*(map(np.asarray, jax.tree.leaves(params_of(each))) for each in (start, state)), strict=True)
    still = [path for path, (old, new) in zip(paths(params_of(state)), pairs, strict=True) if np.array_equal(old, new)]
    assert set(still) <= UNDETERMINED.get((name, variant), set())
    assert game.sample(state, jax.random.key(1), 2).shape[1:] == plan.arrays["image"].shape

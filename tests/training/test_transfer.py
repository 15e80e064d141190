"""A run that begins with another's weights: what it takes and what not, and that it begins so once and for all."""

import json
import shutil

import jax
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from jaxgan import networks, overrides
from jaxgan.core import PlayerState
from jaxgan.core.players import flatten
from jaxgan.data import make_source
from jaxgan.errors import ConfigError
from jaxgan.mesh import data_mesh
from jaxgan.training import train
from jaxgan.training.checkpoints import Checkpoints
from jaxgan.training.plan import Plan
from jaxgan.training.records import read_metrics
from jaxgan.training.run_folder import RunFolder
from jaxgan.training.summary import summarize
from jaxgan.training.trained import load
from jaxgan.training.transfer import Beginning, _begun, read_source

QUIET = [("sample_every", 0), ("metrics", ()), ("evaluate_every", 0)]


def changed(config, **fields):
    changes = [(name.replace("__", "."), value) for name, value in fields.items()]
    return overrides.apply(config, [*QUIET, ("steps", 2), *changes])


def saved(folder, step):
    plan = Plan.of(*RunFolder(folder).read())
    with Checkpoints(folder / "checkpoints", write=False) as checkpoints:
        return checkpoints.restore(step, plan.abstract_state())


def leaves(tree):
    return {jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf) for path, leaf in
            jax.tree_util.tree_leaves_with_path(tree)}  # fmt: skip


def same(one, other):
    one, other = leaves(one), leaves(other)
    assert one.keys() == other.keys()
    return {name for name in one if np.array_equal(one[name], other[name])}


def plan_of(config):
    return Plan.of_source(config, make_source(config.data))


def begin(config, source):
    """The first state of a run, the line about it, and the state without the weights."""
    with jax.set_mesh(data_mesh()):
        plan = plan_of(config)
        beginning = Beginning.of(plan, read_source(source))
        own = plan.first_state()
        return beginning.state(plan, own), beginning.line, plan.first_state()


@pytest.fixture(scope="module")
def source(runs):
    folder, _ = runs("dcgan")
    with jax.set_mesh(data_mesh()):
        return folder, load(folder)


def test_weights_and_averages_are_taken_and_the_rest_begins_anew(tiny, source, tmp_path, capfd):
    folder, there = source
    config = changed(tiny("dcgan"), seed=8, players__generator__optimizer__learning_rate=1e-4)
    assert train(config, tmp_path / "run", init_from=str(folder))["step"] == 2
    said = [line for line in capfd.readouterr().err.splitlines() if line.startswith("begins")]
    assert said == [
        f"begins with the weights of {folder} at step {there.step}: discriminator 2 of 2 arrays, generator 4 of 4 arrays"
    ]
    first = saved(tmp_path / "run", 0)
    for name, own in flatten(there.state.players).items():
        assert same(own.params, first.players[name].params) == leaves(own.params).keys()
        assert same(own.average, first.players[name].average) == leaves(own.average).keys()
        assert not any(leaf.any() for leaf in leaves(first.players[name].optimizer).values())
    assert int(first.step) == int(first.images) == 0
    # It moves from there on, and its clock is its own.
    after = saved(tmp_path / "run", 2)
    assert not same(first.players["generator"].params, after.players["generator"].params)
    assert int(after.images) == 16


def test_averages_that_were_taken_are_kept_though_the_rule_would_ramp_up(tiny, source, tmp_path):
    """A ramp lets an average leave an untrained network; of a trained one, half would be forgotten in 10^9 images."""
    folder, there = source
    slow = {"name": "half_life", "images": 1e9, "ramp_up": 0.1}
    config = changed(tiny("dcgan"), seed=8, players__generator__average=slow, checkpoint_every=1)
    train(config, tmp_path / "run", init_from=str(folder))
    for step in (1, 2):
        after = saved(tmp_path / "run", step).players["generator"]
        jax.tree.map(
            lambda new, old: np.testing.assert_allclose(new, old, rtol=1e-5, atol=1e-7),
            after.average,
            there.state.players["generator"].average,
        )
        assert not same(after.average, after.params)


def test_a_run_that_breaks_before_its_first_checkpoint_goes_back_to_the_weights_it_began_with(tiny, source, tmp_path):
    folder, there = source
    config = changed(tiny("dcgan"), seed=8, steps=3, rollbacks=1, rollback_rate=1e-35, checkpoint_every=100)
    for player in config.players.values():
        player.optimizer = ConfigDict({"name": "sgd", "learning_rate": 1e30})
        player.average = None
    train(config, tmp_path / "run", init_from=str(folder))
    assert [line["step"] for line in read_metrics(tmp_path / "run" / "metrics.jsonl") if "rollbacks" in line] == [0]
    # At rates of 1e-5 they have hardly moved since: drawn anew they would be elsewhere.
    last, first = saved(tmp_path / "run", 3).players["generator"].params, there.state.players["generator"].params
    distance = sum(np.square(one - leaves(first)[name]).sum() for name, one in leaves(last).items())
    assert distance < 1e-3 * sum(np.square(one).sum() for one in leaves(first).values())


def test_one_player_by_name(tiny, source):
    folder, there = source
    state, line, own = begin(changed(tiny("dcgan"), seed=8), f"{folder}:generator")
    # The other one's average has still to leave an untrained network.
    assert {name: bool(taken) for name, taken in state.transferred.items()} == {
        "generator": True,
        "discriminator": False,
    }
    assert line.endswith(": generator 4 of 4 arrays")
    assert len(same(state.players["generator"].params, there.state.players["generator"].params)) == 4
    assert len(same(state.players["discriminator"].params, own.players["discriminator"].params)) == 2


def test_a_dry_run_says_what_would_be_taken(tiny, source):
    folder, _ = source
    said = summarize(plan_of(tiny("dcgan")), f"{folder}:generator").splitlines()[-1]
    assert said.startswith(f"begins with the weights of {folder} at step ") and "generator" in said
    with pytest.raises(ConfigError, match="has no player 'critic'"):
        summarize(plan_of(tiny("dcgan")), f"{folder}:critic")


def test_another_resolution_takes_what_fits_and_names_what_does_not(tiny, source):
    folder, there = source
    config = changed(tiny("dcgan"), data__image_size=16, seed=8)
    state, line, own = begin(config, str(folder))
    taken = same(state.players["discriminator"].params, own.players["discriminator"].params)
    shapes = {name: leaf.shape for name, leaf in leaves(there.state.players["discriminator"].params).items()}
    here = {name: leaf.shape for name, leaf in leaves(own.players["discriminator"].params).items()}
    fits = {name for name in here if here[name] == shapes.get(name)}
    assert fits and taken == here.keys() - fits
    assert f"discriminator {len(fits)} of {len(here)} arrays" in line and "(not taken: " in line
    assert "here and not there" in line or "here and (" in line


def test_weights_that_are_stored_at_another_scale_do_the_same(tiny, source):
    """Equalised parameters are larger than those the network computes with; the network is to be the same one."""
    folder, there = source
    config = changed(tiny("dcgan"), players__generator__constraints="equalized", seed=8)
    state, _, _ = begin(config, str(folder))
    plan = plan_of(config)
    z = jax.random.normal(jax.random.key(0), (4, 4))
    for average in (False, True):
        one = there.plan.game.nets(there.state, average=average).generator(z)
        other = plan.game.nets(state, average=average).generator(z)
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_the_vectors_of_the_same_constraint_come_along(tiny, runs):
    folder, _ = runs("conditional")
    state, _, own = begin(changed(tiny("conditional"), seed=8), str(folder))
    with jax.set_mesh(data_mesh()):
        there = load(folder).state
    vectors = there.players["discriminator"].constraint
    assert same(state.players["discriminator"].constraint, vectors) == leaves(vectors).keys()
    assert not same(own.players["discriminator"].constraint, vectors)


def test_what_a_constraint_knows_of_a_weight_comes_with_the_weight_alone():
    """A table of another number of classes is drawn anew, and so is its vector: the divided table's largest value is 1."""
    from jaxgan.core import Player
    from jaxgan.core.constraints import spectral_norm

    player = Player(networks.MLPGenerator(), optax.sgd(0.1), spectral_norm())

    def begun(classes, seed):
        key = jax.random.key(seed)
        params = {
            "table": {"embedding": jax.random.normal(key, (classes, 64))},
            "dense": {"kernel": jax.random.normal(key, (8, 64))},
        }
        return PlayerState(*player.constraint.init(params, key), (), None)

    own, given = begun(20, 1), begun(10, 2)
    state = _begun(player, own, given, same=True)
    assert same(state.params, own.params) == {"table/embedding"}
    assert same(state.constraint, own.constraint) == {"table/embedding"}
    assert same(state.constraint, given.constraint) == {"dense/kernel"}
    divided, _ = player.constraint.apply(state.params, state.constraint)
    assert np.linalg.norm(divided["table"]["embedding"], 2) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("players", "message"),
    [
        (":generater", "this game has no player 'generater': did you mean 'generator'"),
        (":", "names no run and players: write RUN, or RUN:generator,discriminator"),
        ("/nowhere", "is not the folder of a run"),
        ("/nowhere:generator", "is not the folder of a run"),
    ],
)
def test_what_cannot_be_begun_with_is_one_line_and_leaves_nothing(tiny, source, tmp_path, players, message):
    folder, _ = source
    with pytest.raises(ConfigError, match=message):
        train(changed(tiny("dcgan")), tmp_path / "run", init_from=f"{folder}{players}")
    assert not (tmp_path / "run").exists()


def test_nothing_that_fits_is_an_error(tiny, source, tmp_path):
    folder, _ = source
    config = changed(tiny("wgan_gp"))
    with pytest.raises(
        ConfigError, match=r"nothing of it fits this game: discriminator 0 of \d .*; choose another run"
    ):
        train(config, tmp_path / "run", init_from=str(folder))
    assert not (tmp_path / "run").exists()


def test_code_of_others_is_not_run(tiny, source, tmp_path):
    folder = tmp_path / "strange"
    shutil.copytree(source[0], folder)
    config = json.loads((folder / "config.json").read_text())
    config["players"]["generator"]["network"]["name"] = "surprise:Network"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="names code of its own, surprise:Network, which this config does not name"):
        train(changed(tiny("dcgan")), tmp_path / "run", init_from=str(folder))


def test_it_goes_on_without_being_told_again_and_ends_with_the_same_bits(tiny, source, tmp_path):
    folder = tmp_path / "source"
    shutil.copytree(source[0], folder)
    smooth, rough = tmp_path / "smooth", tmp_path / "rough"
    train(changed(tiny("dcgan"), seed=8, steps=6), smooth, init_from=str(folder))
    train(changed(tiny("dcgan"), seed=8, steps=1), rough, init_from=str(folder))
    # As if it had been killed before its first checkpoint, and in the save of it.
    shutil.rmtree(rough / "checkpoints")
    (rough / "checkpoints" / "0.orbax-checkpoint-tmp").mkdir(parents=True)
    train(changed(tiny("dcgan"), seed=8, steps=3), rough)
    shutil.rmtree(folder)  # it has all it needs
    train(changed(tiny("dcgan"), seed=8, steps=4), rough, init_from=str(folder))
    train(changed(tiny("dcgan"), seed=8, steps=6), rough)
    one, other = saved(smooth, 6), saved(rough, 6)
    assert same(one.players, other.players) == leaves(one.players).keys()
    for asked in (f"{folder}:generator", str(tmp_path)):
        with pytest.raises(ConfigError, match=r"began with .*source, not with .*: leave --init_from out to go on"):
            train(changed(tiny("dcgan"), seed=8, steps=6), rough, init_from=asked)


def test_a_run_that_has_begun_takes_no_other_weights(tiny, source, tmp_path):
    config = changed(tiny("dcgan"), steps=1)
    train(config, tmp_path / "run")
    with pytest.raises(ConfigError, match="began with weights of its own, not with "):
        train(config, tmp_path / "run", init_from=str(source[0]))

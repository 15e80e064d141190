"""Checkpoints: what is kept, what is refused, and that what comes back is what was saved."""

import gc
import shutil
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest

from jaxgan.core import PlayerState, State
from jaxgan.errors import ConfigError
from jaxgan.mesh import data_mesh, replicated
from jaxgan.training import checkpoints
from jaxgan.training.broken import NonFiniteError, check_finite
from jaxgan.training.checkpoints import Checkpoints


def make_state(step=0, width=3, nonfinite=-1, weight=1.0):
    params = {"layer": {"kernel": jnp.full((2, width), weight), "bias": jnp.zeros(width)}}
    player = PlayerState(params, {"u": jnp.ones(2)}, optax.adam(1e-3).init(params), None)
    state = State(
        step=jnp.int32(step),
        images=jnp.int32(8 * step),
        stage=jnp.int32(0),
        stage_step=jnp.int32(0),
        stage_images=jnp.int32(0),
        players={"critic": player.replace(average=params), "generator": player},
        memory={"pool": jnp.arange(4.0), "filled": jnp.int32(2)},
        key=jax.random.key(7),
        nonfinite={"critic": jnp.int32(nonfinite), "generator": jnp.int32(-1)},
        rollbacks=jnp.int32(0),
        rate=jnp.float32(1),
        transferred={"critic": jnp.bool_(False), "generator": jnp.bool_(False)},
    )
    # Every leaf a buffer of its own, as training has them.
    return jax.jit(lambda state: jax.tree.map(jnp.copy, state), out_shardings=replicated(data_mesh()))(state)


def abstract(state):
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding), state)


@pytest.mark.parametrize(
    ("lower_is_better", "best"),
    [(True, 20), (False, 40)],
)
def test_the_last_two_and_the_best_are_kept(tmp_path, lower_is_better, best):
    with Checkpoints(tmp_path, lower_is_better) as checkpoints:
        assert checkpoints.best() is None
        for step, score in [(10, 5.0), (20, 1.0), (30, None), (40, 9.0), (50, 3.0), (60, None), (70, float("nan"))]:
            assert checkpoints.improves(score) == (step in ((10, 20) if lower_is_better else (10, 40)))
            checkpoints.save(step, make_state(step), score)
    # What a run measured is in its records; a score of a step without a checkpoint tells nothing.
    scores = {10: 5.0, 20: 1.0, 40: 9.0, 50: 3.0, 65: -1.0 if lower_is_better else 99.0, 70: float("nan")}
    with Checkpoints(tmp_path, lower_is_better, scores, write=False) as checkpoints:
        assert checkpoints.steps() == [best, 60, 70]
        assert checkpoints.best() == best
        assert not checkpoints.improves(1.0 if lower_is_better else 9.0)
        assert checkpoints.improves(0.5 if lower_is_better else 9.5)


def test_a_key_that_the_file_calls_a_key_comes_back_too(tmp_path):
    saved = make_state(10)
    with ocp.CheckpointManager(tmp_path, item_handlers=ocp.StandardCheckpointHandler()) as manager:
        manager.save(10, args=ocp.args.StandardSave(saved))
    with Checkpoints(tmp_path, write=False) as checkpoints:
        restored = checkpoints.restore(10, abstract(saved))
    assert restored.key == saved.key


def test_a_renamed_checkpoint_is_put_aside_and_what_follows_is_saved(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        for step in (10, 20):
            checkpoints.save(step, make_state(step))
    (tmp_path / "20").rename(tmp_path / "9999")
    told = []
    with Checkpoints(tmp_path) as checkpoints:
        assert int(checkpoints.intact(abstract(make_state()), told.append).step) == 10
        checkpoints.save(30, make_state(30))
        assert checkpoints.steps() == [10, 30]
    assert len(told) == 1 and "9999 holds step 20: its folder was renamed" in told[0]
    assert (tmp_path / "damaged-9999").is_dir()


@pytest.mark.parametrize(("place", "told"), [("orbax/checkpoint", False), ("somewhere", True)])
def test_a_read_of_orbax_that_is_given_up_prints_no_traceback(place, told, tmp_path, monkeypatch):
    heard = []
    monkeypatch.setattr(sys, "unraisablehook", lambda broken: heard.append(str(broken.exc_value)))
    checkpoints._silence_what_is_broken_off.__wrapped__()
    # As orbax does where it turns all that ends a read, being given up too, into an error of its own.
    text = (
        "async def read(wait):\n  try:\n    await wait\n  except BaseException:\n    raise Exception('while reading')"
    )
    names = {}
    exec(compile(text, str(tmp_path / place / "serialization.py"), "exec"), names)
    reading = names["read"](types.coroutine(lambda: (yield))())
    reading.send(None)
    del reading
    gc.collect()
    assert heard == ["while reading"] * told


def test_the_newest_of_the_runs_own_rhythm_outlives_those_of_stops(tmp_path):
    with Checkpoints(tmp_path, every=10) as checkpoints:
        for step in (5, 10, 20, 23, 24, 25):
            checkpoints.save(step, make_state(step), {5: 3.0, 20: 4.0}.get(step))
        assert checkpoints.steps() == [5, 20, 24, 25]  # the best, the newest of the rhythm, and the last two
        assert checkpoints.unstopped() == [20, 5]
        checkpoints.forget_after(5)
        assert checkpoints.steps() == [5]
        assert checkpoints.improves(3.5) is False and checkpoints.improves(2.0)
        checkpoints.save(20, make_state(20), 2.0)
        assert checkpoints.unstopped() == [20]
    with Checkpoints(tmp_path, write=False) as checkpoints:
        assert checkpoints.unstopped() == [20, 5]


def test_every_leaf_comes_back_where_it_was(tmp_path):
    saved = make_state(10, weight=0.1)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(10, saved)
    with Checkpoints(tmp_path) as checkpoints:
        restored = checkpoints.restore(10, abstract(saved))
    assert jax.tree.structure(restored) == jax.tree.structure(saved)
    for one, other in zip(jax.tree.leaves(restored), jax.tree.leaves(saved), strict=True):
        assert one.dtype == other.dtype and one.sharding == other.sharding
        if jnp.issubdtype(one.dtype, jax.dtypes.prng_key):
            one, other = jax.random.key_data(one), jax.random.key_data(other)
        np.testing.assert_array_equal(one, other)


def test_a_state_may_be_donated_while_it_is_written(tmp_path):
    double = jax.jit(lambda tree: jax.tree.map(lambda leaf: 2 * leaf, tree), donate_argnums=0)
    state = make_state(10, weight=0.5)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(10, state)
        double(state.players)
    with Checkpoints(tmp_path) as checkpoints:
        restored = checkpoints.restore(10, abstract(make_state()))
    assert (np.asarray(restored.players["critic"].params["layer"]["kernel"]) == 0.5).all()


def test_a_state_that_met_no_number_is_not_saved(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(10, make_state(10))
        with pytest.raises(
            NonFiniteError, match="a loss, gradient or parameter of critic was not finite at step 18"
        ) as error:
            checkpoints.save(20, make_state(20, nonfinite=17))
        assert error.value.step == 18
        assert checkpoints.steps() == [10]


def test_the_earliest_broken_player_is_named():
    check_finite({"critic": -1, "generator": -1})
    with pytest.raises(NonFiniteError, match=r"of generator was not finite at step 4$"):
        check_finite({"critic": 5, "generator": 3})


def test_another_shape_is_one_line(tmp_path, capfd):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(10, make_state(10))
    with Checkpoints(tmp_path) as checkpoints, pytest.raises(ConfigError) as error:
        checkpoints.restore(10, abstract(make_state(width=4)))
    message = str(error.value)
    assert "players.critic.average.layer.bias has shape (3,) there and (4,) here" in message
    assert "\n" not in message and capfd.readouterr().err == ""


def test_saving_a_step_twice_keeps_the_first(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(10, make_state(10, weight=1.0))
        checkpoints.save(10, make_state(10, weight=2.0))
        assert checkpoints.steps() == [10]


def test_what_a_killed_process_left_is_removed_and_never_read(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(10, make_state(10))
    half = tmp_path / "20.orbax-checkpoint-tmp"
    half.mkdir()
    (half / "data").write_text("half")
    with Checkpoints(tmp_path, write=False) as checkpoints:
        assert checkpoints.steps() == [10] and half.exists()
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.steps() == [10]
        checkpoints.save(20, make_state(20))
        assert checkpoints.steps() == [10, 20]
    assert not half.exists() and not (tmp_path / "20" / "data").exists()


def test_a_score_that_is_measured_after_the_save_counts(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(10, make_state(10), 5.0)
        checkpoints.save(20, make_state(20))  # a stop
    with Checkpoints(tmp_path, scores={10: 5.0}) as checkpoints:
        checkpoints.rate(20, 1.0)
        assert checkpoints.best() == 20 and not checkpoints.improves(2.0)
        for step in (30, 40, 50):
            checkpoints.save(step, make_state(step), 3.0)
        assert checkpoints.steps() == [20, 40, 50]


def cut(folder):
    for file in folder.glob("default/d/*"):
        file.write_bytes(file.read_bytes()[:100])


def without_manifest(folder):
    for file in folder.rglob("manifest.ocdbt"):
        file.unlink()


def emptied(folder):
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize("damage", [cut, without_manifest, emptied])
def test_a_damaged_checkpoint_is_told_of_and_put_aside(tmp_path, damage):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(10, make_state(10, weight=0.1))
        checkpoints.save(20, make_state(20, weight=0.2))
    shutil.copytree(tmp_path / "20", tmp_path / "20 copy")
    damage(tmp_path / "20")
    told = []
    with Checkpoints(tmp_path, write=False) as checkpoints:
        assert int(checkpoints.intact(abstract(make_state()), told.append).step) == 10
    with Checkpoints(tmp_path) as checkpoints:
        found = checkpoints.intact(abstract(make_state()), told.append)
        assert int(found.step) == 10 and checkpoints.steps() == [10]
        np.testing.assert_array_equal(found.players["critic"].params["layer"]["kernel"], np.float32(0.1))
        checkpoints.save(20, make_state(20, weight=0.3))
    assert len(told) == 2 and all("20 cannot be read" in line and "\n" not in line for line in told)
    assert {path.name for path in tmp_path.iterdir()} == {"10", "20", "20 copy", "damaged-20"}
    with Checkpoints(tmp_path) as checkpoints:
        assert int(checkpoints.intact(abstract(make_state()), told.append).step) == 20 and len(told) == 2


def test_where_all_are_damaged_nothing_is_begun_anew(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.intact(abstract(make_state()), print) is None
        checkpoints.save(10, make_state(10))
    emptied(tmp_path / "10")
    with (
        Checkpoints(tmp_path, write=False) as checkpoints,
        pytest.raises(ConfigError, match=r"no checkpoint in .* can be"),
    ):
        checkpoints.intact(abstract(make_state()), print)


def test_the_first_of_the_wanted_that_can_be_read_is_taken_and_what_is_gone_is_not_called_damaged(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        for step in (10, 20):
            checkpoints.save(step, make_state(step))
    emptied(tmp_path / "10")
    with Checkpoints(tmp_path, write=False) as checkpoints:
        # The best, which is the oldest, is damaged.
        assert int(checkpoints.intact(abstract(make_state()), print, [10, 20]).step) == 20
        shutil.rmtree(tmp_path / "20")
        with pytest.raises(FileNotFoundError, match="20"):
            checkpoints.intact(abstract(make_state()), print)

"""The collapse guard: its statistics on samples whose truth is known, the names it gives, and what a run does about them."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.data import make_source
from jaxgan.training import command_line, guard, observer, train
from jaxgan.training.broken import CollapseError
from jaxgan.training.records import read_metrics

N = 400
draw = np.random.default_rng(0)
CENTRES = draw.normal(size=(10, 64)) * 2


def mixture(modes, seed):
    own = np.random.default_rng(seed)
    return np.float32(CENTRES[own.integers(modes, size=N)] + own.normal(size=(N, 64)))


def test_samples_like_the_reals_are_spread_as_they_are_and_cover_them():
    found = guard.spreads(mixture(10, 1), mixture(10, 2))
    assert found["spread"] == pytest.approx(1, abs=0.05) and found["coverage"] > 0.9 and found["duplicates"] == 0


def test_two_modes_of_ten_cover_a_fifth():
    found = guard.spreads(mixture(10, 1), mixture(2, 2))
    assert found["coverage"] == pytest.approx(0.2, abs=0.06) and found["spread"] < 0.9 and found["duplicates"] == 0


def test_few_images_many_times_are_duplicates_and_one_is_no_spread():
    few = mixture(10, 2)[np.arange(N) % 5] + np.float32(0.01) * mixture(10, 3)
    found = guard.spreads(mixture(10, 1), few)
    assert found["duplicates"] == 1 and found["coverage"] < 0.05 and found["spread"] > 0.5
    assert guard.spreads(mixture(10, 1), np.zeros((N, 64), np.float32))["spread"] == 0


def test_accuracy_counts_pairs():
    real, fake = draw.integers(0, 4, 30).astype(float), draw.integers(-1, 3, 20).astype(float)
    pairs = [(r > f) + 0.5 * (r == f) for r in real for f in fake]
    assert guard.accuracy(real, fake) == pytest.approx(np.mean(pairs))


def test_images_are_compared_by_the_means_of_patches():
    images = draw.normal(size=(3, 32, 48, 2))
    expected = images.reshape(3, 8, 4, 8, 6, 2).mean(axis=(2, 4)).reshape(3, -1)
    np.testing.assert_allclose(guard.small(images), expected, rtol=1e-5, atol=1e-6)
    assert guard.small(images[:, :8, :7]).shape == (3, 8 * 7 * 2)  # small ones as they are
    assert guard.small(images[:, 0, 0]).shape == (3, 2)  # and vectors


def test_the_largest_singular_value_is_numpys():
    weights = {"a": {"kernel": draw.normal(size=(3, 3, 4, 8))}, "b": {"kernel": draw.normal(size=(20, 6)) * 3}}
    params = jax.tree.map(jnp.float32, weights) | {"c": {"bias": jnp.full(9, 1e6)}}
    player = type("Player", (), {"params": params})
    exact = max(np.linalg.norm(leaf["kernel"].reshape(-1, leaf["kernel"].shape[-1]), 2) for leaf in weights.values())
    assert float(guard._largest_singular_value({"one": player})) == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"spread": 1.0, "duplicates": 0.0, "coverage": 0.8, "d_accuracy": 0.7}, "healthy"),
        ({"spread": 1.0, "duplicates": 0.0, "coverage": 0.8, "d_accuracy": 1.0}, "healthy"),
        ({"spread": 0.01, "duplicates": 0.0, "coverage": 0.0, "d_accuracy": 1.0}, "collapsed"),
        ({"spread": 0.9, "duplicates": 0.9, "coverage": 0.2}, "collapsed"),
        ({"spread": 0.9, "duplicates": 0.0, "coverage": 0.0, "d_accuracy": 0.999}, "D won"),
        ({"spread": 0.9, "duplicates": 0.0, "coverage": 0.0, "d_accuracy": 0.5}, "G won"),
        ({"spread": 0.9, "duplicates": 0.0, "coverage": 0.2, "d_accuracy": 0.9}, "mode dropping"),
        ({"spread": 0.9, "duplicates": 0.0, "coverage": 0.2, "d_accuracy": 0.9, "growth": 1e5}, "collapsed"),
        # A game that does not sample is told by what its players learn.
        ({"growth": 2.0, "gradient": 0.1}, "healthy"),
        ({"growth": 2.0, "gradient": 1e-9}, "D won"),
        ({"growth": 1e7, "gradient": 1e-9}, "collapsed"),
    ],
)
def test_states_have_names(values, state):
    assert guard.state_of({f"guard/{name}": value for name, value in values.items()}) == state


def thrown(tiny, action):
    config = tiny("dcgan")
    for player in config.players.values():
        player.optimizer.learning_rate = 1e6
    config.steps, config.evaluate_every, config.checkpoint_every, config.sample_every = 20, 5, 5, 0
    config.guard = action
    return config


def states(folder):
    return [(line["step"], line["state"]) for line in read_metrics(folder / "metrics.jsonl") if "state" in line]


def test_a_run_with_absurd_rates_is_said_to_have_collapsed(tiny, tmp_path, capfd):
    assert train(thrown(tiny, "tell"), tmp_path)["step"] == 20
    assert states(tmp_path) == [(step, "collapsed") for step in (5, 10, 15, 20)]
    seen = capfd.readouterr()
    assert seen.err.count(" state=collapsed\n") == 4
    assert "state             collapsed since step 5   (largest_singular_value" in seen.out


def test_the_guard_stops_a_run_at_the_second_evaluation_that_finds_it_lost(tiny, tmp_path, capfd):
    assert command_line.run(lambda: train(thrown(tiny, "stop"), tmp_path) and 0) == 1
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error:")]
    assert "collapsed at step 10 (" in line and "from the checkpoint of step 5, which is kept" in line
    assert "--config.guard=return" in line
    assert states(tmp_path)[-1] == (10, "collapsed")
    # By the same command it ends in the same place; told not to stop, it goes on.
    with pytest.raises(CollapseError, match="collapsed at step 10"):
        train(thrown(tiny, "stop"), tmp_path)
    assert train(thrown(tiny, "tell"), tmp_path)["step"] == 20


def test_the_guard_returns_to_the_best_checkpoint_until_it_gives_up(tiny, tmp_path, capfd):
    config = thrown(tiny, "return")
    config.rollbacks = 2
    with pytest.raises(CollapseError, match="after 2 rollbacks"):
        train(config, tmp_path)
    assert capfd.readouterr().err.count("back to step 5, with other draws") == 2


def test_a_guard_that_is_off_says_nothing(tiny, tmp_path):
    config = tiny("vae")
    config.guard, config.metrics = "off", ()
    train(config, tmp_path)
    assert not [name for line in read_metrics(tmp_path / "metrics.jsonl") for name in line if "guard" in name]
    assert states(tmp_path) == []


def test_games_that_do_not_sample_are_watched_too(runs):
    folder, _ = runs("cyclegan")
    assert states(folder) == [(10, "healthy")]
    line = read_metrics(folder / "metrics.jsonl")[-1]
    assert line["guard/growth"] < 10 and "guard/coverage" not in line


def test_a_game_that_knows_few_labels_is_measured_by_all(monkeypatch):
    """The labels of its minibatches are of other images."""
    seen = []
    monkeypatch.setattr(observer, "Guard", lambda plan, source: seen.append(source))
    monkeypatch.setattr(observer, "RunPictures", lambda folder, compiled, source, *rest: seen.append(source))
    config = command_line.load_config("configs/improved_gan.py")
    plan = types.SimpleNamespace(config=config, compiled=None)
    choice = types.SimpleNamespace(metrics={}, pictures=(), told=str, score="m", lower_is_better=True)
    observer.Observer(plan, make_source(config.data), choice, None, types.SimpleNamespace(write=True, say=print), None)
    whole = make_source(config.data, labelled=0).stack()
    assert len(seen) == 2
    for source in seen:
        records = source.stack()
        np.testing.assert_array_equal(records["image"], whole["image"])
        np.testing.assert_array_equal(records["label"], whole["label"])

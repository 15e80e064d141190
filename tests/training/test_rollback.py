"""Where numbers break a run goes back, and ends with the same bits however often it was stopped or killed on its way."""

import jax
import numpy as np
import pytest

from jaxgan.training import NonFiniteError, train
from jaxgan.training.checkpoints import Checkpoints
from jaxgan.training.plan import Plan
from jaxgan.training.records import TIMINGS, read_metrics
from jaxgan.training.run_folder import RunFolder
from jaxgan.training.stop import StopRequest


def restored(folder, step):
    with Checkpoints(folder / "checkpoints", write=False) as checkpoints:
        return checkpoints.restore(step, Plan.of(*RunFolder(folder).read()).abstract_state())


def bits(folder, step=30):
    state = restored(folder, step)
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state.replace(key=jax.random.key_data(state.key)))]


def lines(folder):
    return [
        {name: value for name, value in line.items() if name not in TIMINGS}
        for line in read_metrics(folder / "metrics.jsonl")
    ]


def test_a_run_that_breaks_goes_back_draws_anew_and_comes_to_its_end(tiny, tmp_path, capfd):
    config = tiny("breaking")
    config.rollback_rate = 0.5
    result = train(config, tmp_path / "smooth")
    told = [line for line in capfd.readouterr().err.splitlines() if "back to step" in line]
    rollbacks = [line for line in lines(tmp_path / "smooth") if "rollbacks" in line]
    assert result["step"] == 30 and result["rollbacks"] == len(rollbacks) == len(told) >= 2
    for number, (line, text) in enumerate(zip(rollbacks, told, strict=True), 1):
        assert line["rollbacks"] == number and line["step"] < line["broken_step"]
        assert line["step"] % 7 == 0 or line["step"] == 15  # the rhythm of the checkpoints, and the best
        assert (
            f"not finite at step {line['broken_step']:.0f}: back to step {line['step']}, with other draws and low"
            in text
        )
    # Each step is recorded once, with finite numbers, and what it was computed with is told by the state.
    steps = [line["step"] for line in lines(tmp_path / "smooth") if "generator/loss" in line]
    assert steps == list(range(1, 31))
    last = restored(tmp_path / "smooth", 30)
    assert int(last.rollbacks) == len(rollbacks) and float(last.rate) == 0.5 ** len(rollbacks)
    assert sorted(path.name for path in (tmp_path / "smooth" / "samples").iterdir()) == [
        f"step_{step:07d}.png" for step in (0, 15, 30)
    ]

    # Asked to stop after every third step that it plays, and started again, until it is over.
    asked, calls = StopRequest.asked, [0]

    def often(self):
        calls[0] += 1
        return calls[0] % 3 == 0 or asked(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StopRequest, "asked", often)
        for _ in range(40):
            if train(config, tmp_path / "rough")["step"] == 30:
                break
    assert calls[0] > 30
    assert bits(tmp_path / "rough") == bits(tmp_path / "smooth")
    assert lines(tmp_path / "rough") == lines(tmp_path / "smooth")

    # Given up at the second time, and gone on with more patience.
    config.rollbacks = 1
    with pytest.raises(
        NonFiniteError, match=r"after 1 rollback within 5000 steps: start anew .* --config.rollbacks=4"
    ) as error:
        train(config, tmp_path / "given up")
    assert error.value.step == rollbacks[1]["broken_step"] and "--config.rollback_rate=0.25" in str(error.value)
    config.rollbacks = 10
    assert train(config, tmp_path / "given up")["step"] == 30
    assert bits(tmp_path / "given up") == bits(tmp_path / "smooth")
    assert lines(tmp_path / "given up") == lines(tmp_path / "smooth")


def test_rollbacks_long_ago_do_not_count(tiny, tmp_path):
    config = tiny("breaking")
    config.rollbacks = 1
    with pytest.raises(NonFiniteError):
        train(config, tmp_path)
    config.rollback_window = 1
    assert train(config, tmp_path)["rollbacks"] >= 2


def test_without_rollbacks_the_first_one_ends_the_run(tiny, tmp_path):
    config = tiny("breaking")
    config.rollbacks = 0
    with pytest.raises(
        NonFiniteError, match=r"was not finite at step \d+: start anew .* or go on from the start, by the same"
    ):
        train(config, tmp_path)

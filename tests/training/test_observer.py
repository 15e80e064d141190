"""What is measured while a game trains: each metric's values, whatever they are called."""

import types

import pytest
from ml_collections import ConfigDict

from jaxgan.evaluation.monitored import Choice, Metric
from jaxgan.training.observer import Observer
from jaxgan.training.records import Records, read_metrics
from jaxgan.training.run_folder import RunFolder


def observed(folder, records, step=None, **metrics):
    """An observer of a game that draws nothing, with metrics by name: their values, and which is the score."""
    made = {
        name: Metric(lambda *given, values=values: values, score, lower_is_better=False)
        for name, (values, score) in metrics.items()
    }
    game = types.SimpleNamespace(abilities={})
    compiled = types.SimpleNamespace(game=game, at=lambda state, stage: None)
    config = ConfigDict({"guard": "off", "seed": 0, "sample_every": 0, "evaluate_every": 1})
    plan = types.SimpleNamespace(config=config, compiled=compiled)
    return Observer(plan, types.SimpleNamespace(measured=None), Choice(made, {}), folder, records, step)


def test_a_metric_keeps_its_value_from_others_of_that_name(tmp_path):
    folder = RunFolder(tmp_path)
    metrics = {
        "translation": ({"agreement": 0.5, "l1": 0.25}, "agreement"),
        "paired": ({"l1": 0.75, "psnr": 20.0, "agreement": 0.125}, "l1"),
        "swapped": ({"agreement": 1.0}, "agreement"),
    }
    with Records(folder, None) as records:
        observer = observed(folder, records, **metrics)
        assert observer.look(None, 1, 64, 0) == 0.5  # what tells the best checkpoint
        assert not observer.due(1)
        told = observer.summary()
    expected = {"agreement": 0.5, "l1": 0.25, "paired/l1": 0.75, "psnr": 20.0, "paired/agreement": 0.125}
    (line,) = read_metrics(folder.metrics)
    assert line == {"step": 1, "images": 64, **expected, "swapped/agreement": 1.0}
    for name, value in (("agreement", 0.5), ("paired/l1", 0.75), ("swapped/agreement", 1)):
        assert any(each.split()[:2] == [name, f"{value:.4g}"] for each in told.splitlines()), (name, told)
    with Records(folder, 1) as records:  # who goes on from there has measured all of it
        observer = observed(folder, records, 1, **metrics)
        assert not observer.due(1) and observer.due(2) and observer.look(None, 2, 128, 0) == pytest.approx(0.5)

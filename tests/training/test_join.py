"""Who the other processes are: what is missing or wrong is one line, before anything waits for anybody."""

import jax
import numpy as np
import pytest
from jax.experimental import multihost_utils

from jaxgan.errors import UserError
from jaxgan.training import stop
from jaxgan.training.command_line import join_processes

ADDRESS, NUMBER, OWN = "JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, f"set {ADDRESS}, {NUMBER}, {OWN}, or leave --distributed out"),
        ({NUMBER: "2"}, rf"coordinator_address should be defined.*set {ADDRESS}, {OWN}"),
        ({ADDRESS: "node1:12345"}, rf"Number of processes must be defined.*set {NUMBER}, {OWN}"),
        ({ADDRESS: "node1:12345", NUMBER: "2"}, f"id of the current process must be defined.*set {OWN}"),
        ({ADDRESS: "node1:12345", NUMBER: "2", OWN: "2"}, f"process_id=2, num_processes=2.*look at {ADDRESS}"),
        ({ADDRESS: "node1", NUMBER: "2", OWN: "0"}, "JAX_COORDINATOR_ADDRESS='node1' has no port: write HOST:PORT"),
        ({ADDRESS: "node1:12345", NUMBER: "two", OWN: "0"}, "JAX_NUM_PROCESSES='two' is no number"),
        ({ADDRESS: "node1:12345", NUMBER: "2", OWN: ""}, "JAX_PROCESS_ID='' is no number"),
    ],
)
def test_a_bad_environment_is_one_line(given, line, monkeypatch):
    for name in (ADDRESS, NUMBER, OWN, "SLURM_JOB_ID", "OMPI_MCA_orte_hnp_uri"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    # These tests have used devices already; a command has not.
    monkeypatch.setattr(jax._src.distributed.xla_bridge, "backends_are_initialized", lambda: False)
    with pytest.raises(UserError, match=line) as told:
        join_processes()
    assert "\n" not in str(told.value)


def test_processes_that_do_not_answer_are_one_line(monkeypatch):
    def initialize(**_):
        raise jax.errors.JaxRuntimeError("DEADLINE_EXCEEDED: Barrier timed out.\nmore")

    monkeypatch.setattr(jax.distributed, "initialize", initialize)
    for name, value in ((ADDRESS, "node1:12345"), (NUMBER, "2"), (OWN, "1")):
        monkeypatch.setenv(name, value)
    with pytest.raises(
        UserError, match=r"the other processes do not answer \(DEADLINE_EXCEEDED: Barrier timed out. more\)"
    ):
        join_processes()


@pytest.mark.parametrize(("seconds", "most"), [(0.001, 10), (0.5, 4), (3.0, 1)])
def test_processes_agree_within_seconds_however_long_a_step_takes(seconds, most, monkeypatch):
    """The other process, which is slower, is the one that is asked to stop."""
    now, step, asked_there, exchanged = [0.0], [0], [False], []

    def gather(value):
        exchanged.append(step[0])
        return np.stack([value, [asked_there[0], value[1] and seconds]])

    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(multihost_utils, "process_allgather", gather)
    monkeypatch.setattr(stop.time, "monotonic", lambda: now[0])
    request = stop.StopRequest()
    for step[0] in range(7, 40):
        now[0] += seconds / 2
        assert not request.asked()
    assert exchanged[:2] == [7, 8] and set(np.diff(exchanged[1:])) == {most}
    asked_there[0], answers = True, []
    for _ in range(most):
        answers.append(request.asked())
    assert answers.count(True) == 1

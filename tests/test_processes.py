"""What the first of several processes finds, in all of them; training/test_processes.py has real ones."""

import jax
import numpy as np
import pytest
from jax.experimental import multihost_utils

from jaxgan.errors import UserError
from jaxgan.processes import told_by_first


@pytest.fixture
def play(monkeypatch):
    """Plays one of two processes: `play(index, channel, find)`."""

    def play(index, channel, find):
        def broadcast(value):
            if index == 0:
                channel.append(np.array(value))
                return value
            told = channel.pop(0)
            # The same function runs on all devices: shapes and dtypes must agree.
            assert np.shape(value) == told.shape and np.asarray(value).dtype == told.dtype
            return told

        monkeypatch.setattr(jax, "process_count", lambda: 2)
        monkeypatch.setattr(jax, "process_index", lambda: index)
        monkeypatch.setattr(multihost_utils, "broadcast_one_to_all", broadcast)
        return told_by_first(find)

    return play


@pytest.mark.parametrize("found", [None, True, {"steps": [1, 20], "score": 0.1 + 0.2, "name": "größer", "none": None}])
def test_all_are_told_what_the_first_finds(found, play):
    channel = []
    assert play(0, channel, lambda: found) == found
    assert play(1, channel, lambda: pytest.fail("the first one alone looks")) == found
    assert not channel


def test_all_end_where_the_first_fails(play):
    def refuses():
        raise PermissionError("you may only read")

    channel = []
    with pytest.raises(PermissionError, match="you may only read"):
        play(0, channel, refuses)
    with pytest.raises(UserError, match="the first process cannot go on: it says why"):
        play(1, channel, refuses)
    assert not channel


def test_one_process_is_told_the_very_thing():
    found = object()
    assert told_by_first(lambda: found) is found

"""The judge of `benchmarks.reliability` sees what is wrong, and a share of its bad inputs ends in one line."""

import sys
import time

import pytest

from benchmarks import bad_inputs
from jaxgan.errors import UserError


def refuse(line="no such thing: choose another"):
    raise UserError(line)


def say_more():
    print("Traceback of something", file=sys.stderr)
    return 2


def test_one_line_is_as_it_must_be(tmp_path):
    assert bad_inputs.verdict(refuse, tmp_path / "made") == ""


@pytest.mark.parametrize(
    ("main", "wrong"),
    [
        (lambda: None, "wrong result: status 0"),
        (lambda: 1 / 0, "traceback: ZeroDivisionError"),
        (lambda: sys.exit(2), "traceback: SystemExit"),
        (lambda: time.sleep(20), "hangs"),
        (say_more, "not one line"),
    ],
)
def test_anything_else_is_seen(tmp_path, main, wrong):
    assert bad_inputs.verdict(main, tmp_path / "made", seconds=0.5).startswith(wrong)


def test_what_is_left_behind_is_seen(tmp_path):
    def write():
        (tmp_path / "made").mkdir()
        refuse()

    assert bad_inputs.verdict(write, tmp_path / "made") == "wrong result: it left a folder behind"


def test_there_are_many_and_each_is_another(tmp_path):
    made = tmp_path / "made"
    cases = [*bad_inputs.of_configs(made), *bad_inputs.of_data(tmp_path / "data", made)]
    assert len(cases) > 250 and len(set(cases)) == len(cases)


def test_a_share_of_them_ends_in_one_line(tmp_path):
    made = tmp_path / "made"
    cases = [*list(bad_inputs.of_configs(made))[::23], *list(bad_inputs.of_data(tmp_path / "data", made))[::12]]
    assert len(cases) > 15
    wrong = {case.arguments: verdict for case in cases if (verdict := bad_inputs.attempt(case, made))}
    assert not wrong

"""A canary: a module that leaves a file when it is imported and when it is called."""

import sys

import pytest

CANARY = """
import pathlib
pathlib.Path({mark!r}).write_text("imported")
def make(*arguments, **fields):
    pathlib.Path({mark!r}).write_text("called")
class Feature:
    def __init_subclass__(cls):
        make()
"""


@pytest.fixture
def canary(tmp_path, monkeypatch):
    """The file that is there once the module `canary` has run; Python finds that module in the current folder."""
    mark, folder = tmp_path / "it ran", tmp_path / "current"
    folder.mkdir()
    (folder / "canary.py").write_text(CANARY.format(mark=str(mark)))
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    yield mark
    sys.modules.pop("canary", None)

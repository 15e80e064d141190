"""Tiny runs that several files look at, each trained once."""

import pathlib

import pytest
from ml_collections import ConfigDict

from jaxgan.training import train
from jaxgan.training.command_line import load_config

TINY = pathlib.Path(__file__).with_name("tiny.py")


@pytest.fixture(scope="session", autouse=True)
def stand_ins():
    """The small networks of tiny.py, under their names."""
    load_config(f"{TINY}:dcgan")


@pytest.fixture(scope="session")
def tiny():
    """(variant) -> a config of tiny.py."""

    def make(variant: str) -> ConfigDict:
        return load_config(f"{TINY}:{variant}")

    return make


@pytest.fixture(scope="session")
def runs(tiny, tmp_path_factory):
    """(variant) -> the folder of a finished run, and what `train` returned."""
    finished: dict[str, tuple[pathlib.Path, dict[str, float]]] = {}

    def get(variant: str) -> tuple[pathlib.Path, dict[str, float]]:
        if variant not in finished:
            folder = tmp_path_factory.mktemp("runs") / variant
            finished[variant] = folder, train(tiny(variant), folder)
        return finished[variant]

    return get

"""What docstrings say of the variants for pictures of one's own is what was timed and compiled."""

import re

import pytest

from benchmarks import sizes
from tests.test_configs import MODULES


def row(**fields):
    """A step on an L4 of 60 TFLOP/s and 300 GB/s: 30 ms of compute, 20 of memory, and 1,000 operations."""
    return {
        "config": "configs/dcgan.py:gpu64",
        "target": "l4:1",
        "turns": "all",
        "lazy": False,
        "images": 128,
        "devices": 1,
        "peak_bytes": 3 * 2**30,
        "arithmetic": {"float32": 30e-3 * 60e12},
        "bytes": 20e-3 * 300e9,
        "collectives": {},
        "instructions": 1000,
    } | fields


def test_a_step_is_its_roofline_and_its_launches():
    assert sizes.step_seconds([row()]) == pytest.approx(30e-3 + 4.3e-3)
    plain = row(turns="not lazy", arithmetic={"float32": 6e11}, instructions=500)  # 20 ms of memory is more than 10
    assert sizes.step_seconds([row(), plain]) == pytest.approx((34.3e-3 + 3 * (20e-3 + 2.15e-3)) / 4)


def test_only_rows_of_the_variants_own_batch_count():
    rows = {"a": row(), "b": row(images=32), "c": row(target="h100:1"), "d": row(not_compiled="too long")}
    del rows["d"]["instructions"]
    assert sizes.compiled(rows, "dcgan", "gpu64", "l4:1") == [rows["a"]]
    assert sizes.compiled(rows, "dcgan", "gpu128", "l4:1") == []
    whole, plain = row(lazy=True), row(lazy=True, turns="not lazy")
    assert sizes.compiled({"a": whole}, "dcgan", "gpu64", "l4:1") == []
    assert sizes.compiled({"a": whole, "b": plain}, "dcgan", "gpu64", "l4:1") == [whole, plain]


def test_estimates_have_two_digits_or_are_whole():
    assert [sizes.rounded(value) for value in (0.0344, 0.344, 3.44, 34.4, 344.4)] == [
        "0.034",
        "0.34",
        "3.4",
        "34",
        "344",
    ]


@pytest.mark.parametrize("name", sizes.SYSTEMS)
def test_docstrings_say_what_is_known(name):
    for variant in sizes.VARIANTS:
        said = re.search(
            rf"^python train\.py --config=configs/{name}\.py:{variant} +(.*)$", MODULES[name].__doc__, re.M
        )
        assert said is not None and said[1] == sizes.told(name, variant)


def test_the_page_has_the_table():
    assert f"<!-- sizes -->\n{sizes.table()}\n<!-- end of sizes -->" in sizes.PAGE.read_text()

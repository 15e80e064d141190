"""Tables that benchmarks write into pages: what is put into them, and where."""

import pytest

from benchmarks import encoders
from benchmarks.pages import put


def test_tables_are_put_between_their_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "above\n<!-- first -->\nold\n<!-- end of first -->\nmiddle\n<!-- second -->\n<!-- end of second -->\n"
    )
    for written in ("one", "two"):
        put(page, {"first": written, "second": "grown"})
    assert page.read_text() == (
        "above\n<!-- first -->\ntwo\n<!-- end of first -->\nmiddle\n<!-- second -->\ngrown\n<!-- end of second -->\n"
    )
    before = page.read_text()
    with pytest.raises(ValueError, match="has no marks for the table 'third'"):
        put(page, {"first": "three", "third": "none"})
    assert page.read_text() == before


def test_a_row_of_encoders_has_means_over_the_seeds():
    results = [{"reconstruction_mse": 0.1, "neighbours": 0.9}, {"reconstruction_mse": 0.3, "neighbours": 1.0}]
    lines = encoders.table({"vae": [result | {"neighbours_by_pixels": 0.97} for result in results]}).splitlines()
    named = [line.strip("| ").split(" | ") for line in lines]
    assert dict(zip(named[0], named[2], strict=True)) == {
        **dict.fromkeys(named[0], "-"),
        "system": "`vae`",
        "squared error": "0.2",
        "neighbours by code": "0.95",
    }
    assert dict(zip(named[0], named[3], strict=True))["neighbours by code"] == "0.97"

"""docs/security.md says what is so: the tests that it names are there, and its limits are those of the code."""

import re

from jaxgan import foreign
from jaxgan.explorer import asked
from tests.docs.test_pages import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text()


def test_every_promise_names_tests_that_are_there():
    code = "".join(
        path.read_text()
        for room in ("security", "features", "explorer", "exporting", "layouts")
        for path in (ROOT / "tests" / room).glob("*.py")
    )
    named = re.findall(r"`(test_\w+)`", PAGE)
    assert len(named) > 25
    assert not [name for name in named if f"def {name}(" not in code]


def test_the_limits_are_those_of_the_code():
    mebibytes = {int(number) for number in re.findall(r"(\d+) MiB", PAGE)}
    limits = (asked.MAX_PICTURE, foreign.MAX_MEMBER, foreign.MAX_JSON, foreign.MAX_LINES, foreign.MAX_UNPACKED)
    assert mebibytes == {limit // foreign.MIB for limit in limits}
    assert f"at most 2^{foreign.MAX_PIXELS.bit_length() - 1} pixels" in PAGE
    assert f"{foreign.MAX_EXPANSION} times as large" in PAGE

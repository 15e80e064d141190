"""A source of one's own: the one that docs/data.md shows, and what is said of others."""

import pathlib
import re
import sys

import numpy as np
import pytest

from jaxgan.data import DataError, Loader, make_source, prepare
from jaxgan.errors import UserError

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "data.md"


BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)


@pytest.fixture
def module(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The folder that holds the page's module, on Python's path."""
    (code,) = [block for block in BLOCKS if block.startswith("# ")]
    (tmp_path / re.match(r"# (\w+\.py)\n", code).group(1)).write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "shapes", raising=False)
    return tmp_path


def test_the_page_on_data_shows_a_source_that_runs(module: pathlib.Path) -> None:
    source = make_source("shapes:shapes")
    assert source.image_shape == (16, 16, 1) and source.arrays["label"].names == ("disc", "square")
    loader = Loader(source)
    batch = prepare(next(loader.batches(64)), loader.resident)
    assert batch["image"].shape == (64, 16, 16, 1) and set(np.unique(batch["image"])) == {-1.0, 1.0}
    # A square fills its bounding box, and most discs do not.
    for image, label in zip(np.asarray(batch["image"][..., 0]), np.asarray(batch["label"]), strict=True):
        top, left, bottom, right = (*np.argwhere(image > 0).min(axis=0), *np.argwhere(image > 0).max(axis=0) + 1)
        filled = (image[top:bottom, left:right] > 0).mean()
        assert filled == 1 if label == 1 else 0.6 < filled < 1
    test = make_source("shapes:shapes", split="test")
    assert not np.array_equal(test.stack()["image"], source.stack()["image"])


def test_the_page_on_data_shows_arrays_in_memory() -> None:
    (code,) = [block for block in BLOCKS if not block.startswith("# ")]
    exec(code, {})


def test_labelled_and_dequantize_work_on_any_source(module: pathlib.Path) -> None:
    source = make_source("shapes:shapes", labelled=20, dequantize=True)
    assert set(source.arrays) == {"image", "labelled_image", "label"} and source.dequantize
    loader = Loader(source)
    batch = prepare(next(loader.batches(16)), loader.resident)
    assert len(np.unique(batch["image"])) > 1000


def test_what_is_not_a_source(module: pathlib.Path) -> None:
    (module / "wrong.py").write_text("def number(config):\n    return 3\n")
    with pytest.raises(UserError, match=r"data.name='wrong:number' made a int; return a jaxgan.data.Source$"):
        make_source("wrong:number")
    for name, problem in (("os:getcwd", "takes no arguments"), ("math:sqrt", "must be real number, not DataConfig")):
        with pytest.raises(UserError, match=rf"^data.name='{name}' cannot be called with DataConfig: .*{problem}"):
            make_source(name)
    for name in ("wrong:nothing", "nowhere:shapes"):
        with pytest.raises(UserError, match=rf"data\.name.*{name}"):
            make_source(name)
    with pytest.raises(DataError, match=r"'shape' is unknown .*module:attribute for your own"):
        make_source("shape")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("pass", "without name; set it"),
        ("name = 'x'", "without arrays; set it"),
        ("name, arrays = 'x', {'image': (4, 4, 1)}", r"whose arrays\['image'\] is no jaxgan.core.ArraySpec"),
        ("name, arrays = 'x', {}", "without __len__; define it"),
        ("name, arrays, __len__ = 'x', {}, lambda self: 3", "without record; define it"),
        ("name, arrays, __len__, record = 'x', {}, lambda self: 0, print", "without records; give it one"),
    ],
)
def test_sources_that_lack_something(module: pathlib.Path, monkeypatch, body: str, problem: str) -> None:
    text = f"from jaxgan.data import Source\nclass Half(Source):\n    {body}\ndef half(config):\n    return Half()\n"
    (module / "lacking.py").write_text(text)
    monkeypatch.delitem(sys.modules, "lacking", raising=False)
    with pytest.raises(DataError, match=f"^data.name='lacking:half' made a source {problem}"):
        make_source("lacking:half")


def test_an_error_in_ones_own_lines_keeps_its_traceback(module: pathlib.Path) -> None:
    (module / "failing.py").write_text("def fails(config):\n    return {}['no such key']\n")
    with pytest.raises(KeyError, match="no such key"):
        make_source("failing:fails")

"""The site holds every guide, and the tour's cells run."""

import json
import re

import jax
import matplotlib
import pytest

from tests.docs.test_pages import ROOT

TOUR = ROOT / "docs" / "tour.ipynb"


def test_every_guide_is_in_the_table_of_contents():
    listed = re.findall(
        r"```\{toctree\}\n(?::[^\n]*\n)*\n(.*?)\n```", (ROOT / "docs" / "index.md").read_text(), flags=re.DOTALL
    )
    entries = [entry for table in listed for entry in table.splitlines()]
    folder = ROOT / "docs"
    guides = {str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.md") if "api" not in path.parts}
    assert sorted(entries) == sorted(guides - {"index"} | {"tour", "api/jaxgan"})


@pytest.mark.long
def test_the_tour_runs(tmp_path, monkeypatch):
    """Every cell, of fewer steps."""
    matplotlib.use("Agg")
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    code = "\n".join(
        "".join(cell["source"]) for cell in json.loads(TOUR.read_text())["cells"] if cell["cell_type"] == "code"
    )
    for long, short in (
        ("config.steps = 400", "config.steps = 2"),
        ("sample_every = 100", "sample_every = 2"),
        ("steps = 2000", "steps = 2"),
    ):
        assert code.count(long) == 1
        code = code.replace(long, short)
    scope: dict = {}
    with jax.numpy_rank_promotion("allow"):
        exec(compile(code, str(TOUR), "exec"), scope)
    assert scope["run"].step == 2 and scope["points"].shape == (8, 500, 2)
    matplotlib.pyplot.close("all")


def test_the_tour_shows_what_it_says():
    cells = [cell for cell in json.loads(TOUR.read_text())["cells"] if cell["cell_type"] == "code"]
    shown = [output for cell in cells for output in cell["outputs"]]
    assert sum("image/png" in output.get("data", {}) for output in shown) == 5
    assert not re.search(r"/(root|home|tmp|work)/", TOUR.read_text())

"""The map's answers are there: every file that it names, and the function or class in it."""

import ast
import re

from tests.docs.test_pages import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
PLACES = re.findall(r"`((?:jaxgan|tests|configs)/[\w/]+\.py)(?:: ([\w.]+))?`", PAGE)


def defined(file: str) -> set[str]:
    """The functions and classes of a file, methods as "Class.method"."""
    names = set()
    for node in ast.parse((ROOT / file).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return names


def test_every_place_on_the_map_is_there():
    assert len(PLACES) > 20
    for file, name in PLACES:
        if "/x.py" in file:  # the system of the reader
            continue
        assert (ROOT / file).is_file(), file
        assert not name or name in defined(file), f"{file}: {name}"


def test_every_row_on_where_to_look_names_a_place():
    rows = PAGE.partition("## Where to look")[2].partition("|---|---|\n")[2].strip().splitlines()
    assert len(rows) > 15
    for row in rows:
        assert re.search(r"`jaxgan/[\w/]+\.py: \w", row), row


def test_links_between_pages_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"

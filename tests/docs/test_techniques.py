"""What the pages tell a reader to write is what the library takes: names, their fields, and flags of the command line."""

import ast
import re
import shlex
from collections.abc import Iterator

import pytest

from jaxgan import registry, tables
from jaxgan.config import named
from jaxgan.training import command_line
from tests.docs.test_pages import ROOT, blocks

PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]
KINDS = ("network", "optimizer", "constraint", "average", "schedule", "view", "term", "objective")


def parts_named(page: str) -> list[ast.Call]:
    """Every call of `named` on a page, those inside others too."""
    text, calls = (ROOT / page).read_text(), []
    for match in re.finditer(r"\bnamed\(", text):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        expression = " ".join(text[match.start() : end].split())
        if not expression.startswith("named(..."):  # `named(...)` in prose: any part
            calls.append(ast.parse(expression, mode="eval").body)
    return calls


def spans(page: str) -> Iterator[str]:
    """What a page shows as code, a line of a block or a span in a line."""
    text = (ROOT / page).read_text()
    for block in re.findall(r"^```\w*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        yield from block.splitlines()
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for line in rest.splitlines():
        if line.startswith("    "):
            yield line
    prose = "\n".join(line for line in rest.splitlines() if not line.startswith("    "))
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose))


def commands() -> list[tuple[str, str]]:
    """Every span of code with a flag of a config: the page, and the span without its comment."""
    return [
        (page, span.partition(" #")[0].strip())
        for page in PAGES
        for span in spans(page)
        if re.search(r"--config\b", span)
    ]


@pytest.mark.parametrize("page", [page for page in PAGES if "named(" in (ROOT / page).read_text()])
def test_every_part_on_a_page_exists_with_its_fields(page):
    for call in parts_named(page):
        name, fields = call.args[0].value, {keyword.arg for keyword in call.keywords}
        if ":" in name:
            continue  # the page's own
        kinds = [kind for kind in KINDS if name in tables.table(kind)]
        assert kinds, f"{page}: {ast.unparse(call)}"
        known = [set(registry.parameters(tables.table(kind)[name])) for kind in kinds]
        assert any(fields <= one for one in known), f"{page}: {ast.unparse(call)}"


def test_every_term_view_constraint_and_objective_has_its_paragraph():
    page = (ROOT / "docs" / "techniques.md").read_text()
    for kind in ("term", "view", "constraint", "objective"):
        missing = [name for name in tables.table(kind) if f'named("{name}"' not in page]
        assert not missing, kind


def test_the_tuples_that_the_page_shows_make_a_config():
    config = command_line.load_config(str(ROOT / "configs" / "dcgan.py"))
    (block,) = blocks("docs/techniques.md")
    exec(block, {"config": config, "named": named})
    resolved = registry.resolve(config)
    assert [term.name for term in resolved.game.terms] == ["r1", "lecam"]
    assert resolved.game.terms[0].every == 16


@pytest.mark.parametrize(("page", "command"), commands())
def test_every_flag_on_a_page_is_taken(page, command, monkeypatch):
    monkeypatch.chdir(ROOT)
    flags = [word for word in shlex.split(command) if re.match(r"--config\b", word)]
    if any("..." in flag or re.search(r"=[A-Z]{3,}", flag) for flag in flags):
        pytest.skip("it has a placeholder")
    files = [flag.partition("=")[2] for flag in flags if flag.startswith("--config=")]
    if files and f"# {files[0]}\n" in (ROOT / page).read_text():
        pytest.skip("the page shows the config; tests/docs/test_pages.py runs it")
    flags = [flag for flag in flags if "=" in flag and not flag.startswith("--config=")]
    command_line.read_config([f"--config={files[0] if files else 'configs/dcgan.py'}", *flags])

"""The site: the guides of this folder, and pages of the library's functions from their docstrings (`make docs`)."""

import re
from typing import Any

import jaxgan

project, author, release = "jaxgan", "The jaxgan authors", jaxgan.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.apidoc"]
html_theme, html_title = "furo", "jaxgan"
default_role = "code"

myst_heading_anchors = 3  # headings are links
nb_execution_mode = "off"  # the tour holds its pictures; the tests execute it

# Each function where it is defined, not again in the package that hands it on.
autodoc_default_options = {"ignore-module-all": True}
apidoc_separate_modules = apidoc_module_first = True
apidoc_modules = [{"path": "../jaxgan", "destination": "api"}]
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# The README's headings begin below the page's; files of the repository that are no pages stay plain text; and a class that a
# package hands on is found under two names.
suppress_warnings = ["myst.header", "myst.xref_missing", "ref.python"]
exclude_patterns = ["api/modules.rst"]

_CODE = re.compile(r"(`[^`]*`)")


def plain(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text with `code` and indented examples: |x|, a * b and sigma_ are no markup in them."""
    example = 0
    for index, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if example and (indent >= example or not line):
            continue
        parts = _CODE.split(line)
        # The argument `*values:` is read as such.
        parts[::2] = [re.sub(r"(\*(?!\**\w+:)|\||_(?!\w))", r"\\\1", part) for part in parts[::2]]
        lines[index] = "".join(parts[:1] + [re.sub(r"^(?=\w)", r"\\ ", part) for part in parts[1:]])
        begins = line.endswith(":") and lines[index + 1 : index + 2] == [""] and len(lines) > index + 2
        example = indent + 4 if begins and lines[index + 2].startswith(" " * (indent + 4)) else 0
        lines[index] += ":" if example else ""


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", plain, priority=400)  # before the sections are read

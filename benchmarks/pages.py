"""Tables in pages: each between its own marks, so that a benchmark can write it again."""

import pathlib


def put(page: pathlib.Path, tables: dict[str, str]) -> None:
    """Puts tables where a page has marks for them, `<!-- NAME -->` and `<!-- end of NAME -->`."""
    text = page.read_text()
    for name, table in tables.items():
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- end of {name} -->\n")
        if not (begin and end):
            raise ValueError(f"{page} has no marks for the table {name!r}")
        text = before + begin + table + "\n" + end + after
    page.write_text(text)

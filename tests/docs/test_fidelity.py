"""The ledger of papers' numbers: each that a docstring quotes is in it, and the settings it states are those of the configs."""

import ast
import importlib
import pathlib
import re

import pytest

from jaxgan.registry import resolve

ROOT = pathlib.Path(__file__).parents[2]
ROWS = (
    "number",
    "batch",
    "steps",
    "optimiser",
    "schedules",
    "moving average",
    "initialisation",
    "epsilon of norms",
    "data",
    "labels",
    "evaluation",
    "we follow",
    "unknown",
)
# What a number of a paper looks like in a docstring, behind the semicolon of a command.
NUMBER = re.compile(
    r"(?:FID|IS|KID) \d[\d.]*|Parzen-window scores? -?\d[\d,]*(?: to \d+)?|\d[\d.]* % (?:(?:test )?error|accuracy)"
)


def quoted() -> dict[str, list[str]]:
    """The numbers that docstrings quote, by config and variant."""
    found = {}
    for path in sorted((ROOT / "configs").glob("*.py")):
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        for line in text.splitlines():
            command = re.match(r"python train\.py --config=configs/(\w+)\.py(?::(\w+))? +(.*)", line)
            numbers = NUMBER.findall(command[3] if command else line)
            if numbers:
                assert command and command[2], f"{path.name}: {line!r} quotes a number beside no variant's command"
                found[f"{command[1]}:{command[2]}"] = numbers
    return found


def sections() -> list[tuple[str, str]]:
    """Headings and what stands below each."""
    parts = re.split(r"^### (.*)\n", (ROOT / "docs" / "fidelity.md").read_text(), flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def variants(heading: str) -> dict[str, list[str]]:
    return {
        name: numbers.split(", ") if "Parzen" not in numbers else [numbers]
        for name, numbers in re.findall(r"`([\w:]+)` ([^`;]+)", heading)
    }


SECTIONS = sections()


def test_docstrings_quote_what_is_in_the_ledger_and_nothing_else():
    ledger = {}
    for heading, _ in SECTIONS:
        ledger |= variants(heading)
    assert ledger == quoted()


def lookup(config, path: str):
    path = re.sub(r"^G\.", "players.generator.", path)
    path = re.sub(r"^D\.", "players.discriminator.", path)
    for key in path.split("."):
        config = next(part for part in config if part.name == key) if isinstance(config, tuple) else config[key]
    return config


@pytest.mark.parametrize(("heading", "text"), SECTIONS, ids=[next(iter(variants(heading))) for heading, _ in SECTIONS])
def test_settings_are_those_of_the_configs(heading, text):
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
    assert tuple(rows[2:]) == ROWS
    configs = {}
    for each in variants(heading):
        name, variant = each.split(":")
        configs[each] = resolve(importlib.import_module(f"configs.{name}").get_config(variant))
    stated = re.findall(r"`(?:(\w+): )?([\w.]+)=([^`]+)`", text)
    assert len(stated) >= 8
    for only, path, value in stated:
        for each, config in configs.items():
            if only and only not in each.split(":"):
                continue
            assert lookup(config, path) == ast.literal_eval(value), (each, path)

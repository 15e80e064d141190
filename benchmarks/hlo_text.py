"""A compiled program as XLA prints it, read: computations, their instructions, and how arrays lie in memory."""

import dataclasses
import functools
import math
import re
from collections.abc import Iterator

CALLED = re.compile(r"(?:calls|body|to_apply|true_computation|false_computation)=%?([\w.\-]+)")
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
_SHAPE = re.compile(r"([a-z]\w*)\[([\d,<=]*)\](?:\{([^}]*)\})?")


@dataclasses.dataclass(frozen=True)
class Shape:
    """An array: its dtype and dimensions, and how it lies in memory.

    Attributes:
        dtype: As XLA calls it, "bf16".
        dims: Of each axis.
        order: Axes from the one that changes fastest on.
        tile: Multiples to which the fastest axes are filled up, slowest of them first; empty where they are not.
        space: 0 is the device's main memory.
    """

    dtype: str
    dims: tuple[int, ...]
    order: tuple[int, ...] = ()
    tile: tuple[int, ...] = ()
    space: int = 0

    @property
    def bytes(self) -> int:
        """Of the entries alone."""
        return math.ceil(math.prod(self.dims) * bits(self.dtype) / 8)

    @property
    def padded(self) -> int:
        """Bytes with what fills the tiles up."""
        dims = [self.dims[axis] for axis in self.order] if self.order else list(reversed(self.dims))
        for index, multiple in enumerate(reversed(self.tile[-len(dims) :] if dims else ())):
            dims[index] = -(-dims[index] // multiple) * multiple
        return math.ceil(math.prod(dims) * bits(self.dtype) / 8)


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One line of the text: `name = shapes opcode(operands), attributes`."""

    name: str
    shapes: tuple[Shape, ...]
    opcode: str
    operands: tuple[str, ...]
    attributes: str
    root: bool
    constant: str = ""

    def attribute(self, name: str) -> str:
        """The value of `name=...`, without braces; "" where it is absent."""
        found = re.search(rf"\b{name}=\{{?([^\s,}}]*(?:,\d+)*)", self.attributes)
        return found[1] if found else ""

    @property
    def scope(self) -> str:
        """Where in the Python program it comes from."""
        found = re.search(r'op_name="([^"]*)"', self.attributes)
        return found[1] if found else ""

    @property
    def target(self) -> str:
        """The function that a custom call calls."""
        found = re.search(r'custom_call_target="([^"]*)"', self.attributes)
        return found[1] if found else ""


class Module:
    """A program's computations by name, each a list of instructions.

    Args:
        text: Of `compiled.as_text()`, or `lowered.as_text(dialect="hlo", debug_info=True)`.
    """

    def __init__(self, text: str) -> None:
        self.computations: dict[str, list[Instruction]] = {}
        self.entry = ""
        current: list[Instruction] | None = None
        for line in text.splitlines():
            if line.endswith("{") and not line.startswith(" ") and (begun := re.match(r"(ENTRY )?%?([\w.\-]+)", line)):
                current = self.computations[begun[2]] = []
                self.entry = begun[2] if begun[1] else self.entry
            elif line.startswith("}"):
                current = None
            elif current is not None and (read := _instruction(line)):
                current.append(read)
        self._by_name = {
            computation: {each.name: each for each in body} for computation, body in self.computations.items()
        }

    def operands(self, computation: str, instruction: Instruction) -> list[Instruction]:
        """The instructions that it takes the results of."""
        names = self._by_name[computation]
        return [names[name] for name in instruction.operands if name in names]

    def live(self, computation: str) -> list[Instruction]:
        """The instructions that the result depends on: in a program that is not optimised yet, not all."""
        body = self.computations[computation]
        needed = {body[-1].name} | {each.name for each in body if each.root}
        for each in reversed(body):
            if each.name in needed:
                needed.update(each.operands)
        return [each for each in body if each.name in needed]

    def executed(self, computation: str = "", times: int = 1, fused: bool = False) -> Iterator["Executed"]:
        """Every instruction that runs, of the computations that are called too; both branches of a condition count."""
        computation = computation or self.entry
        for each in self.live(computation):
            yield Executed(self, computation, each, times, fused)
            inside = fused or each.opcode == "fusion"
            if each.opcode in ("fusion", "call", "while", "conditional", "async-start"):
                trips = _TRIPS.search(each.attributes) if each.opcode == "while" else None
                called = CALLED.findall(each.attributes)
                for names in _BRANCHES.findall(each.attributes):
                    called += [name.strip().lstrip("%") for name in names.split(",")]
                for name in called:
                    yield from self.executed(name, times * int(trips[1] if trips else 1), inside)


@dataclasses.dataclass(frozen=True)
class Executed:
    """An instruction where it runs: how often, and whether within a fusion."""

    module: Module
    computation: str
    instruction: Instruction
    times: int
    fused: bool

    def operands(self) -> list[Instruction]:
        """See `Module.operands`."""
        return self.module.operands(self.computation, self.instruction)


# ---- the text


def _instruction(line: str) -> Instruction | None:
    begun = re.match(r"\s+(ROOT )?%?([\w.\-]+) = ", line)
    if not begun:
        return None
    rest = line[begun.end() :]
    end = _closing(rest) if rest.startswith("(") else rest.index(" ")
    shapes, rest = tuple(map(_shape, _SHAPE.findall(rest[:end]))), rest[end:].lstrip()
    opcode, _, rest = rest.partition("(")
    end = _closing("(" + rest) - 1
    inside, attributes = rest[: end - 1], rest[end:]
    operands = tuple(part.split()[-1].lstrip("%") for part in inside.split(",") if part.strip())
    if opcode == "constant":
        return Instruction(begun[2], shapes, opcode, (), attributes, bool(begun[1]), inside)
    return Instruction(begun[2], shapes, opcode, operands, attributes, bool(begun[1]))


def _closing(text: str) -> int:
    """The place after the bracket that closes the first one."""
    depth = 0
    for index, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return index + 1
    return len(text)


@functools.cache
def _shape(parts: tuple[str, str, str]) -> Shape:
    dtype, dims, layout = parts
    order, _, how = layout.partition(":")
    tile, space = re.search(r"T\(([\d,]+)\)", how), re.search(r"S\((\d+)\)", how)
    return Shape(
        dtype, integers(dims), integers(order), integers(tile[1]) if tile else (), int(space[1]) if space else 0
    )


def integers(text: str) -> tuple[int, ...]:
    """The numbers of a list such as "3,0,2,1"."""
    return tuple(int(part.removeprefix("<=")) for part in text.split(",") if part)


@functools.cache
def bits(dtype: str) -> int:
    """Of an entry."""
    if dtype in ("token", "opaque"):
        return 0
    found = re.search(r"\d+", dtype)
    return int(found[0]) if found else 8  # pred

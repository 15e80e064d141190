"""What a compiled program computes, moves and exchanges, counted in XLA's text of it (`compiled.as_text()`).

Works on the optimised program of any platform: on a GPU convolutions and products are calls of cuDNN and cuBLAS or lie within
Triton's fusions, on a TPU products are convolutions, arrays have tiles, and some never leave the chip's own memory. What is
counted follows XLA's own cost analysis, which a GPU without a device does not offer: a convolution's products with padding and
with the zeros of a dilation do not count, a fusion reads its operands and writes its results once.
"""

import collections
import dataclasses
import functools
import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

COLLECTIVES = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute", "collective-broadcast")
# What no memory is read or written for.
_FREE = {"parameter", "constant", "tuple", "get-tuple-element", "bitcast", "after-all", "partition-id", "replica-id"}
_CALLED = re.compile(r"(?:calls|body|to_apply|true_computation|false_computation)=%?([\w.\-]+)")
_BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
_SHAPE = re.compile(r"([a-z]\w*)\[([\d,<=]*)\](?:\{([^}]*)\})?")
_NAMES = {"f32": "float32", "bf16": "bfloat16", "f16": "float16", "f64": "float64", "s8": "int8"}


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
        return math.ceil(math.prod(self.dims) * _bits(self.dtype) / 8)

    @property
    def padded(self) -> int:
        """Bytes with what fills the tiles up."""
        dims = [self.dims[axis] for axis in self.order] if self.order else list(reversed(self.dims))
        for index, multiple in enumerate(reversed(self.tile[-len(dims) :] if dims else ())):
            dims[index] = -(-dims[index] // multiple) * multiple
        return math.ceil(math.prod(dims) * _bits(self.dtype) / 8)


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
                called = _CALLED.findall(each.attributes)
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


# ---- arithmetic


def arithmetic(module: Module, scopes: Iterable[str] = (), distinct: bool = False) -> dict[str, int]:
    """Floating-point operations of products and convolutions, two for a multiplication and an addition, by data type.

    Args:
        module: The program.
        scopes: Count those alone that come from a place with one of these in its name; none: all.
        distinct: What is computed twice from the same numbers counts once: of a program that is not optimised yet.

    Returns:
        For each data type of what is multiplied (the wider of the two), such as "bfloat16".
    """
    counts: collections.Counter[str] = collections.Counter()
    chosen = re.compile("|".join(rf"\b{re.escape(scope)}\b" for scope in scopes))
    for each in _distinct(module) if distinct else module.executed():
        if chosen.search(each.instruction.scope) and (count := _products(each)):
            operands = [operand.shapes[0].dtype for operand in each.operands()[:2]]
            widest = max(operands, key=_bits)
            counts[_NAMES.get(widest, widest)] += 2 * count * each.times
    return dict(counts)


def _distinct(module: Module) -> list[Executed]:
    """What runs, without what gives the same value as something before it."""
    numbers: dict[Any, int] = {}
    found: list[Executed] = []

    def number(*key: Any) -> int:
        return numbers.setdefault(key, len(numbers))

    @functools.cache
    def content(computation: str) -> int:
        return walk(computation, None)

    def walk(computation: str, given: tuple[int, ...] | None) -> int:
        """The number of a computation's value: of the values given, or of itself where it is applied to anything."""
        values: dict[str, int] = {}
        for each in module.live(computation):
            operands = tuple(values.get(name, -1) for name in each.operands)
            if each.opcode == "parameter":
                place = int(each.operands[0])
                values[each.name] = number("parameter", place, each.shapes) if given is None else given[place]
            elif each.opcode == "call":
                values[each.name] = walk(_CALLED.findall(each.attributes)[0], operands)
            else:
                told = re.sub(r",? ?metadata=\{[^}]*\}", "", each.attributes)
                told = re.sub(_CALLED, lambda called: str(content(called[1])), told)
                before = len(numbers)
                values[each.name] = number(each.opcode, each.shapes, operands, each.constant, told)
                if len(numbers) > before:
                    found.append(Executed(module, computation, each, 1, False))
            last = values[each.name]
        return last

    walk(module.entry, None)
    return found


def _products(each: Executed) -> int:
    instruction, operands = each.instruction, [operand.shapes[0].dims for operand in each.operands()]
    result = instruction.shapes[0].dims
    if instruction.opcode == "dot":
        contracted = _integers(instruction.attribute("lhs_contracting_dims"))
        return math.prod(result) * math.prod(operands[0][axis] for axis in contracted)
    if instruction.opcode == "convolution" or instruction.target.startswith("__cudnn$convForward"):
        return _convolution(instruction, operands[0], operands[1], result)
    if instruction.target.startswith("__cudnn$convBiasActivationForward"):
        return _convolution(instruction, operands[0], operands[1], result)
    # The window and the labels of cuDNN's gradients are those of the convolution that they are gradients of.
    if instruction.target.startswith("__cudnn$convBackwardInput"):
        return _convolution(instruction, result, operands[1], operands[0])
    if instruction.target.startswith("__cudnn$convBackwardFilter"):
        return _convolution(instruction, operands[0], result, operands[1])
    if instruction.target.startswith("__cublas$"):
        contracted = re.search(r'"lhs_contracting_dimensions":(\[[^\]]*\])', instruction.attributes)
        axes = [int(axis) for axis in json.loads(contracted[1])] if contracted else []
        return math.prod(result) * math.prod(operands[0][axis] for axis in axes)
    return 0


def _convolution(
    instruction: Instruction, images: tuple[int, ...], kernel: tuple[int, ...], maps: tuple[int, ...]
) -> int:
    """Multiplications of a convolution, without those by padding and by a dilation's zeros."""
    found = re.search(r"dim_labels=(\w+)_(\w+)->(\w+)", instruction.attributes)
    assert found is not None, instruction
    of_images, of_kernel, of_maps = found.groups()
    groups = int(instruction.attribute("feature_group_count") or 1)
    batch_groups = int(instruction.attribute("batch_group_count") or 1)
    count = images[of_images.index("b")] // batch_groups
    count *= images[of_images.index("f")] // groups * kernel[of_kernel.index("o")]
    window = re.search(r"window=\{([^}]*)\}", instruction.attributes)
    fields = dict(field.split("=") for field in window[1].split()) if window else {}
    spatial = sorted(label for label in of_images if label.isdigit())
    for index, label in enumerate(spatial):

        def field(name: str, default: str, index: int = index) -> str:
            return fields[name].split("x")[index] if name in fields else default

        low, high = map(int, field("pad", "0_0").split("_"))
        count *= _valid(
            images[of_images.index(label)],
            maps[of_maps.index(label)],
            int(field("size", "1")),
            int(field("stride", "1")),
            low,
            int(field("lhs_dilate", "1")),
            int(field("rhs_dilate", "1")),
        )
    return count


@functools.cache
def _valid(size: int, places: int, window: int, stride: int, low: int, dilation: int, kernel_dilation: int) -> int:
    """Pairs of a place of the result and a tap along an axis that meet an entry of the image."""
    return sum(
        0 <= (at := place * stride - low + tap * kernel_dilation) <= (size - 1) * dilation and at % dilation == 0
        for place, tap in itertools.product(range(places), range(window))
    )


# ---- memory


@dataclasses.dataclass
class Traffic:
    """Bytes that a program reads from the main memory and writes to it.

    Attributes:
        bytes: Of the entries alone.
        padded: With what fills up tiles; equal to `bytes` where there are none.
        copies: Of them, what copies and transpositions read and write.
        number_of_copies: Copies and transpositions.
    """

    bytes: int = 0
    padded: int = 0
    copies: int = 0
    number_of_copies: int = 0


def traffic(module: Module) -> Traffic:
    """What a program moves; each fusion reads what it uses of its operands, and writes its results, once."""
    total = Traffic()
    for each in module.executed():
        opcode = each.instruction.opcode
        if each.fused or opcode in _FREE or opcode.endswith("-done"):
            continue
        if opcode in ("while", "conditional", "call", "async-start"):
            continue
        moved = [shape for shape in _moved(each) if shape.space == 0]
        total.bytes += each.times * sum(shape.bytes for shape in moved)
        total.padded += each.times * sum(shape.padded for shape in moved)
        if _rearranges(each):
            total.copies += each.times * sum(shape.padded for shape in moved)
            total.number_of_copies += each.times
    return total


def _moved(each: Executed) -> list[Shape]:
    """The arrays, or the parts of them, that an instruction reads and writes."""
    instruction, opcode = each.instruction, each.instruction.opcode
    operands = [shape for operand in each.operands() for shape in operand.shapes]
    if opcode == "fusion":
        return _moved_by_fusion(each)
    if opcode in ("slice", "dynamic-slice", "gather"):
        return [instruction.shapes[0], instruction.shapes[0], *operands[1:]]
    if opcode == "dynamic-update-slice":
        return [operands[1], operands[1]]
    if opcode == "scatter":
        return [*operands[1:], operands[-1], operands[-1]]
    if opcode.removesuffix("-start") in COLLECTIVES and opcode.endswith("-start"):
        return operands * 2
    if opcode.endswith("-start"):  # the result first, then what it is made of
        return [*operands, instruction.shapes[0]]
    # The working memory of a call of cuDNN is listed as a result.
    results = instruction.shapes[:1] if instruction.target.startswith("__cu") else instruction.shapes
    return [*operands, *results]


def _moved_by_fusion(each: Executed) -> list[Shape]:
    module, (name, *_) = each.module, _CALLED.findall(each.instruction.attributes)
    body = module.computations[name]
    users: dict[str, list[Instruction]] = collections.defaultdict(list)
    for inner in body:
        for operand in inner.operands:
            users[operand].append(inner)
    moved, given = [], each.operands()
    parameters = [inner for inner in body if inner.opcode == "parameter"]
    for parameter in parameters:
        number = int(parameter.operands[0])
        of_it = given[number].shapes if number < len(given) else parameter.shapes
        used = users[parameter.name]
        if used and all(user.opcode in ("slice", "dynamic-slice", "gather") for user in used):
            moved += [dataclasses.replace(user.shapes[0], space=of_it[0].space) for user in used]
        elif not (used and all(_updated_in_place(user, parameter) for user in used)):
            moved += of_it
    roots = [inner for inner in body if inner.root]
    if roots and roots[0].opcode == "tuple":
        roots = module.operands(name, roots[0])
    for root, result in zip(roots, each.instruction.shapes, strict=False):
        update = module.operands(name, root)[1].shapes[0] if root.opcode == "dynamic-update-slice" else result
        moved.append(dataclasses.replace(update, space=result.space))
    return moved


def _updated_in_place(user: Instruction, parameter: Instruction) -> bool:
    return user.opcode == "dynamic-update-slice" and user.operands[0] == parameter.name


def _rearranges(each: Executed) -> bool:
    """Whether an instruction, or the whole of a fusion, gives the same numbers in another order."""
    opcode = each.instruction.opcode
    if opcode != "fusion":
        return opcode in ("copy", "transpose")
    body = each.module.computations[_CALLED.findall(each.instruction.attributes)[0]]
    made = {inner.opcode for inner in body} - _FREE - {"convert", "reshape"}
    return bool(made) and made <= {"copy", "transpose"}


# ---- between devices


@dataclasses.dataclass
class Exchange:
    """What the devices send each other: how many times, and the bytes of each device's operands."""

    number: int = 0
    bytes: int = 0


def collectives(module: Module) -> dict[str, Exchange]:
    """What a program exchanges, by kind (`COLLECTIVES`)."""
    counts: dict[str, Exchange] = {}
    for each in module.executed():
        kind = each.instruction.opcode.removesuffix("-start")
        if kind in COLLECTIVES:
            entry = counts.setdefault(kind, Exchange())
            entry.number += each.times
            entry.bytes += each.times * sum(shape.bytes for operand in each.operands() for shape in operand.shapes)
    return counts


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
        dtype, _integers(dims), _integers(order), _integers(tile[1]) if tile else (), int(space[1]) if space else 0
    )


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(part.removeprefix("<=")) for part in text.split(",") if part)


@functools.cache
def _bits(dtype: str) -> int:
    if dtype in ("token", "opaque"):
        return 0
    found = re.search(r"\d+", dtype)
    return int(found[0]) if found else 8  # pred

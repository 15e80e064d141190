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
from collections.abc import Iterable
from typing import Any

from benchmarks.hlo_text import CALLED, Executed, Instruction, Module, Shape, bits, integers

COLLECTIVES = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute", "collective-broadcast")
# What no memory is read or written for.
_FREE = {"parameter", "constant", "tuple", "get-tuple-element", "bitcast", "after-all", "partition-id", "replica-id"}
_NAMES = {"f32": "float32", "bf16": "bfloat16", "f16": "float16", "f64": "float64", "s8": "int8"}


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
            widest = max(operands, key=bits)
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
                values[each.name] = walk(CALLED.findall(each.attributes)[0], operands)
            else:
                told = re.sub(r",? ?metadata=\{[^}]*\}", "", each.attributes)
                told = re.sub(CALLED, lambda called: str(content(called[1])), told)
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
        contracted = integers(instruction.attribute("lhs_contracting_dims"))
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

        low = int(field("pad", "0_0").split("_")[0])
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
    module, (name, *_) = each.module, CALLED.findall(each.instruction.attributes)
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
    body = each.module.computations[CALLED.findall(each.instruction.attributes)[0]]
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

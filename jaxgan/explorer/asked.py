"""What a page asks for, read as data: every value has a kind and bounds, and all else is refused in one line."""

import base64
import binascii
import io
import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from jaxgan.core import scene_graph
from jaxgan.core.abilities import CHOICE, DOMAIN, GRAPH, LABEL, STRENGTH, TEXT, Ability
from jaxgan.core.arrays import ArraySpec
from jaxgan.core.snapshot import Snapshot
from jaxgan.core.text import encode
from jaxgan.data.transform import Transform, upright
from jaxgan.errors import UserError, nearest
from jaxgan.foreign import MIB, open_picture, shown

SEEDS = 2**32
MAX_PICTURE = 16 * MIB  # bytes of a picture that is dropped
_LONGEST = 1000  # letters of a text


class Asked:
    """A request's fields, by name; each is read once, and `done` refuses what nobody read.

    Args:
        fields: What the JSON of the request says.

    Raises:
        UserError: It is no object of fields.
    """

    def __init__(self, fields: Any) -> None:
        if not isinstance(fields, Mapping):
            raise UserError("a request is an object of fields by name, as the page sends it")
        self._fields = {name: value for name, value in fields.items() if value is not None}

    def integer(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number in [low, high]."""
        value = self._fields.pop(name, default)
        if type(value) is not int or not low <= value <= high:
            raise UserError(f"{name} is {_told(value)}, but it must be a whole number from {low} to {high}")
        return value

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float | None:
        """A number in [low, high]; None where it is not given and has no default."""
        value = self._fields.pop(name, default)
        return None if value is None else _number(name, value, low, high)

    def numbers(self, name: str, most: int, low: float, high: float) -> list[float]:
        """At most so many numbers in [low, high]; none where they are not given."""
        values = self._fields.pop(name, [])
        if not isinstance(values, list) or len(values) > most:
            raise UserError(f"{name} must be a list of at most {most} numbers")
        return [_number(name, value, low, high) for value in values]

    def choice(self, name: str, choices: Collection[str], default: str | None = None) -> str | None:
        """One of the words; None where it is not given and has no default."""
        value = self._fields.pop(name, default)
        if value is not None and (not isinstance(value, str) or value not in choices):
            raise UserError(f"{name} is {_told(value)}: {nearest(_told(value), choices)}")
        return value

    def text(self, name: str) -> str | None:
        """A text of one line."""
        value = self._fields.pop(name, None)
        if value is not None and (not isinstance(value, str) or len(value) > _LONGEST or not shown(value)):
            raise UserError(f"{name} must be a text of at most {_LONGEST} letters that can be shown")
        return value or None

    def fields(self, name: str) -> "Asked | None":
        """Fields within a field."""
        value = self._fields.pop(name, None)
        return None if value is None else Asked(value)

    def several(self, name: str, most: int) -> list["Asked"]:
        """A list of 1 to `most` such fields."""
        values = self._fields.pop(name, None)
        if not isinstance(values, list) or not 1 <= len(values) <= most:
            raise UserError(f"{name} must be a list of 1 to {most} objects")
        return [Asked(value) for value in values]

    def picture(self, name: str, spec: ArraySpec, data: ConfigDict) -> np.ndarray | None:
        """A picture as the game sees it, float32 (H, W, C) in [-1, 1]: resized as in training, at its centre.

        Args:
            name: Of the field, which holds the file's bytes in base64.
            spec: What the game's images are like.
            data: The run's `config.data`.
        """
        value = self._fields.pop(name, None)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > -(-MAX_PICTURE // 3) * 4:
            raise UserError(f"{name} must be a picture of at most {MAX_PICTURE // MIB} MiB")
        height, width, channels = spec.shape
        resize = Transform((height, width), resize=data.resize, resample=data.resample, channels=channels)
        try:
            with open_picture(io.BytesIO(base64.b64decode(value, validate=True))) as picture:
                pixels = resize(upright(picture), None, name)
        except (MemoryError, UserError):
            raise
        except binascii.Error:
            raise UserError(f"{name} is no picture in base64") from None
        except Exception as error:  # whatever a decoder raises on broken bytes
            raise UserError(f"{name} cannot be read as a picture ({' '.join(str(error).split())[:120]})") from None
        return pixels.astype(np.float32) / 127.5 - 1.0

    def arguments(self, declared: Ability, snapshot: Snapshot, name: str) -> dict[str, Any]:
        """The values of an ability's arguments that are no images or latents, for one image; labels are left as they are.

        Args:
            declared: The ability.
            snapshot: Whose it is.
            name: What it is called.
        """
        given: dict[str, Any] = {}
        for each, argument in declared.takes.items():
            if argument.kind == LABEL:
                given[each] = self.label(each, len(snapshot.classes(name)))
            elif argument.kind in (DOMAIN, CHOICE):
                given[each] = self.choice(each, argument.choices)
            elif argument.kind == STRENGTH:
                given[each] = self.number(each, *(argument.bounds or (0.0, math.inf)))
                if given[each] is not None:
                    argument.check_strength(each, given[each])
            elif argument.kind == TEXT and (text := self.text(each)) is not None:
                given[each] = encode(text, snapshot.arrays[argument.array].shape[-1], each)[None]
            elif argument.kind == GRAPH and (text := self.text(each)) is not None:
                given[each] = scene_graph.parse(text, each)[None]
            if argument.required and argument.kind in (TEXT, GRAPH) and each not in given:
                raise UserError(f"{each} is empty: write {argument.help}")
        return {each: value for each, value in given.items() if value is not None}

    def label(self, name: str, classes: int) -> int | None:
        """A class by its number; None where it is not given."""
        return None if name not in self._fields else self.integer(name, 0, classes - 1)

    def done(self) -> None:
        """Refuses fields that were not read."""
        if self._fields:
            raise UserError(f"{', '.join(map(_told, self._fields))}: there is nothing of this name to ask for")


def _number(name: str, value: Any, low: float, high: float) -> float:
    if type(value) not in (int, float) or not (math.isfinite(value) and low <= value <= high):
        raise UserError(f"{name} is {_told(value)}, but it must be a number from {low:g} to {high:g}")
    return float(value)


def _told(value: Any) -> str:
    """A value of somebody else's for a line: short, and of plain characters."""
    return f"{value!a}"[:60]

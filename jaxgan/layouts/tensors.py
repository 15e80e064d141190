"""The tensors of a state dict, taken one by one: each once, in this library's order of axes."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from jaxgan.errors import UserError

Tree = dict[str, Any]

# What a state dict keeps for training alone.
_UNUSED = re.compile(r"(^|\.)(num_batches_tracked|accumulation_counter|sv\d+|u[1-9]\d*|resample_filter|noise_const)$")


class Tensors:
    """A state dict.

    Args:
        tensors: By name; "module." before all of them, as of `DataParallel`, is left out.
        where: Its file, for errors.
        layout: What it should be like, for errors.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], where: object, layout: str) -> None:
        bare = {name.removeprefix("module."): array for name, array in tensors.items()}
        self._left, self._where, self._layout = bare, where, layout

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def take(self, name: str, axes: int | None = None) -> np.ndarray:
        """A tensor, float32.

        Raises:
            UserError: There is none, it has another number of axes, or a number in it is not finite.
        """
        if name not in self._left:
            raise self.refused(f"it has no tensor {name}")
        array = self._left.pop(name)
        if axes is not None and array.ndim != axes:
            raise self.refused(f"its {name} has the shape {array.shape}, not {axes} axes")
        if array.dtype.kind != "f" and str(array.dtype) != "bfloat16":
            raise self.refused(f"its {name} is of {array.dtype}, not of floats")
        array = np.asarray(array, np.float32)
        if not np.isfinite(array).all():
            raise self.refused(f"its {name} holds numbers that are not finite")
        return array

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor that is still to be taken, with its spectral norm or without.

        Raises:
            UserError: There is none.
        """
        found = self._left.get(name, self._left.get(f"{name}_orig"))
        if found is None:
            raise self.refused(f"it has no tensor {name}")
        return found.shape

    def count(self, pattern: str) -> int:
        """How many indices there are: the largest that a pattern with one group finds in a name, and one."""
        found = (re.match(pattern, name) for name in self._left)
        return max((int(match[1]) for match in found if match), default=-1) + 1

    def weight(self, name: str, axes: int) -> np.ndarray:
        """A weight as its layer computes with it when nothing is trained: divided by its largest singular value, if it is so.

        BigGAN-PyTorch keeps "u0" beside the weight, and takes another power iteration from it each time; PyTorch's own spectral
        norm keeps both vectors, "weight_u" and "weight_v", and takes none.
        """
        before = name.removesuffix("weight")
        if f"{name}_orig" in self:
            weight, u, v = self.take(f"{name}_orig", axes), self.take(f"{name}_u", 1), self.take(f"{name}_v", 1)
            matrix = weight.reshape(len(weight), -1).astype(np.float64)
            return (weight / (u @ matrix @ v)).astype(np.float32)
        weight = self.take(name, axes)
        if f"{before}u0" in self:
            matrix = weight.reshape(len(weight), -1).astype(np.float64)
            v = _normal(self.take(f"{before}u0", 2)[0] @ matrix)
            weight = (weight / (_normal(matrix @ v) @ matrix @ v)).astype(np.float32)
        return weight

    def convolution(self, name: str) -> Tree:
        """(D, C, h, w) as `jaxgan.layers.Conv` has it, (h, w, C, D), with its bias if there is one."""
        return self._biased(name, self.weight(f"{name}.weight", 4).transpose(2, 3, 1, 0))

    def up_convolution(self, name: str) -> Tree:
        """(C, D, h, w) as `jaxgan.layers.UpConv` has it, (h, w, C, D), with its bias if there is one."""
        return self._biased(name, self.weight(f"{name}.weight", 4).transpose(2, 3, 0, 1))

    def dense(self, name: str) -> Tree:
        """(D, C) as (C, D), with its bias if there is one."""
        return self._biased(name, self.weight(f"{name}.weight", 2).T)

    def first_map(self, name: str, height: int, width: int) -> Tree:
        """A dense layer whose results are a map: there by channel and place, here by place and channel."""
        tree = self.dense(name)
        places = lambda array: np.moveaxis(array.reshape(*array.shape[:-1], -1, height, width), -3, -1)  # noqa: E731
        return {key: places(array).reshape(array.shape) for key, array in tree.items()}

    def done(self) -> None:
        """Checks that nothing is left that a network would compute with.

        Raises:
            UserError: Something is.
        """
        if left := [name for name in self._left if not _UNUSED.search(name)]:
            raise self.refused(f"it has the tensor {left[0]!a}, which that layout does not have")

    def refused(self, reason: str) -> UserError:
        """The error of a file that is not as it should be."""
        return UserError(f"{self._where} is no generator in the layout {self._layout}: {reason}")

    def _biased(self, name: str, kernel: np.ndarray) -> Tree:
        bias = {"bias": self.take(f"{name}.bias", 1)} if f"{name}.bias" in self else {}
        return {"kernel": np.ascontiguousarray(kernel), **bias}


def statistics(tensors: Tensors, mean: str, variance: str) -> Tree:
    """What a batch norm has found in training."""
    return {"mean": tensors.take(mean, 1), "var": tensors.take(variance, 1)}


def first_of(tensors: Tensors, names: Iterable[str]) -> str:
    """The first of these names that there is, else the last of them."""
    names = list(names)
    return next((name for name in names if name in tensors), names[-1])


def _normal(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)

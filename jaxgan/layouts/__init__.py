"""Weights of other programs: from the names and axes of their state dicts to those of this library's networks."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from jaxgan.errors import UserError, nearest
from jaxgan.layouts.biggan import biggan_pytorch, studiogan
from jaxgan.layouts.converted import Converted
from jaxgan.layouts.cyclegan import cyclegan
from jaxgan.layouts.mimicry import mimicry
from jaxgan.layouts.stylegan2_ada import stylegan2_ada
from jaxgan.layouts.tensors import Tensors

__all__ = ["LAYOUTS", "Converted", "convert"]


def _single(layout: Callable[[Tensors], Converted]) -> Callable[[Sequence[Tensors]], Converted]:
    def of(files: Sequence[Tensors]) -> Converted:
        if len(files) > 1:
            raise UserError(f"the layout {layout.__name__} is of one file, a generator, but {len(files)} are given")
        return layout(files[0])

    return of


LAYOUTS: dict[str, Callable[[Sequence[Tensors]], Converted]] = {
    "biggan_pytorch": _single(biggan_pytorch),
    "cyclegan": cyclegan,
    "mimicry": _single(mimicry),
    "studiogan": _single(studiogan),
    "stylegan2_ada": _single(stylegan2_ada),
}


def convert(files: Mapping[str, Mapping[str, np.ndarray]], layout: str) -> Converted:
    """Reads state dicts in a published layout.

    Args:
        files: Their tensors, by the files' names, in order.
        layout: One of `LAYOUTS`.

    Raises:
        UserError: There is no such layout, or a file is not in it.
    """
    if layout not in LAYOUTS:
        raise UserError(f"--layout={layout}: there is no such layout: {nearest(layout, LAYOUTS)}")
    if not 1 <= len(files) <= 2:
        raise UserError(f"{len(files)} files are given: a layout has one, or for cyclegan one or two")
    tensors = [Tensors(arrays, where, layout) for where, arrays in files.items()]
    made = LAYOUTS[layout](tensors)
    for each in tensors:
        each.done()
    return made

"""Images of any size: a tile at a time for networks that see only so far, for others whole, with sides that they take."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

_INNER = 64  # pixels of a tile on each side, without what is there for its surroundings


class Tiling(NamedTuple):
    """How an ability takes images of any size, and how much of them at a time.

    Tiles overlap. Of each, what its network has seen whole is kept: all but a margin of `reach` pixels along the sides that are
    cut, where a network that pads with zeros takes these for the image's border.

    Attributes:
        factor: Its images have so many times the sides of those that it is given.
        reach: Pixels of the image given, on each side of its own, that a pixel of the result depends on; None where it depends
            on all, as it does behind instance norm: there are no tiles.
        multiple: What the networks want to divide both sides of an image. It is filled up to such sides by reflection, at the
            bottom and on the right, and the result is cut back.
        least: The smallest such side that they take.
    """

    factor: int
    reach: int | None
    multiple: int = 1
    least: int = 1

    @property
    def side(self) -> int:
        """Of a tile, in pixels of the image given."""
        assert self.reach is not None
        return _INNER + 2 * self.reach

    def sides(self, height: int, width: int) -> tuple[int, int]:
        """The sides of the largest image that comes of one of these sides, on the way or in the end."""
        high, wide = (max(-(-side // self.multiple) * self.multiple, self.least) for side in (height, width))
        return high * self.factor, wide * self.factor

    def __call__(self, enlarge: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> np.ndarray:
        """Enlarges images.

        Args:
            enlarge: Images (B, h, w, C), h and w at most `side`, to images (B, factor * h, factor * w, C').
            images: float32 (N, H, W, C), of any size.

        Returns:
            float32 (N, factor * H, factor * W, C').
        """
        height, width = images.shape[1:3]
        if self.reach is None:
            high, wide = (side // self.factor for side in self.sides(height, width))
            filled = np.pad(images, ((0, 0), (0, high - height), (0, wide - width), (0, 0)), "reflect")
            return enlarge(filled)[:, : height * self.factor, : width * self.factor]
        rows, columns = self._pieces(height), self._pieces(width)
        if len(rows) == len(columns) == 1:
            return enlarge(images)
        high, wide = min(height, self.side), min(width, self.side)
        results = []
        for image in images:
            tiles = [image[top : top + high, left : left + wide] for top, _, _ in rows for left, _, _ in columns]
            made = iter(enlarge(np.stack(tiles)))
            whole: np.ndarray | None = None
            for top, above, below in rows:
                for left, before, behind in columns:
                    tile = next(made)
                    if whole is None:
                        whole = np.empty((height * self.factor, width * self.factor, tile.shape[2]), tile.dtype)
                    kept = tile[self._scaled(above - top, below - top)][:, self._scaled(before - left, behind - left)]
                    whole[self._scaled(above, below), self._scaled(before, behind)] = kept
            results.append(whole)
        return np.stack(results)  # type: ignore[arg-type]  # no list is empty

    def _scaled(self, first: int, last: int) -> slice:
        return slice(first * self.factor, last * self.factor)

    def _pieces(self, length: int) -> list[tuple[int, int, int]]:
        """Along one axis: where each tile begins, and from where to where it is kept; what is kept covers the axis once."""
        assert self.reach is not None
        if length <= self.side:
            return [(0, 0, length)]
        pieces, kept = [], 0
        while kept < length:
            start = min(max(0, kept - self.reach), length - self.side)
            end = length if start + self.side == length else start + self.side - self.reach
            pieces.append((start, kept, end))
            kept = end
        return pieces

"""Two domains: records of two image sources, as pairs or each on its own. The domains may differ in size and channels."""

import numpy as np

from jaxgan.data.errors import DataError
from jaxgan.data.sources import ImageSource, Record, Source


class _Pair(Source):
    """What aligned and unaligned pairs of sources share."""

    def __init__(self, name: str, a: ImageSource, b: ImageSource, domains: tuple[str, str] = ("A", "B")) -> None:
        a.check_batchable()
        b.check_batchable()
        self.name, self.a, self.b, self.domains = name, a, b, domains
        self.arrays = {"a": a.arrays["image"], "b": b.arrays["image"]}
        self.flip, self.fixed = a.flip, a.fixed and b.fixed

    @property
    def unreadable(self) -> int:
        return self.a.unreadable + self.b.unreadable


class AlignedPair(_Pair):
    """Record i is {"a", "b"}: record i of both sources, cropped and flipped alike (and "label", where `a` has labels).

    Args:
        name: What the source is called in messages.
        a: Domain A.
        b: Domain B, as long as `a`.
        domains: What people call the two.

    Raises:
        DataError: The images of a domain differ in size, or random crops of two sizes would have to be alike.
    """

    def __init__(self, name: str, a: ImageSource, b: ImageSource, domains: tuple[str, str] = ("A", "B")) -> None:
        super().__init__(name, a, b, domains)
        sizes = a.transform.image_size, b.transform.image_size
        if not self.fixed and sizes[0] != sizes[1]:
            raise DataError(
                f"data.crop='random' cannot crop the aligned images of {name} alike, of sizes {sizes[0]} and {sizes[1]}; "
                "set data.crop='centre', or one size for both"
            )
        if "label" in a.arrays:
            self.arrays["label"] = a.arrays["label"]

    def __len__(self) -> int:
        return len(self.a)

    def record(self, index: int, draw: np.ndarray | None) -> Record:
        for ahead in range(len(self)):
            at = (index + ahead) % len(self)
            a, b = self.a.read(at, draw), self.b.read(at, draw)
            if a is not None and b is not None:  # a pair is skipped as a whole
                return {"a": a.pop("image"), "b": b["image"], **a}
        raise DataError(f"none of the {len(self)} pairs of {self.name} can be read; check data.path")


class UnalignedPair(_Pair):
    """Records of two domains that have nothing to do with each other; each domain has its own order and its own epochs.

    A record has a "label", that of its image of domain A, where `a` has labels.

    `len` is that of the larger domain. By index, the smaller one starts over.

    Args:
        name: What the source is called in messages.
        a: Domain A.
        b: Domain B.
        domains: What people call the two.

    Raises:
        DataError: The images of a domain differ in size.
    """

    def __init__(self, name: str, a: ImageSource, b: ImageSource, domains: tuple[str, str] = ("A", "B")) -> None:
        super().__init__(name, a, b, domains)
        self.arrays |= self.parts[0].arrays

    def __len__(self) -> int:
        return max(len(self.a), len(self.b))

    @property
    def parts(self) -> tuple[Source, ...]:
        return (_Named(self.a, "a", labels=True), _Named(self.b, "b"))

    def record(self, index: int, draw: np.ndarray | None) -> Record:
        joined: Record = {}
        for part in self.parts:
            joined |= part.record(index % len(part), draw)
        return joined


class _Named(Source):
    """A source's images under another key, with their labels if they have some and these are wanted."""

    def __init__(self, source: Source, key: str, labels: bool = False) -> None:
        self._source = source
        self._keys = {"image": key} | ({"label": "label"} if labels and "label" in source.arrays else {})
        self.name, self.arrays = source.name, {new: source.arrays[old] for old, new in self._keys.items()}
        self.flip, self.fixed = source.flip, source.fixed

    def __len__(self) -> int:
        return len(self._source)

    def record(self, index: int, draw: np.ndarray | None) -> Record:
        record = self._source.record(index, draw)
        return {new: record[old] for old, new in self._keys.items()}

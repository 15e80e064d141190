"""Domains: records of several image sources, of one object in all of them or each on its own.

The domains of aligned sources may differ in size and channels, and so may those of two unaligned ones.
"""

from collections.abc import Sequence

import numpy as np

from jaxgan.core.arrays import MOST_DOMAINS, domain_arrays
from jaxgan.data.errors import DataError
from jaxgan.data.images import ImageSource
from jaxgan.data.sources import Record, Source


class _Domains(Source):
    """What aligned and unaligned domains share: the images of each are an array of their own, "a", "b", "c" ..."""

    def __init__(
        self, name: str, sources: Sequence[ImageSource], domains: Sequence[str], metrics: tuple[str, ...]
    ) -> None:
        if not 2 <= len(sources) <= MOST_DOMAINS:
            raise DataError(f"{name} has {len(sources)} domains; choose 2 to {MOST_DOMAINS} by data.domains")
        for source in sources:
            source.check_batchable()
        self.name, self.domains, self.sources, self.metrics = name, tuple(domains), tuple(sources), metrics
        self.arrays = {key: source.arrays["image"] for key, source in self._by_array()}
        self.flip, self.fixed = sources[0].flip, all(source.fixed for source in sources)

    def _by_array(self) -> list[tuple[str, ImageSource]]:
        return list(zip(domain_arrays(len(self.sources)), self.sources, strict=True))

    @property
    def unreadable(self) -> int:
        return sum(source.unreadable for source in self.sources)


class AlignedDomains(_Domains):
    """Record i is {"a", "b", ...}: record i of all sources, cropped and flipped alike (and "label", where the first has them).

    Args:
        name: What the source is called in messages.
        sources: The domains, all of one length.
        domains: What people call them.
        metrics: As in `Source`.

    Raises:
        DataError: The images of a domain differ in size, random crops of several sizes would have to be alike, or there are
            too few or too many domains.
    """

    def __init__(
        self, name: str, sources: Sequence[ImageSource], domains: Sequence[str], metrics: tuple[str, ...] = ()
    ) -> None:
        super().__init__(name, sources, domains, metrics)
        first, *others = (source.transform.image_size for source in sources)
        if not self.fixed and (differing := [size for size in others if size != first]):
            crop = sources[0].transform.crop
            raise DataError(
                f"data.crop={crop!r} cannot crop the aligned images of {name} alike, of sizes {first} and {differing[0]}; "
                "set data.crop='centre', or one size for both"
            )
        if "label" in sources[0].arrays:
            self.arrays["label"] = sources[0].arrays["label"]

    def __len__(self) -> int:
        return len(self.sources[0])

    def record(self, index: int, draw: np.ndarray | None) -> Record:
        for ahead in range(len(self)):
            at = (index + ahead) % len(self)
            read = {key: source.read(at, draw) for key, source in self._by_array()}
            records = {key: record for key, record in read.items() if record is not None}
            if len(records) == len(read):  # what lacks one of its images is skipped as a whole
                rest = {key: value for key, value in records["a"].items() if key != "image"}
                return {key: record["image"] for key, record in records.items()} | rest
        raise DataError(f"none of the {len(self)} pairs of {self.name} can be read; check data.path")


class UnalignedDomains(_Domains):
    """Records of domains that have nothing to do with each other; each domain has its own order and its own epochs.

    A record has a "label", that of its image of the first domain, where this has labels and what is beside has none.

    `len` is that of the largest domain. By index, the smaller ones start over.

    Args:
        name: What the source is called in messages.
        sources: The domains.
        domains: What people call them.
        beside: Images that belong to none of the domains, such as those with attributes: they keep their own arrays.
        metrics: As in `Source`.

    Raises:
        DataError: The images of a domain differ in size, or there are too few or too many domains.
    """

    def __init__(
        self,
        name: str,
        sources: Sequence[ImageSource],
        domains: Sequence[str],
        beside: ImageSource | None = None,
        metrics: tuple[str, ...] = (),
    ) -> None:
        super().__init__(name, sources, domains, metrics)
        self._beside = () if beside is None else (beside,)
        for source in self._beside:
            source.check_batchable()
            self.arrays |= source.arrays
            self.fixed &= source.fixed
        self.arrays |= self.parts[0].arrays

    def __len__(self) -> int:
        return max(len(part) for part in self.parts)

    @property
    def parts(self) -> tuple[Source, ...]:
        labelled = not any("label" in source.arrays for source in self._beside)
        named = (_Named(source, key, labels=labelled and key == "a") for key, source in self._by_array())
        return (*named, *self._beside)

    @property
    def unreadable(self) -> int:
        return super().unreadable + sum(source.unreadable for source in self._beside)

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

"""Several domains in one set: each image says which it is of."""

from collections.abc import Sequence

import numpy as np

from jaxgan.data.errors import DataError
from jaxgan.data.sources import ImageSource, Record, Source
from jaxgan.data.specs import label_spec


class SeveralDomains(Source):
    """The records of several sources, one source after the other, each record with its "domain", an int32 label.

    Args:
        name: What the source is called in messages.
        sources: One for each domain, of images of one size.
        names: What the domains are called.

    Raises:
        DataError: Images differ in size.
    """

    def __init__(self, name: str, sources: Sequence[ImageSource], names: Sequence[str]) -> None:
        for source in sources:
            source.check_batchable()
            if source.arrays != sources[0].arrays:
                raise DataError(f"the domains of {name} have images or classes that differ; make them alike")
        self.name, self._sources = name, tuple(sources)
        self.arrays = {**sources[0].arrays, "domain": label_spec(names)}
        self.flip, self.fixed = sources[0].flip, all(source.fixed for source in sources)
        self._ends = np.cumsum([len(source) for source in sources])

    def __len__(self) -> int:
        return int(self._ends[-1])

    @property
    def unreadable(self) -> int:
        return sum(source.unreadable for source in self._sources)

    def record(self, index: int, draw: np.ndarray | None) -> Record:
        domain = int(np.searchsorted(self._ends, index, side="right"))
        before = self._ends[domain - 1] if domain else 0
        return {**self._sources[domain].record(index - int(before), draw), "domain": np.int32(domain)}
